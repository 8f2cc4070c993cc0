//! From a Cortex-M over RTT, through a simulated probe, to the agent.

use std::thread;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::need;
use microspan_tests::probe::SimulatedProbe;
use microspan_tests::qemu::Board;
use microspan_tests::standin::Standin;

/// Long enough for the bridge to read what the probe has handed to the system by the board's end.
const LATEST_BYTES: Duration = Duration::from_millis(500);

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_rtt_and_a_simulated_probe() {
    let board = need!(Board::new("sandwich_rtt", 2));
    let probe = SimulatedProbe::start("microspan");
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp", &probe.bytes().to_string()]);

    let report = board.probe(&probe).start().finish();
    let bytes = probe.finish();
    thread::sleep(LATEST_BYTES);
    let summary = bridge.stop();
    assert!(bytes > 512, "{bytes} bytes never filled the channel: {report:?}");
    assert_eq!(report.spans_dropped, 0, "{report:?}");
    assert_eq!(summary.spans_sent, report.spans_drained, "{summary:?} {report:?}");
    assert_eq!((summary.spans_lost_on_the_way, summary.damaged), (0, 0), "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_drained, 0));
}
