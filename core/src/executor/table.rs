//! What is known of each task and each executor: fixed tables of atomics, without a lock.
//!
//! An entry is claimed by its id, by compare-exchange, and kept for ever. Looking for one takes a bounded number of steps.

use crate::arena::Started;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use core::{ptr, slice};

/// Room for so many tasks.
const TASKS: usize = 32;
/// Room for so many executors.
const EXECUTORS: usize = 8;
/// How many entries are looked at for a task.
const PROBES: usize = 8;

const _: () = assert!(TASKS.is_power_of_two() && PROBES <= TASKS);

/// No task and no executor: neither lies at address 0.
const FREE: u32 = 0;

macro_rules! numbered {
    ($($number:literal)*) => { [$(concat!("task#", $number)),*] };
}

/// The names of tasks that nobody named.
static NUMBERED: [&str; TASKS] =
    numbered!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

/// Makes the entry that of this id, if it is nobody's; returns whether it is that of this id.
#[inline(never)]
fn claim(entry: &AtomicU32, id: u32) -> bool {
    match entry.load(Ordering::Relaxed) {
        FREE => match entry.compare_exchange(FREE, id, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(other) => other == id,
        },
        found => found == id,
    }
}

/// What is known of tasks.
pub(super) struct Tasks {
    entries: [Task; TASKS],
    /// How many have an entry.
    count: AtomicU32,
    without_room: AtomicU32,
}

impl Tasks {
    pub(super) const fn new() -> Self {
        Self {
            entries: [const { Task::new() }; TASKS],
            count: AtomicU32::new(0),
            without_room: AtomicU32::new(0),
        }
    }

    /// Where a task may have its entry.
    #[inline]
    fn places(&self, id: u32) -> impl Iterator<Item = &Task> {
        let first = (id.wrapping_mul(0x9E37_79B9) >> (32 - TASKS.ilog2())) as usize;
        (first..first + PROBES).filter_map(|place| self.entries.get(place % TASKS))
    }

    /// The entry of a task that has one.
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<&Task> {
        self.places(id).find(|task| id != FREE && task.id.load(Ordering::Relaxed) == id)
    }

    /// The entry of a task; `None`, which is counted: there is no room.
    pub(super) fn claim(&self, id: u32) -> Option<&Task> {
        let found = self.places(id).find(|task| id != FREE && claim(&task.id, id));
        match found {
            Some(task) if task.number.load(Ordering::Relaxed) == 0 => {
                let number = self.count.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                task.number.store(number, Ordering::Relaxed);
            }
            None => {
                self.without_room.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => (),
        }
        found
    }

    pub(super) fn without_room(&self) -> u32 {
        self.without_room.load(Ordering::Relaxed)
    }
}

/// What is known of a task.
pub(super) struct Task {
    id: AtomicU32,
    /// From 1, in the order of claims; 0: it is being claimed.
    number: AtomicU32,
    /// The address of its name; null: it has none. Once set it stays.
    name: AtomicPtr<u8>,
    len: AtomicU32,
    /// The tick, if not 0, since which it waits for a poll.
    ready: AtomicU32,
    /// The handle of the span that it holds while it waits; 0: none.
    within: AtomicU32,
}

impl Task {
    const fn new() -> Self {
        Self {
            id: AtomicU32::new(FREE),
            number: AtomicU32::new(0),
            name: AtomicPtr::new(ptr::null_mut()),
            len: AtomicU32::new(0),
            ready: AtomicU32::new(0),
            within: AtomicU32::new(0),
        }
    }

    /// Forgets what is known of it but who it is.
    pub(super) fn reset(&self) {
        self.ready.store(0, Ordering::Relaxed);
        self.within.store(0, Ordering::Relaxed);
    }

    /// Names it, if it has no name; an empty one is none.
    pub(super) fn name(&self, name: &'static str) {
        if name.is_empty() {
            return;
        }
        let address = name.as_ptr().cast_mut();
        let named =
            self.name.compare_exchange(ptr::null_mut(), address, Ordering::Relaxed, Ordering::Relaxed);
        if named.is_ok() {
            self.len.store(name.len() as u32, Ordering::Release);
        }
    }

    /// What its spans are called.
    #[inline]
    pub(super) fn shown(&self) -> &'static str {
        // The length is written after the name; it is 0 before.
        let len = self.len.load(Ordering::Acquire);
        if len != 0 {
            let name = self.name.load(Ordering::Relaxed);
            // SAFETY: both were stored by the one context whose compare-exchange put the name there, the length after the
            // name, from one `&'static str`; neither changes again.
            return unsafe { str::from_utf8_unchecked(slice::from_raw_parts(name, len as usize)) };
        }
        let number = self.number.load(Ordering::Relaxed).wrapping_sub(1);
        NUMBERED.get(number as usize).copied().unwrap_or(super::NAMELESS)
    }

    /// It waits since this tick, or the one after it; of two wakes the first counts.
    #[inline]
    pub(super) fn ready_since(&self, tick: u32) {
        if self.ready.load(Ordering::Relaxed) == 0 {
            self.ready.store(tick.max(1), Ordering::Relaxed);
        }
    }

    /// Since when it waited; it waits no more.
    #[inline]
    pub(super) fn take_ready(&self) -> Option<u32> {
        let since = self.ready.load(Ordering::Relaxed);
        self.ready.store(0, Ordering::Relaxed);
        (since != 0).then_some(since)
    }

