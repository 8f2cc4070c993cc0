//! Little baggage that may travel, and a log that sends such itself.

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use microspan::propagation::Passing;
use microspan::trace;
use microspan_std::carrier::{Outgoing, SetMap, set_ot_baggage};
use microspan_std::config::Config;
use microspan_std::local::Builder;

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Sends what it is told over the network, and is broken.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        if line.contains("ot-baggage-") {
            send_much();
            panic!("the log is broken");
        }
        if line.contains("baggage item") {
            send();
            panic!("the log is broken");
        }
    }

    fn flush(&self) {}
}

/// Sends a request; how many items go along in the header of W3C, and how many in those of OpenTracing.
fn send() -> (usize, usize) {
    let order = trace("order");
    KEYS.iter().for_each(|key| _ = order.set_baggage_item(key, "x"));
    let mut headers = HashMap::new();
    let outgoing = Outgoing::of(&order).expect("it is open");
    outgoing.inject(Passing::default(), &mut SetMap(&mut headers)).expect("no tags");
    let mut count = 0;
    set_ot_baggage(outgoing.baggage(), |_, _| count += 1);
    (headers["baggage"].split(',').count(), count)
}

/// The same of more than headers of OpenTracing have room for.
fn send_much() -> usize {
    let mut count = 0;
    set_ot_baggage([("key", "x"); 80], |_, _| count += 1);
    count
}

#[test]
fn a_log_that_sends_or_panics_hinders_no_request_and_each_kind_of_header_has_its_own_limit() {
    log::set_logger(&Log).expect("no other");
    log::set_max_level(log::LevelFilter::Warn);
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", "http://localhost:1"),
        ("DD_TRACE_BAGGAGE_MAX_ITEMS", "2"),
    ]);
    let _local = Builder::new().config(config).init().expect("the first tracer");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // What the log does to the requests that it is told of is its own.
        _ = catch_unwind(send);
        _ = catch_unwind(send_much);
        _ = tell.send((send(), send_much()));
    });
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(((2, KEYS.len()), 64)));
}
