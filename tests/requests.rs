//! What the bridge asks of devices that it comes late to, over each link that goes both ways.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use microspan::Session;
use microspan::wire::{Request, RequestDecoder};
use microspan_tests::bridge::Bridge;
use microspan_tests::device::{self, frame};
use microspan_tests::standin::Standin;

const KEY: u64 = 77;
const ALL: Request = Request { session: Some(Session::new(KEY)), sync: true, names: true, time: None };
/// How long a request may take on a busy machine.
const ANSWER: Duration = Duration::from_secs(20);

#[test]
fn a_device_on_udp_is_asked_at_the_address_from_which_it_sends() {
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--udp", "127.0.0.1:0"]);
    let device = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    device.set_read_timeout(Some(ANSWER)).expect("a time-out");
    let packets = device::packets(KEY, 10);
    device.send_to(&packets[5], ("127.0.0.1", bridge.udp_port())).expect("a datagram is sent");
    let mut buffer = [0; 64];
    let len = device.recv(&mut buffer).expect("a request");
    let request = Request::parse(&buffer[..len]).map(|request| Request { time: None, ..request });
    assert_eq!(request, Some(ALL));
    bridge.stop();
}

#[test]
fn a_device_on_a_byte_stream_is_asked_in_a_frame_and_again_after_the_stream_broke() {
    let standin = Standin::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let bridge = Bridge::start(standin.url(), &["--tcp", &format!("127.0.0.1:{port}")]);
    // A device that starts again has another session.
    for key in [KEY, KEY + 1] {
        let (mut device, _) = listener.accept().expect("the bridge comes");
        device.set_read_timeout(Some(ANSWER)).expect("a time-out");
        device.write_all(&frame(&device::packets(key, 10)[5])).expect("the bridge reads");
        let (mut decoder, mut byte) = (RequestDecoder::new(), [0]);
        let request = loop {
            device.read_exact(&mut byte).expect("the bridge asks");
            if let Some(request) = decoder.byte(byte[0]) {
                break request;
            }
        };
        assert_eq!(request, Request { session: Some(Session::new(key)), time: request.time, ..ALL });
    }
    bridge.stop();
}
