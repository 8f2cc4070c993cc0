//! What a program gives of its own: code that traces pass, and a tracer.

use std::fmt;

use microspan::{Clock, Tracer};

use crate::pipeline::TraceFilter;

/// Code of the program that traces pass.
#[derive(Default)]
pub(super) struct Filters(pub(super) Vec<Box<dyn TraceFilter>>);

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filters").field(&self.0.len()).finish()
    }
}

/// A tracer and its clock.
#[derive(Clone, Copy)]
pub(super) struct Given(pub(super) &'static Tracer, pub(super) &'static dyn Clock);

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Given").finish_non_exhaustive()
    }
}
