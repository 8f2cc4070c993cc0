//! A program that is instrumented with OpenTracing, nested with spans made by hand, and what is recorded of it.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, SystemTime};

use microspan::MAX_STR;
use microspan_std::model::Span;
use microspan_std::opentracing::{
    Config, Format, PropagationError, Reference, TaskScopeManager, Tracer, global_tracer,
    is_global_tracer_registered, set_global_tracer,
};
use microspan_tests::recorded::{Recorded, named, tag};

/// A program that knows OpenTracing alone.
mod program {
    use std::collections::HashMap;

    use microspan_std::opentracing::{Format, SpanContext, global_tracer, tags};

    /// Serves a request that came with these headers; gives those of the request it sends.
    pub fn serve(headers: &HashMap<String, String>) -> HashMap<String, String> {
        let tracer = global_tracer();
        let caller: Option<SpanContext> =
            tracer.extract(Format::HttpHeaders, headers).expect("sound headers");
        let request = tracer
            .build_span("serve")
            .child_of(&caller)
            .tag(tags::SPAN_KIND, tags::SPAN_KIND_RPC_SERVER)
            .tag(tags::RESOURCE_NAME, "POST /orders")
            .start_active();
        request.span().log_kv([("event", "accepted")]);
        let out = call();
        request.span().set_tag(tags::HTTP_STATUS_CODE, 200);
        out
    }

