//! The pantry: a service of the host that takes part in a trace of two devices.
//!
//! ```text
//! pantry BRIDGE BROKER        two addresses, such as 127.0.0.1:18999 127.0.0.1:1883
//! ```
//!
//! It serves `POST /orders/{id}/ingredients` and tells the counter over MQTT 5, at `orders/{id}/ready`, that the order is
//! ready, with the context of the span that does so in the user properties. Its spans go to the bridge over UDP, like those of
//! any device. It ends with Ctrl-C, when it has sent them.

mod post;
mod publish;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post as posted;
use microspan::InSpan;
use microspan::propagation::Propagator;
use microspan_example_service::{layer, serve};
use microspan_std::carrier::HttpHeaders;

use publish::Publisher;

/// How long ingredients take to be picked.
const PICKING: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = std::env::args().skip(1).map(|address| address.parse::<SocketAddr>());
    let (Some(bridge), Some(broker)) = (addresses.next().transpose()?, addresses.next().transpose()?) else {
        return Err("say where the bridge and the broker are: pantry 127.0.0.1:18999 127.0.0.1:1883".into());
    };
    let mail = post::start(bridge)?;
    let publisher = Publisher::connect(broker).await?;
    let router = Router::new()
        .route("/orders/{id}/ingredients", posted(give_ingredients))
        .layer(layer())
        .with_state(publisher);
    serve(router).await?;
    mail.end();
    Ok(())
}

/// Gives out what a sandwich is made of, and has the counter told.
async fn give_ingredients(
    State(publisher): State<Publisher>,
    Path(order): Path<u32>,
    headers: HeaderMap,
) -> StatusCode {
    tokio::time::sleep(PICKING).in_span(microspan::trace("pick_ingredients")).await;
    // What came with the trace goes on with it.
    let headers = HttpHeaders::new(&headers);
    let caller = Propagator::new().extract(&headers);
    if publisher.ready(order, &caller.passing) {
        StatusCode::CREATED
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
