//! What counts of a trace that is ready, beside its spans.

use super::Trace;
use super::decision::PRIORITY;
use crate::model::{Span, Tag, Text, Value};

impl Trace {
    /// Whether it is to be stored: by its priority, or by the agent's rate where nobody has decided.
    pub fn is_kept(&self) -> bool {
        match self.spans.first().and_then(|first| first.tag(PRIORITY)) {
            Some(Value::Int(priority)) => *priority > 0,
            Some(Value::Uint(priority)) => *priority > 0,
            Some(Value::Float(priority)) => *priority > 0.0,
            Some(_) => true,
            None => self.verdict.as_ref().is_none_or(|verdict| verdict.is_kept),
        }
    }

    /// Whether something of it is to be stored: all of it, what failed, or single spans that a rule keeps.
    pub fn is_of_use(&self) -> bool {
        let is_of_use = |span: &Span| span.error || span.tag("_dd.span_sampling.mechanism").is_some();
        self.is_kept() || self.spans.iter().any(is_of_use)
    }

    /// Whether the span at `index` enters its service.
    pub fn is_top_level(&self, index: usize) -> bool {
        self.top_level.get(index) == Some(&true)
    }

    /// The tags of all of its spans that do not have their own or do without.
    pub(crate) fn common_tags(&self) -> &[Tag] {
        &self.context.tags
    }

    /// The main service of who made it.
    pub(crate) fn main_service(&self) -> &Text {
        &self.context.service
    }

    /// The same in lower case, as the tag `_dd.base_service` has it.
    pub(crate) fn base_service(&self) -> &Text {
        &self.context.base_service
    }

    /// The deployment environment, or nothing.
    pub(crate) fn env(&self) -> &str {
        self.context.env()
    }

    /// The version of the main service, or nothing.
    pub(crate) fn version(&self) -> &str {
        self.context.version.as_deref().unwrap_or_default()
    }
}
