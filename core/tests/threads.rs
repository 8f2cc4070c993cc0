//! Real threads: cores that start, tag and finish, and one drain. Everything made is drained or counted, and every
//! parent is right.

use microspan::{Arena, Clock, Context, Drain, Refused, Session, Span, Static, Stats, Tracer, Transport};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use microspan::wire::{Packet, Record, TagValue, Text};

const CORES: usize = 3;
const TURNS: u64 = if cfg!(miri) { 6 } else { 3000 };

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000_000
    }
}

thread_local! {
    static CORE: Cell<usize> = const { Cell::new(CORES) };
}

/// Each thread is a core; the drain's is the last one.
struct Threads;

impl Context for Threads {
    fn core(&self) -> usize {
        CORE.get()
    }
}

type Shared = Arena<32, 64, { CORES + 1 }>;

fn tracer(policy: impl FnOnce(Tracer) -> Tracer) -> &'static Tracer {
    let clock = Box::leak(Box::new(Ticks(AtomicU64::new(1))));
    let arena = Box::leak(Box::new(Shared::new()));
    Box::leak(Box::new(policy(Tracer::new(arena, clock).context(&Threads))))
}

/// Keeps what it takes; refuses every fifth packet once.
#[derive(Default)]
struct Kept {
    packets: Vec<Vec<u8>>,
    calls: u32,
}

impl Transport for Kept {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.calls += 1;
        if self.calls.is_multiple_of(5) {
            return Err(Refused::WouldBlock);
        }
        self.packets.push(packet.to_vec());
        Ok(())
    }
}

/// A span, as it came out.
struct Drained {
    counter: u64,
    name: String,
    parent: Option<u64>,
    trace: u64,
    tags: Vec<(String, String)>,
}

fn read(packets: &[Vec<u8>]) -> Vec<Drained> {
    let records = || packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    let mut names = HashMap::new();
    for record in records() {
        if let Record::Name { index, text } = record.unwrap() {
            names.insert(index, text.to_string());
        }
    }
    let text = |text: Text<'_>| match text {
        Text::Name(index) => names[&index].clone(),
        Text::Inline(text) => text.to_string(),
        Text::Address { .. } => unreachable!("names are told in band"),
    };
    let value = |value: TagValue<'_>| match value {
        TagValue::Text(value) => text(value),
        TagValue::U64(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    let mut spans = Vec::new();
    for record in records() {
        if let Record::Span(span) = record.unwrap() {
            let mut tags = Vec::new();
            span.tags.for_each(|tag| tags.push((text(tag.key), value(tag.value))));
            let (counter, parent, trace) = (span.counter, span.parent, span.trace);
            spans.push(Drained { counter, name: text(span.name), parent, trace, tags });
        }
    }
    spans
}

/// Runs `core` on each core and drains meanwhile; returns what was drained, and what was dropped.
fn run(tracer: &'static Tracer, core: impl Fn(usize) + Sync) -> (Vec<Drained>, Stats) {
    let done = AtomicBool::new(false);
    let packets = thread::scope(|scope| {
        let drain = scope.spawn(|| {
            let mut drain = Drain::<512>::new(tracer, Session::new(7)).unwrap();
            let mut link = Kept::default();
            while !done.load(Ordering::Acquire) {
                let _ = drain.poll(&mut link);
                thread::yield_now();
            }
            while drain.poll(&mut link) != Ok(false) {}
            link.packets
        });
        let core = &core;
        let cores = [0, 1, 2].map(|number| {
            scope.spawn(move || {
                CORE.set(number);
                core(number);
            })
        });
        cores.into_iter().for_each(|core| core.join().unwrap());
        done.store(true, Ordering::Release);
        drain.join().unwrap()
    });
    (read(&packets), tracer.stats())
}

const ROOTS: [&str; CORES] = ["root of 0", "root of 1", "root of 2"];
const LEAVES: [&str; CORES] = ["leaf of 0", "leaf of 1", "leaf of 2"];

/// One root and its leaves on a core, with tags that say whose they are; returns how many spans were to be made, and of
/// those that were: their tags, and how many have a parent.
fn turn(tracer: &'static Tracer, core: usize, number: u64) -> [u64; 3] {
    let [mut tags, mut children] = [0, 0];
    let mut tagged = |span: &Span| {
        if span.is_recording() {
            span.set_tag("core", core).set_tag("text", format!("a text of several cells by {core}").as_str());
            tags += 2;
        }
    };
    let root = tracer.trace(ROOTS[core]);
    tagged(&root);
    for _ in 0..number % 3 {
        let leaf = tracer.trace(LEAVES[core]);
        tagged(&leaf);
        children += u64::from(root.is_recording() && leaf.is_recording());
    }
    [1 + number % 3, tags, children]
}

