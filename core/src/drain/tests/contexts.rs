//! Interrupts, cores and callsites, as they are told.

use super::*;

/// A context whose core and interrupt a test sets.
struct Anywhere {
    core: AtomicU64,
    interrupt: AtomicU64,
}

impl Context for Anywhere {
    fn core(&self) -> usize {
        self.core.load(core::sync::atomic::Ordering::Relaxed) as usize
    }

    fn interrupt(&self) -> u32 {
        self.interrupt.load(core::sync::atomic::Ordering::Relaxed) as u32
    }
}

impl Anywhere {
    fn go(&self, core: u64, interrupt: u64) {
        self.core.store(core, core::sync::atomic::Ordering::Relaxed);
        self.interrupt.store(interrupt, core::sync::atomic::Ordering::Relaxed);
    }
}

fn with_context(interrupts: Interrupts) -> (&'static Tracer, &'static Anywhere) {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(0))));
    let context: &'static Anywhere =
        Box::leak(Box::new(Anywhere { core: AtomicU64::new(0), interrupt: AtomicU64::new(0) }));
    let arena = Box::leak(Box::new(Arena::<16, 16, 2>::new()));
    let tracer = Tracer::new(arena, clock).context(context).interrupts(interrupts);
    (Box::leak(Box::new(tracer)), context)
}

/// A span of thread mode, into which an interrupt comes, into which another comes; afterwards thread mode goes on.
fn nested_interrupts(tracer: &'static Tracer, context: &Anywhere) -> Vec<Vec<u8>> {
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    let request = tracer.trace("request");
    context.go(0, 15);
    let tick = tracer.trace("tick");
    let count = tracer.trace("count");
    context.go(0, 37);
    drop(tracer.trace("byte"));
    context.go(0, 15);
    drop((count, tick));
    context.go(0, 0);
    drop(tracer.trace("after"));
    drop(request);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    link.packets
}

#[test]
fn an_interrupts_span_is_a_child_of_what_it_interrupted_and_says_so() {
    let (tracer, context) = with_context(Interrupts::Children);
    assert_eq!(
        read(&nested_interrupts(tracer, context)),
        [
            "request 0+0 ^0",
            "tick 0+0 <1 ^1 !15",
            "count 0+0 <1 ^2 !15",
            "byte 0+0 <1 ^3 !37",
            "after 0+0 <4 ^4"
        ]
    );
}

#[test]
fn an_interrupts_span_can_be_a_root_with_a_link_to_what_it_interrupted() {
    let (tracer, context) = with_context(Interrupts::Roots);
    assert_eq!(
        read(&nested_interrupts(tracer, context)),
        [
            "request 0+0 ^0",
            "tick 0+0 ^0 !15 ~1^1",
            "count 0+0 <1 ^1 !15",
            "byte 0+0 ^0 !37 ~1^2",
            "after 0+0 <4 ^4"
        ]
    );
}

#[test]
fn a_link_tells_its_trace_unless_its_span_went_out_before_and_its_slot_is_used_again() {
    let (tracer, context) = with_context(Interrupts::Roots);
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    let (root, linked) = (tracer.trace("root"), tracer.trace("linked"));
    context.go(0, 15);
    drop(tracer.trace("while it is open"));
    let late = tracer.trace("late");
    context.go(0, 0);
    send_all(&mut drain, &mut link);
    assert_eq!(read(&link.packets), ["while it is open 0+0 ^0 !15 ~1^2"]);
    drop((linked, root));
    for _ in 0..16 {
        drop(tracer.trace("next"));
        send_all(&mut drain, &mut link);
    }
    drop(late);
    send_all(&mut drain, &mut link);
    assert_eq!(read(&link.packets).last().unwrap(), "late 0+0 ^0 !15 ~2");
}

#[test]
fn counts_that_fit_no_packet_are_left_out_and_hold_up_nothing() {
    static SITES: Callsites<4> = Callsites::new();
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(0))));
    let arena = Box::leak(Box::new(Arena::<4, 4>::new()));
    // The sync with these tags leaves no room in a packet of 64 bytes.
    let tags = &[
        ("a", Value::U64(1)),
        ("b", Value::U64(2)),
        ("c", Value::U64(3)),
        ("d", Value::U64(4)),
        ("e", Value::U64(5)),
        ("f", Value::U64(6)),
        ("g", Value::U64(7)),
        ("h", Value::U64(8)),
    ];
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).callsites(&SITES).tags(tags)));
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(1)).unwrap();
    let held: Vec<_> = (0..5).map(|_| tracer.trace("short")).collect();
    drop(tracer.trace("a name that is longer than what a packet of 64 bytes has room for"));
    drop(held);
    let mut link = Kept::default();
    let polls = (0..if cfg!(miri) { 20 } else { 1000 }).filter(|_| drain.poll(&mut link) == Ok(true)).count();
    assert!(polls < 10, "{polls} packets");
    assert_eq!(dropped(&link.packets).spans_full, 2);
    let records = link.packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    let told = records.filter(|record| matches!(record, Ok(Record::Callsite { started: 5, dropped: 1, .. })));
    assert_eq!(told.count(), 1);
}

#[test]
fn drops_are_told_for_each_core() {
    let (tracer, context) = with_context(Interrupts::Children);
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let held: Vec<_> = (0..16).map(|_| tracer.trace("held")).collect();
    for core in [0, 1, 1, 7] {
        context.go(core, 0);
        assert!(!tracer.trace("dropped").is_recording());
    }
    context.go(0, 0);
    drop(held);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    assert_eq!(dropped_on(&link.packets, 0), Stats { spans_full: 1, ..Stats::default() });
    assert_eq!(
        dropped_on(&link.packets, 1),
        Stats { spans_full: 3, ..Stats::default() },
        "7 is none of its cores"
    );
    assert_eq!(tracer.stats_of(1), dropped_on(&link.packets, 1));
    assert_eq!(tracer.stats().spans_full, 4);
}

#[test]
fn the_counts_of_callsites_arrive_whatever_the_mtu() {
    static TABLE: Callsites<8> = Callsites::new();
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(0))));
    let arena = Box::leak(Box::new(Arena::<4, 8>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).callsites(&TABLE)));
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    for name in ["bread", "butter", "ham", "cheese"] {
        let held: Vec<_> = (0..6).map(|_| tracer.trace(name)).collect();
        held[0].set_error_info("Stale", "too old");
        drop(held);
        clock.turn(1000);
        send_all(&mut drain, &mut link);
    }
    clock.turn(1000);
    send_all(&mut drain, &mut link);
    let mut counts = HashMap::new();
    let mut names = HashMap::new();
    for record in link.packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records()) {
        match record.unwrap() {
            Record::Callsite { name: Text::Name(name), started, finished, errored, dropped } => {
                counts.insert(name, (started, finished, errored, dropped));
            }
            Record::Name { index, text } => drop(names.insert(index, text)),
            _ => (),
        }
    }
    assert_eq!(counts.len(), 4);
    for (name, counts) in counts {
        assert_eq!(counts, (6, 4, 1, 2), "{}", names[&name]);
    }
}
