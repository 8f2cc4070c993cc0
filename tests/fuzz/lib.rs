//! What must hold for any bytes: targets for a fuzzer, each a plain function that panics when it does not.
//!
//! | target | what the bytes are | what must hold |
//! | --- | --- | --- |
//! | [`frame`] | a byte stream, and a packet | pieces of any size give the same frames; what is framed comes out again; nothing is allocated |
//! | [`packet`] | a packet, its CRC set right | reading ends, twice the same, within the packet; nothing is allocated |
//! | [`session`] | packets of any sessions | spans are handed out or counted; memory is bounded |
//! | [`request`] | what a host asks, alone and on a stream | what is asked is heard; it is no packet; nothing is allocated |
//! | [`headers`] | headers of a request in all styles, and a context in the compact form | what is read is written and read again; it fits its limits; nothing is allocated |
//! | [`elf`] | the ELF file of a program | twice the same; texts are as long as asked; lines are found or not; memory is bounded |
//! | [`drain`] | what a program on a device does | what the host decodes is what the program did |
//!
//! `./test fuzz` runs each under libFuzzer, from the files in `tests/fuzz/corpus/<target>`; `cargo test -p microspan-fuzz`
//! needs no fuzzer and runs each on those files. What the fuzzer finds lies in `target/fuzz/found`, and is run again by
//! `cargo test -p microspan-fuzz` once it lies in the corpus.
//!
//! To write a corpus anew, say of `packet`, after a change of the wire:
//!
//! ```text
//! cargo run -p microspan-fuzz --bin fuzz_seeds target/fuzz/seeds
//! ./test fuzz --long
//! rm tests/fuzz/corpus/packet/*
//! target/fuzz/*/release/fuzz_packet -merge=1 -use_counters=0 tests/fuzz/corpus/packet target/fuzz/queue/packet target/fuzz/seeds/packet
//! ```

pub mod counting;
pub mod device;
mod elf;
pub mod forge;
mod frame;
mod headers;
pub mod link;
mod packet;
mod program;
pub mod random;
mod request;
mod session;

pub use elf::elf;
pub use frame::frame;
pub use headers::headers;
pub use packet::{packet, seal};
pub use program::{check, drain};
pub use request::request;
pub use session::session;

/// Panics when what must hold of the bytes does not.
pub type Target = fn(&[u8]);

/// The targets by their names.
pub const TARGETS: [(&str, Target); 7] = [
    ("frame", frame),
    ("packet", packet),
    ("session", session),
    ("request", request),
    ("headers", headers),
    ("elf", elf),
    ("drain", drain),
];
