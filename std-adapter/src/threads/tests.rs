//! Threads that share a tracer. Numbers belong to the process, so these tests take turns.

use std::collections::HashMap;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

use microspan::{Arena, Clock, Drain, Refused, Session, Span, Tracer, Transport};

use super::*;
use crate::clock::Arrival;
use crate::decode::Decoder;
use crate::model;

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        5_000
    }

    fn frequency(&self) -> u32 {
        1_000
    }
}

/// Runs a test on a thread of its own while no other test has numbers.
fn alone(test: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    thread::spawn(test).join().unwrap();
}

/// A transport that decodes.
#[derive(Default)]
struct Host {
    decoder: Decoder,
    spans: Vec<model::Span>,
}

impl Transport for Host {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        let at = Arrival { unix: 9_000_000_000, monotonic: 0 };
        self.decoder.packet(packet, at, &mut |span| self.spans.push(span));
        Ok(())
    }
}

/// What a tracer recorded.
fn recorded(tracer: &'static Tracer) -> Vec<model::Span> {
    let mut drain = Drain::<1472>::new(tracer, Session::new(3)).unwrap();
    let mut host = Host::default();
    while drain.poll(&mut host) == Ok(true) {}
    host.decoder.flush(&mut |span| host.spans.push(span));
    host.spans
}

#[test]
fn each_thread_nests_its_own_spans() {
    static ARENA: Arena<8192, 8192, 64> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Still).context(&Threads::<64>);
    const NAMES: [&str; 3] = ["request", "get", "open"];

    fn nest(thread: u32, names: &'static [&'static str]) {
        if let Some((name, inner)) = names.split_first() {
            let span = TRACER.trace(name);
            span.set_tag("thread", thread);
            thread::yield_now();
            nest(thread, inner);
        }
    }

    alone(|| {
        for wave in 0..4 {
            let start = Barrier::new(20);
            thread::scope(|scope| {
                for thread in 0..20 {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        assert!(Threads::<64>.core() < 64);
                        (0..30).for_each(|_| nest(wave * 20 + thread, &NAMES));
                    });
                }
            });
        }
        let spans = recorded(&TRACER);
        assert_eq!(TRACER.stats(), microspan::Stats::default());
        assert_eq!(spans.len(), 4 * 20 * 30 * NAMES.len());
        let by_id: HashMap<u64, &model::Span> = spans.iter().map(|span| (span.span_id, span)).collect();
        for span in &spans {
            let level = NAMES.iter().position(|name| span.name == *name).unwrap();
            match by_id.get(&span.parent_id) {
                None => assert_eq!((level, span.parent_id), (0, 0)),
                Some(parent) => {
                    assert_eq!(parent.name, NAMES[level - 1]);
                    assert_eq!((parent.tag("thread"), parent.trace_id), (span.tag("thread"), span.trace_id));
                }
            }
        }
    });
}

#[test]
fn a_number_is_given_again_when_its_thread_has_ended() {
    alone(|| {
        let number = || thread::spawn(|| Threads::<8>.core()).join().unwrap();
        assert!((0..1_000).all(|_| number() == 0));
        assert_eq!(Threads::<8>.core(), 0);
        assert_eq!(number(), 1, "this thread has the other now");
        assert_eq!(Threads::<8>.core(), 0, "a thread keeps its number");
    });
}

#[test]
fn the_spans_of_threads_beyond_the_bound_are_dropped_and_counted_until_one_ends() {
    static ARENA: Arena<16, 16, 2> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Still).context(&Threads::<2>);

    alone(|| {
        let others = Barrier::new(3);
        thread::scope(|scope| {
            let first = [(); 2].map(|()| {
                scope.spawn(|| {
                    drop(TRACER.trace("first"));
                    others.wait();
                    others.wait();
                })
            });
            others.wait();
            assert_eq!(Threads::<2>.core(), usize::MAX);
            assert!(!TRACER.trace("too many").is_recording());
            others.wait();
            first.into_iter().for_each(|thread| thread.join().unwrap());
            assert!(TRACER.trace("third").is_recording());
        });
        let spans = recorded(&TRACER);
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!((names, TRACER.stats().spans_full), (vec!["first", "first", "third"], 1));
        assert!(spans.iter().all(|span| span.parent_id == 0));
    });
}

#[test]
fn a_number_beyond_the_bound_of_another_tracer_has_no_place_there() {
    alone(|| {
        let _zero = Threads::<2>.core();
        thread::spawn(|| assert_eq!((Threads::<2>.core(), Threads::<1>.core()), (1, usize::MAX)))
            .join()
            .unwrap();
    });
}

#[test]
fn a_span_can_be_finished_while_its_thread_ends() {
    static ARENA: Arena<16, 16, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Still).context(&Threads::<4>);
    thread_local! {
        static FIRST: Cell<Option<Span>> = const { Cell::new(None) };
        static LAST: Cell<Option<Span>> = const { Cell::new(None) };
    }

    alone(|| {
        for _ in 0..3 {
            let ends = thread::spawn(|| {
                // Used before and after the number first is: one of them is destroyed after it.
                FIRST.set(None);
                LAST.set(Some(TRACER.trace("outer")));
                FIRST.set(Some(TRACER.trace("inner")));
            });
            ends.join().unwrap();
        }
        let spans = recorded(&TRACER);
        let roots = spans.iter().filter(|span| span.parent_id == 0).count();
        assert_eq!((spans.len(), roots, TRACER.stats()), (6, 3, microspan::Stats::default()));
    });
}

#[test]
fn a_span_that_is_started_after_its_thread_gave_its_number_back_is_dropped_and_counted_as_of_a_full_arena() {
    static ARENA: Arena<16, 16, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Still).context(&Threads::<4>);

    struct Farewell;

    impl Drop for Farewell {
        fn drop(&mut self) {
            TRACER.trace("farewell").finish();
        }
    }

    thread_local! {
        static FIRST: Farewell = const { Farewell };
        static LAST: Farewell = const { Farewell };
    }

    alone(|| {
        let ends = thread::spawn(|| {
            // Used before and after the number first is: one of them is destroyed after it.
            FIRST.with(|_| ());
            TRACER.trace("work").finish();
            LAST.with(|_| ());
        });
        ends.join().unwrap();
        let names: Vec<_> = recorded(&TRACER).iter().map(|span| span.name.as_str().to_owned()).collect();
        assert_eq!((names, TRACER.stats().spans_full), (vec!["work".to_owned(), "farewell".to_owned()], 1));
    });
}
