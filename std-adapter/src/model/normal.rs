//! The form in which the agent leaves names, services, environments and peers: what is sent has it already, so that the statistics that
//! are counted here, the rates that the agent answers, and what it stores speak of the same names.
//!
//! | of | kept | first | otherwise | at most |
//! | --- | --- | --- | --- | --- |
//! | a name | letters and digits of ASCII, `.`, single `_` | a letter | `_` for each run, none beside a `.` or at the end | 100 bytes |
//! | a service, a peer | letters, in lower case, digits, `:`, `.`, `/`, `-` | any of them, or `_` | `_` for each run, none at the end | 100 bytes |
//! | an environment | the same | a letter or `:` | the same | 200 characters, 400 bytes |
//!
//! Only what goes to an agent takes it: requests for traces and for statistics, and the look-up of the agent's rates. Rules, filters
//! and OTLP have what the program wrote, cut to length. What is longer ends in [`CUT`], as all texts that were cut to a length.
//!
//! The agent is written in Go, its rules are also in Rust (`libdd-trace-normalization`), and both differ: that takes digits from the
//! beginning of a service, which the agent leaves and so stays here; and a capital that is wider than its small letter (`K`, the
//! sign of Kelvin) is made small there and so here, which the agent leaves as well. Letters and digits are what Rust's tables call alphabetic
//! and numeric: the agent's leave out a few signs, such as vowels above consonants, and replace them by `_`.

use std::borrow::Cow;

/// How a text ends that was cut.
pub(crate) const CUT: &str = "...";

/// The agent's limits of a name and of a service, in bytes.
pub(crate) const NAME: usize = 100;
pub(crate) const SERVICE: usize = 100;

/// Its limit of the text of a tag, in bytes.
pub(crate) const VALUE: usize = 25_000;

/// Its limits of an environment, in characters and bytes.
const ENV_CHARACTERS: usize = 200;
const ENV: usize = 400;

/// What the agent calls a span without a name.
pub(crate) const UNNAMED: &str = "unnamed_operation";

/// The service of spans whose source and configuration name none; Datadog's name for a Rust program without one.
pub(crate) const UNNAMED_SERVICE: &str = "unnamed-rust-service";

/// The name of a span.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    if is_name(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut name = String::new();
    for byte in text.bytes().skip_while(|byte| !byte.is_ascii_alphabetic()) {
        match byte {
            b'.' => {
                without_end(&mut name);
                name.push('.');
            }
            _ if byte.is_ascii_alphanumeric() => name.push(byte.into()),
            _ if name.ends_with(['.', '_']) => {}
            _ => name.push('_'),
        }
    }
    without_end(&mut name);
    if name.len() > NAME {
        name.truncate(NAME - CUT.len());
        without_end(&mut name);
        name.push_str(CUT);
    }
    if name.is_empty() { Cow::Borrowed(UNNAMED) } else { Cow::Owned(name) }
}

/// The service of a span.
pub(crate) fn service(text: &str) -> Cow<'_, str> {
    let service = peer(text);
    if service.is_empty() { Cow::Borrowed(UNNAMED_SERVICE) } else { service }
}

/// A service that may be none: the one that is called, or that of the program.
pub(crate) fn peer(text: &str) -> Cow<'_, str> {
    if text.is_empty() || is_service(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut service = of_letters(text, true);
    if service.len() > SERVICE {
        cut(&mut service, SERVICE);
    }
    Cow::Owned(service)
}

/// The deployment environment.
pub(crate) fn env(text: &str) -> Cow<'_, str> {
    if text.is_empty() || is_env(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut env = of_letters(text, false);
    let is_long = env.char_indices().nth(ENV_CHARACTERS).is_some();
    if is_long || env.len() > ENV {
        let most = env.char_indices().nth(ENV_CHARACTERS - CUT.len());
        cut(&mut env, most.map_or(ENV, |(bytes, _)| bytes + CUT.len()).min(ENV));
    }
    Cow::Owned(env)
}

/// What the agent leaves of a tag's text; `None`: nothing, the tag goes.
pub(crate) fn tag<'a>(key: &[u8], text: &'a str) -> Option<Cow<'a, str>> {
    match key {
        b"env" => Some(env(text)),
        b"peer.service" | b"_dd.base_service" => Some(peer(text)),
        b"http.status_code" => is_status(text).then_some(Cow::Borrowed(text)),
        _ => Some(Cow::Borrowed(text)),
    }
}

