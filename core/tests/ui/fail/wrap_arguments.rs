use microspan::wrap;

#[wrap("order")]
fn positional() {}

#[wrap(nmae = "order")]
fn unknown() {}

#[wrap(type = "worker")]
fn a_type() {}

#[wrap(name)]
fn no_value() {}

#[wrap(name = "a", name = "b")]
fn twice() {}

#[wrap(err(Debug))]
fn err_with_something() -> Result<(), ()> {
    Ok(())
}

#[wrap(tags = "order")]
fn tags_without_parentheses() {}

#[wrap(tracer = 3)]
fn no_path() {}

#[wrap(= 3)]
fn no_name() {}

fn main() {}