    /// Its next poll is in this span.
    pub(super) fn stay_in(&self, handle: u32) {
        self.within.store(handle, Ordering::Relaxed);
    }

    /// What [`stay_in`](Self::stay_in) was told last.
    #[inline]
    pub(super) fn within(&self) -> u32 {
        self.within.load(Ordering::Relaxed)
    }
}

/// What is known of executors.
pub(super) struct Executors([Executor; EXECUTORS]);

impl Executors {
    pub(super) const fn new() -> Self {
        Self([const { Executor::new() }; EXECUTORS])
    }

    /// The entry of an executor that has one, and its number from 1.
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<(u32, &Executor)> {
        (1..).zip(&self.0).find(|(_, executor)| id != FREE && executor.id.load(Ordering::Relaxed) == id)
    }

    /// The entry of an executor that may have none yet, and its number; `None`: there is no room.
    #[cold]
    #[inline(never)]
    pub(super) fn claim(&self, id: u32) -> Option<(u32, &Executor)> {
        (1..).zip(&self.0).find(|(_, executor)| id != FREE && claim(&executor.id, id))
    }
}

/// What is known of an executor. Its polls do not overlap.
pub(super) struct Executor {
    id: AtomicU32,
    /// Whether it polls a task.
    polls: AtomicU32,
    /// The span of that poll, and what was current before.
    handle: AtomicU32,
    previous: AtomicU32,
    /// The handle of the span in which it has nothing to do; 0: there is none.
    idle: AtomicU32,
}

impl Executor {
    const fn new() -> Self {
        Self {
            id: AtomicU32::new(FREE),
            polls: AtomicU32::new(0),
            handle: AtomicU32::new(0),
            previous: AtomicU32::new(0),
            idle: AtomicU32::new(0),
        }
    }

    /// A poll begins.
    #[inline]
    pub(super) fn begin(&self, Started { handle, previous }: Started) {
        self.handle.store(handle, Ordering::Relaxed);
        self.previous.store(previous, Ordering::Relaxed);
        self.polls.store(1, Ordering::Release);
    }

    /// The poll that has begun, once.
    #[inline]
    pub(super) fn take_poll(&self) -> Option<Started> {
        if self.polls.swap(0, Ordering::Acquire) == 0 {
            return None;
        }
        let handle = self.handle.swap(0, Ordering::Relaxed);
        Some(Started { handle, previous: self.previous.load(Ordering::Relaxed) })
    }

    /// It has nothing to do, in the span of this handle; returns that of an earlier one which nobody took.
    pub(super) fn idle(&self, handle: u32) -> u32 {
        self.idle.swap(handle, Ordering::Relaxed)
    }

    /// Whether there is a span in which it has nothing to do.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed) != 0
    }

    /// The handle of the span in which it had nothing to do, once; 0: there is none.
    #[inline]
    pub(super) fn take_idle(&self) -> u32 {
        if self.is_idle() { self.idle.swap(0, Ordering::Relaxed) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_keeps_its_number_and_its_first_name() {
        let tasks = Tasks::new();
        let shown = |id| tasks.claim(id).map(Task::shown);
        assert_eq!((shown(0x2000_0100), shown(0x2000_0200)), (Some("task#1"), Some("task#2")));
        for name in ["", "blink", "other"] {
            tasks.find(0x2000_0100).unwrap().name(name);
        }
        assert_eq!((shown(0x2000_0100), shown(0x2000_0200)), (Some("blink"), Some("task#2")));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_disturbs_nobody() {
        let tasks = Tasks::new();
        let ids = || (1..=100u32).map(|number| 0x2000_0000 + 0x68 * number);
        let found = ids().filter(|id| tasks.claim(*id).is_some()).count();
        assert!(found > TASKS / 2 && found <= TASKS, "{found}");
        assert_eq!(tasks.without_room() as usize, 100 - found);
        assert_eq!(ids().filter(|id| tasks.find(*id).is_some()).count(), found);
        assert!(tasks.find(0).is_none() && tasks.claim(0).is_none());

        let executors = Executors::new();
        let numbers = (1..=9).map(|id| executors.claim(id).map(|(number, _)| number));
        assert!(numbers.eq((1..=8).map(Some).chain([None])));
        assert!(executors.find(9).is_none() && executors.find(0).is_none());
    }

    #[test]
    fn of_two_wakes_the_first_counts_and_a_wait_is_told_once() {
        let task = Task::new();
        assert_eq!(task.take_ready(), None);
        task.ready_since(7);
        task.ready_since(9);
        assert_eq!((task.take_ready(), task.take_ready()), (Some(7), None));
        task.ready_since(0);
        assert_eq!(task.take_ready(), Some(1));
    }

    #[test]
    fn a_poll_is_taken_once() {
        let executor = Executor::new();
        executor.begin(Started { handle: 5, previous: 3 });
        let taken = executor.take_poll().map(|poll| (poll.handle, poll.previous));
        assert_eq!((taken, executor.take_poll().is_none()), (Some((5, 3)), true));
        assert_eq!(
            (executor.idle(6), executor.idle(7), executor.take_idle(), executor.take_idle()),
            (0, 6, 7, 0)
        );
    }
}
