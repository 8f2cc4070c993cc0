//! Which span is active.

use std::fmt::Debug;
use std::sync::Arc;

use super::span::Span;
use super::stack::{self, Entry, Scoped};

/// A span that is active for as long as this is not closed, which it is when it is dropped.
///
/// Then what was active before is so again. When another scope that was opened in this one is open, this closes together with that. One
/// that is closed on another thread finishes its span, if it is to, and is gone when anybody asks on its own.
#[derive(Debug)]
#[must_use = "a scope closes when it is dropped: `let _scope = ..` keeps it, `let _ = ..` does not"]
pub struct Scope {
    /// `None`: it was never active.
    scoped: Option<Arc<Scoped>>,
    span: Span,
}

impl Scope {
    /// The span.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Closes it.
    pub fn close(self) {}
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(scoped) = &self.scoped {
            stack::close(scoped);
        }
    }
}

/// The scope that is open innermost, as it is found where its guard is not at hand.
#[derive(Debug, Clone)]
pub struct ActiveScope(Arc<Scoped>);

impl ActiveScope {
    /// The span.
    pub fn span(&self) -> &Span {
        self.0.span()
    }
}

/// Whether it is this scope.
impl PartialEq<Scope> for ActiveScope {
    fn eq(&self, scope: &Scope) -> bool {
        scope.scoped.as_ref().is_some_and(|scoped| Arc::ptr_eq(scoped, &self.0))
    }
}

/// Keeps account of which span is active.
pub trait ScopeManager: Debug + Send + Sync {
    /// Has a span be active, until the scope is closed; whether it is finished then.
    fn activate(&self, span: &Span, finish_on_close: bool) -> Scope;

    /// The scope that is open innermost.
    fn active(&self) -> Option<ActiveScope>;
}

/// Each thread has an active span of its own; the one that a tracer has unless it is given another.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadScopeManager;

impl ScopeManager for ThreadScopeManager {
    fn activate(&self, span: &Span, finish_on_close: bool) -> Scope {
        let scoped = Arc::new(Scoped::new(span.clone(), finish_on_close));
        stack::push(Entry::entered(scoped.clone()));
        Scope { scoped: Some(scoped), span: span.clone() }
    }

    fn active(&self) -> Option<ActiveScope> {
        stack::top().map(ActiveScope)
    }
}

/// Nothing is ever active.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopScopeManager;

impl ScopeManager for NoopScopeManager {
    fn activate(&self, span: &Span, _: bool) -> Scope {
        Scope { scoped: None, span: span.clone() }
    }

    fn active(&self) -> Option<ActiveScope> {
        None
    }
}
