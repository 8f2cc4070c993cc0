//! The tracer: what a program starts its spans from.

mod settings;

use crate::arena::{Arena, ArenaView, Here, Judge, Stats};
use crate::callsite::CallsitesView;
use crate::clock::Clock;
use crate::context::{Context, Interrupts, OneContext};
use crate::global_tags::{GlobalTagError, GlobalTagsView};
use crate::slot_ring::{By, Mode};
use crate::span::{Span, SpanBuilder, SpanRef};
use crate::sync::Ordering;
use crate::tag::Value;

/// A tracer: an arena, a clock, and what goes out once for all spans.
///
/// It belongs in a `static`. It holds no state of its own (that lies in the [`Arena`]), so it stays in flash,
/// and a program that names its tracer by the `static` gets the clock and the sizes folded into its code.
///
/// ```
/// use microspan::{Arena, Clock, Static, Tracer};
///
/// struct Ticks;
/// impl Clock for Ticks {
///     fn now(&self) -> u64 { 0 } // a timer's counter
///     fn frequency(&self) -> u32 { 1_000_000 }
/// }
///
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).service("thermostat");
///
/// let read = TRACER.trace("sensor.read");
/// {
///     let convert = TRACER.trace("sensor.convert"); // a child of `read`
///     convert.set_tag("unit", Static("celsius"));
/// }
/// read.set_tag("raw", 1187u32);
/// drop(read); // finished, in one store
/// ```
pub struct Tracer {
    pub(crate) arena: ArenaView,
    pub(crate) clock: &'static dyn Clock,
    pub(crate) context: &'static dyn Context,
    pub(crate) interrupts: Interrupts,
    pub(crate) mode: Mode,
    pub(crate) callsites: Option<CallsitesView>,
    pub(crate) service: &'static str,
    pub(crate) tags: &'static [(&'static str, Value<'static>)],
    pub(crate) judge: Judge,
    pub(crate) global_tags: Option<GlobalTagsView>,
    #[cfg(not(target_os = "none"))]
    pub(crate) unwinding: Option<&'static crate::unwinding::Unwinding>,
}

impl Tracer {
    /// A tracer over this arena and this clock.
    ///
    /// ```
    /// use microspan::{Arena, Clock, Tracer};
    /// struct Ticks; // any timer that counts up
    /// impl Clock for Ticks {
    ///     fn now(&self) -> u64 { 0 }
    ///     fn frequency(&self) -> u32 { 1_000_000 }
    /// }
    /// static ARENA: Arena<16, 32> = Arena::new();
    /// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// assert!(TRACER.trace("request").is_recording());
    /// ```
    pub const fn new<const SPANS: usize, const TAGS: usize, const CORES: usize>(
        arena: &'static Arena<SPANS, TAGS, CORES>,
        clock: &'static dyn Clock,
    ) -> Self {
        Self::of(arena.view(), clock)
    }

    pub(crate) const fn of(arena: ArenaView, clock: &'static dyn Clock) -> Self {
        Self {
            arena,
            clock,
            context: &OneContext,
            interrupts: Interrupts::Children,
            mode: Mode::Shared,
            callsites: None,
            service: "",
            tags: &[],
            judge: Judge::NONE,
            global_tags: None,
            #[cfg(not(target_os = "none"))]
            unwinding: None,
        }
    }

    /// A tracer for [`Exclusive`](crate::Exclusive): nobody else has this arena. By itself it starts no spans.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// assert!(tracer.trace("request").is_recording());
    /// ```
    pub const fn exclusive<const SPANS: usize, const TAGS: usize>(
        arena: &'static mut Arena<SPANS, TAGS>,
        clock: &'static dyn Clock,
    ) -> Self {
        Self { mode: Mode::Exclusive, ..Self::new(arena, clock) }
    }

    /// Starts a span, as a child of the current one, and makes it the current one.
    ///
    /// It is finished when the guard is dropped. When the arena is full the span is dropped and counted, and the
    /// guard does nothing. A name of more than 250 bytes is cut.
    ///
    /// The current span is one for each core that the [`Context`] tells apart; interrupts nest in it. When a parent is
    /// finished before its child, the nearest ancestor that is open is current after the child, if the parent's slot was
    /// not used again meanwhile; otherwise there is none.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// let bread = TRACER.trace("bread.cut"); // a child of `order`
    /// ```
    #[inline(always)]
    pub fn trace(&'static self, name: &'static str) -> Span {
        if self.is_enabled() && self.mode == Mode::Shared {
            Span::start(self, name)
        } else {
            Span::none(self)
        }
    }

