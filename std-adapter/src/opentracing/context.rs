//! What names a span to others: its ids, its baggage, and where it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use microspan::{Detached, SpanBuilder, SpanRef};

use super::span::{Recorded, Span, set_baggage};
use crate::carrier::{Incoming, propagator};

/// What names a span to others, with the baggage that it had when this was asked for. It never changes, and outlives its span.
#[derive(Debug, Clone, Default)]
pub struct SpanContext(Arc<Inner>);

#[derive(Debug, Clone, Default)]
struct Inner {
    /// `None`: it is not recorded, or the session has not begun.
    identity: Option<microspan::SpanContext>,
    place: Place,
    baggage: BTreeMap<String, String>,
    /// What came with the trace from elsewhere.
    incoming: Option<Arc<Incoming>>,
}

/// Where a span is.
#[derive(Debug, Clone, Default)]
pub(super) enum Place {
    /// In another process, or nowhere.
    #[default]
    Elsewhere,
    /// It was started by a tracer of this module.
    Ours(Weak<Recorded>),
    /// It was started in this process by other means.
    Beside(SpanRef),
}

impl SpanContext {
    pub(super) fn new(identity: Option<microspan::SpanContext>, place: Place) -> Self {
        Self(Arc::new(Inner { identity, place, ..Inner::default() }))
    }

    /// That of a span of elsewhere.
    pub(super) fn elsewhere(
        identity: Option<microspan::SpanContext>,
        baggage: BTreeMap<String, String>,
        incoming: Incoming,
    ) -> Self {
        let incoming = Some(Arc::new(incoming));
        Self(Arc::new(Inner { identity, place: Place::Elsewhere, baggage, incoming }))
    }

    /// The same of a span that has this parent.
    pub(super) fn within(self, parent: &Self) -> Self {
        let Inner { baggage, incoming, .. } = &*parent.0;
        let (baggage, incoming) = (baggage.clone(), incoming.clone());
        Self(Arc::new(Inner { baggage, incoming, ..Arc::unwrap_or_clone(self.0) }))
    }

    pub(super) fn with_baggage_item(&self, key: &str, value: &str) -> Self {
        let mut inner = (*self.0).clone();
        inner.baggage.insert(key.to_owned(), value.to_owned());
        Self(Arc::new(inner))
    }

    /// The id of its trace, all 128 bits; `None`: it is not recorded.
    pub fn trace_id(&self) -> Option<u128> {
        self.0.identity.map(|identity| identity.trace_id)
    }

    /// The id of its span; `None`: it is not recorded.
    pub fn span_id(&self) -> Option<u64> {
        self.0.identity.map(|identity| identity.span_id)
    }

    /// The items of baggage that its span has, or inherited.
    pub fn baggage(&self) -> &BTreeMap<String, String> {
        &self.0.baggage
    }

    pub(super) fn incoming(&self) -> Option<&Incoming> {
        self.0.incoming.as_deref()
    }

    /// Its ids; while its span is open, with what was decided on its trace by now.
    pub(super) fn identity(&self) -> Option<microspan::SpanContext> {
        let now = match &self.0.place {
            Place::Elsewhere => None,
            Place::Ours(span) => span.upgrade().and_then(|span| span.named()?.context()),
            Place::Beside(span) => span.is_open().then(|| span.context())?,
        };
        now.or(self.0.identity)
    }

    /// The span that it names, if it is in this process and open.
    pub(super) fn open(&self) -> Option<SpanRef> {
        let named = match &self.0.place {
            Place::Elsewhere => None,
            Place::Ours(span) => span.upgrade()?.named(),
            Place::Beside(span) => Some(*span),
        };
        named.filter(SpanRef::is_open)
    }

    /// Starts a span as the child of this one.
    pub(super) fn start(&self, builder: SpanBuilder<'_>) -> Detached {
        if let Some(parent) = self.open() {
            return builder.parent(&parent).start().detach();
        }
        if let Place::Ours(parent) = &self.0.place
            && let Some(parent) = parent.upgrade()
            && let Some(started) = parent.start_unrecorded(builder)
        {
            return started;
        }
        let root = builder.root().start().detach();
        match (&self.0.place, &self.0.incoming, &self.0.identity) {
            (Place::Elsewhere, Some(incoming), identity) => {
                let mut came = propagator().extract(&**incoming);
                came.context = *identity;
                came.continue_in(&root);
                if let Some(root) = root.as_ref() {
                    self.0.baggage.iter().for_each(|(key, value)| set_baggage(&root, key, value));
                }
            }
            // It is finished: what follows it goes on from its ids.
            (_, _, Some(identity)) => _ = root.continue_from(identity),
            _ => {}
        }
        root
    }
}

/// What has a context, or may have one: a span, a context, or what [`extract`](super::Tracer::extract) found.
pub trait HasContext {
    /// It.
    fn span_context(&self) -> Option<SpanContext>;
}

impl HasContext for SpanContext {
    fn span_context(&self) -> Option<SpanContext> {
        Some(self.clone())
    }
}

impl HasContext for Span {
    fn span_context(&self) -> Option<SpanContext> {
        Some(self.context())
    }
}

impl<T: HasContext> HasContext for Option<T> {
    fn span_context(&self) -> Option<SpanContext> {
        self.as_ref()?.span_context()
    }
}

impl<T: HasContext + ?Sized> HasContext for &T {
    fn span_context(&self) -> Option<SpanContext> {
        (**self).span_context()
    }
}

/// How a span has to do with one that was before it.
#[derive(Debug, Clone)]
pub struct Reference {
    pub(super) kind: Kind,
    /// `None`: it refers to nothing.
    pub(super) context: Option<SpanContext>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ChildOf,
    FollowsFrom,
}

impl Reference {
    /// The other waits for it, or for what it does.
    pub fn child_of(other: impl HasContext) -> Self {
        Self { kind: Kind::ChildOf, context: other.span_context() }
    }

    /// The other caused it and does not wait for it: a link of the span, and its parent if it has no other.
    pub fn follows_from(other: impl HasContext) -> Self {
        Self { kind: Kind::FollowsFrom, context: other.span_context() }
    }
}
