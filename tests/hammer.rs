//! Real interrupts and real cores against one arena: no span is lost uncounted, torn, or given to another parent.

use microspan_tests::built::{CORTEX_M0, CORTEX_M4, CORTEX_M33};
use microspan_tests::hammer::{Board, Pace, Report};
use microspan_tests::need;

const NESTED: Board = Board { machine: "mps2-an386", target: CORTEX_M4, program: "hammer_nested" };
const WITHOUT_CAS: Board = Board { machine: "microbit", target: CORTEX_M0, program: "hammer_m0" };
const CORES: Board = Board { machine: "mps2-an521", target: CORTEX_M33, program: "hammer_cores" };

/// Average ticks between two interrupts: so many that the drain keeps up with most of the spans.
const TICKS: (&str, u32) = ("ticks", 2_000);
/// The same where the host's time passes, whatever else the host does in it.
const TICKS_OF_HOST: (&str, u32) = ("ticks", 6_000);

fn assert_nested(report: &Report, least: u64) {
    for nesting in ["low_over_thread", "high_over_thread", "high_over_low"] {
        assert!(report.count(nesting) >= least, "{nesting} is below {least}: {report:?}");
    }
    assert!(report.stale > 0, "no tag came late: {report:?}");
}

fn assert_shared(report: &Report, least: u64) {
    for count in [
        "spans_of_second_core",
        "finished_on_first_core",
        "finished_on_second_core",
        "interrupts_of_first_core",
        "interrupts_of_second_core",
    ] {
        assert!(report.count(count) >= least, "{count} is below {least}: {report:?}");
    }
}

#[test]
fn two_interrupts_and_thread_mode_of_a_cortex_m4_share_an_arena() {
    let report = need!(NESTED.hammer(Pace::Instructions, &[("spans", 600_000), TICKS]));
    assert_nested(&report, 3_000);
    assert!(report.spans_drained > report.spans_dropped, "{report:?}");
    let words = [("spans", 200_000), TICKS_OF_HOST, ("seed", 1)];
    assert_nested(&need!(NESTED.hammer(Pace::Host, &words)), 1);
}

#[test]
fn an_arena_that_overwrites_its_oldest_spans_counts_each_and_tears_none() {
    let words = [("spans", 300_000), ("ticks", 700), ("overwrite", 1)];
    let report = need!(NESTED.hammer(Pace::Instructions, &words));
    assert_nested(&report, 1_000);
    assert!(report.spans_overwritten > 10_000, "{report:?}");
    let words = [("spans", 300_000), TICKS_OF_HOST, ("overwrite", 1)];
    let report = need!(CORES.hammer(Pace::Host, &words));
    assert_shared(&report, 50);
    assert!(report.spans_overwritten > 1_000, "{report:?}");
}

#[test]
fn two_interrupts_and_thread_mode_of_a_cortex_m0_share_an_arena_without_compare_exchange() {
    let report = need!(WITHOUT_CAS.hammer(Pace::Instructions, &[("spans", 300_000), TICKS]));
    assert_nested(&report, 1_000);
    assert!(report.spans_drained > report.spans_dropped, "{report:?}");
    let words = [("spans", 100_000), TICKS_OF_HOST, ("seed", 1)];
    assert_nested(&need!(WITHOUT_CAS.hammer(Pace::Host, &words)), 1);
}

#[test]
fn two_cortex_m33_share_an_arena_and_hand_each_other_spans() {
    assert_shared(&need!(CORES.hammer(Pace::Host, &[("spans", 600_000), TICKS_OF_HOST])), 100);
    let words = [("spans", 100_000), TICKS, ("seed", 1)];
    assert_shared(&need!(CORES.hammer(Pace::Instructions, &words)), 50);
}
