//! The cases of OpenTracing's own harness (`opentracing.harness` 2.4.0): 25 of its API and 8 of scopes, under their names there.
//!
//! What that finds out by mocks is found out here by what was recorded.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use microspan::Value;
use microspan_std::model;
use microspan_std::opentracing::{
    Config, ExtractCarrier, Format, InjectCarrier, PropagationError, Reference, Scope, ScopeManager, Span,
    TaskScopeManager, ThreadScopeManager, Tracer,
};
use microspan_tests::recorded::{Shared, tag};

fn tracer() -> Tracer {
    Shared::begin();
    Tracer::new("harness", Config::new()).expect("the program is traced")
}

/// What was recorded of a span, if it was.
fn recorded(span: &Span) -> Option<model::Span> {
    Shared::find(span.context().span_id().expect("an id"))
}

/// What was recorded of a span that is finished now.
fn finished(span: &Span) -> model::Span {
    span.finish();
    recorded(span).expect("it is finished")
}

fn is_parent(parent: Option<&Span>, span: &Span) -> bool {
    let parent = parent.map_or(0, |parent| parent.context().span_id().expect("an id"));
    finished(span).parent_id == parent
}

#[test]
fn test_active_span() {
    let tracer = tracer();
    let span = tracer.start_span("Fry");
    assert_eq!(tracer.active_span(), None);
    assert!(tracer.scope_manager().active().is_none());
    let _scope = tracer.scope_manager().activate(&span, true);
    assert_eq!(tracer.active_span().as_ref(), Some(&span));
    assert_eq!(tracer.scope_manager().active().unwrap().span(), &span);
}

#[test]
fn test_start_active_span() {
    // What was extracted is active nowhere.
    let tracer = tracer();
    let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")];
    assert!(tracer.extract(Format::TextMap, &headers).unwrap().is_some());
    let scope = tracer.start_active_span("Fry");
    assert!(is_parent(None, scope.span()));
}

#[test]
fn test_start_active_span_parent() {
    let tracer = tracer();
    let parent = tracer.start_active_span("Fry");
    let child = tracer.start_active_span("Farnsworth");
    assert!(is_parent(Some(parent.span()), child.span()));
}

#[test]
fn test_start_active_span_ignore_active_span() {
    let tracer = tracer();
    let parent = tracer.start_active_span("Fry");
    let child = tracer.build_span("Farnsworth").ignore_active_span().start_active();
    assert!(is_parent(None, child.span()) && !is_parent(Some(parent.span()), child.span()));
}

#[test]
fn test_start_active_span_not_finish_on_close() {
    let scope = tracer().build_span("Fry").finish_on_close(false).start_active();
    let span = scope.span().clone();
    scope.close();
    assert!(!span.is_finished() && recorded(&span).is_none());
}

fn closes_and_finishes(scope: Scope) {
    let span = scope.span().clone();
    scope.close();
    assert!(span.is_finished() && recorded(&span).is_some());
}

#[test]
fn test_start_active_span_finish_on_close() {
    let scope = tracer().build_span("Fry").finish_on_close(true).start_active();
    closes_and_finishes(scope);
}

#[test]
fn test_start_active_span_default_finish_on_close() {
    let scope = tracer().start_active_span("Fry");
    closes_and_finishes(scope);
}

#[test]
fn test_start_span() {
    let tracer = tracer();
    let span = tracer.start_span("Fry");
    span.finish();
    assert_eq!(&*recorded(&span).unwrap().name, "Fry");
    let span = tracer.build_span("Fry").tag("birthday", "August 14 1974").start();
    span.log_event("birthplace", [("hospital", "Brooklyn Pre-Med Hospital"), ("city", "Old New York")]);
    let span = finished(&span);
    assert_eq!(tag(&span, "birthday").as_deref(), Some("August 14 1974"));
    assert_eq!((&*span.events[0].name, span.events[0].attributes.len()), ("birthplace", 2));
}

#[test]
fn test_start_span_propagation() {
    let tracer = tracer();
    let parent = tracer.start_active_span("Fry");
    let child = tracer.start_span("Farnsworth");
    assert!(is_parent(Some(parent.span()), &child));
}

#[test]
fn test_start_span_propagation_ignore_active_span() {
    let tracer = tracer();
    let parent = tracer.start_active_span("Fry");
    let child = tracer.build_span("Farnsworth").ignore_active_span().start();
    assert!(!is_parent(Some(parent.span()), &child));
}

#[test]
fn test_start_span_with_parent() {
    let tracer = tracer();
    let parent = tracer.start_span("parent");
    let span = tracer.build_span("Leela").child_of(&parent).start();
    assert!(is_parent(Some(&parent), &span));
    let follows = Reference::follows_from(parent.context());
    let span = tracer.build_span("Leela").reference(follows).tag("birthplace", "sewers").start();
    let span = finished(&span);
    assert_eq!(tag(&span, "birthplace").as_deref(), Some("sewers"));
    let parent = finished(&parent);
    assert_eq!((span.parent_id, span.links[0].span_id), (parent.span_id, parent.span_id));
}

