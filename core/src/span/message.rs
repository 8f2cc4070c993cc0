//! A text of bounded length that is put together where it is needed.

use crate::arena::MAX_STR;
use crate::tag::cut;
use core::fmt::{self, Write};

/// A character more than a tag holds, so that a message which is cut here is cut there too, and marked as cut.
const ROOM: usize = MAX_STR + 4;

/// The beginning of a message.
pub(crate) struct Message {
    bytes: [u8; ROOM],
    len: usize,
}

impl Message {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ROOM], len: 0 }
    }

    /// What is to be shown, as far as there is room.
    pub(crate) fn of(text: fmt::Arguments<'_>) -> Self {
        let mut message = Self::new();
        // It fails only where somebody's own `fmt` does; what that wrote until then stands.
        let _ = message.write_fmt(text);
        message
    }

    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.len += bytes.len().min(room.len());
    }

    /// Keeps `len` bytes at most.
    pub(crate) fn cut_to(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    #[cfg(not(target_os = "none"))]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(cut(text, ROOM - self.len).as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;

    fn message(text: fmt::Arguments<'_>) -> std::string::String {
        Message::of(text).as_str().into()
    }

    #[test]
    fn a_message_is_kept_whole_or_a_little_beyond_what_a_tag_holds() {
        assert_eq!(message(format_args!("jar {} of {}", 3, "pickles")), "jar 3 of pickles");
        let long = "ø".repeat(500);
        let kept = message(format_args!("x{long}y"));
        assert!(kept.len() > MAX_STR && kept.len() <= ROOM && kept[1..].chars().all(|c| c == 'ø'));
    }

    #[test]
    fn what_comes_after_a_cut_is_left_out() {
        let full = "x".repeat(ROOM - 1);
        assert_eq!(message(format_args!("{full}ø")), full);
        assert_eq!(message(format_args!("{full}{}", "øy")).len(), ROOM - 1);
    }
}
