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
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use microspan_example_service::{end, layer, serve};

/// How long ingredients take to be picked.
const PICKING: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tracing = microspan_std::init()?;
    let router = Router::new()
        .route("/stock/{item}", get(count_stock))
        .route("/orders/{id}/ingredients", post(pick_ingredients))
        .layer(layer());
    serve(router).await?;
    end(tracing);
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
