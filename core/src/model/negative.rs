//! What is wrong on purpose, and is found: a lock, and rings that do one thing otherwise than the ring does.

use super::driver::{Op, every_nesting};
use crate::slot_ring::{CHAINED, Mode, SlotRing, SlotRingView};
use crate::sync::{AtomicBool, Ordering};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::vec::Vec;
extern crate std;

/// A small ring whose slots carry their own handles, twice, and a chain of other slots.
struct Small {
    slots: SlotRing<u32, 2, 0, 4>,
    links: SlotRing<u32, 0, 0, 8>,
    lock: AtomicBool,
    /// An open slot, whose owner waits.
    open: Cell<u32>,
    claimed: RefCell<Vec<u32>>,
    read: RefCell<Vec<u32>>,
    pushed: Cell<usize>,
}

/// Which word of a slot repeats its handle, and which is the head of its chain.
const AGAIN: usize = 0;
const HEAD: usize = 1;

impl Small {
    fn new() -> Rc<Self> {
        let small = Rc::new(Self {
            slots: SlotRing::new(),
            links: SlotRing::new(),
            lock: AtomicBool::new(false),
            open: Cell::new(0),
            claimed: RefCell::default(),
            read: RefCell::default(),
            pushed: Cell::new(0),
        });
        // What is read too soon is to be a wrong number, not none at all.
        for handle in [(); 4].map(|()| small.take(Mode::Shared).unwrap()) {
            small.write(handle);
            small.slots().free_slot(small.slots().slot(handle), handle);
        }
        small
    }

    fn slots(&self) -> &SlotRingView<u32, 2, 0> {
        &self.slots
    }

    fn links(&self) -> &SlotRingView<u32, 0, 0> {
        &self.links
    }

    fn take(&self, mode: Mode) -> Option<u32> {
        Some(self.slots().claim(mode.into(), 0, 4)?.handle)
    }

    fn finished(&self) -> Option<u32> {
        (0..4).find_map(|index| self.slots().take(index))
    }

    fn claim(&self, mode: Mode) {
        let Some(handle) = self.take(mode) else { return };
        self.claimed.borrow_mut().push(handle);
        self.write(handle);
        self.slots().finish(handle);
    }

    fn write(&self, handle: u32) {
        // SAFETY: `handle` was claimed and is not finished, or this test is to fail.
        unsafe { self.slots().slot(handle).write(handle) };
        self.slots().slot(handle).shared[AGAIN].store(handle, Ordering::Relaxed);
    }

    fn read(&self, handle: u32) {
        // SAFETY: written before it was finished.
        let read = unsafe { self.slots().slot(handle).read() };
        assert_eq!(read, handle, "a slot is torn");
        assert_eq!(self.slots().slot(handle).shared[AGAIN].load(Ordering::Relaxed), handle, "a slot is torn");
        self.read.borrow_mut().push(handle);
    }

    fn reap(&self) {
        while let Some(handle) = self.finished() {
            self.read(handle);
            self.slots().free_slot(self.slots().slot(handle), handle);
        }
    }

    /// Pushes a link onto the chain of the open slot, by `change` from the head seen to the new one.
    fn push(&self, change: impl Fn(u32, u32) -> bool) {
        let Some(link) = self.links().claim(Mode::Shared.into(), 0, 8) else { return };
        let name = (link.handle & 7) + 1;
        self.pushed.set(self.pushed.get() + 1);
        let word = &self.slots().slot(self.open.get()).shared[HEAD];
        loop {
            let head = word.load(Ordering::Relaxed);
            link.slot.chain(head << 2 | CHAINED);
            if change(head, name) {
                return;
            }
        }
    }

    fn begin(&self) {
        let handle = self.take(Mode::Shared).unwrap();
        self.write(handle);
        self.slots().slot(handle).shared[HEAD].store(0, Ordering::Relaxed);
        self.open.set(handle);
    }

