//! An agent that takes everything, and shows it as trees.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use microspan_std::config::Config;
use rmpv::Value;

/// What an agent that takes statistics says of itself.
const INFO: &str = r#"{"endpoints":["/v0.4/traces","/v0.6/stats"],"client_drop_p0s":true}"#;

/// A span as the agent got it.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub service: String,
    pub resource: String,
    pub kind: String,
    pub id: u64,
    pub parent: u64,
    pub trace: u64,
    pub start: i64,
    pub duration: i64,
    pub error: bool,
    /// As they lie in the payload.
    pub links: Option<Value>,
    pub meta: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, f64>,
}

/// The agent. Its threads end with the program.
pub struct Agent {
    pub url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    bytes: Arc<Mutex<u64>>,
}

impl Agent {
    pub fn start() -> Self {
        Self::with(true, ["{}"; 2])
    }

    /// One that counts bytes and keeps nothing.
    pub fn blind() -> Self {
        Self::with(false, ["{}"; 2])
    }

    /// The same of one that takes statistics, and asks for half of the traces.
    pub fn counting() -> Self {
        Self::with(false, [INFO, r#"{"rate_by_service":{"service:,env:":0.5}}"#])
    }

    /// The same as at first of one that says this of itself.
    pub fn saying(info: &'static str) -> Self {
        Self::with(true, [info, "{}"])
    }

    /// `says` is what it answers when it is asked what it can do, and to anything else.
    fn with(sees: bool, says: [&'static str; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (spans, bytes) = (Arc::<Mutex<Vec<Span>>>::default(), Arc::<Mutex<u64>>::default());
        let (ours, count) = (spans.clone(), bytes.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (ours, count) = (ours.clone(), count.clone());
                thread::spawn(move || serve(stream, &ours, &count, sees, says));
            }
        });
        Self { url, spans, bytes }
    }

    pub fn config(&self) -> Config {
        Config::from_vars([("DD_TRACE_AGENT_URL", self.url.as_str()), ("DD_SERVICE", "kitchen")])
    }

    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("no panic before").clone()
    }

    pub fn bytes(&self) -> u64 {
        *self.bytes.lock().expect("no panic before")
    }

    /// The span of this name; there is one.
    pub fn span(&self, name: &str) -> Span {
        let mut found: Vec<Span> = self.spans().into_iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "of `{name}`: {found:?}");
        found.remove(0)
    }

    /// The traces whose roots have this name: names, indented, siblings by their starts.
    pub fn tree(&self, root: &str) -> String {
        let mut spans = self.spans();
        spans.sort_by_key(|span| span.start);
        let mut shown = String::new();
        for root in spans.iter().filter(|span| span.name == root && span.parent == 0) {
            show(&spans, root, 0, &mut shown);
        }
        shown
    }
}

fn show(spans: &[Span], span: &Span, depth: usize, shown: &mut String) {
    let mark = if span.error { " !" } else { "" };
    writeln!(shown, "{:depth$}{}{mark}", "", span.name).expect("room");
    for child in spans.iter().filter(|child| child.parent == span.id && child.trace == span.trace) {
        show(spans, child, depth + 1, shown);
    }
}

fn serve(stream: TcpStream, spans: &Mutex<Vec<Span>>, bytes: &Mutex<u64>, sees: bool, says: [&str; 2]) {
    let mut input = BufReader::new(&stream);
    let mut body = Vec::new();
    let mut line = String::new();
    loop {
        let mut length = 0;
        let mut is_question = false;
        loop {
            line.clear();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim_end().is_empty() {
                break;
            }
            is_question |= line.starts_with("GET /info ");
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        body.resize(length, 0);
        if input.read_exact(&mut body).is_err() {
            return;
        }
        *bytes.lock().expect("no panic before") += length as u64;
        if sees && length > 0 {
            let decoded = decode(&body);
            spans.lock().expect("no panic before").extend(decoded);
        }
        let [info, other] = says;
        let said = if is_question { info } else { other };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn decode(mut body: &[u8]) -> Vec<Span> {
    let traces = rmpv::decode::read_value(&mut body).expect("MessagePack");
    let traces = traces.as_array().expect("traces").iter();
    traces.flat_map(|trace| trace.as_array().expect("spans").iter().map(span)).collect()
}

fn span(value: &Value) -> Span {
    let map = value.as_map().expect("a span");
    let get = |key: &str| map.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value);
    let text = |key| get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = |key| get(key).and_then(Value::as_u64).unwrap_or_default();
    let number = |key| get(key).and_then(Value::as_i64).unwrap_or_default();
    let pairs = |key| get(key).and_then(Value::as_map).cloned().unwrap_or_default().into_iter();
    let key = |key: &Value| key.as_str().expect("a key").to_owned();
    Span {
        name: text("name"),
        service: text("service"),
        resource: text("resource"),
        kind: text("type"),
        id: id("span_id"),
        parent: id("parent_id"),
        trace: id("trace_id"),
        start: number("start"),
        duration: number("duration"),
        error: number("error") == 1,
        links: get("span_links").cloned(),
        meta: pairs("meta").map(|(k, v)| (key(&k), v.as_str().expect("a text").to_owned())).collect(),
        metrics: pairs("metrics").map(|(k, v)| (key(&k), v.as_f64().expect("a number"))).collect(),
    }
}
