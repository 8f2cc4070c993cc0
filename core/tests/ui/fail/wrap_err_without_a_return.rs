use microspan::wrap;

#[wrap(err)]
fn make() {}

fn main() {}
