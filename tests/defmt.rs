//! From a Cortex-M whose log and spans share a line.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use microspan_std::decode::{Arrival, Counters, Decoder};
use microspan_std::defmt::{Program, Stream};
use microspan_std::model::Span;
use microspan_tests::bridge::Bridge;
use microspan_tests::built::CORTEX_M3;
use microspan_tests::example::Example;
use microspan_tests::need;
use microspan_tests::standin::Standin;

const EXAMPLE: Example =
    Example { machine: "lm3s6965evb", target: CORTEX_M3, features: "kitchen", program: "example_defmt" };

/// A trace without the numbers of the lines in the source, which are nobody's to write down; and how many it had.
fn unplaced(trace: &str) -> (String, usize) {
    let mut parts = trace.split(" line=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold((first, 0), |(text, places), part| {
        (text + part.trim_start_matches(|c: char| c.is_ascii_digit()), places + 1)
    })
}

#[test]
fn lines_of_a_log_arrive_as_events_of_the_spans_in_which_they_were_written() {
    let (traces, log) = need!(EXAMPLE.traces_and_log());
    let bake = |loaf: u32| {
        let at = "(level=info module=example_defmt::firmware::bake)";
        format!(
            "oven  bake  loaf={loaf}  event=\"loaf {loaf} goes in\" {at}  event=\"it smells good\" {at}\n"
        )
    };
    let warning = "  event=\"210 degrees are too many\" (level=warn module=example_defmt::firmware::heat)";
    let found: Vec<_> = traces.iter().map(|trace| unplaced(trace)).collect();
    assert_eq!(
        found,
        [
            (bake(1) + "└─ oven  heat\n", 2),
            (bake(2) + "└─ oven  heat\n", 2),
            (bake(3) + "└─ oven  heat" + warning + "\n", 3),
        ]
    );
    // And all are shown, by defmt's own habit: time, level, message.
    assert_eq!(log.len(), 11, "{log:?}");
    assert!(log[0].ends_with(" INFO start") && !log[0].contains("span"), "{log:?}");
    assert!(log[1].ends_with(" span 1 INFO loaf 1 goes in"), "{log:?}");
}

#[test]
fn a_log_that_comes_in_pieces_is_followed_live() {
    let (elf, bytes) = need!(EXAMPLE.log());
    let standin = Standin::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let bridge =
        Bridge::start(standin.url(), &["--tcp", &address, "--defmt-elf", &elf.display().to_string()]);
    let (mut line, _) = listener.accept().expect("the bridge connects");
    for piece in bytes.chunks(7) {
        line.write_all(piece).expect("the bridge reads");
    }
    bridge.wait_for(" INFO loaf 3 is out");
    // Its last packet comes after that.
    drop(line);
    bridge.wait_for("is not there");
    let summary = bridge.stop();
    assert_eq!((summary.spans_received, summary.spans_sent), (6, 6), "{summary:?}");
    assert_eq!((summary.spans_lost_on_the_way, summary.damaged), (0, 0), "{summary:?}");
    assert_eq!((summary.log_lines, summary.log_lines_astray), (11, 0), "{summary:?}");
}

/// The spans that come of a log, and what was counted.
fn decoded(program: &Arc<Program>, bytes: &[u8]) -> (Vec<Span>, Counters) {
    let (mut stream, mut decoder, mut spans) = (Stream::new(program.clone()), Decoder::new(), Vec::new());
    for (at, piece) in (0_u8..).zip(bytes.chunks(100)) {
        let at = Arrival { unix: 1_000_000_000 + i64::from(at), monotonic: u64::from(at) };
        stream.bytes(piece, at, &mut decoder, &mut |span| spans.push(span), &mut |_| {});
    }
    stream.finish(&mut decoder);
    decoder.flush(&mut |span| spans.push(span));
    (spans, decoder.counters())
}

fn events(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.events.len() as u64).sum()
}

#[test]
fn a_line_is_an_event_at_its_time_or_is_counted() {
    let (elf, bytes) = need!(EXAMPLE.log());
    let program = Arc::new(Program::open(&elf).expect("a program that logs"));
    let (spans, counters) = decoded(&program, &bytes);
    assert_eq!((counters.log_lines, events(&spans), counters.log_lines_astray), (11, 7, 0));
    assert_eq!((spans.len(), counters.spans, counters.lost_spans), (6, 6, 0));
    for span in &spans {
        let times: Vec<_> = span.events.iter().map(|event| event.time - span.start).collect();
        assert!(times.is_sorted() && times.iter().all(|time| (0..=span.duration).contains(time)), "{span:?}");
    }
    // Of the four lines before the first packet two are of a span that then does not come.
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at + 1);
    let cut = ends.map(|end| decoded(&program, &bytes[..end]).1).take_while(|counters| counters.packets == 0);
    let counters = cut.last().expect("lines before the first packet");
    assert_eq!((counters.log_lines, counters.log_lines_astray), (4, 2));
}

#[test]
fn a_log_that_was_damaged_anywhere_goes_on_after_it() {
    let (elf, bytes) = need!(EXAMPLE.log());
    let program = Arc::new(Program::open(&elf).expect("a program that logs"));
    for at in 0..bytes.len() {
        for damage in [0x01, 0xff, bytes[at]] {
            let mut damaged = bytes.clone();
            damaged[at] ^= damage;
            let (spans, counters) = decoded(&program, &damaged);
            assert_eq!(spans.len() as u64, counters.spans - counters.unclocked_spans, "{counters:?}");
            assert!(counters.packets >= 2, "byte {at}: {counters:?}");
            assert!(
                events(&spans) + counters.log_lines_astray <= counters.log_lines,
                "byte {at}: {counters:?}"
            );
        }
    }
}
