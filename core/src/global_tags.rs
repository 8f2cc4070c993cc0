//! Tags of all spans that are set while the program runs.

use crate::arena::MAX_NAME;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, array_of, const_unless_loom, fence};
use crate::tag::{Static, Value, cut};
use core::{fmt, ptr, slice, str};

/// The longest text that is copied, in bytes: a serial number, a version, an address; on hosts, which have room, the name of a
/// build in a registry, too.
const MAX_TEXT: usize = if cfg!(target_os = "none") { 32 } else { 128 };

/// How many words of 32 bits a value has.
const WORDS: usize = MAX_TEXT / 4;

/// A table of `N` tags of all spans, which are set while the program runs: what a device knows only then, as its serial
/// number.
///
/// Give it to a tracer by [`Tracer::global_tags`](crate::Tracer::global_tags), and set one by
/// [`Tracer::set_global_tag`](crate::Tracer::set_global_tag). On a 32-bit core it takes 52 bytes a tag.
///
/// ```
/// use microspan::{Arena, Clock, GlobalTags, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// static TAGS: GlobalTags<4> = GlobalTags::new();
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).global_tags(&TAGS);
///
/// let serial = String::from("K-1187"); // read from the device's flash
/// TRACER.set_global_tag("device.serial", serial.as_str())?;
/// # Ok::<_, microspan::GlobalTagError>(())
/// ```
pub struct GlobalTags<const N: usize> {
    entries: [Entry; N],
    /// Goes on with each tag that is set.
    changes: AtomicU32,
}

impl<const N: usize> GlobalTags<N> {
    const_unless_loom! {
        /// An empty table.
        ///
        /// ```
        #[doc = include_str!("../docs/setup.txt")]
        /// static TAGS: GlobalTags<2> = GlobalTags::new(); // room for two
        /// static TAGGED: Tracer = Tracer::new(&ARENA, &Ticks).global_tags(&TAGS);
        /// TAGGED.set_global_tag("room", Static("kitchen")).unwrap();
        /// ```
        #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
        pub fn new() -> Self {
            Self { entries: entries(), changes: AtomicU32::new(0) }
        }
    }

    pub(crate) const fn view(&'static self) -> GlobalTagsView {
        GlobalTagsView { entries: &self.entries, changes: &self.changes, each }
    }
}

#[cfg(not(loom))]
const fn entries<const N: usize>() -> [Entry; N] {
    array_of!(Entry::new())
}
#[cfg(loom)]
fn entries<const N: usize>() -> [Entry; N] {
    array_of!(Entry::new())
}

#[cfg(not(loom))]
const fn words<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}
#[cfg(loom)]
fn words<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}

/// Why a tag was not set.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// assert!(TRACER.set_global_tag("room", 7u32).is_err()); // the tracer was given no `GlobalTags`
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GlobalTagError {
    /// The table is full, or the tracer has none.
    NoRoom,
    /// What was interrupted, or another core, is just setting this tag.
    Busy,
}

impl fmt::Display for GlobalTagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => {
                "a tag of all spans found no room: give the tracer a table by `Tracer::global_tags`, or a larger one"
            }
            Self::Busy => "a tag of all spans is being set by somebody else: set it again later",
        })
    }
}

impl core::error::Error for GlobalTagError {}

/// A tag. Its value is written by one at a time, and read as a whole or not at all.
struct Entry {
    /// The address of the key; null: the entry is free. Once set it stays.
    key: AtomicPtr<u8>,
    key_len: AtomicU32,
    /// How often the value was begun and ended; odd: it is being written. 0: there is none yet.
    version: AtomicU32,
    /// What it is and, above 8 bits, how long.
    shape: AtomicU32,
    /// The address of a string that lives for ever.
    address: AtomicPtr<u8>,
    words: [AtomicU32; WORDS],
}

const BOOL: u32 = 0;
const U64: u32 = 1;
const I64: u32 = 2;
const F32: u32 = 3;
const F64: u32 = 4;
const STATIC: u32 = 5;
const TEXT: u32 = 6;

