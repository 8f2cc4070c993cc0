//! Whether all spans came that a device has drained, and whether those that did not are known.

use std::time::Duration;

use crate::bridge::Summary;
use crate::official::TestAgent;
use crate::process::eventually;
use crate::qemu::Report;
use crate::standin::Standin;

/// Long enough for the bridge to read and send what the board has handed over by its end.
const LATEST_BYTES: Duration = Duration::from_secs(10);

/// Waits until the stand-in has so many spans.
///
/// # Panics
/// When they do not come.
pub fn wait_for(standin: &Standin, spans: u64) {
    eventually(LATEST_BYTES, || {
        let summary = standin.summary();
        (summary.spans >= spans).then_some(()).ok_or_else(|| format!("{spans} spans wanted: {summary:?}"))
    });
}

/// Waits until Datadog's agent has so many spans.
///
/// # Panics
/// When they do not come.
pub fn wait_for_stored(agent: &TestAgent, spans: u64) {
    eventually(LATEST_BYTES, || {
        let stored: u64 = agent.traces().iter().map(|trace| trace.len() as u64).sum();
        (stored >= spans).then_some(()).ok_or_else(|| format!("{spans} spans wanted, {stored} stored"))
    });
}

/// Every span that the device has drained was received once, and those that were not are known.
///
/// # Panics
/// When that is not so.
pub fn assert_balance(report: Report, summary: Summary) {
    assert_eq!(
        summary.spans_received + summary.spans_lost_on_the_way,
        report.spans_drained,
        "{summary:?} {report:?}"
    );
    assert_eq!(summary.spans_sent, summary.spans_received, "{summary:?} {report:?}");
    assert_eq!(summary.spans_dropped_on_device, report.spans_dropped, "{summary:?} {report:?}");
}

/// The same, and none was lost.
///
/// # Panics
/// When that is not so.
pub fn assert_all_came(report: Report, summary: Summary) {
    assert_balance(report, summary);
    let lost = (summary.spans_lost_on_the_way, summary.damaged, report.spans_dropped);
    assert_eq!(lost, (0, 0, 0), "{summary:?}");
}
