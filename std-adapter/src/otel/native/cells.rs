//! What a span keeps in tag cells beside its attributes, and what becomes of that when it is drained.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use microspan::MAX_STR;
use opentelemetry::trace::{SpanKind, Status};

use super::{names, scopes};
use crate::model::normal::CUT;
use crate::model::{Event, Link, Span, Tag, Text, Value};
use crate::otel::facts::{Maker, Said};
use crate::otel::map;

// Known by their addresses: an attribute may have such a name.

/// The number of the scope and the kind, where the name does not tell them.
pub(super) static MARK: &str = "microspan.otel";
/// The name, where it is none that lives for ever, or was changed.
pub(super) static NAME: &str = "microspan.otel.name";
/// What the status is, and what it says.
pub(super) static STATUS: &str = "microspan.otel.status";
pub(super) static DESCRIPTION: &str = "microspan.otel.status_description";
/// Times that were told, in nanoseconds: of the start, of the end, of an event.
pub(super) static START: &str = "microspan.otel.start";
pub(super) static END: &str = "microspan.otel.end";
pub(super) static TIME: &str = "microspan.otel.time";
/// The header `tracestate`, of a span or a link.
pub(super) static STATE: &str = "microspan.otel.tracestate";

/// What statuses are called in a cell.
pub(super) const UNSET: u64 = 0;
pub(super) const ERROR: u64 = 1;
pub(super) const OK: u64 = 2;

/// Whether there may be such spans: otherwise none is looked for.
pub(super) static IN_USE: AtomicBool = AtomicBool::new(false);

/// What a name stands for, or the value of [`MARK`].
pub(super) fn mark(scope: usize, kind: Option<&SpanKind>) -> u64 {
    let kind = match kind {
        None | Some(SpanKind::Internal) => 0,
        Some(SpanKind::Server) => 1,
        Some(SpanKind::Client) => 2,
        Some(SpanKind::Producer) => 3,
        Some(SpanKind::Consumer) => 4,
    };
    (scope as u64) << 3 | kind
}

fn kind(mark: u64) -> SpanKind {
    match mark & 7 {
        1 => SpanKind::Server,
        2 => SpanKind::Client,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn is(key: &str, of: &'static str) -> bool {
    std::ptr::eq(key, of)
}

/// Turns spans of OpenTelemetry, as they come out of the arena, into what they are to be.
pub(crate) struct Finisher {
    /// The trace that was seen last, and its id in hex digits: spans come in runs.
    latest: (u128, Text),
    hex: String,
    nobody: Maker,
}

impl Finisher {
    pub(crate) fn new() -> Self {
        Self { latest: (0, Text::from("")), hex: String::new(), nobody: Maker::default() }
    }

    /// Names the span, and settles its attributes, if it is one of OpenTelemetry's.
    #[inline]
    pub(crate) fn finish(&mut self, span: &mut Span) {
        if IN_USE.load(Ordering::Relaxed) {
            let mark = names::mark(&span.name);
            if mark.is_some() || span.tags.iter().any(|(key, _)| is(key, MARK)) {
                self.settle(span, mark.unwrap_or(0));
            }
        }
    }

    fn settle(&mut self, span: &mut Span, mark: u64) {
        let mut kept = Kept { mark, ..Kept::default() };
        span.tags.retain_mut(|tag| kept.take(tag));
        set_times(span, kept.start, kept.end);
        span.events.iter_mut().for_each(set_time);
        span.links.iter_mut().for_each(set_state);
        let fields = [
            ("service.name", span.service.take()),
            ("resource.name", span.resource.take()),
            ("span.type", span.span_type.take()),
        ];
        for (key, text) in fields {
            if let Some(text) = text {
                span.tags.push((Text::from(key), Value::Str(text)));
            }
        }
        if self.latest.0 != span.trace_id {
            self.hex.clear();
            // A string takes all that is written to it.
            let _ = write!(self.hex, "{:032x}", span.trace_id);
            self.latest = (span.trace_id, Text::new(&self.hex));
        }
        let scope = scopes::get((kept.mark >> 3) as usize);
        if let Some(scope) = scope {
            scope.adopt(&mut span.source);
        }
        let status = match kept.status {
            OK => Status::Ok,
            ERROR => Status::error(kept.description.map_or_else(String::new, |text| text.to_string())),
            _ => Status::Unset,
        };
        let said = Said {
            name: kept.name.unwrap_or_else(|| span.name.clone()),
            kind: kind(kept.mark),
            status,
            scope: scope.map_or("", |scope| scope.name()),
            scope_version: scope.and_then(|scope| scope.version()),
            trace_id: self.latest.1.clone(),
            state: kept.state.unwrap_or_else(|| Text::from("")),
            maker: scope.map_or(&self.nobody, |scope| scope.maker()),
        };
        map::tell(span, &said);
    }
}

/// A start or an end that was told stands for the one that the arena has.
fn set_times(span: &mut Span, start: Option<i64>, end: Option<i64>) {
    let end = end.unwrap_or_else(|| span.start.saturating_add(span.duration));
    span.start = start.unwrap_or(span.start);
    span.duration = end.saturating_sub(span.start).max(0);
}

fn set_time(event: &mut Event) {
    let at = event.attributes.iter().position(|(key, _)| is(key, TIME));
    if let Some((_, Value::Int(time))) = at.map(|at| event.attributes.remove(at)) {
        event.time = time;
    }
}

fn set_state(link: &mut Link) {
    let at = link.attributes.iter().position(|(key, _)| is(key, STATE));
    if let Some((_, Value::Str(state))) = at.map(|at| link.attributes.remove(at)) {
        // One that found no room to be whole is none.
        let is_cut = state.len() == MAX_STR + CUT.len() && state.ends_with(CUT);
        link.tracestate = (!is_cut).then_some(state);
    }
}

#[derive(Default)]
struct Kept {
    mark: u64,
    status: u64,
    start: Option<i64>,
    end: Option<i64>,
    name: Option<Text>,
    description: Option<Text>,
    state: Option<Text>,
}

impl Kept {
    /// Whether this is an attribute; what is none is taken.
    fn take(&mut self, (key, value): &mut Tag) -> bool {
        match value {
            Value::Uint(number) if is(key, MARK) => self.mark = *number,
            Value::Uint(number) if is(key, STATUS) => self.status = *number,
            Value::Int(time) if is(key, START) => self.start = Some(*time),
            Value::Int(time) if is(key, END) => self.end = Some(*time),
            Value::Str(text) if is(key, NAME) => self.name = Some(text.clone()),
            Value::Str(text) if is(key, DESCRIPTION) => self.description = Some(text.clone()),
            Value::Str(text) if is(key, STATE) => self.state = Some(text.clone()),
            _ => return true,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_a_link_that_was_cut_is_none() {
        let state = |text: String| {
            let attributes = vec![(Text::from(STATE), Value::Str(Text::new(&text)))];
            let mut link = Link { attributes, ..Link::new(1, 2) };
            set_state(&mut link);
            assert!(link.attributes.is_empty());
            link.tracestate
        };
        let whole = format!("vendor={}", "1".repeat(400));
        assert_eq!(state(whole.clone()).as_deref(), Some(&*whole));
        assert_eq!(state(format!("{}...", &whole[..MAX_STR])), None);
    }
}
