//! A stand-in for the Datadog agent: it takes traces, looks at them closely, and shows them. It sends them nowhere.
//!
//! For trying things out without an account, and for tests. It speaks what [`agent`](crate::agent) speaks:
//!
//! | request | answer |
//! | --- | --- |
//! | `POST` or `PUT /v0.4/traces` | sampling rates; or 400 (415 for a wrong content type) and the reason |
//! | `GET /info` | what it can do |
//! | `GET /test/summary` | a [`Summary`] as JSON |
//!
//! It is stricter than the agent, which silently mends or drops much of what the stand-in [refuses](check).

pub mod check;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tokio::sync::Notify;

use crate::error::StandinError;
use crate::model::Span;
use crate::print::{self, Gathered, Style};

/// The agent's own bound for a request.
const LARGEST_BODY: usize = 25 << 20;

/// How long requests under way have at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often traces of which nothing came are looked for.
const GLANCE: Duration = Duration::from_millis(200);

const RATES: &str = r#"{"rate_by_service":{"service:,env:":1}}"#;
const INFO: &str = r#"{"version":"microspan stand-in","endpoints":["/v0.4/traces","/info"],"client_drop_p0s":false,"span_events":true,"feature_flags":[]}"#;

/// What came in so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Traces, or parts of them, in accepted payloads.
    pub traces: u64,
    /// Spans in accepted payloads.
    pub spans: u64,
    /// Spans among them that failed.
    pub errors: u64,
    /// Accepted payloads.
    pub payloads: u64,
    /// Refused payloads.
    pub rejected: u64,
    /// Why the last refused payload was refused.
    pub last_rejection: Option<String>,
}

/// Where the stand-in shows traces, and how.
pub struct Options {
    /// Where to: standard output, or [`io::sink`] for nowhere.
    pub output: Box<dyn Write + Send>,
    /// How.
    pub style: Style,
    /// What several programs have of a trace as one tree, when nothing more of it came for two seconds.
    pub whole: bool,
}

/// A stand-in that has its port and does not serve yet.
pub struct Standin {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// A running stand-in, from outside.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    summary: Mutex<Summary>,
    options: Mutex<Options>,
    gathered: Option<Mutex<Gathered>>,
    stop: Notify,
}

impl Standin {
    /// Takes the port: from here on connections wait instead of being refused.
    ///
    /// # Errors
    /// When another program has the port, or `address` (`host:port`) is none of this machine.
    pub fn bind(address: &str, options: Options) -> Result<Self, StandinError> {
        let listener = TcpListener::bind(address).map_err(|cause| match cause.kind() {
            io::ErrorKind::AddrInUse => StandinError::Taken { address: address.to_owned() },
            _ => StandinError::Listen { address: address.to_owned(), cause },
        })?;
        listener.set_nonblocking(true)?;
        let summary = Mutex::default();
        let gathered = options.whole.then(Mutex::default);
        let shared = Shared { summary, options: Mutex::new(options), gathered, stop: Notify::new() };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// The address it has.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// For looking at it, and stopping it, from another thread.
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone() }
    }

    /// Serves until [`Handle::stop`], on this thread.
    ///
    /// # Errors
    /// When the system refuses what serving needs.
    pub fn run(self) -> Result<(), StandinError> {
        let address = self.local_addr()?;
        self.shared.show(&format!(
            "This is microspan's stand-in for the Datadog agent, not the agent: it shows traces and sends them nowhere.\n\
             It listens on http://{address}; set DD_TRACE_AGENT_URL to that.\n"
        ));
        let app = Router::new()
            .route("/v0.4/traces", post(traces).put(traces))
            .route("/info", get(|| async { json(INFO.to_owned()) }))
            .route("/test/summary", get(summary))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(self.shared.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let shared = self.shared.clone();
            let (asked, was_asked) = tokio::sync::oneshot::channel();
            let serve = axum::serve(listener, app).with_graceful_shutdown(async move {
                shared.stop.notified().await;
                let _ = asked.send(());
            });
            // A request that is never finished does not hold up the end.
            let overdue = async {
                match was_asked.await {
                    Ok(()) => tokio::time::sleep(FAREWELL).await,
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                served = serve.into_future() => served,
                () = overdue => Ok(()),
                () = self.shared.show_quiet() => Ok(()),
            }
        })?;
        self.shared.show_gathered(Gathered::all);
        Ok(())
    }
}

impl Handle {
    /// Makes [`Standin::run`] return once the requests under way are answered.
    pub fn stop(&self) {
        self.shared.stop.notify_one();
    }

    /// What came in so far.
    pub fn summary(&self) -> Summary {
        self.shared.summary().clone()
    }
}

impl Shared {
    fn summary(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows text. An output that went away, such as a closed pipe, is no reason to stop taking traces.
    fn show(&self, text: &str) {
        let output = &mut self.options.lock().unwrap_or_else(PoisonError::into_inner).output;
        let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    }

    /// Shows parts of traces, or has them wait for more.
    fn show_traces(&self, traces: &[Vec<Span>]) {
        if self.gathered.is_none() {
            let style = self.style();
            return traces.iter().for_each(|spans| self.show(&print::tree(spans, style)));
        }
        for spans in traces {
            self.show_gathered(|gathered| gathered.push(spans, Instant::now()));
        }
    }

    /// Shows, for ever, the traces of which nothing came for a while.
    async fn show_quiet(&self) {
        loop {
            tokio::time::sleep(GLANCE).await;
            self.show_gathered(|gathered| gathered.quiet(Instant::now()));
        }
    }

    fn show_gathered(&self, take: impl FnOnce(&mut Gathered) -> Vec<Vec<Span>>) {
        let Some(gathered) = &self.gathered else { return };
        let over = take(&mut gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let style = self.style();
        over.iter().for_each(|spans| self.show(&print::whole_tree(spans, style)));
    }

    fn style(&self) -> Style {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).style
    }
}

async fn traces(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match check::payload(header, &body, SystemTime::now()) {
        Ok(traces) => {
            let spans = || traces.iter().flatten();
            {
                let mut summary = shared.summary();
                summary.payloads += 1;
                summary.traces += traces.len() as u64;
                summary.spans += spans().count() as u64;
                summary.errors += spans().filter(|span| span.error).count() as u64;
            }
            shared.show_traces(&traces);
            json(RATES.to_owned())
        }
        Err(rejection) => {
            let reason = rejection.to_string();
            shared.show(&format!("refused a payload: {reason}\n"));
            let mut summary = shared.summary();
            summary.rejected += 1;
            summary.last_rejection = Some(reason.clone());
            let status = match rejection {
                check::Rejection::ContentType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::BAD_REQUEST,
            };
            (status, reason).into_response()
        }
    }
}

async fn summary(State(shared): State<Arc<Shared>>) -> Response {
    match serde_json::to_string(&*shared.summary()) {
        Ok(text) => json(text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

#[cfg(test)]
mod tests;
