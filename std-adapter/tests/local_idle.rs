//! What a program pays that traces little: processor time while it is idle, and memory for threads that come and go.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use microspan::trace;
use microspan_std::local::Builder;
use support::Agent;

/// The nanoseconds that the threads of this name have run.
fn processor_time(name: &str) -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
    let of_name = threads.filter(|thread| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    });
    let times = of_name.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|stat| stat.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// The memory of this process, in kilobytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the resident size");
    line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a size")
}

/// Threads that each trace once, some at a time.
fn threads(count: usize) {
    for _ in 0..count / 50 {
        let some: Vec<_> = (0..50).map(|_| thread::spawn(|| trace("once").finish())).collect();
        some.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}

#[test]
fn an_idle_program_sleeps_and_threads_that_come_and_go_leave_nothing() {
    let agent = Agent::blind();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    threads(10_000);
    assert!(local.flush(Duration::from_secs(10)));
    let before = memory();
    threads(10_000);
    assert!(local.flush(Duration::from_secs(10)));
    let grown = memory().saturating_sub(before);
    println!("{grown} kB for 10,000 threads");
    assert!(grown < 8_192, "{grown} kB: close to a kilobyte a thread");

    thread::sleep(Duration::from_secs(1));
    let idle = |name| {
        let before = processor_time(name);
        assert!(before > 0, "no thread `{name}`");
        move || processor_time(name) - before
    };
    let (drain, agents) = (idle("microspan-drain"), idle("microspan-agent"));
    thread::sleep(Duration::from_secs(1));
    let (drain, agents) = (drain(), agents());
    println!("{drain} ns and {agents} ns in an idle second");
    assert!(drain + agents < 1_000_000 * if cfg!(debug_assertions) { 10 } else { 1 });

    let stats = local.shutdown(Duration::from_secs(5));
    assert_eq!(stats.agent.sent.spans, 20_000, "{stats:?}");
}
