//! Spans between the lines of a log: one line carries both, and what is logged in a span becomes an event of it.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, Defmt, Drain, Session, Stamp, Tracer};
    use microspan_firmware::board::host;
    use microspan_firmware::board::lm3s6965::{self, systick};

    static ARENA: Arena<16, 32> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &systick::Microseconds).service("oven");

    // Each line tells its time and its span.
    defmt::timestamp!("{}", Stamp::of(&TRACER));

    #[entry]
    fn main() -> ! {
        lm3s6965::init();
        defmt::info!("start");
        let Some(mut drain) = Drain::<256>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        for loaf in 1..=3 {
            bake(loaf);
            defmt::info!("loaf {} is out", loaf);
            // Packets go where the log goes.
            while let Ok(true) = drain.poll(&mut Defmt) {}
        }
        host::exit(true)
    }

    fn bake(loaf: u32) {
        let span = TRACER.trace("bake");
        span.set_tag("loaf", loaf);
        defmt::info!("loaf {} goes in", loaf);
        heat(180 + 10 * loaf);
        defmt::info!("it smells good");
    }

    fn heat(celsius: u32) {
        let _span = TRACER.trace("heat"); // a child of `bake`
        if celsius > 200 {
            defmt::warn!("{} degrees are too many", celsius);
        }
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
    eprintln!("example_defmt runs on a Cortex-M3: cargo test -p microspan-tests --test defmt");
}
