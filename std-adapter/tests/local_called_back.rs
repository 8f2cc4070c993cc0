//! Code of a program that flushes and ends the tracing on the very threads that would do it.

mod support;

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use microspan::trace;
use microspan_std::agent::{Client, Options};
use microspan_std::local::{Builder, Local};
use microspan_std::model::{Source, Span};
use microspan_std::pipeline::{Assembler, Limits};
use support::Agent;

static LOCAL: Mutex<Option<Local>> = Mutex::new(None);
/// A client to an agent that is not there.
static CLIENT: OnceLock<Client> = OnceLock::new();
static ANSWERS: Mutex<Vec<(&str, bool)>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for this to have been answered, and tells what.
fn answer(to: &str) -> bool {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(&(_, answer)) = lock(&ANSWERS).iter().find(|(asked, _)| *asked == to) {
            return answer;
        }
        assert!(Instant::now() < patience, "{to} waits");
        thread::sleep(Duration::from_millis(10));
    }
}

fn flush(asked: &'static str) {
    let answer = lock(&LOCAL).as_ref().expect("it is there").flush(Duration::MAX);
    tell(asked, answer);
}

fn tell(asked: &'static str, answer: bool) {
    lock(&ANSWERS).push((asked, answer));
}

/// A log that flushes when a client warns, and ends the client.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, _: &log::Record) {
        if thread::current().name() == Some("microspan-agent") {
            flush("the sender");
            let client = CLIENT.get().expect("it is there");
            tell("the client", client.flush(Duration::MAX));
            tell("its statistics", client.flush_statistics(Duration::MAX));
            tell("its end", client.shutdown(Duration::MAX).dropped().traces == 0);
        }
    }

    fn flush(&self) {}
}

fn filter(spans: &mut [Span]) -> bool {
    match spans[0].name.as_str() {
        "flushes" => flush("the drain"),
        "ends" => {
            let local = lock(&LOCAL).take().expect("it is there");
            let stats = local.shutdown(Duration::MAX);
            tell("the end", stats.agent.dropped_at_exit.traces == 0);
        }
        _ => {}
    }
    true
}

/// The client's one trace.
fn send_in_vain() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let interval = Some(Duration::from_millis(1));
    let options = Options { flush_interval: interval, stats: true, ..Options::default() };
    let client = CLIENT.get_or_init(|| Client::start(&url, options).expect("a thread"));
    let mut assembler = Assembler::new(Limits::default(), Default::default());
    let span = Span::new(1, 1, 0, "lost", Source::new(1).into());
    assembler.push(span, 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));
}

#[test]
fn neither_a_flush_nor_the_end_waits_for_the_thread_it_is_called_on() {
    let agent = Agent::start();
    let builder = Builder::new().config(agent.config()).trace_filter(filter);
    *lock(&LOCAL) = Some(builder.init().expect("the first tracer"));
    trace("flushes").finish();
    assert!(!answer("the drain"));

    log::set_logger(&Log).expect("the first");
    log::set_max_level(log::LevelFilter::Warn);
    send_in_vain();
    for asked in ["the sender", "the client", "its statistics"] {
        assert!(!answer(asked), "{asked}");
    }
    assert!(answer("its end"), "the trace is held while it is told");

    trace("ends").finish();
    assert!(answer("the end"));
    assert!(!trace("late").is_recording());
    // What was held goes out nonetheless.
    let patience = Instant::now() + Duration::from_secs(10);
    while agent.spans().len() < 2 {
        assert!(Instant::now() < patience, "{:?}", agent.spans());
        thread::sleep(Duration::from_millis(10));
    }
}
