//! A share of traces, and for which of them it holds.

use super::glob;

/// A rule of a [`Sampler`](crate::Sampler): which traces it is for, and what share of them is kept.
///
/// It looks at what a trace's root starts with: its name, its service, its resource. What is set once it is open
/// ([`set_resource`](crate::SpanRef::set_resource), a tag) comes too late. In a pattern `*` stands for any text and `?` for one
/// character, and the case of ASCII letters makes no difference; without patterns a rule is for every trace.
///
/// ```
/// use microspan::Rule;
/// const POLLS: Rule = Rule::new(0.01).name("*.poll");
/// const STORE: Rule = Rule::new(1.0).service("store").name("flash.*");
/// const HEALTH: Rule = Rule::new(0.0).resource("GET /health*");
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    name: Option<&'static str>,
    service: Option<&'static str>,
    resource: Option<&'static str>,
    pub(super) rate: Rate,
}

impl Rule {
    /// A rule for every trace: of a hundred, `rate` times a hundred are kept.
    ///
    /// From 1 on all are kept; at 0 and below none.
    ///
    /// ```
    /// const NONE: microspan::Rule = microspan::Rule::new(0.0);
    /// ```
    pub const fn new(rate: f64) -> Self {
        Self { name: None, service: None, resource: None, rate: Rate::new(rate) }
    }

    /// The same, for roots whose name matches this pattern.
    ///
    /// ```
    /// const POLLS: microspan::Rule = microspan::Rule::new(0.01).name("*.poll");
    /// ```
    #[must_use]
    pub const fn name(mut self, pattern: &'static str) -> Self {
        self.name = Some(pattern);
        self
    }

    /// The same, for roots whose service matches this pattern: [their own](crate::SpanBuilder::service), or else the
    /// [tracer's](crate::Tracer::service). One that only the host knows is empty here.
    ///
    /// ```
    /// const STORE: microspan::Rule = microspan::Rule::new(1.0).service("store");
    /// ```
    #[must_use]
    pub const fn service(mut self, pattern: &'static str) -> Self {
        self.service = Some(pattern);
        self
    }

    /// The same, for roots whose resource matches this pattern: [their own](crate::SpanBuilder::resource), or else their name.
    ///
    /// ```
    /// const HEALTH: microspan::Rule = microspan::Rule::new(0.0).resource("GET /health*");
    /// ```
    #[must_use]
    pub const fn resource(mut self, pattern: &'static str) -> Self {
        self.resource = Some(pattern);
        self
    }

    pub(super) fn is_for(&self, root: &Root<'_>) -> bool {
        [(self.name, root.name), (self.service, root.service), (self.resource, root.resource)]
            .into_iter()
            .all(|(pattern, text)| pattern.is_none_or(|pattern| glob::matches(pattern, text)))
    }
}

/// What a trace's root starts with, as far as rules look at it.
pub(crate) struct Root<'r> {
    pub(crate) name: &'r str,
    pub(crate) service: &'r str,
    pub(crate) resource: &'r str,
}

/// A share, as the decision needs it: no floating-point work where it is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Rate {
    /// The highest product that is kept; `None`: the product is not asked.
    most: Option<u64>,
    /// The share itself; where the product is not asked, 0 or 1.
    pub(super) share: f32,
}

impl Rate {
    const fn new(rate: f64) -> Self {
        if rate >= 1.0 {
            Self { most: None, share: 1.0 }
        } else if rate > 0.0 {
            Self { most: Some((rate * TWO_TO_THE_64) as u64), share: rate as f32 }
        } else {
            Self { most: None, share: 0.0 }
        }
    }

    /// Whether a trace is kept of whose id `id` gives the low half; `None`: it gives none, and is needed.
    pub(super) fn keeps(&self, id: impl FnOnce() -> Option<u64>) -> Option<bool> {
        match self.most {
            None => Some(self.share.to_bits() != 0),
            Some(most) => Some(id()?.wrapping_mul(KNUTH) <= most),
        }
    }
}

/// What 2^64 - 1 is in double precision.
const TWO_TO_THE_64: f64 = 18_446_744_073_709_551_616.0;

/// The factor by which all of Datadog's tracers decide alike of one id.
const KNUTH: u64 = 1_111_111_111_111_111_111;

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(rate: f64, id: u64) -> bool {
        Rate::new(rate).keeps(|| Some(id)).unwrap()
    }

    #[test]
    fn a_trace_is_kept_where_datadogs_tracers_keep_it() {
        for (rate, kept, dropped) in [
            (
                0.5,
                &[1, 100, 1000, 3_936_498_394, (1 << 63) - 1, 1 << 63][..],
                &[10, (1 << 63) + 1, u64::MAX][..],
            ),
            (0.25, &[1, 100, 1000, 3_936_498_394], &[10, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX]),
            (0.1, &[1, 100, 3_936_498_394], &[10, 1000]),
        ] {
            assert!(kept.iter().all(|id| keeps(rate, *id)), "kept at {rate}");
            assert!(dropped.iter().all(|id| !keeps(rate, *id)), "dropped at {rate}");
        }
    }

    #[test]
    fn from_one_on_all_are_kept_and_at_zero_none_whatever_the_id() {
        for id in [0, 1, 10, 1 << 63, u64::MAX] {
            assert!(keeps(1.0, id) && keeps(7.0, id));
            assert!(!keeps(0.0, id) && !keeps(-1.0, id) && !keeps(f64::NAN, id));
        }
        assert_eq!(Rate::new(1.0).keeps(|| None), Some(true));
        assert_eq!(Rate::new(0.0).keeps(|| None), Some(false));
        assert_eq!(Rate::new(0.5).keeps(|| None), None);
    }

    #[test]
    fn the_share_of_ids_that_are_kept_is_the_rate() {
        let session = crate::Session::new(7);
        let ids = if cfg!(miri) { 100 } else { 100_000u64 };
        for rate in [0.01, 0.3, 0.9] {
            let kept = (1..=ids).filter(|counter| keeps(rate, session.span_id(*counter))).count();
            let off = (kept as f64 / ids as f64 - rate).abs();
            assert!(off < if cfg!(miri) { 0.2 } else { 0.005 }, "{kept} of {ids} at {rate}");
        }
    }

    #[test]
    fn a_rule_is_for_the_roots_that_match_each_of_its_patterns() {
        let is_for =
            |rule: Rule, [name, service, resource]: [&str; 3]| rule.is_for(&Root { name, service, resource });
        assert!(is_for(Rule::new(1.0), ["", "", ""]));
        let rule = Rule::new(1.0).name("flash.*").service("Store").resource("page ?");
        assert!(is_for(rule, ["flash.read", "store", "page 7"]));
        assert!(!is_for(rule, ["ram.read", "store", "page 7"]));
        assert!(!is_for(rule, ["flash.read", "", "page 7"]));
        assert!(!is_for(rule, ["flash.read", "store", "page"]));
    }
}
