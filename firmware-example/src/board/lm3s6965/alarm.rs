//! The time driver of `embassy-time`: the time is SysTick's, alarms are timer 0's.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use super::interrupt::Interrupt;
use super::systick;
use super::timer::{LONGEST_MICROSECONDS, Timer};

const _: () = assert!(
    embassy_time_driver::TICK_HZ == systick::FREQUENCY as u64,
    "a tick of embassy-time is a tick of SysTick: set the feature tick-hz-1_000_000"
);

/// Who is to be woken, and when.
struct Alarms {
    queue: Mutex<RefCell<Queue>>,
}

impl Alarms {
    /// Wakes all whose time has come, and sets the timer to the next of the others.
    fn serve(&self, token: CriticalSection<'_>) {
        let now = systick::ticks();
        let next = self.queue.borrow_ref_mut(token).next_expiration(now);
        if next != u64::MAX {
            // Beyond the timer's reach it comes too early, finds nobody to wake and is set anew.
            let microseconds = u32::try_from(next.saturating_sub(now)).unwrap_or(u32::MAX);
            Timer::TIMER0.start(microseconds.min(LONGEST_MICROSECONDS));
        }
    }
}

impl Driver for Alarms {
    fn now(&self) -> u64 {
        systick::ticks()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|token| {
            let changed = self.queue.borrow_ref_mut(token).schedule_wake(at, waker);
            if changed {
                self.serve(token);
            }
        });
    }
}

embassy_time_driver::time_driver_impl!(static ALARMS: Alarms = Alarms {
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Lets alarms come.
pub(super) fn init() {
    Interrupt::Timer0.enable();
}

/// The handler of timer 0.
pub(super) fn on_interrupt() {
    Timer::TIMER0.acknowledge();
    critical_section::with(|token| ALARMS.serve(token));
}
