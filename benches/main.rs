//! What a span costs.
fn main() {}
