//! A program that starts, tags and finishes spans, and does nothing else: no drain, no board support.
//!
//! What is linked into it is what recording takes. The test `symbols` looks for what must not be there: an allocator,
//! and anything that can panic.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::hint::black_box;
    use core::panic::PanicInfo;

    use cortex_m::peripheral::SYST;
    use cortex_m_rt::entry;
    use microspan::{Arena, Callsites, Clock, CortexM, Static, Tracer};

    static ARENA: Arena<8, 16> = Arena::new();
    static CALLSITES: Callsites<4> = Callsites::new();
    static TRACER: Tracer =
        Tracer::new(&ARENA, &Ticks).service("spans").context(&CortexM).callsites(&CALLSITES).overwrite();

    struct Ticks;

    impl Clock for Ticks {
        fn now(&self) -> u64 {
            u64::from(!SYST::get_current())
        }

        fn frequency(&self) -> u32 {
            25_000_000
        }
    }

    #[entry]
    fn main() -> ! {
        loop {
            // What no compiler can know.
            let number = SYST::get_current();
            let texts = black_box(["a text of more than one cell", ""]);
            let text = if number == 0 { texts[0] } else { texts[1] };

            let order = TRACER.trace("order");
            order.set_tag("bool", number == 0).set_tag("u32", number).set_tag("u64", u64::from(number) << 7);
            order.set_tag("i64", i64::from(number) - 7).set_tag("f32", number as f32);
            order.set_tag("f64", f64::from(number)).set_tag("static", Static("rye")).set_tag("text", text);
            step(text);
            if let Some(span) = TRACER.current_span() {
                span.set_tag("through.a.name", number);
            }
            order.finish();
            TRACER.set_enabled(number != 0);
        }
    }

    #[inline(never)]
    fn step(text: &str) {
        let span = TRACER.trace("step");
        span.set_error_info("OutOfPickles", text);
        if let Some(root) = TRACER.current_root_span() {
            root.set_error_info("OutOfPickles", text);
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo) -> ! {
        cortex_m::asm::udf()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("size_spans is looked into, not run: cargo test -p microspan-tests --test symbols");
}
