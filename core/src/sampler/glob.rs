//! Patterns: `*` stands for any text, `?` for one character.

/// Whether a pattern matches the whole of a text. The case of ASCII letters makes no difference.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut here) = (0, 0);
    // What follows the last star, and where in the text it was looked for.
    let mut star = None;
    loop {
        match (pattern.get(at), text.get(here)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                if at == pattern.len() {
                    return true;
                }
                star = Some((at, here));
            }
            (Some(b'?'), Some(_)) => {
                at += 1;
                here += 1;
                while text.get(here).is_some_and(|byte| is_inside(*byte)) {
                    here += 1;
                }
            }
            (Some(wanted), Some(found)) if wanted.eq_ignore_ascii_case(found) => {
                at += 1;
                here += 1;
            }
            // The last star takes one byte more. Those before it took as little as they could, which was right.
            _ => match star {
                Some((after, from)) if from < text.len() => {
                    (at, here) = (after, from + 1);
                    star = Some((after, from + 1));
                }
                _ => return false,
            },
        }
    }
}

/// Whether a byte of UTF-8 goes on with a character.
const fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in [
            ("*", ""),
            ("", ""),
            ("sensor.*", "sensor.read"),
            ("sensor.*", "sensor."),
            ("*.read", "sensor.read"),
            ("s*r?r*d", "sensor.read"),
            ("SENSOR.read", "sensor.READ"),
            ("br?d", "brød"),
            ("*?", "ø"),
            ("**a**", "bab"),
        ] {
            assert!(matches(pattern, text), "{pattern} and {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("??", "ø"),
            ("*??", "ø"),
            ("sensor", "sensor.read"),
            ("sensor.*", "sensor"),
            ("*a", "ab"),
        ] {
            assert!(!matches(pattern, text), "{pattern} and {text}");
        }
    }

    /// The same by its definition.
    fn defined(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|taken| defined(rest, &text[taken..])),
            ['?', rest @ ..] => !text.is_empty() && defined(rest, &text[1..]),
            [first, rest @ ..] => {
                text.first().is_some_and(|c| c.eq_ignore_ascii_case(first)) && defined(rest, &text[1..])
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 2_000 }, failure_persistence: None, ..Default::default() })]
        #[test]
        fn a_pattern_matches_what_its_definition_says(pattern in "[abA*?øö]{0,7}", text in "[abBøö]{0,9}") {
            let chars = |text: &String| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), defined(&chars(&pattern), &chars(&text)));
        }
    }
}
