//! Runs each operation some times, for a host that counts their instructions.
//!
//! The program counts nothing itself. Each operation is a function of its own whose symbol the host knows; an emulator
//! that tells every instruction shows where a call begins and ends, and where interrupts were masked. What the program
//! prints says how rows are made of these functions, one line of JSON each: what a call of `function` takes beyond one
//! of `beyond`, divided by `share`.
//!
//! | row | what is counted |
//! | --- | --- |
//! | `clock` | one reading of the board's clock |
//! | `span` | start and finish of a child under an open root, without tags; two readings of the clock included |
//! | `tag_u32` | a number: what a span with four of them costs beyond one with none, divided by four |
//! | `tag_static_str` | a string that lives for ever, likewise |
//! | `tag_str16` | a string of 16 bytes that is copied, likewise |
//! | `disabled` | start and finish while tracing is switched off |
//! | `drain_span` | to take a tagless child from the arena, encode it, free it, and its share of a full packet |
//! | `span_macro` | what `span` is, by `span!` |
//! | `span_tag` | `span`, with a number as its one tag |
//! | `span_macro_tag` | what `span_tag` is, by `span!` |
//! | `masked_probe` | a critical section around nothing: proof that a masked interrupt is seen where there is one |
//!
//! Nothing is dropped: the program fails if something was. One target is one board: see `here.rs`. A program has one
//! tracer, as most have, so that the compiler can put it in; `cost_interrupts`, `cost_callsites`, `cost_sampler`,
//! `cost_global` and `cost_recorder` have others.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod harness;
#[cfg(target_os = "none")]
mod here;
#[cfg(target_os = "none")]
mod operations;
#[cfg(target_os = "none")]
mod room;

#[cfg(target_os = "none")]
mod firmware {
    use core::convert::Infallible;
    use core::hint::black_box;

    use cortex_m_rt::{entry, exception};
    use microspan::{Drain, Refused, Session, Stats, Transport};
    use microspan_firmware::board::host;
    use static_cell::StaticCell;

    use crate::harness::{CALLS, call, nothing, row};
    use crate::operations::{self as op, TAGS_OF_A_SPAN, TRACER};
    use crate::{here, room};

    /// A packet with less room than this takes no further span.
    const LARGEST_SPAN: usize = 16;

    static DRAIN: StaticCell<Drain<{ room::MTU }>> = StaticCell::new();

    /// A transport that only takes the packet, and notes whether it was a full one.
    #[derive(Default)]
    struct Sink {
        full: u32,
    }

    impl Transport for Sink {
        type Error = Infallible;

        fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
            self.full += u32::from(packet.len() > room::MTU - LARGEST_SPAN);
            Ok(())
        }
    }

    #[entry]
    fn main() -> ! {
        here::start();
        let Some(drain) = Drain::new(&TRACER, Session::new(1)) else {
            panic!("a first drain was asked for and the tracer has one already");
        };
        let drain = DRAIN.init(drain);
        let root = TRACER.trace("cost.root");
        let mut run = |operation| {
            call(operation);
            empty(drain);
        };

        run(nothing);
        run(op::clock);
        row("clock", "cost.clock", "cost.nothing", 1);
        run(op::span);
        row("span", "cost.span", "cost.nothing", 1);
        run(op::tags_u32);
        row("tag_u32", "cost.tags_u32", "cost.span", TAGS_OF_A_SPAN);
        run(op::tags_static_str);
        row("tag_static_str", "cost.tags_static_str", "cost.span", TAGS_OF_A_SPAN);
        run(op::tags_str16);
        row("tag_str16", "cost.tags_str16", "cost.span", TAGS_OF_A_SPAN);
        TRACER.set_enabled(false);
        run(op::disabled);
        TRACER.set_enabled(true);
        row("disabled", "cost.disabled", "cost.nothing", 1);
        run(op::masked_probe);
        row("masked_probe", "cost.masked_probe", "cost.nothing", 1);
        row("drain_span", "cost.drain_full_packets", "cost.nothing", drain_full(drain));
        for operation in [op::span_macro, op::span_tag, op::span_macro_tag] {
            call(operation);
            empty(drain);
        }
        row("span_macro", "cost.span_macro", "cost.nothing", 1);
        row("span_tag", "cost.span_tag", "cost.nothing", 1);
        row("span_macro_tag", "cost.span_macro_tag", "cost.nothing", 1);

        root.finish();
        empty(drain);
        // The root, and the children of seven operations.
        let made = 1 + 7 * CALLS + room::DRAINED;
        assert_eq!((drain.spans(), TRACER.stats()), (made, Stats::default()), "spans or tags were dropped");
        host::exit(true)
    }

    /// Drains full packets, in one call that the host counts; returns how many spans they took.
    fn drain_full(drain: &mut Drain<{ room::MTU }>) -> u32 {
        for _ in 0..room::DRAINED {
            TRACER.trace("cost.child").finish();
        }
        let mut sink = Sink::default();
        let before = drain.spans();
        black_box(drain_full_packets as fn(&mut _, &mut _))(drain, &mut sink);
        assert_eq!(sink.full, room::FULL_PACKETS, "packets of less than their full length were counted");
        let spans = drain.spans().wrapping_sub(before);
        empty(drain);
        spans
    }

    #[unsafe(export_name = "cost.drain_full_packets")]
    fn drain_full_packets(drain: &mut Drain<{ room::MTU }>, sink: &mut Sink) {
        for _ in 0..room::FULL_PACKETS {
            let Ok(_) = drain.poll(sink) else {
                panic!("a packet was handed to a sink that takes all, and refused");
            };
        }
    }

    fn empty(drain: &mut Drain<{ room::MTU }>) {
        while let Ok(true) = drain.poll(&mut Sink::default()) {}
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        here::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("cost runs on four emulated cores: cargo run --release -p microspan-benches -- target");
}
