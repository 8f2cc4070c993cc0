//! What a library's spans cost, which names no tracer: the rows `no_tracer`, before the program sets one, and `span_global`, which is what
//! `cost` counts as `span`, through the pointer that `set_global` sets.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[path = "cost/harness.rs"]
mod harness;
#[cfg(target_os = "none")]
#[path = "cost/here.rs"]
mod here;

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, Stats, Tracer};
    use microspan_firmware::board::host;

    use crate::harness::{call, nothing, row};
    use crate::here;

    /// Nobody drains it: it has room for all spans of the program.
    static ARENA: Arena<32, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &here::CLOCK).service("cost");

    /// Not the name of the other span: two functions that are alike become one.
    #[unsafe(export_name = "cost.no_tracer")]
    fn no_tracer(_: u32, _: &str) -> u64 {
        microspan::trace("cost.nowhere").finish();
        0
    }

    #[unsafe(export_name = "cost.span_global")]
    fn span(_: u32, _: &str) -> u64 {
        microspan::trace("cost.child").finish();
        0
    }

    #[entry]
    fn main() -> ! {
        here::start();
        call(nothing);
        call(no_tracer);
        row("no_tracer", "cost.no_tracer", "cost.nothing", 1);
        assert!(microspan::set_global(&TRACER).is_ok(), "the program has a tracer already");
        let root = microspan::trace("cost.root");
        call(span);
        row("span_global", "cost.span_global", "cost.nothing", 1);
        root.finish();
        assert_eq!(TRACER.stats(), Stats::default(), "spans were dropped");
        host::exit(true)
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        here::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("cost_global runs on four emulated cores: cargo run --release -p microspan-benches -- target");
}
