//! What `cost` counts as `span`, by a tracer that samples (`Sampler`).
//!
//! | row | what is counted |
//! | --- | --- |
//! | `span_sampler` | start and finish of a child in a trace that is kept |
//! | `span_sampled_out` | the same in a trace that is sampled out |
//! | `root_sampled_out` | start and finish of a root that is sampled out, by its name and its id |

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
    use microspan::{Arena, Drain, Rule, Sampler, Session, Stats, Tracer};
    use microspan_firmware::board::host;

    use crate::harness::{CALLS, call, nothing, row};
    use crate::here;

    /// So small a rate that no trace is kept, and not 0, at which no id is asked.
    static RULES: [Rule; 1] = [Rule::new(1e-18).name("cost.out")];
    static SAMPLER: Sampler = Sampler::new().rules(&RULES).rate(1.0);
    /// Nobody drains it: it has room for all spans of the program.
    static ARENA: Arena<32, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &here::CLOCK).service("cost").sampler(&SAMPLER);

    #[unsafe(export_name = "cost.span_sampler")]
    fn kept(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.child").finish();
        0
    }

    /// Not the name of the other span: two functions that are alike become one.
    #[unsafe(export_name = "cost.span_sampled_out")]
    fn out(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.child.out").finish();
        0
    }

    #[unsafe(export_name = "cost.root_sampled_out")]
    fn root_out(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.out").finish();
        0
    }

    #[entry]
    fn main() -> ! {
        here::start();
        // From here on ids are known.
        let begun = Drain::<64, 0>::new(&TRACER, Session::new(1)).is_some();
        let root = TRACER.trace("cost.root");
        call(nothing);
        call(kept);
        root.finish();
        assert_eq!((begun, TRACER.stats()), (true, Stats::default()), "spans were dropped");

        let root = TRACER.trace("cost.out");
        call(out);
        root.finish();
        call(root_out);
        let stats = TRACER.stats();
        assert_eq!((stats.traces_sampled_out, stats.spans_dropped()), (1 + CALLS, 0), "a trace was kept");
        row("span_sampler", "cost.span_sampler", "cost.nothing", 1);
        row("span_sampled_out", "cost.span_sampled_out", "cost.nothing", 1);
        row("root_sampled_out", "cost.root_sampled_out", "cost.nothing", 1);
        host::exit(true)
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        here::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("cost_sampler runs on four emulated cores: cargo run --release -p microspan-benches -- target");
}
