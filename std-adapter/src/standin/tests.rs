//! The client and the stand-in, over a real connection.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::agent::{self, Client, Count};
use crate::config::Tagging;
use crate::model::{Source, Span};
use crate::pipeline::{Assembler, Limits};

/// Text written by the stand-in, for the test to read.
struct Screen(mpsc::Sender<Vec<u8>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Running {
    handle: Handle,
    url: String,
    screen: mpsc::Receiver<Vec<u8>>,
    thread: thread::JoinHandle<Result<(), StandinError>>,
}

impl Running {
    fn start() -> Self {
        Self::start_with(false)
    }

    fn start_with(whole: bool) -> Self {
        let (sender, screen) = mpsc::channel();
        let options = Options { output: Box::new(Screen(sender)), style: Style::default(), whole };
        let standin = Standin::bind("127.0.0.1:0", options).expect("a free port");
        let url = format!("http://{}", standin.local_addr().expect("an address"));
        let handle = standin.handle();
        Self { handle, url, screen, thread: thread::spawn(|| standin.run()) }
    }

    /// Stops it; gives what it has shown.
    fn stop(self) -> String {
        self.handle.stop();
        self.thread.join().expect("no panic").expect("it ends well");
        drop(self.handle);
        self.screen.iter().map(|bytes| String::from_utf8(bytes).expect("text")).collect()
    }
}

fn get(url: &str) -> String {
    ureq::get(url).call().expect("an answer").body_mut().read_to_string().expect("text")
}

#[test]
fn traces_go_from_the_client_to_the_screen() {
    let running = Running::start();
    let client = Client::start(&running.url, agent::Options::default()).expect("a usable URL");
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let source = Arc::new(Source { service: Some("svc".into()), ..Source::new(1) });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64;
    let root = Span { start: now, duration: 1_500, ..Span::new(5, 1, 0, "root", source.clone()) };
    let child = Span { start: now + 1, duration: 20, error: true, ..Span::new(5, 2, 1, "child", source) };
    assembler.push(child, 0, &mut |_| {});
    assembler.push(root, 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));

    let stats = client.shutdown(Duration::from_secs(5));
    assert_eq!((stats.sent, stats.dropped()), (Count { traces: 1, spans: 2 }, Count::default()));
    let expected = Summary { traces: 1, spans: 2, errors: 1, payloads: 1, ..Summary::default() };
    assert_eq!(running.handle.summary(), expected);
    assert_eq!(
        get(&format!("{}/test/summary", running.url)),
        r#"{"traces":1,"spans":2,"errors":1,"payloads":1,"rejected":0,"last_rejection":null}"#
    );
    assert!(get(&format!("{}/info", running.url)).contains("/v0.4/traces"));
    let shown = running.stop();
    assert!(
        shown.starts_with("This is microspan's stand-in for the Datadog agent, not the agent:"),
        "{shown}"
    );
    assert!(
        shown.ends_with(
            "trace 00000000000000000000000000000005  2 spans\n\
             svc  root  1.500 µs\n\
             └─ svc  child  20 ns  error\n"
        ),
        "{shown}"
    );
}

#[test]
fn what_several_programs_have_of_a_trace_is_one_tree_where_that_is_asked_for() {
    let running = Running::start_with(true);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64;
    // The one that was called tells first.
    for (service, id, parent) in [("callee", 2u64, 1), ("caller", 1, 0)] {
        let client = Client::start(&running.url, agent::Options::default()).expect("a usable URL");
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let source = Arc::new(Source { service: Some(service.into()), ..Source::new(id.into()) });
        let span = Span::new(5 << 64 | 5, id, parent, "work", source);
        let span = Span { start: now + id as i64, duration: 20, remote_parent: parent != 0, ..span };
        assembler.push(span, 0, &mut |_| {});
        assembler.flush(&mut |trace| client.send(trace));
        assert_eq!(client.shutdown(Duration::from_secs(5)).sent.spans, 1);
    }
    let mut shown = String::new();
    while !shown.contains("callee") {
        let bytes = running.screen.recv_timeout(Duration::from_secs(20)).expect("it is shown");
        shown += &String::from_utf8(bytes).expect("text");
    }
    shown += &running.stop();
    let tree = "trace 00000000000000050000000000000005  2 spans\n\
                caller  work  20 ns\n\
                └─ callee  work  20 ns\n";
    assert!(shown.ends_with(tree), "{shown}");
    assert_eq!(shown.matches("trace 0").count(), 1, "{shown}");
}

#[test]
fn a_bad_payload_is_refused_with_the_reason_and_counted() {
    let running = Running::start();
    let client = Client::start(&running.url, agent::Options::default()).expect("a usable URL");
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    assembler.push(Span::new(5, 1, 0, "long ago", Arc::new(Source::new(1))), 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));
    let stats = client.shutdown(Duration::from_secs(5));
    assert_eq!(stats.dropped_refused[&400], Count { traces: 1, spans: 1 });
    let summary = running.handle.summary();
    assert_eq!((summary.payloads, summary.rejected), (0, 1));
    let reason = "trace 0, span 0: start 0 is more than a day away from now";
    assert_eq!(summary.last_rejection.as_deref(), Some(reason));

    let answer = ureq::put(format!("{}/v0.4/traces", running.url)).content_type("text/plain").send("x");
    assert!(matches!(answer, Err(ureq::Error::StatusCode(415))));
    assert!(running.stop().contains(&format!("refused a payload: {reason}\n")));
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line_with_what_to_do() {
    let running = Running::start();
    let address = running.url.trim_start_matches("http://").to_owned();
    let options = Options { output: Box::new(io::sink()), style: Style::default(), whole: false };
    let message = Standin::bind(&address, options).err().expect("the port is taken").to_string();
    assert_eq!(
        message,
        format!(
            "cannot listen on {address}: another program listens there, perhaps a Datadog agent; stop it, or choose \
             another port and set DD_TRACE_AGENT_URL of the sender to match"
        )
    );
    running.stop();
}
