//! How well the bridge knows the clock of an emulated board: each span says what the host's clock showed while it was open.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use microspan_tests::bridge::Bridge;
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::process::eventually;
use microspan_tests::qemu::Board;
use microspan_tests::span::{Span, now};

const SECONDS: u32 = 12;
/// In which the bridge has asked a few times.
const WARM_UP: i64 = 5_000_000_000;
/// As right as a board over UDP is to be.
const RIGHT: i64 = 2_000_000;
/// A number of a span is a float: at Unix times in nanoseconds it is rounded to this.
const ROUNDED: i64 = 256;

/// Answers each datagram with its first four bytes and the time; returns the port.
fn truth(stop: &Arc<AtomicBool>) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
    let port = socket.local_addr().expect("its address").port();
    let stop = stop.clone();
    thread::spawn(move || {
        let mut buffer = [0; 12];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((4.., from)) = socket.recv_from(&mut buffer[..4]) {
                buffer[4..].copy_from_slice(&now().to_le_bytes());
                socket.send_to(&buffer, from).expect("an answer is sent");
            }
        }
    });
    port
}

/// By how much the middle of a span differs from what the host's clock showed within it, and by how much the span misses that.
fn errors(span: &Span) -> Option<[i64; 2]> {
    let truth = span.number("truth")? as i64;
    let middle = span.start + span.duration / 2;
    Some([(middle - truth).abs(), (span.start - truth).max(truth - span.end()).max(0)])
}

/// The value below which so many percent of the others are.
fn percentile(values: &mut [i64], percent: usize) -> i64 {
    values.sort_unstable();
    values.get((values.len() * percent / 100).min(values.len() - 1)).copied().expect("values")
}

#[test]
fn a_board_over_udp_is_timed_to_two_milliseconds_and_within_the_bound_that_is_told() {
    let board = need!(Board::new("clock_udp", SECONDS));
    let agent = need!(TestAgent::start());
    let stop = Arc::new(AtomicBool::new(false));
    let bridge = Bridge::start(agent.url(), &["--udp", "127.0.0.1:0"]);
    let board = board.argument("truth", truth(&stop)).ethernet(bridge.udp_port());
    let report = board.start().finish();
    eventually(Duration::from_secs(10), || {
        let stored = agent.traces().iter().map(|trace| trace.len() as u64).sum::<u64>();
        (stored >= report.spans_drained).then_some(()).ok_or_else(|| format!("{stored} spans of {report:?}"))
    });
    bridge.stop();
    stop.store(true, Ordering::Relaxed);

    let mut spans: Vec<Span> =
        agent.requests().into_iter().flat_map(|request| request.chunks).flatten().collect();
    spans.sort_by_key(|span| span.start);
    let bound = |span: &Span| span.number("microspan.clock_error_ns").expect("a root says it") as i64;
    for span in &spans {
        let Some([_, missed]) = errors(span) else { continue };
        assert!(
            missed <= bound(span) + ROUNDED,
            "{missed} ns, which are said to be {}: {span:?}",
            bound(span)
        );
    }
    let first = spans.first().expect("spans").start;
    let late: Vec<&Span> = spans.iter().filter(|span| span.start - first >= WARM_UP).collect();
    let mut middles: Vec<i64> =
        late.iter().filter_map(|span| errors(span)).map(|[middle, _]| middle).collect();
    let mut bounds: Vec<i64> = late.iter().map(|span| bound(span)).collect();
    let mut lengths: Vec<i64> = late.iter().map(|span| span.duration).collect();
    assert!(
        !late.is_empty() && middles.len() * 2 > late.len(),
        "{} of {} were told the time",
        middles.len(),
        late.len()
    );
    let shown = |values: &mut [i64]| [50, 90, 100].map(|percent| percentile(values, percent) / 1_000);
    println!(
        "{} spans after {} s, median, 90 % and most in us: errors {:?}, said to be at most {:?}, round trips {:?}",
        late.len(),
        WARM_UP / 1_000_000_000,
        shown(&mut middles),
        shown(&mut bounds),
        shown(&mut lengths),
    );
    // The host may let the emulator wait: half of the spans at least have to be right.
    assert!(
        percentile(&mut middles, 50) <= RIGHT,
        "half of the spans are {} ns off",
        percentile(&mut middles, 50)
    );
}
