//! What the root of a trace says of it before it is gathered, for the parts that go out first.

use super::context::Context;
use super::decision::{LIMIT, RULE, say_by_hand};
use super::resolve::fit;
use crate::model::{Span, Tag, Text};

/// A root that was not gathered.
#[derive(Debug, Clone, PartialEq)]
pub enum Ahead {
    /// It is open, and says this so far.
    Open(Box<OpenRoot>),
    /// It is finished, and comes next.
    Coming,
    /// Nobody knows of it.
    Unknown,
}

/// What a root that is open says of its trace.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRoot {
    /// What it is so far: its name, service and resource, and those of its tags that were asked for.
    pub so_far: Span,
    /// What trace of elsewhere it continues, if it does.
    pub continued: Option<Continued>,
    /// Whether the trace is to be kept, if that was said by hand.
    pub is_kept: Option<bool>,
}

/// A trace of another process or device that goes on here.
#[derive(Debug, Clone, PartialEq)]
pub struct Continued {
    /// Its id there.
    pub trace_id: u128,
    /// What came with it and is said on the first span of each part.
    pub tags: Vec<Tag>,
}

/// Finds roots by the ids of their traces, as their device or process derived these, and says which of the tags with these keys
/// they have.
pub type Roots = dyn Fn(u128, &[Text]) -> Ahead + Send;

impl OpenRoot {
    /// Says it on the spans of a part; gives the id of the trace elsewhere, and the root as it is so far.
    pub(super) fn say(self, part: &mut [Span]) -> (Span, Option<u128>) {
        if let Some(is_kept) = self.is_kept {
            say_by_hand(part, is_kept);
        }
        let (trace_id, tags) = self.continued.map_or((None, Vec::new()), |continued| {
            let Continued { trace_id, tags } = continued;
            (Some(trace_id), tags)
        });
        // That of the sampler of the tracer itself, where it kept the trace.
        let marks = self.so_far.tags.iter().filter(|(key, _)| key == RULE || key == LIMIT);
        if let Some(first) = part.first_mut() {
            for (key, value) in tags.into_iter().chain(marks.cloned()) {
                if first.tag(&key).is_none() {
                    first.tags.push((key, value));
                }
            }
        }
        (self.so_far, trace_id)
    }
}

/// Makes of a root that was not gathered what it would be if it were.
pub(super) fn as_gathered(root: &mut Span, trace_id: u128, context: &Context, mapping: &[(Text, Text)]) {
    root.trace_id = trace_id;
    fit(root);
    let service = root.service.get_or_insert_with(|| context.service.clone());
    for (from, to) in mapping {
        if service == from {
            *service = to.clone();
        }
    }
}