impl Entry {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                key: AtomicPtr::new(ptr::null_mut()),
                key_len: AtomicU32::new(0),
                version: AtomicU32::new(0),
                shape: AtomicU32::new(0),
                address: AtomicPtr::new(ptr::null_mut()),
                words: words(),
            }
        }
    }

    /// Its key, once that is written.
    fn key(&self) -> Option<&'static str> {
        // The length is written after the address, one more than it is.
        let len = self.key_len.load(Ordering::Acquire).checked_sub(1)?;
        // SAFETY: both were stored by the one context whose compare-exchange put the address there, from one
        // `&'static str`; neither changes again.
        Some(unsafe { static_str(self.key.load(Ordering::Relaxed), len as usize) })
    }

    /// Whether it is the one of this key, or becomes that.
    fn is_of(&self, key: &'static str) -> bool {
        let address = key.as_ptr().cast_mut();
        match self.key.compare_exchange(ptr::null_mut(), address, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                self.key_len.store(key.len() as u32 + 1, Ordering::Release);
                true
            }
            Err(found) => ptr::eq(found, address) || self.key() == Some(key),
        }
    }

    fn set(&self, value: Value<'_>) -> Result<(), GlobalTagError> {
        let version = self.version.load(Ordering::Relaxed);
        let writing = version | 1;
        if version == writing
            || self.version.compare_exchange(version, writing, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return Err(GlobalTagError::Busy);
        }
        // Who sees anything of what follows sees that it is being written.
        fence(Ordering::Release);
        let text = |kind, len: usize| kind | (len as u32) << 8;
        let shape = match value {
            Value::Bool(v) => self.number(BOOL, v.into()),
            Value::U64(v) => self.number(U64, v),
            Value::I64(v) => self.number(I64, v as u64),
            Value::F32(v) => self.number(F32, v.to_bits().into()),
            Value::F64(v) => self.number(F64, v.to_bits()),
            Value::Static(v) => {
                let v = cut(v, MAX_NAME);
                self.address.store(v.as_ptr().cast_mut(), Ordering::Relaxed);
                text(STATIC, v.len())
            }
            Value::Str(v) => {
                let v = cut(v, MAX_TEXT);
                for (word, bytes) in self.words.iter().zip(v.as_bytes().chunks(4)) {
                    let mut four = [0; 4];
                    four.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                    word.store(u32::from_le_bytes(four), Ordering::Relaxed);
                }
                text(TEXT, v.len())
            }
        };
        self.shape.store(shape, Ordering::Relaxed);
        self.version.store(writing.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    fn number(&self, kind: u32, bits: u64) -> u32 {
        let [low, high, ..] = &self.words;
        low.store(bits as u32, Ordering::Relaxed);
        high.store((bits >> 32) as u32, Ordering::Relaxed);
        kind
    }

    /// What it holds; `None`: nothing yet, or something is being written.
    fn get(&self) -> Option<Held> {
        let version = self.version.load(Ordering::Acquire);
        let shape = self.shape.load(Ordering::Relaxed);
        let address = self.address.load(Ordering::Relaxed);
        let words = self.words.each_ref().map(|word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let is_whole = version & 1 == 0 && version != 0 && self.version.load(Ordering::Relaxed) == version;
        is_whole.then_some(Held { shape, address, words })
    }
}

/// A value as it was read, whole.
struct Held {
    shape: u32,
    address: *mut u8,
    words: [u32; WORDS],
}

impl Held {
    /// Has `look` see the value.
    fn with(&self, look: impl FnOnce(Value<'_>)) {
        let [low, high, ..] = self.words;
        let (bits, len) = (u64::from(high) << 32 | u64::from(low), (self.shape >> 8) as usize);
        let bytes = self.words.map(u32::to_le_bytes);
        look(match self.shape & 0xff {
            BOOL => Value::Bool(bits != 0),
            U64 => Value::U64(bits),
            I64 => Value::I64(bits as i64),
            F32 => Value::F32(f32::from_bits(low)),
            F64 => Value::F64(f64::from_bits(bits)),
            // SAFETY: address and length were read as a whole, as `set` stored them, of one `&'static str`.
            STATIC => Value::from(Static(unsafe { static_str(self.address, len) })),
            _ => {
                let text = bytes.as_flattened().get(..len).unwrap_or_default();
                Value::Str(str::from_utf8(text).unwrap_or_default())
            }
        });
    }
}

/// What sees tags.
type Look<'l> = dyn FnMut(&'static str, Value<'_>) + 'l;

/// A table, whatever its size.
#[derive(Clone, Copy)]
pub(crate) struct GlobalTagsView {
    entries: &'static [Entry],
    changes: &'static AtomicU32,
    /// By its address, so that only a program that has a table links it.
    each: fn(&'static [Entry], &mut Look<'_>),
}

impl GlobalTagsView {
    pub(crate) fn set(&self, key: &'static str, value: Value<'_>) -> Result<(), GlobalTagError> {
        let key = cut(key, MAX_NAME);
        let entry = self.entries.iter().find(|entry| entry.is_of(key)).ok_or(GlobalTagError::NoRoom)?;
        entry.set(value)?;
        self.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// A number that is another one when a tag was set since.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Has `look` see the tags that are set.
    pub(crate) fn each(&self, look: &mut Look<'_>) {
        (self.each)(self.entries, look);
    }
}

fn each(entries: &'static [Entry], look: &mut Look<'_>) {
    for entry in entries {
        if let (Some(key), Some(held)) = (entry.key(), entry.get()) {
            held.with(|value| look(key, value));
        }
    }
}

/// # Safety
///
/// The address and length are those of a `&'static str`.
unsafe fn static_str(address: *const u8, len: usize) -> &'static str {
    // SAFETY: the caller's promise.
    unsafe { str::from_utf8_unchecked(slice::from_raw_parts(address, len)) }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::sync::step::{Interrupt, run};
    extern crate std;
    use std::boxed::Box;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn table<const N: usize>() -> GlobalTagsView {
        Box::leak(Box::new(GlobalTags::<N>::new())).view()
    }

    fn shown(table: GlobalTagsView) -> Vec<String> {
        let mut shown = Vec::new();
        table.each(&mut |key, value| shown.push(std::format!("{key}={value:?}")));
        shown
    }

    #[test]
    fn every_kind_of_value_comes_back_and_the_later_one_holds() {
        let long = "ø".repeat(MAX_TEXT);
        let cut = std::format!("Str({:?})", "ø".repeat(MAX_TEXT / 2));
        let values = [
            (Value::Bool(true), "Bool(true)"),
            (Value::U64(u64::MAX - 1), "U64(18446744073709551614)"),
            (Value::I64(-7), "I64(-7)"),
            (Value::F32(0.5), "F32(0.5)"),
            (Value::F64(0.1), "F64(0.1)"),
            (Value::Static("rye"), "Static(\"rye\")"),
            (Value::Static(""), "Static(\"\")"),
            (Value::Str("K-1187"), "Str(\"K-1187\")"),
            (Value::Str(""), "Str(\"\")"),
            (Value::Str(&long), &cut),
        ];
        let table = table::<1>();
        for (value, expected) in values {
            table.set("key", value).unwrap();
            assert_eq!(shown(table), [std::format!("key={expected}")]);
        }
        assert_eq!(table.changes(), values.len() as u32);
    }

    #[test]
    fn a_key_is_a_text_and_a_table_that_is_full_says_so() {
        let table = table::<2>();
        let elsewhere: &'static str = Box::leak("a".to_string().into_boxed_str());
        table.set("a", Value::U64(1)).unwrap();
        table.set(elsewhere, Value::U64(2)).unwrap();
        table.set("", Value::U64(3)).unwrap();
        assert_eq!(table.set("c", Value::U64(4)), Err(GlobalTagError::NoRoom));
        assert_eq!(shown(table), ["a=U64(2)", "=U64(3)"]);
    }

    #[test]
    fn a_tag_that_is_set_or_read_while_another_sets_it_is_never_torn() {
        let [old, new, other] = ["old old old old old old", "new new new new new new", "other"];
        for at in 0.. {
            let table = table::<1>();
            table.set("key", Value::Str(old)).unwrap();
            let inside = move || {
                let seen = shown(table);
                let whole = [old, new].map(|text| std::format!("key=Str({text:?})"));
                assert!(seen.iter().all(|tag| whole.contains(tag)), "{seen:?}");
                let set = table.set("key", Value::Str(other));
                assert_eq!(set.is_err(), seen.is_empty(), "it is busy while it cannot be read");
            };
            let interrupt = Interrupt { at, run: Box::new(inside) };
            let mut done = Ok(());
            let interrupted = run(100, Some(interrupt), || done = table.set("key", Value::Str(new)));
            let seen = shown(table);
            let last = if done.is_ok() { [new, other] } else { [other; 2] };
            assert!(last.iter().any(|text| seen == [std::format!("key=Str({text:?})")]), "{seen:?}");
            if !interrupted {
                return;
            }
        }
    }

    #[test]
    fn a_reading_that_another_one_sets_in_between_is_left_out() {
        for at in 0.. {
            let table = table::<1>();
            table.set("key", Value::Str("old old old old old old")).unwrap();
            let set = move || table.set("key", Value::Static("new")).unwrap();
            let mut seen = Vec::new();
            let interrupted = run(100, Some(Interrupt { at, run: Box::new(set) }), || seen = shown(table));
            let whole = ["key=Str(\"old old old old old old\")", "key=Static(\"new\")"];
            assert!(seen.iter().all(|tag| whole.contains(&tag.as_str())), "{seen:?}");
            if !interrupted {
                return;
            }
        }
    }
}
