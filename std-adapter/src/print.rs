//! A trace as a tree in the terminal.
//!
//! ```text
//! trace 0000000000000000000000000000002a  3 spans
//! motor  control.loop  axis 1  12.340 ms  speed=3
//! ├─ motor  sensor.read  120.000 µs
//! └─ motor  pwm.write  34.000 µs  error  error.message="no such channel"
//! ```
//!
//! Children stand in the order of their start. A span whose parent is not there stands under the root, and says so. A
//! link is shown as trace and span: `link=0000000000000000000000000000002a:0000000000000007`; an event as its time after the
//! span's start: `event=sliced@1.200 ms`. What is said of them stands behind, in brackets.
//! The stack of an error stands in lines of its own below its span.
//! Whatever a span says is shown as text: control characters, which could steer the terminal, are escaped.

#[cfg(feature = "cli")]
mod gather;

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::io::IsTerminal;

use crate::model::{Span, Tag, Value};
#[cfg(feature = "cli")]
pub(crate) use gather::Gathered;

const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// Longer values are cut: this many characters fill a terminal's line.
const SHOWN: usize = 80;

/// How many links of a span are shown, and how many events.
const LINKS: usize = 3;
const EVENTS: usize = 3;

/// The tag that holds the stack of an error.
const STACK: &str = "error.stack";
/// How many lines of a stack are shown, and how much of each.
const FRAMES: usize = 16;
const FRAME: usize = 160;

/// How a tree is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether failed spans are red.
    pub color: bool,
}

impl Style {
    /// Colour where `output` is a terminal and the user does not refuse it
    /// ([`Config::no_color`](crate::config::Config::no_color)).
    pub fn for_output(output: &impl IsTerminal, no_color: bool) -> Self {
        Self { color: !no_color && output.is_terminal() }
    }
}

/// Shows the spans of one trace; each line ends with a line feed.
pub fn tree(spans: &[Span], style: Style) -> String {
    shown(spans, style, false)
}

/// The same for what several devices have of one trace: where a span's parent is another device's, its own is named.
pub fn whole_tree(spans: &[Span], style: Style) -> String {
    shown(spans, style, true)
}

fn shown(spans: &[Span], style: Style, with_devices: bool) -> String {
    let mut text = String::new();
    let Some(first) = spans.first() else { return text };
    let plural = if spans.len() == 1 { "" } else { "s" };
    let _ = writeln!(text, "trace {:032x}  {} span{plural}", first.trace_id, spans.len());
    let forest = Forest::new(spans);
    forest.walk(|at, prefix, below, is_orphan| {
        text.push_str(prefix);
        let device = spans[at].source.device.as_deref().filter(|_| with_devices && spans[at].is_local_root());
        line(&mut text, &spans[at], device, is_orphan, style);
        stack(&mut text, &spans[at], below);
    });
    text
}

/// Who stands under whom.
struct Forest<'a> {
    spans: &'a [Span],
    children: HashMap<u64, Vec<usize>>,
    /// Local roots, in the order of their start.
    roots: Vec<usize>,
    /// Spans that no root leads to, and whose parent does not either.
    orphans: Vec<usize>,
}

impl<'a> Forest<'a> {
    fn new(spans: &'a [Span]) -> Self {
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by_key(|&at| spans[at].start);
        let ids: HashMap<u64, usize> =
            spans.iter().enumerate().map(|(at, span)| (span.span_id, at)).collect();

        let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
        let (mut roots, mut orphans) = (Vec::new(), Vec::new());
        for &at in &order {
            let span = &spans[at];
            if ids.contains_key(&span.parent_id) {
                children.entry(span.parent_id).or_default().push(at);
            } else if span.is_local_root() {
                roots.push(at);
            } else {
                orphans.push(at);
            }
        }
        let mut forest = Self { spans, children, roots, orphans };

        // Spans that name each other as parents in a circle are led to by nobody.
        let mut reached = vec![false; spans.len()];
        let tops: Vec<usize> = forest.roots.iter().chain(&forest.orphans).copied().collect();
        forest.reach(tops, &mut reached);
        for at in order {
            if !reached[at] {
                forest.orphans.push(at);
                forest.reach(vec![at], &mut reached);
            }
        }
        forest
    }

    fn children(&self, at: usize) -> &[usize] {
        self.children.get(&self.spans[at].span_id).map_or(&[], Vec::as_slice)
    }

