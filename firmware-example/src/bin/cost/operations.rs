//! What is counted: each operation in a function of its own, so that it brings its addresses and constants along at
//! each call, as it does where a program uses it. It gets a number and a text that the compiler cannot know.

use microspan::{Arena, Callsites, Clock, CortexM, Rule, Sampler, Static, Tracer};

use crate::here::{self, CLOCK};

/// An operation.
pub type Operation = fn(number: u32, text: &str) -> u64;

/// Tags of the spans from which the cost of a tag is told.
pub const TAGS_OF_A_SPAN: u32 = 4;

static ARENA: Arena<{ here::SPANS }, { here::TAGS }> = Arena::new();
/// The tracer whose operations are counted.
pub static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).service("cost");

static ARENA_OF_INTERRUPTS: Arena<{ here::FEW }, 4> = Arena::new();
/// One that asks in which interrupt a span starts.
pub static TRACER_OF_INTERRUPTS: Tracer =
    Tracer::new(&ARENA_OF_INTERRUPTS, &CLOCK).service("cost").context(&CortexM);

static ARENA_OF_CALLSITES: Arena<{ here::FEW }, 4> = Arena::new();
static CALLSITES: Callsites<16> = Callsites::new();
/// One that counts at each callsite.
pub static TRACER_OF_CALLSITES: Tracer =
    Tracer::new(&ARENA_OF_CALLSITES, &CLOCK).service("cost").callsites(&CALLSITES);

static ARENA_OF_SAMPLER: Arena<{ here::FEW }, 4> = Arena::new();
/// So small a rate that no trace is kept, and not 0, at which no id is asked.
static RULES: [Rule; 1] = [Rule::new(1e-18).name("cost.out")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES).rate(1.0);
/// One that samples.
pub static TRACER_OF_SAMPLER: Tracer =
    Tracer::new(&ARENA_OF_SAMPLER, &CLOCK).service("cost").sampler(&SAMPLER);

/// What a function costs that does nothing, the entry and the return.
#[unsafe(export_name = "cost.nothing")]
pub fn nothing(_: u32, _: &str) -> u64 {
    0
}

#[unsafe(export_name = "cost.clock")]
pub fn clock(_: u32, _: &str) -> u64 {
    CLOCK.now()
}

#[unsafe(export_name = "cost.span")]
pub fn span(_: u32, _: &str) -> u64 {
    TRACER.trace("cost.child").finish();
    0
}

#[unsafe(export_name = "cost.span_interrupts")]
pub fn span_interrupts(_: u32, _: &str) -> u64 {
    TRACER_OF_INTERRUPTS.trace("cost.child").finish();
    0
}

#[unsafe(export_name = "cost.span_callsites")]
pub fn span_callsites(_: u32, _: &str) -> u64 {
    TRACER_OF_CALLSITES.trace("cost.child").finish();
    0
}

#[unsafe(export_name = "cost.span_sampler")]
pub fn span_sampler(_: u32, _: &str) -> u64 {
    TRACER_OF_SAMPLER.trace("cost.child").finish();
    0
}

#[unsafe(export_name = "cost.span_sampled_out")]
pub fn span_sampled_out(_: u32, _: &str) -> u64 {
    TRACER_OF_SAMPLER.trace("cost.child.out").finish();
    0
}

#[unsafe(export_name = "cost.root_sampled_out")]
pub fn root_sampled_out(_: u32, _: &str) -> u64 {
    TRACER_OF_SAMPLER.trace("cost.out").finish();
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

#[unsafe(export_name = "cost.masked_probe")]
pub fn masked_probe(number: u32, _: &str) -> u64 {
    critical_section::with(|_| u64::from(number))
}
