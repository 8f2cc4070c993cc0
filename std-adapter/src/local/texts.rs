//! Texts that are longer than the arena's cells hold, until their spans are drained.
//!
//! A number in the arena stands for each. Setting one allocates and takes a lock; a text that fits does neither. Who frees its cell
//! has it forgotten, so there are never more than the arena has cells; and not more than 4 MB: what comes beyond is cut as on a device.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use microspan::LongTexts;

use super::fork;
use super::wake::WAKE;
use crate::model::normal::{VALUE, cut};

/// So much of a text is put together before it is cut, and so says so: one character more than the agent takes.
const ROOM: usize = VALUE + 4;

/// How many bytes are held at once.
const MOST: usize = 4 << 20;

/// What a text takes beside its bytes, rounded up.
const BESIDE: usize = 64;

/// Threads that set tags at once mostly find different locks.
const SHARDS: usize = 16;

/// What the tracer of the program keeps its long texts in.
pub(super) static LONG: LongTexts = LongTexts::new(
    |write| TEXTS.keep(write),
    |number, look| TEXTS.show(number, look),
    |number| TEXTS.forget(number),
);

/// Those of this process.
pub(super) static TEXTS: Texts = Texts::new();

/// Texts by their numbers.
pub(super) struct Texts {
    shards: [Mutex<BTreeMap<u64, Arc<str>>>; SHARDS],
    next: AtomicU64,
    bytes: AtomicUsize,
    refused: AtomicU64,
    is_closed: AtomicBool,
}

impl Texts {
    const fn new() -> Self {
        Self {
            shards: [const { Mutex::new(BTreeMap::new()) }; SHARDS],
            next: AtomicU64::new(1),
            bytes: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// How many found no room.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Lets go of all of them, and keeps none from here on: nobody drains the arena any more.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        for shard in &self.shards {
            // Who comes behind this lock sees that it is closed.
            for text in std::mem::take(&mut *locked(shard)).into_values() {
                self.give_back(&text);
            }
        }
    }

    fn keep(&self, write: &mut dyn FnMut(&mut dyn Write)) -> Option<NonZeroU64> {
        if self.is_out_of_use() {
            return None;
        }
        // Before the lock is taken: this runs code of the program.
        let text = put_together(write);
        if text.is_empty() {
            return None;
        }
        let text: Arc<str> = text.into();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(number)?;
        if self.is_closed.load(Ordering::Relaxed) || !self.take(text.len() + BESIDE) {
            return None;
        }
        shard.insert(number, text);
        NonZeroU64::new(number)
    }

    /// Takes so many bytes; `false`: there are not so many left. From the half on the drain is to make room.
    fn take(&self, size: usize) -> bool {
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        let fits = before + size <= MOST;
        if !fits {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        if before <= MOST / 2 && before + size > MOST / 2 || !fits {
            WAKE.wake();
        }
        fits
    }

    fn show(&self, number: u64, look: &mut dyn FnMut(&str)) {
        if self.is_out_of_use() {
            return;
        }
        // Nobody else's code runs while the lock is held.
        let text = self.shard(number).and_then(|shard| shard.get(&number).cloned());
        if let Some(text) = text {
            look(&text);
        }
    }

    fn forget(&self, number: u64) {
        if self.is_out_of_use() {
            return;
        }
        let text = self.shard(number).and_then(|mut shard| shard.remove(&number));
        if let Some(text) = text {
            self.give_back(&text);
        }
    }

    fn give_back(&self, text: &str) {
        self.bytes.fetch_sub(text.len() + BESIDE, Ordering::Relaxed);
    }

    /// In a child of `fork` a lock may be held by a thread that stayed behind.
    fn is_out_of_use(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed) || fork::has_happened()
    }

    fn shard(&self, number: u64) -> Option<MutexGuard<'_, BTreeMap<u64, Arc<str>>>> {
        self.shards.get(number as usize % SHARDS).map(locked)
    }
}

fn locked<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text of at most [`VALUE`] bytes.
fn put_together(write: &mut dyn FnMut(&mut dyn Write)) -> String {
    let mut whole = Bounded(String::new());
    // It ends early where there is no more room: what was written until then stands.
    write(&mut whole);
    let Bounded(mut whole) = whole;
    if whole.len() > VALUE {
        cut(&mut whole, VALUE);
    }
    whole
}

