//! From a Cortex-M over TCP to the agent, the connection whole, broken, and away.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use microspan::wire::{FrameDecoder, MAX_FRAME, Packet, Record, Request, write_frame};
use microspan_tests::balance::{assert_all_came, assert_balance, wait_for, wait_for_stored};
use microspan_tests::bridge::Bridge;
use microspan_tests::device::Seeded;
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::proxy::Proxy;
use microspan_tests::qemu::Board;
use microspan_tests::sandwich;
use microspan_tests::standin::Standin;

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_tcp() {
    let board = need!(Board::new("sandwich_tcp", 3));
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--tcp-listen", "127.0.0.1:0"]);
    let board = board.ethernet(bridge.tcp_port());

    let report = board.start().finish();
    wait_for_stored(&agent, report.spans_drained);
    let summary = bridge.stop();
    assert_all_came(report, summary);
    sandwich::assert_whole(&agent, report.spans_drained);
}

#[test]
fn a_device_tells_all_its_names_at_once_over_tcp_when_it_is_asked() {
    let board = need!(Board::new("sandwich_tcp", 3));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let board = board.ethernet(listener.local_addr().expect("its address").port()).start();
    let (mut connection, _) = listener.accept().expect("the device connects");
    let (mut frames, mut buffer) = (FrameDecoder::<MAX_FRAME>::new(), [0; 4096]);
    // How many names each packet tells.
    let mut told = Vec::new();
    let mut asked_after = None;
    loop {
        let length = connection.read(&mut buffer).expect("the device sends");
        if length == 0 {
            break;
        }
        let mut bytes = &buffer[..length];
        while let Some(frame) = frames.next(&mut bytes) {
            let packet = frame.expect("a frame");
            let packet = Packet::parse(packet).expect("a packet");
            let is_name = |record: &Result<_, _>| matches!(record, Ok(Record::Name { .. }));
            told.push(packet.records().filter(is_name).count());
        }
        if told.len() >= 30 && asked_after.is_none() {
            asked_after = Some(told.len());
            let request = Request { session: None, sync: true, names: true, time: None };
            let mut frame = vec![0];
            let Ok(()) = write_frame(&request.encode(), |bytes| {
                frame.extend_from_slice(bytes);
                Ok::<_, std::convert::Infallible>(())
            });
            connection.write_all(&frame).expect("the device listens");
        }
    }
    board.finish();
    let asked_after = asked_after.expect("it sends packets enough");
    let all: usize = told[..asked_after].iter().take(15).sum();
    let before = told[asked_after - 10..asked_after].iter().max().copied();
    let most = told[asked_after..].iter().max().copied().unwrap_or_default();
    assert_eq!(before, Some(1), "in turn: {told:?}");
    assert!(most >= 15 && most <= all, "at once: {told:?}");
}

#[test]
fn a_cable_that_is_pulled_for_less_than_the_arena_holds_loses_no_span() {
    let board = need!(Board::new("sandwich_tcp", 8));
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp-listen", "127.0.0.1:0"]);
    let board = board.ethernet(bridge.tcp_port()).with_a_cable().start();
    bridge.wait_for("has connected");
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(1_500));
        board.pull_cable(true);
        thread::sleep(Duration::from_millis(400));
        board.pull_cable(false);
    }
    let report = board.finish();
    wait_for(&standin, report.spans_drained);
    let summary = bridge.stop();
    assert_balance(report, summary);
    assert_eq!((summary.spans_lost_on_the_way, report.spans_dropped), (0, 0), "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_made, 0));
}

#[test]
fn a_cable_that_is_pulled_for_longer_loses_counted_spans_only() {
    let board = need!(Board::new("sandwich_tcp", 12));
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp-listen", "127.0.0.1:0"]);
    let board = board.ethernet(bridge.tcp_port()).with_a_cable().start();
    bridge.wait_for("has connected");
    thread::sleep(Duration::from_secs(1));
    board.pull_cable(true);
    // Longer than the device is patient: it gives the connection up.
    thread::sleep(Duration::from_secs(7));
    board.pull_cable(false);
    let report = board.finish();
    assert!(report.spans_dropped > 0, "the arena held them all: {report:?}");
    wait_for(&standin, report.spans_drained);
    assert!(bridge.said("has connected") > 1, "{}", bridge.process.told());
    let summary = bridge.stop();
    assert_balance(report, summary);
    assert_eq!(summary.spans_lost_on_the_way, 0, "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_drained, 0));
}

#[test]
fn connections_that_break_inside_frames_lose_what_was_acknowledged_and_it_is_counted() {
    const BREAKS: usize = 12;
    let board = need!(Board::new("sandwich_tcp", 6));
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp-listen", "127.0.0.1:0"]);
    let mut random = Seeded::new(11);
    let proxy = Proxy::start(bridge.tcp_port(), (0..BREAKS).map(|_| 100 + random.below(1_500)).collect());
    let report = board.ethernet(proxy.port()).start().finish();
    assert_eq!(proxy.broken(), BREAKS);
    assert_eq!(report.spans_dropped, 0, "the arena holds what comes while a connection is made: {report:?}");
    thread::sleep(Duration::from_secs(1));
    let summary = bridge.stop();
    assert_balance(report, summary);
    assert!(summary.damaged > 0, "no frame was broken: {summary:?}");
    assert!(summary.spans_received > report.spans_drained / 2, "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (summary.spans_received, 0));
}
