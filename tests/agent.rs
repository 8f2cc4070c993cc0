//! What the bridge does when the agent is away.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::device;
use microspan_tests::ports;
use microspan_tests::process::eventually;
use microspan_tests::standin::Standin;

const AWAY: &str = "cannot send traces to the agent";
const TRACES: usize = 40;

/// Sends the packets of a device, spread over two seconds.
fn send(port: u16, session: u64) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for packet in device::packets(session, TRACES) {
        socket.send_to(&packet, ("127.0.0.1", port)).expect("loopback takes a datagram");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_agent_that_comes_late_gets_everything_and_its_absence_is_said_once() {
    let port = ports::tcp();
    let bridge = Bridge::start(&format!("http://127.0.0.1:{port}"), &["--udp", "127.0.0.1:0"]);
    send(bridge.udp_port(), 1);
    bridge.wait_for(AWAY);
    thread::sleep(Duration::from_secs(2));

    let standin = Standin::start_on(port);
    let spans = TRACES as u64 * device::SPANS;
    eventually(Duration::from_secs(20), || match standin.summary() {
        summary if summary.spans == spans => Ok(()),
        summary => Err(format!("{summary:?} of {spans} spans; {}", bridge.process.told())),
    });
    assert_eq!((bridge.said(AWAY), bridge.said("answers again")), (1, 1), "{}", bridge.process.told());
    let summary = bridge.stop();
    assert_eq!((summary.spans_sent, summary.spans_dropped_by_host), (spans, 0), "{summary:?}");
    assert!(summary.retries > 0, "{summary:?}");
    assert_eq!(standin.summary().rejected, 0);
}

#[test]
fn a_bridge_whose_agent_never_comes_ends_in_time_and_counts_what_it_held() {
    let url = format!("http://127.0.0.1:{}", ports::tcp());
    let bridge = Bridge::start(&url, &["--udp", "127.0.0.1:0"]);
    send(bridge.udp_port(), 2);
    let summary = bridge.stop();
    let spans = TRACES as u64 * device::SPANS;
    assert_eq!((summary.spans_received, summary.spans_sent), (spans, 0), "{summary:?}");
    assert_eq!(summary.spans_dropped_by_host, spans, "{summary:?}");
}

#[test]
fn a_recording_of_more_spans_than_are_assembled_at_once_arrives_whole() {
    // 150,000 spans; the assembler holds 100,000.
    const RECORDED: usize = 50_000;
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("recorded");
    let stream: Vec<u8> =
        device::packets(6, RECORDED).iter().flat_map(|packet| device::frame(packet)).collect();
    std::fs::write(&path, stream).expect("the folder takes a file");
    let standin = Standin::start();
    let summary = Bridge::start(standin.url(), &["--file", &path.to_string_lossy()]).finish();
    let spans = RECORDED as u64 * device::SPANS;
    assert_eq!((summary.spans_received, summary.spans_sent), (spans, spans), "{summary:?}");
    assert_eq!(standin.summary().spans, spans);
}

#[test]
fn one_bridge_serves_several_links() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("recorded");
    let stream = |session| -> Vec<u8> {
        device::packets(session, TRACES).iter().flat_map(|packet| device::frame(packet)).collect()
    };
    std::fs::write(&path, stream(3)).expect("a file");
    let standin = Standin::start();
    let file = path.display().to_string();
    let mut bridge = Bridge::start(
        standin.url(),
        &["--udp", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--file", &file, "--stdin"],
    );
    bridge.process.write(&stream(4));
    bridge.process.close_stdin();
    send(bridge.udp_port(), 5);
    thread::sleep(Duration::from_millis(500));
    let (summary, spans) = (bridge.stop(), 3 * TRACES as u64 * device::SPANS);
    assert_eq!((summary.spans_received, summary.spans_sent), (spans, spans), "{summary:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (spans, 0));
    let words = standin.stop();
    assert!(words.contains(&format!("{spans} spans")), "a stand-in ends with what it took: {words}");
}
