//! Tasks: futures in which spans are active whenever they are polled, and at no other time.

use std::pin::Pin;
use std::task::{Context, Poll};

use microspan::__private::Place;
use pin_project_lite::pin_project;

use super::scope::{ActiveScope, Scope, ScopeManager, ThreadScopeManager};
use super::span::Span;
use super::stack::{self, Entry};

/// Each task has an active span of its own, wherever it is polled: see [`task`](Self::task).
///
/// Outside of tasks it does as [`ThreadScopeManager`]. In a task that one does as this: what differs is who makes tasks.
///
/// ```
/// use microspan_std::opentracing::{Config, TaskScopeManager, Tracer};
/// # async fn bake() {}
/// # fn order(tracer: &Tracer) -> impl Future<Output = ()> {
/// TaskScopeManager::task({
///     let tracer = tracer.clone();
///     async move {
///         let _order = tracer.start_active_span("order");
///         bake().await; // its spans are children of `order`, and those of other tasks are not
///     }
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TaskScopeManager;

impl TaskScopeManager {
    /// A future that does what this one does, with scopes of its own. At first what is active here is active in it.
    pub fn task<F: Future>(future: F) -> Task<F> {
        let inherited = stack::top().map(|active| Entry::inherited(Span::clone(active.span())));
        Task {
            open: inherited.into_iter().collect(),
            current: microspan::global().map(Place::here),
            future: Some(future),
        }
    }
}

impl ScopeManager for TaskScopeManager {
    fn activate(&self, span: &Span, finish_on_close: bool) -> Scope {
        ThreadScopeManager.activate(span, finish_on_close)
    }

    fn active(&self) -> Option<ActiveScope> {
        ThreadScopeManager.active()
    }
}

pin_project! {
    /// See [`TaskScopeManager::task`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Task<F> {
        open: Vec<Entry>,
        // What is current when it is polled next; none: the program had no tracer.
        current: Option<Place>,
        // None: it is done.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Task<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _turn = Turn::begin(this.open, this.current);
                this.future.set(None);
            }
        }
    }
}

impl<F: Future> Future for Task<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _turn = Turn::begin(this.open, this.current);
        // Polled after its end, which no executor does, it is never ready again.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled
    }
}

/// While it lives, what is open and current in a task is so here.
struct Turn<'t> {
    open: &'t mut Vec<Entry>,
    current: &'t mut Option<Place>,
    /// What is current around it.
    around: Option<Place>,
}

impl<'t> Turn<'t> {
    fn begin(open: &'t mut Vec<Entry>, current: &'t mut Option<Place>) -> Self {
        stack::exchange(open);
        let around = current.take().map(Place::enter);
        Self { open, current, around }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        stack::settle();
        *self.current = microspan::global().map(Place::here);
        if let Some(around) = self.around {
            around.enter();
        }
        stack::exchange(self.open);
    }
}
