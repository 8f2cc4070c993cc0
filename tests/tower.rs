//! Two services of axum, one of which calls the other: one trace, begun elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use microspan::InSpan;
use microspan_std::tower::{ClientLayer, ServerLayer};
use microspan_tests::recorded::{Recorded, tag};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, mpsc};
use tower_layer::Layer;
use tower_service::Service;

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn layer() -> ServerLayer {
    ServerLayer::new()
        .route(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()))
}

async fn ask(url: String, headers: &[(&'static str, &'static str)]) -> StatusCode {
    let mut client = ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build_http::<Body>());
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client
        .call(request.body(Body::empty()).expect("a request"))
        .await
        .map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_served_by_way_of_another_is_one_trace() {
    let mut recorded = Recorded::begin();

    let (heard, mut hears) = mpsc::unbounded_channel::<HeaderMap>();
    let oven = Router::new().route(
        "/ovens/{number}",
        get(move |headers: HeaderMap| {
            heard.send(headers).expect("the test listens");
            async { StatusCode::SERVICE_UNAVAILABLE }
        }),
    );
    let oven = serve(oven.layer(layer().service("oven"))).await;
    let oven = Arc::new(oven);
    let (at_both, both) = (oven.clone(), Arc::new(Barrier::new(2)));
    let shop = Router::new().route(
        "/orders/{id}",
        get(move || {
            let oven = oven.clone();
            async move {
                let work = async move { ask(format!("{oven}/ovens/3?secret=1"), &[]).await };
                assert_eq!(work.in_span(microspan::trace("bake")).await, StatusCode::SERVICE_UNAVAILABLE);
                StatusCode::CREATED
            }
        }),
    );
    let shop = shop.route(
        "/both",
        get(move || {
            let (oven, both) = (at_both.clone(), both.clone());
            async move {
                both.wait().await;
                let answer = ask(format!("{oven}/ovens/4"), &[]).await;
                both.wait().await;
                answer
            }
        }),
    );
    let shop = serve(shop.layer(layer())).await;
    let shop_url = shop.clone();

    // Whoever asks is not traced here: the trace begins in its headers.
    let mut client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let request = Request::get(format!("{shop}/orders/7?user=ada"))
        .header("x-datadog-trace-id", "7")
        .header("x-datadog-parent-id", "9")
        .header("x-datadog-sampling-priority", "2")
        .header("x-datadog-origin", "rum")
        .header("x-datadog-tags", "_dd.p.tid=0000000000000abc,_dd.p.dm=-4")
        .header("baggage", "user.id=ada")
        .header("user-agent", "a test")
        .body(Body::empty())
        .expect("a request");
    let answer = Service::call(&mut client, request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);

    let spans = recorded.take();
    let named = |name: &str, service: Option<&str>| {
        let is = |span: &&microspan_std::model::Span| span.name == name && span.service.as_deref() == service;
        spans.iter().find(is).unwrap_or_else(|| panic!("no {name} of {service:?} in {spans:?}"))
    };
    assert_eq!(spans.len(), 4, "{spans:?}");
    let shop = named("http.server.request", None);
    let (bake, call) = (named("bake", None), named("http.client.request", None));
    let oven = named("http.server.request", Some("oven"));

    let trace = 0xabc_0000_0000_0000_0007;
    assert_eq!(shop.extra.as_ref().and_then(|extra| extra.remote_trace), Some(trace));
    assert_eq!((shop.parent_id, bake.parent_id, call.parent_id), (9, shop.span_id, bake.span_id));
    assert_eq!(oven.extra.as_ref().and_then(|extra| extra.remote_trace), Some(trace));
    assert_eq!(oven.parent_id, call.span_id);
    assert_eq!(
        (shop.resource.as_deref(), oven.resource.as_deref()),
        (Some("GET /orders/{id}"), Some("GET /ovens/{number}"))
    );
    assert_eq!((shop.span_type.as_deref(), call.span_type.as_deref()), (Some("web"), Some("http")));
    for (span, key, value) in [
        (shop, "http.status_code", "201"),
        (shop, "http.url", "/orders/7"),
        (shop, "http.useragent", "a test"),
        (shop, "span.kind", "server"),
        (shop, "_dd.origin", "rum"),
        (call, "http.status_code", "503"),
        (call, "out.host", "127.0.0.1"),
        (oven, "http.route", "/ovens/{number}"),
        (oven, "_dd.origin", "rum"),
    ] {
        assert_eq!(tag(span, key).as_deref(), Some(value), "{key}: {span:?}");
    }
    assert!(tag(call, "http.url").is_some_and(|url| url.ends_with("/ovens/3")), "{call:?}");
    assert_eq!((shop.error, call.error, oven.error), (false, false, true), "a 503 is the server's failure");

    // What came goes on.
    let headers = hears.recv().await.expect("the second request");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-datadog-trace-id"), Some("7"));
    assert_eq!(header("x-datadog-parent-id"), Some(call.span_id.to_string().as_str()));
    assert_eq!((header("x-datadog-sampling-priority"), header("x-datadog-origin")), (Some("2"), Some("rum")));
    assert_eq!(header("baggage"), Some("user.id=ada"));
    let tags = header("x-datadog-tags").expect("the trace's tags");
    assert!(tags.contains("_dd.p.tid=0000000000000abc") && tags.contains("_dd.p.dm=-4"), "{tags}");

    // Two requests of one trace are served at once, and each hands on what came with it.
    let ask_both = |user: &'static str| {
        let url = format!("{shop_url}/both");
        async move {
            let mut client = Client::builder(TokioExecutor::new()).build_http::<Body>();
            let request = Request::get(url)
                .header("x-datadog-trace-id", "7")
                .header("x-datadog-parent-id", "9")
                .header("baggage", user);
            Service::call(&mut client, request.body(Body::empty()).expect("a request")).await
        }
    };
    let (ada, bob) = tokio::join!(ask_both("user.id=ada"), ask_both("user.id=bob"));
    assert!(ada.is_ok() && bob.is_ok());
    let mut users = Vec::new();
    for _ in 0..2 {
        let headers = hears.recv().await.expect("what each sends");
        users.push(headers["baggage"].to_str().expect("text").to_owned());
    }
    users.sort();
    assert_eq!(users, ["user.id=ada", "user.id=bob"]);
    recorded.take();

    // A request that nobody answers is a failure of who asks; a trace of its own has nothing to hand on.
    assert_eq!(ask("http://127.0.0.1:1/".into(), &[]).await, StatusCode::BAD_GATEWAY);
    let spans = recorded.take();
    let failed = spans.first().expect("a span");
    assert!(failed.error && tag(failed, "error.message").is_some(), "{failed:?}");
}
