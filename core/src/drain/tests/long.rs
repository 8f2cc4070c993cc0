//! Texts that are longer than tag cells hold, where somebody keeps them.

use super::*;
use crate::span::RecordErr;
use crate::{Held, LongTexts, MAX_STR, SpanContext, Taken};
use core::fmt;
use core::num::NonZeroU64;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec;

/// What is kept, beside the number that was given last.
type Texts = Mutex<(u64, BTreeMap<u64, String>)>;

/// How many texts are kept at once.
const MOST: usize = 5;

fn keep(texts: &Texts, write: &mut dyn FnMut(&mut dyn fmt::Write)) -> Option<NonZeroU64> {
    let mut texts = texts.lock().unwrap();
    let number = texts.0 + 1;
    if texts.1.len() == MOST {
        return None;
    }
    *texts = (number, core::mem::take(&mut texts.1));
    write(texts.1.entry(number).or_default());
    NonZeroU64::new(number)
}

fn show(texts: &Texts, number: u64, look: &mut dyn FnMut(&str)) {
    let text = texts.lock().unwrap().1.get(&number).cloned();
    text.iter().for_each(|text| look(text));
}

fn forget(texts: &Texts, number: u64) {
    assert!(texts.lock().unwrap().1.remove(&number).is_some(), "forgotten twice");
}

/// A tracer whose long texts lie in `$texts`.
macro_rules! keeper {
    ($tracer:ident, $texts:ident, $setup:expr) => {
        static $texts: Texts = Mutex::new((0, BTreeMap::new()));
        static LONG: LongTexts = LongTexts::new(
            |write| keep(&$texts, write),
            |number, look| show(&$texts, number, look),
            |number| forget(&$texts, number),
        );
        let $tracer = $setup;
        $tracer.keep_long_texts(&LONG);
    };
}

fn are_kept(texts: &Texts) -> usize {
    texts.lock().unwrap().1.len()
}

fn sql() -> String {
    (0..if cfg!(miri) { 400 } else { 20_000 }).map(|place| char::from(b'a' + (place % 26) as u8)).collect()
}

/// The texts of a span's tags and their attributes, and which are cut.
fn texts(span: &Taken<'_>) -> Vec<(String, String, bool)> {
    let mut found = vec![];
    span.tags(|key, held| match held {
        Held::Value(Value::Str(text)) => found.push((key.to_string(), text.to_string(), false)),
        Held::Cut(Value::Str(text)) => found.push((key.to_string(), text.to_string(), true)),
        Held::Event(_, said) | Held::RemoteLink(_, said) => said.each(|key, value, cut| {
            if let Value::Str(text) = value {
                found.push((key.to_string(), text.to_string(), cut));
            }
        }),
        _ => (),
    });
    found
}

fn take(drain: &mut Drain<64, 0>) -> Vec<(String, String, bool)> {
    let mut found = vec![];
    while drain.take(|span| found.extend(texts(span))) {}
    found
}

#[test]
fn a_long_text_is_taken_whole_wherever_it_was_set_and_forgotten_then() {
    keeper!(tracer, TEXTS, setup::<8, 64>().0);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let (sql, short) = (sql(), "s".repeat(MAX_STR));
    let elsewhere = SpanContext { trace_id: 7, span_id: 9, sampling_priority: None };
    let span = tracer.trace("query");
    span.set_tag("sql", &*sql).set_tag("resource.name", &sql[..MAX_STR + 1]);
    span.add_event("sent", &[("short", "one".into()), ("long", (&*sql).into()), ("more", "two".into())]);
    span.add_remote_link(&elsewhere, &[("why", (&sql[..300]).into())]);
    assert_eq!(span.with_tag("sql", |value| value == Value::Str(&sql)), Some(true));
    assert_eq!(span.get_tag("sql"), None);
    assert_eq!(are_kept(&TEXTS), 4);
    drop(span);
    tracer.trace("short").set_tag("short", &*short);
    let whole = |key: &str, text: &str| (key.to_string(), text.to_string(), false);
    assert_eq!(
        take(&mut drain),
        [
            whole("why", &sql[..300]),
            whole("short", "one"),
            whole("long", &sql),
            whole("more", "two"),
            whole("resource.name", &sql[..MAX_STR + 1]),
            whole("sql", &sql),
            whole("short", &short),
        ]
    );
    assert_eq!((are_kept(&TEXTS), tracer.stats()), (0, Stats::default()));
}

