//! The tags that came with a trace from elsewhere: a device has them in one tag, or in some if they are long, Datadog as one each.

use crate::model::{Span, Text, Value};

/// What a device calls them all: `key=value,...`.
const PASSED: &str = "_dd.p";
/// And what did not fit there, to be put behind it.
const REST: [&str; 2] = ["_dd.p+1", "_dd.p+2"];

/// Puts each of them on the first span of a trace, where there is none of its key.
pub(super) fn spread(first: &mut Span) {
    if !first.tags.iter().any(|(key, _)| key.as_bytes().starts_with(PASSED.as_bytes())) {
        return;
    }
    let start = take(first, PASSED);
    // Those that cannot be put behind what is before them are of no use.
    let [second, third] = REST.map(|key| take(first, key));
    let Some(start) = start else { return };
    let rest = second.into_iter().flat_map(|second| std::iter::once(second).chain(third.clone()));
    let pairs = rest.fold(start, |pairs, more| Text::from(format!("{pairs}{more}")));
    for (key, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
        let key = Text::from(format!("{PASSED}.{key}"));
        if first.tag(&key).is_none() {
            first.tags.push((key, Value::Str(Text::new(value))));
        }
    }
}

/// Takes a text away from the tags.
fn take(span: &mut Span, key: &str) -> Option<Text> {
    let index = span.tags.iter().position(|(known, _)| known == key)?;
    match span.tags.remove(index) {
        (_, Value::Str(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Source;

    #[test]
    fn each_tag_that_came_with_the_trace_is_one_of_its_own_where_there_is_none_of_its_key() {
        let mut span = Span::new(7, 1, 0, "n", Arc::new(Source::new(1)));
        let tags = [("_dd.p", "dm=-4,usr.id=a=b,bad,ksr=1"), ("_dd.p.ksr", "0.5")];
        span.tags = tags.map(|(key, value)| (Text::from(key), Value::from(value))).to_vec();
        spread(&mut span);
        let tags: Vec<_> = span.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(tags, ["_dd.p.ksr=0.5", "_dd.p.dm=-4", "_dd.p.usr.id=a=b"]);
    }

    #[test]
    fn those_that_one_tag_did_not_hold_are_put_together_first() {
        let mut span = Span::new(7, 1, 0, "n", Arc::new(Source::new(1)));
        let tags = [("_dd.p+2", "gh,e=2"), ("_dd.p+1", "cd,d=ef"), ("_dd.p", "dm=-4,a=ab")];
        span.tags = tags.map(|(key, value)| (Text::from(key), Value::from(value))).to_vec();
        spread(&mut span);
        let tags: Vec<_> = span.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(tags, ["_dd.p.dm=-4", "_dd.p.a=abcd", "_dd.p.d=efgh", "_dd.p.e=2"]);
    }

    #[test]
    fn what_is_behind_one_that_is_missing_is_left_out() {
        for (tags, left) in [(["_dd.p", "_dd.p+2"], &["_dd.p.a=b"][..]), (["_dd.p+1", "_dd.p+2"], &[])] {
            let mut span = Span::new(7, 1, 0, "n", Arc::new(Source::new(1)));
            span.tags = tags.map(|key| (Text::from(key), Value::from("a=b"))).to_vec();
            spread(&mut span);
            let tags: Vec<_> = span.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(tags, left);
        }
    }
}
