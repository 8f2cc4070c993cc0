//! Which share of its traces the agent wants of each service.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::decision::format_rate;
use crate::model::{Text, normal};

/// The factor by which all of Datadog's tracers decide alike of one id.
const KNUTH: u64 = 1_111_111_111_111_111_111;

/// What 2^64 is in double precision.
const TWO_TO_THE_64: f64 = 18_446_744_073_709_551_616.0;

/// The rates that an agent answered last: whoever holds a clone sees them change.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    /// By service, then by environment. Of services that it does not name the agent speaks as of one without a name.
    by_service: Arc<RwLock<ByService>>,
}

/// An answer may name tens of thousands of environments of one service, and each trace looks for its own.
type ByService = HashMap<String, HashMap<String, Rate>>;

/// A rate, and as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rate {
    pub(super) value: f64,
    pub(super) text: Text,
}

/// What a rate says of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) rate: Rate,
    pub(super) is_kept: bool,
}

impl Rates {
    /// Puts these in the place of all others. Keys are the agent's: `service:web,env:prod`. What is no such key or no rate from
    /// 0 to 1 is left out.
    pub fn replace<K: AsRef<str>>(&self, rates: impl IntoIterator<Item = (K, f64)>) {
        let mut by_service = ByService::new();
        for (key, value) in rates {
            let names = key.as_ref().strip_prefix("service:").and_then(|rest| rest.rsplit_once(",env:"));
            if let Some((service, env)) = names
                && (0.0..=1.0).contains(&value)
            {
                let rate = Rate { value, text: Text::from(format_rate(value)) };
                by_service.entry(service.to_owned()).or_default().insert(env.to_owned(), rate);
            }
        }
        *self.by_service.write().unwrap_or_else(PoisonError::into_inner) = by_service;
    }

    /// The rate of a service in an environment, as the program calls them; `None`: the agent has said nothing of it.
    pub fn rate(&self, service: &str, env: &str) -> Option<f64> {
        self.find(|| (service, env)).map(|rate| rate.value)
    }

    fn find<'a>(&self, whose: impl FnOnce() -> (&'a str, &'a str)) -> Option<Rate> {
        let by_service = self.by_service.read().unwrap_or_else(PoisonError::into_inner);
        if by_service.is_empty() {
            return None;
        }
        let (service, env) = whose();
        // The agent speaks of the names that it was sent.
        let (service, env) = (normal::service(service), normal::env(env));
        let find = |service: &str, env: &str| by_service.get(service)?.get(env).cloned();
        find(&service, &env).or_else(|| find("", ""))
    }

    /// What the rate says of a trace of a service in an environment.
    pub(super) fn judge<'a>(
        &self,
        whose: impl FnOnce() -> (&'a str, &'a str),
        trace_id: u128,
    ) -> Option<Verdict> {
        let rate = self.find(whose)?;
        let is_kept = keeps(rate.value, trace_id as u64);
        Some(Verdict { rate, is_kept })
    }
}

/// Whether an id, the low half of a trace's, is among the share that is kept.
pub(super) fn keeps(rate: f64, id: u64) -> bool {
    rate >= 1.0 || rate > 0.0 && id.wrapping_mul(KNUTH) <= (rate * TWO_TO_THE_64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_own_rate_or_that_of_others() {
        let rates = Rates::default();
        assert_eq!(rates.rate("web", "prod"), None);
        let seen = rates.clone();
        rates.replace([("service:web,env:prod", 0.5), ("service:,env:", 0.25), ("web", 0.1)]);
        assert_eq!((seen.rate("web", "prod"), seen.rate("web", "dev")), (Some(0.5), Some(0.25)));
        rates.replace([("service:web,env:prod", 2.0)]);
        assert_eq!(seen.rate("web", "prod"), None);
    }

    #[test]
    fn each_of_many_environments_has_its_own_rate() {
        let rates = Rates::default();
        let rate = |number: u32| f64::from(number) / 30_000.0;
        rates.replace((0..30_000).map(|number| (format!("service:web,env:e{number}"), rate(number))));
        assert!((0..30_000).all(|number| rates.rate("web", &format!("e{number}")) == Some(rate(number))));
    }

    #[test]
    fn the_agent_calls_a_service_by_what_it_was_sent() {
        let rates = Rates::default();
        rates.replace([("service:the_bakery,env:lab_2", 0.5), ("service:,env:", 0.25)]);
        assert_eq!(rates.rate("The Bakery!", "1: Lab 2"), Some(0.25));
        assert_eq!(rates.rate("The Bakery!", "1 Lab 2"), Some(0.5));
    }

    #[test]
    fn a_trace_is_kept_where_datadogs_tracers_keep_it() {
        let rates = Rates::default();
        for (rate, kept, dropped) in [
            (
                0.5,
                &[1, 100, 1000, 3_936_498_394, (1 << 63) - 1, 1 << 63][..],
                &[10, (1 << 63) + 1, u64::MAX][..],
            ),
            (0.25, &[1, 100, 1000, 3_936_498_394], &[10, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX]),
            (0.1, &[1, 100, 3_936_498_394], &[10, 1000]),
            (1.0, &[1, u64::MAX], &[]),
            (0.0, &[], &[1, 100]),
        ] {
            rates.replace([("service:,env:", rate)]);
            for (ids, is_kept) in [(kept, true), (dropped, false)] {
                for &id in ids {
                    let verdict = rates.judge(|| ("a", ""), u128::from(id)).expect("a rate");
                    assert_eq!((verdict.rate.value, verdict.is_kept), (rate, is_kept), "{id}");
                }
            }
        }
    }
}
