//! Counters of each callsite, which go on counting when the arena is full.

use crate::sync::{AtomicPtr, AtomicU32, Ordering, array_of, const_unless_loom};
use core::{ptr, slice, str};

/// How many entries a count looks at.
const PROBES: usize = 8;

/// A table that counts, for each name that spans are started with, how many were started, finished, errors and dropped.
///
/// Give it to a tracer by [`Tracer::callsites`](crate::Tracer::callsites). It counts every span, also those that find the arena
/// full, and its counts go out with the sync. `N` is a power of two from 1 to 1,024, and takes 24 bytes an entry on a 32-bit core.
/// A name is known by its address. What finds no entry within eight is counted under the name `(other callsites)`.
///
/// ```
/// use microspan::{Arena, Callsites, Clock, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// static CALLSITES: Callsites<16> = Callsites::new();
/// static ARENA: Arena<4, 4> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).callsites(&CALLSITES);
///
/// for _ in 0..10 {
///     TRACER.trace("poll").finish(); // the arena has four slots, and nothing drains it
/// }
/// let poll = CALLSITES.iter().next().unwrap();
/// assert_eq!((poll.name, poll.started, poll.finished, poll.dropped), ("poll", 10, 4, 6));
/// ```
pub struct Callsites<const N: usize> {
    sites: [Site; N],
    others: Site,
}

impl<const N: usize> Callsites<N> {
    const_unless_loom! {
        /// An empty table.
        ///
        /// ```
        /// use microspan::Callsites;
        /// static SITES: Callsites<8> = Callsites::new(); // room for eight names
        /// ```
        #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
        pub fn new() -> Self {
            const { assert!(N.is_power_of_two() && N <= 1024, "a table has 1 to 1,024 callsites, a power of two") };
            Self { sites: sites(), others: Site::new() }
        }
    }

    pub(crate) const fn view(&'static self) -> CallsitesView {
        CallsitesView { sites: &self.sites, others: &self.others }
    }

    /// What was counted so far.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// static SITES: Callsites<8> = Callsites::new();
    /// static COUNTED: Tracer = Tracer::new(&ARENA, &Ticks).callsites(&SITES);
    /// COUNTED.trace("adc.read").finish();
    /// let site = SITES.iter().next().unwrap();
    /// assert_eq!((site.name, site.started, site.finished), ("adc.read", 1, 1));
    /// ```
    pub fn iter(&'static self) -> impl Iterator<Item = Callsite> {
        let view = self.view();
        (0..view.len()).filter_map(move |index| view.get(index))
    }
}

#[cfg(not(loom))]
const fn sites<const N: usize>() -> [Site; N] {
    array_of!(Site::new())
}
#[cfg(loom)]
fn sites<const N: usize>() -> [Site; N] {
    array_of!(Site::new())
}

/// What was counted at one callsite; each count wraps at 2^32.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// # static SITES: Callsites<8> = Callsites::new();
/// fn worst() -> Option<Callsite> {
///     SITES.iter().max_by_key(|site| site.dropped)
/// }
/// assert!(worst().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Callsite {
    /// The name of its spans.
    pub name: &'static str,
    /// Spans that were to start here, dropped ones included.
    pub started: u32,
    /// Spans that were finished.
    pub finished: u32,
    /// Spans that were finished and are errors.
    pub errored: u32,
    /// Spans that found no slot.
    pub dropped: u32,
}

struct Site {
    /// The address of the name; null: the entry is free. Once set it stays.
    name: AtomicPtr<u8>,
    len: AtomicU32,
    counts: [AtomicU32; 4],
}

impl Site {
    const_unless_loom! {
        fn new() -> Self {
            Self { name: AtomicPtr::new(ptr::null_mut()), len: AtomicU32::new(0), counts: counts() }
        }
    }
}

const_unless_loom! {
    fn counts() -> [AtomicU32; 4] {
        [AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)]
    }
}

/// What happens to a span at its callsite.
#[derive(Clone, Copy)]
pub(crate) enum Happened {
    Started = 0,
    Finished = 1,
    Errored = 2,
    Dropped = 3,
}

/// A table, whatever its size.
#[derive(Clone, Copy)]
pub(crate) struct CallsitesView {
    sites: &'static [Site],
    others: &'static Site,
}

impl CallsitesView {
    /// Counts.
    #[inline(never)]
    pub(crate) fn count(&self, name: &'static str, happened: &[Happened]) {
        let site = self.site(name);
        for what in happened {
            if let Some(count) = site.counts.get(*what as usize) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The entry of a name.
    fn site(&self, name: &'static str) -> &'static Site {
        let address = name.as_ptr();
        let hash = (address.addr() >> 2) ^ (address.addr() >> 9);
        let mask = self.sites.len() - 1;
        (0..PROBES)
            .filter_map(|step| self.sites.get(hash.wrapping_add(step) & mask))
            .find(|site| {
                let found = site.name.load(Ordering::Relaxed);
                if !found.is_null() {
                    return ptr::eq(found, address);
                }
                let claimed = site.name.compare_exchange(
                    ptr::null_mut(),
                    address.cast_mut(),
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                match claimed {
                    Ok(_) => site.len.store(name.len() as u32, Ordering::Release),
                    Err(other) => return ptr::eq(other, address),
                }
                true
            })
            .unwrap_or(self.others)
    }

    /// The number of entries, that of the others included.
    pub(crate) fn len(&self) -> usize {
        self.sites.len() + 1
    }

    /// What stands in an entry, if anything was counted there.
    pub(crate) fn get(&self, index: usize) -> Option<Callsite> {
        let site = self.sites.get(index).unwrap_or(self.others);
        let [started, finished, errored, dropped] =
            [0, 1, 2, 3].map(|count| site.counts.get(count).map_or(0, |count| count.load(Ordering::Relaxed)));
        let name = if index < self.sites.len() { site.told()? } else { "(other callsites)" };
        (started != 0).then_some(Callsite { name, started, finished, errored, dropped })
    }

    /// A sum that differs when anything has been counted since.
    pub(crate) fn sum(&self) -> u32 {
        let counts = self.sites.iter().chain([self.others]).flat_map(|site| &site.counts);
        counts.fold(0, |sum: u32, count| sum.wrapping_add(count.load(Ordering::Relaxed)))
    }
}

impl Site {
    /// Its name, once it is written.
    fn told(&self) -> Option<&'static str> {
        // The length is written after the name and is not 0 then, but for a name that is empty, which is not told.
        let len = self.len.load(Ordering::Acquire);
        let name = self.name.load(Ordering::Relaxed);
        // SAFETY: both were stored by the one context whose compare-exchange put the name there, the length after the
        // name, from one `&'static str`; neither changes again.
        (len != 0).then(|| unsafe { str::from_utf8_unchecked(slice::from_raw_parts(name, len as usize)) })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    #[test]
    fn each_name_has_its_counts_and_what_finds_no_entry_is_counted_together() {
        static TABLE: Callsites<2> = Callsites::new();
        let view = TABLE.view();
        for name in ["bread", "butter", "ham", "cheese", "bread", "butter", "ham", "cheese"] {
            view.count(name, &[Happened::Started, Happened::Finished]);
        }
        let sites: Vec<Callsite> = TABLE.iter().collect();
        let total: u32 = sites.iter().map(|site| site.started).sum();
        assert_eq!((sites.len(), total), (3, 8), "{sites:?}");
        assert_eq!(sites.last().map(|site| (site.name, site.started)), Some(("(other callsites)", 4)));
        assert!(sites.iter().take(2).all(|site| site.finished == 2 && site.errored == 0));
        assert_eq!(view.sum(), 16);
    }
}
