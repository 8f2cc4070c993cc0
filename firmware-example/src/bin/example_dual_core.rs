//! Two cores with one tracer: each has a current span of its own, and the first sends the spans of both.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicBool, Ordering};

    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, Cores, CortexM, Detached, Drain, Session, Stream, Tracer};
    use microspan_firmware::board::an521::{self, DualTimer, UART0};
    use microspan_firmware::board::host;
    use static_cell::StaticCell;

    // Room for two cores, and a context that tells them apart.
    static ARENA: Arena<16, 32, 2> = Arena::new();
    static CONTEXT: Cores<CortexM> = Cores::new(an521::core_id, CortexM);
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).context(&CONTEXT).service("camera");
    static FILTERED: AtomicBool = AtomicBool::new(false);

    #[entry]
    fn main() -> ! {
        an521::start();
        let capture = TRACER.trace("frame.capture");
        // A span may go to another core. This one is a child of `capture`, wherever it is finished.
        static FILTER: StaticCell<Option<Detached>> = StaticCell::new();
        let filter = FILTER.init(Some(TRACER.trace("frame.filter").detach()));
        an521::start_second(filter, second);
        while !FILTERED.load(Ordering::Acquire) {
            core::hint::spin_loop();
        }
        TRACER.trace("frame.store").set_tag("bytes", 4_096u32);
        capture.finish();

        let Some(mut drain) = Drain::<256>::new(&TRACER, Session::new(host::entropy(0))) else {
            panic!("the tracer has a drain already");
        };
        let mut link = Stream::new(UART0.start());
        while let Ok(true) = drain.poll(&mut link) {}
        host::exit(true)
    }

    /// The second core.
    fn second(filter: &'static mut Option<Detached>) -> ! {
        // The current span of the first core is not the one of this.
        TRACER.trace("wake").set_tag("core", an521::core_id());
        if let Some(filter) = filter.take() {
            filter.set_tag("core", an521::core_id());
            filter.enter(|| TRACER.trace("fir").set_tag("taps", 16u32).is_recording());
        }
        FILTERED.store(true, Ordering::Release);
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        an521::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("example_dual_core runs on two Cortex-M33: cargo test -p microspan-tests --test examples");
}
