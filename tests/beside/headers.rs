//! Headers in and out, on both sides.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use microspan::SpanContext;
use microspan::propagation::{Propagator, Style};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fields::Fields;

pub const ALL: [Style; 5] = [Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];

/// The span here on whose behalf requests are sent.
const CALL: u64 = 0x1122_3344_5566_7788;

/// Headers that come, and in which styles they are read and sent on.
#[derive(Clone)]
pub struct Request {
    pub name: String,
    pub extract: &'static [Style],
    pub inject: &'static [Style],
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn new(
        name: &str,
        extract: &'static [Style],
        inject: &'static [Style],
        headers: &[(&str, &str)],
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), extract, inject, headers }
    }
}

/// What was found, and what is sent.
#[derive(Debug, Deserialize)]
pub struct Answer {
    context: Value,
    /// The span on whose behalf.
    call: u64,
    pub headers: BTreeMap<String, String>,
}

/// What we make of requests.
pub fn ours(requests: &[Request]) -> Vec<Answer> {
    let answer = |request: &Request| {
        let propagator = Propagator::new().extract_styles(request.extract).inject_styles(request.inject);
        let came: Vec<(&String, &String)> = request.headers.iter().collect();
        let extracted = propagator.extract(came.as_slice());
        let mut headers = BTreeMap::new();
        let mut set = |name: &'static str, value: &dyn Display| {
            headers.insert(name.to_owned(), value.to_string());
        };
        let context = extracted.context;
        if let Some(context) = context {
            let call = SpanContext { span_id: CALL, ..context };
            // What does not fit is told in a tag, which is compared where spans are.
            let _ = propagator.inject(&call, &extracted.passing, &mut set);
        }
        let baggage: BTreeMap<String, String> = extracted
            .passing
            .baggage()
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        let context = json!({
            "trace_id": format!("{:032x}", context.map_or(0, |context| context.trace_id)),
            "span_id": format!("{:016x}", context.map_or(0, |context| context.span_id)),
            "priority": extracted.sampling_priority,
            "origin": extracted.passing.origin().map(|origin| origin.to_string()),
            "baggage": baggage,
        });
        Answer { context, call: CALL, headers }
    };
    requests.iter().map(answer).collect()
}

/// What ddtrace makes of them.
pub fn theirs(python: &Path, program: &Path, requests: &[Request]) -> Vec<Answer> {
    let asked: Vec<Value> = requests.iter().map(asked).collect();
    let mut child = Command::new(python)
        .arg(program)
        .arg("headers")
        .env("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
        .env("DD_REMOTE_CONFIGURATION_ENABLED", "false")
        // Nobody is there, and nothing is sent.
        .env("DD_TRACE_AGENT_URL", "http://127.0.0.1:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(Value::from(asked).to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).expect("answers in JSON")
}

fn asked(request: &Request) -> Value {
    let names = |styles: &[Style]| styles.iter().map(|style| style.name()).collect::<Vec<_>>();
    json!({
        "extract": names(request.extract),
        "inject": names(request.inject),
        "headers": request.headers,
    })
}

/// What was found.
pub fn found(requests: &[Request], answers: &[Answer]) -> Fields {
    let mut fields = Fields::new();
    for (request, answer) in requests.iter().zip(answers) {
        for (key, value) in answer.context.as_object().into_iter().flatten() {
            fields.insert((request.name.clone(), key.clone()), value.to_string());
        }
    }
    fields
}

/// What is sent, header by header and, where the order of items says nothing, item by item.
pub fn sent(requests: &[Request], answers: &[Answer]) -> Fields {
    let mut fields = Fields::new();
    for (request, answer) in requests.iter().zip(answers) {
        let (hex, decimal) = (format!("{:016x}", answer.call), answer.call.to_string());
        let mut put = |field: String, value: &str| {
            let value = value.replace(&hex, "CALL").replace(&decimal, "CALL");
            fields.insert((request.name.clone(), field), value);
        };
        for (name, value) in &answer.headers {
            match name.as_str() {
                "x-datadog-tags" | "baggage" => {
                    for (key, value) in value.split(',').filter_map(|item| item.split_once('=')) {
                        put(format!("{name} {key}"), value);
                    }
                }
                "tracestate" => {
                    let (ours, others): (Vec<&str>, Vec<&str>) =
                        value.split(',').partition(|member| member.starts_with("dd="));
                    put("tracestate, the others".to_owned(), &others.join(","));
                    let items = ours.iter().flat_map(|member| member["dd=".len()..].split(';'));
                    for (key, value) in items.filter_map(|item| item.split_once(':')) {
                        put(format!("tracestate dd {key}"), value);
                    }
                }
                _ => put(name.clone(), value),
            }
        }
    }
    fields
}
