//! Traces as lines of `defmt`: what a program would log that wants to tell the same.
//!
//! A line when a span starts says its number and its parent's; a line when it ends its number, and whether it failed; a
//! line a tag its number and the value. Names of spans and keys of tags stand in the format strings, and cost nothing. The
//! time of a line is its timestamp. The numbers stand for ids, as on microspan's wire; one line tells the session's key.
//!
//! The lines are formed by defmt's own macros and encoder, in frames of rzCOBS. Only the addresses of format strings are
//! replaced: defmt's linker script has them begin at 1, this machine's linker does not.

use std::cell::RefCell;
use std::collections::HashMap;

use anyhow::{Result, bail};
use microspan_std::model::{Span, Text, Value};

use crate::recording::BOOT;

/// What has been logged by this thread.
struct Log {
    encoder: defmt::Encoder,
    bytes: Vec<u8>,
    /// What the linker of a device would make of an address.
    addresses: HashMap<[u8; 2], u16>,
    now: u64,
}

thread_local! {
    static LOG: RefCell<Log> = RefCell::new(Log::new());
}

impl Log {
    fn new() -> Self {
        Self { encoder: defmt::Encoder::new(), bytes: Vec::new(), addresses: HashMap::new(), now: 0 }
    }

    fn write(&mut self, bytes: &[u8]) {
        let Self { encoder, bytes: out, addresses, .. } = self;
        let mut append = |encoded: &[u8]| out.extend_from_slice(encoded);
        match <[u8; 2]>::try_from(bytes) {
            // Nothing else that is logged here has two bytes.
            Ok(address) => {
                let next = addresses.len() as u16 + 1;
                let address = *addresses.entry(address).or_insert(next);
                encoder.write(&address.to_le_bytes(), &mut append);
            }
            Err(_) => encoder.write(bytes, &mut append),
        }
    }

    fn frame(&mut self, edge: impl FnOnce(&mut defmt::Encoder, &mut dyn FnMut(&[u8]))) {
        let Self { encoder, bytes, .. } = self;
        edge(encoder, &mut |encoded| bytes.extend_from_slice(encoded));
    }
}

#[defmt::global_logger]
struct Logger;

// SAFETY: a thread logs into its own bytes, so that no other can come between `acquire` and `release`.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        LOG.with_borrow_mut(|log| log.frame(|encoder, out| encoder.start_frame(out)));
    }

    unsafe fn flush() {}

    unsafe fn release() {
        LOG.with_borrow_mut(|log| log.frame(|encoder, out| encoder.end_frame(out)));
    }

    unsafe fn write(bytes: &[u8]) {
        LOG.with_borrow_mut(|log| log.write(bytes));
    }
}

defmt::timestamp!("{=u64:us}", LOG.with_borrow(|log| log.now));

/// The bytes of the lines about a session that has these spans.
pub fn of(spans: &[Span]) -> Result<Vec<u8>> {
    LOG.set(Log::new());
    if let Some(span) = spans.first() {
        set_time(span.start);
        defmt::println!("session {=u64:x} of kitchen, env=dev", (span.trace_id >> 64) as u64);
    }
    let numbers: HashMap<u64, u32> = spans.iter().map(|span| span.span_id).zip(1..).collect();
    let number = |id| numbers.get(&id).copied().unwrap_or_default();
    for span in spans {
        let own = number(span.span_id);
        set_time(span.start);
        start(&span.name, own, number(span.parent_id))?;
        set_time(span.start + span.duration);
        span.tags.iter().try_for_each(|(key, value)| tag(own, key, value))?;
        let end = if span.error { failed } else { ended };
        end(own);
    }
    Ok(LOG.with_borrow_mut(|log| std::mem::take(&mut log.bytes)))
}

fn ended(number: u32) {
    defmt::println!("{=u32} ended", number);
}

fn failed(number: u32) {
    defmt::println!("{=u32} failed", number);
}

fn set_time(unix: i64) {
    LOG.with_borrow_mut(|log| log.now = (unix - BOOT) as u64 / 1_000);
}

/// One line for each of some texts.
macro_rules! line_of {
    ($text:expr; $($known:literal => $line:literal),*; $number:expr, $value:expr) => {
        match $text {
            $($known => defmt::println!($line, $number, $value),)*
            other => bail!("no line was written for {other:?}"),
        }
    };
}

fn start(name: &str, number: u32, parent: u32) -> Result<()> {
    line_of!(name;
        "handle" => "handle {=u32} in {=u32}", "route" => "route {=u32} in {=u32}",
        "query" => "query {=u32} in {=u32}", "fetch" => "fetch {=u32} in {=u32}",
        "request" => "request {=u32} in {=u32}", "item" => "item {=u32} in {=u32}",
        "make_sandwich_request" => "make_sandwich_request {=u32} in {=u32}",
        "get_ingredients" => "get_ingredients {=u32} in {=u32}",
        "assemble_sandwich" => "assemble_sandwich {=u32} in {=u32}",
        "measure" => "measure {=u32} in {=u32}", "sample" => "sample {=u32} in {=u32}",
        "calibrate" => "calibrate {=u32} in {=u32}", "write_page" => "write_page {=u32} in {=u32}";
        number, parent);
    Ok(())
}

fn tag(number: u32, key: &str, value: &Value) -> Result<()> {
    match value {
        Value::Bool(value) => line_of!(key;
            "toasted" => "{=u32} toasted={=bool}", "valid" => "{=u32} valid={=bool}"; number, *value),
        Value::Uint(value) => line_of!(key;
            "order.id" => "{=u32} order.id={=u32}", "slices" => "{=u32} slices={=u32}",
            "sensor" => "{=u32} sensor={=u32}", "sequence" => "{=u32} sequence={=u32}";
            number, u32::try_from(*value)?),
        Value::Int(value) => {
            line_of!(key; "offset" => "{=u32} offset={=i32}"; number, i32::try_from(*value)?)
        }
        Value::Float(value) => line_of!(key; "volts" => "{=u32} volts={=f32}"; number, *value as f32),
        Value::Str(text) => match fixed(text) {
            Some(fixed) => line_of!(key;
                "bread" => "{=u32} bread={=istr}", "bus" => "{=u32} bus={=istr}",
                "unit" => "{=u32} unit={=istr}", "error.type" => "{=u32} error.type={=istr}";
                number, fixed),
            None => line_of!(key;
                "guest" => "{=u32} guest={=str}", "serial" => "{=u32} serial={=str}",
                "error.message" => "{=u32} error.message={=str}";
                number, text.as_str()),
        },
    }
    Ok(())
}

/// A text that is fixed in the program, which defmt, too, sends as a number.
fn fixed(text: &Text) -> Option<defmt::Str> {
    Some(match text.as_str() {
        "rye" => defmt::intern!("rye"),
        "wheat" => defmt::intern!("wheat"),
        "sourdough" => defmt::intern!("sourdough"),
        "i2c1" => defmt::intern!("i2c1"),
        "millibar" => defmt::intern!("millibar"),
        "FlashLocked" => defmt::intern!("FlashLocked"),
        _ => return None,
    })
}
