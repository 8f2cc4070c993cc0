//! OpenTracing's tracer in a program that is traced already, by a tracer that does not record everything.
#![cfg(feature = "opentracing")]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use microspan::{Rule, Sampler};
use microspan_std::local::Builder;
use microspan_std::opentracing::{Config, Format, Tracer};
use support::Agent;

static RULES: [Rule; 1] = [Rule::new(0.0).name("idle")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES);

#[test]
fn what_is_not_recorded_has_children_that_are_not_and_hands_its_baggage_on() {
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).sampler(&SAMPLER).init().expect("the first tracer");
    // Where the agent is has been said.
    let config = Config::new().agent_port(1).global_tag("team", "bread");
    let tracer = Tracer::new("till", config).expect("the program is traced");

    let idle = tracer.start_span("idle");
    idle.set_baggage_item("plan", "gold").set_tag("a", 1);
    let explicit = tracer.build_span("explicit").child_of(&idle).start();
    {
        let _around = microspan::trace("around");
        tracer.build_span("still explicit").child_of(&explicit).start().finish();
        tracer.start_span("recorded").finish();
    }
    {
        let _scope = tracer.scope_manager().activate(&idle, true);
        tracer.start_active_span("active").close();
        microspan::trace("by hand").finish();
        let inner = tracer.start_span("inner");
        assert_eq!(inner.get_baggage_item("plan").as_deref(), Some("gold"));
        let mut headers = HashMap::<String, String>::new();
        tracer.inject(&inner.context(), Format::TextMap, &mut headers).expect("a map");
        assert_eq!((&*headers["x-datadog-sampling-priority"], &*headers["baggage"]), ("0", "plan=gold"));
        assert_eq!(idle.context().trace_id(), inner.context().trace_id());
    }
    assert!(idle.is_finished() && !explicit.is_finished());
    drop(explicit);
    // What follows it is sent, and says that its trace is to be dropped.
    tracer.build_span("late").child_of(&idle).start().finish();
    tracer.start_span("after").finish();

    assert!(local.flush(Duration::from_secs(5)));
    let mut names: Vec<_> = agent.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["after", "around", "late", "recorded"]);
    let late = agent.span("late");
    assert_eq!(
        (late.parent, late.metrics["_sampling_priority_v1"]),
        (idle.context().span_id().expect("an id"), 0.0)
    );
    let (around, recorded) = (agent.span("around"), agent.span("recorded"));
    assert_eq!((&*around.service, &*recorded.service), ("kitchen", "till"));
    assert_eq!((recorded.parent, &*recorded.meta["team"]), (around.id, "bread"));
}
