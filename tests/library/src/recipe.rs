//! Recipes, for who has files.

use microspan::{current_span, wrap};
use std::io;
use std::path::Path;
use std::string::String;

/// Reads a recipe.
///
/// # Errors
///
/// The file cannot be read.
#[wrap(name = "read_recipe", span_type = "file", err)]
pub fn read_recipe(path: &Path) -> io::Result<String> {
    let recipe = std::fs::read_to_string(path)?;
    if let Some(span) = current_span() {
        span.set_tag("bytes", recipe.len());
    }
    Ok(recipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_that_is_not_there_is_an_error_with_or_without_a_tracer() {
        let error = read_recipe(Path::new("no such recipe")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
