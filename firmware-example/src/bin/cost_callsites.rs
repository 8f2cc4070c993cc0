//! What `cost` counts as `span`, by a tracer that counts what happens at each callsite (`Callsites`): the row `span_callsites`.

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
    use microspan::{Arena, Callsites, Stats, Tracer};
    use microspan_firmware::board::host;

    use crate::harness::{call, nothing, row};
    use crate::here;

    static CALLSITES: Callsites<16> = Callsites::new();
    /// Nobody drains it: it has room for all spans of the program.
    static ARENA: Arena<32, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &here::CLOCK).service("cost").callsites(&CALLSITES);

    #[unsafe(export_name = "cost.span_callsites")]
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
        row("span_callsites", "cost.span_callsites", "cost.nothing", 1);
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
        "cost_callsites runs on four emulated cores: cargo run --release -p microspan-benches -- target"
    );
}
