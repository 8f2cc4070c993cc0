//! The program, as `beside_ddtrace.py` has it.

use std::thread;
use std::time::Duration;

use microspan::Span;
use microspan_std::carrier::{propagator, show_baggage};

const LONG: [&str; 9] =
    ["long.0", "long.1", "long.2", "long.3", "long.4", "long.5", "long.6", "long.7", "long.8"];

/// How long the drain sleeps at most.
const DRAIN: Duration = Duration::from_millis(250);

/// Everything, on one thread.
pub fn run() {
    // A request, a child of its own service, one of another, an error.
    let request = microspan::span("web.request").resource("GET /sandwich").span_type("web").start();
    request.set_tag("guest", "Ada").set_tag("empty", "").set_tag("umlaut", "Brötchen, süß");
    let render = microspan::trace("web.render");
    render.set_metric("bytes", 4096).set_metric("share", 0.25);
    render.finish();
    let query = microspan::span("db.query").service("store").resource("SELECT 1").span_type("sql").start();
    query.set_tag("rows", 7).set_error_info("Timeout", "the store is silent");
    microspan::trace("db.connect").finish();
    query.finish();
    request.finish();

    // Tags of each kind, changed and taken away.
    let tags = root("tags");
    tags.set_tag("negative", -3)
        .set_tag("large", (1_u64 << 53) - 1)
        .set_tag("float", 2.5)
        .set_tag("yes", true);
    tags.set_tag("kind", "text").set_tag("kind", 5).set_tag("gone", "here");
    tags.remove_tag("gone");
    tags.set_metric("nan", f64::NAN);
    tags.set_tag("http.status_code", 404).set_tag("long", "x".repeat(20_000).as_str());
    tags.set_resource("another");
    tags.finish();

    // The user decides.
    let kept = root("kept");
    microspan::trace("kept.child").keep();
    kept.finish();
    let dropped = root("dropped");
    microspan::trace("dropped.child").reject();
    dropped.finish();

    // A rule decides.
    root("ruled.in").finish();
    let out = root("ruled.out");
    microspan::trace("ruled.out.single").finish();
    out.finish();

    // Another service's version, and a root of another service.
    microspan::span("elsewhere").root().service("store").start().finish();

    // Links and events.
    let linked = root("linked");
    let child = microspan::trace("linked.child");
    if let Some(linked) = linked.as_ref() {
        child.add_link(&linked, &[("reason", "batched".into()), ("count", 2.into())]);
    }
    let attributes =
        [("knife", "bread".into()), ("slices", 3.into()), ("sharp", true.into()), ("angle", 0.5.into())];
    child.add_event("sliced", &attributes);
    child.finish();
    linked.finish();

    // More children than are kept back.
    let long = root("long");
    children(&LONG);
    long.finish();

    // Traces from elsewhere.
    serve(
        "served",
        "served.child",
        &[
            ("x-datadog-trace-id", "1234567890123456789"),
            ("x-datadog-parent-id", "987654321"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "synthetics"),
            ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr.id=ada"),
            ("baggage", "user.id=ada,plan=gold"),
        ],
    );
    serve(
        "served.w3c",
        "served.w3c.child",
        &[
            ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01"),
            ("tracestate", "dd=s:2;o:rum;p:00000000000000ab;t.dm:-4,foo=1"),
        ],
    );
    serve(
        "served.both",
        "served.both.child",
        &[
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "9"),
            ("x-datadog-tags", "_dd.p.tid=nonsense"),
            ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01"),
        ],
    );

    // One of which parts go out before its root is finished.
    let headers = [
        ("x-datadog-trace-id", "1234567890123456788"),
        ("x-datadog-parent-id", "987654320"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "synthetics"),
        ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4"),
    ];
    let long = root("served.long");
    propagator().extract(headers.as_slice()).continue_in(&long);
    children(&["served.long.0", "served.long.1", "served.long.2", "served.long.3", "served.long.4"]);
    long.finish();
}

/// More than are kept back.
fn children(names: &[&'static str]) {
    for (index, name) in names.iter().enumerate() {
        microspan::trace(name).finish();
        if index % 4 == 3 {
            // What is finished when the drain comes goes out together: it is to come now.
            thread::sleep(2 * DRAIN);
        }
    }
}

fn root(name: &'static str) -> Span {
    microspan::span(name).root().start()
}

fn serve(name: &'static str, child: &'static str, headers: &[(&str, &str)]) {
    let extracted = propagator().extract(headers);
    let span = root(name);
    extracted.continue_in(&span);
    let baggage = extracted.passing.baggage();
    show_baggage(&span, baggage.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    microspan::trace(child).finish();
    span.finish();
}