    fn reach(&self, mut from: Vec<usize>, reached: &mut [bool]) {
        while let Some(at) = from.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                from.extend(self.children(at));
            }
        }
    }

    /// Visits every span once, parents before children, with what to draw before it and before more lines of it, and whether
    /// its parent is missing.
    fn walk(&self, mut visit: impl FnMut(usize, &str, &str, bool)) {
        // Kept on the heap: a chain of spans can be longer than the call stack is deep.
        let mut open: Vec<(usize, String, String, bool)> = Vec::new();
        let mut done = vec![false; self.spans.len()];
        let plain = |at: usize, is_orphan| (at, String::new(), String::new(), is_orphan);
        match self.roots.split_first() {
            None => open.extend(self.orphans.iter().rev().map(|&at| plain(at, true))),
            Some((&root, others)) => {
                open.extend(others.iter().rev().map(|&at| plain(at, false)));
                open.push(plain(root, false));
            }
        }
        while let Some((at, prefix, below, is_orphan)) = open.pop() {
            if std::mem::replace(&mut done[at], true) {
                continue;
            }
            let strays: &[usize] = if self.roots.first() == Some(&at) { &self.orphans } else { &[] };
            let children = self.children(at).iter().map(|&child| (child, false));
            let under: Vec<_> = children.chain(strays.iter().map(|&child| (child, true))).collect();
            let trunk = if under.is_empty() { "   " } else { "│  " };
            visit(at, &prefix, &format!("{below}{trunk}"), is_orphan);
            for (place, &(child, is_orphan)) in under.iter().enumerate().rev() {
                let (branch, trunk) =
                    if place + 1 == under.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                open.push((child, format!("{below}{branch}"), format!("{below}{trunk}"), is_orphan));
            }
        }
    }
}

fn line(text: &mut String, span: &Span, device: Option<&str>, is_orphan: bool, style: Style) {
    let is_red = style.color && span.error;
    let service = span.service.as_deref().or(span.source.service.as_deref()).unwrap_or("-");
    // Writing to a String cannot fail.
    let _ = write!(text, "{}{}", if is_red { RED } else { "" }, Plain(service));
    if let Some(device) = device {
        let _ = write!(text, "@{}", Plain(device));
    }
    let _ = write!(text, "  {}", Plain(&span.name));
    if let Some(resource) = span.resource.as_ref().filter(|resource| **resource != span.name) {
        let _ = write!(text, "  {}", Plain(resource));
    }
    let _ = write!(text, "  {}", Nanoseconds(span.duration));
    if span.error {
        text.push_str("  error");
    }
    if is_orphan {
        text.push_str("  (parent missing)");
    }
    for (key, value) in span.tags.iter().filter(|(key, _)| !is_internal(key) && key != STACK) {
        text.push_str("  ");
        tag(text, key, value);
    }
    for event in span.events.iter().take(EVENTS) {
        let distance = event.time.saturating_sub(span.start);
        let sign = if distance < 0 { "-" } else { "" };
        let time = Nanoseconds(distance.saturating_abs());
        let _ = write!(text, "  event={}@{sign}{time}", Quoted(&event.name));
        attributes(text, &event.attributes);
    }
    if span.events.len() > EVENTS {
        let _ = write!(text, "  and {} more events", span.events.len() - EVENTS);
    }
    for link in span.links.iter().take(LINKS) {
        let _ = write!(text, "  link={:032x}:{:016x}", link.trace_id, link.span_id);
        attributes(text, &link.attributes);
    }
    if span.links.len() > LINKS {
        let _ = write!(text, "  and {} more links", span.links.len() - LINKS);
    }
    text.push_str(if is_red { RESET } else { "" });
    text.push('\n');
}

/// The stack of an error.
fn stack(text: &mut String, span: &Span, below: &str) {
    let Some(Value::Str(stack)) = span.tag(STACK) else { return };
    for line in stack.lines().take(FRAMES) {
        let _ = writeln!(text, "{below}{}", Cut(line, FRAME));
    }
    let more = stack.lines().skip(FRAMES).count();
    if more > 0 {
        let _ = writeln!(text, "{below}  and {more} more lines");
    }
}

fn tag(text: &mut String, key: &str, value: &Value) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Str(value) => write!(text, "{}={}", Plain(key), Quoted(value)),
        value => write!(text, "{}={value}", Plain(key)),
    };
}

/// What is said of an event or a link: ` (key=value key=value)`.
fn attributes(text: &mut String, attributes: &[Tag]) {
    for (place, (key, value)) in attributes.iter().enumerate() {
        text.push_str(if place == 0 { " (" } else { " " });
        tag(text, key, value);
    }
    text.push_str(if attributes.is_empty() { "" } else { ")" });
}

/// Whether a tag is there for the agent and not for people.
fn is_internal(key: &str) -> bool {
    key.starts_with('_') || matches!(key, "runtime-id" | "language" | "process_id")
}

/// Text without the characters that steer a terminal.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Cut(self.0, SHOWN).fmt(f)
    }
}

/// The same, of so many characters.
struct Cut<'a>(&'a str, usize);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(self.1) {
            if c.is_control() { write!(f, "{}", c.escape_debug())? } else { f.write_char(c)? }
        }
        if chars.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// A value, in quotes where it would otherwise run into what follows.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() || self.0.contains(char::is_whitespace) {
            write!(f, "\"{}\"", Plain(self.0))
        } else {
            Plain(self.0).fmt(f)
        }
    }
}

/// A duration in the unit that suits it.
struct Nanoseconds(i64);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.max(0);
        let (unit, name) = match value {
            0..1_000 => return write!(f, "{value} ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{}.{:03} {name}", value / unit, value % unit / (unit / 1_000))
    }
}

#[cfg(test)]
mod tests;
