//! Spans that a panic unwinds through, on hosts where threads unwind.

use crate::clock::ahead40;
use crate::exclusive::AnyThread;
use crate::span::SpanRef;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::tracer::Tracer;

/// What is done with a span whose guard is dropped while some thread unwinds.
///
/// This crate cannot know whether a thread unwinds. A panic hook tells that one begins to; from then on each span is shown
/// before it ends, and that of a future when a poll is over, until as many have ended. While none is under way that costs two
/// loads in each end of a span.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// static UNWINDING: Unwinding = Unwinding::new(|span, _start| {
///     if std::thread::panicking() {
///         span.set_error_info("panic", "the message that a panic hook has kept");
///     }
/// });
/// static OF_SERVER: Tracer = Tracer::new(&ARENA, &Ticks).unwinding(&UNWINDING);
/// ```
pub struct Unwinding {
    pub(crate) under_way: AtomicU32,
    look: fn(&SpanRef, u64),
}

impl Unwinding {
    const_unless_loom! {
        /// `look` is shown a span that is about to end and the tick of its start; 0: that of a future whose poll is over.
        ///
        /// ```
        /// use microspan::Unwinding;
        /// static UNWINDING: Unwinding = Unwinding::new(|span, _start| _ = span.error(true));
        /// ```
        pub fn new(look: fn(&SpanRef, u64)) -> Self {
            Self { under_way: AtomicU32::new(0), look }
        }
    }

    /// A thread begins to unwind.
    ///
    /// ```
    /// static UNWINDING: microspan::Unwinding = microspan::Unwinding::new(|span, _start| _ = span.error(true));
    /// std::panic::set_hook(Box::new(|_| UNWINDING.begin()));
    /// ```
    pub fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// A thread does so no more; once for each beginning.
    ///
    /// ```
    /// static UNWINDING: microspan::Unwinding = microspan::Unwinding::new(|span, _start| _ = span.error(true));
    /// UNWINDING.begin(); // a panic hook was called
    /// UNWINDING.end(); // the outermost span of that thread has ended, or the panic was caught
    /// ```
    pub fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn show(&self, tracer: &'static Tracer, handle: u32, start: Option<u64>) {
        let now = tracer.clock.now();
        if let Some(span) = SpanRef::<AnyThread>::open(tracer, handle) {
            (self.look)(&span, start.map_or(0, |start| now.wrapping_add_signed(ahead40(start, now))));
        }
    }
}

/// Shows an open span that is about to end, if some thread unwinds; or that of a future whose poll is over, without `start`.
#[inline(always)]
pub(crate) fn leaves(tracer: &'static Tracer, handle: u32, start: impl FnOnce() -> Option<u64>) {
    if let Some(unwinding) = tracer.unwinding
        && unwinding.under_way.load(Ordering::Relaxed) != 0
    {
        unwinding.show(tracer, handle, start());
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::{Arena, Clock, Drain, InSpan, Session};
    extern crate std;
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::string::String;
    use std::task::{Context, Poll, Waker};
    use std::vec::Vec;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            5
        }

        fn frequency(&self) -> u32 {
            1
        }
    }

    static UNWINDING: Unwinding = Unwinding::new(|span, start| {
        if std::thread::panicking() {
            assert!(start == 5 || start == 0);
            span.set_error_info("panic", "burnt");
        }
    });

    #[test]
    fn guards_and_futures_that_a_thread_unwinds_through_are_shown_and_no_others() {
        let arena = Box::leak(Box::new(Arena::<16, 32>::new()));
        let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, &Still).unwinding(&UNWINDING)));
        let fails = |told: bool| {
            let _outer = tracer.trace("outer");
            let fail = || {
                let _inner = tracer.trace("inner");
                if told {
                    UNWINDING.begin();
                }
                std::panic::resume_unwind(Box::new(()));
            };
            assert!(catch_unwind(AssertUnwindSafe(fail)).is_err());
            let mut future =
                Box::pin(async { std::panic::resume_unwind(Box::new(())) }.in_span(tracer.trace("polled")));
            let mut poll = || {
                let _: Poll<()> = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            };
            assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
            drop(future);
            drop(tracer.trace("after"));
        };
        let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
        let mut errors = || {
            let mut errors = Vec::<String>::new();
            while drain.take(|span| errors.extend(span.error().then(|| span.name().into()))) {}
            errors
        };
        fails(false);
        assert!(errors().is_empty());
        fails(true);
        assert_eq!(errors(), ["inner", "polled"]);
        UNWINDING.end();
    }
}
