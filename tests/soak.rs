//! Minutes of 200,000 spans a second through assembly and the agent's client, while the agent is there, away, and back: memory stays
//! flat, and each span is accounted for. Run by `./test --long`, or with `--ignored`.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use microspan_std::agent::{Client, Options};
use microspan_std::config::Tagging;
use microspan_std::model::{Source, Span, Value};
use microspan_std::pipeline::{Assembler, Limits, Trace};

const SPANS_A_SECOND: u64 = 200_000;

/// Spans of one trace.
const SPANS: u64 = 10;

/// Times with the agent and without it, in turn; in the first of them memory is still growing to its size.
const PARTS: u32 = 9;
const WARM: usize = 4;

/// How many seconds each takes, unless `MICROSPAN_SOAK_SECONDS` says otherwise.
const PART: u64 = 30;

/// The most that memory may grow beyond what it was in those first parts: two payloads, whose buffers the allocator may need to lay
/// elsewhere. A leak of ten bytes a span would be above it after ten seconds.
const GROWTH: usize = 20 << 20;

/// Bytes of this process in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes << 10
}

/// Takes what comes, or turns it away while `is_down`.
fn serve(stream: &TcpStream, is_down: &AtomicBool) -> std::io::Result<()> {
    let mut input = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(said) = line.strip_prefix("content-length:") {
                length = said.trim().parse().unwrap_or_default();
            }
            if line.is_empty() {
                break;
            }
        }
        std::io::copy(&mut input.by_ref().take(length), &mut std::io::sink())?;
        let status = if is_down.load(Ordering::Relaxed) { 503 } else { 200 };
        let mut output = stream;
        output.write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())?;
    }
}

#[test]
#[ignore = "it takes minutes"]
fn memory_stays_flat_and_each_span_is_accounted_for() {
    let seconds = std::env::var("MICROSPAN_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let part = Duration::from_secs(seconds.unwrap_or(PART));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let is_down = Arc::new(AtomicBool::new(false));
    let seen = is_down.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = seen.clone();
            thread::spawn(move || serve(&stream, &seen));
        }
    });
    // Short, so that the time when the agent is away sees payloads given up, and the time after it begins soon.
    let options = Options { retry_for: part / 10, ..Options::default() };
    let client = Client::start(&url, options).expect("the agent's URL");
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let source = Arc::new(Source { service: Some("soak".into()), ..Source::new(1) });

    let (mut sent, mut largest) = (0_u64, Vec::new());
    let start = Instant::now();
    for index in 0..PARTS {
        is_down.store(index % 2 == 1, Ordering::Relaxed);
        let (mut most, end) = (0, part * (index + 1));
        while start.elapsed() < end {
            let now = start.elapsed().as_nanos() as u64;
            let due = now / 1_000 * SPANS_A_SECOND / 1_000_000;
            let mut out = |trace: &Trace| client.send(trace);
            while sent + SPANS <= due && start.elapsed() < end {
                for id in (1..=SPANS).rev() {
                    let parent = u64::from(id != 1);
                    let mut span = Span::new(u128::from(sent + 1), id, parent, "work", source.clone());
                    (span.start, span.duration) = (1_700_000_000_000_000_000, 5);
                    span.tags = vec![("round".into(), Value::Uint(sent)), ("kind".into(), "soak".into())];
                    assembler.push(span, now, &mut out);
                }
                sent += SPANS;
            }
            assembler.poll(now, &mut out);
            most = most.max(resident());
            thread::sleep(Duration::from_millis(2));
        }
        largest.push(most);
    }
    assembler.flush(&mut |trace| client.send(trace));
    let took = start.elapsed();
    let stats = client.shutdown(Duration::from_secs(30));
    println!(
        "{sent} spans in {:.0} s, {:.0} a second; in memory at most {:?} MB by part; {stats:?}",
        took.as_secs_f64(),
        sent as f64 / took.as_secs_f64(),
        largest.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>()
    );
    assert_eq!((stats.sent + stats.dropped()).spans, sent, "{stats:?}");
    assert!(stats.sent.spans > 0 && stats.dropped().spans > 0, "{stats:?}");
    let (early, late) = largest.split_at(WARM);
    let early = early.iter().max().expect("parts");
    assert!(late.iter().all(|most| *most <= early + GROWTH), "{largest:?}");
}
