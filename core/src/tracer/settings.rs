//! What a tracer is told of before it is used.

use super::Tracer;
use crate::arena::MAX_RESERVED;
use crate::callsite::Callsites;
use crate::context::{Context, Interrupts};
use crate::global_tags::GlobalTags;
use crate::sampler::Sampler;
use crate::slot_ring::Mode;
use crate::tag::Value;

impl Tracer {
    /// The service that its spans belong to; none: the host's configuration says it.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).service("kitchen");
    /// ```
    #[must_use]
    pub const fn service(mut self, service: &'static str) -> Self {
        self.service = service;
        self.judge.service = service;
        self
    }

    /// Tags of every span (`env`, `version`, what the device is called). They go out once, not per span; a
    /// span's own tag of the same key wins, and so does the first of two here. What does not fit one packet of the
    /// drain's MTU stays out.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TAGS: [(&str, Value<'static>); 1] = [("env", Value::Static("dev"))];
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).tags(&TAGS);
    /// ```
    #[must_use]
    pub const fn tags(mut self, tags: &'static [(&'static str, Value<'static>)]) -> Self {
        self.tags = tags;
        self
    }

    /// Takes the tags of all spans that are set at run time from this table; see [`GlobalTags`].
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TAGS: GlobalTags<4> = GlobalTags::new();
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).global_tags(&TAGS);
    /// TRACED.set_global_tag("room", Static("kitchen")).unwrap();
    /// ```
    #[must_use]
    pub const fn global_tags<const N: usize>(mut self, table: &'static GlobalTags<N>) -> Self {
        self.global_tags = Some(table.view());
        self
    }

    /// Who says on which core and in which interrupt a span starts; [`OneContext`](crate::OneContext) unless this is called.
    ///
    /// An exclusive tracer has one context, whatever this says.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// fn core_id() -> usize { 0 }
    /// static CONTEXT: Cores<OneContext> = Cores::new(core_id, OneContext);
    /// static ON_TWO: Arena<16, 64, 2> = Arena::new();
    /// static TRACED: Tracer = Tracer::new(&ON_TWO, &Ticks).context(&CONTEXT); // `&CortexM` on one core with interrupts
    /// ```
    #[must_use]
    pub const fn context(mut self, context: &'static dyn Context) -> Self {
        if matches!(self.mode, Mode::Shared) {
            self.context = context;
        }
        self
    }

    /// What the spans of interrupts are; children of what they interrupt unless this is called.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).interrupts(Interrupts::Roots);
    /// ```
    #[must_use]
    pub const fn interrupts(mut self, interrupts: Interrupts) -> Self {
        self.interrupts = interrupts;
        self
    }

    /// Has a start that finds no free slot take the one of the oldest finished span, as a flight recorder does, instead of
    /// dropping the new span. What is lost is counted ([`Stats::spans_overwritten`](crate::Stats::spans_overwritten)).
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).overwrite();
    /// for _ in 0..17 {
    ///     TRACED.trace("order").finish(); // the last one took the place of the first
    /// }
    /// assert_eq!(TRACED.stats().spans_overwritten, 1);
    /// ```
    #[must_use]
    pub const fn overwrite(mut self) -> Self {
        self.arena.full.overwrite = true;
        self.arena.apart.spans = false;
        self
    }

    /// Reserves `slots` of the arena for roots and errors, so that a flood of other spans cannot keep them out; at most 64, and
    /// half of the arena.
    ///
    /// A span that finds no slot but reserved ones is dropped and counted ([`Stats::spans_reserved`](crate::Stats::spans_reserved)). If an error is set on
    /// a dropped span, that error is recorded in a reserved slot. Beside [`overwrite`](Self::overwrite) nothing but
    /// roots and errors takes the place of roots and errors.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).reserve(4);
    /// ```
    #[must_use]
    pub const fn reserve(mut self, slots: usize) -> Self {
        let half = self.arena.capacity() / 2;
        let most = if half < MAX_RESERVED { half } else { MAX_RESERVED };
        self.arena.full.reserved = if slots < most as usize { slots as u32 } else { most };
        self.arena.full.asks = self.arena.full.reserved != 0 || self.judge.exists();
        self
    }

    /// Has this decide which traces are recorded; all are unless this is called.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static SAMPLER: Sampler = Sampler::new().rate(0.0);
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).sampler(&SAMPLER);
    /// assert!(!TRACED.trace("order").is_recording());
    /// ```
    #[must_use]
    pub const fn sampler(mut self, sampler: &'static Sampler) -> Self {
        self.judge.sampler = Some(sampler);
        self.arena.full.asks = true;
        self
    }

    /// Leaves out every trace whose root starts with a resource that one of these patterns matches: the one that its
    /// [builder](crate::SpanBuilder::resource) or [`wrap`](macro@crate::wrap) says, or else its name.
    ///
    /// In a pattern `*` stands for any text and `?` for one character, and the case of ASCII letters makes no difference.
    /// Such a trace is not recorded, as one that is [sampled out](Sampler), and is counted
    /// ([`Stats::traces_filtered`](crate::Stats::traces_filtered)). Nobody else is asked, and nothing brings it back.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// static FILTER: [&str; 2] = ["GET /health*", "idle"];
    /// static ARENA: Arena<16, 32> = Arena::new();
    /// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).filter(&FILTER);
    /// assert!(!TRACER.trace("idle").is_recording());
    /// assert!(!TRACER.span("request").resource("GET /health/live").start().is_recording());
    /// assert_eq!(TRACER.stats().traces_filtered, 2);
    /// ```
    #[must_use]
    pub const fn filter(mut self, patterns: &'static [&'static str]) -> Self {
        self.judge.filter = patterns;
        self.arena.full.asks = self.arena.full.reserved != 0 || self.judge.exists();
        self
    }

    /// Counts what happens at each callsite in this table.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static SITES: Callsites<8> = Callsites::new();
    /// static TRACED: Tracer = Tracer::new(&ARENA, &Ticks).callsites(&SITES);
    /// TRACED.trace("order").finish();
    /// assert_eq!(SITES.iter().count(), 1);
    /// ```
    #[must_use]
    pub const fn callsites<const N: usize>(mut self, table: &'static Callsites<N>) -> Self {
        self.callsites = Some(table.view());
        self
    }

    /// Shows spans that end while a thread unwinds: on hosts. See [`Unwinding`](crate::Unwinding).
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static UNWINDING: Unwinding = Unwinding::new(|span, _| { span.error(std::thread::panicking()); });
    /// static OF_SERVER: Tracer = Tracer::new(&ARENA, &Ticks).unwinding(&UNWINDING);
    /// ```
    #[cfg(not(target_os = "none"))]
    #[must_use]
    pub const fn unwinding(mut self, unwinding: &'static crate::Unwinding) -> Self {
        self.unwinding = Some(unwinding);
        self
    }
}
