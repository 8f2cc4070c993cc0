//! A log of a program that panics on the thread that sends.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use microspan::trace;
use microspan_std::config::Config;
use microspan_std::local::Builder;

/// A log that keeps errors, and panics at anything that the sender says.
struct Log;

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        if record.level() == log::Level::Error {
            ERRORS.lock().expect("no panic before").push(record.args().to_string());
        }
        assert!(thread::current().name() != Some("microspan-agent"), "the log is full");
    }

    fn flush(&self) {}
}

fn errors() -> Vec<String> {
    ERRORS.lock().expect("no panic before").clone()
}

#[test]
fn a_log_that_panics_on_the_thread_that_sends_ends_the_sending_which_is_told_and_holds_nobody_up() {
    log::set_logger(&Log).expect("the first");
    log::set_max_level(log::LevelFilter::Warn);
    // Nobody listens there.
    let config = Config::from_vars([("DD_TRACE_AGENT_URL", "http://127.0.0.1:1")]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let begun = Instant::now();
    trace("held").finish();
    assert!(!local.flush(Duration::from_secs(60)), "it was neither taken nor dropped");
    let patience = Instant::now() + Duration::from_secs(10);
    while errors().is_empty() {
        assert!(Instant::now() < patience, "nothing was told");
        thread::sleep(Duration::from_millis(10));
    }
    trace("late").finish();
    assert!(!local.flush(Duration::from_secs(60)));
    let stats = local.shutdown(Duration::from_secs(60));
    assert_eq!((stats.agent.dropped_at_exit.spans, stats.agent.sent.spans), (2, 0), "{stats:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let errors = errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("the agent at http://127.0.0.1:1 panicked"), "{errors:?}");
    assert!(errors[0].contains("nothing is sent there from here on"), "{errors:?}");
}
