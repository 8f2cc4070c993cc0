//! Minutes of 200,000 spans a second by a program that traces itself, while its agent is there, away, and back: memory stays flat, each
//! span is accounted for, and the threads that trace wait for nothing. Run by `./test --long`, or with `--ignored`.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use microspan::{Static, trace};
use microspan_std::agent::Options;
use microspan_std::config::Config;
use microspan_std::local::{Builder, Stats};

const SPANS_A_SECOND: u64 = 200_000;

/// Threads that trace, and spans of one trace.
const THREADS: u64 = 4;
const SPANS: u64 = 10;

/// How long a thread sleeps after it has done what was due. On two processors that are busy sending, a longer time would be one in
/// which more is due than the arena holds.
const PAUSE: Duration = Duration::from_millis(2);

/// Times with the agent and without it, in turn; in the first of them memory is still growing to its size.
const PARTS: u32 = 9;
const WARM: usize = 4;

/// How many seconds each takes, unless `MICROSPAN_SOAK_SECONDS` says otherwise.
const PART: u64 = 30;

/// The most that memory may grow beyond what it was in those first parts: two payloads, whose buffers the allocator may need to lay
/// elsewhere. A leak of ten bytes a span would be above it after ten seconds.
const GROWTH: usize = 20 << 20;

/// What the agent does with a request: answers success, answers that it is too busy, or closes the connection.
const IS_THERE: u8 = 0;
const IS_BUSY: u8 = 1;
const IS_GONE: u8 = 2;

/// What it does in each part.
const DOES: [u8; 4] = [IS_THERE, IS_BUSY, IS_THERE, IS_GONE];

/// The number in a line of what Linux says of a process or a thread.
fn said(file: &str, what: &str) -> u64 {
    let status = fs::read_to_string(file).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("such a line");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Bytes of this process in memory.
fn resident() -> usize {
    said("/proc/self/status", "VmRSS") as usize * 1024
}

/// How often this thread gave its processor away so far, because it had to wait.
fn waits() -> u64 {
    said("/proc/thread-self/status", "voluntary_ctxt_switches")
}

fn serve(stream: &TcpStream, does: &AtomicU8) -> std::io::Result<()> {
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
        let status = match does.load(Ordering::Relaxed) {
            IS_THERE => 200,
            IS_BUSY => 503,
            _ => return Ok(()),
        };
        let mut output = stream;
        output.write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())?;
    }
}

/// An agent that does this; its address.
fn agent(does: &Arc<AtomicU8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let does = does.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let does = does.clone();
            thread::spawn(move || serve(&stream, &does));
        }
    });
    url
}

/// What a thread did.
#[derive(Default)]
struct Done {
    spans: u64,
    longest_start: Duration,
    longest_finish: Duration,
    sleeps: u64,
    waits: u64,
}

/// Runs this, and keeps how long it took if nothing took longer.
fn timed<T>(longest: &mut Duration, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    *longest = (*longest).max(start.elapsed());
    result
}

/// Traces as much as is due until the end.
fn work(start: Instant, end: Duration) -> Done {
    let mut done = Done::default();
    let before = waits();
    while start.elapsed() < end {
        let due = start.elapsed().as_micros() as u64 * SPANS_A_SECOND / THREADS / 1_000_000;
        while done.spans + SPANS <= due && start.elapsed() < end {
            let root = timed(&mut done.longest_start, || trace("request"));
            root.set_tag("round", done.spans).set_tag("kind", Static("soak"));
            for _ in 1..SPANS {
                let step = timed(&mut done.longest_start, || trace("step"));
                step.set_tag("round", done.spans);
                timed(&mut done.longest_finish, || drop(step));
            }
            timed(&mut done.longest_finish, || drop(root));
            done.spans += SPANS;
        }
        thread::sleep(PAUSE);
        done.sleeps += 1;
    }
    done.waits = waits() - before;
    done
}

/// Each span that was started is in one of these.
fn accounted_for(stats: &Stats) -> u64 {
    let Stats { recorder, pipeline, agent, .. } = stats;
    let lost = pipeline.invalid + pipeline.duplicates + pipeline.filtered_spans;
    u64::from(recorder.spans_dropped()) + lost + (agent.sent + agent.dropped()).spans
}

#[test]
#[ignore = "it takes minutes"]
fn memory_stays_flat_each_span_is_accounted_for_and_no_thread_waits() {
    let seconds = std::env::var("MICROSPAN_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let part = Duration::from_secs(seconds.unwrap_or(PART));
    let does = Arc::new(AtomicU8::new(IS_THERE));
    let config = Config::from_vars([("DD_TRACE_AGENT_URL", agent(&does).as_str()), ("DD_SERVICE", "soak")]);
    // Payloads as `init` has them; the time is short, so that while the agent is away payloads are given up, and it is soon found again.
    let options = Options { flush_bytes: 4_000_000, retry_for: part / 10, ..Options::default() };
    let local = Builder::new().config(config).agent(options).init().expect("the first tracer");

    let (start, mut largest) = (Instant::now(), Vec::new());
    let threads: Vec<_> = (0..THREADS).map(|_| thread::spawn(move || work(start, part * PARTS))).collect();
    for index in 0..PARTS {
        does.store(DOES[index as usize % DOES.len()], Ordering::Relaxed);
        let mut most = 0;
        while start.elapsed() < part * (index + 1) {
            most = most.max(resident());
            thread::sleep(Duration::from_millis(20));
        }
        largest.push(most);
    }
    let all: Vec<Done> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let took = start.elapsed().as_secs_f64();
    let stats = local.shutdown(Duration::from_secs(30));

    let sum = |of: fn(&Done) -> u64| all.iter().map(of).sum::<u64>();
    let longest = |of: fn(&Done) -> Duration| all.iter().map(of).max().unwrap_or_default();
    let (started, slept, waited) = (sum(|done| done.spans), sum(|done| done.sleeps), sum(|done| done.waits));
    println!(
        "{started} spans by {THREADS} threads in {took:.0} s, {:.0} a second; in memory at most {:?} MB by part",
        started as f64 / took,
        largest.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>()
    );
    println!(
        "the longest start took {:?} and the longest finish {:?}, other threads' turns included; {slept} sleeps, {waited} waits",
        longest(|done| done.longest_start),
        longest(|done| done.longest_finish)
    );
    println!("{stats:?}");
    assert_eq!(accounted_for(&stats), started, "{stats:?}");
    assert_eq!(stats.pipeline.spans + u64::from(stats.recorder.spans_dropped()), started, "{stats:?}");
    let agent = &stats.agent;
    assert!(
        agent.sent.spans > 0 && agent.dropped_overloaded.spans > 0 && agent.dropped_unreachable.spans > 0
    );
    // But for a page of memory now and then.
    assert!(waited <= slept + slept / 1_000, "{waited} waits in {slept} sleeps");
    let (early, late) = largest.split_at(WARM);
    let early = early.iter().max().expect("parts");
    assert!(late.iter().all(|most| *most <= early + GROWTH), "{largest:?}");
}
