//! The tags that came with a trace from elsewhere: a device has them as one tag, Datadog as one each.

use crate::model::{Span, Text, Value};

/// What a device calls them all: `key=value,...`.
const PASSED: &str = "_dd.p";

/// Puts each of them on the first span of a trace, where there is none of its key.
pub(super) fn spread(first: &mut Span) {
    let Some(index) = first.tags.iter().position(|(key, _)| key.as_str() == PASSED) else { return };
    let (_, value) = first.tags.remove(index);
    let Value::Str(pairs) = value else { return };
    for (key, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
        let key = Text::from(format!("{PASSED}.{key}"));
        if first.tag(&key).is_none() {
            first.tags.push((key, Value::Str(Text::new(value))));
        }
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
}
