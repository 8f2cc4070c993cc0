//! What traces are encoded into: the body of a request to the agent, or to an endpoint of OpenTelemetry's.

use crate::msgpack::Payload;
#[cfg(feature = "otlp")]
use crate::otlp::Request;
use crate::pipeline::Trace;

/// How the agent takes what is encoded next.
pub(super) struct Form {
    pub(super) native_events: bool,
    pub(super) text_links: bool,
    pub(super) keep_rate: f64,
}

/// A body that grows trace by trace.
pub(super) enum Body {
    Agent(Payload),
    #[cfg(feature = "otlp")]
    Otlp(Request),
}

/// The same of either.
macro_rules! either {
    ($self:expr, $body:ident => $value:expr) => {
        match $self {
            Body::Agent($body) => $value,
            #[cfg(feature = "otlp")]
            Body::Otlp($body) => $value,
        }
    };
}

impl Body {
    pub(super) fn of_agent() -> Self {
        Self::Agent(Payload::new())
    }

    /// Another one of its kind, without traces.
    pub(super) fn fresh(&self) -> Self {
        match self {
            Self::Agent(_) => Self::of_agent(),
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => Self::Otlp(Request::new()),
        }
    }

    /// Has what comes next go out in this form. OpenTelemetry's has no choices.
    pub(super) fn prepare(&mut self, form: Form) {
        #[cfg_attr(not(feature = "otlp"), expect(irrefutable_let_patterns))]
        if let Self::Agent(payload) = self {
            payload.set_native_events(form.native_events);
            payload.set_text_links(form.text_links);
            payload.set_keep_rate(form.keep_rate);
        }
    }

    /// How many spans of a trace it takes: the agent counts what is not to be kept, and wants all.
    pub(super) fn spans_of(&self, trace: &Trace) -> u64 {
        match self {
            Self::Agent(_) => trace.spans().len() as u64,
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => trace.kept_spans().count() as u64,
        }
    }

    /// Adds a trace, unless it would then be larger than `limit` bytes. Tells whether it was added.
    pub(super) fn push(&mut self, trace: &Trace, limit: usize) -> bool {
        either!(self, body => body.push(trace, limit))
    }

    /// Two of about half the size; `None`: there is only one span.
    pub(super) fn split(&self) -> Option<[Self; 2]> {
        match self {
            Self::Agent(payload) => payload.split().map(|halves| halves.map(Self::Agent)),
            #[cfg(feature = "otlp")]
            Self::Otlp(request) => request.split().map(|halves| halves.map(Self::Otlp)),
        }
    }

    /// The smaller form, where there is one.
    pub(super) fn to_v05(&self) -> Option<Vec<u8>> {
        match self {
            Self::Agent(payload) => payload.to_v05(),
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => None,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        either!(self, body => body.as_bytes())
    }

    pub(super) fn len(&self) -> usize {
        self.as_bytes().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.traces() == 0
    }

    pub(super) fn traces(&self) -> u32 {
        either!(self, body => body.traces())
    }

    pub(super) fn spans(&self) -> u64 {
        either!(self, body => body.spans())
    }

    pub(super) fn clear(&mut self) {
        either!(self, body => body.clear());
    }
}
