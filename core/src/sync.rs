//! The only file that names atomics and cells, so that the rest of the crate does not know which it runs on:
//!
//! - `core`, where the core has compare-exchange;
//! - `portable-atomic`, where it has none (thumbv6m): its critical section is the one the final binary picks;
//! - `loom`, when the crate is built with `--cfg loom` to be model-checked;
//! - `shuttle`, when it is built with `--cfg shuttle` to be run on random schedules;
//! - `core` with a hook before each access (`sync/step.rs`), in all other tests.

#[cfg(all(not(any(test, loom, shuttle)), target_has_atomic = "32"))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, fence};
#[cfg(all(not(any(test, loom, shuttle)), not(target_has_atomic = "32")))]
pub(crate) use portable_atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, fence};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, fence};
#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) use step::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, UnsafeCell, fence};

#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) mod step;

pub(crate) use core::sync::atomic::{Ordering, compiler_fence};

/// The ordering of an access behind which a fence acquires. ThreadSanitizer knows no fences (the crate is built for it with
/// `--cfg tsan`): for it the access acquires by itself.
pub(crate) const FENCED: Ordering = if cfg!(tsan) { Ordering::Acquire } else { Ordering::Relaxed };

#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

/// `core`'s cell with loom's way of reaching into it.
#[cfg(not(any(loom, all(test, not(shuttle)))))]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(any(loom, all(test, not(shuttle)))))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// What some cores write and others read, or write at other times: on machines with caches, in lines of its own, two as
/// these are fetched.
#[cfg_attr(target_pointer_width = "64", repr(C, align(128)))]
#[cfg_attr(not(target_pointer_width = "64"), repr(transparent))]
pub(crate) struct Line<T>(pub(crate) T);

impl<T> core::ops::Deref for Line<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Makes a constructor `const`, except under loom, whose atomics are made at run time.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$meta])* $vis const fn $name($($arg: $ty),*) -> $ret $body
        #[cfg(loom)]
        $(#[$meta])* $vis fn $name($($arg: $ty),*) -> $ret $body
    };
}
pub(crate) use const_unless_loom;

/// An array of things that `$make` makes: at compile time, except under loom.
macro_rules! array_of {
    ($make:expr) => {{
        #[cfg(not(loom))]
        {
            [const { $make }; N]
        }
        #[cfg(loom)]
        {
            core::array::from_fn(|_| $make)
        }
    }};
}
pub(crate) use array_of;
