//! Kinds of headers, and lists of them.

/// A kind of headers.
///
/// ```
/// use microspan::propagation::*;
/// const ALL: [Style; 5] = [Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];
/// assert_eq!(ALL.map(Style::name), ["datadog", "tracecontext", "b3multi", "b3", "baggage"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Style {
    /// `x-datadog-trace-id` and its like.
    Datadog,
    /// `traceparent` and `tracestate`.
    TraceContext,
    /// `x-b3-traceid` and its like.
    B3Multi,
    /// `b3`.
    B3,
    /// `baggage`.
    Baggage,
}

impl Style {
    /// Its name in Datadog's configuration (`DD_TRACE_PROPAGATION_STYLE`).
    ///
    /// ```
    /// assert_eq!(microspan::propagation::Style::TraceContext.name(), "tracecontext");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Datadog => "datadog",
            Self::TraceContext => "tracecontext",
            Self::B3Multi => "b3multi",
            Self::B3 => "b3",
            Self::Baggage => "baggage",
        }
    }

    /// What stands for it in a list.
    const fn code(self) -> u32 {
        match self {
            Self::Datadog => 1,
            Self::TraceContext => 2,
            Self::B3Multi => 3,
            Self::B3 => 4,
            Self::Baggage => 5,
        }
    }

    const fn of_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::Datadog,
            2 => Self::TraceContext,
            3 => Self::B3Multi,
            4 => Self::B3,
            5 => Self::Baggage,
            _ => return None,
        })
    }
}

/// Some styles in their order, each once: four bits each, the first lowest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Styles(u32);

impl Styles {
    pub(super) const fn of(mut styles: &[Style]) -> Self {
        let mut all = Self(0);
        while let [first, others @ ..] = styles {
            all = all.with(*first);
            styles = others;
        }
        all
    }

    const fn with(self, style: Style) -> Self {
        let (mut rest, mut end) = (self.0, 0);
        while rest != 0 {
            if rest & 15 == style.code() {
                return self;
            }
            (rest, end) = (rest >> 4, end + 4);
        }
        Self(self.0 | style.code() << end)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Style> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let first = Style::of_code(rest & 15)?;
            rest >>= 4;
            Some(first)
        })
    }

    pub(super) fn contain(self, style: Style) -> bool {
        self.iter().any(|known| known == style)
    }
}

impl core::fmt::Debug for Styles {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Styles {
    fn format(&self, f: defmt::Formatter<'_>) {
        for style in self.iter() {
            defmt::write!(f, "{} ", style);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    extern crate std;
    use std::format;

    #[test]
    fn a_list_has_each_style_once_in_the_order_of_their_first_naming() {
        use Style::*;
        const LIST: Styles = Styles::of(&[B3, Baggage, B3, Datadog, TraceContext, B3Multi, Datadog]);
        assert!(LIST.iter().eq([B3, Baggage, Datadog, TraceContext, B3Multi]));
        assert!(LIST.contain(Datadog) && !Styles::of(&[B3]).contain(Datadog));
        assert_eq!(format!("{:?}", Styles::of(&[Baggage, B3])), "[Baggage, B3]");
        assert_eq!(Styles::of(&[]).iter().count(), 0);
    }
}
