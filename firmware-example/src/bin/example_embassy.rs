//! Spans under Embassy: each poll of a task is one, by itself, and a future has one across all of its polls.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_time::Timer;
    use microspan::{Arena, Drain, InSpan, Session, Stream, Tracer, executor::name_task};
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};

    static ARENA: Arena<32, 64> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &systick::Microseconds).service("station");

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        // From here on the executor's work is recorded.
        if microspan::set_global(&TRACER).is_err() {
            panic!("the program has a tracer already");
        }
        let Ok(token) = weather() else { panic!("the task is spawned once") };
        name_task(token.id(), "weather");
        spawner.spawn(token);
        Timer::after_millis(50).await;

        let Some(mut drain) = Drain::<256>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        let mut link = Stream::new(board.uart0);
        while let Ok(true) = drain.poll(&mut link) {}
        host::exit(true)
    }

    #[embassy_executor::task]
    async fn weather() {
        let wind = TRACER.trace("wind"); // a child of this poll of the task
        measure().in_span(wind).await;
        TRACER.trace("report").finish();
    }

    async fn measure() {
        TRACER.trace("sensor.start").finish();
        Timer::after_millis(5).await; // the task is polled again
        TRACER.trace("sensor.read").set_tag("knots", 12u32);
    }

    #[exception]
    fn SysTick() {
        systick::on_wrap();
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        lm3s6965::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("example_embassy runs on a Cortex-M3: cargo test -p microspan-tests --test examples");
}
