//! Calls of gRPC, served and made by tonic over a socket.

#[path = "grpc/answers.rs"]
mod answers;

use std::future::pending;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use microspan::{InSpan, Span};
use microspan_std::model::Span as Sent;
use microspan_std::tower::{ClientLayer, ClientService, ServerLayer};
use microspan_tests::recorded::{Recorded, named, tag};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tonic::codegen::http::Uri;
use tonic::codegen::tokio_stream::Stream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower_layer::Layer;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

type Message = Result<HealthCheckResponse, Status>;

/// What a stream is told to say.
type Teller = mpsc::Sender<Message>;

/// A service whose streams say what a test has them say.
struct Kitchen(mpsc::UnboundedSender<Teller>);

#[tonic::async_trait]
impl Health for Kitchen {
    type WatchStream = Told;

    async fn check(
        &self,
        asked: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let _look = microspan::trace("look");
        match asked.get_ref().service.as_str() {
            "bread" => Ok(Response::new(HealthCheckResponse::default())),
            "soup" => {
                self.0.send(mpsc::channel(1).0).expect("the test listens");
                pending().await
            }
            "dynamite" => panic!("the kitchen is gone"),
            other => Err(Status::not_found(format!("no {other}, only Rüebli"))),
        }
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Told>, Status> {
        let (teller, messages) = mpsc::channel(4);
        self.0.send(teller).expect("the test listens");
        Ok(Response::new(Told { messages, reading: None }))
    }
}

/// A stream that holds a span while it waits.
struct Told {
    messages: mpsc::Receiver<Message>,
    reading: Option<Span>,
}

impl Stream for Told {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.reading.get_or_insert_with(|| microspan::trace("reading"));
        let polled = self.messages.poll_recv(cx);
        if polled.is_ready() {
            microspan::trace("tell").finish();
        }
        polled
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        microspan::trace("closing").finish();
    }
}

/// The tests take turns at the tracer.
struct Turn {
    recorded: MutexGuard<'static, Recorded>,
    tellers: mpsc::UnboundedReceiver<Teller>,
    client: HealthClient<ClientService<Channel>>,
    port: u16,
}

impl Turn {
    async fn begin() -> Self {
        static RECORDED: LazyLock<Mutex<Recorded>> = LazyLock::new(|| Mutex::new(Recorded::begin()));
        let recorded = RECORDED.lock().await;
        let (kitchen, tellers) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let server = Server::builder()
            .layer(ServerLayer::new().service("kitchen"))
            .add_service(HealthServer::new(Kitchen(kitchen)));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { recorded, tellers, client: client(port), port }
    }

    /// As many spans as are finished soon.
    async fn spans(&mut self, count: usize) -> Vec<Sent> {
        let (begun, mut spans) = (Instant::now(), self.recorded.take());
        while spans.len() < count && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            spans.extend(self.recorded.take());
        }
        assert_eq!(spans.len(), count, "{spans:?}");
        spans
    }
}

