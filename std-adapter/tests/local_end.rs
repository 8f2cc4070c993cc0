//! The end of a program that traces itself, when there is no agent.

mod support;

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use microspan::{set_global, trace};
use microspan_std::config::Config;
use microspan_std::error::InitError;
use microspan_std::local::Builder;

#[test]
fn an_agent_that_says_nothing_holds_up_neither_spans_nor_the_end() {
    // It takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let config = Config::from_vars([("DD_TRACE_AGENT_URL", url)]);
    let local = Builder::new().config(config.clone()).init().expect("the first tracer");

    let open = trace("open at the end");
    let start = Instant::now();
    for _ in 0..100 {
        (0..50).for_each(|_| drop(trace("request")));
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!local.flush(Duration::from_millis(300)));
    let stats = local.shutdown(Duration::from_millis(500));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(stats.recorder.spans_dropped(), 0);
    assert_eq!(stats.pipeline.spans_out, 5_000);
    assert_eq!((stats.agent.sent.spans, stats.agent.dropped_at_exit.spans), (0, 5_000));

    // Nothing is recorded any more, and nothing is wrong with what was.
    assert!(!trace("late").is_recording());
    drop(open);
    let again = Builder::new().config(config).init();
    assert!(matches!(again, Err(InitError::Global(_))), "{again:?}");
    assert!(set_global(microspan::global().expect("it stays")).is_err());
}
