//! A finished span as the host sees it, whoever made it.
//!
//! Decoding ends here, and from here on nobody asks on which device or link a span was made. A span says *what happened*;
//! its [`Source`] says *who says so*, once for all spans of one session.
//!
//! Errors are ordinary tags (`error.type`, `error.message`, `error.stack`) together with [`Span::error`].

mod decimal;
pub(crate) mod normal;
mod text;

use std::num::NonZeroU64;
use std::sync::Arc;

pub(crate) use decimal::widened;
pub(crate) use text::INLINE;
pub use text::Text;

/// A tag: a key, and a value.
pub type Tag = (Text, Value);

/// A finished span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to, all 128 bits. The low 64 must not be 0.
    pub trace_id: u128,
    /// Its own id; must not be 0.
    pub span_id: u64,
    /// The id of its parent; 0 when it has none.
    pub parent_id: u64,
    /// Whether the parent was made by another process or device, so that this span is the root of what we see.
    pub remote_parent: bool,
    /// What is done: Datadog's operation name.
    pub name: Text,
    /// The service; `None` inherits it from the parent, then from the source, then from the configuration.
    pub service: Option<Text>,
    /// On what it is done; `None` means the name.
    pub resource: Option<Text>,
    /// `web`, `db`, `worker`, ...; Datadog's span type.
    pub span_type: Option<Text>,
    /// Nanoseconds since the Unix epoch.
    pub start: i64,
    /// Nanoseconds; a negative one is taken for 0.
    pub duration: i64,
    /// Whether it failed.
    pub error: bool,
    /// The most by which its times may be wrong, in nanoseconds: of the root of a trace whose clock is not the host's.
    pub clock_error: Option<NonZeroU64>,
    /// Its own tags; of two with the same key the later one counts.
    pub tags: Vec<Tag>,
    /// Spans that it has to do with and that are not its parent.
    pub links: Vec<Link>,
    /// What happened at one time within it.
    pub events: Vec<Event>,
    /// What few spans have.
    pub extra: Option<Box<Extra>>,
    /// Who made it.
    pub source: Arc<Source>,
}

/// A link to a span, of this trace or another.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The trace of that span, all 128 bits.
    pub trace_id: u128,
    /// Its id.
    pub span_id: u64,
    /// Whether that trace is kept, if its sampling is decided.
    pub sampled: Option<bool>,
    /// What is said of the link.
    pub attributes: Vec<Tag>,
    /// The W3C trace state of that trace, if it is known.
    pub tracestate: Option<Text>,
}

impl Link {
    /// A link of which nothing is said.
    pub fn new(trace_id: u128, span_id: u64) -> Self {
        Self { trace_id, span_id, sampled: None, attributes: Vec::new(), tracestate: None }
    }

    fn heap(&self) -> usize {
        size_of_tags(&self.attributes) + self.tracestate.as_ref().map_or(0, Text::heap)
    }
}

/// Something that happened at one time within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called.
    pub name: Text,
    /// Nanoseconds since the Unix epoch.
    pub time: i64,
    /// What is said of it.
    pub attributes: Vec<Tag>,
}

/// What few spans have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra {
    /// The trace of another process or device that the trace of this root continues; its parent is there.
    pub remote_trace: Option<u128>,
    /// What it hands to its descendants; of two items with the same key the first counts.
    pub baggage: Vec<(Text, Text)>,
    /// Keys whose tags do not hold for it, whoever sets them for all spans.
    pub removed: Vec<Text>,
}

impl Span {
    /// A span with the given identity and name, made by `source`, and nothing else known of it yet.
    pub fn new(
        trace_id: u128,
        span_id: u64,
        parent_id: u64,
        name: impl Into<Text>,
        source: Arc<Source>,
    ) -> Self {
        Self {
            trace_id,
            span_id,
            parent_id,
            remote_parent: false,
            name: name.into(),
            service: None,
            resource: None,
            span_type: None,
            start: 0,
            duration: 0,
            error: false,
            clock_error: None,
            tags: Vec::new(),
            links: Vec::new(),
            events: Vec::new(),
            extra: None,
            source,
        }
    }

    /// Whether this is where the trace enters its source: it has no parent, or its parent lives elsewhere.
    pub fn is_local_root(&self) -> bool {
        self.parent_id == 0 || self.remote_parent
    }

    /// The bytes it takes in memory, as near as can be told; its source, which it may share, not included.
    pub fn size(&self) -> usize {
        if self.links.capacity() == 0 && self.events.capacity() == 0 && self.extra.is_none() {
            return size_of::<Self>() + self.heap_of_texts() + size_of_tags(&self.tags);
        }
        size_of::<Self>()
            + self.heap_of_texts()
            + size_of_tags(&self.tags)
            + self.links.capacity() * size_of::<Link>()
            + self.events.capacity() * size_of::<Event>()
            + self.links.iter().map(Link::heap).sum::<usize>()
            + self
                .events
                .iter()
                .map(|event| event.name.heap() + size_of_tags(&event.attributes))
                .sum::<usize>()
            + self.extra.as_deref().map_or(0, Extra::size)
    }

    fn heap_of_texts(&self) -> usize {
        let texts = [&self.service, &self.resource, &self.span_type];
        self.name.heap() + texts.into_iter().flatten().map(Text::heap).sum::<usize>()
    }

