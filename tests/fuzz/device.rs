//! A device whose program is bytes: each says what it does next. What it did is kept beside what it sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use microspan::wire::Request;
use microspan::{
    Arena, Callsites, Clock, Drain, Names, Refused, Session, Span, SpanContext, Static, Stats, Tracer,
    Transport, Value,
};
use microspan_std::decode::{Arrival, Strings};

// In statics, each at one address.
static SPAN_NAMES: [&str; 6] = [
    "bake",
    "slice",
    "spread the butter evenly",
    "",
    "größer",
    "a name that is longer than twenty-two bytes",
];
static KEYS: [&str; 4] = ["bread", "slices", "for whom it is made, and when", "k"];
static BREAD: &str = "rye";
const TEXT: &str = "ein Brötchen mit Käse, and then another one for the road, which is long";

/// What a span was to be when it started, and what was done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// Its name.
    pub name: &'static str,
    /// When the span it came into had started; `None`: it is a root.
    pub parent: Option<u64>,
    /// The span of elsewhere that its trace continues from.
    pub remote: Option<SpanContext>,
    /// Whether it is an error.
    pub error: bool,
    /// The tags that hold, as the host shows their values.
    pub tags: BTreeMap<&'static str, String>,
    /// The names of its events.
    pub events: Vec<&'static str>,
    /// How many links it has.
    pub links: usize,
}

/// What a device did and sent.
#[derive(Debug)]
pub struct Run {
    /// The longest packet.
    pub mtu: usize,
    /// Whether all strings are known: none is told by its address.
    pub named: bool,
    /// The packets, in their order.
    pub packets: Vec<Vec<u8>>,
    /// How many of them were sent when all was done: they hold no span, and the last says all that was dropped.
    pub farewell: usize,
    /// The spans that found a slot, by their start, which no two share.
    pub made: BTreeMap<u64, Made>,
    /// How many spans were to start.
    pub started: u64,
    /// Whether each span was finished before those it came into: parents are sure.
    pub nested: bool,
    /// What the tracer says it dropped.
    pub stats: Stats,
    /// How many spans the drain says it sent.
    pub sent: u32,
}

/// The strings of the program that lie at known addresses, for devices that tell names by theirs.
#[derive(Debug)]
pub struct Program;

impl Strings for Program {
    fn text(&self, _: &[u8], address: u64, length: u32) -> Option<String> {
        let mut texts = SPAN_NAMES.iter().chain(&KEYS).chain([&BREAD]);
        let found =
            texts.find(|text| text.as_ptr().addr() as u64 == address && text.len() == length as usize);
        found.map(|text| (*text).to_owned())
    }
}

/// When tick 0 of a device was, in nanoseconds since the Unix epoch.
pub const BASE: u64 = 1_000_000_000_000_000_000;

/// When a packet arrives that was filled at this tick and took no time.
pub fn at_once(tick: u64, monotonic: u64) -> Arrival {
    Arrival { unix: (BASE + tick) as i64, monotonic }
}

/// The tick of a time on the host.
pub fn tick(unix: i64) -> u64 {
    (unix as u64).wrapping_sub(BASE)
}

/// Nanoseconds, set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000_000
    }
}

/// Keeps packets, and refuses every so many'th.
struct Link {
    packets: Vec<Vec<u8>>,
    refuses: u8,
    offered: u8,
}

impl Transport for Link {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.offered = self.offered.wrapping_add(1);
        if self.refuses != 0 && self.offered.is_multiple_of(self.refuses) {
            return Err(Refused::WouldBlock);
        }
        self.packets.push(packet.to_vec());
        Ok(())
    }
}

/// All of a device that its tracer names.
struct Parts {
    arena: Arena<16, 64>,
    clock: Hand,
    callsites: Callsites<4>,
}

/// Runs a program on a device of this session; the first bytes choose its MTU and its tracer.
pub fn run(session: u64, program: &[u8]) -> Run {
    let mut program = program.iter().copied();
    let kind = program.next().unwrap_or(0);
    match kind % 4 {
        0 => on::<64, 4>(session, kind, &mut program),
        1 => on::<96, 0>(session, kind, &mut program),
        2 => on::<256, 64>(session, kind, &mut program),
        _ => on::<1472, 64>(session, kind, &mut program),
    }
}

fn on<const MTU: usize, const NAMES: usize>(
    session: u64,
    kind: u8,
    program: &mut dyn Iterator<Item = u8>,
) -> Run {
    let parts = Box::into_raw(Box::new(Parts {
        arena: Arena::new(),
        clock: Hand(AtomicU64::new(1000)),
        callsites: Callsites::new(),
    }));
    // SAFETY: it is freed below, when nothing names it any more: `Run` owns what is in it.
    let device: &'static Parts = unsafe { &*parts };
    let mut tracer =
        Tracer::new(&device.arena, &device.clock).service("kitchen").tags(&[("env", Value::Static("dev"))]);
    if kind & 0x10 != 0 {
        tracer = tracer.overwrite();
    }
    if kind & 0x20 != 0 {
        tracer = tracer.reserve(4);
    }
    if kind & 0x40 != 0 {
        tracer = tracer.callsites(&device.callsites);
    }
    let tracer = Box::into_raw(Box::new(tracer));
    // SAFETY: likewise.
    let run = execute::<MTU, NAMES>(unsafe { &*tracer }, &device.clock, (session, kind), program);
    // SAFETY: both came from boxes, and the drain and all spans are gone.
    unsafe {
        drop(Box::from_raw(tracer));
        drop(Box::from_raw(parts));
    }
    run
}

