//! The ring by itself: sequences on one thread, then every interleaving of a few threads under loom.

use super::*;

fn claim(ring: &SlotRingView<u32, 1, 0>, steps: u32) -> Option<u32> {
    ring.claim(Mode::Shared.into(), 0, steps).map(|claimed| claimed.handle)
}

fn take_next(ring: &SlotRingView<u32, 1, 0>, from: u32) -> Option<u32> {
    (0..ring.capacity()).find_map(|step| ring.take(from.wrapping_add(step)))
}

fn free(ring: &SlotRingView<u32, 1, 0>, handle: u32) {
    ring.free_slot(ring.slot(handle), handle);
}

#[cfg(not(loom))]
mod sequences {
    use super::*;
    extern crate std;
    use std::collections::{HashMap, HashSet};
    use std::vec::Vec;

    fn ring<const N: usize>() -> SlotRing<u32, 1, 0, N> {
        SlotRing::new()
    }

    #[test]
    fn a_slot_goes_from_free_through_open_and_finished_to_free() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        let handle = claim(ring, 4).unwrap();
        assert!(ring.is_open(handle));
        assert_eq!(take_next(ring, 0), None);
        // SAFETY: claimed above.
        unsafe { ring.slot(handle).write(7) };
        ring.finish(handle);
        assert!(!ring.is_open(handle));
        assert_eq!(take_next(ring, 0), Some(handle));
        // SAFETY: finished, and this is the only reaper.
        assert_eq!(unsafe { ring.slot(handle).read() }, 7);
        free(ring, handle);
        assert_eq!(take_next(ring, 0), None);
    }

    #[test]
    fn a_full_ring_says_so_and_takes_again_when_a_slot_is_free() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        let handles: Vec<u32> = (0..4).map(|_| claim(ring, 4).unwrap()).collect();
        assert_eq!(claim(ring, 4), None);
        ring.finish(handles[2]);
        assert_eq!(claim(ring, 4), None, "finished is not free");
        free(ring, handles[2]);
        let again = claim(ring, 4).unwrap();
        assert_eq!(again & 3, handles[2] & 3);
        assert_ne!(again, handles[2]);
    }

    #[test]
    fn no_handle_is_given_twice_even_across_the_wrap() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        ring.hint.store(u32::MAX - 20, Ordering::Relaxed);
        (0..4).for_each(|slot| ring.slot(slot).word.store((u32::MAX - 24) & !3 | FREE, Ordering::Relaxed));
        let mut seen = HashSet::new();
        for _ in 0..60 {
            let handle = claim(ring, 4).unwrap();
            assert!(seen.insert(handle), "{handle} again");
            free(ring, handle);
        }
        assert!(seen.contains(&1) && seen.contains(&u32::MAX), "it wrapped");
    }

    #[test]
    fn a_stale_hint_gives_no_handle_twice() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        let mut seen = HashSet::new();
        for round in 0..40 {
            if round % 3 == 0 {
                ring.hint.store(4, Ordering::Relaxed);
            }
            let handle = claim(ring, 4).unwrap();
            assert!(seen.insert(handle));
            free(ring, handle);
        }
    }

    #[test]
    fn an_old_handle_is_not_open_when_its_slot_is_used_again() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        let old = claim(ring, 4).unwrap();
        free(ring, old);
        let open: Vec<u32> = (0..4).map(|_| claim(ring, 4).unwrap()).collect();
        assert!(!ring.is_open(old));
        assert!(open.iter().all(|handle| ring.is_open(*handle)));
    }

    #[test]
    fn a_claim_gets_past_a_cluster_of_slots_that_are_taken_from_any_hint() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<256>();
        let _long_lived: Vec<u32> = (0..200).map(|_| claim(ring, 32).unwrap()).collect();
        for hint in [257, 300, 390] {
            ring.hint.store(hint, Ordering::Relaxed);
            assert!(claim(ring, 32).is_some(), "from {hint}");
        }
    }

    #[test]
    fn claims_that_fail_use_up_no_handles() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<4>();
        let held: Vec<u32> = (0..4).map(|_| claim(ring, 4).unwrap()).collect();
        (0..if cfg!(miri) { 100 } else { 1000 }).for_each(|_| assert_eq!(claim(ring, 16), None));
        free(ring, held[3]);
        assert!(claim(ring, 4).unwrap() < 20);
    }

    fn claim_by(ring: &SlotRingView<u32, 1, 0>, own: &AtomicU32) -> Option<u32> {
        ring.claim(By { mode: Mode::Shared, own: Some(own) }, 0, 32).map(|claimed| claimed.handle)
    }

    #[test]
    fn two_with_hints_of_their_own_share_no_piece_while_there_are_free_ones() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<1024>();
        let hints = [AtomicU32::new(0), AtomicU32::new(0)];
        let mut owners: HashMap<u32, usize> = HashMap::new();
        for _ in 0..500 {
            for (who, own) in hints.iter().enumerate() {
                let handle = claim_by(ring, own).unwrap();
                assert_eq!(*owners.entry((handle & 1023) / PIECE).or_insert(who), who);
            }
        }
        let pieces = owners.values().filter(|who| **who == 0).count();
        assert!(pieces == 8 && owners.len() == 16, "each took pieces as it used them");
    }

    #[test]
    fn one_whose_piece_ends_in_slots_that_are_taken_goes_on_with_a_new_piece_and_not_in_anothers() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<1024>();
        let (own, other) = (AtomicU32::new(0), AtomicU32::new(0));
        let held: Vec<u32> =
            std::iter::repeat_with(|| claim_by(ring, &own).unwrap()).take(PIECE as usize - 1).collect();
        let neighbour = claim_by(ring, &other).unwrap() & 1023;
        assert_eq!((held.last().map(|handle| handle & 1023), neighbour), (Some(PIECE - 1), PIECE));
        own.store(PIECE - 4, Ordering::Relaxed);
        let next = claim_by(ring, &own).unwrap() & 1023;
        assert_eq!(next, 2 * PIECE);
    }

    #[test]
    fn one_with_a_hint_of_its_own_gets_the_whole_ring_round_after_round() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<256>();
        let own = AtomicU32::new(0);
        let mut before = 0;
        for round in 0..if cfg!(miri) { 2 } else { 100 } {
            let handles: HashSet<u32> = (0..255).map(|_| claim_by(ring, &own).unwrap()).collect();
            assert_eq!(handles.len(), 255);
            let newest = handles.iter().copied().max().unwrap();
            // The search for the last free slots passes by pieces that are in use.
            assert!(newest > before && newest < (round + 2) * 2 * 256, "{newest} in round {round}");
            before = newest;
            handles.iter().for_each(|handle| free(ring, *handle));
        }
    }

    #[test]
    fn claims_by_hints_of_their_own_that_fail_use_up_no_handles() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<128>();
        let own = AtomicU32::new(0);
        let held: Vec<u32> = std::iter::from_fn(|| claim_by(ring, &own)).collect();
        for place in 0..if cfg!(miri) { 100 } else { 10_000 } {
            own.store(place, Ordering::Relaxed);
            assert_eq!(claim_by(ring, &own), None);
        }
        held.iter().for_each(|handle| free(ring, *handle));
        assert!(claim_by(ring, &own).unwrap() < 3 * 128);
    }

    #[test]
    fn the_reaper_steps_over_open_slots() {
        let ring: &SlotRingView<u32, 1, 0> = &ring::<8>();
        let root = claim(ring, 8).unwrap();
        let child = claim(ring, 8).unwrap();
        ring.finish(child);
        assert_eq!(take_next(ring, root), Some(child));
        free(ring, child);
        ring.finish(root);
        assert_eq!(take_next(ring, child), Some(root));
    }

    #[test]
    fn a_slot_is_as_small_as_its_parts() {
        assert_eq!(size_of::<Slot<[u32; 3], 3, 4>>(), 32);
        assert_eq!(size_of::<Slot<[u32; 3], 0, 0>>(), 16);
    }
}