    /// What few spans have, for changing it.
    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Whether tags of this key that all spans have do not hold for it.
    #[inline]
    pub fn is_removed(&self, key: impl AsRef<[u8]>) -> bool {
        let is_among = |removed: &[Text]| removed.iter().any(|removed| removed.as_bytes() == key.as_ref());
        self.extra.as_ref().is_some_and(|extra| is_among(&extra.removed))
    }

    /// The value of its own tag `key`.
    pub fn tag(&self, key: &str) -> Option<&Value> {
        find(&self.tags, key)
    }
}

impl Extra {
    fn size(&self) -> usize {
        size_of::<Self>()
            + self.baggage.capacity() * size_of::<(Text, Text)>()
            + self.removed.capacity() * size_of::<Text>()
            + self.baggage.iter().map(|(key, value)| key.heap() + value.heap()).sum::<usize>()
            + self.removed.iter().map(Text::heap).sum::<usize>()
    }
}

fn size_of_tags(tags: &Vec<Tag>) -> usize {
    let text = |(key, value): &Tag| key.heap() + if let Value::Str(text) = value { text.heap() } else { 0 };
    tags.capacity() * size_of::<Tag>() + tags.iter().map(text).sum::<usize>()
}

/// The value of the tag `key` among `tags`; of several the last.
pub(crate) fn find<'a>(tags: &'a [Tag], key: &str) -> Option<&'a Value> {
    tags.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value)
}

/// What a tag can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Shown as `true` or `false`.
    Bool(bool),
    /// Sent as a 64-bit float: beyond 2^53 it is rounded.
    Int(i64),
    /// Sent as a 64-bit float: beyond 2^53 it is rounded.
    Uint(u64),
    /// Sent as it is; NaN and the infinities are not sent.
    Float(f64),
    /// Sent as it is, up to the agent's limit.
    Str(Text),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            // Not three hundred digits.
            Self::Float(value) if value.abs() >= 1e16 => write!(f, "{value:e}"),
            Self::Float(value) => value.fmt(f),
            Self::Str(value) => f.write_str(value),
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Str(Text::from(text))
    }
}

/// Who made a span: a session of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The session: random, drawn at the start of the device or process. Datadog's `runtime-id`, sent as 32 hex digits.
    pub runtime_id: u128,
    /// The language of the tracer: `rust`.
    pub language: &'static str,
    /// The process, when it is one.
    pub process_id: Option<u32>,
    /// Its main service.
    pub service: Option<Text>,
    /// The version of what runs there.
    pub version: Option<Text>,
    /// What the device is called: the tag `device.name` of local roots.
    pub device: Option<Text>,
    /// Which build of its program runs, in hex digits: the tag `build.id` of local roots.
    pub build_id: Option<Text>,
    /// Tags of every span it makes (`env` among them); a span's own tags win over them.
    pub tags: Vec<Tag>,
}

impl Source {
    /// The bytes it takes in memory, as near as can be told.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.service, &self.version, &self.device, &self.build_id];
        size_of::<Self>()
            + size_of_tags(&self.tags)
            + texts.into_iter().flatten().map(Text::heap).sum::<usize>()
    }

    /// A source that has told nothing but its session yet.
    pub fn new(runtime_id: u128) -> Self {
        Self {
            runtime_id,
            language: "rust",
            process_id: None,
            service: None,
            version: None,
            device: None,
            build_id: None,
            tags: Vec::new(),
        }
    }

    /// Takes a global tag of the source; `service` and `version` name what they say instead of becoming tags.
    pub fn set_tag(&mut self, key: impl Into<Text>, value: Value) {
        let key = key.into();
        match (key.as_str(), value) {
            ("service", Value::Str(text)) => self.service = Some(text),
            ("version", Value::Str(text)) => self.version = Some(text),
            (_, value) => {
                self.tags.retain(|(k, _)| *k != key);
                self.tags.push((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_float_is_shown_in_a_few_digits() {
        let shown = |value: f64| Value::Float(value).to_string();
        assert_eq!(
            [shown(1e300), shown(-2.5e16), shown(1.5e15), shown(0.1), shown(2.0)],
            ["1e300", "-2.5e16", "1500000000000000", "0.1", "2"]
        );
    }

    #[test]
    fn of_two_tags_with_one_key_the_later_counts() {
        let mut span = Span::new(1, 2, 0, "n", Arc::new(Source::new(1)));
        span.tags = vec![("a".into(), Value::Int(1)), ("a".into(), Value::Int(2))];
        assert_eq!(span.tag("a"), Some(&Value::Int(2)));
    }

    #[test]
    fn a_source_names_its_service_and_version_by_tags() {
        let mut source = Source::new(1);
        source.set_tag("service", "motor".into());
        source.set_tag("version", "1.2".into());
        source.set_tag("env", "lab".into());
        source.set_tag("env", "field".into());
        assert_eq!(source.service.as_deref(), Some("motor"));
        assert_eq!(source.version.as_deref(), Some("1.2"));
        assert_eq!(source.tags, [(Text::from("env"), Value::from("field"))]);
    }

    #[test]
    fn a_span_is_a_local_root_without_a_parent_or_with_a_remote_one() {
        let mut span = Span::new(1, 2, 0, "n", Arc::new(Source::new(1)));
        assert!(span.is_local_root());
        span.parent_id = 7;
        assert!(!span.is_local_root());
        span.remote_parent = true;
        assert!(span.is_local_root());
    }
}
