//! Tags that say more than a tag.

use super::*;

#[test]
fn the_tag_of_a_services_version_is_that_of_the_span_too_and_of_the_two_the_later_holds() {
    let version = |list| {
        let mut bench = bench();
        bench.push(Span { tags: list, ..span(1, 1, 0) }, 0);
        let seen = bench.flush().0.remove(0);
        (seen.tags[0]["service.version"].clone(), seen.tags[0]["version"].clone())
    };
    let both = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(version(tags([("service.version", "3")])), both("3", "3"));
    assert_eq!(version(tags([("version", "1"), ("service.version", "3")])), both("3", "3"));
    assert_eq!(version(tags([("service.version", "3"), ("version", "1")])), both("3", "1"));
}

#[test]
fn that_a_span_is_measured_is_a_number_however_it_was_set() {
    for (value, expected) in [
        (Value::Bool(true), 1.0),
        (Value::from("1"), 1.0),
        (Value::from("true"), 1.0),
        (Value::Uint(1), 1.0),
        (Value::Bool(false), 0.0),
        (Value::from("0"), 0.0),
    ] {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        assembler.push(
            Span { tags: vec![("_dd.measured".into(), value.clone())], ..span(1, 1, 0) },
            0,
            &mut |_| {},
        );
        let mut found = Vec::new();
        assembler.flush(&mut |trace| {
            trace.each_tag(0, |key, datum| match datum {
                Datum::Number(number) if key == "_dd.measured" => found.push(number),
                Datum::Text(text) => assert_ne!(key, "_dd.measured", "{text}"),
                Datum::Number(_) => {}
            });
        });
        assert_eq!(found, [expected], "{value:?}");
    }
}

#[test]
fn a_name_that_is_too_long_for_one_is_the_resource_whole_unless_there_is_another() {
    let sent = |name: &str, resource: Option<&'static str>| {
        let mut bench = bench();
        let span =
            Span { resource: resource.map(Text::from), ..Span::new(1, 1, 0, name.to_owned(), source()) };
        let mut sent = None;
        bench.push(span, 0);
        bench.assembler.flush(&mut |trace| sent = Some(trace.spans()[0].clone()));
        let sent = sent.expect("a span");
        (sent.name.to_string(), sent.resource.map(|text| text.to_string()))
    };
    let (fits, long) = ("x".repeat(100), "x".repeat(150));
    let cut = format!("{}...", &long[..97]);
    assert_eq!(sent(&fits, None), (fits, None));
    assert_eq!(sent(&long, None), (cut.clone(), Some(long.clone())));
    assert_eq!(sent(&long, Some("")), (cut.clone(), Some(long.clone())));
    assert_eq!(sent(&long, Some("GET /")), (cut, Some("GET /".to_owned())));
}
