//! Texts that became known after a stand-in for them had come, put in its place.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Source, Span, Tag, Text, Value};

/// A stand-in and the text that it stands for, and what was made of the sources.
pub(super) struct Correction<'c> {
    from: &'c Text,
    to: &'c Text,
    /// Sources by where they lie, and what is to be in the place of each; spans go on to share what they shared.
    sources: HashMap<*const Source, (Arc<Source>, Arc<Source>)>,
}

impl<'c> Correction<'c> {
    pub(super) fn new(from: &'c Text, to: &'c Text) -> Self {
        Self { from, to, sources: HashMap::new() }
    }

    pub(super) fn apply(&mut self, span: &mut Span) {
        self.text(&mut span.name);
        for text in [&mut span.service, &mut span.resource, &mut span.span_type].into_iter().flatten() {
            self.text(text);
        }
        self.tags(&mut span.tags);
        span.links.iter_mut().for_each(|link| self.tags(&mut link.attributes));
        for event in &mut span.events {
            self.text(&mut event.name);
            self.tags(&mut event.attributes);
        }
        if let Some(extra) = &mut span.extra {
            for (key, value) in &mut extra.baggage {
                self.text(key);
                self.text(value);
            }
            extra.removed.iter_mut().for_each(|key| self.text(key));
        }
        span.source = self.source(&span.source);
    }

    fn source(&mut self, source: &Arc<Source>) -> Arc<Source> {
        if let Some((_, corrected)) = self.sources.get(&Arc::as_ptr(source)) {
            return corrected.clone();
        }
        let mut new = Source::clone(source);
        for text in [&mut new.service, &mut new.version, &mut new.device].into_iter().flatten() {
            self.text(text);
        }
        self.tags(&mut new.tags);
        let corrected = if new == **source { source.clone() } else { Arc::new(new) };
        // The old one is kept, so that no other comes to lie there.
        self.sources.insert(Arc::as_ptr(source), (source.clone(), corrected.clone()));
        corrected
    }

    fn tags(&self, tags: &mut [Tag]) {
        for (key, value) in tags {
            self.text(key);
            if let Value::Str(text) = value {
                self.text(text);
            }
        }
    }

    fn text(&self, text: &mut Text) {
        if text == self.from {
            *text = self.to.clone();
        }
    }
}
