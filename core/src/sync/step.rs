//! Atomics and cells of tests: `core`'s, with a hook before each access.
//!
//! An interrupt is no thread: it runs to its end while what it came into stands still. So a test that [`run`]s an operation
//! can have another one run whole before any one of its accesses, on the same thread, and that one can have another.
//! Where nothing is being run, the hook is a look at a thread-local flag.

use super::Ordering;
use core::cell::{Cell, RefCell};
use core::sync::atomic as real;
extern crate std;
use std::boxed::Box;
use std::vec::Vec;

/// What an operation is interrupted by, and before which of its accesses.
pub(crate) struct Interrupt {
    /// The number of the access, from 0.
    pub(crate) at: u32,
    /// What runs there, to its end.
    pub(crate) run: Box<dyn FnOnce()>,
}

/// An operation that is being run, or stands still while another one runs.
struct Level {
    steps: u32,
    most: u32,
    interrupt: Option<Interrupt>,
}

std::thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static LEVELS: RefCell<Vec<Level>> = const { RefCell::new(Vec::new()) };
}

/// Runs an operation, with `interrupt` in the middle; returns whether it got that far.
///
/// # Panics
///
/// When it makes more than `most` accesses, as one does that waits for what it has interrupted.
pub(crate) fn run(most: u32, interrupt: Option<Interrupt>, operation: impl FnOnce()) -> bool {
    /// Takes the level away, also when the operation panics.
    struct Below;
    impl Drop for Below {
        fn drop(&mut self) {
            LEVELS.with_borrow_mut(|levels| {
                levels.pop();
                RUNNING.set(!levels.is_empty());
            });
        }
    }

    LEVELS.with_borrow_mut(|levels| levels.push(Level { steps: 0, most, interrupt }));
    RUNNING.set(true);
    let below = Below;
    operation();
    let uninterrupted = |levels: &Vec<Level>| levels.last().is_some_and(|level| level.interrupt.is_some());
    let interrupted = !LEVELS.with_borrow(uninterrupted);
    drop(below);
    interrupted
}

/// How many operations stand still.
pub(crate) fn depth() -> usize {
    LEVELS.with_borrow(|levels| levels.len().saturating_sub(1))
}

/// Comes before each access.
#[inline]
fn step() {
    if RUNNING.get() {
        count();
    }
}

#[cold]
fn count() {
    let interrupt = LEVELS.with_borrow_mut(|levels| {
        let level = levels.last_mut()?;
        let here = level.steps;
        level.steps += 1;
        assert!(here < level.most, "an operation takes more than {} steps: it waits", level.most);
        level.interrupt.take_if(|interrupt| interrupt.at == here)
    });
    if let Some(interrupt) = interrupt {
        (interrupt.run)();
    }
}

/// A fence is no access, but another operation may come before it.
pub(crate) fn fence(order: Ordering) {
    step();
    real::fence(order);
}

/// An atomic of `core`, each of whose operations is a step.
macro_rules! atomic {
    ($name:ident $(<$generic:ident>)?, $real:ty, $value:ty { $($method:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)* }) => {
        #[repr(transparent)]
        pub(crate) struct $name $(<$generic>)? ($real);

        impl $(<$generic>)? $name $(<$generic>)? {
            pub(crate) const fn new(value: $value) -> Self {
                Self(<$real>::new(value))
            }

            $(
                #[inline]
                pub(crate) fn $method(&self, $($arg: $ty),*) -> $ret {
                    step();
                    self.0.$method($($arg),*)
                }
            )*
        }
    };
}

atomic!(AtomicBool, real::AtomicBool, bool {
    load(order: Ordering) -> bool;
    store(value: bool, order: Ordering) -> ();
    swap(value: bool, order: Ordering) -> bool;
});
atomic!(AtomicU8, real::AtomicU8, u8 {
    load(order: Ordering) -> u8;
    store(value: u8, order: Ordering) -> ();
});
atomic!(AtomicU32, real::AtomicU32, u32 {
    load(order: Ordering) -> u32;
    store(value: u32, order: Ordering) -> ();
    swap(value: u32, order: Ordering) -> u32;
    fetch_add(value: u32, order: Ordering) -> u32;
    fetch_sub(value: u32, order: Ordering) -> u32;
    compare_exchange(from: u32, to: u32, ok: Ordering, err: Ordering) -> Result<u32, u32>;
    compare_exchange_weak(from: u32, to: u32, ok: Ordering, err: Ordering) -> Result<u32, u32>;
});
atomic!(AtomicPtr<T>, real::AtomicPtr<T>, *mut T {
    load(order: Ordering) -> *mut T;
    store(value: *mut T, order: Ordering) -> ();
    compare_exchange(from: *mut T, to: *mut T, ok: Ordering, err: Ordering) -> Result<*mut T, *mut T>;
});

/// `core`'s cell, into which each reach is a step.
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        step();
        f(self.0.get())
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        step();
        f(self.0.get())
    }
}