#[test]
fn test_start_child_span() {
    let tracer = tracer();
    let parent = tracer.start_span("parent");
    let child = parent.start_child_span("Leela");
    assert!(is_parent(Some(&parent), &child));
    parent.finish();
}

#[test]
fn test_set_operation_name() {
    let span = tracer().start_span("");
    span.set_operation_name("Farnsworth").finish();
    assert_eq!(tag(&recorded(&span).unwrap(), "operation.name").as_deref(), Some("Farnsworth"));
}

#[test]
fn test_span_as_context_manager() {
    let tracer = tracer();
    let mut kept = None;
    let done: Result<(), &str> = tracer.start_span("antiquing").run(|span| {
        kept = Some(span.clone());
        Ok(())
    });
    let span = kept.take().unwrap();
    assert!(done.is_ok() && span.is_finished() && !recorded(&span).unwrap().error);

    // Now with an error, and with a panic.
    let failed: Result<(), &str> = tracer.start_span("antiquing").run(|span| {
        kept = Some(span.clone());
        Err("ValueError")
    });
    let span = kept.take().unwrap();
    let seen = recorded(&span).unwrap();
    assert!(failed.is_err() && span.is_finished() && seen.error);
    assert_eq!(tag(&seen, "error.message").as_deref(), Some("ValueError"));
    assert_eq!(&*seen.events[0].name, "error");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        tracer.start_span("antiquing").run(|span| -> Result<(), &str> {
            kept = Some(span.clone());
            panic!("ValueError")
        })
    }));
    let span = kept.take().unwrap();
    assert!(panicked.is_err() && span.is_finished() && recorded(&span).unwrap().error);
}

#[test]
fn test_span_tag_value_types() {
    let span = tracer().start_span("ManyTypes");
    span.set_tag("an_int", 9).set_tag("a_bool", true).set_tag("a_string", "aoeuidhtns");
    let span = finished(&span);
    for (key, value) in [("an_int", "9"), ("a_bool", "true"), ("a_string", "aoeuidhtns")] {
        assert_eq!(tag(&span, key).as_deref(), Some(value));
    }
}

#[test]
fn test_span_tags_with_chaining() {
    let span = tracer().start_span("Farnsworth");
    span.set_tag("birthday", "9 April, 2841").set_tag("loves", "different lengths of wires");
    span.set_tag("unicode_val", "non-ascii: \u{200b}")
        .set_tag(String::from("unicode_key_\u{200b}"), "ascii val");
    let span = finished(&span);
    assert_eq!(tag(&span, "unicode_val").as_deref(), Some("non-ascii: \u{200b}"));
    assert_eq!(tag(&span, "unicode_key_\u{200b}").as_deref(), Some("ascii val"));
}

#[test]
fn test_span_logs() {
    let span = tracer().start_span("Fry");
    let logs = "Cryogenics Labs";
    span.log_kv([("frozen.year", Value::from(1999)), ("frozen.place", logs.into())]);
    span.log_kv_at(
        [("defrosted.year", Value::from(2999)), ("defrosted.place", logs.into())],
        SystemTime::now(),
    );
    // The older API.
    span.log_event("frozen", [("year", Value::from(1999)), ("place", logs.into())])
        .log_event("defrosted", [("year", 2999)])
        .log_event("became his own grandfather", [("payload", 1947)]);
    span.log_kv([("event", "frozen")])
        .log_kv([("year", 1999)])
        .log_kv_at([("event", Value::from("frozen")), ("year", 1999.into())], SystemTime::now())
        .log_kv_at([("event", Value::from("unfrozen")), ("year", 2999.into())], SystemTime::now());
    let span = finished(&span);
    let names: Vec<&str> = span.events.iter().map(|event| &*event.name).collect();
    let expected = "log, log, frozen, defrosted, became his own grandfather, frozen, log, frozen, unfrozen";
    assert_eq!(names.join(", "), expected);
}

#[test]
fn test_span_baggage() {
    let span = tracer().start_span("Fry");
    assert!(span.context().baggage().is_empty());
    assert_eq!(span.set_baggage_item("Kiff-loves", "Amy"), &span);
    assert_eq!(span.get_baggage_item("Kiff-loves").as_deref(), Some("Amy"));
}

#[test]
fn test_context_baggage() {
    let span = tracer().start_span("Fry");
    let before = span.context();
    span.set_baggage_item("Kiff-loves", "Amy");
    let expected = [("Kiff-loves".to_owned(), "Amy".to_owned())];
    assert_eq!(span.context().baggage(), &expected.into());
    assert!(before.baggage().is_empty(), "a context never changes");
}