fn execute<const MTU: usize, const NAMES: usize>(
    tracer: &'static Tracer,
    clock: &'static Hand,
    (session, kind): (u64, u8),
    program: &mut dyn Iterator<Item = u8>,
) -> Run {
    let Some(mut drain) = Drain::<MTU, NAMES>::new(tracer, Session::new(session)) else {
        unreachable!("a tracer's first drain")
    };
    match kind >> 2 & 3 {
        1 => _ = drain.set_device("oven-1").set_build_id(&[7; 20]),
        2 => _ = drain.set_names(Names::ByAddress).set_build_id(&[9; 20]),
        3 => _ = drain.set_clock_base(BASE),
        _ => {}
    }
    let mut link = Link { packets: Vec::new(), refuses: program.next().unwrap_or(0), offered: 0 };
    let mut doing = Doing { tracer, open: Vec::new(), made: BTreeMap::new(), started: 0, nested: true };
    while let Some(step) = program.next() {
        clock.0.fetch_add(1, Ordering::Relaxed);
        match step % 16 {
            14 if step >> 4 == 15 => {
                let request = Request { session: None, sync: true, names: true, time: Some(3) };
                assert!(drain.hear(&request.encode()));
            }
            14 => {
                let _ = drain.poll(&mut link);
            }
            15 => {
                let ticks = u64::from(program.next().unwrap_or(0));
                clock.0.fetch_add(ticks * ticks * ticks * 100, Ordering::Relaxed);
            }
            _ => doing.step(step, clock.now(), program),
        }
    }
    while let Some((span, _)) = doing.open.pop() {
        drop(span);
    }
    link.refuses = 0;
    while drain.poll(&mut link) == Ok(true) {}
    let spoken = link.packets.len();
    for _ in 0..2 {
        drain.sync();
        while drain.poll(&mut link) == Ok(true) {}
    }
    Run {
        mtu: MTU,
        named: kind >> 2 & 3 != 2,
        farewell: link.packets.len() - spoken,
        packets: link.packets,
        made: doing.made,
        started: doing.started,
        nested: doing.nested,
        stats: tracer.stats(),
        sent: drain.spans(),
    }
}

/// A program in its course.
struct Doing {
    tracer: &'static Tracer,
    open: Vec<(Span, u64)>,
    made: BTreeMap<u64, Made>,
    started: u64,
    nested: bool,
}

impl Doing {
    fn step(&mut self, step: u8, now: u64, program: &mut dyn Iterator<Item = u8>) {
        let mut byte = || program.next().unwrap_or(0);
        match step % 16 {
            0..=3 => return self.start(SPAN_NAMES[usize::from(step >> 4) % SPAN_NAMES.len()], now),
            4 | 5 => {
                self.open.pop();
                return;
            }
            6 if self.open.len() > 1 => {
                self.nested = false;
                let at = usize::from(byte()) % (self.open.len() - 1);
                drop(self.open.remove(at));
                return;
            }
            _ => {}
        }
        let Some((span, start)) = self.open.last() else { return };
        let Some(made) = self.made.get_mut(start) else { return };
        let key = KEYS[usize::from(step >> 4) % KEYS.len()];
        match step % 16 {
            7 => {
                let value = u64::from(byte()) << (byte() % 57);
                span.set_tag(key, value);
                made.tags.insert(key, value.to_string());
            }
            8 => {
                let text = &TEXT[..TEXT.floor_char_boundary(usize::from(byte()) % TEXT.len())];
                span.set_tag(key, text);
                made.tags.insert(key, text.to_owned());
            }
            9 => {
                let (tag, shown): (Value<'_>, String) = match byte() {
                    0 => (Static(BREAD).into(), BREAD.to_owned()),
                    1 => (true.into(), "true".to_owned()),
                    2 => (0.25f32.into(), "0.25".to_owned()),
                    3 => (f64::MAX.into(), format!("{:e}", f64::MAX)),
                    n => ((-i64::from(n)).into(), (-i64::from(n)).to_string()),
                };
                span.set_tag(key, tag);
                made.tags.insert(key, shown);
            }
            10 => {
                let size = byte();
                span.add_event(
                    key,
                    &[("size", size.into()), ("where", "oven".into())][..usize::from(size % 3)],
                );
                made.events.push(key);
            }
            11 => {
                let elsewhere = elsewhere(byte());
                span.add_remote_link(&elsewhere, &[("why", "warm".into())]);
                made.links += 1;
            }
            12 if made.parent.is_none() && made.remote.is_none() => {
                let elsewhere = elsewhere(byte());
                span.continue_from(&elsewhere).set_baggage_item("user.id", "ada");
                made.remote = Some(elsewhere);
            }
            12 => {
                span.remove_tag(key);
                made.tags.remove(key);
            }
            13 => {
                span.set_error_info("OutOfPickles", "the jar is empty");
                made.error = true;
            }
            _ => {}
        }
    }

    fn start(&mut self, name: &'static str, now: u64) {
        self.started += 1;
        let parent = self.open.last().map(|(_, start)| *start);
        let span = self.tracer.trace(name);
        if span.is_recording() {
            let made = Made {
                name,
                parent,
                remote: None,
                error: false,
                tags: BTreeMap::new(),
                events: Vec::new(),
                links: 0,
            };
            self.made.insert(now, made);
            self.open.push((span, now));
        }
    }
}

fn elsewhere(byte: u8) -> SpanContext {
    SpanContext {
        trace_id: (0xabc << 64) | (u128::from(byte) + 1),
        span_id: u64::from(byte) + 0xdef,
        sampling_priority: (!byte.is_multiple_of(4)).then_some((byte % 4) as i8 - 1),
    }
}
