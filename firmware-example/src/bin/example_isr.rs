//! Spans of an interrupt: children of what it interrupted, or traces of their own where it interrupted nothing.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, CortexM, Drain, Session, Stream, Tracer};
    use microspan_firmware::board::an386::{self, DualTimer, TIMER0, UART0};
    use microspan_firmware::board::host;

    static ARENA: Arena<16, 32> = Arena::new();
    // The context says in which interrupt a span starts.
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).context(&CortexM).service("motor");

    #[entry]
    fn main() -> ! {
        an386::start();
        TIMER0.listen(1);
        let control = TRACER.trace("control");
        TIMER0.pend(); // It comes here..
        TRACER.trace("pwm.write").set_tag("duty", 40u32);
        control.finish();
        TIMER0.pend(); // ..and here, where no span is open.

        let Some(mut drain) = Drain::<256>::new(&TRACER, Session::new(host::entropy(0))) else {
            panic!("the tracer has a drain already");
        };
        let mut link = Stream::new(UART0.start());
        while let Ok(true) = drain.poll(&mut link) {}
        host::exit(true)
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        if !TIMER0.is(number) {
            return an386::on_interrupt(number);
        }
        let _span = TRACER.trace("encoder.tick");
        TRACER.trace("encoder.read").set_tag("position", 1_187u32);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("example_isr runs on a Cortex-M4: cargo test -p microspan-tests --test examples");
}
