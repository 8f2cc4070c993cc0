//! The cellar: the service that the shop asks what is left, and from which the kitchen's board gets its ingredients.
//!
//! ```text
//! DD_SERVICE=cellar cellar
//! ```
//!
//! It serves `GET /stock/{item}` and `POST /orders/{id}/ingredients`, each in the trace of whoever asks. It ends with Ctrl-C.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Path};
use axum::http::StatusCode;
use axum::routing::{get, post};
use microspan_std::tower::ServerLayer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long ingredients take to be picked.
const PICKING: Duration = Duration::from_millis(20);

/// How long spans may take to be sent at the end.
const FAREWELL: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tracing = microspan_std::init()?;
    let layer = ServerLayer::new()
        .route(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()));
    let router = Router::new()
        .route("/stock/{item}", get(count_stock))
        .route("/orders/{id}/ingredients", post(pick_ingredients))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http {}", listener.local_addr()?);
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served?,
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    tracing.shutdown(FAREWELL);
    Ok(())
}

#[microspan::wrap(name = "count_stock")]
async fn count_stock(Path(item): Path<String>) -> String {
    if let Some(span) = microspan::current_span() {
        span.set_tag("item", item.as_str());
    }
    "12".to_owned()
}

#[microspan::wrap(name = "pick_ingredients")]
async fn pick_ingredients() -> StatusCode {
    tokio::time::sleep(PICKING).await;
    StatusCode::CREATED
}
