//! Deciding on a trace when it is handed on, before it is gathered.

use std::sync::Arc;

use super::Rates;
use super::ahead::as_gathered;
use super::context::Context;
use super::decided::{Decided, Decisions};
use super::decision::format_rate;
use crate::config::Tagging;
use crate::model::{Source, Span, Text};

/// Decides on traces of one source that are handed on before they are gathered, as the [`Assembler`](super::Assembler) would,
/// which goes by it: what was sent is what the agent gets.
///
/// Of 65,536 such traces whose roots are open it is known what was decided.
pub struct Decider {
    pub(super) decisions: Arc<Decisions>,
    pub(super) rates: Rates,
    pub(super) tagging: Tagging,
    pub(super) context: Context,
}

/// What was decided on a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Early {
    /// The sampling priority.
    pub priority: i8,
    /// The number of Datadog's mechanism.
    pub mechanism: u8,
    /// The rate by which it was decided, as the tag `_dd.p.ksr` has it.
    pub rate: Option<Text>,
}

impl Decider {
    /// Has the source say this of itself from here on.
    pub fn renew(&mut self, said: &Source) {
        self.context = Context::new(said, &self.tagging);
    }

    /// The keys of tags that rules look at.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.decisions.rules().iter().flat_map(|rule| &rule.tags).map(|(key, _)| key.as_str())
    }

    /// What was decided on a trace, or is now: at `now`, in the time of the assembler, by what its root is so far.
    pub fn decide(&self, trace_id: u128, now: u64, root: impl FnOnce() -> Span) -> Early {
        let context = &self.context;
        let look = || {
            let mut root = root();
            as_gathered(&mut root, trace_id, context, &self.tagging.mapping);
            root
        };
        match self.decisions.early(trace_id, now, look, context, &self.rates) {
            Decided::ByRule(decision) => Early {
                priority: decision.priority as i8,
                mechanism: decision.mechanism,
                rate: Some(Text::from(format_rate(decision.rate))),
            },
            Decided::ByAgent(Some(verdict)) => {
                Early { priority: verdict.is_kept.into(), mechanism: 1, rate: Some(verdict.rate.text) }
            }
            Decided::ByAgent(None) => Early { priority: 1, mechanism: 0, rate: None },
        }
    }
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider").field("rates", &self.rates).finish_non_exhaustive()
    }
}
