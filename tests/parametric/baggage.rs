//! Baggage: that of each span is kept here and sent with its headers; what a span itself holds cannot be listed or taken away.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::ask::{Ask, Refusal};
use crate::held::{Held, Known};

pub fn set(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let (key, value) = (ask.text("key")?, ask.text("value")?);
    if let Some((open, _)) = held.asked(ask)? {
        open.known.baggage.retain(|(known, _)| known != key);
        open.known.baggage.push((key.to_owned(), value.to_owned()));
    }
    Ok(())
}

pub fn get(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let key = ask.text("key")?;
    let item = known(held, ask)?.baggage.iter().find(|(known, _)| known == key);
    Ok(json!({ "baggage": item.map(|(_, value)| value) }).to_string())
}

pub fn get_all(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let items =
        known(held, ask)?.baggage.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    Ok(json!({ "baggage": items.collect::<serde_json::Map<_, _>>() }).to_string())
}

pub fn remove(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let key = ask.text("key")?;
    if let Some((open, _)) = held.asked(ask)? {
        open.known.baggage.retain(|(known, _)| known != key);
    }
    Ok(())
}

pub fn remove_all(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    if let Some((open, _)) = held.asked(ask)? {
        open.known.baggage.clear();
    }
    Ok(())
}

fn known<'h>(held: &'h Held, ask: &Ask) -> Result<&'h Known, Refusal> {
    ask.id("span_id")
        .and_then(|id| held.known(id))
        .ok_or_else(|| Refusal::because(StatusCode::NOT_FOUND, "no such span is known"))
}
