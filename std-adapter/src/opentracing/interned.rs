//! Texts that are known only when the program runs, as ones that live for ever.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

/// How many texts are kept for ever; names and keys that a program makes up without end are not.
const MOST: usize = 4_096;

/// The most bytes of one: a name or a key is cut there.
const LONGEST: usize = 250;

static KNOWN: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

/// The same text, for ever; `None`: there are too many already.
pub(super) fn interned(text: Cow<'static, str>) -> Option<&'static str> {
    let text = match text {
        Cow::Borrowed(text) => return Some(text),
        Cow::Owned(text) => text,
    };
    let text = text.get(..text.floor_char_boundary(LONGEST))?;
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(text).copied();
    known.or_else(|| keep(text))
}

#[cold]
fn keep(text: &str) -> Option<&'static str> {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = known.get(text) {
        return Some(text);
    }
    if known.len() >= MOST {
        return None;
    }
    if known.len() + 1 == MOST {
        log::warn!(
            "this program has {MOST} names and keys of spans that are made up as it runs; further ones are not recorded"
        );
    }
    let text: &'static str = Box::leak(Box::from(text));
    known.insert(text);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_there_is_an_end_to_them() {
        let owned = |number: usize| Cow::Owned(format!("text {number}"));
        let (first, again) = (interned(owned(0)).unwrap(), interned(owned(0)).unwrap());
        assert!(std::ptr::eq(first, again) && first == "text 0");
        assert_eq!(interned(Cow::Owned("é".repeat(200))).unwrap().len(), LONGEST);
        let kept = (0..2 * MOST).filter(|number| interned(owned(*number)).is_some()).count();
        assert!(kept < MOST && KNOWN.read().unwrap().len() == MOST, "{kept}");
        assert_eq!(interned(owned(0)), Some(first), "what is known stays");
        assert_eq!(interned(Cow::Borrowed("of the program")), Some("of the program"));
    }
}
