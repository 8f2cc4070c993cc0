//! From a Cortex-M over UDP to Datadog's test agent, and back.

use std::net::UdpSocket;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::listener::Listener;
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::process::eventually;
use microspan_tests::qemu::Board;
use microspan_tests::sandwich;
use microspan_tests::span::now;

const SECONDS: u32 = 4;

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_udp() {
    let board = need!(Board::new("sandwich_udp", SECONDS));
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--udp", "127.0.0.1:0"]);
    let board = board.ethernet(bridge.udp_port());

    let from = now();
    let report = board.start().finish();
    let to = now();

    eventually(Duration::from_secs(10), || {
        let stored: u64 = agent.traces().iter().map(|trace| trace.len() as u64).sum();
        (stored >= report.spans_drained)
            .then_some(())
            .ok_or_else(|| format!("{stored} spans of {report:?} stored"))
    });
    let summary = bridge.stop();
    assert_eq!(summary.spans_sent, summary.spans_received, "{summary:?}");
    assert_eq!(summary.spans_received, report.spans_drained, "{summary:?}");
    assert_eq!(summary.spans_dropped_on_device, report.spans_dropped, "{summary:?}");
    assert_eq!((summary.spans_lost_on_the_way, summary.damaged, summary.packets_duplicate), (0, 0, 0));
    assert_eq!(report.spans_made, summary.spans_sent + report.spans_dropped);
    sandwich::assert_stored(&agent, report.spans_drained, from, to);
}

#[test]
fn a_cortex_m_tells_who_asks_over_udp_all_its_names_within_two_packets() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let board = need!(Board::new("sandwich_udp", SECONDS));
    let board = board.ethernet(socket.local_addr().expect("its address").port()).start();
    let (mut buffer, mut from) = ([0; 2_048], None);
    let mut listener = Listener::default();
    listener.hear_all_names(|request| {
        if let (Some(request), Some(from)) = (request, from) {
            socket.send_to(&request.encode(), from).expect("the request is sent");
        }
        let (len, sender) = socket.recv_from(&mut buffer).expect("a packet");
        from = Some(sender);
        buffer[..len].to_vec()
    });
    board.finish();
}
