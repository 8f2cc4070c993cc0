//! What was decided on traces, known to whoever gathers them and to whoever hands them on before that.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Rates;
use super::context::Context;
use super::decision::Decision;
use super::limiter::Limiter;
use super::rates::{Verdict, keeps};
use super::recent::Recent;
use super::sampling::is_for;
use crate::config::{Sampling, SamplingRule};
use crate::model::Span;

/// How many traces are remembered whose roots were gathered, for the parts of them that come later.
const REMEMBERED: usize = 8_192;

/// How many traces that were decided on may be open: a longer memory than the other's, as a request may take long.
const OPEN: usize = 65_536;

/// What was decided on a trace by the host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decided {
    /// By a rule.
    ByRule(Decision),
    /// By the rate that the agent asked for then; `None`: it had asked for none.
    ByAgent(Option<Verdict>),
}

/// Rules, their limit, and what came of them.
#[derive(Default)]
pub(super) struct Decisions {
    rules: Vec<SamplingRule>,
    /// Whether anything may be remembered.
    has_any: AtomicBool,
    state: Mutex<State>,
}

struct State {
    limiter: Option<Limiter>,
    /// Of traces whose roots were not gathered.
    open: Recent<u128, Decided>,
    /// Of others.
    closed: Recent<u128, Decided>,
}

impl Default for State {
    fn default() -> Self {
        Self { limiter: None, open: Recent::new(OPEN), closed: Recent::new(REMEMBERED) }
    }
}

impl Decisions {
    pub(super) fn new(sampling: &Sampling) -> Self {
        let mut rules = sampling.rules.clone();
        rules.extend(sampling.rate.map(SamplingRule::new));
        let state = State { limiter: sampling.limit.map(Limiter::new), ..State::default() };
        Self { rules, has_any: AtomicBool::new(false), state: Mutex::new(state) }
    }

    pub(super) fn rules(&self) -> &[SamplingRule] {
        &self.rules
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was decided on a trace whose root is open, or is now, for all of its parts, by what the root is so far.
    pub(super) fn early(
        &self,
        id: u128,
        now: u64,
        root: impl FnOnce() -> Span,
        context: &Context,
        rates: &Rates,
    ) -> Decided {
        let mut state = self.lock();
        if let Some(known) = state.known(id) {
            return known;
        }
        let root = root();
        let decided = self.by_rule(&mut state, &root, context, now).map_or_else(
            || {
                let service = root.service.as_ref().unwrap_or(&context.service);
                Decided::ByAgent(rates.judge(|| (service, context.env()), id))
            },
            Decided::ByRule,
        );
        state.open.insert(id, decided.clone());
        self.has_any.store(true, Ordering::Relaxed);
        decided
    }

    /// What was decided on a trace of which a part was gathered, or is now; `root`: its root, or what stands for it. `None`: there
    /// are no rules and no lower rate than 1, nothing was decided, and nobody needs to remember.
    pub(super) fn gathered(
        &self,
        root: &Span,
        verdict: &Option<Verdict>,
        context: &Context,
        now: u64,
    ) -> Option<Decided> {
        // Who decides early looks afterwards whether the root is still open. If it was, this sees that there is something.
        fence(Ordering::SeqCst);
        let is_whole = root.is_local_root();
        // A part that comes later may have another service, and a rate change.
        let is_remembered =
            !self.rules.is_empty() || verdict.as_ref().is_some_and(|said| said.rate.value < 1.0);
        if is_whole && !is_remembered && !self.has_any.load(Ordering::Relaxed) {
            return None;
        }
        let id = root.trace_id;
        let mut state = self.lock();
        let known = state.known(id);
        let is_known = known.is_some();
        let decided = known.unwrap_or_else(|| {
            let decided = self.by_rule(&mut state, root, context, now);
            decided.map_or_else(|| Decided::ByAgent(verdict.clone()), Decided::ByRule)
        });
        if !is_whole {
            if !is_known {
                state.open.insert(id, decided.clone());
                self.has_any.store(true, Ordering::Relaxed);
            }
        } else if state.open.remove(&id).is_some() || is_remembered {
            state.closed.insert(id, decided.clone());
        }
        Some(decided)
    }

    /// The root of a trace went out, although it was not asked what was decided, or is known to be gone.
    pub(super) fn close(&self, id: u128) {
        // As above.
        fence(Ordering::SeqCst);
        if !self.has_any.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.lock();
        if let Some(decided) = state.open.remove(&id) {
            state.closed.insert(id, decided);
        }
    }

    /// Nothing more comes of an open trace.
    pub(super) fn forget(&self, id: u128) {
        // As above.
        fence(Ordering::SeqCst);
        if self.has_any.load(Ordering::Relaxed) {
            self.lock().open.remove(&id);
        }
    }

    fn by_rule(&self, state: &mut State, root: &Span, context: &Context, now: u64) -> Option<Decision> {
        let rule = self.rules.iter().find(|rule| is_for(rule, root, context))?;
        let mut decision = Decision { priority: -1, mechanism: rule.mechanism, rate: rule.rate, limit: None };
        if keeps(rule.rate, root.trace_id as u64) {
            let (is_taken, effective) =
                state.limiter.as_mut().map_or((true, 1.0), |limiter| limiter.take(now));
            decision.limit = Some(effective);
            decision.priority = if is_taken { 2 } else { -1 };
        }
        Some(decision)
    }
}

impl State {
    fn known(&self, id: u128) -> Option<Decided> {
        self.open.get(&id).or_else(|| self.closed.get(&id)).cloned()
    }
}
