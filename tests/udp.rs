//! From a Cortex-M over UDP to Datadog's test agent.

use std::time::Duration;

use microspan_tests::bridge::Bridge;
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
