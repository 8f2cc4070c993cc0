//! Finished spans handed to a program that runs beside the tracer, as they lie in the arena: nothing is encoded.

use super::{Drain, Sweep};
use crate::arena::{Cell, ERROR, Finished, LOST, MAX_STR};
use crate::clock::ahead40;
use crate::id::widen;
use crate::span_context::SpanContext;
use crate::tag::{Kind, Value};
use crate::tracer::Tracer;

/// How many spans one call hands on at most.
const BATCH: u32 = 256;

/// What lies 2^40 ticks apart looks the same; so much of that is left for ends that come before their starts.
const BACKWARDS: u64 = 1 << 30;

const TICKS: u64 = (1 << 40) - 1;

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// Hands finished spans to `each`, up to 256, and frees their slots; returns whether there may be more.
    ///
    /// For a program that encodes its spans itself, in the process they were made in: names, keys and static strings come as
    /// the `&'static str` that they are. A drain is either taken from or polled: what is taken here goes into no packet.
    ///
    /// One call looks at 257 slots of the arena at most before it finds a span; in a larger arena `true` may mean that the look
    /// is to go on.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// let order = TRACER.trace("order");
    /// TRACER.trace("bread").set_tag("slices", 2u32);
    /// order.finish();
    /// let mut seen = Vec::new();
    /// while drain.take(|span| seen.push((span.name(), span.parent().is_some()))) {}
    /// assert_eq!(seen, [("order", false), ("bread", true)]);
    /// ```
    pub fn take(&mut self, mut each: impl FnMut(&Taken<'_>)) -> bool {
        let tracer = self.tracer;
        let mut sweep = Sweep { arena: tracer.arena, from: self.from, swept: self.swept };
        let now = tracer.clock.now();
        let (mut latest, mut taken) = (self.latest, 0);
        let mut more = true;
        while taken < BATCH {
            let Some(span) = sweep.next() else {
                more = sweep.swept != 0;
                break;
            };
            if span.has_tags() && tracer.arena.is_read() {
                sweep.put_back(&span);
                break;
            }
            latest = latest.max(widen(latest, span.handle));
            each(&Taken { tracer, latest, now, span: &span });
            sweep.arena.free(|| tracer.context.core(), &span);
            taken += 1;
        }
        self.spans = self.spans.wrapping_add(taken);
        self.latest = latest;
        tracer.arena.note_drained(latest, self.spans);
        (self.from, self.swept) = (sweep.from, sweep.swept);
        more
    }
}

/// A finished span that [`Drain::take`] hands on.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").error(true);
/// drain.take(|span| assert!(span.error() && span.counter() == span.trace()));
/// ```
pub struct Taken<'a> {
    tracer: &'static Tracer,
    latest: u64,
    now: u64,
    span: &'a Finished,
}

impl Taken<'_> {
    /// What its id is derived from, by [`Session::span_id`](crate::Session::span_id).
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert_eq!(span.counter(), span.trace()));
    /// ```
    #[inline]
    pub fn counter(&self) -> u64 {
        widen(self.latest, self.span.handle)
    }

    /// The counter of the root of its trace; its own: it is the root.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert_eq!(span.trace(), span.counter()));
    /// ```
    #[inline]
    pub fn trace(&self) -> u64 {
        widen(self.latest, self.span.root())
    }

    /// The counter of its parent.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert_eq!(span.parent(), None));
    /// ```
    #[inline]
    pub fn parent(&self) -> Option<u64> {
        let (parent, is_root) = (self.span.parent(), self.span.root() == self.span.handle);
        (parent != 0 && !is_root).then(|| widen(self.latest, parent))
    }

    /// Of the root of an interrupt's trace: the span that the interrupt came into, and that one's trace where it is known.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert!(span.link().is_none()));
    /// ```
    pub fn link(&self) -> Option<(u64, Option<u64>)> {
        let (parent, is_root) = (self.span.parent(), self.span.root() == self.span.handle);
        (parent != 0 && is_root).then(|| self.linked([parent, self.tracer.arena.last_root(parent)]))
    }

    /// The interrupt it was started in; 0: none.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert_eq!(span.interrupt(), 0));
    /// ```
    pub fn interrupt(&self) -> u8 {
        self.span.interrupt()
    }

    /// What it is called.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert_eq!(span.name(), "order"));
    /// ```
    #[inline]
    pub fn name(&self) -> &'static str {
        self.span.name()
    }

    /// The tick at which it started, if it ended at most 2^39 ticks ago.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert!(span.start() <= Ticks.now()));
    /// ```
    #[inline]
    pub fn start(&self) -> u64 {
        self.widened(self.span.end()).wrapping_sub(self.duration())
    }

    /// How many ticks it took, up to 2^40 less 2^30; 0 where it ended before it began.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert!(span.duration() < 1_000_000));
    /// ```
    #[inline]
    pub fn duration(&self) -> u64 {
        let ticks = self.span.end().wrapping_sub(self.span.start()) & TICKS;
        if ticks > TICKS - BACKWARDS { 0 } else { ticks }
    }

    /// Whether it failed.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert!(!span.error()));
    /// ```
    #[inline]
    pub fn error(&self) -> bool {
        self.span.has(ERROR)
    }

    /// Whether some of its tags found no cell.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").finish();
    /// drain.take(|span| assert!(!span.lost_tags()));
    /// ```
    #[inline]
    pub fn lost_tags(&self) -> bool {
        self.span.has(LOST)
    }

    /// Shows its tags and what else hangs on it, newest first; of several tags with one key, the newest.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").set_tag("slices", 2u32).set_tag("warm", true);
    /// let mut keys = Vec::new();
    /// drain.take(|span| span.tags(|key, _| keys.push(key)));
    /// assert_eq!(keys, ["warm", "slices"]);
    /// ```
    #[inline]
    pub fn tags(&self, mut each: impl FnMut(&'static str, Held<'_>)) {
        if self.span.has_tags() {
            self.tracer.arena.tags(self.span).for_each(|cell| self.tag(&cell, &mut each));
        }
    }

    fn tag(&self, cell: &Cell, each: &mut dyn FnMut(&'static str, Held<'_>)) {
        let key = cell.key();
        match cell.kind {
            Kind::Removed => each(key, Held::Removed),
            Kind::RemoteParent => each(key, Held::RemoteParent(cell.context())),
            Kind::Baggage => text(cell, |text| each(key, Held::Baggage(text))),
            Kind::Event => each(key, Held::Event(self.widened(cell.bits()), &Said(cell))),
            Kind::RemoteLink => each(key, Held::RemoteLink(cell.context(), &Said(cell))),
            Kind::Link => {
                let (counter, trace) = self.linked(cell.linked());
                each(key, Held::Link { counter, trace, attributes: &Said(cell) });
            }
            _ => value(cell, |value, cut| each(key, if cut { Held::Cut(value) } else { Held::Value(value) })),
        }
    }

    /// The counters that handles stand for.
    fn linked(&self, [span, trace]: [u32; 2]) -> (u64, Option<u64>) {
        (widen(self.latest, span), (trace != 0).then(|| widen(self.latest, trace)))
    }

    #[inline]
    fn widened(&self, tick: u64) -> u64 {
        self.now.wrapping_add_signed(ahead40(tick, self.now))
    }
}

