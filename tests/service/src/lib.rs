//! What the services have in common: how they are reached, and how they end.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use microspan_std::local::Local;
use microspan_std::tower::ServerLayer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long spans may take to be sent at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A layer by which each request is a span, and its route a part of the resource.
pub fn layer() -> ServerLayer {
    ServerLayer::new()
        .route(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()))
}

/// Serves on a free port, which it prints, until the program is interrupted.
///
/// # Errors
/// When the system gives no port or no signals.
pub async fn serve(router: Router) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http {}", listener.local_addr()?);
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

/// Sends what is left, and prints how many spans the program made.
pub fn end(tracing: Local) {
    let stats = tracing.shutdown(FAREWELL);
    let dropped = u64::from(stats.recorder.spans_dropped()) + stats.agent.dropped().spans;
    println!("{{\"spans_made\":{},\"spans_dropped\":{dropped}}}", stats.agent.sent.spans + dropped);
}