/// Whether a tag's text is seen at once to be as the agent leaves it.
#[inline]
pub(crate) fn is_tag(key: &[u8], text: &[u8]) -> bool {
    match key {
        b"env" => is_env(text),
        b"peer.service" | b"_dd.base_service" => is_service(text),
        b"http.status_code" => matches!(text, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9']),
        _ => true,
    }
}

/// Whether a status of HTTP may be one. As a number the agent takes any.
pub(crate) fn is_status(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|status| (100..600).contains(&status))
}

/// Cuts a text to so many bytes, at the boundary of a character, with [`CUT`] as its end.
pub(crate) fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most.saturating_sub(CUT.len())));
    text.push_str(&CUT[..CUT.len().min(most)]);
}

fn without_end(name: &mut String) {
    if name.ends_with('_') {
        name.pop();
    }
}

/// A text of letters in lower case, digits and signs, with `_` for each run of other characters but one at the end; `first`: whether it
/// may begin with others than a letter.
fn of_letters(text: &str, first: bool) -> String {
    let mut written = String::new();
    let mut is_in_run = false;
    for c in text.chars().map(small) {
        let is_letter = c.is_alphabetic() || c == ':';
        if !first && written.is_empty() && !is_letter {
            continue;
        }
        if is_letter || c.is_numeric() || matches!(c, '.' | '/' | '-') {
            if is_in_run {
                written.push('_');
            }
            written.push(c);
            is_in_run = false;
        } else {
            is_in_run = true;
        }
    }
    written
}

/// A character in lower case, unless that is wider.
fn small(c: char) -> char {
    let small = c.to_lowercase().next().unwrap_or(c);
    if c.is_uppercase() && small.len_utf8() <= c.len_utf8() { small } else { c }
}

/// Whether a text of ASCII is the name of a span as the agent leaves it.
#[inline]
pub(crate) fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.last() != Some(&b'_')
        && text.len() <= NAME
        && follow(text, &IN_NAMES)
}

/// The same of a service.
#[inline]
pub(crate) fn is_service(text: &[u8]) -> bool {
    is_of_letters(text, SERVICE)
}

#[inline]
fn is_env(text: &[u8]) -> bool {
    let begins = |first: &u8| first.is_ascii_lowercase() || *first == b':';
    text.first().is_some_and(begins) && is_of_letters(text, ENV_CHARACTERS)
}

#[inline]
fn is_of_letters(text: &[u8], most: usize) -> bool {
    !matches!(text.last(), Some(b'_') | None) && text.len() <= most && follow(text, &IN_SERVICES)
}

/// What a byte is, below, and what must not come next, above: bits.
type Bytes = [u8; 256];
const UNDERSCORE: u8 = 1;
const DOT: u8 = 2;
const NEVER: u8 = 8;
const FINE: u8 = NEVER << 4;

const IN_NAMES: Bytes = {
    let mut bytes = [NEVER; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            bytes[byte] = FINE;
        }
        byte += 1;
    }
    bytes[b'_' as usize] = UNDERSCORE | (UNDERSCORE | DOT | NEVER) << 4;
    bytes[b'.' as usize] = DOT | (UNDERSCORE | NEVER) << 4;
    bytes
};

const IN_SERVICES: Bytes = {
    let mut bytes = [NEVER; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_sign = matches!(byte as u8, b':' | b'.' | b'/' | b'-');
        if (byte as u8).is_ascii_lowercase() || (byte as u8).is_ascii_digit() || is_sign {
            bytes[byte] = FINE;
        }
        byte += 1;
    }
    bytes[b'_' as usize] = UNDERSCORE | (UNDERSCORE | NEVER) << 4;
    bytes
};

/// Whether each byte may stand where it does. No branch depends on the text: those of spans that come one after the other differ.
#[inline]
fn follow(text: &[u8], bytes: &Bytes) -> bool {
    let (mut found, mut barred) = (0, NEVER);
    for &byte in text {
        let kind = bytes[usize::from(byte)];
        found |= kind & barred;
        barred = kind >> 4;
    }
    found == 0
}

#[cfg(test)]
mod tests;
