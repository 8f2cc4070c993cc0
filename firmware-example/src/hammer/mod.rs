//! Programs that hammer an arena from interrupts and from several cores at once, and check every span that comes out.
//!
//! Each context of execution is a [`Lane`]: it starts spans, tags them, nests them and finishes them, and keeps books. A
//! span carries, as tags, its own number, the number that its parent must have, the time, and a checksum of these; some
//! carry a text, and some are tagged by the interrupt that found them open. The [`Sink`] reads each packet as a host
//! would and checks each span against its own tags and against its relatives. What it cannot see, the [`Report`]
//! does: that the spans and tags made are the ones drained and the ones dropped, exactly.
//!
//! | file | idea |
//! | --- | --- |
//! | `set.rs` | a few numbers, one of which is the right one |
//! | `shadow.rs` | what the contexts of a core know of its current span without asking the tracer |
//! | `lane.rs` | what one context does, and its books |
//! | `nested.rs` | two interrupts against thread mode, on one core |
//! | `pair.rs` | two cores, each with an interrupt |
//! | `sink.rs`, `words.rs`, `found.rs` | packets read and checked; the strings in them; the tags of one span |
//! | `kin.rs` | what was said of a span by its children and by itself |
//! | `report.rs` | the books |

mod found;
mod kin;
mod lane;
mod nested;
mod pair;
mod report;
mod set;
mod shadow;
mod sink;
mod words;

pub use lane::{Core, Lane, Open};
pub use nested::Nested;
pub use pair::{Mail, Pair};
pub use report::Report;
pub use shadow::Shadow;
pub use sink::Sink;

/// The keys of a span's tags.
mod key {
    /// Its number.
    pub(super) const NUMBER: &str = "n";
    /// The numbers that its parent may have; 0: it may be a root.
    pub(super) const PARENTS: [&str; 4] = ["p", "p1", "p2", "p3"];
    /// The time in it, the low 32 bits.
    pub(super) const TIME: &str = "t";
    /// The checksum of the others.
    pub(super) const CHECK: &str = "c";
    /// Its number as a text.
    pub(super) const TEXT: &str = "s";
    /// Its number, from another lane, which found it open or was given it.
    pub(super) const HITS: [&str; 4] = ["i1", "i2", "i3", "i4"];
    /// Set after its end: it must not arrive.
    pub(super) const LATE: &str = "x";
}

/// Lanes of a program, at most.
const LANES: usize = key::HITS.len();

/// A number's share in a checksum: it depends on every bit.
fn mix(number: u32) -> u32 {
    let number = (number ^ (number >> 16)).wrapping_mul(0x7feb_352d);
    let number = (number ^ (number >> 15)).wrapping_mul(0x846c_a68b);
    number ^ (number >> 16)
}

/// The text of a number: 16 bytes, so that it takes several cells.
fn text(number: u32) -> [u8; 16] {
    let digits = u64::from(number) << 32 | u64::from(mix(number));
    core::array::from_fn(|place| b'a' + (digits >> (4 * place) & 0xF) as u8)
}

#[cfg(test)]
mod tests;
