//! What the root of a trace says of it before it is gathered, for the parts that go out first.

use super::decision::say_by_hand;
use crate::model::{Span, Tag};

/// A root that was not gathered.
#[derive(Debug, Clone, PartialEq)]
pub enum Ahead {
    /// It is open, and says this so far.
    Open(OpenRoot),
    /// It is finished, and comes next.
    Coming,
    /// Nobody knows of it.
    Unknown,
}

/// What a root that is open says of its trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenRoot {
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

/// Finds roots by the ids of their traces, as their device or process derived these.
pub type Roots = dyn Fn(u128) -> Ahead + Send;

impl OpenRoot {
    /// Says it on the spans of a part; gives the id of the trace elsewhere.
    pub(super) fn say(self, part: &mut [Span]) -> Option<u128> {
        if let Some(is_kept) = self.is_kept {
            say_by_hand(part, is_kept);
        }
        let Continued { trace_id, tags } = self.continued?;
        let first = part.first_mut()?;
        for (key, value) in tags {
            if first.tag(&key).is_none() {
                first.tags.push((key, value));
            }
        }
        Some(trace_id)
    }
}
