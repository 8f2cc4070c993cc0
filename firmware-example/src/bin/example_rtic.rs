//! Spans under RTIC: of a hardware task, which hands one on to a software task.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[rtic::app(device = microspan_firmware::board::an386::device, peripherals = false, dispatchers = [UARTRX0])]
mod app {
    use microspan::{Arena, CortexM, Detached, Drain, InSpan, Session, Stream, Tracer};
    use microspan_firmware::board::an386::{self, DualTimer, UART0, device::Interrupt};
    use microspan_firmware::board::cmsdk_uart::Uart;
    use microspan_firmware::board::host;

    static ARENA: Arena<16, 32> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).context(&CortexM).service("scale");

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        drain: Drain<256>,
        link: Stream<Uart>,
    }

    #[init]
    fn init(_: init::Context) -> (Shared, Local) {
        an386::start();
        let Some(drain) = Drain::new(&TRACER, Session::new(host::entropy(0))) else {
            panic!("the tracer has a drain already");
        };
        (Shared {}, Local { drain, link: Stream::new(UART0.start()) })
    }

    #[idle(local = [drain, link])]
    fn idle(own: idle::Context) -> ! {
        for _ in 0..2 {
            rtic::pend(Interrupt::TIMER0);
            while let Ok(true) = own.local.drain.poll(own.local.link) {}
        }
        host::exit(true)
    }

    /// The interrupt of a timer.
    #[task(binds = TIMER0, priority = 2)]
    fn sample(_: sample::Context) {
        let span = TRACER.trace("sample");
        span.set_tag("raw", 1_187u32);
        // The wait for the task is in its span.
        if weigh::spawn(1_187, TRACER.trace("weigh").detach()).is_err() {
            span.set_error_info("Busy", "the last sample is not weighed yet");
        }
    }

    /// A task of less priority.
    #[task(priority = 1)]
    async fn weigh(_: weigh::Context, raw: u32, span: Detached) {
        let weigh = async {
            TRACER.trace("convert").set_tag("grams", raw * 2);
        };
        weigh.in_span(span).await;
    }

    /// The clock.
    #[task(binds = DUALTIMER, priority = 3)]
    fn tick(_: tick::Context) {
        an386::on_interrupt(Interrupt::DUALTIMER as i16);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("example_rtic runs on a Cortex-M4: cargo test -p microspan-tests --test examples");
}
