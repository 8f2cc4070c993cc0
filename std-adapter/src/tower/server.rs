//! Requests that are served.

use std::fmt::Display;
use std::task::{Context, Poll};

use ::http::{Extensions, Request, Response, header};
use http_body::Body;
use microspan::propagation::Propagator;
use microspan::{Span, Static};
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::exchange::{Exchange, Side};
use super::grpc;
use super::respond::ResponseFuture;
use super::settings::{Settings, settings};
use crate::carrier::held::Held;
use crate::carrier::{self, HttpHeaders, Incoming};

/// How the route of a request is found.
type Route = fn(&Extensions) -> Option<String>;

/// Traces the requests that a service serves: see the [module](super).
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerLayer {
    settings: Settings,
    route: Option<Route>,
}

impl ServerLayer {
    /// A layer that continues traces by the headers that the configuration asks for: unless it does, Datadog's and W3C's, and
    /// hands baggage on.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the route of a request is found (`/orders/{id}`), out of what the router noted in its extensions. A path itself is no
    /// resource: there are too many.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.route = Some(route);
        self
    }
}

settings!(ServerLayer);

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService { inner, layer: *self }
    }
}

/// A service whose requests are traced.
#[derive(Debug, Clone)]
pub struct ServerService<S> {
    inner: S,
    layer: ServerLayer,
}

impl<S, B, A> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Error: Display,
    A: Body,
{
    type Response = Response<ResponseBody<A>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let ServerLayer { settings, route } = self.layer;
        let headers = HttpHeaders::new(request.headers());
        let extracted = settings.propagator().extract(&headers);
        let is_call = grpc::is_call(request.headers());
        let (name, span_type) =
            if is_call { ("grpc.server.request", "grpc") } else { ("http.server.request", "web") };
        let builder = settings.span(name, span_type);
        let continues = extracted.context.is_some()
            || !extracted.links.is_empty()
            || extracted.sampling_priority.is_some();
        let span = if continues { builder.root().start() } else { builder.start() };
        let mut held = None;
        if span.is_recording() {
            extracted.continue_in(&span);
            let incoming = Incoming::of(&headers);
            let baggage = extracted.passing.baggage();
            carrier::show_baggage(&span, incoming.items());
            carrier::show_baggage(
                &span,
                baggage.iter().map(|(key, value)| (key.to_string(), value.to_string())),
            );
            // What was not to be continued, or is of another trace, does not go on.
            let goes_on = span.context().is_some_and(|context| match extracted.context {
                Some(caller) => caller.trace_id == context.trace_id,
                None => !baggage.is_empty() || !incoming.items().is_empty(),
            });
            held = if goes_on { Held::new(&span, incoming) } else { None };
            span.set_tag("span.kind", Static("server"));
            if is_call {
                grpc::set_method(&span, request.uri().path());
            } else {
                set_http(&span, &request, route);
            }
        }
        // What the service does before it returns its future is done in the span, too.
        let exchange = Exchange::new(Side::Server, is_call, span.detach(), held);
        ResponseFuture::new(exchange, || self.inner.call(request))
    }
}

/// Says what a request of HTTP is.
fn set_http<B>(span: &Span, request: &Request<B>, route: Option<Route>) {
    let (method, path) = (request.method().as_str(), request.uri().path());
    span.set_tag("http.method", method).set_tag("http.url", path);
    if let Some(agent) = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        span.set_tag("http.useragent", agent);
    }
    match route.and_then(|route| route(request.extensions())) {
        Some(route) => {
            span.set_tag("http.route", route.as_str());
            span.set_tag("resource.name", format!("{method} {route}").as_str());
        }
        None => _ = span.set_tag("resource.name", method),
    }
}
