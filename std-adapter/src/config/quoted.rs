//! What others wrote, as a line of a log may show it: short, harmless, and without passwords.

use super::url::split;
use crate::model::normal::cut;

/// So many bytes of it are shown.
const MOST: usize = 300;

/// What was said, on one line, shortened, and without what a terminal would obey.
pub(crate) fn quote(text: &str) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = text.split(is_gap).filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if line.len() > MOST {
        cut(&mut line, MOST);
    }
    line
}

/// A URL as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    let Some((before, host)) = at_host(url) else { return url.to_owned() };
    // One that cannot be read may have a password too.
    let scheme = split(before).map(|(scheme, _)| format!("{scheme}://"));
    format!("{}...{host}", scheme.unwrap_or_default())
}

/// What stands before the last `@`, and that with what follows; a URL may have it as `%40`.
fn at_host(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.rfind('@').max(text.rfind("%40"))?)
}

/// What a variable holds, as it may be shown.
pub(super) fn shown(value: &str) -> String {
    quote(&without_passwords(value))
}

/// A text in which there may be a URL where none belongs.
fn without_passwords(text: &str) -> String {
    match text.split_once("://") {
        Some((before, rest)) if at_host(rest).is_some() => {
            // A password may have anything in it.
            format!("{}{}", hide(before), without_password(&format!("://{rest}")))
        }
        _ => hide(text),
    }
}

/// Hides what stands in single words as a name and a password do. JSON has `:` and `@` too, with quotes between them.
fn hide(text: &str) -> String {
    let hide = |word: &str| match at_host(word) {
        Some((before, _)) if before.contains(':') && !before.contains('"') => without_password(word),
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace).map(hide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_others_are_quoted_on_one_line_and_shortened() {
        assert_eq!(quote(" cannot decode\n\tspan \u{fffd} "), "cannot decode span \u{fffd}");
        assert_eq!(quote(&"é".repeat(150)), "é".repeat(150));
        assert_eq!(quote(&"é".repeat(200)), "é".repeat(148) + "...");
        assert_eq!(quote("\x1b[2J\x1b]0;mine\x07 \u{9b}1m\0no\x7f"), "[2J ]0;mine 1m no");
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands_and_what_is_none_is_left() {
        for (text, shown) in [
            ("http://u:pw@h", "http://...@h"),
            ("a,http://u:p w@h:1/x", "a,http://...@h:1/x"),
            ("u:pw@h, http://u:pw@h", "...@h, http://...@h"),
            ("`u:pw@h` is no style", "...@h` is no style"),
            ("http://h:1", "http://h:1"),
            ("me@corp or owner:me", "me@corp or owner:me"),
            (r#"[{"name":"mail","repl":"a@b"}]"#, r#"[{"name":"mail","repl":"a@b"}]"#),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }
}