/// Each span's tags are its own core's, and its parent that core's root.
fn check(spans: &[Drained]) {
    let by_counter: HashMap<u64, &Drained> = spans.iter().map(|span| (span.counter, span)).collect();
    assert_eq!(by_counter.len(), spans.len(), "two spans have one counter");
    for span in spans {
        let (kind, core) = span.name.split_once(" of ").unwrap();
        for (key, value) in &span.tags {
            let right = if key == "core" { value == core } else { value.ends_with(&format!(" by {core}")) };
            assert!(right, "{} has the tag {key}={value}", span.name);
        }
        if let Some(parent) = span.parent.and_then(|parent| by_counter.get(&parent)) {
            assert_eq!((kind, parent.name.as_str()), ("leaf", format!("root of {core}").as_str()));
            assert_eq!((span.trace, parent.trace), (parent.counter, parent.counter));
        }
    }
}

fn books_balance(policy: impl FnOnce(Tracer) -> Tracer) -> Vec<Drained> {
    let tracer = tracer(policy);
    let made = [const { AtomicU64::new(0) }; 3];
    let (spans, stats) = run(tracer, |core| {
        for number in 0..TURNS {
            let counts = turn(tracer, core, number);
            made.iter().zip(counts).for_each(|(made, count)| _ = made.fetch_add(count, Ordering::Relaxed));
            if number % 8 == 0 {
                thread::yield_now();
            }
        }
    });
    check(&spans);
    let [made, tags, children] = made.map(AtomicU64::into_inner);
    assert_eq!(spans.len() as u64 + u64::from(stats.spans_dropped()), made, "{stats:?}");
    let drained: usize = spans.iter().map(|span| span.tags.len()).sum();
    let counted = drained as u64 + u64::from(stats.tags_dropped());
    if stats.spans_overwritten == 0 && stats.spans_oversize == 0 {
        assert_eq!(counted, tags, "{stats:?}");
        let found = spans.iter().filter(|span| span.parent.is_some()).count();
        assert_eq!(found as u64, children, "a span has lost its parent");
    } else {
        // Tags that went with their spans are counted with these.
        assert!(counted <= tags && tags <= counted + 2 * u64::from(stats.spans_dropped()), "{stats:?}");
    }
    spans
}

#[test]
fn everything_three_cores_make_is_drained_or_counted() {
    let spans = books_balance(|tracer| tracer);
    assert!(!spans.is_empty());
}

#[test]
fn everything_is_drained_or_counted_where_spans_are_overwritten() {
    books_balance(Tracer::overwrite);
}

#[test]
fn everything_is_drained_or_counted_where_slots_are_reserved() {
    books_balance(|tracer| tracer.reserve(4));
}

#[test]
fn everything_is_drained_or_counted_where_reserved_slots_are_overwritten() {
    books_balance(|tracer| tracer.reserve(4).overwrite());
}

#[test]
fn spans_are_finished_by_another_core_than_started_them_and_tagged_by_both() {
    let tracer = tracer(|tracer| tracer);
    let (send, receive) = channel::<Span>();
    let receive = std::sync::Mutex::new(receive);
    let send = std::sync::Mutex::new(Some(send));
    let made = AtomicU64::new(0);
    let tags = AtomicU64::new(0);
    let (spans, stats) = run(tracer, |core| match core {
        0 => {
            let send = send.lock().unwrap().take().unwrap();
            for _ in 0..TURNS {
                let span = tracer.trace("moved of 0");
                made.fetch_add(1, Ordering::Relaxed);
                let current = tracer.current_span();
                if span.is_recording() {
                    tags.fetch_add(1, Ordering::Relaxed);
                    span.set_tag("core", 0u8);
                }
                send.send(span).unwrap();
                // The other core may have finished it by now: then this is counted.
                if let Some(current) = current {
                    tags.fetch_add(1, Ordering::Relaxed);
                    current.set_tag("late", Static("a word by 0"));
                }
                thread::yield_now();
            }
        }
        1 => {
            for span in receive.lock().unwrap().iter() {
                if span.is_recording() {
                    tags.fetch_add(1, Ordering::Relaxed);
                    span.set_tag("text", "a text of several cells by 0");
                }
            }
        }
        _ => {
            for _ in 0..TURNS {
                let span = tracer.trace("beside of 2");
                made.fetch_add(1, Ordering::Relaxed);
                assert!(!span.is_recording() || tracer.current_span().is_some());
            }
        }
    });
    assert_eq!(spans.len() as u64 + u64::from(stats.spans_dropped()), made.into_inner(), "{stats:?}");
    // What is current for core 0 may be a span that was tagged in an earlier turn: of two tags with one key one holds.
    let drained: usize = spans.iter().map(|span| span.tags.len()).sum();
    assert!(drained as u64 + u64::from(stats.tags_dropped()) <= tags.into_inner(), "{stats:?}");
    for span in &spans {
        let core = &span.name[span.name.len() - 1..];
        assert!(span.tags.iter().all(|(_, value)| value.ends_with(core)), "{}: {:?}", span.name, span.tags);
    }
}
