//! When a program's spans go out, and how long it waits for an agent, as the environment says.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use microspan::trace;
use microspan_std::config::Config;
use microspan_std::local::Builder;

#[test]
fn spans_go_out_in_the_writers_interval_and_no_attempt_takes_longer_than_the_agents_time() {
    // It takes connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", url.as_str()),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "60"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "0.05"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let local = Builder::new().config(config).init().expect("the first tracer");
    drop(trace("order"));
    // Without the variable it would have gone out after a second, and again and again.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(local.stats().agent.retries, 0);

    // Five attempts of two seconds each take ten.
    let begun = Instant::now();
    local.flush(Duration::from_millis(100));
    while local.stats().agent.retries < 5 && begun.elapsed() < Duration::from_secs(9) {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(local.stats().agent.retries >= 5, "{:?}", local.stats().agent);
    assert_eq!(local.shutdown(Duration::from_millis(200)).agent.dropped().spans, 1);
}