/// A text that takes no more than there is room for.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(ROOM - self.0.len());
        let (fits, rest) = text.split_at_checked(room).unwrap_or((text, ""));
        self.0.push_str(fits);
        if rest.is_empty() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Keeps a text.
    fn keep(texts: &Texts, text: &str) -> Option<NonZeroU64> {
        texts.keep(&mut |whole| _ = whole.write_str(text))
    }

    /// What is shown of a number.
    fn shown(texts: &Texts, number: NonZeroU64) -> Option<String> {
        let mut seen = None;
        texts.show(number.get(), &mut |text| seen = Some(text.to_owned()));
        seen
    }

    #[test]
    fn a_text_is_there_until_it_is_forgotten_and_then_takes_no_room() {
        let texts = Texts::new();
        let (one, other) = ("x".repeat(20_000), "y".repeat(300));
        let numbers = [&one, &other].map(|text| keep(&texts, text).expect("room"));
        assert_eq!(numbers.map(|number| shown(&texts, number)), [Some(one), Some(other.clone())]);
        texts.forget(numbers[0].get());
        assert_eq!(numbers.map(|number| shown(&texts, number)), [None, Some(other)]);
        numbers.iter().for_each(|number| texts.forget(number.get()));
        assert_eq!((texts.bytes.into_inner(), texts.refused.into_inner()), (0, 0));
    }

    #[test]
    fn a_text_of_which_nothing_is_written_takes_no_number() {
        let texts = Texts::new();
        assert_eq!((keep(&texts, ""), texts.next.into_inner()), (None, 1));
    }

    #[test]
    fn one_that_is_longer_than_the_agent_takes_is_cut_between_characters_and_says_so() {
        assert_eq!(put_together(&mut |whole| _ = whole.write_str(&"é".repeat(12_500))), "é".repeat(12_500));
        for more in 1..300 {
            let cut = put_together(&mut |whole| _ = write!(whole, "{}x", "é".repeat(12_499 + more)));
            assert_eq!(cut, format!("{}...", "é".repeat(12_498)), "{more}");
        }
        // What comes in pieces, of which a later one would fit where an earlier one did not.
        let pieces = ["x".repeat(25_001), "日本".into(), "y".into()];
        let pieces =
            put_together(&mut |whole| _ = pieces.iter().try_for_each(|piece| whole.write_str(piece)));
        assert_eq!(pieces, format!("{}...", "x".repeat(24_997)));
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for_and_what_is_refused_is_counted() {
        let texts = Texts::new();
        let text = "x".repeat(24_000);
        let keep = || keep(&texts, &text);
        let kept: Vec<_> = (0..1_000).map_while(|_| keep()).collect();
        assert_eq!(kept.len(), MOST / (24_000 + BESIDE));
        assert_eq!((keep(), texts.refused()), (None, 2));
        texts.forget(kept[0].get());
        assert!(keep().is_some() && keep().is_none());
        assert!(texts.bytes.load(Ordering::Relaxed) <= MOST);
    }

    #[test]
    fn one_that_is_closed_holds_nothing_and_keeps_nothing() {
        let texts = Texts::new();
        let text = "x".repeat(300);
        let number = keep(&texts, &text).expect("room");
        texts.close();
        assert_eq!((keep(&texts, &text), shown(&texts, number)), (None, None));
        texts.forget(number.get());
        assert!(texts.shards.iter().all(|shard| locked(shard).is_empty()));
        assert_eq!(texts.bytes.into_inner(), 0);
    }

    #[test]
    fn threads_that_keep_and_forget_while_it_is_closed_leave_nothing() {
        for _ in 0..if cfg!(miri) { 2 } else { 100 } {
            let texts = Texts::new();
            thread::scope(|scope| {
                for thread in 0..4 {
                    let texts = &texts;
                    scope.spawn(move || {
                        let text = format!("{thread}").repeat(300);
                        for turn in 0..50 {
                            let Some(number) = keep(texts, &text) else { break };
                            let seen = shown(texts, number);
                            assert!(seen.is_none_or(|seen| seen == text));
                            if turn % 2 == 0 {
                                texts.forget(number.get());
                            }
                        }
                    });
                }
                texts.close();
            });
            assert!(texts.shards.iter().all(|shard| locked(shard).is_empty()));
            assert_eq!(texts.bytes.into_inner(), 0);
        }
    }
}