    fn call() -> HashMap<String, String> {
        let tracer = global_tracer();
        let call = tracer.start_active_span("call");
        call.span().set_tag(tags::PEER_HOSTNAME, "oven").set_tag(tags::PEER_PORT, 80);
        let active = tracer.active_span().expect("the call");
        active.set_baggage_item("plan", "gold");
        let mut out = HashMap::new();
        tracer.inject(&active.context(), Format::HttpHeaders, &mut out).expect("room for headers");
        out
    }
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> HashMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn requests(recorded: &mut Recorded) {
    let came = map([
        ("X-Datadog-Trace-Id", "7"),
        ("X-Datadog-Parent-Id", "9"),
        ("X-Datadog-Sampling-Priority", "2"),
        ("X-Datadog-Origin", "rum"),
        ("X-Datadog-Tags", "_dd.p.tid=0000000000000abc,_dd.p.dm=-4"),
        ("tracestate", "other=x"),
        ("baggage", "user.id=ada"),
        ("Ot-Baggage-Plan", "silver"),
        ("ot-baggage-user.ID", "bob"),
    ]);
    let out = program::serve(&came);
    let spans = recorded.take();
    let (request, call) = (named(&spans, "serve"), named(&spans, "call"));
    assert_eq!((request.parent_id, call.parent_id), (9, request.span_id));
    assert_eq!(request.extra.as_ref().unwrap().remote_trace, Some(0xabc << 64 | 7));
    assert_eq!(
        (tag(request, "_dd.origin").as_deref(), tag(request, "span.kind").as_deref()),
        (Some("rum"), Some("server"))
    );
    assert_eq!(request.resource.as_deref(), Some("POST /orders"));
    assert_eq!(&*request.events[0].name, "accepted");
    assert_eq!(tag(call, "out.host").as_deref(), Some("oven"));
    assert_eq!(tag(call, "network.destination.port").as_deref(), Some("80"));

    assert_eq!(out["x-datadog-trace-id"], "7");
    assert_eq!(out["x-datadog-parent-id"], call.span_id.to_string());
    assert_eq!((&*out["x-datadog-sampling-priority"], &*out["x-datadog-origin"]), ("2", "rum"));
    assert!(out["x-datadog-tags"].contains("_dd.p.tid=0000000000000abc"), "{out:?}");
    assert!(out["x-datadog-tags"].contains("_dd.p.dm=-4"), "{out:?}");
    assert!(out["traceparent"].starts_with("00-0000000000000abc0000000000000007-"), "{out:?}");
    // W3C's baggage holds over OpenTracing's; what is set here over both.
    for item in ["user.id=ada", "Plan=silver", "plan=gold"] {
        assert!(out["baggage"].split(',').any(|known| known == item), "{item}: {out:?}");
    }
    assert_eq!((&*out["ot-baggage-user.id"], &*out["ot-baggage-plan"]), ("ada", "gold"));
    assert!(out.values().all(|value| !value.contains("bob")), "{out:?}");
}

fn ours_in_theirs_and_theirs_in_ours(recorded: &mut Recorded) {
    let tracer = global_tracer();
    {
        let outer = tracer.start_active_span("outer");
        outer.span().set_baggage_item("user.id", "ada");
        let _by_hand = microspan::trace("by hand");
        let inner = tracer.start_active_span("inner");
        assert_eq!(inner.span().get_baggage_item("user.id").as_deref(), Some("ada"));
        let leaf = microspan::trace("leaf");
        assert_eq!(leaf.get_baggage_item("user.id", &mut [0; MAX_STR]), Some("ada"));
    }
    {
        let first = microspan::trace("first");
        first.set_baggage_item("user.id", "bob");
        let active = tracer.active_span().expect("what is current");
        active.set_tag("seen", true).finish();
        assert_eq!(active.context().span_id(), first.context().map(|context| context.span_id));
        let explicit = tracer.build_span("explicit").child_of(&active).start();
        let second = tracer.start_active_span("second");
        assert_eq!(second.span().get_baggage_item("user.id").as_deref(), Some("bob"));
        microspan::trace("third").finish();
        drop((explicit, second));
        assert!(first.as_ref().is_some(), "it is not for others to finish");
    }
    let alone = microspan::trace("alone").detach();
    drop(microspan::trace("after"));
    drop(alone);
    let spans = recorded.take();
    let id = |name| named(&spans, name).span_id;
    let parents = [
        ("outer", 0),
        ("by hand", id("outer")),
        ("inner", id("by hand")),
        ("leaf", id("inner")),
        ("first", 0),
        ("explicit", id("first")),
        ("second", id("first")),
        ("third", id("second")),
        ("after", 0),
    ];
    for (name, parent) in parents {
        assert_eq!(named(&spans, name).parent_id, parent, "{name}");
    }
    assert_eq!(tag(named(&spans, "first"), "seen").as_deref(), Some("true"));
}

fn handles(recorded: &mut Recorded) {
    let span = global_tracer().start_span("shared");
    let threads = (0..4).map(|number| {
        let span = span.clone();
        thread::spawn(move || span.set_tag(format!("thread.{number}"), number).finish())
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    let stale = microspan::global().unwrap().stats().stale;
    span.set_tag("late", true)
        .log_kv([("late", true)])
        .set_baggage_item("late", "true")
        .set_operation_name("late");
    span.finish();
    span.finish_at(SystemTime::now());
    assert!(span.is_finished() && span.context().baggage().is_empty());
    assert_eq!(microspan::global().unwrap().stats().stale, stale, "what is late is not even tried");
    // One that nobody finishes ends with its last handle.
    let dropped = global_tracer().start_span("dropped");
    let handle = dropped.clone();
    drop(dropped);
    assert!(!handle.is_finished());
    drop(handle);
    let spans = recorded.take();
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["shared", "dropped"]);
    assert!(tag(&spans[0], "late").is_none() && spans[0].events.is_empty());
}

fn references(recorded: &mut Recorded) {
    let tracer = global_tracer();
    let (first, second) = (tracer.start_span("first"), tracer.start_span("second"));
    let active = tracer.start_active_span("active");
    let none = tracer.extract(Format::TextMap, &map([("host", "oven")])).unwrap();
    let by = |name: &'static str| tracer.build_span(name);
    by("child_of").reference(Reference::child_of(&second)).child_of(&first).start().finish();
    by("first counts")
        .reference(Reference::child_of(&none))
        .follows_from(&second)
        .follows_from(&first)
        .start();
    by("nothing counts").child_of(&none).reference(Reference::follows_from(&none)).start();
    active.close();
    let (context, later) = (first.context(), second.start_child_span("later"));
    first.finish();
    second.finish();
    by("of the finished").child_of(&context).start();
    // Its root is finished, and it is open.
    let child = later.start_child_span("child of later");
    let mut headers = HashMap::<String, String>::new();
    tracer.inject(&child.context(), Format::TextMap, &mut headers).unwrap();
    drop((child, later));
    let spans = recorded.take();
    let (first, second) = (named(&spans, "first"), named(&spans, "second"));
    let links = |name| -> Vec<(u64, String)> {
        let reason = |span: &microspan_std::model::Link| span.attributes[0].1.to_string();
        named(&spans, name).links.iter().map(|link| (link.span_id, reason(link))).collect()
    };
    let expected = [
        ("child_of", first.span_id, vec![(second.span_id, "child_of")]),
        (
            "first counts",
            second.span_id,
            vec![(second.span_id, "follows_from"), (first.span_id, "follows_from")],
        ),
        ("nothing counts", named(&spans, "active").span_id, vec![]),
        ("of the finished", first.span_id, vec![]),
        ("child of later", named(&spans, "later").span_id, vec![]),
    ];
    for (name, parent, linked) in expected {
        assert_eq!(named(&spans, name).parent_id, parent, "{name}");
        let goes_on = named(&spans, name).extra.is_some();
        assert_eq!(goes_on, name == "of the finished", "{name}: a parent that is open is no remote one");
        let linked: Vec<_> = linked.into_iter().map(|(id, reason)| (id, reason.to_owned())).collect();
        assert_eq!(links(name), linked, "{name}");
    }
    let trace =
        |span: &Span| span.extra.as_ref().and_then(|extra| extra.remote_trace).unwrap_or(span.trace_id);
    assert_eq!(trace(named(&spans, "of the finished")), first.trace_id);
    // Nobody can decide on it any more but by its id.
    assert_eq!(headers["x-datadog-sampling-priority"], "1");
    assert_eq!(headers["x-datadog-trace-id"], (second.trace_id as u64).to_string());
    assert_eq!(headers["x-datadog-parent-id"], named(&spans, "child of later").span_id.to_string());
}

fn tags_and_logs(recorded: &mut Recorded) {
    let tracer = global_tracer();
    let query = tracer.build_span(String::from("query")).tag("span.type", "sql").start();
    query.set_tag("service.name", "db").set_tag("db.statement", "SELECT 1").set_tag("sampling.priority", 1);
    query.log_kv([("event", "rows"), ("message", "of no error")]);
    query.finish();
    let failed = tracer.start_span("failed");
    failed.log_kv([
        ("event", "error"),
        ("error.kind", "Cold"),
        ("message", "no fire"),
        ("stack", "oven.rs:7"),
    ]);
    let object = tracer.start_span("object");
    object.log_kv([("error.object", "OutOfHam")]);
    tracer.start_span("not failed").set_tag("error", "true").set_tag("error", false);
    tracer.start_span("dropped").set_tag("sampling.priority", 0);
    drop((failed, object));
    let spans = recorded.take();
    let query = named(&spans, "query");
    let fields = [&query.service, &query.resource, &query.span_type].map(|field| field.as_deref());
    assert_eq!(fields, [Some("db"), Some("SELECT 1"), Some("sql")]);
    assert_eq!(tag(query, "db.statement").as_deref(), Some("SELECT 1"));
    assert!(query.tag("manual.keep").is_some() && named(&spans, "dropped").tag("manual.drop").is_some());
    assert!(!query.error && query.tag("error.message").is_none(), "{query:?}");
    assert_eq!((&*query.events[0].name, &*query.events[0].attributes[0].0), ("rows", "message"));
    for (name, is_error, key, value) in [
        ("failed", true, "error.type", Some("Cold")),
        ("failed", true, "error.message", Some("no fire")),
        ("failed", true, "error.stack", Some("oven.rs:7")),
        ("object", false, "error.type", Some("OutOfHam")),
        ("not failed", false, "error.type", None),
    ] {
        let span = named(&spans, name);
        assert_eq!((span.error, tag(span, key).as_deref()), (is_error, value), "{name}: {key}");
    }
    assert_eq!(named(&spans, "failed").events[0].attributes.len(), 3);
}

fn carriers(recorded: &mut Recorded) {
    let tracer = global_tracer();
    let span = tracer.start_span("carried");
    span.set_baggage_item("user.id", "Amélie").set_baggage_item("two words", "x");
    let mut bytes = b"before".to_vec();
    tracer.inject(&span.context(), Format::Binary, &mut bytes).unwrap();
    let bytes = bytes.split_off(6);
    let mut tree = BTreeMap::<String, String>::new();
    tracer.inject(&span.context(), Format::TextMap, &mut tree).unwrap();
    let mut pairs = vec![("x-datadog-parent-id".to_owned(), "stale".to_owned())];
    tracer.inject(&span.context(), Format::HttpHeaders, &mut pairs).unwrap();
    for found in [
        tracer.extract(Format::Binary, &bytes),
        tracer.extract(Format::Binary, &bytes[..]),
        tracer.extract(Format::TextMap, &tree),
        tracer.extract(Format::HttpHeaders, &pairs),
    ] {
        let found = found.unwrap().unwrap();
        let (context, expected) = (span.context(), span.context());
        assert_eq!((found.trace_id(), found.span_id()), (expected.trace_id(), expected.span_id()));
        assert_eq!(found.baggage(), context.baggage());
    }
    for length in 1..bytes.len() {
        let cut = tracer.extract(Format::Binary, &bytes[..length]);
        assert!(matches!(cut, Err(PropagationError::SpanContextCorrupted(_))), "{length}: {cut:?}");
    }
    assert!(tracer.extract(Format::Binary, &Vec::<u8>::new()).unwrap().is_none());
    let damaged = map([("x-datadog-trace-id", "seven"), ("x-datadog-parent-id", "9")]);
    let damaged = tracer.extract(Format::TextMap, &damaged);
    assert!(matches!(damaged, Err(PropagationError::SpanContextCorrupted(_))), "{damaged:?}");
    let swapped = [
        tracer.extract(Format::TextMap, &bytes).map(drop),
        tracer.extract(Format::Binary, &tree).map(drop),
        tracer.inject(&span.context(), Format::HttpHeaders, &mut Vec::<u8>::new()),
        tracer.inject(&span.context(), Format::Binary, &mut tree),
    ];
    for swapped in swapped {
        assert!(matches!(swapped, Err(PropagationError::InvalidCarrier { .. })), "{swapped:?}");
    }
    // Baggage comes without a trace, too.
    let alone = tracer.extract(Format::TextMap, &map([("ot-baggage-plan", "gold")])).unwrap().unwrap();
    let served = tracer.build_span("served").child_of(&alone).start();
    assert_eq!(served.get_baggage_item("plan").as_deref(), Some("gold"));
    drop((span, served));
    assert_eq!(named(&recorded.take(), "served").parent_id, 0);
}

fn times(recorded: &mut Recorded) {
    // The clock has no ticks before it was first read.
    thread::sleep(Duration::from_millis(1_000));
    let now = SystemTime::now();
    let ago = |milliseconds| now - Duration::from_millis(milliseconds);
    let span = global_tracer().build_span("timed").start_time(ago(900)).start();
    span.log_kv_at([("event", "half way")], ago(700)).finish_at(ago(500));
    let spans = recorded.take();
    let timed = named(&spans, "timed");
    let (length, event) = (timed.duration, timed.events[0].time - timed.start);
    // The clocks are read one after the other, and threads may be kept waiting between.
    for (found, expected) in [(length, 400_000_000_i64), (event, 200_000_000)] {
        assert!((found - expected).abs() < 150_000_000, "{found} ns for {expected} ns");
    }
}

fn tasks(recorded: &mut Recorded) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    /// Records that it goes.
    struct Goes;
    impl Drop for Goes {
        fn drop(&mut self) {
            microspan::trace("goes").finish();
        }
    }
    let work = |number: u32| async move {
        let tracer = global_tracer();
        assert!(tracer.scope_manager().active().is_some(), "it begins with what was active");
        let task = tracer.start_active_span("task");
        task.span().set_tag("number", number);
        for _ in 0..3 {
            tokio::task::yield_now().await;
            microspan::trace("step").finish();
        }
        let deep = tracer.start_active_span("deep");
        let _goes = Goes;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(tracer.active_span().as_ref(), Some(deep.span()));
        drop(microspan::trace("deeper"));
    };
    {
        let _all = global_tracer().start_active_span("all");
        let _by_hand = microspan::trace("around");
        let tasks: Vec<_> =
            (0..20).map(|number| runtime.spawn(TaskScopeManager::task(work(number)))).collect();
        // One that is dropped half way ends what is active in it.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut dropped = Box::pin(TaskScopeManager::task(work(99)));
        let _runtime = runtime.enter();
        for _ in 0..4 {
            assert!(dropped.as_mut().poll(&mut context).is_pending());
            microspan::trace("beside").finish();
        }
        assert_eq!(global_tracer().active_span().unwrap().context().span_id(), active_id());
        drop(dropped);
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(global_tracer().active_span().unwrap().context().span_id(), active_id());
        drop(microspan::trace("end"));
    }
    let spans = recorded.take();
    assert_eq!(spans.len(), 20 * 7 + 6 + 4 + 3);
    for span in &spans {
        let parent = spans.iter().find(|parent| parent.span_id == span.parent_id).map(|parent| &*parent.name);
        let expected = match &*span.name {
            "deeper" | "goes" => Some("deep"),
            "deep" | "step" => Some("task"),
            "task" | "end" | "beside" => Some("around"),
            "around" => Some("all"),
            _ => None,
        };
        assert_eq!(parent, expected, "{span:?}");
    }
}

/// The id of the innermost scope's span.
fn active_id() -> Option<u64> {
    global_tracer().scope_manager().active().and_then(|active| active.span().context().span_id())
}

fn scopes_elsewhere(recorded: &mut Recorded) {
    let tracer = global_tracer();
    let kept_open = tracer.start_span("kept open");
    tracer.scope_manager().activate(&kept_open, false).close();
    assert!(microspan::current_span().is_none() && !kept_open.is_finished());
    let scope = tracer.start_active_span("moved");
    let span = scope.span().clone();
    thread::spawn(move || scope.close()).join().unwrap();
    assert!(span.is_finished() && tracer.scope_manager().active().is_none());
    tracer.start_span("after").finish();
    let spans = recorded.take();
    assert_eq!(named(&spans, "after").parent_id, 0);
    drop(kept_open);
    assert_eq!(recorded.take().len(), 1);
}

/// The whole of the API, of a tracer that records nothing.
fn nothing(recorded: &mut Recorded) {
    let tracer = Tracer::noop();
    let scope = tracer.build_span("x").child_of(None::<microspan_std::opentracing::Span>).start_active();
    scope.span().set_tag("a", 1).log_kv([("a", 1)]).set_baggage_item("a", "b").set_operation_name("y");
    let child = scope.span().start_child_span("z");
    assert_eq!((tracer.active_span(), child.get_baggage_item("a")), (None, None));
    let mut headers = HashMap::<String, String>::new();
    tracer.inject(&child.context(), Format::TextMap, &mut headers).unwrap();
    assert!(headers.is_empty() && tracer.flush(Duration::ZERO));
    assert!(tracer.inject(&child.context(), Format::Other("x"), &mut headers).is_err());
    assert_eq!(child.run(|_| Err::<(), _>("x")), Err("x"));
    scope.close();
    let off = Tracer::new("off", Config::new().enabled(false)).unwrap();
    off.start_active_span("off").close();
    assert!(recorded.take().is_empty());
}

// One test: there is one tracer of a program.
#[test]
fn spans_of_opentracing_nest_with_those_made_by_hand_and_say_what_they_mean() {
    let mut recorded = Recorded::begin();
    assert!(!is_global_tracer_registered());
    global_tracer().start_active_span("before there is a tracer").close();
    assert!(recorded.take().is_empty());
    let config = Config::new().global_tag("team", "bread");
    set_global_tracer(Tracer::new("kitchen", config).unwrap());
    assert!(is_global_tracer_registered());
    drop(global_tracer().start_span("said of all"));
    let spans = recorded.take();
    assert_eq!(spans[0].service.as_deref(), Some("kitchen"));
    assert_eq!(spans[0].tag("team"), Some(&microspan_std::model::Value::from("bread")));

    requests(&mut recorded);
    ours_in_theirs_and_theirs_in_ours(&mut recorded);
    handles(&mut recorded);
    references(&mut recorded);
    tags_and_logs(&mut recorded);
    carriers(&mut recorded);
    times(&mut recorded);
    tasks(&mut recorded);
    scopes_elsewhere(&mut recorded);
    nothing(&mut recorded);
    assert!(microspan::current_span().is_none());
}
