//! What `cost` counts as `span` and `tag_u32`, by a tracer whose spans outlive a reset (`Recorder`): the rows `span_recorder`
//! and `tag_recorder`.

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
    use microspan::{Boot, Image, Program, Recorder, Reset, Session, Stats, Tracer};
    use microspan_firmware::board::host;

    use crate::harness::{call, nothing, row};
    use crate::here;

    /// Tags of the spans from which the cost of a tag is told.
    const TAGS_OF_A_SPAN: u32 = 4;

    /// Nobody drains it: it has room for all spans of the program.
    #[unsafe(link_section = ".uninit.spans")]
    static IMAGE: Image<64, 128> = Image::new();
    // SAFETY: nobody else has the image.
    static RECORDER: Recorder<64, 128> = unsafe { Recorder::new(&IMAGE) };
    static TRACER: Tracer = Tracer::recorded(&RECORDER, &here::CLOCK).service("cost");

    #[unsafe(export_name = "cost.span_recorder")]
    fn span(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.child").finish();
        0
    }

    #[unsafe(export_name = "cost.tags_recorder")]
    fn tags(number: u32, _: &str) -> u64 {
        let span = TRACER.trace("cost.child");
        span.set_tag("cost.a", number);
        span.set_tag("cost.b", number);
        span.set_tag("cost.c", number);
        span.set_tag("cost.d", number);
        0
    }

    #[entry]
    fn main() -> ! {
        here::start();
        let program = Program { build_id: b"", strings: b"" };
        let Some(boot) = Boot::<64>::new(&TRACER, &program, &Reset::default()) else {
            panic!("the image was looked at before");
        };
        let _drain = boot.begin::<0>(Session::new(1));
        let root = TRACER.trace("cost.root");
        for operation in [nothing, span, tags] {
            call(operation);
        }
        row("span_recorder", "cost.span_recorder", "cost.nothing", 1);
        row("tag_recorder", "cost.tags_recorder", "cost.span_recorder", TAGS_OF_A_SPAN);
        root.finish();
        assert_eq!(TRACER.stats(), Stats::default(), "spans or tags were dropped");
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
        "cost_recorder runs on four emulated cores: cargo run --release -p microspan-benches -- target"
    );
}
