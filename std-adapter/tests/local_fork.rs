//! A child of `fork` is told that nothing is recorded there, and holds nothing up.

mod support;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use microspan::trace;
use microspan_std::local::Builder;
use support::Agent;

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

const LONG: &str = match str::from_utf8(&[b'x'; 20_000]) {
    Ok(text) => text,
    Err(_) => "",
};

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.lock().expect("no panic before").push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// What the child finds out: the exit status.
fn child(local: microspan_std::local::Local) -> i32 {
    let start = Instant::now();
    // So that the clock is read often enough for it to be noticed, wherever the parent was.
    (0..100_000).for_each(|_| drop(trace("of the child")));
    if trace("more").is_recording() {
        return 1;
    }
    if local.flush(Duration::from_secs(5)) {
        return 2;
    }
    local.stats();
    local.shutdown(Duration::from_secs(5));
    if start.elapsed() > Duration::from_secs(4) {
        return 3;
    }
    if catch_unwind(|| panic!("of the child")).is_ok() {
        return 5;
    }
    // Whoever held the lock of long texts may have stayed behind.
    let around = microspan::current_span().expect("the parent's span");
    if around.set_tag("of the child", LONG).with_tag("sql", |_| ()).is_some() {
        return 6;
    }
    let logged = LOGGED.lock().expect("no panic before");
    let told = logged.iter().filter(|line| line.contains("forked")).count();
    if told == 1 { 0 } else { 4 }
}

#[test]
fn a_forked_child_is_told_and_its_parent_goes_on() {
    log::set_logger(&Log).expect("no other");
    log::set_max_level(log::LevelFilter::Warn);
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    trace("before").finish();
    // The child's panic is in a span.
    let around = trace("around");
    around.set_tag("sql", LONG);

    // SAFETY: the child calls what needs no other thread, which is what is tested, and ends by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no further process");
    if pid == 0 {
        let status = child(local);
        // SAFETY: it does not return.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: `status` is there to be written to.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid);
    assert!(libc::WIFEXITED(status), "{status}");
    assert_eq!(libc::WEXITSTATUS(status), 0);

    drop(around);
    trace("after").finish();
    local.shutdown(Duration::from_secs(5));
    let mut names: Vec<String> = agent.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["after", "around", "before"]);
    assert_eq!(agent.span("around").meta["sql"], LONG);
    assert!(LOGGED.lock().expect("no panic before").is_empty());
}
