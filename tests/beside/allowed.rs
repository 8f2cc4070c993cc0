//! Where we differ from ddtrace, and why.

use crate::fields::Allowed;

const fn row(
    span: &'static str,
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    why: &'static str,
) -> Allowed {
    Allowed { span, field, ours, theirs, why }
}

/// In spans.
pub const SPANS: &[Allowed] = &[
    row("*", "meta.language", "rust", "python", "it is another"),
    row(
        "*",
        "meta._dd.tags.process",
        "-",
        "*",
        "what is known of the process is not told; it may be left out",
    ),
    row("*", "metrics._dd.tracer_kr", "-", "1", "told when something was dropped"),
    row("*", "metrics._dd.py.partial_flush", "-", "4", "Python's own"),
    row(
        "*",
        "meta.runtime-id",
        "an id",
        "-",
        "each chunk tells its process; of ddtrace's those without a root do not",
    ),
    row("*", "metrics.process_id", "a number", "-", "as above"),
    row(
        "*",
        "meta._dd.svc_src",
        "-",
        "m",
        "who set a service is not told: there are no integrations that could have",
    ),
    row("tags", "meta.yes", "true", "True", "Python's way to write it"),
    row(
        "tags",
        "meta.http.status_code",
        "-",
        "404",
        "a number is a number under each key; the agent reads both",
    ),
    row("tags", "metrics.http.status_code", "404", "-", "as above"),
    row(
        "linked.child",
        "link 0.flags",
        "-",
        "2147483648",
        "nothing is decided of the trace when the link is made",
    ),
    row("served.child", "meta._dd.p.*", "-", "*", "tags of the trace are on the first span of a chunk"),
    row("served.long.*", "meta._dd.p.tid", "-", "640cfd8d00000000", "as above"),
    row("served*", "meta._dd.origin", "-", "*", "as above"),
];

/// In what is found in headers.
pub const FOUND: &[Allowed] = &[];

/// In what is sent.
pub const SENT: &[Allowed] = &[
    row("*", "tracestate dd t.tid", "-", "*", "traceparent has it"),
    row(
        "w3c, sampled against the member",
        "x-datadog-tags _dd.p.dm",
        "-0",
        "-4",
        "who sampled it is not who rejected it",
    ),
    row("w3c, sampled against the member", "tracestate dd t.dm", "-0", "-4", "as above"),
    row("datadog, no priority", "x-datadog-tags _dd.p.dm", "-", "-0", "who began the trace decides"),
    row("datadog, no priority", "tracestate dd t.dm", "-", "-0", "as above"),
    row(
        "datadog, no priority",
        "tracestate, the others",
        "",
        "ot=*",
        "OpenTelemetry's member is not written",
    ),
];

/// In what is found in headers that one of both has sent.
pub const CROSSED: &[Allowed] = &[];