/// What hangs on a span.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # use microspan::Held;
/// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").set_tag("slices", 2u32);
/// drain.take(|span| span.tags(|key, held| assert!(key == "slices" && matches!(held, Held::Value(Value::U64(2))))));
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Held<'a> {
    /// A tag.
    Value(Value<'a>),
    /// A tag whose string was longer.
    Cut(Value<'a>),
    /// No tag of this key holds for it.
    Removed,
    /// Something that happened at this tick.
    Event(u64, &'a Said<'a>),
    /// A span of the same session that it has to do with, by counters.
    Link {
        /// That span's.
        counter: u64,
        /// That of its trace, if it is known.
        trace: Option<u64>,
        /// What is said of the link.
        attributes: &'a Said<'a>,
    },
    /// A span of elsewhere that it has to do with.
    RemoteLink(SpanContext, &'a Said<'a>),
    /// The span of elsewhere that is its parent.
    RemoteParent(SpanContext),
    /// What it hands to all that come from it.
    Baggage(&'a str),
}

/// What is said of an event or a link.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # use microspan::Held;
/// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").add_event("toasted", &[("slices", 2u32.into())]);
/// drain.take(|span| {
///     span.tags(|_, held| {
///         let Held::Event(_, said) = held else { panic!() };
///         said.each(|key, value, cut| assert!(key == "slices" && matches!(value, Value::U64(2)) && !cut));
///     });
/// });
/// ```
pub struct Said<'a>(pub(crate) &'a Cell);

impl Said<'_> {
    /// Shows each attribute, in the order in which they were given, and whether its string was cut.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # use microspan::Held;
    /// let mut drain = Drain::<64, 0>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("order").add_event("toasted", &[("slices", 2u32.into()), ("warm", true.into())]);
    /// let mut keys = Vec::new();
    /// drain.take(|span| {
    ///     span.tags(|_, held| {
    ///         if let Held::Event(_, said) = held {
    ///             said.each(|key, _, _| keys.push(key));
    ///         }
    ///     });
    /// });
    /// assert_eq!(keys, ["slices", "warm"]);
    /// ```
    pub fn each(&self, mut each: impl FnMut(&'static str, Value<'_>, bool)) {
        self.0.attributes().for_each(|cell| value(&cell, |value, cut| each(cell.key(), value, cut)));
    }
}

/// Shows the value of a tag, and whether it is a string that was cut.
fn value(cell: &Cell, look: impl FnOnce(Value<'_>, bool)) {
    #[cfg(not(target_os = "none"))]
    if cell.kind == Kind::Cut && cell.long().is_some() {
        return long(cell, look);
    }
    match cell.value() {
        Some(value) => look(value, false),
        None => text(cell, |text| look(Value::Str(text), cell.kind == Kind::Cut)),
    }
}

/// Shows a text that is kept elsewhere.
#[cfg(not(target_os = "none"))]
#[cold]
fn long(cell: &Cell, look: impl FnOnce(Value<'_>, bool)) {
    let mut look = Some(look);
    cell.show_long(|text| {
        if let Some(look) = look.take() {
            look(Value::Str(text), false);
        }
    });
}

/// Shows a dynamic string.
fn text(cell: &Cell, look: impl FnOnce(&str)) {
    let mut buffer = [0; MAX_STR];
    let (len, pieces) = cell.pieces();
    let mut left = buffer.get_mut(..len.into()).unwrap_or_default();
    for piece in pieces {
        let bytes = piece.as_ref();
        let count = bytes.len().min(left.len());
        let (to, rest) = left.split_at_mut_checked(count).unwrap_or_default();
        to.copy_from_slice(bytes.get(..count).unwrap_or_default());
        left = rest;
    }
    look(buffer.get(..len.into()).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default());
}
