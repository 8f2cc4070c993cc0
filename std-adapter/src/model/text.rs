//! A string that costs nothing to copy.
//!
//! Names and keys are compile-time strings of this program or strings a device announced once and repeats ever after;
//! values are mostly short. None of these needs an allocation per span: a [`Text`] is a pointer to a static string, a
//! shared one, or up to 22 bytes held in place.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::normal;

/// How many bytes fit in place.
pub(crate) const INLINE: usize = 22;

/// An immutable string, 24 bytes in size.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Shared(Arc<str>),
    Inline { len: u8, bytes: [u8; INLINE] },
}

impl Text {
    /// A copy of `text`: in place when it is short, otherwise allocated once and shared by all clones.
    pub fn new(text: &str) -> Self {
        match u8::try_from(text.len()) {
            Ok(len) if text.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Self(Repr::Inline { len, bytes })
            }
            _ => Self(Repr::Shared(Arc::from(text))),
        }
    }

    /// A string that is known when the program is compiled.
    pub const fn constant(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            Repr::Shared(text) => text,
            // Only `new` fills the bytes, from a str: the empty default is never taken.
            Repr::Inline { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
        }
    }

    /// Its bytes, which are UTF-8: cheaper than the string, as short ones held in place are not looked at.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Static(text) => text.as_bytes(),
            Repr::Shared(text) => text.as_bytes(),
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
        }
    }

    /// How many bytes it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes it holds outside of itself; shared ones count for each that shares them.
    pub(super) fn heap(&self) -> usize {
        if let Repr::Shared(text) = &self.0 { text.len() } else { 0 }
    }

    /// What it holds in place, if it does: how many bytes count, and all there is room for. To copy these needs no call, as their
    /// number is known.
    #[inline]
    pub(crate) fn in_place(&self) -> Option<(u8, &[u8; INLINE])> {
        match &self.0 {
            Repr::Inline { len, bytes } => Some((*len, bytes)),
            Repr::Static(_) | Repr::Shared(_) => None,
        }
    }

    /// Shortens it to at most `limit` bytes, at the boundary of a character. One that is longer ends in `...` then.
    #[inline]
    pub fn truncate(&mut self, limit: usize) {
        if self.len() > limit {
            self.cut(limit);
        }
    }

    #[cold]
    fn cut(&mut self, limit: usize) {
        let text = self.as_str();
        let mut cut = text[..text.floor_char_boundary(limit)].to_owned();
        normal::cut(&mut cut, limit);
        *self = Self::from(cut);
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Text {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Repr::Shared(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.as_bytes(), other.as_bytes());
        // Mostly both are the same announced string.
        std::ptr::eq(ours, theirs) || ours == theirs
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_what_it_was_made_from() {
        for text in
            ["", "a", "exactly twenty-two by!", "a string that is too long to be held in place", "größer"]
        {
            assert_eq!(Text::new(text), text);
            assert_eq!(Text::from(String::from(text)), text);
            assert_eq!(Text::from(Arc::<str>::from(text)), text);
        }
    }

    #[test]
    fn a_cut_falls_on_a_character_boundary_and_is_marked() {
        let mut text = Text::new("aéé");
        text.truncate(4);
        assert_eq!(text, "a...");
        text.truncate(100);
        assert_eq!(text, "a...");
        for (limit, cut) in [(3, "..."), (2, ".."), (0, "")] {
            text.truncate(limit);
            assert_eq!(text, cut);
        }
    }

    #[test]
    fn it_keeps_its_size() {
        assert_eq!(size_of::<Text>(), 24);
        assert_eq!(size_of::<Option<Text>>(), 24);
    }
}
