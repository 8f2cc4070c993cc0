//! Spans in a main loop. Between two rounds the loop sends what has been finished over a serial line.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, Drain, Session, Static, Stream, Tracer};
    use microspan_firmware::board::an386::{self, DualTimer, UART0};
    use microspan_firmware::board::host;

    // 16 spans, 32 tag cells: 1 KB.
    static ARENA: Arena<16, 32> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).service("thermostat");

    #[entry]
    fn main() -> ! {
        an386::start();
        let mut link = Stream::new(UART0.start());
        // 64 random bits name this run; 256 bytes is the longest packet.
        let Some(mut drain) = Drain::<256>::new(&TRACER, Session::new(host::entropy(0))) else {
            panic!("the tracer has a drain already");
        };
        for round in 0..3 {
            control(round);
            while let Ok(true) = drain.poll(&mut link) {}
        }
        host::exit(true)
    }

    fn control(round: u32) {
        let span = TRACER.trace("control");
        span.set_tag("round", round);
        let celsius = read_sensor(round);
        span.set_tag("celsius", celsius);
        if celsius < 20 {
            heat(20 - celsius);
        }
    } // The guard is dropped: the span is finished.

    fn read_sensor(round: u32) -> u32 {
        let span = TRACER.trace("sensor.read"); // a child of `control`
        span.set_tag("bus", Static("i2c0"));
        if round == 2 {
            span.set_error_info("Timeout", "the sensor is silent");
        }
        18 + round
    }

    fn heat(degrees: u32) {
        TRACER.trace("heat").set_tag("degrees", degrees);
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        an386::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("example_main_loop runs on a Cortex-M4: cargo test -p microspan-tests --test examples");
}
