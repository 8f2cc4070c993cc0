//! What is counted: each operation in a function of its own, so that it brings its addresses and constants along at
//! each call, as it does where a program uses it. It gets a number and a text that the compiler cannot know.

use microspan::{Arena, Clock, Static, Tracer};

use crate::here::CLOCK;
use crate::room;

/// Tags of the spans from which the cost of a tag is told.
pub const TAGS_OF_A_SPAN: u32 = 4;

static ARENA: Arena<{ room::SPANS }, { room::TAGS }> = Arena::new();
/// The tracer whose operations are counted.
pub static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).service("cost");

#[unsafe(export_name = "cost.clock")]
pub fn clock(_: u32, _: &str) -> u64 {
    CLOCK.now()
}

#[unsafe(export_name = "cost.span")]
pub fn span(_: u32, _: &str) -> u64 {
    TRACER.trace("cost.child").finish();
    0
}

/// Not the name of the other span: two functions that are alike become one.
#[unsafe(export_name = "cost.disabled")]
pub fn disabled(_: u32, _: &str) -> u64 {
    TRACER.trace("cost.disabled").finish();
    0
}

#[unsafe(export_name = "cost.tags_u32")]
pub fn tags_u32(number: u32, _: &str) -> u64 {
    let span = TRACER.trace("cost.child");
    span.set_tag("cost.a", number);
    span.set_tag("cost.b", number);
    span.set_tag("cost.c", number);
    span.set_tag("cost.d", number);
    0
}

#[unsafe(export_name = "cost.tags_static_str")]
pub fn tags_static_str(_: u32, _: &str) -> u64 {
    let span = TRACER.trace("cost.child");
    span.set_tag("cost.a", Static("rye"));
    span.set_tag("cost.b", Static("cheese"));
    span.set_tag("cost.c", Static("tomato"));
    span.set_tag("cost.d", Static("rye"));
    0
}

#[unsafe(export_name = "cost.tags_str16")]
pub fn tags_str16(_: u32, text: &str) -> u64 {
    let span = TRACER.trace("cost.child");
    span.set_tag("cost.a", text);
    span.set_tag("cost.b", text);
    span.set_tag("cost.c", text);
    span.set_tag("cost.d", text);
    0
}

#[unsafe(export_name = "cost.span_macro")]
pub fn span_macro(_: u32, _: &str) -> u64 {
    drop(microspan::span!(tracer: &TRACER, "cost.macro"));
    0
}

#[unsafe(export_name = "cost.span_tag")]
pub fn span_tag(number: u32, _: &str) -> u64 {
    let span = TRACER.trace("cost.child");
    span.set_tag("cost.a", number);
    0
}

#[unsafe(export_name = "cost.span_macro_tag")]
pub fn span_macro_tag(number: u32, _: &str) -> u64 {
    let _span = microspan::span!(tracer: &TRACER, "cost.macro", cost.a = number);
    0
}

#[unsafe(export_name = "cost.masked_probe")]
pub fn masked_probe(number: u32, _: &str) -> u64 {
    critical_section::with(|_| u64::from(number))
}
