//! A program that starts its tracer again.

mod support;

use std::thread;
use std::time::Duration;

use microspan::{Arena, Tracer};
use microspan_std::config::Config;
use microspan_std::local::{Builder, Ticks, UNWINDING};
use microspan_std::threads::Threads;
use support::Agent;

static ARENA: Arena<1_024, 1_024, 256> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&Threads::<256>).unwinding(&UNWINDING);

#[test]
fn a_second_start_is_refused_and_headers_go_on_to_name_the_traces_that_the_agent_gets() {
    let agent = Agent::start();
    let start = |config| Builder::new().config(config).tracer(&TRACER, &Ticks).init();
    let local = start(agent.config()).expect("the first");
    let first = TRACER.trace("first").context().expect("a session");
    let short = Config::from_vars([("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "false")]);
    // The seconds of a later one are others.
    thread::sleep(Duration::from_millis(1_100));
    for (name, config) in [("again", agent.config()), ("short", short)] {
        assert!(start(config).is_err());
        let sent = TRACER.trace(name).context().expect("a session");
        assert_eq!(sent.trace_id >> 64, first.trace_id >> 64);
        assert!(local.flush(Duration::from_secs(5)));
        let got = agent.span(name);
        let upper = u64::from_str_radix(&got.meta["_dd.p.tid"], 16).expect("hexadecimal");
        assert_eq!(u128::from(upper) << 64 | u128::from(got.trace), sent.trace_id);
    }
}
