//! Boards that are reset, by what goes wrong in them and at any moment: the next boot sends what was there.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::built::{self, CORTEX_M0, CORTEX_M4};
use microspan_tests::device::Seeded;
use microspan_tests::need;
use microspan_tests::needs::{self, Missing};
use microspan_tests::process::{Process, eventually};
use microspan_tests::sent::{self, Sent, SentSession};
use microspan_tests::standin::Standin;
use object::read::elf::ElfFile32;
use object::{Endianness, Object, ObjectSymbol};
use tempfile::TempDir;

const LONGEST_RUN: Duration = Duration::from_secs(60);

/// A program and its board.
struct Device {
    machine: &'static str,
    target: &'static str,
    program: &'static str,
    /// What the first three resets are told as.
    reasons: [&'static str; 3],
}

const M4: Device = Device {
    machine: "mps2-an386",
    target: CORTEX_M4,
    program: "recorder_m4",
    reasons: ["hardfault", "panic", "watchdog"],
};
const M0: Device = Device {
    machine: "microbit",
    target: CORTEX_M0,
    program: "recorder_m0",
    // The emulated board has no watchdog, and does not tell why it was reset.
    reasons: ["hardfault", "panic", "unknown"],
};

/// A device that runs.
struct Running {
    process: Process,
    firmware: PathBuf,
    folder: TempDir,
}

impl Device {
    fn start(&self, arguments: &[&str], semihosting: &str) -> Result<Running, Missing> {
        let emulator = needs::emulator()?;
        let firmware = built::bare_firmware(self.program, self.target)?;
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let mut command = Command::new(emulator);
        command
            .args(["-machine", self.machine, "-display", "none", "-monitor"])
            .arg(format!("unix:{},server=on,wait=off", folder.path().join("monitor").display()))
            .args(["-semihosting-config", &format!("enable=on,target=native{semihosting}"), "-serial"])
            .arg(format!("file:{}", folder.path().join("serial.bin").display()))
            .args(arguments)
            .arg("-kernel")
            .arg(&firmware);
        Ok(Running { process: Process::start(&mut command), firmware, folder })
    }
}

impl Running {
    fn recording(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("serial.bin")).expect("the recording")
    }

    fn monitor(&self) -> UnixStream {
        eventually(Duration::from_secs(20), || {
            UnixStream::connect(self.folder.path().join("monitor")).map_err(|error| error.to_string())
        })
    }
}

/// The name of the function that an address is in.
fn function(firmware: &Path, address: u64) -> Option<String> {
    let data = fs::read(firmware).expect("the program can be read");
    let file = ElfFile32::<Endianness>::parse(&*data).expect("the program is an ELF file");
    let mut symbols = file.symbols().filter(ObjectSymbol::is_definition);
    // The lowest bit of a function's address says that its code is Thumb.
    let found = symbols.find(|symbol| {
        let start = symbol.address() & !1;
        symbol.size() != 0 && (start..start + symbol.size()).contains(&address)
    })?;
    Some(format!("{:#}", rustc_demangle::demangle(found.name().ok()?)))
}

