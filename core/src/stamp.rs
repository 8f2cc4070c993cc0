//! When a line was logged, and in which span.

use crate::tracer::Tracer;

/// The timestamp of a log whose lines within a span become events of that span.
///
/// The final binary makes it the one of `defmt`, once:
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// defmt::timestamp!("{}", Stamp::of(&TRACER)); // or `Stamp::global()`
/// ```
///
/// It is shown as seconds, and behind them the current span if there is one that is recorded: `1.250000 span 17`. A line costs
/// a look at the clock and two loads for the span; a clock that does not count microseconds is converted, which takes two divisions of
/// 64 bits. Before compression it has 10 bytes, in a span 14. The span is the one of the context that logs.
#[derive(Clone, Copy, Debug)]
pub struct Stamp(Option<&'static Tracer>);

impl Stamp {
    /// By the clock and the current span of this tracer. An [exclusive](Tracer::exclusive) one tells the time alone.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let stamp = microspan::Stamp::of(&TRACER);
    /// ```
    pub const fn of(tracer: &'static Tracer) -> Self {
        Self(Some(tracer))
    }

    /// By those of the tracer of the program; until there is one all lines are from time 0.
    ///
    /// ```
    /// let stamp = microspan::Stamp::global();
    /// ```
    #[cfg(not(loom))]
    pub fn global() -> Self {
        Self(crate::global())
    }

    fn microseconds(self) -> u64 {
        const MICROSECONDS: u64 = 1_000_000;
        let Some(tracer) = self.0 else { return 0 };
        let ticks = tracer.clock.now();
        match u64::from(tracer.clock.frequency()) {
            MICROSECONDS => ticks,
            rate => ticks / rate.max(1) * MICROSECONDS + ticks % rate.max(1) * MICROSECONDS / rate.max(1),
        }
    }
}

impl defmt::Format for Stamp {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self.0.and_then(Tracer::current_span) {
            // The host reads these words.
            Some(span) => defmt::write!(f, "{=u64:us} span {=u32}", self.microseconds(), span.handle),
            None => defmt::write!(f, "{=u64:us}", self.microseconds()),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::{Arena, Clock};

    struct Quartz;

    impl Clock for Quartz {
        fn now(&self) -> u64 {
            32_768 * 3 + 16_384
        }

        fn frequency(&self) -> u32 {
            32_768
        }
    }

    #[test]
    fn a_clock_of_any_rate_is_told_in_microseconds() {
        static ARENA: Arena<4, 4> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Quartz);
        assert_eq!(Stamp::of(&TRACER).microseconds(), 3_500_000);
        assert_eq!(Stamp(None).microseconds(), 0);
    }
}
