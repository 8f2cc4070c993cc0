//! Agents that answer too early, not at all, or not what they are asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;

use super::*;

/// What an agent did with bodies of these lengths.
#[derive(Default)]
struct Taken {
    bodies: Vec<usize>,
    refused: Vec<usize>,
}

/// Refuses bodies of more than `most` bytes without reading them; the first of all requests is answered after a while.
fn refuse<S: Read + Write>(stream: S, most: usize, taken: &Mutex<Taken>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = said.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if length > most {
            taken.lock().expect("no panic before").refused.push(length);
            let answer = "HTTP/1.1 413 x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
            _ = stream.get_mut().write_all(answer.as_bytes());
            // Closed with something unread: the connection is reset.
            return;
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let is_first = {
            let mut taken = taken.lock().expect("no panic before");
            taken.bodies.push(length);
            taken.bodies.len() == 1
        };
        if is_first {
            thread::sleep(Duration::from_millis(150));
        }
        _ = stream.get_mut().write_all(b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}");
    }
}

fn start_refusing(most: usize) -> (String, Arc<Mutex<Taken>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let taken = Arc::new(Mutex::new(Taken::default()));
    let ours = taken.clone();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| refuse(stream, most, &ours)));
    (url, taken)
}

/// Sends one trace of so many spans, each of a little more than `fill` bytes.
fn send_many(client: &Client, spans: u64, fill: usize) {
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let source = Arc::new(Source::new(1));
    for id in 1..=spans {
        let mut span = Span::new(5, id, id - 1, "n", source.clone());
        span.tags = vec![("fill".into(), Value::Str(Text::from("x".repeat(fill))))];
        assembler.push(span, 0, &mut |_| {});
    }
    assembler.flush(&mut |trace| client.send(trace));
}

/// A client of which the first payload is taken, slowly.
fn busy(url: &str) -> Client {
    let client = Client::start(url, Options { flush_bytes: 9_000_000, ..quick() }).expect("a usable URL");
    send(&client, 0);
    client.begin_flush();
    thread::sleep(Duration::from_millis(50));
    client
}

/// Four traces that gather meanwhile are refused early, and their halves are taken.
fn halves(url: &str, taken: &Mutex<Taken>) {
    let client = busy(url);
    for _ in 0..4 {
        send_many(&client, 50, 20_000);
    }
    assert!(client.flush(SOON));
    let stats = client.stats();
    assert_eq!((stats.sent.traces, stats.dropped(), stats.retries), (5, Count::default(), 0));
    let taken = taken.lock().expect("no panic before");
    assert_eq!((taken.bodies.len(), taken.refused.len()), (3, 1), "{:?}", taken.refused);
}

#[test]
fn an_answer_that_a_payload_is_too_large_is_heard_though_it_comes_before_all_is_sent() {
    let (url, taken) = start_refusing(2_100_000);
    halves(&url, &taken);
}

#[test]
#[cfg(unix)]
fn the_same_is_heard_from_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apm.socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a folder for it");
    let taken = Arc::new(Mutex::new(Taken::default()));
    let ours = taken.clone();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| refuse(stream, 2_100_000, &ours)));
    halves(&format!("unix://{}", path.display()), &taken);
}

#[test]
fn an_end_without_an_answer_while_a_payload_is_sent_is_told_as_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            _ = stream.read(&mut [0; 100]);
        }
    });
    let client = Client::start(&url, Options { retry_for: Duration::from_millis(40), ..quick() });
    let client = client.expect("a usable URL");
    send_many(&client, 400, 20_000);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped_unreachable, Count { traces: 1, spans: 400 });
}

#[test]
fn a_trace_that_is_too_large_by_itself_is_sent_in_parts_and_so_are_later_ones_at_once() {
    let (url, taken) = start_refusing(50_000);
    let client = busy(&url);
    for _ in 0..3 {
        send_many(&client, 290, 200);
        assert!(client.flush(SOON));
    }
    let stats = client.stats();
    assert_eq!((stats.sent.spans, stats.dropped()), (3 * 290 + 2, Count::default()));
    let taken = taken.lock().expect("no panic before");
    assert_eq!(taken.refused.len(), 1, "of the first trace alone: {:?}", taken.refused);
}

