//! Header maps of HTTP.

use std::fmt::Display;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use microspan::propagation::{Baggage, Headers, SetHeader};

use super::{ListHeaders, set_ot_baggage};

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

impl ListHeaders for HttpHeaders<'_> {
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
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

impl SetHttpHeaders<'_> {
    /// Writes baggage as OpenTracing has it; see [`set_ot_baggage`].
    ///
    /// ```
    /// use microspan::propagation::Passing;
    /// use microspan_std::carrier::SetHttpHeaders;
    /// let mut headers = http::HeaderMap::new();
    /// SetHttpHeaders(&mut headers).set_baggage(Passing::default().baggage_items(&[("plan", "gold")]).baggage());
    /// assert_eq!(headers["ot-baggage-plan"], "gold");
    /// ```
    pub fn set_baggage(&mut self, baggage: Baggage<'_>) {
        let items: Vec<_> = baggage.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        set_ot_baggage(items.iter().map(|(key, value)| (key.as_str(), value.as_str())), |name, value| {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                self.0.insert(name, value);
            }
        });
    }
}
