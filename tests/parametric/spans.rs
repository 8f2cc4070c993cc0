//! Starting, finishing, tags, errors.

use serde_json::Value;

use crate::ask::{Ask, Refusal, scalar};
use crate::held::{Held, Known, Open};

/// Whose child a span becomes.
enum Parent {
    Nobody,
    /// A span that is open here.
    Open(u64),
    /// One of OpenTelemetry's.
    Otel(opentelemetry::Context),
    /// One that is finished, or another program's.
    Known(Known),
}

/// Starts a span, and makes it the current one.
pub fn start(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let name = held.texts.keep(ask.text("name")?)?;
    let parent = ask.id("parent_id").map_or(Parent::Nobody, |id| match (held.open(id), held.known(id)) {
        (Some(_), _) => Parent::Open(id),
        (None, Some(known)) => Parent::Known(known.clone()),
        (None, None) => held.otel.contexts.get(&id).cloned().map_or(Parent::Nobody, Parent::Otel),
    });
    let mut builder = microspan::span(name);
    for (key, set) in [
        ("service", microspan::SpanBuilder::service as fn(_, _) -> _),
        ("resource", microspan::SpanBuilder::resource),
        ("type", microspan::SpanBuilder::span_type),
    ] {
        if let Some(text) = ask.maybe(key) {
            builder = set(builder, held.texts.keep(text)?);
        }
    }
    let mut known = Known { context: None, came: Default::default(), baggage: Vec::new() };
    let span = match &parent {
        Parent::Open(id) => match held.open(*id).and_then(|open| Some((open.span.as_ref()?, &open.known))) {
            Some((parent, of_parent)) => {
                known = of_parent.clone();
                builder.parent(&parent).start()
            }
            None => builder.root().start(),
        },
        Parent::Otel(context) => {
            let _entered = context.clone().attach();
            builder.start()
        }
        Parent::Nobody | Parent::Known(_) => builder.root().start(),
    };
    if let Parent::Known(parent) = parent {
        parent.continue_in(&span);
        known = parent;
    }
    for (key, value) in ask.pairs("span_tags") {
        span.set_tag(held.texts.keep(key)?, value);
    }
    known.context = span.context();
    let answer = shown(known.context);
    if let Some(context) = known.context {
        held.hold(context.span_id, Open { span, known })?;
    }
    Ok(answer)
}

/// The ids of a span. One that is not recorded has none.
fn shown(context: Option<microspan::SpanContext>) -> String {
    let (span_id, trace_id) = context.map_or((0, 0), |context| (context.span_id, context.trace_id));
    format!(r#"{{"span_id":{span_id},"trace_id":{trace_id}}}"#)
}

/// The current span of this thread.
pub fn current() -> String {
    match microspan::current_span().and_then(|span| span.context()) {
        Some(context) => shown(Some(context)),
        None => "null".to_owned(),
    }
}

pub fn finish(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    held.asked(ask)?;
    ask.id("span_id").into_iter().for_each(|id| held.finish(id));
    Ok(())
}

pub fn set_resource(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let resource = ask.text("resource")?;
    if let Some((open, _)) = held.asked(ask)? {
        open.span.set_tag("resource.name", resource);
    }
    Ok(())
}

pub fn set_meta(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let Some((open, texts)) = held.asked(ask)? else { return Ok(()) };
    let key = texts.keep(ask.text("key")?)?;
    match ask.value("value") {
        Value::String(text) => _ = open.span.set_tag(key, text.as_str()),
        value => _ = open.span.set_tag(key, value.to_string().as_str()),
    }
    Ok(())
}

pub fn set_metric(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let Some((open, texts)) = held.asked(ask)? else { return Ok(()) };
    let key = texts.keep(ask.text("key")?)?;
    if let (Some(number), true) = (scalar(ask.value("value")), ask.value("value").is_number()) {
        open.span.set_tag(key, number);
    }
    Ok(())
}

pub fn remove(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    if let Some((open, texts)) = held.asked(ask)? {
        open.span.remove_tag(texts.keep(ask.text("key")?)?);
    }
    Ok(())
}

pub fn error(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let Some((open, _)) = held.asked(ask)? else { return Ok(()) };
    open.span.error(true);
    for (key, tag) in [("type", "error.type"), ("message", "error.message"), ("stack", "error.stack")] {
        if let Some(text) = ask.maybe(key) {
            open.span.set_tag(tag, text);
        }
    }
    Ok(())
}

pub fn keep(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    if let Some((open, _)) = held.asked(ask)? {
        open.span.keep();
    }
    Ok(())
}

pub fn reject(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    if let Some((open, _)) = held.asked(ask)? {
        open.span.reject();
    }
    Ok(())
}
