use super::*;
use crate::SpanContext;
use crate::propagation::{Passing, Propagator, Style};
extern crate std;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

fn items(header: &str) -> Vec<String> {
    Baggage::of(header).iter().map(|(key, value)| format!("{key}={value}")).collect()
}

fn injected(baggage: Baggage<'_>) -> Option<String> {
    injected_within(Limits::DATADOGS, baggage)
}

fn injected_within(limits: Limits, baggage: Baggage<'_>) -> Option<String> {
    let mut out = None;
    baggage.inject(limits, &mut |name: &'static str, value: &dyn Display| {
        assert_eq!(name, "baggage");
        out = Some(value.to_string());
    });
    out
}

#[test]
fn items_are_trimmed_and_decoded_and_keep_what_follows_a_semicolon() {
    assert_eq!(items("a=1, b = 2 ,c=%C3%A9%20x;prop=1"), ["a=1", "b=2", "c=é x;prop=1"]);
    assert_eq!(items("a=b=c,a%3D=%"), ["a=b=c", "a==%"]);
    assert_eq!(items(""), [""; 0]);
}

#[test]
fn a_malformed_item_drops_the_whole_header() {
    for header in ["a", "a=1,b", "=1", "a=", "a=1,,b=2", "a=1,b= "] {
        assert_eq!(items(header), [""; 0], "{header}");
    }
}

#[test]
fn of_two_items_with_one_key_the_later_holds_and_what_was_added_before_what_came() {
    assert_eq!(items("a=1,b=2,%61=3"), ["b=2", "a=3"]);
    let baggage = Baggage { items: &[("b", "x"), ("b", "y")], ..Baggage::of("a=1,b=2") };
    let all: Vec<_> = baggage.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(all, ["b=x", "a=1"]);
    assert_eq!(baggage.get("a").unwrap().to_string(), "1");
    assert!(baggage.get("c").is_none() && !baggage.is_empty());
}

#[test]
fn the_value_of_an_item_is_the_one_that_travels() {
    let given = [("a", "1"), (" a ", "2")];
    let baggage = Baggage { items: &given, header: Baggage::of("a=3,%61b=4,ab=5,ab =6").header };
    let value = |key| baggage.get(key).map(|value| value.to_string());
    assert_eq!((value("a"), value(" ab"), value("b")), (Some("1".into()), Some("6".into()), None));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_the_replacement_character() {
    assert_eq!(items("a=%ff,b=%e2%82,c=%e2%82%ac%80"), ["a=\u{fffd}", "b=\u{fffd}", "c=€\u{fffd}"]);
}

#[test]
fn what_is_not_safe_is_percent_encoded() {
    let baggage = Baggage { items: &[("user id", "Amélie, \"ok\";x=1"), ("a(b", "(c)")], header: "" };
    assert_eq!(injected(baggage).unwrap(), "user%20id=Am%C3%A9lie%2C%20%22ok%22%3Bx%3D1,a%28b=(c)");
    assert_eq!(injected(Baggage::default()), None);
}

#[test]
fn at_most_64_items_and_8192_bytes_travel_in_and_out() {
    let many: Vec<_> = (0..70).map(|number| format!("k{number}=v")).collect();
    let many = many.join(",");
    assert_eq!(items(&many).len(), 64);
    assert_eq!(injected(Baggage::of(&many)).unwrap().split(',').count(), 64);
    let long = vec!["a"; 4000].concat();
    let header = format!("a={long},b={long},c={long}");
    assert_eq!(items(&header).len(), 2);
    let given = [("a", long.as_str()), ("b", &long), ("c", "short")];
    let baggage = Baggage { items: &given, header: "" };
    assert_eq!(injected(baggage).unwrap().len(), 8005 + 8);
    let spaces = vec![" "; 3000].concat() + "x"; // trimmed
    let given = [("a", spaces.as_str()), ("é", "1")];
    assert_eq!(injected(Baggage { items: &given, header: "" }).unwrap(), "a=x,%C3%A9=1");
}

#[test]
fn no_more_items_and_bytes_travel_than_a_propagator_is_told() {
    let baggage = Baggage::of("a=1,b=2,c=3");
    for (items, bytes, expected) in [
        (2, 100, Some("a=1,b=2")),
        (9, 7, Some("a=1,b=2")),
        (9, 6, Some("a=1")),
        (9, 2, None),
        (0, 100, None),
    ] {
        assert_eq!(injected_within(Limits { items, bytes }, baggage).as_deref(), expected);
    }
    let mut out = vec![];
    let context = SpanContext { trace_id: 0, span_id: 0, sampling_priority: None };
    let passing = Passing::default().baggage_items(&[("a", "1"), ("b", "2")]);
    let mut set = |name: &'static str, value: &dyn Display| out.push(format!("{name}: {value}"));
    Propagator::new().baggage_limits(1, 8192).inject(&context, &passing, &mut set).unwrap();
    assert_eq!(out, ["baggage: a=1"]);
}

#[test]
fn what_is_left_out_is_told_by_its_key_unless_no_baggage_is_to_travel() {
    let passing = Passing::default().baggage_items(&[("a", "1"), ("b", "é"), ("c", "3")]);
    // `a=1,b=%C3%A9,c=3` is 16 bytes.
    for (items, bytes, expected) in [
        (3, 16, None),
        (3, 15, Some("c")),
        (3, 12, Some("c")),
        (3, 11, Some("b")),
        (2, 16, Some("c")),
        (9, 2, Some("a")),
        (0, 16, None),
    ] {
        let propagator = Propagator::new().baggage_limits(items, bytes);
        let left_out = propagator.baggage_left_out(&passing).map(|key| key.to_string());
        assert_eq!(left_out.as_deref(), expected, "{items} items, {bytes} bytes");
        assert!(propagator.inject_styles(&[Style::Datadog]).baggage_left_out(&passing).is_none());
    }
    assert!(Propagator::new().baggage_limits(1, 1).baggage_left_out(&Passing::default()).is_none());
}

#[test]
fn baggage_travels_without_a_trace_and_only_where_its_style_is_chosen() {
    let headers = [("Baggage", "a=1")];
    let propagator = Propagator::new();
    let extracted = propagator.extract(headers.as_slice());
    assert!(extracted.context.is_none());
    assert_eq!(injected(extracted.passing.baggage()).unwrap(), "a=1");
    let none = propagator.styles(&[Style::Datadog]).extract(headers.as_slice());
    assert!(none.passing.baggage().is_empty());
}