    /// Everything claimed was read, once; everything pushed is in the chain.
    fn end(&self) {
        let open = self.open.replace(0);
        if open != 0 {
            self.slots().finish(open);
            self.claimed.borrow_mut().push(open);
        }
        self.reap();
        let (mut claimed, mut read) = (self.claimed.take(), self.read.take());
        claimed.sort_unstable();
        read.sort_unstable();
        let count = claimed.len();
        claimed.dedup();
        assert_eq!(claimed.len(), count, "two claims have got one slot");
        assert_eq!(claimed, read, "a slot is lost uncounted");
        let mut chained = 0;
        let mut link = self.slots().slot(open).shared[HEAD].load(Ordering::Relaxed);
        while link != 0 {
            chained += 1;
            let next = self.links().slot(link - 1).chained() >> 2;
            self.links().free_chained(link - 1);
            link = next;
        }
        assert_eq!(chained, self.pushed.take(), "a link is lost uncounted");
    }
}

const fn op(name: &'static str, run: fn(&Small)) -> Op<Small> {
    Op { name, most: 60, run }
}

const CLAIM: Op<Small> = op("claim and finish", |small| small.claim(Mode::Shared));
const REAP: Op<Small> = op("reap", Small::reap);
const PUSH: Op<Small> = op("push", |small| {
    small.push(|head, link| {
        let word = &small.slots().slot(small.open.get()).shared[HEAD];
        word.compare_exchange(head, link, Ordering::Release, Ordering::Relaxed).is_ok()
    });
});

fn check(outer: Op<Small>, inner: Op<Small>) {
    let small = Small::new();
    let begin = || {
        small.begin();
        small.clone()
    };
    every_nesting(1, &[outer, inner], begin, Small::end);
}

#[test]
fn the_ring_as_it_is_passes() {
    for outer in [CLAIM, REAP, PUSH] {
        for inner in [CLAIM, PUSH] {
            check(outer, inner);
        }
    }
    check(CLAIM, REAP);
}

#[test]
#[should_panic(expected = "it waits")]
fn a_lock_is_found() {
    let locked = op("claim under a lock", |small| {
        while small.lock.swap(true, Ordering::Acquire) {}
        small.claim(Mode::Shared);
        small.lock.store(false, Ordering::Release);
    });
    check(locked, locked);
}

#[test]
#[should_panic(expected = "two claims have got one slot")]
fn a_claim_by_load_and_store_is_found() {
    check(op("claim by load and store", |small| small.claim(Mode::Exclusive)), CLAIM);
}

#[test]
#[should_panic(expected = "a slot is torn")]
fn a_finish_of_two_stores_is_found() {
    let finish = op("finish, then write the rest", |small| {
        let Some(handle) = small.take(Mode::Shared) else { return };
        small.claimed.borrow_mut().push(handle);
        small.slots().finish(handle);
        small.write(handle);
    });
    check(finish, REAP);
}

#[test]
#[should_panic(expected = "a link is lost uncounted")]
fn a_push_by_load_and_store_is_found() {
    let push = op("push by load and store", |small| {
        small.push(|_, link| {
            small.slots().slot(small.open.get()).shared[HEAD].store(link, Ordering::Relaxed);
            true
        });
    });
    check(push, PUSH);
}

#[test]
#[should_panic(expected = "a slot is torn")]
fn a_reaper_that_frees_before_it_reads_is_found() {
    let reap = op("free, then read", |small| {
        if let Some(handle) = small.finished() {
            small.slots().free_slot(small.slots().slot(handle), handle);
            small.read(handle);
        }
    });
    let fill = op("claim all", |small| (0..4).for_each(|_| small.claim(Mode::Shared)));
    let small = Small::new();
    let begin = || {
        small.begin();
        small.claim(Mode::Shared);
        small.clone()
    };
    every_nesting(1, &[reap, fill], begin, Small::end);
}
