//! Header maps of HTTP.

use std::fmt::Display;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use microspan::propagation::{Headers, SetHeader};

/// Reads the headers of a request. A header that is no text counts as absent.
///
/// ```
/// use microspan::propagation::Propagator;
/// use microspan_std::carrier::HttpHeaders;
///
/// let request = http::Request::get("/").header("b3", "000000000000000a-000000000000000b-1").body(()).unwrap();
/// let propagator = Propagator::new().styles(&[microspan::propagation::Style::B3]);
/// assert_eq!(propagator.extract(&HttpHeaders(request.headers())).context.unwrap().span_id, 0xb);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct HttpHeaders<'a>(pub &'a HeaderMap);

impl Headers for HttpHeaders<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }
}

/// Writes headers into a request. A value that HTTP forbids is left out.
///
/// ```
/// use microspan::SpanContext;
/// use microspan::propagation::{Passing, Propagator};
/// use microspan_std::carrier::SetHttpHeaders;
///
/// let call = SpanContext { trace_id: 7, span_id: 9, sampling_priority: Some(1) };
/// let mut headers = http::HeaderMap::new();
/// Propagator::new().inject(&call, &Passing::default(), &mut SetHttpHeaders(&mut headers)).unwrap();
/// assert_eq!(headers["x-datadog-trace-id"], "7");
/// ```
#[derive(Debug)]
pub struct SetHttpHeaders<'a>(pub &'a mut HeaderMap);

impl SetHeader for SetHttpHeaders<'_> {
    fn set_header(&mut self, name: &'static str, value: &dyn Display) {
        if let Ok(value) = HeaderValue::try_from(value.to_string()) {
            self.0.insert(HeaderName::from_static(name), value);
        }
    }
}