#[derive(Debug)]
struct Deep(String, Option<std::boxed::Box<Deep>>);

impl fmt::Display for Deep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Deep {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.1.as_deref().map(|deep| deep as _)
    }
}

#[test]
fn messages_and_sources_of_errors_are_whole() {
    keeper!(tracer, TEXTS, setup::<8, 16>().0);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let sql = sql();
    let error = Deep(
        sql.clone(),
        Some(Box::new(Deep("near SELECT".into(), Some(Box::new(Deep(sql.clone(), None)))))),
    );
    let _ = Err::<(), _>(error).record_err(&tracer.trace("query"));
    tracer.trace("info").set_error_info("Told", &sql);
    crate::__private::Failure(&sql).record(&tracer.trace("wrapped"));
    assert_eq!(are_kept(&TEXTS), 4);
    let found = take(&mut drain);
    let of = |of: &'static str| {
        let of = found.iter().filter(move |(key, ..)| key == of);
        of.map(|(_, text, cut)| (&**text, *cut)).collect::<Vec<_>>()
    };
    assert_eq!(of("error.message"), [(&*sql, false); 3]);
    let stack = format!("caused by: near SELECT\ncaused by: {sql}");
    assert_eq!(of("error.stack"), [(&*stack, false)]);
    assert_eq!(are_kept(&TEXTS), 0);
}

/// An error that can be shown once.
struct Once(core::cell::Cell<Option<usize>>);

fn once(len: usize) -> Once {
    Once(core::cell::Cell::new(Some(len)))
}

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.0.take().expect("shown twice");
        "é".repeat(len / 2).chars().try_for_each(|piece| write!(f, "{piece}"))
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl core::error::Error for Once {}

#[test]
fn an_error_is_shown_once_however_long_it_is_and_whoever_keeps_it() {
    let lengths = [0, 2, 252, 254, 256, 258, 260, 600];
    let set = |tracer: &'static Tracer, len| {
        tracer.trace("set").set_error(&once(len));
        crate::__private::Failure(&once(len)).record(&tracer.trace("wrapped"));
    };
    let messages = |drain: &mut Drain<64, 0>| {
        let mut found = take(drain);
        found.retain(|(key, ..)| key == "error.message");
        found.into_iter().map(|(_, text, cut)| (text, cut)).collect::<Vec<_>>()
    };
    let cut = |len: usize| ("é".repeat(len.min(MAX_STR) / 2), len > MAX_STR);
    for len in lengths {
        let (tracer, _) = setup::<8, 64>();
        let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
        set(tracer, len);
        assert_eq!(messages(&mut drain), [cut(len), cut(len)], "{len}, with nobody");
    }
    keeper!(tracer, TEXTS, setup::<8, 64>().0);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    for len in lengths {
        set(tracer, len);
        assert_eq!(are_kept(&TEXTS), if len > MAX_STR { 2 } else { 0 }, "{len}");
        assert_eq!(
            messages(&mut drain),
            [("é".repeat(len / 2), false), ("é".repeat(len / 2), false)],
            "{len}"
        );
    }
    // There is no more room.
    let full = tracer.trace("full");
    (0..MOST).for_each(|_| _ = full.set_tag("sql", &*sql()));
    for len in lengths {
        set(tracer, len);
        assert_eq!(messages(&mut drain), [cut(len), cut(len)], "{len}, without room");
    }
    // The span is gone when its error has been shown.
    drop(full);
    let name = tracer.trace("gone").as_ref().unwrap();
    take(&mut drain);
    name.set_error_shown("Late", format_args!("{}", once(600)));
    assert_eq!((are_kept(&TEXTS), tracer.stats().stale), (0, 1));
}

