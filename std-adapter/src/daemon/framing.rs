//! How the packets of a byte stream are told apart: by our frames, or by those of `defmt`.

use std::sync::Arc;

use crate::decode::{Arrival, Decoder, Stream};
use crate::defmt::{self, Program};
use crate::model::Span;

/// A byte stream in front of the decoder.
pub(super) enum Framing {
    Ours(Box<Stream>),
    Defmt(defmt::Stream),
}

impl Framing {
    /// The start of a stream, which carries the log of this program if there is one.
    pub(super) fn new(program: Option<&Arc<Program>>) -> Self {
        match program {
            Some(program) => Self::Defmt(defmt::Stream::new(program.clone())),
            None => Self::Ours(Box::default()),
        }
    }

    /// Takes the next bytes; adds the lines of a log to `lines`.
    pub(super) fn bytes(
        &mut self,
        bytes: &[u8],
        at: Arrival,
        decoder: &mut Decoder,
        out: &mut impl FnMut(Span),
        lines: &mut String,
    ) {
        match self {
            Self::Ours(stream) => stream.bytes(bytes, at, decoder, out),
            Self::Defmt(stream) => stream.bytes(bytes, at, decoder, out, &mut |line| {
                lines.push_str(line);
                lines.push('\n');
            }),
        }
    }

    /// The stream has ended, or was interrupted.
    pub(super) fn finish(&mut self, decoder: &mut Decoder) {
        match self {
            Self::Ours(stream) => stream.finish(decoder),
            Self::Defmt(stream) => stream.finish(decoder),
        }
    }
}
