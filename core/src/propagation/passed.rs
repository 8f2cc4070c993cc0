//! The tags that came with a trace, as tags of its root.

use super::shown::length;
use crate::arena::MAX_STR;
use crate::exclusive::Threads;
use crate::span::Span;
use core::fmt::{self, Display, Write};
use core::slice::Iter;

/// The keys of the root's tags that have them all, `key=value` with commas between: whoever reads them puts these texts together.
const KEYS: &[&str] = &["_dd.p", "_dd.p+1", "_dd.p+2"];

/// Tags of a root that are being filled.
pub(super) struct Passed<'s, M: Threads> {
    span: &'s Span<M>,
    /// Those that are not full.
    keys: Iter<'static, &'static str>,
    /// What the first of them has so far.
    text: heapless::String<MAX_STR>,
    comma: &'static str,
}

impl<'s, M: Threads> Passed<'s, M> {
    pub(super) fn new(span: &'s Span<M>) -> Self {
        Self { span, keys: KEYS.iter(), text: heapless::String::new(), comma: "" }
    }

    /// Adds one. It stands whole in one of the root's tags if it can, and what does not fit into all of them is left out whole.
    pub(super) fn put(&mut self, key: &str, value: &dyn Display) {
        let comma = self.comma;
        let bytes = length(format_args!("{comma}{key}={value}"));
        let (left, used) = (self.keys.len(), self.text.len());
        if bytes > left.saturating_mul(MAX_STR).saturating_sub(used) {
            return;
        }
        if bytes > MAX_STR.saturating_sub(used) && bytes <= MAX_STR {
            self.flush();
        }
        self.comma = ",";
        // There is room for it.
        write!(self, "{comma}{key}={value}").ok();
    }

    /// Sets what is not set yet.
    pub(super) fn flush(&mut self) {
        if !self.text.is_empty()
            && let Some(key) = self.keys.next()
        {
            self.span.set_tag(key, self.text.as_str());
            self.text.clear();
        }
    }
}

impl<M: Threads> Write for Passed<'_, M> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        if self.text.push(c).is_err() {
            self.flush();
            self.text.push(c).map_err(|_| fmt::Error)?;
        }
        Ok(())
    }
}
