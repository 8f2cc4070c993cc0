//! What counts of a trace that is ready, beside its spans.

use super::Trace;
use super::decision::PRIORITY;
use crate::model::Value;

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
}
