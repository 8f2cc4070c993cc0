//! The target `frame`.

use microspan::wire::{FrameDecoder, FrameError, MAX_FRAME, MAX_MTU, write_frame};

use crate::counting;

type Frames = Vec<Result<Vec<u8>, FrameError>>;

/// Reads bytes as a stream, whole and in pieces, and writes them as frames.
pub fn frame(bytes: &[u8]) {
    let Some((&piece, stream)) = bytes.split_first() else { return };
    assert!(size_of::<FrameDecoder<MAX_FRAME>>() <= MAX_FRAME + 32);
    let whole = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, usize::from(piece).max(1)), whole, "pieces of {piece}");
    for packet in whole.iter().flatten() {
        assert!(packet.len() < MAX_FRAME);
        comes_back(packet);
    }
    stream.chunks(MAX_MTU).for_each(comes_back);
}

/// The frames of a stream that comes in pieces of this length, and the error of its end.
fn frames(stream: &[u8], piece: usize) -> Frames {
    let (mut decoder, mut frames) = (FrameDecoder::<MAX_FRAME>::new(), Frames::new());
    for mut input in stream.chunks(piece) {
        loop {
            let before = input.len();
            let (found, asked) = counting::asked_by(|| decoder.next(&mut input));
            assert_eq!(asked, 0, "no memory is asked for");
            assert!(input.len() <= before);
            let Some(frame) = found else { break };
            frames.push(frame.map(<[u8]>::to_vec));
        }
        assert!(input.is_empty(), "all of it was taken");
    }
    frames.extend(decoder.finish().map(Err));
    frames
}

/// What is written as a frame is read from it, and no zero stands in it but the last.
fn comes_back(packet: &[u8]) {
    let mut frame = Vec::new();
    let Ok(()) = write_frame(packet, |bytes| {
        frame.extend_from_slice(bytes);
        Ok::<_, std::convert::Infallible>(())
    });
    assert!(frame.len() <= packet.len() + packet.len() / 254 + 2, "a byte in 254 is added");
    assert_eq!(frame.iter().position(|byte| *byte == 0), Some(frame.len() - 1));
    assert_eq!(frames(&frame, frame.len()), [Ok(packet.to_vec())]);
}
