//! Texts of more than 255 bytes by whatever a program is instrumented with, as its own filter of traces sees them.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Request, Response, header};
use microspan_std::config::Config;
use microspan_std::layer::MicrospanLayer;
use microspan_std::local::{Builder, Local};
use microspan_std::model::Span;
use microspan_std::opentracing::{self, Tracer};
use microspan_std::otel::MicrospanTracerProvider;
use microspan_std::tower::{ClientLayer, ServerLayer};
use microspan_tests::recorded::{named, tag};
use opentelemetry::KeyValue;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use tower_layer::Layer;
use tower_service::Service;
use tracing::{error_span, info};
use tracing_subscriber::layer::SubscriberExt;

/// Answers at once.
#[derive(Clone)]
struct Answers;

impl Service<Request<()>> for Answers {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(String::new())))
    }
}

/// The traces that went by since the last look.
fn seen(local: &Local, spans: &Mutex<Vec<Span>>) -> Vec<Span> {
    assert!(local.flush(Duration::from_secs(10)));
    std::mem::take(&mut *spans.lock().expect("no panic before"))
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let attributes = span.events.iter().flat_map(|event| &event.attributes);
    attributes.filter(|(known, _)| known == key).map(|(_, value)| value.to_string()).next()
}

// One test: there is one tracer of a program.
#[test]
fn a_long_text_is_whole_whoever_sets_it() {
    let spans = Arc::new(Mutex::new(Vec::new()));
    let config = Config::from_vars([("DD_TRACE_AGENT_URL", "http://127.0.0.1:1"), ("DD_SERVICE", "kitchen")]);
    let kept = spans.clone();
    let filter = move |trace: &mut [Span]| {
        kept.lock().expect("no panic before").extend_from_slice(trace);
        false
    };
    let local = Builder::new().config(config).trace_filter(filter).init().expect("the first tracer");
    let sql = "SELECT bread FROM shelf WHERE ".repeat(600);
    let (name, sentence) = (&sql[..4_000], &sql[..300]);

    let tracer = MicrospanTracerProvider::new().tracer("bakery");
    let mut query = tracer.start(name.to_owned());
    query.set_attribute(KeyValue::new("db.query.text", sql.clone()));
    query.add_event("exception", vec![KeyValue::new("exception.stacktrace", sql.clone())]);
    query.set_status(Status::error(sql.clone()));
    let state = TraceState::from_key_value([("bakery", "x".repeat(200)), ("shop", "y".repeat(200))])
        .expect("a sound state");
    let ids = (TraceId::from(7), SpanId::from(9));
    query.add_link(SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state), Vec::new());
    query.end();
    let mut renamed = tracer.start("renamed");
    renamed.update_name(name.to_owned());
    renamed.end();
    let found = seen(&local, &spans);
    let query = &found[0];
    assert_eq!(
        (query.resource.as_deref(), tag(query, "db.query.text").as_deref()),
        (Some(name), Some(&*sql))
    );
    assert_eq!(tag(query, "error.message").as_deref(), Some(&*sql));
    assert_eq!(tag(query, "error.stack").as_deref(), Some(&*sql));
    assert_eq!(
        query.links[0].tracestate.as_deref(),
        Some(&*format!("bakery={},shop={}", "x".repeat(200), "y".repeat(200)))
    );
    assert!(query.links[0].attributes.is_empty(), "{:?}", query.links);
    assert_eq!((found[1].resource.as_deref(), found.len()), (Some(name), 2));

    let tracer = Tracer::new(None, opentracing::Config::new()).expect("a program that is traced");
    let query = tracer.build_span("ot").tag(opentracing::tags::DATABASE_STATEMENT, &*sql).start();
    query.log_kv([("event", "error"), ("message", &*sql), ("stack", &*sql)]);
    query.finish();
    tracer.build_span(name.to_owned()).start().finish();
    let found = seen(&local, &spans);
    let query = named(&found, "ot");
    for key in ["db.statement", "error.message", "error.stack"] {
        assert_eq!(tag(query, key).as_deref(), Some(&*sql), "{key}");
    }
    assert_eq!(attribute(query, "stack").as_deref(), Some(&*sql));
    assert!(found.iter().any(|span| span.resource.as_deref() == Some(name)), "{found:?}");

    tracing::subscriber::with_default(tracing_subscriber::registry().with(MicrospanLayer::new()), || {
        let query = error_span!("traced", statement = %sql, shown = ?sql, otel.name = name);
        query.in_scope(|| info!(statement = sql, "{sentence}"));
        query.in_scope(|| tracing::error!("{sql}"));
    });
    let found = seen(&local, &spans);
    let query = named(&found, "traced");
    assert_eq!((query.resource.as_deref(), tag(query, "statement").as_deref()), (Some(name), Some(&*sql)));
    assert_eq!(tag(query, "shown"), Some(format!("{sql:?}")));
    assert_eq!(attribute(query, "statement").as_deref(), Some(&*sql));
    assert_eq!(attribute(query, "message").as_deref(), Some(sentence));
    assert_eq!(tag(query, "error.message").as_deref(), Some(&*sql));

    let path = format!("/shelves/{}", "rye/".repeat(2_000));
    let request = |at: &str| {
        let request = Request::get(format!("{at}{path}")).header(header::USER_AGENT, sentence);
        request.body(()).expect("a request")
    };
    drop(ClientLayer::new().layer(Answers).call(request("http://oven:8080")));
    drop(ServerLayer::new().route(|_| Some("/x".repeat(1_000))).layer(Answers).call(request("")));
    let found = seen(&local, &spans);
    let (client, server) = (named(&found, "http.client.request"), named(&found, "http.server.request"));
    assert_eq!(tag(client, "http.url"), Some(format!("http://oven:8080{path}")));
    assert_eq!(tag(server, "http.url").as_deref(), Some(&*path));
    assert_eq!(tag(server, "http.useragent").as_deref(), Some(sentence));
    assert_eq!(server.resource.as_deref(), Some(&*format!("GET {}", "/x".repeat(1_000))));
    assert_eq!(local.stats().texts_cut, 0);
}
