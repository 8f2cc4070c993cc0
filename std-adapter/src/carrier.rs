//! Where a trace's headers are read from and written to: maps of strings, and those of HTTP.
//!
//! They carry what [`microspan::propagation`] reads and writes:
//!
//! ```
//! use std::collections::HashMap;
//! use microspan::propagation::Propagator;
//! use microspan_std::carrier::Map;
//!
//! let headers = HashMap::from([("X-Datadog-Trace-Id", "7"), ("X-Datadog-Parent-Id", "9")]);
//! let caller = Propagator::new().extract(&Map(&headers)).context.unwrap();
//! assert_eq!((caller.trace_id, caller.span_id), (7, 9));
//! ```

#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
mod incoming;
mod ot_baggage;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use microspan::propagation::{Headers, SetHeader};

#[cfg(feature = "http")]
pub use self::http::{HttpHeaders, SetHttpHeaders};
#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
pub(crate) use incoming::Incoming;
pub use ot_baggage::{ot_baggage, set_ot_baggage};

/// Reads a map of strings, whatever the case of its keys.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a, K, V, S>(pub &'a HashMap<K, V, S>);

impl<K: Borrow<str> + Hash + Eq, V: AsRef<str>, S: BuildHasher> Headers for Map<'_, K, V, S> {
    fn header(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).or_else(|| {
            self.0.iter().find(|(key, _)| (*key).borrow().eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        value.map(AsRef::as_ref)
    }
}

/// Writes into a map of strings.
///
/// ```
/// use std::collections::HashMap;
/// use microspan::SpanContext;
/// use microspan::propagation::{Passing, Propagator};
/// use microspan_std::carrier::SetMap;
///
/// let call = SpanContext { trace_id: 7, span_id: 9, sampling_priority: Some(1) };
/// let mut headers = HashMap::new();
/// Propagator::new().inject(&call, &Passing::default(), &mut SetMap(&mut headers)).unwrap();
/// assert_eq!(headers["x-datadog-parent-id"], "9");
/// ```
#[derive(Debug)]
pub struct SetMap<'a, S>(pub &'a mut HashMap<String, String, S>);

impl<S: BuildHasher> SetHeader for SetMap<'_, S> {
    fn set_header(&mut self, name: &'static str, value: &dyn Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }
}
