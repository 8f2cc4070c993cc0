//! Texts that are longer than the arena's cells hold, on their way to the agent.

mod support;

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::thread;
use std::time::Duration;

use microspan::{Static, current_span, trace, wrap};
use microspan_std::local::{Builder, Local};
use support::{Agent, Span};

/// A text of so many bytes, which tells where each of them was.
fn text(bytes: usize) -> String {
    (0..)
        .map(|number| format!("column_{number}, "))
        .flat_map(|piece| piece.into_bytes())
        .map(char::from)
        .take(bytes)
        .collect()
}

#[derive(Debug)]
struct Refused(String, Option<Box<Refused>>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[wrap(name = "fails", err)]
fn fails(text: &str) -> Result<(), Refused> {
    Err(Refused(text.to_owned(), None))
}

/// An error that can be shown once, as what wraps an iterator.
struct Once(Cell<Option<String>>);

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.take().expect("shown once"))
    }
}

#[wrap(name = "fails.once", err)]
fn fails_once(text: &str) -> Result<(), Once> {
    Err(Once(Cell::new(Some(text.to_owned()))))
}

/// What the agent got. On a busy machine it may be late, and get a payload again.
fn spans(agent: &Agent) -> Vec<Span> {
    let mut spans = agent.spans();
    spans.sort_by_key(|span| span.id);
    spans.dedup_by_key(|span| span.id);
    spans
}

fn flush(local: &Local) {
    assert!(local.flush(Duration::from_secs(10)));
}

#[test]
fn a_long_text_arrives_whole_and_nothing_is_left_of_it() {
    static RESOURCE: &str = concat!(
        "SELECT a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, ",
        "c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, ",
        "f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9 FROM a, b, c, d, e, f, g"
    );
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    let (sql, longest, too_long) = (text(20_000), text(4_999), text(30_000));

    let query = trace("query");
    query.set_tag("db.statement", &*sql).set_tag("resource.name", &*longest).set_tag("whole", &*text(25_000));
    query.set_tag("cut", &*too_long).set_tag("again", &*too_long).set_tag("again", &*sql);
    query.set_tag("short", &*sql).set_tag("short", "now").set_tag("gone", &*sql).remove_tag("gone");
    assert_eq!(
        current_span().expect("a span").with_tag("db.statement", |seen| seen == sql.as_str().into()),
        Some(true)
    );
    query.add_event("sent", &[("statement", (&*sql).into()), ("rows", 7u32.into())]);
    drop(query);
    trace("fixed").set_resource(RESOURCE).set_tag("again", Static(RESOURCE));
    let cause = Refused("near column_7".into(), Some(Box::new(Refused(sql.clone(), None))));
    trace("failed").set_error(&Refused(sql.clone(), Some(Box::new(cause))));
    assert!(fails(&sql).is_err());
    assert!(fails_once(&sql).is_err());
    let caught = std::panic::catch_unwind(|| {
        let _through = trace("panicked");
        panic!("{sql}");
    });
    assert!(caught.is_err());
    flush(&local);

    let query = agent.span("query");
    let tag = |key: &str| query.meta.get(key).map(String::as_str);
    assert_eq!((tag("db.statement"), query.resource.as_str()), (Some(&*sql), &*longest));
    assert_eq!((tag("whole"), tag("again"), tag("short")), (Some(&*text(25_000)), Some(&*sql), Some("now")));
    assert_eq!(tag("cut"), Some(&*format!("{}...", &too_long[..24_997])));
    assert_eq!(tag("gone"), None);
    assert!(tag("events").expect("events").contains(&format!("{sql:?}")));
    let fixed = agent.span("fixed");
    assert_eq!((fixed.resource.as_str(), fixed.meta["again"].as_str()), (RESOURCE, RESOURCE));
    let failed = agent.span("failed");
    assert_eq!(failed.meta["error.message"], sql);
    assert_eq!(failed.meta["error.stack"], format!("caused by: near column_7\ncaused by: {sql}"));
    assert_eq!(agent.span("fails").meta["error.message"], sql);
    assert_eq!(agent.span("fails.once").meta["error.message"], sql);
    assert_eq!(agent.span("panicked").meta["error.message"], sql);

    // More than there is room for at once, and again when the drain has made room.
    let (first, second) = (text(24_000), text(12_000));
    for round in 0..2 {
        let open: Vec<_> = (0..400).map(|_| trace("open").detach()).collect();
        open.iter().for_each(|span| _ = span.set_tag("text", &*first));
        let cut = local.stats().texts_cut;
        assert_eq!(cut, (round + 1) * (400 - 174), "of each round");
        drop(open);
        flush(&local);
    }
    let spans = self::spans(&agent);
    let texts = || spans.iter().filter(|span| span.name == "open").map(|span| span.meta["text"].as_str());
    assert_eq!(texts().filter(|text| *text == first).count(), 2 * 174);
    assert_eq!(texts().filter(|text| *text == format!("{}...", &first[..255])).count(), 2 * (400 - 174));

    // Threads at once, whose spans end, and are dropped where the arena is full.
    let before = local.stats();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_500).for_each(|_| _ = trace("many").set_tag("text", &*second)));
        }
    });
    let taken = || {
        let now = local.stats();
        now.pipeline.spans - before.pipeline.spans
            + u64::from(now.recorder.spans_dropped() - before.recorder.spans_dropped())
    };
    while taken() < 6_000 {
        flush(&local);
    }
    let after = local.stats();
    let spans = self::spans(&agent);
    let many = spans.iter().filter(|span| span.name == "many").collect::<Vec<_>>();
    let whole = many.iter().filter(|span| span.meta.get("text").is_some_and(|text| *text == second)).count();
    let cut = many.iter().filter(|span| span.meta.get("text").is_some_and(|text| text.len() == 258)).count();
    let without = many.iter().filter(|span| !span.meta.contains_key("text")).count();
    assert_eq!(whole + cut + without, many.len());
    // Some that were refused found no cells either.
    assert!(cut as u64 <= after.texts_cut - before.texts_cut);
    println!("{whole} of {} whole, {cut} cut, {without} without", many.len());
    assert!(whole > 0, "{whole} of {}", many.len());

    // Nothing of all that is held: there is as much room as at first.
    let open: Vec<_> = (0..174).map(|_| trace("last").detach()).collect();
    open.iter().for_each(|span| _ = span.set_tag("text", &*first));
    assert_eq!(local.stats().texts_cut, after.texts_cut);

    // What is open when it ends lets go of its texts, and what is set later is cut.
    let name = open[0].as_ref().expect("a span");
    let _ = local.shutdown(Duration::from_secs(5));
    assert_eq!(name.with_tag("text", |_| ()), None);
    name.set_tag("text", &*first);
    assert_eq!(name.with_tag("text", |seen| seen == first[..255].into()), Some(true));
}
