//! Bytes of every feature of the wire, by real tracers and real drains: what a version of the wire leaves behind for ever.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use microspan::wire::{Request, write_frame};
use microspan::{
    Arena, Callsites, Clock, Context, Drain, Interrupts, Names, Session, SpanContext, Static, Tracer, Value,
};

use crate::device::Kept;

/// Microseconds, set by hand.
struct Hand(AtomicU64);

impl Hand {
    fn turn(&self, ticks: u64) {
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

/// The interrupt that runs, set by hand.
struct Running(AtomicU32);

impl Context for Running {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

const SESSION: Session = Session::new(0x0123_4567_89ab_cdef);

const ELSEWHERE: SpanContext =
    SpanContext { trace_id: 0xaa << 64 | 0xbb, span_id: 0xcc, sampling_priority: Some(2) };

struct Device {
    tracer: &'static Tracer,
    clock: &'static Hand,
    running: &'static Running,
}

/// The packets of a device with so many slots that runs a program.
fn packets<const SPANS: usize>(
    prepare: impl FnOnce(Tracer) -> Tracer,
    set: impl FnOnce(&mut Drain<512>),
    program: impl FnOnce(&Device),
) -> Vec<Vec<u8>> {
    let clock: &Hand = Box::leak(Box::new(Hand(AtomicU64::new(5_000_000))));
    let running: &Running = Box::leak(Box::new(Running(AtomicU32::new(0))));
    let arena = Box::leak(Box::new(Arena::<SPANS, 64>::new()));
    let tracer = prepare(Tracer::new(arena, clock).context(running).interrupts(Interrupts::Roots));
    let tracer: &Tracer = Box::leak(Box::new(tracer));
    let mut drain = Drain::<512>::new(tracer, SESSION).expect("a tracer's first drain");
    set(&mut drain);
    program(&Device { tracer, clock, running });
    clock.turn(800);
    let mut link = Kept::default();
    while drain.poll(&mut link) == Ok(true) {}
    link.0
}

fn spans(device: &Device) {
    let Device { tracer, clock, running } = device;
    let _request = tracer.trace("request");
    clock.turn(100);
    let get = tracer.trace("get");
    clock.turn(20);
    let open = tracer.trace("open");
    open.set_error_info("Stuck", "no key");
    clock.turn(30);
    drop(open);
    running.0.store(37, Ordering::Relaxed);
    let byte = tracer.trace("byte");
    clock.turn(5);
    drop(byte);
    running.0.store(0, Ordering::Relaxed);
    drop(get);
    let _ = tracer.span("charge").service("till").resource("POST /pay").span_type("web").start();
    let _ = tracer.span("wash").root().start();
}

fn tags(device: &Device) {
    let span = device.tracer.trace("tags");
    span.set_tag("true", true).set_tag("false", false).set_tag("u64", u64::MAX).set_tag("i64", i64::MIN);
    span.set_tag("f32", 0.1f32)
        .set_tag("f64", 1e300f64)
        .set_tag("static", Static("rye"))
        .set_tag("text", "Käse");
    drop(span);
    device.tracer.trace("long").set_tag("cut", &*"x".repeat(300));
}

fn beyond(device: &Device) {
    let Device { tracer, clock, .. } = device;
    let root = tracer.trace("serve");
    root.continue_from(&ELSEWHERE)
        .set_baggage_item("user.id", "ada")
        .set_tag("a", 1u8)
        .remove_tag("a")
        .remove_tag("env");
    clock.turn(7);
    root.add_event("rise", &[("size", 3u8.into()), ("where", Static("oven").into())]).add_event("fall", &[]);
    let child = tracer.trace("cool");
    if let Some(root) = root.as_ref() {
        child.add_link(&root, &[("why", "warm".into())]);
    }
    child.add_remote_link(&ELSEWHERE, &[]);
}

fn dropped(device: &Device) {
    let span = device.tracer.trace("tagged");
    (0..70).for_each(|tag: u8| _ = span.set_tag("too many", tag));
    let more: Vec<_> = (0..5).map(|_| device.tracer.trace("more than there is room for")).collect();
    drop(more);
}

/// All files of a version, by their names without an ending, and the kind that is their ending.
pub fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let own: &[(&str, Value<'_>)] =
        &[("env", Value::Static("dev")), ("share", Value::F32(0.1)), ("version", Value::U64(3))];
    let same = |tracer: Tracer| tracer;
    let first = |packets: Vec<Vec<u8>>| packets.into_iter().next().unwrap_or_default();
    let identity = |drain: &mut Drain<512>| {
        drain.set_device("oven-1").set_build_id(&[0xab; 20]).set_clock_base(1_699_999_995_000_000_000);
    };
    let sites: &'static Callsites<4> = Box::leak(Box::new(Callsites::new()));
    let whole = packets::<8>(
        |tracer| tracer.service("kitchen").tags(own),
        identity,
        |device| [spans, tags, beyond].into_iter().for_each(|program| program(device)),
    );
    let mut line = Vec::new();
    for packet in &whole {
        let Ok(()) = write_frame(packet, |bytes| {
            line.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
    }
    let request = |session, sync, names| Request { session, sync, names, time: None }.encode().to_vec();
    let time = Request { session: Some(SESSION), sync: false, names: false, time: Some(9) };
    vec![
        ("spans", "packet", first(packets::<8>(same, |_| {}, spans))),
        ("tags", "packet", first(packets::<8>(same, |_| {}, tags))),
        ("events_links_baggage", "packet", first(packets::<8>(same, |_| {}, beyond))),
        (
            "sync_identity",
            "packet",
            first(packets::<8>(|tracer| tracer.service("kitchen").tags(own), identity, |_| {})),
        ),
        (
            "addresses",
            "packet",
            first(packets::<8>(same, |drain| _ = drain.set_names(Names::ByAddress), spans)),
        ),
        ("callsites", "packet", first(packets::<8>(|tracer| tracer.callsites(sites), |_| {}, spans))),
        ("drops", "packet", first(packets::<4>(same, |_| {}, dropped))),
        ("all", "stream", line),
        ("anything_of_anyone", "request", request(None, true, true)),
        ("names_of_one", "request", request(Some(SESSION), false, true)),
        ("sync_of_one", "request", request(Some(SESSION), true, false)),
        ("echo", "packet", first(packets::<8>(same, |drain| _ = drain.answer(&time), spans))),
        ("time_of_one", "request", time.encode().to_vec()),
    ]
}
