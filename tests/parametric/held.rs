//! Spans and contexts by their ids, since the last flush.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use microspan::{Span, SpanContext};
use microspan_std::config::Config;
use microspan_std::error::InitError;
use microspan_std::local::Local;
use microspan_std::otel::{MicrospanTracer, MicrospanTracerProvider};
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider;

use crate::ask::{Ask, Refusal};
use crate::texts::Texts;

/// The most spans and contexts that are held.
const MOST: usize = 100_000;

/// How long a flush may take, and an agent to say what it is.
const FLUSH: Duration = Duration::from_secs(10);

/// Headers of a request that was served: name and value.
pub type Came = Arc<Vec<(String, String)>>;

/// A span that is open.
pub struct Open {
    pub span: Span,
    pub known: Known,
}

/// What is known of a span, also when it is finished or is another program's.
#[derive(Clone)]
pub struct Known {
    /// `None`: nothing but baggage came.
    pub context: Option<SpanContext>,
    /// What its trace came with.
    pub came: Came,
    /// Its items of baggage.
    pub baggage: Vec<(String, String)>,
}

/// What there is of OpenTelemetry's.
pub struct Otel {
    pub tracer: MicrospanTracer,
    /// The contexts of the spans that were started, by their ids.
    pub contexts: HashMap<u64, Context>,
}

/// Everything.
pub struct Held {
    local: Local,
    config: Config,
    pub texts: Texts,
    pub otel: Otel,
    open: HashMap<u64, Open>,
    known: HashMap<u64, Known>,
}

impl Held {
    pub fn new() -> Result<Self, InitError> {
        let config = Config::from_env();
        let local = microspan_std::init()?;
        let otel =
            Otel { tracer: MicrospanTracerProvider::new().tracer("parametric"), contexts: HashMap::new() };
        let (open, known) = (HashMap::new(), HashMap::new());
        Ok(Self { local, config, texts: Texts::default(), otel, open, known })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Waits until the agent has said what it can do; whether it has.
    pub fn knows_agent(&self) -> bool {
        let deadline = Instant::now() + FLUSH;
        while self.local.agent_info().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// The open span that a request is about; `None`: one that was not recorded, whose id is 0.
    pub fn asked(&mut self, ask: &Ask) -> Result<Option<(&mut Open, &mut Texts)>, Refusal> {
        let Some(id) = ask.id("span_id") else { return Ok(None) };
        match self.open.get_mut(&id) {
            Some(open) => Ok(Some((open, &mut self.texts))),
            None => Err(Refusal::because(StatusCode::NOT_FOUND, &format!("no span {id} is open"))),
        }
    }

    /// An open span.
    pub fn open(&self, id: u64) -> Option<&Open> {
        self.open.get(&id)
    }

    /// What is known of a span, open or not.
    pub fn known(&self, id: u64) -> Option<&Known> {
        self.known.get(&id).or_else(|| self.open.get(&id).map(|open| &open.known))
    }

    /// Keeps a span.
    pub fn hold(&mut self, id: u64, open: Open) -> Result<(), Refusal> {
        self.room()?;
        self.open.insert(id, open);
        Ok(())
    }

    /// Keeps a context.
    pub fn know(&mut self, id: u64, known: Known) -> Result<(), Refusal> {
        self.room()?;
        self.known.insert(id, known);
        Ok(())
    }

    /// Keeps the context of a span of OpenTelemetry's.
    pub fn hold_otel(&mut self, id: u64, context: Context) -> Result<(), Refusal> {
        self.room()?;
        self.otel.contexts.insert(id, context);
        Ok(())
    }

    fn room(&self) -> Result<(), Refusal> {
        if self.open.len() + self.known.len() + self.otel.contexts.len() < MOST {
            return Ok(());
        }
        Err(Refusal::because(StatusCode::INSUFFICIENT_STORAGE, "too many spans since the last flush"))
    }

    /// Ends a span, of which the context stays known.
    pub fn finish(&mut self, id: u64) {
        if let Some(Open { span, known }) = self.open.remove(&id) {
            span.finish();
            self.known.insert(id, known);
        }
    }

    /// Sends what is finished; `forget` also what is held.
    pub fn flush(&mut self, forget: bool) -> Result<(), Refusal> {
        let is_sent = self.local.flush(FLUSH);
        if forget {
            self.open.clear();
            self.known.clear();
            self.otel.contexts.clear();
        }
        if is_sent {
            return Ok(());
        }
        Err(Refusal::because(StatusCode::GATEWAY_TIMEOUT, "the agent has not taken everything in time"))
    }
}
