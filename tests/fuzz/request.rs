//! The target `request`.

use microspan::Session;
use microspan::wire::{Packet, Request, RequestDecoder, write_frame};

use crate::counting;

/// The bytes of a request, and of its frame.
const LENGTH: usize = 12;

/// Takes bytes as a request, as a stream of requests, and as what a request says.
pub fn request(bytes: &[u8]) {
    let mut decoder = RequestDecoder::new();
    assert!(size_of::<RequestDecoder>() <= 32);
    let (heard, asked) = counting::asked_by(|| bytes.iter().filter_map(|byte| decoder.byte(*byte)).count());
    assert_eq!(asked, 0, "no memory is asked for");
    assert!(heard <= bytes.len() / LENGTH, "each takes bytes");
    if let Some(request) = Request::parse(bytes) {
        assert_eq!(bytes.len(), LENGTH);
        comes_back(decoder, request);
    }
    if let Some((&what, rest)) = bytes.split_first()
        && let Some(key) = rest.first_chunk()
    {
        let key = u64::from_le_bytes(*key);
        let session = (key != 0).then(|| Session::new(key));
        let time = (what & 4 != 0).then_some(what >> 4);
        comes_back(decoder, Request { session, sync: what & 1 != 0, names: what & 2 != 0, time });
    }
}

/// What is written is read, whatever came on the stream before; and no host takes it for a packet.
fn comes_back(mut decoder: RequestDecoder, request: Request) {
    let encoded = request.encode();
    assert_eq!(Request::parse(&encoded), Some(request));
    assert!(Packet::parse(&encoded).is_err());
    let mut line = vec![0];
    let Ok(()) = write_frame(&encoded, |bytes| {
        line.extend_from_slice(bytes);
        Ok::<_, std::convert::Infallible>(())
    });
    let heard: Vec<Request> =
        line.iter().skip(1).filter_map(|byte| RequestDecoder::byte(&mut decoder, *byte)).collect();
    // Behind what was cut short a zero goes first.
    assert!(heard.is_empty() || heard == [request]);
    let heard: Vec<Request> = line.iter().filter_map(|byte| decoder.byte(*byte)).collect();
    assert_eq!(heard, [request]);
}
