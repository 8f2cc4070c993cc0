//! The examples of the firmware, each run to its end on an emulated board: what a person would see of it.

use microspan_tests::built::{CORTEX_M3, CORTEX_M4, CORTEX_M33};
use microspan_tests::example::Example;
use microspan_tests::need;

#[track_caller]
fn assert_traces(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_main_loop_sends_a_trace_for_each_round() {
    const EXAMPLE: Example = Example {
        machine: "mps2-an386",
        target: CORTEX_M4,
        features: "examples",
        program: "example_main_loop",
    };
    let found = need!(EXAMPLE.traces());
    assert_traces(
        &found,
        &[
            "thermostat  control  round=0  celsius=18\n\
             ├─ thermostat  sensor.read  bus=i2c0\n\
             └─ thermostat  heat  degrees=2\n",
            "thermostat  control  round=1  celsius=19\n\
             ├─ thermostat  sensor.read  bus=i2c0\n\
             └─ thermostat  heat  degrees=1\n",
            "thermostat  control  round=2  celsius=20\n\
             └─ thermostat  sensor.read  error  bus=i2c0  error.type=Timeout  \
             error.message=\"the sensor is silent\"\n",
        ],
    );
}

#[test]
fn an_interrupt_is_a_child_of_what_it_interrupts() {
    const EXAMPLE: Example =
        Example { machine: "mps2-an386", target: CORTEX_M4, features: "examples", program: "example_isr" };
    let found = need!(EXAMPLE.traces());
    assert_traces(
        &found,
        &[
            "motor  control\n\
             ├─ motor  encoder.tick  interrupt=24\n\
             │  └─ motor  encoder.read  position=1187  interrupt=24\n\
             └─ motor  pwm.write  duty=40\n",
            "motor  encoder.tick  interrupt=24\n\
             └─ motor  encoder.read  position=1187  interrupt=24\n",
        ],
    );
}

#[test]
fn each_poll_of_an_embassy_task_is_a_trace_and_a_future_has_one_span_across_its_polls() {
    const EXAMPLE: Example =
        Example { machine: "lm3s6965evb", target: CORTEX_M3, features: "tasks", program: "example_embassy" };
    let found = need!(EXAMPLE.traces());
    // A machine that has other things to do may let both alarms of the board come at once, and leave no idle time between.
    let (idle, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|trace| trace == "station  executor.idle  executor=1\n");
    assert!((1..=3).contains(&idle.len()), "{idle:?}");
    assert_traces(
        &found,
        &[
            "station  weather  ready_us\n\
             └─ station  report\n",
            "station  weather  ready_us\n\
             └─ station  wind\n   \
                ├─ station  sensor.start\n   \
                └─ station  sensor.read  knots=12\n",
        ],
    );
}

#[test]
fn a_hardware_task_of_rtic_hands_its_span_to_a_software_task() {
    const EXAMPLE: Example =
        Example { machine: "mps2-an386", target: CORTEX_M4, features: "rtic", program: "example_rtic" };
    let found = need!(EXAMPLE.traces());
    let sample = "scale  sample  raw=1187  interrupt=24\n\
                  └─ scale  weigh  interrupt=24\n   \
                     └─ scale  convert  grams=2374  interrupt=16\n";
    assert_traces(&found, &[sample, sample]);
}

#[test]
fn each_of_two_cores_has_a_current_span_of_its_own() {
    const EXAMPLE: Example = Example {
        machine: "mps2-an521",
        target: CORTEX_M33,
        features: "examples",
        program: "example_dual_core",
    };
    let found = need!(EXAMPLE.traces());
    assert_traces(
        &found,
        &[
            "camera  frame.capture\n\
             ├─ camera  frame.filter  core=1\n\
             │  └─ camera  fir  taps=16\n\
             └─ camera  frame.store  bytes=4096\n",
            "camera  wake  core=1\n",
        ],
    );
}
