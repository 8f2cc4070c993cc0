//! What the configuration asks of headers, for the whole process.

use std::sync::OnceLock;

use microspan::propagation::Propagator;

use crate::config::{BaggageKeys, Config};

/// What is asked of headers.
pub(super) struct Settings {
    propagator: Propagator,
    ot_baggage: bool,
    pub(super) shown: BaggageKeys,
}

impl Settings {
    fn of(config: &Config) -> Self {
        Self {
            propagator: config.propagation.propagator(),
            ot_baggage: config.propagation.ot_baggage,
            shown: config.tagging.baggage.clone(),
        }
    }
}

/// What a tracer of this process was made with.
static SETTLED: OnceLock<Settings> = OnceLock::new();

/// What the environment said when it was first asked, where there is no such tracer.
static OF_ENVIRONMENT: OnceLock<Settings> = OnceLock::new();

/// Has all that is asked for here be as this says; the first call holds.
pub(crate) fn settle(config: &Config) {
    _ = SETTLED.set(Settings::of(config));
}

pub(super) fn settings() -> &'static Settings {
    let of_environment = || OF_ENVIRONMENT.get_or_init(|| Settings::of(&Config::from_env()));
    SETTLED.get().unwrap_or_else(of_environment)
}

/// The propagator that the configuration asks for: the one [`init`](crate::init) was called with, or else the environment's.
///
/// ```
/// use microspan::propagation::Style;
/// assert!(microspan_std::carrier::propagator().injected().any(|style| style == Style::Datadog));
/// ```
pub fn propagator() -> Propagator {
    settings().propagator
}

/// Whether the configuration asks for [OpenTracing's baggage](super::ot_baggage), too.
///
/// ```
/// assert!(!microspan_std::carrier::uses_ot_baggage()); // unless it is asked for
/// ```
pub fn uses_ot_baggage() -> bool {
    settings().ot_baggage
}
