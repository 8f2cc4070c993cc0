//! Garbage on every input, and command lines that cannot work.

use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use microspan_tests::bridge::{self, Bridge, Summary};
use microspan_tests::built;
use microspan_tests::device::{self, SPANS, Seeded, frame};
use microspan_tests::ports;
use microspan_tests::process::Process;
use microspan_tests::standin::Standin;

const TRACES: usize = 60;
/// Long enough for the bridge to read what was sent.
const LATEST_BYTES: Duration = Duration::from_millis(500);

fn assert_all_arrived(summary: &Summary, standin: &Standin) {
    let all = TRACES as u64 * SPANS;
    assert_eq!((summary.spans_sent, summary.spans_lost_on_the_way), (all, 0), "{summary:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (all, 0));
}

#[test]
fn damaged_doubled_and_shuffled_datagrams_are_counted_and_the_rest_arrives() {
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--udp", "127.0.0.1:0"]);
    let (port, socket) = (bridge.udp_port(), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let send = |bytes: &[u8]| {
        socket.send_to(bytes, ("127.0.0.1", port)).expect("loopback takes a datagram");
    };

    let mut random = Seeded::new(1);
    let mut packets = device::packets(11, TRACES);
    assert_eq!(packets.len(), TRACES, "a trace is a packet");
    random.shuffle(&mut packets);
    let (mut damaged, mut doubled) = (0, 0);
    for packet in &packets {
        let noise = 1 + random.below(3_000);
        send(&random.bytes(noise));
        send(&random.damage(packet));
        damaged += 2;
        send(packet);
        if random.below(4) == 0 {
            send(packet);
            doubled += 1;
        }
        thread::sleep(Duration::from_millis(2));
    }
    send(&[]);
    thread::sleep(LATEST_BYTES);

    let summary = bridge.stop();
    assert_eq!(summary.packets, TRACES as u64, "{summary:?}");
    assert_eq!((summary.damaged, summary.packets_duplicate), (damaged + 1, doubled), "{summary:?}");
    assert_all_arrived(&summary, &standin);
}

#[test]
fn each_other_version_is_warned_of_once() {
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--udp", "127.0.0.1:0"]);
    let (port, socket) = (bridge.udp_port(), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    for version in [1, 2, 1, 2] {
        let mut packet = vec![version];
        packet.extend(crc(&packet).to_le_bytes());
        socket.send_to(&packet, ("127.0.0.1", port)).expect("loopback takes a datagram");
    }
    bridge.wait_for("speaks wire version 2");
    thread::sleep(LATEST_BYTES);
    assert_eq!(bridge.said("speaks wire version"), 2);
    assert_eq!(bridge.stop().other_version, 4);
}

/// The check of a packet, as `PROTOCOL.md` has it.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc >> 15 == 1 { 0x1021 } else { 0 })
    })
}

#[test]
fn damaged_frames_of_a_stream_are_counted_and_the_rest_arrives() {
    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    let mut random = Seeded::new(2);
    let mut stream = Vec::new();
    for packet in device::packets(12, TRACES) {
        stream.extend(random.damage(&frame(&packet)));
        let noise = random.below(5_000);
        stream.extend(random.bytes(noise).into_iter().chain([0]));
        stream.extend(frame(&packet));
    }
    // In pieces that have nothing to do with frames.
    let mut rest = &stream[..];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + random.below(700)));
        bridge.process.write(piece);
        rest = after;
    }
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert!(summary.damaged > 0, "{summary:?}");
    assert_all_arrived(&summary, &standin);
}

#[test]
fn what_is_cut_out_of_a_stream_is_counted_as_lost_span_by_span() {
    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    let mut random = Seeded::new(3);
    let frames: Vec<_> = device::packets(13, TRACES).iter().map(|packet| frame(packet)).collect();
    let (first, last) = (0, frames.len() - 1);
    for (place, frame) in frames.iter().enumerate() {
        let kept = if place == first || place == last || random.below(3) > 0 {
            frame.len()
        } else {
            random.below(frame.len())
        };
        bridge.process.write(&frame[..kept]);
        // Without its end a frame takes the next one with it; the last is told apart by this.
        if place + 1 == last {
            bridge.process.write(&[0]);
        }
    }
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert!(summary.spans_lost_on_the_way > 0 && summary.damaged > 0, "{summary:?}");
    assert_eq!(summary.spans_received + summary.spans_lost_on_the_way, TRACES as u64 * SPANS, "{summary:?}");
    assert_eq!(standin.summary().spans, summary.spans_sent);
}

/// Asserts that a command fails at once with one line that has all these words.
fn assert_one_line(command: &mut Command, words: &[&str]) {
    let mut process = Process::start(command);
    let status = process.wait(Duration::from_secs(10));
    assert_eq!(status.code(), Some(1), "{}", process.told());
    let said = process.stderr.all();
    let [line] = &said[..] else { panic!("{}\nnot one line", process.told()) };
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
    assert!(process.stdout.all().is_empty(), "{}", process.told());
}

#[test]
fn a_link_or_an_agent_that_cannot_be_used_is_one_line_that_says_what_to_do() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("its address").to_string();
    assert_one_line(&mut bridge::command(&["--udp", &address]), &[&address, "in use", "port 0"]);
    assert_one_line(&mut bridge::command(&["--udp", "nowhere"]), &["nowhere", "give"]);
    assert_one_line(
        &mut bridge::command(&["--serial", "/dev/ttyNONE"]),
        &["/dev/ttyNONE", "No such file", "ls /dev"],
    );
    assert_one_line(&mut bridge::command(&["--tcp", "nowhere"]), &["nowhere", "HOST:PORT"]);
    assert_one_line(
        &mut bridge::command(&["--file", "/nowhere/at/all"]),
        &["/nowhere/at/all", "No such file"],
    );
    for url in ["ftp://127.0.0.1", "not a url", "http://"] {
        let command = &mut bridge::command(&["--udp", "127.0.0.1:0", "--agent-url", url]);
        assert_one_line(command, &[url, "DD_TRACE_AGENT_URL", "http://localhost:8126"]);
        let command = &mut bridge::command(&["--udp", "127.0.0.1:0"]);
        assert_one_line(
            command.env("DD_TRACE_AGENT_URL", url),
            &[url, "DD_TRACE_AGENT_URL", "http://localhost:8126"],
        );
    }
}

#[test]
fn a_stand_in_whose_port_is_taken_says_so_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("its address").to_string();
    let mut command = Command::new(built::microspan());
    assert_one_line(
        command.args(["agent", "--listen", &address]),
        &[&address, "another program", "choose another port"],
    );
}

#[test]
fn a_peer_that_is_not_there_is_said_once_and_read_when_it_comes() {
    let port = ports::tcp();
    let address = format!("127.0.0.1:{port}");
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp", &address]);
    bridge.wait_for("is not there");
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(bridge.said("is not there"), 1, "{}", bridge.process.told());

    let listener = TcpListener::bind(&address).expect("the port is free");
    let (mut stream, _) = listener.accept().expect("the bridge connects again");
    for packet in device::packets(14, TRACES) {
        stream.write_all(&frame(&packet)).expect("the bridge reads");
    }
    thread::sleep(LATEST_BYTES);
    let summary = bridge.stop();
    assert_eq!((summary.spans_sent, summary.damaged), (TRACES as u64 * SPANS, 0), "{summary:?}");
}
