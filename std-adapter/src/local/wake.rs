//! How the drain's thread sleeps, and how it is woken by programs that pay nothing for it.
//!
//! A start or a finish reads the clock. While the thread sleeps one reading in sixteen is counted, and enough of them wake it:
//! so a burst after a long silence finds room, and a program that traces now and then makes no system call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::fork;

/// How many readings of the clock wake the thread.
const ENOUGH: u32 = 1024;

/// Of so many readings one is counted.
pub(super) const ONE_IN: u32 = 16;

/// In one of so many readings it is looked whether this is still the process that it was.
const FORK_CHECK: u64 = 4096;

/// The sleep of one thread.
#[derive(Debug)]
pub(super) struct Wake {
    is_asleep: AtomicBool,
    /// Readings since it fell asleep. Some are lost where threads count at once, which does no harm.
    readings: AtomicU32,
    thread: OnceLock<Thread>,
}

/// That of the drain's thread: a process has one.
pub(super) static WAKE: Wake = Wake::new();

impl Wake {
    const fn new() -> Self {
        Self { is_asleep: AtomicBool::new(false), readings: AtomicU32::new(0), thread: OnceLock::new() }
    }

    /// The calling thread is the one that sleeps.
    pub(super) fn adopt(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Sleeps for so long, or until it is woken; whether it was.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        self.readings.store(0, Ordering::Relaxed);
        self.is_asleep.store(true, Ordering::Relaxed);
        thread::park_timeout(time);
        !self.is_asleep.swap(false, Ordering::Relaxed)
    }

    /// Sleeps for so long, and is not woken by who traces.
    pub(super) fn nap(&self, time: Duration) {
        thread::park_timeout(time);
    }

    /// Wakes it.
    pub(super) fn wake(&self) {
        self.is_asleep.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// The clock was read at `tick`, which stands for so many readings.
    #[inline(always)]
    pub(super) fn note(&self, tick: u64, readings: u32) {
        if self.is_asleep.load(Ordering::Relaxed) || tick.is_multiple_of(FORK_CHECK) {
            self.count(readings);
        }
    }

    #[cold]
    #[inline(never)]
    fn count(&self, readings: u32) {
        let sum = self.readings.load(Ordering::Relaxed).saturating_add(readings);
        self.readings.store(sum, Ordering::Relaxed);
        let is_asleep = self.is_asleep.load(Ordering::Relaxed);
        if is_asleep && sum < ENOUGH {
            return;
        }
        // This asks the system, and is done seldom.
        if fork::has_happened() {
            fork::refuse();
        } else if is_asleep && self.is_asleep.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is woken by a thread that reads the clock so often.
    fn is_woken(readings: u32) -> bool {
        let wake = Wake::new();
        wake.adopt();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !wake.is_asleep.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                (0..readings).for_each(|_| wake.note(1, 1));
            });
            wake.sleep(Duration::from_secs(2))
        })
    }

    #[test]
    fn a_burst_wakes_the_thread_and_a_few_readings_do_not() {
        assert!(is_woken(ENOUGH), "it slept on");
        assert!(!is_woken(ENOUGH - 1), "it was woken");
    }
}
