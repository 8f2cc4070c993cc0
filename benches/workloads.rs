//! What is recorded for the measurements of the wire: five kinds of traces, the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use microspan::{Clock, Static, Tracer, Value};

/// The service of all spans.
pub const SERVICE: &str = "kitchen";

/// Tags of all spans.
pub static TAGS: [(&str, Value<'static>); 1] = [("env", Value::Static("dev"))];

/// What an error says: 200 bytes, as an error with its sources has them.
pub const MESSAGE: &str = "cannot write the calibration to page 0x1f of the flash: the controller refused to unlock \
    after three attempts, its status register showed 0x0000_00f4, and the page still holds what it held before this";

/// Names, by the depth at which they stand in a deep chain.
pub const LEVELS: [&str; 4] = ["handle", "route", "query", "fetch"];
pub const BREADS: [&str; 3] = ["rye", "wheat", "sourdough"];
pub const GUESTS: [&str; 4] = ["Ada", "Grace", "Edsger", "Barbara Liskov"];

/// A clock of 1 MHz that is turned by hand, on a device that has run for an hour.
#[derive(Debug)]
pub struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

impl Hand {
    pub fn new() -> Self {
        Self(AtomicU64::new(3_600_000_000))
    }

    /// Lets some work take its time: about as long as it is said to, and not twice the same.
    fn work(&self, microseconds: u64) {
        let now = self.now();
        let lot = now.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        self.0.store(now + microseconds / 2 + 1 + microseconds * lot / 256, Ordering::Relaxed);
    }
}

/// A kind of trace.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// What it is called; names do not change.
    pub name: &'static str,
    /// Spans of a trace.
    pub spans: u32,
    trace: fn(&'static Tracer, &Hand, u32),
}

impl Workload {
    /// Records the trace of this number.
    pub fn trace(&self, tracer: &'static Tracer, clock: &Hand, number: u32) {
        (self.trace)(tracer, clock, number);
        clock.work(10_000);
    }
}

pub const WORKLOADS: [Workload; 5] = [
    Workload { name: "deep_chain", spans: 20, trace: |tracer, clock, _| deep_chain(tracer, clock, 20) },
    Workload { name: "wide_fan_out", spans: 101, trace: wide_fan_out },
    Workload { name: "sandwich", spans: 3, trace: sandwich },
    Workload { name: "tag_heavy", spans: 5, trace: tag_heavy },
    Workload { name: "long_error", spans: 2, trace: long_error },
];

fn deep_chain(tracer: &'static Tracer, clock: &Hand, depth: usize) {
    if depth > 0 {
        let _span = tracer.trace(LEVELS[depth % LEVELS.len()]);
        clock.work(40);
        deep_chain(tracer, clock, depth - 1);
        clock.work(40);
    }
}

fn wide_fan_out(tracer: &'static Tracer, clock: &Hand, _: u32) {
    let _request = tracer.trace("request");
    for _ in 0..100 {
        clock.work(20);
        let _item = tracer.trace("item");
        clock.work(300);
    }
}

fn sandwich(tracer: &'static Tracer, clock: &Hand, order: u32) {
    let request = tracer.trace("make_sandwich_request");
    request.set_tag("order.id", order);
    clock.work(30);
    let ingredients = tracer.trace("get_ingredients");
    ingredients.set_tag("bread", Static(BREADS[order as usize % BREADS.len()]));
    ingredients.set_tag("slices", 2 + order % 3).set_tag("guest", GUESTS[order as usize % GUESTS.len()]);
    clock.work(400);
    drop(ingredients);
    let assembly = tracer.trace("assemble_sandwich");
    assembly.set_tag("toasted", order.is_multiple_of(2));
    clock.work(900);
}

fn tag_heavy(tracer: &'static Tracer, clock: &Hand, number: u32) {
    let _measure = tracer.trace("measure");
    for sensor in 0..4_u32 {
        let span = tracer.trace("sample");
        clock.work(250);
        span.set_tag("sensor", sensor).set_tag("sequence", number * 4 + sensor);
        span.set_tag("offset", -(number as i32 % 1000)).set_tag("volts", 3.3 - sensor as f32 / 8.0);
        span.set_tag("valid", !number.is_multiple_of(7)).set_tag("bus", Static("i2c1"));
        span.set_tag("unit", Static("millibar")).set_tag("serial", "BME280-00412-07A");
    }
}

fn long_error(tracer: &'static Tracer, clock: &Hand, _: u32) {
    let _request = tracer.trace("calibrate");
    clock.work(100);
    let write = tracer.trace("write_page");
    clock.work(2_000);
    write.set_error_info("FlashLocked", MESSAGE);
}
