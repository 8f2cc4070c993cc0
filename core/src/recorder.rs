//! The flight recorder: an arena in memory that a reset leaves alone, and the spans that the next boot finds there.
//!
//! | file | idea |
//! | --- | --- |
//! | `recorder.rs` | the image and who owns it |
//! | `recorder/owner.rs` | the owner, in memory that is as it should be |
//! | `recorder/boot.rs` | what a boot does with what it finds |
//! | `recorder/reset.rs` | why there was a reset, and what its handler leaves |
//! | `recorder/header.rs` | what an image says of itself |
//! | `arena/kept.rs`, `arena/recover.rs` | the checks of spans and cells, and looking them through |

#[cfg(not(loom))]
mod boot;
pub(crate) mod header;
#[cfg(not(loom))]
mod reset;

#[cfg(not(loom))]
pub use boot::{Boot, Previous, Program};
#[cfg(not(loom))]
pub use owner::{Image, Recorder};
#[cfg(not(loom))]
pub(crate) use reset::REASONS;
#[cfg(not(loom))]
pub use reset::{Reason, Reset};

#[cfg(not(loom))]
mod owner;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