#[test]
#[cfg(unix)]
fn connecting_to_a_socket_where_nobody_accepts_ends_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apm.socket");
    let listener =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&socket2::SockAddr::unix(&path).expect("a short path")).expect("a folder for it");
    listener.listen(0).expect("a socket");
    let first = std::os::unix::net::UnixStream::connect(&path).expect("room for one");
    let url = format!("unix://{}", path.display());
    let client = Client::start(&url, Options { retry_for: Duration::from_millis(40), ..quick() });
    let client = client.expect("a usable URL");
    let before = Instant::now();
    send(&client, 0);
    assert!(client.flush(SOON));
    assert!(before.elapsed() < Duration::from_millis(900), "the time-out is 300 ms");
    assert_eq!(client.stats().dropped_unreachable, TWO_SPANS);
    drop(first);
}

#[test]
fn what_is_too_large_is_told_of_once_and_an_agent_that_takes_next_to_nothing_is_not_believed() {
    let info = r#"{"endpoints":["/v0.4/traces"],"config":{"max_request_bytes":10}}"#;
    let script = std::iter::once(Turn::answer(200, info)).chain(vec![Turn::answer(200, OK); 3]).collect();
    let server = Scripted::start(script);
    let client = client(&server, Options { ask_first: true, ..quick() });
    let before = Instant::now();
    while client.info().is_none() && before.elapsed() < SOON {
        thread::sleep(Duration::from_millis(1));
    }
    send(&client, 5_000);
    assert!(client.flush(SOON));
    for _ in 0..2 {
        send(&client, 20_000);
        assert!(client.flush(SOON));
    }
    let stats = client.stats();
    assert_eq!(stats.dropped(), Count { traces: 2, spans: 2 });
    assert_eq!((stats.dropped_too_large.spans, stats.sent.spans), (2, 4));
    let said = logged(&server.url());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("1 spans so far are larger than a payload to the agent at"), "{said:?}");
}

#[test]
fn what_an_agent_can_do_is_not_known_from_one_that_cannot_say_now() {
    let statuses = [503, 500, 429, 408, 404, 200];
    let server = Scripted::start(statuses.map(|status| Turn::answer(status, r#"{"version":"7"}"#)).into());
    let endpoint = Endpoint::parse(&server.url()).expect("usable");
    let http = Http::new(&endpoint, None);
    let said = statuses.map(|_| http.info(SOON).map(|info| info.version));
    assert_eq!(said, [None, None, None, None, Some(None), Some(Some("7".to_owned()))]);
}

#[test]
fn an_agent_that_does_not_say_what_it_can_do_is_asked_again_but_not_before_each_payload() {
    let ok = Turn::answer(200, OK);
    let info = Turn::answer(200, r#"{"version":"7.60"}"#);
    let silence = Turn::Silence(Duration::from_millis(1_500));
    let server = Scripted::start(vec![silence, ok.clone(), ok.clone(), info, ok]);
    let client = client(&server, Options { ask_first: true, timeout: Some(SOON), ..quick() });
    for pause in [0, 0, 1_300] {
        thread::sleep(Duration::from_millis(pause));
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    let requests = server.requests();
    let is_question: Vec<_> = requests.iter().map(|request| request.line.contains("/info")).collect();
    assert_eq!(is_question, [true, false, false, true, false]);
    assert_eq!(client.info().and_then(|info| info.version.clone()).as_deref(), Some("7.60"));
}

#[test]
fn rates_that_cannot_be_read_are_asked_for_again() {
    let version = "Datadog-Rates-Payload-Version: v7";
    let script = vec![Turn::Say(version, "not json"), Turn::Say(version, OK), Turn::Say(version, "{}")];
    let server = Scripted::start(script);
    let client = client(&server, quick());
    for _ in 0..3 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    let requests = server.requests();
    let said: Vec<_> =
        requests.iter().filter_map(|request| request.header("datadog-rates-payload-version")).collect();
    assert_eq!(said, ["0", "0", "v7"]);
}

#[test]
fn what_a_terminal_would_obey_does_not_reach_the_log() {
    let server = Scripted::start(vec![Turn::answer(400, "\u{1b}[2J\u{1b}]0;mine\u{7}\u{9b}1m")]);
    let client = client(&server, quick());
    send(&client, 0);
    assert!(client.flush(SOON));
    let said = logged(&server.url());
    assert!(said[0].contains("it answered 400: [2J ]0;mine 1m;"), "{said:?}");
    assert!(!said[0].contains(char::is_control), "{said:?}");
}