/// Has a context of a span go into a carrier and come out of it.
fn propagates(format: Format, carrier: &mut (impl InjectCarrier + ExtractCarrier)) {
    let span = tracer().start_span("Bender");
    let (tracer, context) = (span.tracer(), span.context());
    tracer.inject(&context, format, carrier).unwrap();
    let extracted = tracer.extract(format, carrier).unwrap().unwrap();
    assert!(extracted.baggage().is_empty());
    assert_eq!((extracted.trace_id(), extracted.span_id()), (context.trace_id(), context.span_id()));
}

#[test]
fn test_text_propagation() {
    propagates(Format::TextMap, &mut HashMap::<String, String>::new());
}

#[test]
fn test_binary_propagation() {
    propagates(Format::Binary, &mut Vec::<u8>::new());
}

#[test]
fn test_mandatory_formats() {
    propagates(Format::TextMap, &mut HashMap::<String, String>::new());
    propagates(Format::HttpHeaders, &mut HashMap::<String, String>::new());
    propagates(Format::Binary, &mut Vec::<u8>::new());
}

#[test]
fn test_unknown_format() {
    let custom = Format::Other("kiss my shiny metal ...");
    let span = tracer().start_span("Bender");
    let mut map = HashMap::<String, String>::new();
    let injected = span.tracer().inject(&span.context(), custom, &mut map);
    assert!(matches!(injected, Err(PropagationError::UnsupportedFormat(_))));
    let extracted = span.tracer().extract(custom, &map);
    assert!(matches!(extracted, Err(PropagationError::UnsupportedFormat(_))));
}

#[test]
fn test_tracer_start_active_span_scope() {
    let tracer = tracer();
    let scope = tracer.start_active_span("Fry");
    assert!(tracer.scope_manager().active().unwrap() == scope);
    scope.close();
}

#[test]
fn test_tracer_start_span_scope() {
    let tracer = tracer();
    let span = tracer.start_span("Fry");
    assert!(tracer.scope_manager().active().is_none());
    span.finish();
}

/// Runs a case of scopes with the manager of threads, and with that of tasks in a task.
fn run_test(test: impl Fn(&dyn ScopeManager)) {
    test(&ThreadScopeManager);
    let task = TaskScopeManager::task(async { test(&TaskScopeManager) });
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(task);
    // Outside of one, as the harness has it.
    test(&TaskScopeManager);
}

fn activates(manager: &dyn ScopeManager) {
    let span = tracer().start_span("mock");
    let scope = manager.activate(&span, false);
    assert!(manager.active().unwrap() == scope);
    scope.close();
    assert!(!span.is_finished() && manager.active().is_none());
}

#[test]
fn test_missing_active_external() {
    assert!(ThreadScopeManager.active().is_none() && TaskScopeManager.active().is_none());
}

#[test]
fn test_missing_active() {
    run_test(|manager| assert!(manager.active().is_none()));
}

#[test]
fn test_activate() {
    run_test(activates);
}

#[test]
fn test_activate_external() {
    activates(&ThreadScopeManager);
    activates(&TaskScopeManager);
}

#[test]
fn test_activate_finish_on_close() {
    run_test(|manager| {
        let span = tracer().start_span("mock");
        let scope = manager.activate(&span, true);
        assert!(manager.active().unwrap() == scope);
        scope.close();
        assert!(span.is_finished() && recorded(&span).is_some());
        assert!(manager.active().is_none());
    });
}

#[test]
fn test_activate_nested() {
    run_test(|manager| {
        let (parent_span, child_span) = (tracer().start_span("mock"), tracer().start_span("mock"));
        {
            let parent = manager.activate(&parent_span, true);
            assert!(manager.active().unwrap() == parent);
            {
                let child = manager.activate(&child_span, true);
                assert!(manager.active().unwrap() == child);
            }
            assert!(manager.active().unwrap() == parent);
        }
        assert!(parent_span.is_finished() && child_span.is_finished());
        assert!(manager.active().is_none());
    });
}

#[test]
fn test_activate_finish_on_close_nested() {
    run_test(|manager| {
        let (parent_span, child_span) = (tracer().start_span("mock"), tracer().start_span("mock"));
        let parent = manager.activate(&parent_span, false);
        drop(manager.activate(&child_span, true));
        parent.close();
        assert!(!parent_span.is_finished() && child_span.is_finished());
        assert!(manager.active().is_none());
    });
}

#[test]
fn test_close_wrong_order() {
    run_test(|manager| {
        let (parent_span, child_span) = (tracer().start_span("mock"), tracer().start_span("mock"));
        let parent = manager.activate(&parent_span, true);
        let child = manager.activate(&child_span, true);
        parent.close();
        assert!(!parent_span.is_finished());
        assert!(manager.active().unwrap() == child);
        // What was closed too early closes with what was in it.
        child.close();
        assert!(parent_span.is_finished() && manager.active().is_none());
    });
}
