//! Panics that unwind through spans.
//!
//! A hook before the program's own keeps what a panic says and where it came from, if there is a span around it. The guards
//! that are dropped while its thread unwinds, and that were there before it, then say so of their spans. What catches the
//! panic, and spans around that, are not touched.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use microspan::{SpanRef, Unwinding};

use crate::model::Text;

/// What a tracer is told to show its spans to, so that a panic that unwinds through one marks it.
pub static UNWINDING: Unwinding = Unwinding::new(unwound);

/// The tag that holds a panic's number until the span is sent, and its stack then.
pub(super) static STACK: &str = "error.stack";

/// How many stacks are kept for spans that are not sent yet: a service that panics all the time sends some without.
const STACKS: usize = 64;

/// The longest stack, in bytes: the agent takes no more.
const LONGEST: usize = 24_000;

static NUMBER: AtomicU64 = AtomicU64::new(1);
static KEPT: Mutex<VecDeque<(u64, Text)>> = Mutex::new(VecDeque::new());

thread_local! {
    static PANIC: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic of this thread.
struct Panic {
    number: u64,
    message: String,
    /// When it began: spans that start later are not what it unwinds through.
    tick: u64,
}

impl Panic {
    fn new(number: u64, message: String, tick: u64) -> Self {
        UNWINDING.begin();
        Self { number, message, tick }
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        UNWINDING.end();
    }
}

/// Puts the hook before the one that is there.
pub(super) fn watch(now: impl Fn() -> u64 + Send + Sync + 'static) {
    // A thread that unwinds may not.
    if thread::panicking() {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if microspan::current_span().is_some() {
            keep(info, now());
        }
        previous(info);
    }));
}

fn keep(info: &PanicHookInfo<'_>, tick: u64) {
    let message = info.payload_as_str().unwrap_or("a value that is no text").to_owned();
    let mut stack = Backtrace::force_capture().to_string();
    stack.truncate(stack.floor_char_boundary(LONGEST));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= STACKS {
        kept.pop_front();
    }
    kept.push_back((number, Text::from(stack)));
    drop(kept);
    // A thread that is ending has no place for it.
    let _ = PANIC.try_with(|panic| panic.replace(Some(Panic::new(number, message, tick))));
}

/// The stack of a panic.
pub(super) fn stack(number: u64) -> Option<Text> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter().find(|(known, _)| *known == number).map(|(_, stack)| stack.clone())
}

/// A span that started at this tick is about to end.
fn unwound(span: &SpanRef, start: u64) {
    let _ = PANIC.try_with(|panic| {
        if !thread::panicking() {
            // It was caught.
            return drop(panic.take());
        }
        if let Some(panic) = &*panic.borrow()
            && start <= panic.tick
        {
            span.set_error_info("panic", &panic.message).set_tag(STACK, panic.number);
        }
    });
}
