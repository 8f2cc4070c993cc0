//! Layers that trace the requests of services, and those of clients: axum, hyper, tonic, and whatever else speaks
//! [`tower`](https://docs.rs/tower).
//!
//! A [`ServerLayer`] gives each request that is served a span, which continues the trace its headers name and is the current span
//! of whatever serves it. A [`ClientLayer`] gives each request that is sent one, and hands the trace on in its headers, with
//! what came with it: origin, tags, `tracestate`, baggage. Both trace in the tracer of the program
//! ([`microspan::set_global`]).
//!
//! ```
//! use microspan_std::tower::ServerLayer;
//!
//! // axum: Router::new().route("/orders/{id}", get(order)).layer(layer)
//! let layer = ServerLayer::new().service("bakery").route(|extensions| {
//! #   struct MatchedPath; impl MatchedPath { fn as_str(&self) -> &str { "" } }
//!     extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
//! });
//! ```
//!
//! | | a request that is served | one that is sent |
//! | --- | --- | --- |
//! | name | `http.server.request` | `http.client.request` |
//! | type, `span.kind` | `web`, `server` | `http`, `client` |
//! | resource | the method, and the route if it is told | the method |
//! | tags | `http.method`, `http.url`, `http.useragent`, `http.route`, `http.status_code` | `http.method`, `http.url`, `out.host`, `http.status_code` |
//! | an error | status 500 and above | status 400 to 499, or no answer |
//!
//! Queries of URLs are left out. The span ends with the head of the answer: a body that streams on is not part of it.

mod client;
mod respond;
mod server;
mod settings;

pub use client::{ClientLayer, ClientService};
pub use respond::ResponseFuture;
pub use server::{ServerLayer, ServerService};
