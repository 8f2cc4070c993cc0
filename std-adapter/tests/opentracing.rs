//! A program that OpenTracing's tracer begins to trace, and what its agent gets.
#![cfg(feature = "opentracing")]

mod support;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use microspan_std::config::{Sampling, SamplingRule};
use microspan_std::opentracing::{Config, Format, Tracer, global_tracer, set_global_tracer};
use support::Agent;

#[test]
fn a_tracer_of_opentracing_alone_traces_the_program_until_it_is_shut_down() {
    let agent = Agent::start();
    let (_, port) = agent.url.rsplit_once(':').expect("a port");
    let https = Tracer::new("kitchen", Config::new().agent_https(true));
    assert!(https.expect_err("no such client").to_string().contains("`https` is not supported"));
    let config = Config::new()
        .agent_hostname("127.0.0.1")
        .agent_port(port.parse().expect("a port"))
        .global_tag("team", "bread")
        .sample_rate(1.0)
        .sampler(Sampling {
            rules: vec![SamplingRule { name: Some("renamed".into()), ..SamplingRule::new(0.0) }],
            ..Sampling::default()
        });
    set_global_tracer(Tracer::new("kitchen", config).expect("the first tracer"));

    let tracer = global_tracer();
    {
        let order = tracer.start_active_span("begun");
        order.span().set_operation_name("first").set_operation_name("order");
        let child = tracer.build_span("slow").start_time(SystemTime::now() - Duration::from_secs(3)).start();
        drop(microspan::trace("by_hand"));
        let failed: Result<u8, _> = child.run(|_| "x".parse());
        assert!(failed.is_err());
    }
    let parent = tracer.start_span("parent");
    let context = parent.context();
    drop(parent);
    assert!(tracer.flush(Duration::from_secs(5)));
    tracer.build_span("late_child").child_of(&context).start().finish();
    let kept = tracer.start_span("kept");
    kept.set_tag("sampling.priority", 2);
    let mut headers = HashMap::<String, String>::new();
    tracer.inject(&kept.context(), Format::HttpHeaders, &mut headers).expect("a map");
    assert_eq!(headers["x-datadog-sampling-priority"], "2");
    assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-4"), "{headers:?}");
    drop(kept);
    let ruled = tracer.start_span("ruled");
    tracer.inject(&ruled.context(), Format::HttpHeaders, &mut headers).expect("a map");
    assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-3"), "{headers:?}");
    drop(ruled);
    let renamed = tracer.start_span("unnamed");
    renamed.set_operation_name("renamed");
    tracer.inject(&renamed.context(), Format::HttpHeaders, &mut headers).expect("a map");
    assert_eq!(headers["x-datadog-sampling-priority"], "-1", "rules look at the name that it has");
    drop(renamed);
    let unwound = std::panic::catch_unwind(|| {
        let _scope = global_tracer().start_active_span("unwound");
        panic!("out of ham");
    });
    assert!(unwound.is_err());
    tracer.shutdown(Duration::from_secs(5));
    tracer.start_active_span("after_the_end").close();

    assert_eq!(agent.tree("order"), "order\n slow !\n by_hand\n");
    let order = agent.span("order");
    assert_eq!((&*order.service, &*order.meta["team"]), ("kitchen", "bread"));
    assert_eq!((order.metrics["_dd.rule_psr"], order.meta.contains_key("operation.name")), (1.0, false));
    let slow = agent.span("slow");
    assert!((3_000_000_000..4_000_000_000).contains(&slow.duration), "{slow:?}");
    assert_eq!(slow.meta["error.message"], "invalid digit found in string");
    assert!(slow.meta.values().all(|value| value != "false"), "{slow:?}");
    let (parent, late) = (agent.span("parent"), agent.span("late_child"));
    assert_eq!((late.parent, late.trace), (parent.id, parent.trace));
    let unwound = agent.span("unwound");
    assert!(unwound.error && unwound.meta["error.message"] == "out of ham", "{unwound:?}");
    assert!(agent.spans().iter().all(|span| span.name != "after_the_end"));
}
