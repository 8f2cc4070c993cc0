//! Panics that unwind through spans.
//!
//! A hook before the program's own keeps what a panic says and where it came from, if there is a span around it. The guards
//! that are dropped while its thread unwinds, and that were there before it, then say so of their spans. What catches the
//! panic, and spans around that, are not touched.
//!
//! While one panic unwinds a destructor may catch another. Nobody tells when, so that a span which was there before both says both
//! messages, the first one first; one that was there before the second alone says that, also if it is around what catches it.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::thread;

use microspan::{SpanRef, Unwinding};

use super::{fork, stack};

/// What a tracer is told to show its spans to, so that a panic that unwinds through one marks it.
pub static UNWINDING: Unwinding = Unwinding::new(unwound);

/// How many panics of a thread are told apart. Of more the first and the last are kept.
const AT_ONCE: usize = 4;

thread_local! {
    /// Those of this thread that are not known to have been caught, in the order of their beginnings.
    static PANICS: RefCell<Vec<Panic>> = const { RefCell::new(Vec::new()) };
}

/// A panic of this thread.
struct Panic {
    message: String,
    /// If it was taken.
    stack: Option<String>,
    /// When it began: spans that start later are not what it unwinds through.
    tick: u64,
}

impl Panic {
    fn new(message: String, stack: Option<String>, tick: u64) -> Self {
        UNWINDING.begin();
        Self { message, stack, tick }
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        UNWINDING.end();
    }
}

/// Puts the hook before the one that is there. Of a stack it keeps so many calls at most; of none it takes no stack.
pub(super) fn watch(now: impl Fn() -> u64 + Send + Sync + 'static, most: usize) {
    // A thread that unwinds may not.
    if thread::panicking() {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // In a child of `fork` a lock may be held by a thread that stayed behind.
        if microspan::current_span().is_some() && !fork::has_happened() {
            keep(info, now(), most);
        }
        previous(info);
    }));
}

fn keep(info: &PanicHookInfo<'_>, tick: u64, most: usize) {
    let message = info.payload_as_str().unwrap_or("a value that is no text").to_owned();
    let stack = (most > 0).then(|| stack::shorten(&Backtrace::force_capture().to_string(), most));
    // A thread that is ending has no place for it.
    let _ = PANICS.try_with(|panics| {
        let mut panics = panics.borrow_mut();
        panics.truncate(AT_ONCE - 1);
        panics.push(Panic::new(message, stack, tick));
    });
}

/// A span that started at this tick is about to end.
fn unwound(span: &SpanRef, start: u64) {
    let _ = PANICS.try_with(|panics| {
        if !thread::panicking() {
            // They were caught.
            return panics.borrow_mut().clear();
        }
        let panics = panics.borrow();
        let mut through = panics.iter().filter(|panic| start <= panic.tick);
        let Some(last) = through.next_back() else { return };
        // When a future began nobody says; the thread may have caught the others in another one.
        match through.next().filter(|_| start != 0) {
            None => mark(span, &last.message, last),
            Some(first) => {
                let both = format!("{}; and then: {}", first.message, last.message);
                mark(span, &both, first);
            }
        }
    });
}

fn mark(span: &SpanRef, message: &str, of: &Panic) {
    span.set_error_info("panic", message);
    if let Some(stack) = &of.stack {
        span.set_tag("error.stack", stack.as_str());
    }
}
