//! From a Cortex-M through a real MQTT broker to the agent.

use std::thread;
use std::time::Duration;

use microspan::wire::{Packet, Record};
use microspan_tests::balance::{assert_all_came, assert_balance, wait_for, wait_for_stored};
use microspan_tests::bridge::Bridge;
use microspan_tests::broker::Broker;
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::qemu::Board;
use microspan_tests::sandwich;
use microspan_tests::standin::Standin;

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_through_a_broker() {
    let board = need!(Board::new("sandwich_mqtt", 3));
    let broker = need!(Broker::start());
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--mqtt", &broker.url()]);
    bridge.wait_for("reading mqtt");
    let report = board.ethernet(broker.port()).start().finish();
    wait_for_stored(&agent, report.spans_drained);
    let summary = bridge.stop();
    assert_all_came(report, summary);
    sandwich::assert_whole(&agent, report.spans_drained);
}

#[test]
fn a_broker_to_which_nobody_listens_yet_loses_no_span() {
    let board = need!(Board::new("sandwich_mqtt", 3));
    let broker = need!(Broker::start());
    let standin = Standin::start();
    let board = board.ethernet(broker.port()).start();
    broker.wait_for("as kitchen-1");
    // Less than the arena holds.
    thread::sleep(Duration::from_millis(500));
    let bridge = Bridge::start(standin.url(), &["--mqtt", &broker.url()]);
    let report = board.finish();
    assert_eq!(report.spans_dropped, 0, "the arena holds what comes meanwhile");
    wait_for(&standin, report.spans_made);
    let summary = bridge.stop();
    assert_balance(report, summary);
    assert_eq!(summary.spans_lost_on_the_way, 0, "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_made, 0));
}

#[test]
fn a_broker_keeps_what_introduces_a_device_to_those_that_come_late() {
    let board = need!(Board::new("sandwich_mqtt", 3));
    let broker = need!(Broker::start());
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--mqtt", &broker.url()]);
    bridge.wait_for("reading mqtt");
    let report = board.ethernet(broker.port()).start().finish();
    wait_for(&standin, report.spans_drained);
    let summary = bridge.stop();
    assert_balance(report, summary);

    let kept = broker.messages("microspan/+/sync/#");
    assert_eq!(kept[0].topic, "microspan/kitchen-1/sync");
    let (mut names, mut syncs) = (Vec::new(), 0);
    for message in &kept {
        assert!(message.retained, "{message:?}");
        for record in Packet::parse(&message.payload).expect("a whole packet").records() {
            match record.expect("a whole record") {
                Record::Name { text, .. } => names.push(text.to_owned()),
                Record::Sync(_) => syncs += 1,
                Record::Span(span) => panic!("a span in an introduction: {span:?}"),
                _ => {}
            }
        }
    }
    assert_eq!(syncs, 1);
    // Also those that the first orders did not have.
    for name in sandwich::NAMES.iter().chain(&["order.id", "sourdough", "weight_kg", "error.message"]) {
        assert!(names.iter().any(|told| told == name), "`{name}` is not in {names:?}");
    }
    assert!(broker.messages("microspan/+/packets").is_empty(), "spans are not kept");

    // A bridge that comes now learns it and counts nothing.
    let late = Bridge::start(standin.url(), &["--mqtt", &broker.url()]);
    late.wait_for("reading mqtt");
    thread::sleep(Duration::from_millis(500));
    let late = late.stop();
    assert_eq!((late.packets, late.spans_received, late.spans_lost_on_the_way), (0, 0, 0), "{late:?}");
}

#[test]
fn a_message_longer_than_any_packet_does_not_keep_others_from_the_bridge() {
    let broker = need!(Broker::start());
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--mqtt", &broker.url()]);
    bridge.wait_for("reading mqtt");
    broker.publish("microspan/stranger/packets", &[b'x'; 50_000]);
    broker.publish("microspan/stranger/packets", b"no packet");
    thread::sleep(Duration::from_millis(500));
    let told = bridge.process.told();
    let summary = bridge.stop();
    assert_eq!((summary.damaged, told.contains("is not there")), (1, false), "{told}");
}

#[test]
fn a_broker_that_is_stopped_and_started_again_under_load_loses_counted_spans_only() {
    let board = need!(Board::new("sandwich_mqtt", 12));
    let mut broker = need!(Broker::start());
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--mqtt", &broker.url()]);
    bridge.wait_for("reading mqtt");
    let board = board.ethernet(broker.port()).start();
    broker.wait_for("as kitchen-1");
    for _ in 0..2 {
        thread::sleep(Duration::from_secs(2));
        broker.stop();
        thread::sleep(Duration::from_millis(500));
        broker.start_again();
    }
    let report = board.finish();
    thread::sleep(Duration::from_secs(1));
    assert!(bridge.said("again") >= 1, "{}", bridge.process.told());
    let summary = bridge.stop();
    assert_balance(report, summary);
    assert!(summary.spans_received > report.spans_made / 2, "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (summary.spans_received, 0));
}