#[cfg(loom)]
mod loom_tests {
    //! Loom 0.7 remembers of an atomic only its last access, so a compare-exchange that follows its own
    //! thread's load hides the loads of others before it. The reaper is therefore the last thread to be
    //! spawned: the first schedule has it read what the producers wrote, and all others follow from there.

    use super::*;
    use loom::sync::Arc;
    use loom::thread::{self, JoinHandle};

    type Ring4 = SlotRing<u32, 1, 0, 4>;

    fn view(ring: &Ring4) -> &SlotRingView<u32, 1, 0> {
        ring
    }

    fn spawn<R: 'static>(
        ring: &Arc<Ring4>,
        run: impl FnOnce(&SlotRingView<u32, 1, 0>) -> R + 'static,
    ) -> JoinHandle<R> {
        let ring = ring.clone();
        thread::spawn(move || run(view(&ring)))
    }

    /// Checks every interleaving with at most `preemptions` switches away from a thread that could go on.
    fn check(preemptions: usize, run: impl Fn(Arc<Ring4>) + Sync + Send + 'static) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(preemptions);
        model.check(move || run(Arc::new(Ring4::new())));
    }

    /// Claims, writes and finishes; what it writes is the handle, so that the reaper can tell a torn slot.
    fn produce(ring: &SlotRingView<u32, 1, 0>) -> Option<u32> {
        let handle = claim(ring, 4)?;
        // SAFETY: claimed above.
        unsafe { ring.slot(handle).write(handle) };
        ring.slot(handle).shared[0].store(handle, Ordering::Relaxed);
        ring.finish(handle);
        Some(handle)
    }

    /// Takes what is finished; checks that it is whole.
    fn reap(ring: &SlotRingView<u32, 1, 0>) -> usize {
        let mut taken = 0;
        while let Some(handle) = take_next(ring, 0) {
            // SAFETY: seen finished, and a test has one reaper at a time.
            assert_eq!(unsafe { ring.slot(handle).read() }, handle);
            assert_eq!(ring.slot(handle).shared[0].load(Ordering::Relaxed), handle);
            free(ring, handle);
            taken += 1;
        }
        taken
    }

    #[test]
    fn two_claims_never_get_one_slot() {
        check(5, |ring| {
            let claims = [(); 2].map(|()| spawn(&ring, |ring| claim(ring, 4).unwrap()));
            let [one, other] = claims.map(|claim| claim.join().unwrap());
            assert_ne!(one & 3, other & 3);
        });
    }

    #[test]
    fn what_one_thread_finishes_the_reaper_sees_whole() {
        check(5, |ring| {
            let producer = spawn(&ring, produce);
            let taken = spawn(&ring, reap).join().unwrap();
            assert!(producer.join().unwrap().is_some());
            assert_eq!(taken + reap(view(&ring)), 1);
        });
    }

    #[test]
    fn two_producers_and_the_reaper_lose_nothing() {
        check(2, |ring| {
            let producers = [(); 2].map(|()| spawn(&ring, produce));
            let taken = spawn(&ring, reap).join().unwrap();
            assert!(producers.map(|producer| producer.join().unwrap().is_some()) == [true; 2]);
            assert_eq!(taken + reap(view(&ring)), 2);
        });
    }

    #[test]
    fn a_slot_that_is_freed_and_claimed_again_is_never_torn() {
        check(3, |ring| {
            // Three slots are taken for good and the fourth waits for the reaper: both uses fall on it.
            (0..3).for_each(|_| _ = claim(view(&ring), 4));
            let first = produce(view(&ring)).unwrap();
            let reaper = spawn(&ring, reap);
            let second = spawn(&ring, produce).join().unwrap();
            let taken = reaper.join().unwrap() + reap(view(&ring));
            assert_eq!(taken, 1 + second.is_some() as usize);
            assert_ne!(Some(first), second);
        });
    }

    #[test]
    fn a_slot_can_be_finished_by_another_thread_than_claimed_it() {
        check(5, |ring| {
            let handle = claim(view(&ring), 4).unwrap();
            // SAFETY: claimed above; the right to the slot moves to the other thread with the handle.
            unsafe { view(&ring).slot(handle).write(handle) };
            view(&ring).slot(handle).shared[0].store(handle, Ordering::Relaxed);
            let finisher = spawn(&ring, move |ring| ring.finish(handle));
            let taken = spawn(&ring, reap).join().unwrap();
            finisher.join().unwrap();
            assert_eq!(taken + reap(view(&ring)), 1);
        });
    }
    /// Takes what is finished, where claims may overwrite it; gives it back the first time.
    fn take_and_reap(ring: &SlotRingView<u32, 1, 0>, mut give_back: bool) -> usize {
        let mut taken = 0;
        while let Some(handle) = take_next(ring, 0) {
            // SAFETY: finished, and taken.
            assert_eq!(unsafe { ring.slot(handle).read() }, handle);
            if core::mem::take(&mut give_back) {
                ring.put_back(handle);
            } else {
                free(ring, handle);
                taken += 1;
            }
        }
        taken
    }

    #[test]
    fn a_finished_slot_goes_to_the_reaper_or_to_the_claim_that_overwrites_it() {
        check(3, |ring| {
            (0..3).for_each(|_| _ = claim(view(&ring), 4));
            assert!(produce(view(&ring)).is_some());
            let overwriter = spawn(&ring, |ring| {
                let handle = ring.claim_finished(ring.oldest(), 0, 8, |_| true)?.handle;
                // SAFETY: claimed above.
                unsafe { ring.slot(handle).write(handle) };
                ring.finish(handle);
                Some(handle)
            });
            let reaper = spawn(&ring, |ring| take_and_reap(ring, true));
            let overwritten = overwriter.join().unwrap().is_some();
            let taken = reaper.join().unwrap() + take_and_reap(view(&ring), false);
            assert_eq!(taken, 1, "the one, or the one that took its place: {overwritten}");
        });
    }

    #[test]
    fn two_claims_never_overwrite_one_slot() {
        check(3, |ring| {
            (0..2).for_each(|_| _ = claim(view(&ring), 4));
            (0..2).for_each(|_| _ = produce(view(&ring)));
            let claims = [(); 2].map(|()| {
                spawn(&ring, |ring| {
                    ring.claim_finished(ring.oldest(), 0, 8, |_| true).map(|claimed| claimed.handle)
                })
            });
            let [one, other] = claims.map(|claim| claim.join().unwrap());
            assert!(
                one.is_some() && other.is_some() && one.map(|one| one & 3) != other.map(|other| other & 3)
            );
        });
    }

    #[test]
    fn two_claims_of_the_reserved_never_get_one_slot() {
        check(3, |ring| {
            let claims = [(); 2].map(|()| {
                spawn(&ring, |ring| {
                    ring.claim_reserved(Mode::Shared, 2, |_| false).map(|(claimed, _)| claimed.handle)
                })
            });
            let [one, other] = claims.map(|claim| claim.join().unwrap());
            assert!(one.is_some() && other.is_some() && one != other);
        });
    }

    #[test]
    fn the_one_claimer_of_a_ring_sees_what_the_reaper_has_freed() {
        check(3, |ring| {
            let claim = |ring: &SlotRingView<u32, 1, 0>| {
                let handle = ring.claim(Mode::Exclusive.into(), 0, 4)?.handle;
                // SAFETY: claimed above.
                unsafe { ring.slot(handle).write(handle) };
                ring.slot(handle).shared[0].store(handle, Ordering::Relaxed);
                ring.finish(handle);
                Some(handle)
            };
            (0..3).for_each(|_| {
                _ = view(&ring).claim(Mode::Exclusive.into(), 0, 4).map(|claimed| claimed.handle)
            });
            assert!(claim(view(&ring)).is_some());
            let reaper = spawn(&ring, reap);
            let second = spawn(&ring, move |ring| claim(ring)).join().unwrap().is_some();
            let taken = reaper.join().unwrap() + reap(view(&ring));
            assert_eq!(taken, 1 + usize::from(second));
        });
    }
}
