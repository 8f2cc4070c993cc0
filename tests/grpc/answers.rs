//! Answers that are not as they should be, or not as tonic gives them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame};
use microspan_std::tower::{ClientLayer, ServerLayer};
use microspan_tests::recorded::tag;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, HeaderName, Request as HttpRequest, Response as HttpResponse, Uri};
use tonic_health::pb::health_client::HealthClient;
use tower_layer::Layer;
use tower_service::Service;

use super::{CHECK, Turn, ended, of, told};

/// What answers each call in the same way.
struct Answers(u16, Body);

impl Service<HttpRequest<Body>> for Answers {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: HttpRequest<Body>) -> Self::Future {
        let answer = HttpResponse::builder().status(self.0).header("content-type", "text/plain");
        ready(Ok(answer.body(std::mem::take(&mut self.1)).expect("an answer")))
    }
}

#[tokio::test]
async fn an_answer_without_a_status_is_an_error_by_what_http_says_of_it() {
    let mut turn = Turn::begin().await;
    let message = || Body::new(Frames([message()].into(), 0));
    for (status, body, code) in [
        (503, message(), "UNAVAILABLE"),
        (404, Body::empty(), "UNIMPLEMENTED"),
        (200, message(), "UNKNOWN"),
        (200, Body::empty(), "UNKNOWN"),
    ] {
        let mut client = HealthClient::with_interceptor(ClientLayer::new().layer(Answers(status, body)), Ok);
        client.check(of("bread")).await.expect_err("no status is an error");
        let spans = turn.spans(1).await;
        let message = format!("the answer has no grpc-status, its HTTP status is {status}");
        assert_eq!(told(&spans[0]), ended(code, Some(&message)));
        assert_eq!((spans[0].resource.as_deref(), tag(&spans[0], "grpc.host")), (Some(CHECK), None));
        assert!(spans[0].error);
    }
}

#[tokio::test]
async fn a_peer_is_known_by_its_name_where_it_has_one() {
    let mut turn = Turn::begin().await;
    let oven = Uri::from_static("http://oven.local:7");
    let channel = ClientLayer::new().name("ask").layer(Answers(503, Body::empty()));
    HealthClient::with_origin(channel, oven).check(of("bread")).await.expect_err("503");
    let span = &turn.spans(1).await[0];
    let keys = ["grpc.host", "peer.hostname", "network.destination.ip", "network.destination.port"];
    let [host, name, address, port] = keys.map(|key| tag(span, key));
    assert_eq!((host.as_deref(), name.as_deref()), (Some("oven.local"), Some("oven.local")));
    assert_eq!((address, port.as_deref(), &*span.name), (None, Some("7"), "ask"));
}

/// What is said of an answer that ended without a status.
const UNTOLD: [Option<&str>; 3] = [
    Some("StatusCode.UNKNOWN"),
    Some("StatusCode.UNKNOWN"),
    Some("the answer has no grpc-status, its HTTP status is 200"),
];

/// A body of these frames, which says that it is at its end if it has this many more.
struct Frames(VecDeque<Result<Frame<Bytes>, Status>>, usize);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == self.1
    }
}

/// A message without content.
fn message() -> Result<Frame<Bytes>, Status> {
    Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\0")))
}

#[tokio::test]
async fn an_answer_is_over_with_its_trailers_or_an_error_and_when_it_says_so() {
    let mut turn = Turn::begin().await;
    let broken = "code: 'Internal error', message: \"the line is dead\"";
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), 0.into())]);
    for (last, at_end, expected) in [
        (Ok(Frame::trailers(trailers)), usize::MAX, [Some("StatusCode.OK"), None, None]),
        (
            Err(Status::internal("the line is dead")),
            usize::MAX,
            [None, Some("tonic::status::Status"), Some(broken)],
        ),
        (message(), 1, UNTOLD),
    ] {
        let body = Body::new(Frames([message(), last, message()].into(), at_end));
        let call = HttpRequest::post(CHECK).header("content-type", "application/grpc+proto");
        let mut server = ServerLayer::new().layer(Answers(200, body));
        let answer = server.call(call.body(Body::empty()).expect("a call")).await.expect("an answer");
        let mut body = pin!(answer.into_body());
        assert!(poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some_and(|frame| frame.is_ok()));
        assert!(turn.recorded.take().is_empty(), "it is not over");
        let _ = poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
        let spans = turn.spans(1).await;
        let [status, kind, message] = told(&spans[0]);
        assert_eq!([status.as_deref(), kind.as_deref(), message.as_deref()], expected);
        assert_eq!(spans[0].error, expected[1].is_some());
        assert!(body.is_end_stream() && body.size_hint().exact() == Some(0));
    }
}
