//! On what the operation is done, by the semantic conventions.

use std::borrow::Cow;

use super::facts::Facts;
use crate::model::Text;

/// The resource.
pub(super) fn resource(facts: &Facts<'_>) -> Text {
    let told = facts.any(&["datadog.resource"]).or_else(|| facts.any(&["resource.name"]));
    let resource = told.or_else(|| by_convention(facts));
    resource.map_or_else(|| facts.said.name.clone(), |resource| Text::new(&resource))
}

fn by_convention<'a>(facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    if let Some(method) = facts.any(&["http.request.method", "http.method"]) {
        let method = if method == "_OTHER" { Cow::Borrowed("HTTP") } else { method };
        let route = facts.any(&["http.route"]).filter(|_| facts.is_server());
        return Some(with(method, route));
    }
    if let Some(operation) = facts.any(&["messaging.operation", "messaging.operation.name"]) {
        let destination = facts.any(&["messaging.destination.name", "messaging.destination"]);
        return Some(with(operation, destination));
    }
    if let Some(method) = facts.any(&["rpc.method"]) {
        return Some(with(method, facts.any(&["rpc.service"])));
    }
    if let Some(operation) = facts.any(&["graphql.operation.type"]) {
        return Some(with(operation, facts.any(&["graphql.operation.name"])));
    }
    facts.any(&["db.system", "db.system.name"])?;
    facts.any(&["db.statement", "db.query.text"])
}

fn with<'a>(first: Cow<'a, str>, second: Option<Cow<'a, str>>) -> Cow<'a, str> {
    match second {
        Some(second) => Cow::Owned(format!("{first} {second}")),
        None => first,
    }
}
