//! Texts that code of the program puts together: it runs once for each, however long that turns out to be.

use super::message::Message;
#[cfg(not(target_os = "none"))]
use crate::arena::MAX_STR;
use crate::tracer::Tracer;
use core::fmt;
#[cfg(not(target_os = "none"))]
use core::fmt::Write;
#[cfg(not(target_os = "none"))]
use core::num::NonZeroU64;

/// The number of a long text, if somebody keeps it.
#[cfg(not(target_os = "none"))]
pub(super) type Kept = Option<NonZeroU64>;

/// Nobody keeps long texts.
#[cfg(target_os = "none")]
pub(super) type Kept = ();

/// The beginning of a text.
#[cfg(target_os = "none")]
#[inline(always)]
pub(super) fn put_together(_: &'static Tracer, text: fmt::Arguments<'_>) -> (Message, Kept) {
    (Message::of(text), ())
}

/// The beginning of a text and, if it is longer than [`MAX_STR`] and somebody keeps it, its number.
#[cfg(not(target_os = "none"))]
pub(super) fn put_together(tracer: &'static Tracer, text: fmt::Arguments<'_>) -> (Message, Kept) {
    let (mut beginning, mut is_long, mut was_asked) = (Message::new(), false, false);
    let kept = tracer.arena.keep_long(&mut |whole| {
        if !core::mem::replace(&mut was_asked, true) {
            // It fails only where somebody's own `fmt` does, or `whole` has no more room; what was written until then stands.
            let _ = Split { beginning: &mut beginning, is_long: &mut is_long, whole }.write_fmt(text);
        }
    });
    if !was_asked {
        return (Message::of(text), kept);
    }
    match kept {
        Some(number) if !is_long => {
            tracer.arena.forget_number(number.get());
            (beginning, None)
        }
        _ => (beginning, kept),
    }
}

/// Nobody needs what was kept.
pub(super) fn forget(_tracer: &'static Tracer, _kept: Kept) {
    #[cfg(not(target_os = "none"))]
    if let Some(number) = _kept {
        _tracer.arena.forget_number(number.get());
    }
}

/// Writes a text to its beginning, and from where it is long on all of it to what keeps it.
#[cfg(not(target_os = "none"))]
struct Split<'s> {
    beginning: &'s mut Message,
    is_long: &'s mut bool,
    whole: &'s mut dyn Write,
}

#[cfg(not(target_os = "none"))]
impl Write for Split<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !*self.is_long {
            let before = self.beginning.len();
            if before + text.len() <= MAX_STR {
                return self.beginning.write_str(text);
            }
            *self.is_long = true;
            self.beginning.write_str(text)?;
            self.whole.write_str(self.beginning.as_str().get(..before).unwrap_or_default())?;
        }
        self.whole.write_str(text)
    }
}
