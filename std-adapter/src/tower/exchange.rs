//! A request and its answer: one span.

use std::any::type_name;
use std::fmt::Display;

use ::http::{HeaderMap, Response};
use http_body::Body;
use microspan::{Detached, Span};

use super::grpc::Status;
use crate::carrier::held::Held;

/// Who is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

impl Side {
    /// Whether a status of HTTP is a failure of this side.
    fn fails(self, status: u16) -> bool {
        match self {
            Self::Server => status >= 500,
            Self::Client => (400..=499).contains(&status),
        }
    }
}

/// What is spoken, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Http,
    /// The status is still to come.
    Call,
    /// The status is known.
    Settled,
}

/// Has the span of a request open until it is dropped, and says there what comes of it.
pub(super) struct Exchange {
    side: Side,
    stage: Stage,
    // Before the span.
    _held: Option<Held>,
    span: Detached,
}

impl Exchange {
    pub(super) fn new(side: Side, is_call: bool, span: Detached, held: Option<Held>) -> Self {
        Self { side, stage: if is_call { Stage::Call } else { Stage::Http }, _held: held, span }
    }

    pub(super) fn span(&self) -> &Detached {
        &self.span
    }

    /// The head of the answer is there. `Some`: what follows belongs to the span.
    pub(super) fn head<B: Body>(mut self, answer: &Response<B>) -> Option<Self> {
        let status = answer.status();
        if self.stage == Stage::Http {
            // Datadog has it as text.
            self.span.set_tag("http.status_code", status.as_str());
            if self.side.fails(status.as_u16()) {
                self.span.error(true);
            }
            return None;
        }
        let told = Status::of(answer.headers());
        match told {
            Some(status) => self.settle(&status),
            None if status.as_u16() != 200 || answer.body().is_end_stream() => {
                self.settle(&Status::of_http(status));
            }
            None => return Some(self),
        }
        None
    }

    /// The trailers are there; `None`: the body ended without.
    pub(super) fn end(mut self, trailers: Option<&HeaderMap>) {
        let status = trailers.and_then(Status::of);
        self.settle(&status.unwrap_or_else(|| Status::of_http(::http::StatusCode::OK)));
    }

    /// There is no answer, or not all of it.
    pub(super) fn fail<E: Display>(mut self, error: &E) {
        self.stage = Stage::Settled;
        self.span.set_error_info(type_name::<E>(), &error.to_string());
    }

    fn settle(&mut self, status: &Status) {
        self.stage = Stage::Settled;
        status.set(&self.span);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // A panic speaks for itself.
        if self.stage != Stage::Call || std::thread::panicking() {
            return;
        }
        let status = Status::cancelled();
        let span: &Span = &self.span;
        match self.side {
            // Who asked went away, which is no failure of who served.
            Side::Server => status.note(span),
            Side::Client => status.set(span),
        }
    }
}
