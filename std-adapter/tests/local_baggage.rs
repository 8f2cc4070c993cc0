//! Baggage beyond what may travel.

use std::collections::HashMap;
use std::sync::Mutex;

use microspan::propagation::Passing;
use microspan::trace;
use microspan_std::carrier::{Outgoing, SetMap, set_ot_baggage};
use microspan_std::config::Config;
use microspan_std::local::Builder;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().expect("no panic before").push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn the_first_item_that_is_not_sent_is_told_once() {
    log::set_logger(&Log).expect("no other");
    log::set_max_level(log::LevelFilter::Warn);
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", "http://localhost:1"),
        ("DD_TRACE_BAGGAGE_MAX_ITEMS", "70"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let order = trace("order");
    let sent = || {
        let mut headers = HashMap::new();
        let outgoing = Outgoing::of(&order).expect("it is open");
        outgoing.inject(Passing::default(), &mut SetMap(&mut headers)).expect("no tags");
        headers["baggage"].split(',').count()
    };
    let told = || {
        LINES
            .lock()
            .expect("no panic before")
            .iter()
            .filter(|line| line.contains("baggage"))
            .cloned()
            .collect::<Vec<_>>()
    };
    let keys: Vec<&'static str> = (0..72).map(|number| &*format!("key{number}").leak()).collect();
    keys[..70].iter().for_each(|key| _ = order.set_baggage_item(key, "x"));
    assert_eq!((sent(), told().len()), (70, 0));
    keys[70..].iter().for_each(|key| _ = order.set_baggage_item(key, "x"));
    assert_eq!((sent(), sent()), (70, 70));
    let told = told();
    // The newest come first.
    assert!(told.len() == 1 && told[0].starts_with("the baggage item `key1` and those behind"), "{told:?}");
    assert!(told[0].contains("at most 70 items and 8192 bytes"), "{told:?}");
    drop((order, local));

    // Those of OpenTracing's headers have limits of their own.
    let mut sent = 0;
    (0..2).for_each(|_| set_ot_baggage(keys.iter().map(|key| (*key, "x")), |_, _| sent += 1));
    let told = LINES.lock().expect("no panic before");
    let told: Vec<_> = told.iter().filter(|line| line.contains("ot-baggage-")).collect();
    assert!(
        sent == 128 && told.len() == 1 && told[0].starts_with("the baggage item `key64` and"),
        "{told:?}"
    );
}