    /// A span that is to have more than a name when it starts.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Static, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let tags = [("bread", Static("rye").into()), ("slices", 2u8.into())];
    /// let order = TRACER.span("order").service("kitchen").resource("POST /sandwich").tags(&tags).start();
    /// assert!(order.is_recording());
    /// ```
    #[inline]
    pub fn span(&'static self, name: &'static str) -> SpanBuilder<'static> {
        SpanBuilder::new(self, name, self.is_enabled() && self.mode == Mode::Shared)
    }

    /// The current span; `None` when there is none, or its trace is not recorded.
    ///
    /// It can be tagged from any function without being handed down.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// TRACER.current_span().unwrap().set_tag("slices", 2u32);
    /// assert_eq!(order.get_tag("slices"), Some(Value::U64(2)));
    /// ```
    #[inline]
    pub fn current_span(&'static self) -> Option<SpanRef> {
        if self.mode == Mode::Shared { SpanRef::open(self, self.current()) } else { None }
    }

    /// The root span of the current trace, when it is still open.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let (order, bread) = (TRACER.trace("order"), TRACER.trace("bread.cut"));
    /// TRACER.current_root_span().unwrap().set_tag("guests", 2u32);
    /// assert!(order.get_tag("guests").is_some() && bread.get_tag("guests").is_none());
    /// ```
    #[inline]
    pub fn current_root_span(&'static self) -> Option<SpanRef> {
        if self.mode == Mode::Shared { SpanRef::open(self, self.current_root()?) } else { None }
    }

    #[inline]
    pub(crate) fn current(&self) -> u32 {
        self.arena.current(Here::of(self.context))
    }

    #[inline]
    pub(crate) fn current_root(&self) -> Option<u32> {
        self.arena.root(self.current())
    }

    /// Who claims a cell where this is called.
    #[inline(always)]
    pub(crate) fn cell_by(&self, mode: Mode) -> By<'static> {
        self.arena.cell_by(mode, || self.context.core())
    }

    #[inline(always)]
    pub(crate) fn is_enabled(&self) -> bool {
        !cfg!(feature = "off") && !self.arena.state.disabled.load(Ordering::Relaxed)
    }

    /// Switches recording on or off; it is on at first, and off for good after [a panic](Self::on_panic). Spans that are open
    /// stay so.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// TRACER.set_enabled(false);
    /// assert!(!TRACER.trace("order").is_recording());
    /// ```
    pub fn set_enabled(&self, enabled: bool) {
        self.arena
            .state
            .disabled
            .store(!enabled || self.arena.has_panicked() || self.arena.is_asleep(), Ordering::Relaxed);
    }

    /// Sets a tag of all spans, of those too that are open or wait for the drain; one that was set before under the same key, or
    /// by [`tags`](Self::tags), gives way. A span's own tag of the same key wins.
    ///
    /// It goes out with the next packet, and then as the others do. A text that is not [`Static`](crate::Static) is cut
    /// after 32 bytes, on hosts after 128. An example is at [`GlobalTags`](crate::GlobalTags).
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// static TAGS: GlobalTags<4> = GlobalTags::new();
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).global_tags(&TAGS);
    /// TRACED.set_global_tag("firmware", Static("1.2.0")).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// There is no room in the tracer's [`GlobalTags`](crate::GlobalTags), or the tag is just being set by what this came into or by another
    /// core. It is not set then.
    pub fn set_global_tag<'v>(
        &self,
        key: &'static str,
        value: impl Into<Value<'v>>,
    ) -> Result<(), GlobalTagError> {
        self.global_tags.ok_or(GlobalTagError::NoRoom)?.set(key, value.into())
    }

    /// Has this keep texts that are longer than tag cells hold, which are cut otherwise: on hosts. What was set before stays as it
    /// is, and so does who was told this first.
    ///
    /// Such a text takes one cell. Packets have its first [`MAX_STR`](crate::MAX_STR) bytes; who [takes](crate::Drain::take) spans
    /// has all of it.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// static NOBODY: LongTexts = LongTexts::new(|_| None, |_, _| (), |_| ());
    /// TRACER.keep_long_texts(&NOBODY);
    /// ```
    #[cfg(not(target_os = "none"))]
    pub fn keep_long_texts(&self, by: &'static crate::LongTexts) {
        self.arena.keep_long_texts(by);
    }

    /// Shows the [tags of all spans](Self::tags), later ones of a key last, if any was [set](Self::set_global_tag) since `told`,
    /// which it brings up to date; whether it did. Who [takes](crate::Drain::take) spans asks this. One that is just being set is
    /// left out, and shown the next time.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// static TAGS: GlobalTags<4> = GlobalTags::new();
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).global_tags(&TAGS);
    /// let mut told = 0;
    /// assert!(!TRACED.new_global_tags(&mut told, |_, _| ()));
    /// TRACED.set_global_tag("room", Static("kitchen")).unwrap();
    /// let mut seen = Vec::new();
    /// assert!(TRACED.new_global_tags(&mut told, |key, _| seen.push(key)));
    /// assert_eq!(seen, ["room"]);
    /// ```
    pub fn new_global_tags(&self, told: &mut u32, mut look: impl FnMut(&'static str, Value<'_>)) -> bool {
        let Some(set) = self.global_tags else { return false };
        let changes = set.changes();
        if changes == *told {
            return false;
        }
        *told = changes;
        self.tags.iter().rev().for_each(|(key, value)| look(key, *value));
        set.each(&mut look);
        true
    }

    /// What was dropped so far, on all cores.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let held: Vec<Span> = (0..20).map(|_| TRACER.trace("open")).collect(); // the arena has 16 slots
    /// assert_eq!(TRACER.stats().spans_dropped(), 4);
    /// ```
    pub fn stats(&self) -> Stats {
        self.arena.stats()
    }

    /// What was dropped so far on one core; nothing on a core that the arena has no place for.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// assert_eq!(TRACER.stats_of(0), Stats::default());
    /// ```
    pub fn stats_of(&self, core: usize) -> Stats {
        self.arena.stats_of(core)
    }
}
