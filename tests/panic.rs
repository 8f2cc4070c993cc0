//! A Cortex-M4 that panics in an interrupt still tells which spans were open, and why.

use std::fs;
use std::process::Command;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::needs::{self, Missing};
use microspan_tests::process::Process;
use microspan_tests::sent::{self, Sent};
use microspan_tests::standin::Standin;
use microspan_tests::{built, need};

const LONGEST_RUN: Duration = Duration::from_secs(60);

/// What the board sends over its serial port until it has ended.
fn recording() -> Result<Vec<u8>, Missing> {
    let emulator = needs::emulator()?;
    let firmware = built::bare_firmware("example_panic", built::CORTEX_M4)?;
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("serial.bin");
    let mut command = Command::new(emulator);
    command.args(["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-icount", "shift=0"]);
    command.args(["-semihosting-config", "enable=on,target=native", "-serial"]);
    command.arg(format!("file:{}", path.display())).arg("-kernel").arg(firmware);
    let mut process = Process::start(&mut command);
    let status = process.wait(LONGEST_RUN);
    assert_eq!(status.code(), Some(1), "{}\nit did not end as a panic does", process.told());
    Ok(fs::read(path).expect("the recording"))
}

#[test]
fn a_panic_in_an_interrupt_sends_what_was_open_with_its_message_and_place() {
    let stream = need!(recording());
    let sessions = sent::sessions(&stream);
    let [session] = &sessions[..] else { panic!("{} sessions", sessions.len()) };
    let spans = &session.spans;
    let open: Vec<&Sent> = spans.iter().filter(|span| span.error).collect();
    let of = |name: &str| *open.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}"));
    for span in &open {
        let tag = |key: &str| span.tag(key);
        assert_eq!(tag("error.type"), Some("panic"), "{}", span.name);
        assert_eq!(tag("error.message"), Some("the oven is on fire after 20 ms"), "{}", span.name);
        assert!(tag("error.file").is_some_and(|file| file.ends_with("example_panic.rs")), "{}", span.name);
        assert!(tag("error.line").is_some_and(|line| line.parse::<u32>().is_ok()), "{}", span.name);
    }
    let (shift, watch) = (of("shift"), of("oven.watch"));
    assert_eq!((shift.parent, shift.tags["oven"].as_str()), (None, "left"));
    let around = open.iter().find(|span| Some(span.counter) == watch.parent);
    assert!(around.is_some(), "the span of the interrupt is in what it came into");
    let mut counters: Vec<u64> = spans.iter().map(|span| span.counter).collect();
    counters.sort_unstable();
    assert!(counters.len() > open.len() && counters.is_sorted_by(|a, b| a < b), "{counters:?}");

    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    bridge.process.write(&stream);
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert_eq!(summary.spans_sent, spans.len() as u64, "{summary:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (spans.len() as u64, 0));
}
