//! The arena of a server, in one of three sizes.

use std::io;
use std::thread;

use microspan::{Arena, Clock, Tracer};

use super::THREADS;

/// How much the arena holds: spans that are open, or finished and not drained yet, and cells for their tags. A static
/// string, a number or a truth takes a cell, a string of 16 bytes two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capacity {
    /// 1,024 spans and 1,024 tags: 0.1 MB.
    Small,
    /// 16,384 spans and 8,192 tags: 1 MB.
    #[default]
    Medium,
    /// 65,536 spans and 8,192 tags, 3 MB: for programs that start millions of spans a second or have tens of thousands open.
    Large,
}

impl Capacity {
    /// How many spans that are.
    pub(super) fn spans(self) -> usize {
        match self {
            Self::Small => SMALL,
            Self::Medium => MEDIUM,
            Self::Large => LARGE,
        }
    }
}

const SMALL: usize = 1_024;
const MEDIUM: usize = 16_384;
const LARGE: usize = 65_536;

/// An arena that is made on a thread of its own, whose stack it fits wherever this is called.
fn leak<const SPANS: usize, const TAGS: usize>() -> io::Result<&'static Arena<SPANS, TAGS, THREADS>> {
    let size = 4 * size_of::<Arena<SPANS, TAGS, THREADS>>() + (1 << 20);
    let make = || &*Box::leak(Box::new(Arena::new()));
    let made = thread::Builder::new().stack_size(size).spawn(make)?;
    made.join().map_err(|_| io::Error::other("it found no memory for its arena"))
}

/// A tracer over an arena of this size.
pub(super) fn tracer(capacity: Capacity, clock: &'static dyn Clock) -> io::Result<Tracer> {
    Ok(match capacity {
        Capacity::Small => Tracer::new(leak::<SMALL, 1_024>()?, clock),
        Capacity::Medium => Tracer::new(leak::<MEDIUM, 8_192>()?, clock),
        Capacity::Large => Tracer::new(leak::<LARGE, 8_192>()?, clock),
    })
}
