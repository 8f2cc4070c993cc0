//! What may be wrong with an agent: whatever that is, each span is counted once.

use super::*;

const MANY: Count = Count { traces: 300, spans: 600 };

/// A client, and a payload that it does not send yet: more than what systems keep of what nobody reads.
fn holding_much(server: &Scripted, timeout: Duration) -> Client {
    let later = Duration::from_secs(60);
    let client = client(
        server,
        Options { flush_bytes: 10_000_000, flush_interval: Some(later), timeout: Some(timeout), ..quick() },
    );
    (0..MANY.traces).for_each(|_| send(&client, 25_000));
    client
}

#[test]
fn a_connection_that_is_reset_in_the_middle_of_a_payload_is_made_again() {
    let server = Scripted::start(vec![Turn::Deaf(Duration::ZERO), Turn::answer(200, OK)]);
    let client = holding_much(&server, SOON);
    assert!(client.flush(SOON));
    assert_eq!((client.stats().sent, client.stats().retries), (MANY, 1));
    assert_eq!((client.stats().dropped(), server.connections()), (Count::default(), 2));
}

#[test]
fn an_agent_that_does_not_read_a_payload_is_waited_for_no_longer_than_it_may() {
    let server = Scripted::start(vec![Turn::Deaf(SOON), Turn::answer(200, OK)]);
    let client = holding_much(&server, Duration::from_millis(500));
    let before = Instant::now();
    assert!(client.flush(SOON));
    assert!(before.elapsed() < Duration::from_secs(3), "the time-out is half a second");
    assert_eq!((client.stats().sent, client.stats().retries), (MANY, 1));
    assert!(client.stats().bytes_sent > 7_000_000);
}

#[test]
fn an_answer_whose_text_comes_too_late_is_the_success_that_it_began_as() {
    let server = Scripted::start(vec![Turn::Slow(SOON, OK), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    let before = Instant::now();
    for _ in 0..2 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    assert!(before.elapsed() < Duration::from_secs(3), "the time-out is 300 ms");
    assert_eq!((client.stats().sent.traces, client.stats().retries), (2, 0));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn by_each_status_a_trace_is_sent_or_tried_again_or_refused_and_counted_once() {
    let is_retried = |status: u16| matches!(status, 408 | 429 | 500..);
    let all = 200..600;
    let turns = all.clone().flat_map(|status| {
        let more = is_retried(status).then(|| Turn::answer(200, OK));
        // What is too large is sent in halves.
        let turns = if status == 413 { 3 } else { 1 };
        vec![Turn::answer(status, ""); turns].into_iter().chain(more)
    });
    let server = Scripted::start(turns.collect());
    let options = Options { retry_pause: Duration::from_millis(1), ..quick() };
    let client = client(&server, options);
    let (mut sent, mut refused, mut retries) = (0, 0, 0);
    for status in all {
        send(&client, 0);
        assert!(client.flush(SOON), "{status}");
        let is_success = status < 300;
        retries += u64::from(is_retried(status));
        sent += u64::from(is_success || is_retried(status));
        refused += u64::from(!is_success && !is_retried(status)) + u64::from(status == 413);
        let stats = client.stats();
        let counts = (stats.sent.traces, stats.refused().traces, stats.retries);
        assert_eq!(counts, (sent, refused, retries), "{status}");
        assert_eq!(stats.dropped_refused.contains_key(&status), !is_success && !is_retried(status));
        let spans = 2 * (sent + refused - u64::from(status >= 413));
        assert_eq!(stats.sent + stats.dropped(), Count { traces: sent + refused, spans });
    }
}

#[test]
fn what_comes_while_an_agent_restarts_reaches_the_new_one() {
    let server = Scripted::start(vec![Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    assert!(client.flush(SOON));
    server.leave();
    send(&client, 7);
    let before = Instant::now();
    while client.stats().retries < 3 {
        assert!(before.elapsed() < SOON, "{:?}", client.stats());
        std::thread::sleep(Duration::from_millis(1));
    }
    let address = server.url().replace("http://", "");
    let server = Scripted::start_at(&address, vec![Turn::answer(200, OK)]);
    assert!(client.flush(SOON));
    let stats = client.stats();
    assert_eq!((stats.sent, stats.dropped()), (Count { traces: 2, spans: 4 }, Count::default()));
    assert_eq!(server.requests().len(), 1);
}

/// A payload is tried for five milliseconds here, and not for thirty seconds: so three hundred payloads are two and a half hours.
#[test]
fn in_an_outage_as_long_as_three_hundred_payloads_are_tried_what_is_held_stays_in_its_budget() {
    const SIZE: usize = 1_000;
    let address = Scripted::unused_address();
    let millisecond = Duration::from_millis(1);
    let options = Options {
        queue_bytes: Some(20 * SIZE),
        payload_bytes: Some(5 * SIZE),
        flush_bytes: 2 * SIZE,
        retry_for: 5 * millisecond,
        retry_pause: millisecond,
        flush_interval: Some(millisecond),
        ..quick()
    };
    let client = Client::start(&format!("http://{address}"), options).expect("a usable URL");
    let mut given = 0;
    let before = Instant::now();
    let mut round = |client: &Client| {
        (0..10).for_each(|_| send(client, SIZE));
        given += 10;
        let held = client.shared.lock().queue.held();
        assert!(held.traces < 20, "{held:?} are more than 20 kB");
        std::thread::sleep(millisecond);
    };
    // A payload has at most four traces.
    while client.stats().dropped_unreachable.traces < 4 * 300 {
        assert!(before.elapsed() < 12 * SOON, "{:?}", client.stats());
        round(&client);
    }
    let server = Scripted::start_at(&address, vec![Turn::answer(200, OK); 1_000]);
    while client.stats().sent.traces < 100 {
        assert!(before.elapsed() < 12 * SOON, "{:?}", client.stats());
        round(&client);
    }
    let stats = client.shutdown(SOON);
    assert_eq!(stats.sent + stats.dropped(), Count { traces: given, spans: 2 * given }, "{stats:?}");
    assert!(stats.dropped_queue_full.traces > 0 && stats.dropped_refused.is_empty(), "{stats:?}");
    drop(server);
}

#[test]
#[cfg(unix)]
fn a_socket_that_is_missing_or_whose_agent_is_gone_costs_what_was_tried_and_that_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apm.socket");
    let options = Options { retry_for: Duration::from_millis(20), ..quick() };
    let client = Client::start(&format!("unix://{}", path.display()), options).expect("a usable URL");
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped_unreachable, TWO_SPANS);
    // One that ended leaves its path behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a folder for it"));
    send(&client, 0);
    assert!(client.flush(SOON));
    let stats = client.stats();
    assert_eq!(
        (stats.dropped_unreachable.traces, stats.dropped(), stats.sent.traces),
        (2, stats.dropped_unreachable, 0)
    );
}