#[test]
fn what_there_is_no_room_for_is_cut_and_says_so() {
    keeper!(tracer, TEXTS, setup::<8, 64>().0);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let sql = sql();
    let span = tracer.trace("query");
    (0..MOST).for_each(|_| _ = span.set_tag("sql", &*sql));
    span.set_tag("beyond", &*sql);
    span.set_error(&Deep(sql.clone(), Some(Box::new(Deep(sql.clone(), None)))));
    drop(span);
    let stack = format!("caused by: {sql}");
    let cut = |key: &str, text: &str| (key.to_string(), text[..MAX_STR].to_string(), true);
    let mut found = take(&mut drain);
    found.retain(|(key, ..)| key != "sql");
    assert_eq!(found, [cut("error.stack", &stack), cut("error.message", &sql), cut("beyond", &sql)]);
    assert_eq!(are_kept(&TEXTS), 0);
}

#[test]
fn no_text_outlives_its_cell() {
    keeper!(tracer, TEXTS, setup::<8, 8>().0);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let sql = sql();
    // Set again, and taken away.
    let span = tracer.trace("query");
    span.set_tag("sql", "short").set_tag("sql", &*sql).set_tag("sql", &sql[1..]).remove_tag("resource.name");
    span.set_tag("resource.name", &*sql).remove_tag("resource.name");
    drop(span);
    assert_eq!(are_kept(&TEXTS), 3);
    assert_eq!(take(&mut drain), [("sql".into(), sql[1..].into(), false)]);
    assert_eq!(are_kept(&TEXTS), 0);
    // No cell for it, or for what belongs to it.
    let span = tracer.trace("full");
    (0..7).for_each(|_| _ = span.set_tag("n", 1u8));
    span.add_event("sent", &[("sql", (&*sql).into()), ("more", (&*sql).into())]);
    assert_eq!(are_kept(&TEXTS), 0);
    span.set_tag("sql", &*sql).set_tag("lost", &*sql);
    assert_eq!((are_kept(&TEXTS), tracer.stats().tags_full), (1, 2));
    let name = span.as_ref().unwrap();
    drop(span);
    assert_eq!(take(&mut drain), [("sql".into(), sql.clone(), false)]);
    // Set when the span has ended.
    name.set_tag("late", &*sql);
    assert_eq!(name.with_tag("sql", |_| ()), None);
    assert_eq!(are_kept(&TEXTS), 0);
}

#[test]
fn the_texts_of_spans_that_are_overwritten_are_forgotten() {
    let with = || {
        let (tracer, _) = setup::<4, 8>();
        &*Box::leak(Box::new(Tracer::of(tracer.arena, tracer.clock).overwrite()))
    };
    keeper!(tracer, TEXTS, with());
    for turn in 0..40 {
        tracer.trace("query").set_tag("sql", &*sql());
        assert!(are_kept(&TEXTS) <= 4, "{turn}");
    }
    assert!(tracer.stats().spans_overwritten >= 36);
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    assert!(take(&mut drain).iter().all(|(_, text, cut)| *text == sql() && !cut));
    assert_eq!(are_kept(&TEXTS), 0);
}

#[test]
fn a_packet_has_the_beginning_of_a_long_text() {
    keeper!(tracer, TEXTS, setup::<8, 16>().0);
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    let sql = sql();
    tracer.trace("query").set_tag("sql", &*sql).add_event("sent", &[("sql", (&*sql).into())]);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let beginning = &sql[..MAX_STR];
    let lines = read(&link.packets);
    assert!(lines[0].contains(&format!(" sql={beginning}…")), "{lines:?}");
    assert!(lines[0].contains(&format!("event@0(sql=Cut(Inline({beginning:?})))")), "{lines:?}");
    assert_eq!(are_kept(&TEXTS), 0);
}

#[test]
fn a_string_that_lives_for_ever_is_taken_whole_and_cut_in_packets() {
    static LONG: &str = concat!(
        "SELECT a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, ",
        "c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, ",
        "f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9 FROM a, b, c, d, e, f, g"
    );
    let (tracer, _) = setup::<8, 16>();
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    tracer.trace("query").set_resource(LONG);
    let mut seen = None;
    drain.take(|span| {
        span.tags(|_, held| seen = if let Held::Value(value) = held { value.text() } else { None })
    });
    assert_eq!(seen, Some(LONG));
    tracer.trace("query").set_resource(LONG);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    assert!(read(&link.packets)[0].ends_with(&LONG[..250]));
}

impl Value<'_> {
    fn text(&self) -> Option<&'static str> {
        if let Value::Static(text) = self { Some(text) } else { None }
    }
}
