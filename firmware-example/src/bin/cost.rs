//! Says what operations cost, in instructions of a Cortex-M4: one line of JSON each.
//!
//! An operation is measured in a function of its own, with the code around it that a program would have; the call is
//! not counted. The arena has 2,048 spans and 8,192 tags, so that 1,000 calls fit between two drains, and nothing is
//! dropped: the program fails if something was.
//!
//! | row | what is counted |
//! | --- | --- |
//! | `clock` | one reading of the clock: a 32-bit timer, widened to 64 bits by an interrupt (`DualTimer`) |
//! | `span` | start and finish of a child under an open root, without tags; two readings of the clock included |
//! | `tag_u32` | a number: what a span with four of them costs beyond one with none, divided by four |
//! | `tag_static_str` | a string that lives for ever, likewise |
//! | `tag_str16` | a string of 16 bytes that is copied, likewise |
//! | `disabled` | start and finish while tracing is switched off |
//! | `drain_span` | to take a tagless child from the arena, encode it, free it, and its share of a packet of 1,472 bytes |

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::convert::Infallible;
    use core::fmt::Display;

    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, Clock, Drain, Refused, Session, Static, Stats, Tracer, Transport};
    use microspan_firmware::board::an386::{self, CALLS, DualTimer};
    use microspan_firmware::board::host;
    use static_cell::StaticCell;

    const SPANS: usize = 2_048;
    const TAGS: usize = 8_192;
    const MTU: usize = 1_472;
    /// Tags of the spans from which the cost of a tag is told.
    const TAGS_OF_A_SPAN: u32 = 4;
    /// Spans to be drained into full packets, at up to 300 in a packet.
    const DRAINED: u32 = 1_800;
    const FULL_PACKETS: u32 = 5;
    /// A packet with less room than this takes no further span.
    const LARGEST_SPAN: usize = 16;

    static ARENA: Arena<SPANS, TAGS> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).service("cost");
    static DRAIN: StaticCell<Drain<MTU>> = StaticCell::new();

    /// A transport that only takes the packet, and notes whether it was a full one.
    #[derive(Default)]
    struct Sink {
        full: u32,
    }

    impl Transport for Sink {
        type Error = Infallible;

        fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
            self.full += u32::from(packet.len() > MTU - LARGEST_SPAN);
            Ok(())
        }
    }

    fn clock(_: u32, _: &str) -> u64 {
        DualTimer.now()
    }

    fn span(_: u32, _: &str) -> u64 {
        TRACER.trace("cost.child").finish();
        0
    }

    fn tags_u32(number: u32, _: &str) -> u64 {
        let span = TRACER.trace("cost.child");
        span.set_tag("cost.a", number);
        span.set_tag("cost.b", number);
        span.set_tag("cost.c", number);
        span.set_tag("cost.d", number);
        0
    }

    fn tags_static_str(_: u32, _: &str) -> u64 {
        let span = TRACER.trace("cost.child");
        span.set_tag("cost.a", Static("rye"));
        span.set_tag("cost.b", Static("cheese"));
        span.set_tag("cost.c", Static("tomato"));
        span.set_tag("cost.d", Static("rye"));
        0
    }

    fn tags_str16(_: u32, text: &str) -> u64 {
        let span = TRACER.trace("cost.child");
        span.set_tag("cost.a", text);
        span.set_tag("cost.b", text);
        span.set_tag("cost.c", text);
        span.set_tag("cost.d", text);
        0
    }

    #[entry]
    fn main() -> ! {
        an386::start();
        let Some(drain) = Drain::new(&TRACER, Session::new(1)) else {
            panic!("a first drain was asked for and the tracer has one already");
        };
        let drain = DRAIN.init(drain);
        let root = TRACER.trace("cost.root");
        let mut measure = |operation| {
            let count = an386::instructions(operation);
            empty(drain);
            count
        };

        report("clock", measure(clock));
        let plain = measure(span);
        report("span", plain);
        report("tag_u32", (measure(tags_u32) - plain).per(TAGS_OF_A_SPAN));
        report("tag_static_str", (measure(tags_static_str) - plain).per(TAGS_OF_A_SPAN));
        report("tag_str16", (measure(tags_str16) - plain).per(TAGS_OF_A_SPAN));
        TRACER.set_enabled(false);
        report("disabled", measure(span));
        TRACER.set_enabled(true);
        report("drain_span", drain_span(drain));

        root.finish();
        empty(drain);
        // The root, and the children of four operations.
        let made = 1 + 4 * CALLS + DRAINED;
        assert_eq!((drain.spans(), TRACER.stats()), (made, Stats::default()), "spans or tags were dropped");
        host::exit(true)
    }

    fn drain_span(drain: &mut Drain<MTU>) -> an386::Count {
        for _ in 0..DRAINED {
            TRACER.trace("cost.child").finish();
        }
        let mut sink = Sink::default();
        let before = drain.spans();
        let count = an386::block(
            || {
                for _ in 0..FULL_PACKETS {
                    let Ok(_) = drain.poll(&mut sink) else {
                        panic!("a packet was handed to a sink that takes all, and refused");
                    };
                }
            },
            1,
        );
        assert_eq!(sink.full, FULL_PACKETS, "packets of less than their full length were measured");
        let count = count.per(drain.spans().wrapping_sub(before));
        empty(drain);
        count
    }

    fn empty(drain: &mut Drain<MTU>) {
        while let Ok(true) = drain.poll(&mut Sink::default()) {}
    }

    fn report(operation: &str, instructions: impl Display) {
        host::print(format_args!("{{\"op\":\"{operation}\",\"instructions\":{instructions}}}\n"));
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        an386::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "cost runs on a Cortex-M4. Build it with\n  cargo build -p microspan-firmware --target thumbv7em-none-eabihf \
         --profile firmware --bin cost\nand run it with\n  qemu-system-arm -machine mps2-an386 -icount shift=0 -nographic \
         -semihosting-config enable=on,target=native -kernel target/thumbv7em-none-eabihf/firmware/cost"
    );
}
