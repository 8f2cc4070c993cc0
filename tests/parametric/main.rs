//! The client that Datadog's own conformance suite (system-tests, `parametric`) drives a tracer by: JSON over HTTP on the port
//! that `APM_TEST_CLIENT_SERVER_PORT` names, everything else as `DD_*` variables say.
//!
//! It traces as any program would, by `microspan_std::init()` and the public API alone, but that it asks the tracer's clock at which
//! tick an event was. What it holds is bounded, and goes with each flush.
//!
//! | file | idea |
//! | --- | --- |
//! | `main.rs` | the server, and which path is what |
//! | `ask.rs` | what a request says, and what refuses it |
//! | `texts.rs` | strings that live for ever, a bounded number of them |
//! | `held.rs` | spans and contexts by their ids |
//! | `spans.rs` | starting, finishing, tags, errors |
//! | `beyond.rs` | links and events |
//! | `headers.rs`, `baggage.rs` | traces from elsewhere and to elsewhere |
//! | `otel.rs` | the same by OpenTelemetry's API |
//! | `settings.rs` | the configuration as the suite asks for it |

mod ask;
mod baggage;
mod beyond;
mod headers;
mod held;
mod otel;
mod settings;
mod spans;
mod texts;

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;

use ask::{Ask, Refusal};
use held::Held;

const PORT: &str = "APM_TEST_CLIENT_SERVER_PORT";

/// One thread serves: whose span is current is a matter of threads, and the suite asks one thing after another.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var(PORT).ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    let held = Arc::new(Mutex::new(Held::new()?));
    // All addresses: the suite reaches into a container from outside.
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(serve).with_state(held)).await?;
    Ok(())
}

async fn serve(State(held): State<Arc<Mutex<Held>>>, uri: Uri, body: Bytes) -> impl IntoResponse {
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = Ask::of(&body).and_then(|ask| answer(&mut held, uri.path(), &ask));
    let (status, json) = match answer {
        Ok(json) => (StatusCode::OK, json),
        Err(Refusal { status, json }) => (status, json),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], json)
}

fn answer(held: &mut Held, path: &str, ask: &Ask) -> Result<String, Refusal> {
    let done = |()| "{}".to_owned();
    match path {
        "/" => Ok(done(())),
        "/trace/span/start" => spans::start(held, ask),
        "/trace/span/current" => Ok(spans::current()),
        "/trace/span/finish" => spans::finish(held, ask).map(done),
        "/trace/span/set_resource" => spans::set_resource(held, ask).map(done),
        "/trace/span/set_meta" => spans::set_meta(held, ask).map(done),
        "/trace/span/set_metric" => spans::set_metric(held, ask).map(done),
        "/trace/span/remove_meta" | "/trace/span/remove_metric" => spans::remove(held, ask).map(done),
        "/trace/span/error" => spans::error(held, ask).map(done),
        "/trace/span/manual_keep" => spans::keep(held, ask).map(done),
        "/trace/span/manual_drop" => spans::reject(held, ask).map(done),
        "/trace/span/add_link" => beyond::link(held, ask).map(done),
        "/trace/span/add_event" => beyond::event(held, ask).map(done),
        "/trace/span/set_baggage" => baggage::set(held, ask).map(done),
        "/trace/span/get_baggage" => baggage::get(held, ask),
        "/trace/span/get_all_baggage" => baggage::get_all(held, ask),
        "/trace/span/remove_baggage" => baggage::remove(held, ask).map(done),
        "/trace/span/remove_all_baggage" => baggage::remove_all(held, ask).map(done),
        "/trace/span/inject_headers" => headers::inject(held, ask),
        "/trace/span/extract_headers" => headers::extract(held, ask),
        "/trace/span/flush" => held.flush(true).map(done),
        "/trace/stats/flush" => held.flush(false).map(done),
        "/trace/agent/ensure_agent_info" => Ok(format!(r#"{{"ready":{}}}"#, held.knows_agent())),
        "/trace/config" => Ok(settings::shown(held.config())),
        "/trace/crash" => std::process::abort(),
        "/trace/otel/start_span" => otel::start(held, ask),
        "/trace/otel/end_span" => otel::end(held, ask).map(done),
        "/trace/otel/set_attributes" => otel::set_attributes(held, ask).map(done),
        "/trace/otel/set_name" => otel::set_name(held, ask).map(done),
        "/trace/otel/set_status" => otel::set_status(held, ask).map(done),
        "/trace/otel/add_event" => otel::add_event(held, ask).map(done),
        "/trace/otel/record_exception" => otel::record_exception(held, ask).map(done),
        "/trace/otel/is_recording" => otel::is_recording(held, ask),
        "/trace/otel/span_context" => otel::span_context(held, ask),
        "/trace/otel/current_span" => Ok(otel::current()),
        "/trace/otel/otel_set_baggage" => otel::set_baggage(held, ask),
        "/trace/otel/flush" => otel::flush(held),
        _ => Err(Refusal::because(StatusCode::NOT_FOUND, &format!("nothing is at {path}"))),
    }
}
