//! Who makes spans: instrumentation scopes and the resources of their providers, by number.

use std::sync::{Arc, OnceLock};

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;

use crate::model::Source;
use crate::otel::facts::Maker;
use crate::otel::map;

/// How many scopes there are at most; spans of others do not say whose they are.
const SCOPES: usize = 1024;

static KNOWN: [OnceLock<Scope>; SCOPES] = [const { OnceLock::new() }; SCOPES];

/// A resource, and what follows from it.
#[derive(Debug)]
pub(super) struct Origin {
    resource: Resource,
    maker: Maker,
    /// The program's source with what the resource says; `None`: that is nothing.
    source: OnceLock<Option<Arc<Source>>>,
}

impl Origin {
    pub(super) fn new(resource: Resource) -> Self {
        Self { maker: Maker::of(&resource), resource, source: OnceLock::new() }
    }
}

pub(super) struct Scope {
    scope: InstrumentationScope,
    origin: Arc<Origin>,
}

impl Scope {
    pub(super) fn name(&self) -> &str {
        self.scope.name()
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.scope.version()
    }

    pub(super) fn maker(&self) -> &Maker {
        &self.origin.maker
    }

    /// The source of a span of this scope, from that of the program. A process has one.
    pub(super) fn adopt(&self, source: &mut Arc<Source>) {
        let ours = self.origin.source.get_or_init(|| {
            (!self.origin.resource.is_empty()).then(|| {
                let mut told = Source::clone(source);
                map::source(&mut told, &self.origin.resource);
                Arc::new(told)
            })
        });
        if let Some(ours) = ours {
            *source = ours.clone();
        }
    }
}

/// The number of a scope; that of none where there is no room.
pub(super) fn number(scope: InstrumentationScope, origin: &Arc<Origin>) -> usize {
    let is = |known: &Scope| known.scope == scope && Arc::ptr_eq(&known.origin, origin);
    let made = || Scope { scope: scope.clone(), origin: origin.clone() };
    KNOWN.iter().position(|place| is(place.get_or_init(made))).unwrap_or_else(|| {
        log::warn!(
            "there are more than {SCOPES} instrumentation scopes: spans of `{}` do not say so",
            scope.name()
        );
        SCOPES
    })
}

pub(super) fn get(number: usize) -> Option<&'static Scope> {
    KNOWN.get(number)?.get()
}
