//! What the root of a trace says of it before it is gathered, for the parts that go out first.

use crate::model::{Span, Tag};

/// A root that was not gathered.
#[derive(Debug, Clone, PartialEq)]
pub enum Ahead {
    /// It is open; what trace of elsewhere it continues, if it does.
    Open(Option<Continued>),
    /// It is finished, and comes next.
    Coming,
    /// Nobody knows of it.
    Unknown,
}

/// A trace of another process or device that goes on here.
#[derive(Debug, Clone, PartialEq)]
pub struct Continued {
    /// Its id there.
    pub trace_id: u128,
    /// What came with it and is said on the first span of each part.
    pub tags: Vec<Tag>,
}

/// Finds roots by the ids of their traces, as their device or process derived these.
pub type Roots = dyn Fn(u128) -> Ahead + Send;

impl Continued {
    /// Puts its tags on a span, where there is none of their keys.
    pub(super) fn say(self, first: &mut Span) {
        for (key, value) in self.tags {
            if first.tag(&key).is_none() {
                first.tags.push((key, value));
            }
        }
    }
}
