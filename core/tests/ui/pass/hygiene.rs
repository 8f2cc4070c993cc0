//! The macros need no prelude, no name that a program may have taken, and no unsafe code.
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings)]

mod core {}
mod std {}
#[allow(dead_code)]
struct Option;
#[allow(dead_code)]
struct Result;
#[allow(dead_code, non_snake_case)]
fn Some() {}
#[allow(unused_macros)]
macro_rules! concat {
    () => {};
}

#[::microspan::wrap(err, tags(span, result, value = span))]
fn synchronous(span: u32, result: u32) -> ::std::result::Result<u32, ::std::fmt::Error> {
    let error = span + result;
    ::std::result::Result::Ok(error)
}

#[::microspan::wrap(err, tags(span))]
async fn asynchronous(span: u32) -> ::std::result::Result<u32, ::std::fmt::Error> {
    let value = span;
    ::std::result::Result::Ok(value)
}

fn main() {
    let span = 7u32;
    let _guard = ::microspan::span!("name", value = span, dotted.type.match = span, "text" = span);
    let _ = synchronous(span, 2);
    let _ = asynchronous(span);
}
