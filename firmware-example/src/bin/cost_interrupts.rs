//! What `cost` counts as `span`, by a tracer that asks in which interrupt a span starts (`CortexM`): the row `span_interrupts`.

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
    use microspan::{Arena, CortexM, Stats, Tracer};
    use microspan_firmware::board::host;

    use crate::harness::{call, nothing, row};
    use crate::here;

    /// Nobody drains it: it has room for all spans of the program.
    static ARENA: Arena<32, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &here::CLOCK).service("cost").context(&CortexM);

    #[unsafe(export_name = "cost.span_interrupts")]
    fn span(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.child").finish();
        0
    }

    #[entry]
    fn main() -> ! {
        here::start();
        let root = TRACER.trace("cost.root");
        call(nothing);
        call(span);
        row("span_interrupts", "cost.span_interrupts", "cost.nothing", 1);
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
    eprintln!(
        "cost_interrupts runs on four emulated cores: cargo run --release -p microspan-benches -- target"
    );
}
