//! Header maps of HTTP.

use std::fmt::Display;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use microspan::propagation::{Baggage, Headers, SetHeader};

use super::{ListHeaders, set_baggage};

/// Reads the headers of a request. A header that is no text counts as absent. Where there are several `tracestate` or `baggage` they
/// are one list; of several others of one name the first holds.
///
/// ```
/// use microspan::propagation::Propagator;
/// use microspan_std::carrier::HttpHeaders;
///
/// let request = http::Request::get("/").header("b3", "000000000000000a-000000000000000b-1").body(()).unwrap();
/// let propagator = Propagator::new().styles(&[microspan::propagation::Style::B3]);
/// assert_eq!(propagator.extract(&HttpHeaders::new(request.headers())).context.unwrap().span_id, 0xb);
/// ```
#[derive(Debug, Clone)]
pub struct HttpHeaders<'a> {
    map: &'a HeaderMap,
    /// What stands in several headers of one name, joined.
    joined: [Option<String>; LISTS.len()],
}

/// The headers that hold lists, which may be split.
const LISTS: [&str; 2] = ["tracestate", "baggage"];

impl<'a> HttpHeaders<'a> {
    /// Those of this map.
    pub fn new(map: &'a HeaderMap) -> Self {
        Self { map, joined: LISTS.map(|name| joined(map, name)) }
    }
}

/// The values of several headers of one name, with commas between them; `None`: there is one, or none.
fn joined(map: &HeaderMap, name: &str) -> Option<String> {
    let values = || map.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values().nth(1)?;
    Some(values().collect::<Vec<_>>().join(","))
}

impl Headers for HttpHeaders<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let lists = LISTS.iter().zip(&self.joined);
        let joined = lists.filter(|(list, _)| **list == name).find_map(|(_, joined)| joined.as_deref());
        joined.or_else(|| self.map.get_all(name).iter().find_map(|value| value.to_str().ok()))
    }
}

impl ListHeaders for HttpHeaders<'_> {
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
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
    /// Writes baggage as OpenTracing has it; see [`set_ot_baggage`](super::set_ot_baggage).
    ///
    /// ```
    /// use microspan::propagation::Passing;
    /// use microspan_std::carrier::SetHttpHeaders;
    /// let mut headers = http::HeaderMap::new();
    /// SetHttpHeaders(&mut headers).set_baggage(Passing::default().baggage_items(&[("plan", "gold")]).baggage());
    /// assert_eq!(headers["ot-baggage-plan"], "gold");
    /// ```
    pub fn set_baggage(&mut self, baggage: Baggage<'_>) {
        set_baggage(baggage, |name, value| {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                self.0.insert(name, value);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
        });
        pairs.collect()
    }

    #[test]
    fn lists_that_are_split_are_read_as_one_and_of_other_headers_the_first_holds() {
        let mut split = HeaderMap::new();
        for (name, value) in [
            ("tracestate", &b"dd=s:2"[..]),
            ("baggage", b"plan=gold"),
            ("tracestate", b"\xff"),
            ("tracestate", b"vendor=1"),
            ("x-datadog-origin", b"rum"),
            ("x-datadog-origin", b"other"),
        ] {
            split.append(name, HeaderValue::from_bytes(value).expect("a value"));
        }
        let headers = HttpHeaders::new(&split);
        let [state, baggage, origin] =
            ["tracestate", "baggage", "x-datadog-origin"].map(|name| headers.header(name));
        assert_eq!((state, baggage, origin), (Some("dd=s:2,vendor=1"), Some("plan=gold"), Some("rum")));
        assert!(headers.joined[1].is_none(), "one is read where it stands");
        assert_eq!(headers.header("traceparent"), None);
    }

    #[test]
    fn a_header_that_is_no_text_counts_as_absent() {
        let map = map(&[("tracestate", b"\xff"), ("b3", b"0")]);
        let headers = HttpHeaders::new(&map);
        assert_eq!((headers.header("tracestate"), headers.header("b3")), (None, Some("0")));
    }
}
