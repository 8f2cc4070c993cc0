//! What becomes of a payload by each status that an agent may answer.

use std::collections::BTreeMap;

use super::*;

/// What a status says of the payload that was answered with it.
#[derive(Clone, Copy, PartialEq)]
enum Means {
    Taken,
    Later,
    Never,
}

fn means(status: u16) -> Means {
    match status {
        200..=299 => Means::Taken,
        408 | 429 | 500..=599 => Means::Later,
        _ => Means::Never,
    }
}

#[test]
fn by_each_status_a_payload_is_sent_or_sent_again_or_dropped_and_counted_under_it() {
    let mut script = Vec::new();
    for status in 200..600 {
        script.push(Turn::answer(status, ""));
        if means(status) == Means::Later {
            script.push(Turn::answer(200, OK));
        }
    }
    let turns = script.len();
    let server = Scripted::start(script);
    let options = Options { retry_pause: Duration::from_micros(100), ..quick() };
    let client = client(&server, options);
    let (mut sent, mut retries, mut refused) = (Count::default(), 0, BTreeMap::new());
    for status in 200..600 {
        send(&client, 0);
        assert!(client.flush(SOON), "{status}");
        match means(status) {
            Means::Taken => sent += TWO_SPANS,
            Means::Later => (sent, retries) = (sent + TWO_SPANS, retries + 1),
            Means::Never => _ = refused.insert(status, TWO_SPANS),
        }
        let stats = client.stats();
        assert_eq!(
            (stats.sent, stats.retries, &stats.dropped_refused),
            (sent, retries, &refused),
            "{status}"
        );
    }
    let stats = client.shutdown(SOON);
    assert_eq!(sent, Count { traces: 202, spans: 404 });
    assert_eq!(stats.dropped(), Count { traces: 198, spans: 396 });
    assert_eq!(server.requests().len(), turns);
}
