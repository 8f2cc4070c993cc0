//! Where a trace's headers are read from and written to: maps of strings, and those of HTTP.
//!
//! They carry what [`microspan::propagation`] reads and writes. [`propagator`] is the one that the configuration asks for:
//!
//! ```
//! use std::collections::HashMap;
//! use microspan_std::carrier::{Map, propagator};
//!
//! let headers = HashMap::from([("X-Datadog-Trace-Id", "7"), ("X-Datadog-Parent-Id", "9")]);
//! let caller = propagator().extract(&Map(&headers)).context.unwrap();
//! assert_eq!((caller.trace_id, caller.span_id), (7, 9));
//! ```
//!
//! | file | idea |
//! | --- | --- |
//! | `carrier.rs`, `carrier/http.rs` | maps of strings, and those of HTTP |
//! | `carrier/settled.rs` | what the configuration asks for, for the whole process |
//! | `carrier/ot_baggage.rs` | baggage as OpenTracing has it |
//! | `carrier/outgoing.rs` | what a request carries that is sent, once its trace is decided on |
//! | `carrier/left_out.rs` | what of it is more than may travel, told once |
//! | `carrier/tags.rs` | which baggage becomes tags |
//! | `carrier/incoming.rs` | what came with a trace, kept for the requests sent on its behalf |
//! | `carrier/held.rs` | what came with the requests that are being served |

#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
#[cfg_attr(not(feature = "tower"), allow(dead_code, reason = "only the layers of tower hold requests"))]
pub(crate) mod held;
#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
mod incoming;
mod left_out;
mod ot_baggage;
mod outgoing;
mod settled;
mod tags;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use microspan::propagation::{Headers, SetHeader};

#[cfg(feature = "http")]
pub use self::http::{HttpHeaders, SetHttpHeaders};
#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
pub(crate) use incoming::Incoming;
#[cfg(any(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
pub(crate) use left_out::inject;
#[cfg(any(feature = "http", feature = "opentelemetry", feature = "opentracing"))]
pub(crate) use ot_baggage::set_baggage;
pub use ot_baggage::{ot_baggage, set_ot_baggage};
pub use outgoing::Outgoing;
pub(crate) use outgoing::{Decide, Decided, decide_by};
pub(crate) use settled::settle;
pub use settled::{propagator, uses_ot_baggage};
pub use tags::show_baggage;

/// Headers whose names can be listed, as those of [OpenTracing's baggage](ot_baggage) have to be.
pub trait ListHeaders: Headers {
    /// Each name and its value, if that is text, in any order.
    fn list(&self) -> impl Iterator<Item = (&str, &str)>;
}

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

impl<K: Borrow<str> + Hash + Eq, V: AsRef<str>, S: BuildHasher> ListHeaders for Map<'_, K, V, S> {
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.borrow(), value.as_ref()))
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
