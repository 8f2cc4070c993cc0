//! Spans of interrupts: what they say, and where their links lead.

use microspan::{Context, Interrupts};

use super::forge::{SYNC, packet, root, zigzag};
use super::*;
use crate::model::Link;

/// The interrupt that runs, set by hand.
struct Running(AtomicU64);

impl Context for Running {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed) as u32
    }
}

/// A device whose interrupts make roots, and its drain's packets.
struct Device {
    tracer: &'static Tracer,
    running: &'static Running,
    drain: Drain<256>,
    packets: Packets,
}

impl Device {
    fn new(interrupts: Interrupts) -> Self {
        let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(5_000))));
        let running: &'static Running = Box::leak(Box::new(Running(AtomicU64::new(0))));
        let arena = Box::leak(Box::new(Arena::<4, 4>::new()));
        let tracer = Tracer::new(arena, clock).context(running).interrupts(interrupts);
        let tracer: &'static Tracer = Box::leak(Box::new(tracer));
        let drain = Drain::new(tracer, Session::new(77)).unwrap();
        let mut device = Self { tracer, running, drain, packets: Packets::default() };
        // The sync, in a packet of its own.
        device.drain();
        device
    }

    fn interrupt<T>(&self, number: u64, act: impl FnOnce(&'static Tracer) -> T) -> T {
        self.running.0.store(number, Ordering::Relaxed);
        let result = act(self.tracer);
        self.running.0.store(0, Ordering::Relaxed);
        result
    }

    fn drain(&mut self) {
        while self.drain.poll(&mut self.packets) == Ok(true) {}
    }
}

/// The one of these spans that is called so.
fn called<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == *name).unwrap_or_else(|| panic!("{name} in {spans:?}"))
}

fn to(span: &Span) -> Link {
    Link::new(span.trace_id, span.span_id)
}

#[test]
fn an_interrupts_child_has_its_number_as_a_tag_unless_the_program_says_otherwise() {
    let mut device = Device::new(Interrupts::Children);
    let request = device.tracer.trace("request");
    device.interrupt(37, |tracer| drop(tracer.trace("byte")));
    device.interrupt(15, |tracer| {
        tracer.trace("tick").set_tag("interrupt", "SysTick");
    });
    drop(request);
    device.drain();
    let (spans, _) = decode(&device.packets.0);
    let [request, byte, tick] = ["request", "byte", "tick"].map(|name| called(&spans, name));
    assert_eq!((byte.parent_id, byte.tags.len()), (request.span_id, 1));
    assert_eq!(byte.tag("interrupt"), Some(&Value::Uint(37)));
    assert_eq!((tick.tags.len(), tick.tag("interrupt")), (1, Some(&Value::from("SysTick"))));
    assert_eq!(request.tag("interrupt"), None);
    assert!(spans.iter().all(|span| span.links.is_empty()));
}

#[test]
fn a_link_leads_into_a_trace_that_lasts_longer_than_anything_is_remembered() {
    let mut device = Device::new(Interrupts::Roots);
    let forever = device.tracer.trace("forever");
    let loops = device.tracer.trace("loop");
    for _ in 0..5_000 {
        device.interrupt(37, |tracer| drop(tracer.trace("byte")));
        device.drain();
    }
    drop((loops, forever));
    device.drain();
    let (spans, counters) = decode(&device.packets.0);
    assert_eq!((spans.len(), counters.unresolved_links), (5_002, 0));
    let (forever, loops) = (called(&spans, "forever"), called(&spans, "loop"));
    assert_eq!(loops.trace_id, forever.trace_id);
    for byte in spans.iter().filter(|span| span.name == "byte") {
        assert_eq!((byte.parent_id, &byte.links[..]), (0, &[to(loops)][..]));
        assert_ne!(byte.trace_id, loops.trace_id);
    }
}

/// An interrupt's span that goes out when the slot of what it came into is used again.
fn late() -> Vec<Vec<u8>> {
    let mut device = Device::new(Interrupts::Roots);
    let (request, get) = (device.tracer.trace("request"), device.tracer.trace("get"));
    let late = device.interrupt(37, |tracer| tracer.trace("late"));
    drop((get, request));
    device.drain();
    for _ in 0..8 {
        drop(device.tracer.trace("next"));
        device.drain();
    }
    drop(late);
    device.drain();
    device.packets.0
}

#[test]
fn a_link_whose_trace_the_device_forgot_leads_to_the_span_that_was_seen() {
    let (spans, counters) = decode(&late());
    let (late, get) = (called(&spans, "late"), called(&spans, "get"));
    assert_eq!((&late.links[..], counters.unresolved_links), (&[to(get)][..], 0));
    assert_eq!(get.trace_id, called(&spans, "request").trace_id);
    assert_eq!(late.tag("microspan.link_unresolved"), None);
}

#[test]
fn a_link_to_a_span_that_was_lost_is_no_link_and_says_so() {
    let mut packets = late();
    packets.remove(1);
    let (spans, counters) = decode(&packets);
    let late = called(&spans, "late");
    assert_eq!((late.links.len(), counters.unresolved_links), (0, 1));
    assert_eq!(late.tag("microspan.link_unresolved"), Some(&Value::Bool(true)));
    assert_eq!(late.tag("interrupt"), Some(&Value::Uint(37)));
}

#[test]
fn what_follows_the_fields_of_a_span_that_are_known_is_ignored() {
    let more = [&[37][..], &zigzag(5), &zigzag(6), &[1, 2, 3]].concat();
    let records = [&SYNC[..], &root(8, &more), &root(0, &[])].concat();
    let (spans, counters) = decode(&[packet(1, 0, &records)]);
    assert_eq!((spans.len(), counters.malformed), (2, 0));
    let session = Session::new(1);
    let link = Link::new(session.trace_id(9 - 6), session.span_id(9 - 5));
    assert_eq!((spans[0].links[0].clone(), spans[0].span_id), (link, session.span_id(9)));
    assert_eq!(spans[1].span_id, session.span_id(10));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_links_lead_to_what_is_told_or_remembered_or_nowhere(
        roots in prop::collection::vec((any::<i64>(), any::<u32>(), any::<i64>(), any::<i64>()), 1..20)
    ) {
        let mut records = SYNC.to_vec();
        for &(counter, interrupt, link, trace) in &roots {
            let more = [forge::varint(interrupt.into()), zigzag(link), zigzag(trace)].concat();
            records.extend(root(counter, &more));
        }
        let (spans, counters) = decode(&[packet(1, 0, &records)]);
        prop_assert_eq!((spans.len(), counters.malformed), (roots.len(), 0));
        let mut unresolved = 0;
        for (span, (_, interrupt, link, trace)) in spans.iter().zip(&roots) {
            let number = (*interrupt != 0).then_some(Value::Uint((*interrupt).into()));
            prop_assert_eq!(span.tag("interrupt"), number.as_ref());
            let says_so = span.tag("microspan.link_unresolved").is_some();
            prop_assert_eq!(span.links.len(), usize::from(*link != 0 && !says_so));
            prop_assert!(!says_so || *trace == 0);
            unresolved += u64::from(says_so);
        }
        prop_assert_eq!(counters.unresolved_links, unresolved);
    }
}
