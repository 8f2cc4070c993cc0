//! Texts that are known only when the program runs, as ones that live for ever; of which there are so many and no more.

#[cfg(any(feature = "opentelemetry", feature = "opentracing"))]
use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many places are looked at for a text.
pub(crate) const PROBES: usize = 16;

/// The most bytes of a text: it is cut there. A span's name has no more in the arena.
pub(crate) const LONGEST: usize = 250;

/// Up to `N` texts. Looking one up takes no lock, and allocates when it is seen first.
pub(crate) struct Interned<const N: usize> {
    places: [OnceLock<&'static str>; N],
    /// Somebody has said that there is no room.
    is_told: AtomicBool,
}

impl<const N: usize> Interned<N> {
    pub(crate) const fn new() -> Self {
        Self { places: [const { OnceLock::new() }; N], is_told: AtomicBool::new(false) }
    }

    /// The same text, for ever; `None`: it is not known, and there is no room.
    #[inline]
    pub(crate) fn get(&self, text: &str) -> Option<&'static str> {
        let text = text.get(..text.floor_char_boundary(LONGEST))?;
        let first = hash(text) as usize;
        let found = (0..PROBES).find_map(|probe| {
            let place = self.places.get(first.wrapping_add(probe) % N)?;
            let known = place.get_or_init(|| Box::leak(Box::from(text)));
            (*known == text).then_some(*known)
        });
        if found.is_none() {
            self.tell();
        }
        found
    }

    /// The same of one that may live for ever already.
    #[cfg(any(feature = "opentelemetry", feature = "opentracing"))]
    pub(crate) fn keep(&self, text: Cow<'static, str>) -> Option<&'static str> {
        match text {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(text) => self.get(&text),
        }
    }

    #[cold]
    fn tell(&self) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            log::warn!(
                "this program makes up more names and keys of spans as it runs than the {N} there is room for; further \
                 ones are not recorded; let them not hold what differs from request to request"
            );
        }
    }
}

#[inline]
pub(crate) fn hash(text: &str) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_bytes().as_chunks();
    let last = rest.iter().fold(text.len() as u64, |packed, byte| packed << 8 | u64::from(*byte));
    let mixed = words.iter().fold(last.wrapping_mul(ODD), |mixed, word| {
        (mixed.rotate_left(29) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD)
    });
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_those_beyond_the_room_are_refused() {
        static FEW: Interned<32> = Interned::new();
        let kept: Vec<_> = (0..200).filter_map(|n| FEW.get(&format!("key {n}"))).collect();
        assert!(kept.len() >= PROBES && kept.len() <= 32, "{}", kept.len());
        for text in &kept {
            assert!(
                std::ptr::eq(*text, FEW.get(String::from(*text).as_str()).unwrap()),
                "what is known stays"
            );
        }
    }

    #[test]
    fn texts_that_differ_anywhere_find_room_until_half_of_it_is_taken() {
        static MANY: Interned<4096> = Interned::new();
        let long = |n: usize| format!("app.request.header.{n:04}.of.the.caller");
        let texts = (0..1024).flat_map(|n| [n.to_string(), long(n)]);
        assert_eq!(texts.filter(|text| MANY.get(text).as_ref() == Some(&text.as_str())).count(), 2048);
    }

    #[test]
    fn a_text_is_cut_between_two_characters_of_it() {
        static FEW: Interned<32> = Interned::new();
        let long = "é".repeat(200);
        assert_eq!(FEW.get(&long), Some("é".repeat(125).as_str()));
        assert_eq!(FEW.get(&format!("x{long}")).map(str::len), Some(LONGEST - 1));
    }

    #[cfg(any(feature = "opentelemetry", feature = "opentracing"))]
    #[test]
    fn a_text_of_the_program_takes_no_room() {
        static FEW: Interned<32> = Interned::new();
        let text = "of the program";
        assert!(std::ptr::eq(FEW.keep(Cow::Borrowed(text)).unwrap(), text));
        assert!(FEW.places.iter().all(|place| place.get().is_none()));
        assert_eq!(FEW.keep(Cow::Owned("made up".to_owned())), Some("made up"));
        assert_eq!(FEW.places.iter().filter(|place| place.get().is_some()).count(), 1);
    }
}
