//! Links and events.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use microspan::__private::clock;

use crate::ask::{Ask, Refusal};
use crate::held::Held;

/// A tick further back would be taken for one to come: the arena keeps 40 bits of it.
const FURTHEST: u64 = 1 << 38;

/// A link to another span: one that is open here, or one of which the context is known.
pub fn link(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let attributes = ask.attributes(&mut held.texts)?;
    let Some((from, _)) = held.asked(ask)? else { return Ok(()) };
    let Some(from) = from.span.as_ref() else { return Ok(()) };
    let Some(to) = ask.id("parent_id") else { return Ok(()) };
    let is_open = held.open(to).and_then(|open| open.span.as_ref());
    match (is_open, held.known(to).and_then(|known| known.context)) {
        (Some(open), _) => _ = from.add_link(&open, &attributes),
        (None, Some(context)) => _ = from.add_remote_link(&context, &attributes),
        (None, None) => {
            return Err(Refusal::because(StatusCode::NOT_FOUND, &format!("no span {to} is known")));
        }
    }
    Ok(())
}

/// An event, at the nanosecond since 1970 that is said, where the tracer's clock has a tick for it; else as of now.
pub fn event(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let attributes = ask.attributes(&mut held.texts)?;
    let ticks = ask.value("timestamp").as_u64().and_then(|time| ticks(Duration::from_nanos(time)));
    let Some((open, texts)) = held.asked(ask)? else { return Ok(()) };
    let name = texts.keep(ask.text("name")?)?;
    match ticks {
        Some(ticks) => _ = open.span.add_event_at(name, ticks, &attributes),
        None => _ = open.span.add_event(name, &attributes),
    }
    Ok(())
}

/// The tick of a time since 1970; `None`: it is to come, or so far back that the arena has no room for it.
fn ticks(since_1970: Duration) -> Option<u64> {
    let clock = clock(microspan::global()?);
    let ago = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since_1970).ok()?;
    let ago = ago.as_nanos() * u128::from(clock.frequency()) / 1_000_000_000;
    let ago = u64::try_from(ago).ok().filter(|ago| *ago < FURTHEST)?;
    clock.now().checked_sub(ago)
}
