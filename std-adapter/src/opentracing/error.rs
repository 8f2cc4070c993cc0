//! What can go wrong in OpenTracing's calls.

use std::fmt;

use crate::error::InitError;

/// Why a context was not carried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropagationError {
    /// The format is none of OpenTracing's three.
    #[error("cannot carry a trace in the format `{0}`: it is none of text_map, http_headers and binary")]
    UnsupportedFormat(String),
    /// The carrier is not one of its format.
    #[error("cannot carry a trace: the format {format} needs a carrier of {needed}")]
    InvalidCarrier {
        /// The format.
        format: &'static str,
        /// What its carriers hold.
        needed: &'static str,
    },
    /// What the carrier holds is no context, though it says that it is one.
    #[error(
        "cannot continue a trace: {0}; whoever wrote the carrier speaks another format, or it was damaged on the way"
    )]
    SpanContextCorrupted(&'static str),
}

/// Why there is no tracer. Its `Debug` is its message, too, as that is what ends a program's `main`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration has a key that nobody knows.
    #[error("cannot configure the tracer: `{0}` is no key of it; see `opentracing::keys`")]
    UnknownKey(String),
    /// The value of a key is of another kind.
    #[error("cannot configure the tracer: `{key}` is to be {needed}")]
    WrongKind {
        /// The key.
        key: &'static str,
        /// What its value is to be.
        needed: &'static str,
    },
    /// This program cannot be traced.
    #[error(transparent)]
    Init(#[from] InitError),
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_program_is_shown_as_a_message() {
        let error = ConfigError::UnknownKey("sampler".to_owned());
        assert_eq!(
            format!("{error:?}"),
            "cannot configure the tracer: `sampler` is no key of it; see `opentracing::keys`"
        );
    }
}
