//! What both layers can be told.

use microspan::SpanBuilder;
use microspan::propagation::Propagator;

use crate::carrier;

/// Which headers, and what the spans are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settings {
    /// `None`: the one that the configuration asks for.
    pub(super) propagator: Option<Propagator>,
    /// `None`: the one of what is spoken.
    pub(super) name: Option<&'static str>,
    pub(super) service: Option<&'static str>,
}

impl Settings {
    pub(super) fn propagator(&self) -> Propagator {
        self.propagator.unwrap_or_else(carrier::propagator)
    }

    /// The span of a request, of this type, and of this name unless another was told.
    pub(super) fn span(&self, name: &'static str, span_type: &'static str) -> SpanBuilder<'static> {
        let builder = microspan::span(self.name.unwrap_or(name)).span_type(span_type);
        self.service.map_or(builder, |service| builder.service(service))
    }
}

/// The methods of a layer that tell it.
macro_rules! settings {
    ($layer:ident) => {
        impl $layer {
            /// Which headers carry the trace, and how.
            #[must_use]
            pub fn propagator(mut self, propagator: Propagator) -> Self {
                self.settings.propagator = Some(propagator);
                self
            }

            /// The name of the spans, whatever is spoken, such as `grpc.server`.
            #[must_use]
            pub fn name(mut self, name: &'static str) -> Self {
                self.settings.name = Some(name);
                self
            }

            /// The service of the spans, where it is not that of the tracer.
            #[must_use]
            pub fn service(mut self, service: &'static str) -> Self {
                self.settings.service = Some(service);
                self
            }
        }
    };
}
pub(super) use settings;
