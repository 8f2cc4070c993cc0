//! Head sampling: which traces are recorded is decided when their root starts.
//!
//! | file | idea |
//! | --- | --- |
//! | `sampler.rs` | rules and a limit to one verdict |
//! | `sampler/rule.rs` | a share of traces, and for which of them it holds |
//! | `sampler/glob.rs` | patterns |
//! | `sampler/limiter.rs` | so many a second |

mod glob;
mod limiter;
mod rule;

pub(crate) use glob::matches;
pub(crate) use rule::Root;
pub use rule::Rule;

use crate::clock::Clock;
use crate::sync::const_unless_loom;
use limiter::Limiter;

/// Decides which traces are recorded, by rules and a limit as Datadog's tracers have them.
///
/// Give it to a tracer by [`Tracer::sampler`](crate::Tracer::sampler). The first rule that is for a trace holds, or else the
/// [rate](Self::rate) of all others. Of a trace's id and a rate every tracer of Datadog makes the same of the two verdicts, so
/// that a trace which several of them see is kept by all or by none. What a rule keeps takes part in the
/// [limit](Self::limit), and is marked with the rule's rate (`_dd.rule_psr`) and the limit's (`_dd.limit_psr`), by which the
/// host sends it with priority 2. For a trace that nothing here is for the host decides.
///
/// A trace that is sampled out is not recorded, neither its root nor anything under it, and is counted
/// ([`Stats::traces_sampled_out`](crate::Stats::traces_sampled_out)). Its root holds one slot of the arena while it is open.
///
/// The ids of a session are known once its [`Drain`](crate::Drain) was made. A trace that begins before and whose verdict depends
/// on its id is recorded, and the host decides.
///
/// ```
/// use microspan::{Arena, Clock, Rule, Sampler, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1_000_000 }
/// # }
/// static RULES: [Rule; 2] = [Rule::new(0.0).name("idle.*"), Rule::new(1.0).name("alarm.*")];
/// static SAMPLER: Sampler = Sampler::new().rules(&RULES).rate(0.1).limit(10);
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).sampler(&SAMPLER);
///
/// let idle = TRACER.trace("idle.sleep");
/// let inner = TRACER.trace("inner"); // a child of what is not recorded is not, either
/// assert!(!idle.is_recording() && !inner.is_recording());
/// assert_eq!(TRACER.stats().traces_sampled_out, 1);
/// drop((inner, idle));
/// assert!(TRACER.trace("alarm.smoke").is_recording());
/// ```
pub struct Sampler {
    rules: &'static [Rule],
    others: Option<Rule>,
    limit: Option<u32>,
    limiter: Limiter,
}

impl Sampler {
    const_unless_loom! {
        /// A sampler without rules, and with Datadog's limit of 100 traces a second.
        ///
        /// ```
        /// use microspan::{Rule, Sampler};
        /// static ALL: Sampler = Sampler::new(); // keeps every trace
        /// ```
        #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
        pub fn new() -> Self {
            Self { rules: &[], others: None, limit: Some(100), limiter: Limiter::new() }
        }
    }

    /// The rules, of which the first that is for a trace holds.
    ///
    /// ```
    /// use microspan::{Rule, Sampler};
    /// static RULES: [Rule; 1] = [Rule::new(0.01).name("*.poll")];
    /// static SAMPLER: Sampler = Sampler::new().rules(&RULES);
    /// ```
    #[must_use]
    pub const fn rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }

    /// The rate of traces that no rule is for. Unless this is called, these are recorded and the host decides.
    ///
    /// ```
    /// use microspan::{Rule, Sampler};
    /// static A_TENTH: Sampler = Sampler::new().rate(0.1);
    /// ```
    #[must_use]
    pub const fn rate(mut self, rate: f64) -> Self {
        self.others = Some(Rule::new(rate));
        self
    }

    /// How many traces a second may be kept by rules and the rate, by the tracer's clock; 0: none.
    ///
    /// ```
    /// use microspan::{Rule, Sampler};
    /// static TEN_A_SECOND: Sampler = Sampler::new().rate(1.0).limit(10);
    /// ```
    #[must_use]
    pub const fn limit(mut self, traces_per_second: u32) -> Self {
        self.limit = Some(traces_per_second);
        self
    }

    /// Takes the limit away.
    ///
    /// ```
    /// use microspan::{Rule, Sampler};
    /// static HALF: Sampler = Sampler::new().rate(0.5).unlimited();
    /// ```
    #[must_use]
    pub const fn unlimited(mut self) -> Self {
        self.limit = None;
        self
    }

    /// What becomes of the trace of a root; `id`: the low half of its trace's id, once it is known.
    pub(crate) fn verdict(
        &self,
        root: &Root<'_>,
        id: impl FnOnce() -> Option<u64>,
        clock: &dyn Clock,
    ) -> Verdict {
        let own = self.rules.iter().find(|rule| rule.is_for(root));
        let Some(rule) = own.or(self.others.as_ref()) else { return Verdict::Undecided };
        match rule.rate.keeps(id) {
            None => return Verdict::Undecided,
            Some(false) => return Verdict::Drop,
            Some(true) => (),
        }
        let limit = match self.limit.map(|limit| self.limiter.take(limit, clock)) {
            None => None,
            Some(None) => return Verdict::Drop,
            Some(effective) => effective,
        };
        Verdict::Keep { rule: rule.rate.share, limit }
    }
}

impl core::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { rules, others, limit, .. } = self;
        let mut fields = f.debug_struct("Sampler");
        fields.field("rules", rules).field("others", others).field("limit", limit).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Sampler {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { rules, others, limit, .. } = self;
        defmt::write!(f, "Sampler {{ rules: {}, others: {}, limit: {} }}", rules, others, limit);
    }
}

/// What becomes of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is recorded, and the host decides.
    Undecided,
    /// It is recorded: by a rule of this rate, and under a limit of this effective rate.
    Keep { rule: f32, limit: Option<f32> },
    /// It is not recorded.
    Drop,
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
