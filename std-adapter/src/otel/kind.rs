//! Datadog's span type, by the span's kind and the kind of database.

use super::facts::Facts;
use crate::model::Text;

/// Databases whose queries are SQL.
const SQL: [&str; 43] = [
    "adabas",
    "cache",
    "clickhouse",
    "cloudscape",
    "cockroachdb",
    "coldfusion",
    "db2",
    "derby",
    "edb",
    "filemaker",
    "firebird",
    "firebirdsql",
    "firstsql",
    "h2",
    "hanadb",
    "hive",
    "hsqldb",
    "informix",
    "ingres",
    "instantdb",
    "interbase",
    "intersystems_cache",
    "mariadb",
    "maxdb",
    "microsoft.sql_server",
    "mssql",
    "mssqlcompact",
    "mysql",
    "netezza",
    "oracle",
    "oracle.db",
    "other_sql",
    "pervasive",
    "pointbase",
    "postgresql",
    "progress",
    "redshift",
    "sap.hana",
    "softwareag.adabas",
    "sqlite",
    "sybase",
    "teradata",
    "vertica",
];

/// The span type.
pub(super) fn span_type(facts: &Facts<'_>) -> Text {
    if let Some(told) = facts.any(&["datadog.type"]).or_else(|| facts.any(&["span.type"])) {
        return Text::new(&told);
    }
    if facts.is_server() {
        return Text::from("web");
    }
    if !facts.is_client() {
        return Text::from("custom");
    }
    let Some(system) = facts.any(&["db.system", "db.system.name"]) else { return Text::from("http") };
    Text::from(match &*system {
        "cassandra" => "cassandra",
        "redis" => "redis",
        "memcached" => "memcached",
        "mongodb" => "mongodb",
        "elasticsearch" => "elasticsearch",
        "opensearch" => "opensearch",
        system if SQL.binary_search(&system).is_ok() => "sql",
        _ => "db",
    })
}

#[test]
fn the_list_is_in_order() {
    assert!(SQL.is_sorted());
}
