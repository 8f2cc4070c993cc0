//! From a Cortex-M over RTT, through a simulated probe, to the agent.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::need;
use microspan_tests::ports;
use microspan_tests::probe::SimulatedProbe;
use microspan_tests::qemu::Board;
use microspan_tests::standin::Standin;

/// Long enough for the bridge to read what the probe has handed to the system by the board's end.
const LATEST_BYTES: Duration = Duration::from_millis(500);

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_rtt_and_a_simulated_probe() {
    let debug = ports::tcp();
    let board = need!(Board::new("sandwich_rtt", 2));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    SimulatedProbe::start(debug, "microspan", listener);
    let standin = Standin::start();
    let bridge = Bridge::start(standin.url(), &["--tcp", &address]);

    let report = board.debug(debug).start().finish();
    thread::sleep(LATEST_BYTES);
    let summary = bridge.stop();
    assert_eq!(report.spans_dropped, 0, "{report:?}");
    assert_eq!(summary.spans_sent, report.spans_drained, "{summary:?} {report:?}");
    assert_eq!((summary.spans_lost_on_the_way, summary.damaged), (0, 0), "{summary:?} {report:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_drained, 0));
}
