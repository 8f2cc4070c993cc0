//! The operation name, by the semantic conventions.

use super::facts::{Facts, kind};
use crate::model::Text;

/// The operation name.
pub(super) fn name(facts: &Facts<'_>) -> Text {
    if let Some(name) = facts.any(&["datadog.name"]).or_else(|| facts.any(&["operation.name"])) {
        return Text::new(&name);
    }
    match by_convention(facts) {
        Some(name) => Text::new(&name.to_lowercase()),
        None => Text::from(kind(&facts.said.kind)),
    }
}

fn by_convention(facts: &Facts<'_>) -> Option<String> {
    let side = match (facts.is_server(), facts.is_client()) {
        (true, _) => Some("server"),
        (_, true) => Some("client"),
        _ => None,
    };
    if let Some(side) = side
        && facts.any(&["http.request.method", "http.method"]).is_some()
    {
        return Some(format!("http.{side}.request"));
    }
    if facts.is_client()
        && let Some(system) = facts.any(&["db.system", "db.system.name"])
    {
        return Some(format!("{system}.query"));
    }
    if let (Some(system), Some(operation)) =
        (facts.any(&["messaging.system"]), facts.any(&["messaging.operation", "messaging.operation.name"]))
    {
        return Some(format!("{system}.{operation}"));
    }
    if let (Some(system), Some(side)) = (facts.any(&["rpc.system"]), side) {
        if system == "aws-api" && side == "client" {
            let service = facts.any(&["rpc.service"]);
            return Some(
                service.map_or("aws.client.request".into(), |service| format!("aws.{service}.request")),
            );
        }
        return Some(format!("{system}.{side}.request"));
    }
    if let (true, Some(provider), Some(function)) =
        (facts.is_client(), facts.any(&["faas.invoked_provider"]), facts.any(&["faas.invoked_name"]))
    {
        return Some(format!("{provider}.{function}.invoke"));
    }
    if let (true, Some(trigger)) = (facts.is_server(), facts.any(&["faas.trigger"])) {
        return Some(format!("{trigger}.invoke"));
    }
    if facts.any(&["graphql.operation.type"]).is_some() {
        return Some("graphql.server.request".into());
    }
    let side = side?;
    Some(match facts.any(&["network.protocol.name"]) {
        Some(protocol) => format!("{protocol}.{side}.request"),
        None => format!("{side}.request"),
    })
}
