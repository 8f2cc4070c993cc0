//! Names that are told by where they lie in the program, and read from its ELF file.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use microspan::wire::{Packet, Record};
use microspan_tests::bridge::{Bridge, Summary, command};
use microspan_tests::built;
use microspan_tests::device::frame;
use microspan_tests::need;
use microspan_tests::needs::Missing;
use microspan_tests::official::TestAgent;
use microspan_tests::process::{Process, eventually};
use microspan_tests::qemu::Board;
use microspan_tests::sandwich::{self, NAMES};
use microspan_tests::span::Chunk;
use microspan_tests::standin::Standin;
use tempfile::TempDir;

const SECONDS: u32 = 2;
/// After this long without a packet the device has sent its last.
const SILENCE: Duration = Duration::from_millis(300);

/// What a kitchen that tells its names by address sent.
struct Recording {
    packets: Vec<Vec<u8>>,
    spans: u64,
}

/// Runs the kitchen once for all tests.
fn recording() -> Result<&'static Recording, Missing> {
    static RECORDED: OnceLock<Result<Recording, String>> = OnceLock::new();
    RECORDED
        .get_or_init(|| record().map_err(|missing| missing.0))
        .as_ref()
        .map_err(|why| Missing(why.clone()))
}

fn record() -> Result<Recording, Missing> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(SILENCE)).expect("a timeout");
    let port = socket.local_addr().expect("an address").port();
    let board = Board::new("sandwich_udp", SECONDS)?.names_by_address().ethernet(port).start();
    let report = thread::spawn(move || board.finish());
    let mut packets = Vec::new();
    let mut buffer = [0; 2_048];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => packets.push(buffer[..length].to_vec()),
            Err(_) if report.is_finished() => break,
            Err(_) => {}
        }
    }
    let report = report.join().expect("the board ended well");
    Ok(Recording { packets, spans: report.spans_drained })
}

/// Has a bridge read the recording and show its traces; returns what it did, showed and said.
fn replay(recording: &Recording, elf: &[&Path]) -> (Summary, String, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("recording");
    let stream: Vec<u8> = recording.packets.iter().flat_map(|packet| frame(packet)).collect();
    fs::write(&file, stream).expect("a file");
    let standin = Standin::start();
    let mut arguments = vec!["--print", "--file", text(&file)];
    elf.iter().for_each(|path| arguments.extend(["--elf", text(path)]));
    let bridge = Bridge::start(standin.url(), &arguments);
    let (shown, said) = (bridge.process.stdout.clone(), bridge.process.stderr.clone());
    let summary = bridge.finish();
    (summary, shown.all().join("\n"), said.all().join("\n"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn kitchen() -> Result<PathBuf, Missing> {
    built::firmware("sandwich_udp")
}

#[test]
fn with_the_elf_file_at_hand_every_name_is_true() {
    let elf = need!(kitchen());
    let board = need!(Board::new("sandwich_udp", SECONDS)).names_by_address();
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--udp", "127.0.0.1:0", "--elf", text(&elf)]);
    let board = board.ethernet(bridge.udp_port());

    let report = board.start().finish();
    eventually(Duration::from_secs(10), || {
        let stored: u64 = agent.traces().iter().map(|trace| trace.len() as u64).sum();
        (stored >= report.spans_drained).then_some(()).ok_or_else(|| format!("{stored} of {report:?} stored"))
    });
    assert_eq!(bridge.stop().spans_sent, report.spans_drained);
    agent.assert_no_check_failed();
    let chunks: Vec<Chunk> = agent.requests().into_iter().flat_map(|request| request.chunks).collect();
    sandwich::assert_orders(&chunks);
}

#[test]
fn no_name_is_on_the_wire() {
    let recording = need!(recording());
    let names = recording.packets.iter().map(|bytes| {
        let packet = Packet::parse(bytes).expect("a packet");
        packet.records().filter(|record| matches!(record, Ok(Record::Name { .. }))).count()
    });
    assert_eq!(names.sum::<usize>(), 0);
    let whole = recording.packets.concat();
    for name in NAMES {
        assert!(!whole.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
    }
}

#[test]
fn without_an_elf_file_spans_show_where_their_names_lie() {
    let recording = need!(recording());
    let (summary, shown, _) = replay(recording, &[]);
    assert_eq!((summary.spans_received, summary.spans_sent), (recording.spans, recording.spans));
    assert!(shown.contains("str@0x"), "{shown}");
    assert!(!shown.contains(NAMES[0]), "{shown}");
}

#[test]
fn of_many_elf_files_the_one_that_the_device_runs_is_read() {
    let recording = need!(recording());
    let (kitchen, other) = (need!(kitchen()), need!(built::firmware("sandwich_uart")));
    let folder = TempDir::new().expect("a folder");
    let copy = |from: &Path, to: &str| {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, to).expect("a copy");
    };
    copy(&other, "other/firmware.elf");
    fs::write(folder.path().join("README"), "not a program").expect("a file");
    let (summary, shown, said) = replay(recording, &[folder.path()]);
    assert_eq!(summary.spans_sent, recording.spans);
    assert!(shown.contains("str@0x") && !shown.contains(NAMES[0]), "names of another program: {shown}");
    assert_eq!(said.matches("which no ELF file given has").count(), 1, "{said}");

    copy(&kitchen, "kitchen/firmware.elf");
    let (summary, shown, _) = replay(recording, &[folder.path()]);
    assert_eq!(summary.spans_sent, recording.spans);
    assert!(!shown.contains("str@0x"), "{shown}");
    assert!(NAMES.iter().all(|name| shown.contains(name)), "{shown}");
}

#[test]
fn a_file_that_is_of_no_use_is_refused_with_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("missing");
    let binary = folder.path().join("firmware.bin");
    fs::write(&binary, [0; 64]).expect("a file");
    for (path, words) in [(&missing, "cannot read the ELF file or folder"), (&binary, "not a whole ELF file")]
    {
        let mut bridge = Process::start(&mut command(&["--stdin", "--elf", text(path)]));
        assert!(!bridge.wait(Duration::from_secs(20)).success());
        let said = bridge.told();
        assert!(said.contains(words) && said.contains(text(path)), "{said}");
    }
}
