//! A value of a header that is written as it is asked for, into whatever buffer the carrier has.

use core::fmt::{self, Display};

/// What shows itself by a function.
pub(super) struct Shown<F>(pub(super) F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Shown<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// How many bytes a text takes.
pub(super) fn length(text: impl Display) -> usize {
    struct Count(usize);

    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.saturating_add(text.len());
            Ok(())
        }
    }

    let mut count = Count(0);
    // Counting does not fail.
    fmt::write(&mut count, format_args!("{text}")).ok();
    count.0
}
