//! What is left in the cellar: a part that is instrumented with OpenTracing, and hands the trace on itself.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use microspan_std::opentracing::{Format, Span, global_tracer, tags};
use tracing::info_span;

/// The service that keeps the stock.
#[derive(Clone)]
pub struct Stock {
    client: Client<HttpConnector, Body>,
    cellar: SocketAddr,
}

impl Stock {
    /// The one at this address.
    pub fn new(cellar: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), cellar }
    }

    /// Asks whether there is any of it, and puts one aside.
    pub async fn reserve(&self, item: &'static str) -> Result<(), &'static str> {
        let span = global_tracer().build_span("reserve").tag(tags::SPAN_KIND, "client").start();
        let reserved = self.ask(item, &span).await;
        if reserved.is_ok() {
            let _active = global_tracer().scope_manager().activate(&span, false);
            // What `tracing` begins here is a child of it.
            info_span!("write_down", item).in_scope(|| span.log_kv([("event", "reserved")]));
        }
        span.finish();
        reserved
    }

    async fn ask(&self, item: &str, span: &Span) -> Result<(), &'static str> {
        let mut headers = HashMap::<String, String>::new();
        let injected = global_tracer().inject(&span.context(), Format::HttpHeaders, &mut headers);
        injected.map_err(|_| "the trace cannot be handed on")?;
        let request = Request::get(format!("http://{}/stock/{item}", self.cellar));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Body::empty()).map_err(|_| "that is no request")?;
        let answer = self.client.request(request).await.map_err(|_| "the cellar does not answer")?;
        span.set_tag(tags::HTTP_STATUS_CODE, answer.status().as_u16());
        if answer.status().is_success() { Ok(()) } else { Err("the cellar has none") }
    }
}
