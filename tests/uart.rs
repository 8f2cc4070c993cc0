//! From a Cortex-M over its serial port to the agent: over TCP, over a serial device, and from recordings.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use microspan::wire::{FrameDecoder, MAX_FRAME};
use microspan_tests::bridge::{Bridge, Summary};
use microspan_tests::device::frame;
use microspan_tests::listener::Listener;
use microspan_tests::need;
use microspan_tests::needs::Missing;
use microspan_tests::official::TestAgent;
use microspan_tests::ports;
use microspan_tests::process::eventually;
use microspan_tests::qemu::{Board, Report};
use microspan_tests::sandwich;
use microspan_tests::span::now;
use microspan_tests::standin::Standin;
use microspan_tests::terminal::Terminal;

const SECONDS: u32 = 3;

/// Long enough for the bridge to read what QEMU has handed to the system by its end.
const LATEST_BYTES: Duration = Duration::from_millis(500);

fn assert_balance(report: Report, summary: Summary) {
    assert_eq!(summary.spans_received, report.spans_drained, "{summary:?} {report:?}");
    assert_eq!(summary.spans_sent, report.spans_drained, "{summary:?} {report:?}");
    assert_eq!(summary.spans_dropped_on_device, report.spans_dropped, "{summary:?} {report:?}");
    assert_eq!((summary.spans_lost_on_the_way, summary.damaged), (0, 0), "{summary:?} {report:?}");
}

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_a_serial_port() {
    let port = ports::tcp();
    let board = need!(Board::new("sandwich_uart", SECONDS));
    let agent = need!(TestAgent::start());
    let board = board.serial(&format!("tcp:127.0.0.1:{port},server=on,wait=on")).start();
    let from = now();
    let bridge = Bridge::start(agent.url(), &["--tcp", &format!("127.0.0.1:{port}")]);

    let report = board.finish();
    let to = now();
    thread::sleep(LATEST_BYTES);
    assert_balance(report, bridge.stop());
    sandwich::assert_stored(&agent, report.spans_drained, from, to);
}

#[test]
fn every_span_of_a_cortex_m_reaches_the_agent_over_a_serial_device() {
    let port = ports::tcp();
    let board = need!(Board::new("sandwich_uart", SECONDS));
    let agent = need!(TestAgent::start());
    let mut terminal = Terminal::open();
    let bridge = Bridge::start(agent.url(), &["--serial", terminal.path()]);
    bridge.wait_for("reading serial");
    let board = board.serial(&format!("tcp:127.0.0.1:{port},server=on,wait=on")).start();
    let from = now();
    terminal.feed(port);

    let report = board.finish();
    let to = now();
    thread::sleep(LATEST_BYTES);
    assert_balance(report, bridge.stop());
    sandwich::assert_stored(&agent, report.spans_drained, from, to);
}

/// The bytes of a board's serial port, and what it made of them.
fn recording() -> Result<(tempfile::TempDir, std::path::PathBuf, Report), Missing> {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("serial.bin");
    let board = Board::new("sandwich_uart", 1)?.serial(&format!("file:{}", path.display()));
    let report = board.start().finish();
    Ok((folder, path, report))
}

#[test]
fn a_recorded_serial_port_is_sent_from_a_file_and_from_standard_input() {
    let from = now();
    let (_folder, path, report) = need!(recording());
    let to = now();
    let agent = need!(TestAgent::start());
    assert_balance(report, Bridge::start(agent.url(), &["--file", &path.display().to_string()]).finish());
    sandwich::assert_stored(&agent, report.spans_drained, from, to);

    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    bridge.process.write(&fs::read(&path).expect("the recording"));
    bridge.process.close_stdin();
    assert_balance(report, bridge.finish());
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_drained, 0));
}

#[test]
fn garbage_between_the_frames_of_a_cortex_m_takes_only_what_it_hits() {
    let (_folder, path, report) = need!(recording());
    let recorded = fs::read(&path).expect("the recording");
    let mut random = microspan_tests::device::Seeded::new(7);
    let mut noisy = Vec::new();
    for frame in recorded.split_inclusive(|byte| *byte == 0) {
        let len = random.below(40);
        noisy.extend(random.bytes(len).into_iter().chain([0]));
        noisy.extend(frame);
    }
    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    bridge.process.write(&noisy);
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert_eq!(summary.spans_sent, report.spans_drained, "{summary:?}");
    assert!(summary.damaged > 0 && summary.spans_lost_on_the_way == 0, "{summary:?}");
    assert_eq!((standin.summary().spans, standin.summary().rejected), (report.spans_drained, 0));
}

#[test]
fn a_cortex_m_tells_who_asks_over_a_serial_port_all_its_names_within_two_packets() {
    let port = ports::tcp();
    let board = need!(Board::new("sandwich_uart", SECONDS));
    let board = board.serial(&format!("tcp:127.0.0.1:{port},server=on,wait=on")).start();
    let mut line = eventually(Duration::from_secs(20), || {
        TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())
    });
    let (mut decoder, mut bytes, mut unread) = (FrameDecoder::<MAX_FRAME>::new(), [0; 512], 0..0);
    Listener::default().hear_all_names(|request| {
        if let Some(request) = request {
            line.write_all(&frame(&request.encode())).expect("the request is sent");
        }
        loop {
            let mut input = &bytes[unread.clone()];
            let packet = decoder.next(&mut input).map(|packet| packet.map(<[u8]>::to_vec));
            unread.start = unread.end - input.len();
            match packet {
                Some(packet) => return packet.expect("a frame that is whole"),
                None => unread = 0..line.read(&mut bytes).expect("the line is open"),
            }
        }
    });
    // The line stays open, and nobody has to read it to its end.
    thread::spawn(move || std::io::copy(&mut line, &mut std::io::sink()));
    board.finish();
}
