//! Texts that stay.

use std::collections::HashSet;

/// Texts that stay as long as the program does, each once: of those that the workloads have there are few.
#[derive(Default)]
pub struct Texts(HashSet<&'static str>);

impl Texts {
    /// This one.
    pub fn keep(&mut self, text: &str) -> &'static str {
        if let Some(kept) = self.0.get(text) {
            return kept;
        }
        let kept: &'static str = Box::leak(text.into());
        self.0.insert(kept);
        kept
    }
}
