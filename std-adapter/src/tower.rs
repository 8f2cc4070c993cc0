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
//! // tonic: Server::builder().layer(ServerLayer::new()).add_service(OrdersServer::new(orders))
//! let layer = ServerLayer::new().service("bakery").route(|extensions| {
//! #   struct MatchedPath; impl MatchedPath { fn as_str(&self) -> &str { "" } }
//!     extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
//! });
//! ```
//!
//! A client is a service that the layer wraps, `ClientLayer::new().layer(client)`: hyper's, or a channel of tonic,
//! `OrdersClient::with_origin(ClientLayer::new().layer(channel), uri)`, which without its origin does not know whom it calls.
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
//!
//! # gRPC
//!
//! A request whose content is of the type `application/grpc` is a call. Its tags and its errors are those of `ddtrace`:
//!
//! | | a call that is served | one that is made |
//! | --- | --- | --- |
//! | name | `grpc.server.request` | `grpc.client.request` |
//! | type, `span.kind` | `grpc`, `server` | `grpc`, `client` |
//! | resource | the path, `/package.Service/Method` | the same |
//! | tags of the method | `grpc.method.path`, `rpc.service`, `grpc.method.package`, `grpc.method.service`, `grpc.method.name` | the same |
//! | tags of the peer | | `grpc.host`, `peer.hostname` or `network.destination.ip`, `network.destination.port` |
//! | `grpc.status.code` | `StatusCode.NOT_FOUND` and the like | the same |
//! | an error | any status but OK | any status but OK, or no answer |
//!
//! Of an error `error.type` is the status and `error.message` what was said with it. The span ends with the status, which may be
//! at the head of the answer or in the trailers, after the last message of a stream; what a stream does before is done in the span. A call
//! that is dropped before has the status CANCELLED: that is an error where it was made, and none where it was served, whose
//! client went away. An answer without a status, such as a proxy's, stands for the one that gRPC gives to its HTTP status.
//! Calls of browsers (`application/grpc-web`) are requests of HTTP like any other.

mod body;
mod client;
mod exchange;
mod grpc;
mod respond;
mod server;
mod settings;

pub use body::ResponseBody;
pub use client::{ClientLayer, ClientService};
pub use respond::ResponseFuture;
pub use server::{ServerLayer, ServerService};