fn client(port: u16) -> HealthClient<ClientService<Channel>> {
    let at: Uri = format!("http://127.0.0.1:{port}").parse().expect("an address");
    let channel = Endpoint::from(at.clone()).connect_lazy();
    HealthClient::with_origin(ClientLayer::new().layer(channel), at)
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

/// The spans of a call: who asked, and who served.
fn call(spans: &[Sent]) -> (&Sent, &Sent) {
    (named(spans, "grpc.client.request"), named(spans, "grpc.server.request"))
}

/// The status, the error's type and its message.
fn told(span: &Sent) -> [Option<String>; 3] {
    ["grpc.status.code", "error.type", "error.message"].map(|key| tag(span, key))
}

fn ended(status: &str, message: Option<&str>) -> [Option<String>; 3] {
    let status = format!("StatusCode.{status}");
    [Some(status.clone()), message.map(|_| status), message.map(str::to_owned)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_one_trace_in_which_both_sides_tell_of_it() {
    let mut turn = Turn::begin().await;
    let order = microspan::trace("order");
    let trace = order.context().expect("a session").trace_id;
    turn.client.check(of("bread")).in_span(order).await.expect("an answer");

    let spans = turn.spans(4).await;
    let ((asked, served), order, look) = (call(&spans), named(&spans, "order"), named(&spans, "look"));
    assert_eq!((asked.trace_id, asked.parent_id), (trace, order.span_id));
    assert_eq!(served.extra.as_ref().and_then(|extra| extra.remote_trace), Some(trace));
    assert_eq!((served.parent_id, look.parent_id), (asked.span_id, served.span_id));
    assert_eq!((asked.service.as_deref(), served.service.as_deref()), (None, Some("kitchen")));
    for span in [asked, served] {
        assert_eq!((span.resource.as_deref(), span.span_type.as_deref()), (Some(CHECK), Some("grpc")));
        assert_eq!((told(span), span.error), (ended("OK", None), false));
        for (key, value) in [
            ("grpc.method.path", CHECK),
            ("rpc.service", "grpc.health.v1.Health"),
            ("grpc.method.package", "grpc.health.v1"),
            ("grpc.method.service", "Health"),
            ("grpc.method.name", "Check"),
        ] {
            assert_eq!(tag(span, key).as_deref(), Some(value), "{key}: {span:?}");
        }
        for key in ["http.method", "http.url", "http.status_code"] {
            assert_eq!(tag(span, key), None, "{key}");
        }
    }
    assert_eq!([asked, served].map(|span| tag(span, "span.kind").unwrap_or_default()), ["client", "server"]);
    let port = turn.port.to_string();
    for (key, value) in [
        ("grpc.host", "127.0.0.1"),
        ("network.destination.ip", "127.0.0.1"),
        ("network.destination.port", port.as_str()),
    ] {
        assert_eq!(tag(asked, key).as_deref(), Some(value), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_refused_at_once_is_an_error_on_both_sides() {
    let mut turn = Turn::begin().await;
    let refused = turn.client.check(of("jam")).await.expect_err("there is none");
    assert_eq!(refused.code(), Code::NotFound);
    let spans = turn.spans(3).await;
    let (asked, served) = call(&spans);
    for span in [asked, served] {
        assert_eq!(told(span), ended("NOT_FOUND", Some("no jam, only Rüebli")));
        assert!(span.error);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_a_span_until_its_end_and_what_it_does_is_in_it() {
    let mut turn = Turn::begin().await;
    let mut stream = turn.client.watch(of("bread")).await.expect("an answer").into_inner();
    let teller = turn.tellers.recv().await.expect("the stream's");
    for _ in 0..2 {
        teller.send(Ok(HealthCheckResponse::default())).await.expect("it is read");
        assert!(stream.message().await.expect("no error").is_some());
        let tell = turn.spans(1).await;
        assert_eq!(tell[0].name, "tell", "both sides are open");
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    drop(teller);
    assert!(stream.message().await.expect("no error").is_none());

    let spans = turn.spans(5).await;
    let ((asked, served), reading) = (call(&spans), named(&spans, "reading"));
    for span in [asked, served] {
        assert_eq!((told(span), span.error), (ended("OK", None), false));
        assert_eq!(span.resource.as_deref(), Some(WATCH));
        assert!(span.duration >= 30_000_000, "{span:?}");
    }
    // Across polls, wherever they were.
    assert_eq!(reading.parent_id, served.span_id);
    assert_eq!(["tell", "closing"].map(|name| named(&spans, name).parent_id), [reading.span_id; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_fails_after_its_first_message_is_an_error_by_its_trailers() {
    let mut turn = Turn::begin().await;
    let mut stream = turn.client.watch(of("bread")).await.expect("an answer").into_inner();
    let teller = turn.tellers.recv().await.expect("the stream's");
    teller.send(Ok(HealthCheckResponse::default())).await.expect("it is read");
    assert!(stream.message().await.expect("no error").is_some());
    teller.send(Err(Status::unavailable("the oven is out"))).await.expect("it is read");
    assert_eq!(stream.message().await.expect_err("it is out").code(), Code::Unavailable);
    let spans = turn.spans(6).await;
    let (asked, served) = call(&spans);
    for span in [asked, served] {
        assert_eq!(told(span), ended("UNAVAILABLE", Some("the oven is out")));
        assert!(span.error);
    }
}

/// What is said of a call whose client went away.
fn assert_cancelled(spans: &[Sent]) {
    let (asked, served) = call(spans);
    assert_eq!(told(asked), ended("CANCELLED", Some("the call was dropped before its end")));
    assert_eq!(told(served), ended("CANCELLED", None));
    assert_eq!((asked.error, served.error), (true, false), "who serves has not failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_client_drops_is_cancelled_whether_it_was_answered_or_not() {
    let mut turn = Turn::begin().await;
    let mut stream = turn.client.watch(of("bread")).await.expect("an answer").into_inner();
    let teller = turn.tellers.recv().await.expect("the stream's");
    teller.send(Ok(HealthCheckResponse::default())).await.expect("it is read");
    assert!(stream.message().await.expect("no error").is_some());
    drop(stream);
    let spans = turn.spans(5).await;
    assert_cancelled(&spans);
    let reading = named(&spans, "reading");
    assert_eq!(reading.parent_id, call(&spans).1.span_id);
    assert_eq!(named(&spans, "closing").parent_id, reading.span_id);

    tokio::select! {
        answer = turn.client.check(of("soup")) => panic!("it is never done: {answer:?}"),
        asked = turn.tellers.recv() => assert!(asked.is_some()),
    }
    assert_cancelled(&turn.spans(3).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_panics_is_not_said_to_be_cancelled() {
    let mut turn = Turn::begin().await;
    turn.client.check(of("dynamite")).await.expect_err("it is gone");
    let spans = turn.spans(3).await;
    let (asked, served) = call(&spans);
    assert_eq!((told(served), asked.error), ([None, None, None], true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answers_is_an_error_without_a_status() {
    let mut turn = Turn::begin().await;
    assert_eq!(client(1).check(of("bread")).await.expect_err("nobody").code(), Code::Unavailable);
    let spans = turn.spans(1).await;
    let [status, kind, message] = told(&spans[0]);
    assert_eq!((status, kind.as_deref()), (None, Some("tonic::transport::error::Error")));
    assert!(message.is_some() && spans[0].error);
}