fn only<'s>(session: &'s SentSession, name: &str) -> &'s Sent {
    let mut found = session.spans.iter().filter(|span| span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {session:#?}"));
    assert!(found.next().is_none(), "{name} was sent twice: {session:#?}");
    span
}

/// What is true of every span of the program, whenever it was stopped.
fn assert_sound(session: &SentSession) {
    let mut counters = HashSet::new();
    for span in &session.spans {
        assert!(counters.insert(span.counter), "{span:?} was sent twice");
        assert!(!span.lost_tags, "{span:?}");
        assert_eq!(span.error, span.tag("error.type").is_some(), "{span:?}");
        let number = span.tag("number").map(|number| number.parse::<u32>().expect("a number"));
        match span.name.as_str() {
            "order" => {
                let check = number.map(|number| number.wrapping_mul(0x9e37_79b1).to_string());
                let is_whole = span.error || number.is_some() && span.tag("check").is_some();
                assert!(is_whole, "{span:?}");
                assert!(span.tag("check").is_none_or(|told| Some(told) == check.as_deref()), "{span:?}");
            }
            "bread.cut" => {
                let guest = span.tag("for");
                assert!(guest.map_or(span.error, |guest| guest == "Ada, Countess of Lovelace"), "{span:?}");
            }
            "shift" | "oven.watch" => (),
            // A name whose telling was lost with its packet.
            name => assert!(name.starts_with("name "), "{span:?}"),
        }
    }
    let numbers = &session.packets;
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    if numbers.iter().copied().eq(0..numbers.len() as u32) {
        assert_eq!(session.spans.len() as u32, session.told, "nothing is missing");
    }
}

fn a_device_sends_after_each_reset_what_was_open(device: &Device) -> Result<(), Missing> {
    let mut running = device.start(&["-icount", "shift=0"], "")?;
    let status = running.process.wait(LONGEST_RUN);
    assert!(status.success(), "{}\nit ended with {status}", running.process.told());
    let stream = running.recording();
    let sessions = sent::sessions(&stream);
    let [first, second, third, last] = &sessions[..] else { panic!("{sessions:#?}") };
    for (session, reason) in [first, second, third].into_iter().zip(device.reasons) {
        let (shift, watch) = (only(session, "shift"), only(session, "oven.watch"));
        assert_eq!(shift.tag("reset.reason"), Some(reason));
        let (kind, told) = if reason == "panic" { ("panic", None) } else { ("Reset", Some(reason)) };
        for span in [shift, watch] {
            assert_eq!((span.error, span.tag("error.type")), (true, Some(kind)), "{span:?}");
        }
        assert_eq!((watch.parent, watch.tag("reset.reason")), (Some(shift.counter), told));
        let is_fault = reason == "hardfault";
        for key in ["reset.pc", "reset.lr"] {
            assert_eq!(watch.tag(key).is_some(), is_fault, "{watch:?}");
        }
    }
    let address = only(first, "oven.watch").tag("reset.pc").and_then(|pc| pc.parse().ok());
    let place = function(&running.firmware, address.expect("an address"));
    assert!(place.as_deref().is_some_and(|name| name.contains("board::fault")), "{address:x?}: {place:?}");
    let message = only(second, "oven.watch").tag("error.message");
    assert_eq!(message, Some("the oven is on fire in run 2"));
    for session in &sessions {
        assert_sound(session);
        assert_eq!((session.spans.iter().filter(|span| span.name == "order")).count(), 12);
    }
    assert!(!only(last, "shift").error && last.spans.iter().all(|span| span.tag("reset.reason").is_none()));
    let before: Vec<_> = sessions.iter().map(|session| only(session, "shift").tag("before")).collect();
    assert_eq!(before, [Some("nothing"), Some("spans"), Some("spans"), Some("spans")]);

    let count: u64 = sessions.iter().map(|session| session.spans.len() as u64).sum();
    let standin = Standin::start();
    let mut bridge =
        Bridge::start(standin.url(), &["--stdin", "--print", "--elf", &running.firmware.to_string_lossy()]);
    bridge.process.write(&stream);
    bridge.process.close_stdin();
    let shown = bridge.process.stdout.clone();
    let summary = bridge.finish();
    // The fault's stack, out of the program's ELF file.
    let at = shown.all().into_iter().filter(|line| line.trim_start_matches(['│', ' ']).starts_with("at "));
    let at: Vec<String> = at.collect();
    for place in [
        "board::fault (firmware-example/src/bin/recorder/",
        "run::grief (firmware-example/src/bin/recorder/run.rs:",
    ] {
        assert!(at.iter().any(|line| line.contains(place)), "{place}: {at:?}");
    }
    assert_eq!((summary.spans_sent, summary.spans_lost_on_the_way), (count, 0), "{summary:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (count, 0));
    Ok(())
}

#[test]
fn a_cortex_m4_sends_after_a_fault_a_panic_and_a_watchdog_what_was_open() {
    need!(a_device_sends_after_each_reset_what_was_open(&M4));
}

#[test]
fn a_cortex_m0_sends_after_a_fault_a_panic_and_a_reset_what_was_open() {
    need!(a_device_sends_after_each_reset_what_was_open(&M0));
}

fn a_device_is_reset_at_any_moment(device: &Device, seed: u64) -> Result<(), Missing> {
    /// Resets from outside, beside those that the program brings about.
    const CUTS: usize = 100;
    // One instruction at a time, so that a reset may come before any.
    let mut running = device.start(&["-singlestep"], ",arg=recorder,arg=resets=4294967295")?;
    let mut monitor = running.monitor();
    let mut heard = monitor.try_clone().expect("a second end of the socket");
    thread::spawn(move || heard.read_to_end(&mut Vec::new()));
    let mut random = Seeded::new(seed);
    for _ in 0..CUTS {
        thread::sleep(Duration::from_micros(random.below(250_000) as u64));
        monitor.write_all(b"system_reset\n").expect("the monitor reads");
    }
    monitor.write_all(b"quit\n").expect("the monitor reads");
    running.process.wait(LONGEST_RUN);

    let told = running.process.stdout.all().into_iter().chain(running.process.stderr.all());
    let told: Vec<String> = told.collect();
    // A reset may cut a line short, and the next boot's goes on behind it.
    let is_some = |count: &str| count.starts_with(|digit| ('1'..='9').contains(&digit));
    let damaged: Vec<_> = told.iter().filter(|line| line.split("damaged: ").skip(1).any(is_some)).collect();
    assert!(damaged.is_empty(), "a record was found damaged: {damaged:?}");
    assert!(told.iter().all(|line| !line.contains("Foreign")), "{told:#?}");
    let sessions = sent::sessions(&running.recording());
    sessions.iter().for_each(assert_sound);
    let closed = sessions
        .iter()
        .flat_map(|session| &session.spans)
        .filter(|span| span.tag("error.type") == Some("Reset"));
    let (sessions, closed) = (sessions.len(), closed.count());
    println!("{sessions} sessions, {closed} spans closed by resets");
    assert!(
        sessions > CUTS / 10 && closed > CUTS / 10,
        "{sessions} sessions, {closed} spans closed by resets"
    );
    Ok(())
}

#[test]
fn a_cortex_m4_that_is_reset_at_any_moment_tells_only_what_was_so() {
    need!(a_device_is_reset_at_any_moment(&M4, 4));
}

#[test]
fn a_cortex_m0_that_is_reset_at_any_moment_tells_only_what_was_so() {
    need!(a_device_is_reset_at_any_moment(&M0, 0));
}
