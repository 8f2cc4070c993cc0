//! The shop: a service whose parts are instrumented each in its own way, in one trace with another service and a board.
//!
//! ```text
//! DD_SERVICE=shop shop CELLAR KITCHEN      two addresses, such as 127.0.0.1:8080 127.0.0.1:7000
//! ```
//!
//! | part | instrumented with |
//! | --- | --- |
//! | its router | the layer of `microspan_std::tower` |
//! | `take_order`, in this file | `tracing` |
//! | `guests.rs` | the API of OpenTelemetry |
//! | `stock.rs`, which asks the service `cellar` | OpenTracing |
//! | `kitchen.rs`, which asks the board, and `records.rs` | microspan |
//!
//! It serves `POST /orders/{id}` and ends with Ctrl-C, when its spans are sent.

mod guests;
mod kitchen;
mod records;
mod stock;

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use microspan_example_service::{end, layer, serve};
use microspan_std::layer::MicrospanLayer;
use microspan_std::opentracing;
use microspan_std::otel::MicrospanTracerProvider;
use tracing::{info, instrument, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use kitchen::Kitchen;
use stock::Stock;

#[derive(Clone)]
struct Shop {
    stock: Stock,
    kitchen: Kitchen,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = std::env::args().skip(1).map(|address| address.parse::<SocketAddr>());
    let (Some(cellar), Some(kitchen)) = (addresses.next().transpose()?, addresses.next().transpose()?) else {
        return Err("say where the cellar and the kitchen are: shop 127.0.0.1:8080 127.0.0.1:7000".into());
    };
    // One tracer, and what the parts of the program know it by.
    let traced = microspan_std::init()?;
    tracing_subscriber::registry().with(MicrospanLayer::new().with_filter(LevelFilter::INFO)).init();
    opentelemetry::global::set_tracer_provider(MicrospanTracerProvider::new());
    opentracing::set_global_tracer(opentracing::Tracer::new(None, opentracing::Config::new())?);

    let router = Router::new()
        .route("/orders/{id}", post(take_order))
        .layer(layer())
        .with_state(Shop { stock: Stock::new(cellar), kitchen: Kitchen(kitchen) });
    serve(router).await?;
    end(traced);
    Ok(())
}

/// Has a sandwich made, if there is bread.
#[instrument(skip(shop), fields(otel.name = "sandwich of the day"))]
async fn take_order(State(shop): State<Shop>, Path(order): Path<u32>) -> StatusCode {
    let guest = guests::find(order);
    let made = async {
        shop.stock.reserve("rye").await?;
        shop.kitchen.make_sandwich(order).await
    };
    match made.await {
        Ok(()) => {
            info!(guest, "served");
            StatusCode::CREATED
        }
        Err(why) => {
            warn!(why, "not served");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
