//! How a call ended.

use ::http::{HeaderMap, StatusCode};
use microspan::{Span, Static};
use percent_encoding::percent_decode;

use crate::stats::GRPC_CODES;

/// The code of a call, and what was said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Status {
    code: usize,
    message: String,
}

const OK: usize = 0;
const CANCELLED: usize = 1;
const UNKNOWN: usize = 2;
const PERMISSION_DENIED: usize = 7;
const UNIMPLEMENTED: usize = 12;
const INTERNAL: usize = 13;
const UNAVAILABLE: usize = 14;
const UNAUTHENTICATED: usize = 16;

impl Status {
    /// What headers or trailers say. A code that gRPC does not have is UNKNOWN.
    pub(in super::super) fn of(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok().and_then(|code| code.parse().ok());
        let code = code.filter(|code| *code < GRPC_CODES.len()).unwrap_or(UNKNOWN);
        let message = headers.get("grpc-message").map(|message| percent_decode(message.as_bytes()));
        let message = message.map(|message| message.decode_utf8_lossy().into_owned());
        Some(Self { code, message: message.unwrap_or_default() })
    }

    /// What an answer without a status stands for, as gRPC has it.
    pub(in super::super) fn of_http(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            400 => INTERNAL,
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            404 => UNIMPLEMENTED,
            429 | 502..=504 => UNAVAILABLE,
            _ => UNKNOWN,
        };
        Self {
            code,
            message: format!("the answer has no grpc-status, its HTTP status is {}", status.as_u16()),
        }
    }

    /// That of a call whose end nobody waited for.
    pub(in super::super) fn cancelled() -> Self {
        Self { code: CANCELLED, message: "the call was dropped before its end".to_owned() }
    }

    /// Says it in the call's span.
    pub(in super::super) fn note(&self, span: &Span) {
        span.set_tag("grpc.status.code", Static(self.name()));
    }

    /// Says it in the call's span, and that it is an error unless it is OK.
    pub(in super::super) fn set(&self, span: &Span) {
        self.note(span);
        if self.code != OK {
            span.set_error_info(self.name(), &self.message);
        }
    }

    fn name(&self) -> &'static str {
        GRPC_CODES.get(self.code).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::{HeaderName, HeaderValue};

    fn of(headers: &[(&'static str, &'static [u8])]) -> Option<Status> {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
        });
        Status::of(&headers.collect())
    }

    #[test]
    fn a_status_is_read_with_its_message_whatever_stands_there() {
        let status = |code, message: &str| Some(Status { code, message: message.to_owned() });
        assert_eq!(of(&[("grpc-message", b"x")]), None);
        assert_eq!(of(&[("grpc-status", b"0")]), status(0, ""));
        assert_eq!(of(&[("grpc-status", b"5"), ("grpc-message", b"no r%C3%BCebli")]), status(5, "no rüebli"));
        assert_eq!(
            of(&[("grpc-status", b"5"), ("grpc-message", b"100% %zz\xff")]),
            status(5, "100% %zz\u{fffd}")
        );
        for code in [&b"17"[..], b"-1", b"", b"\xff", b"99999999999999999999"] {
            assert_eq!(of(&[("grpc-status", code)]), status(UNKNOWN, ""), "{code:?}");
        }
    }

    #[test]
    fn codes_have_the_names_of_their_numbers() {
        let named = |code: usize| Status { code, message: String::new() }.name();
        for (code, name) in [
            (OK, "OK"),
            (CANCELLED, "CANCELLED"),
            (UNKNOWN, "UNKNOWN"),
            (PERMISSION_DENIED, "PERMISSION_DENIED"),
            (UNIMPLEMENTED, "UNIMPLEMENTED"),
            (INTERNAL, "INTERNAL"),
            (UNAVAILABLE, "UNAVAILABLE"),
            (UNAUTHENTICATED, "UNAUTHENTICATED"),
        ] {
            assert_eq!(named(code), format!("StatusCode.{name}"));
        }
    }

    #[test]
    fn an_answer_of_http_alone_stands_for_a_code() {
        let code = |status: u16| Status::of_http(StatusCode::from_u16(status).expect("a status")).code;
        let found = [200, 400, 401, 403, 404, 429, 500, 503].map(code);
        let codes = [UNKNOWN, INTERNAL, UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED];
        assert_eq!(found[..5], codes);
        assert_eq!(found[5..], [UNAVAILABLE, UNKNOWN, UNAVAILABLE]);
    }
}
