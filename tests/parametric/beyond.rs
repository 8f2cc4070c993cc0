//! Links and events.

use axum::http::StatusCode;

use crate::ask::{Ask, Refusal};
use crate::held::Held;

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

/// An event, as of now: nothing turns a time of day into a tick of the tracer's clock.
pub fn event(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let attributes = ask.attributes(&mut held.texts)?;
    let Some((open, texts)) = held.asked(ask)? else { return Ok(()) };
    open.span.add_event(texts.keep(ask.text("name")?)?, &attributes);
    Ok(())
}
