//! A context as bytes: what a map of texts would hold, one pair behind the other.
//!
//! A byte that names the form, then the number of pairs and each pair's key and value, each text behind its length. Numbers have two
//! bytes, the lower first.

/// The form that is written, and the only one that is read.
const FORM: u8 = 1;

/// Writes pairs behind what is there. Those with a text of more than 65,535 bytes, and those beyond as many, are left out.
pub(super) fn write(bytes: &mut Vec<u8>, pairs: &[(String, String)]) {
    let fits = |text: &str| u16::try_from(text.len()).is_ok();
    let fitting = || pairs.iter().filter(|(key, value)| fits(key) && fits(value)).take(usize::from(u16::MAX));
    bytes.push(FORM);
    put(bytes, fitting().count());
    for text in fitting().flat_map(|(key, value)| [key, value]) {
        put(bytes, text.len());
        bytes.extend_from_slice(text.as_bytes());
    }
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes());
}

/// What [`write()`] wrote, and nothing behind it; `None`: this is something else.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<(&str, &str)>> {
    let mut rest = bytes.strip_prefix(&[FORM])?;
    let count = number(&mut rest)?;
    // Not with room for as many as are said to come.
    let mut pairs = Vec::new();
    for _ in 0..count {
        pairs.push((text(&mut rest)?, text(&mut rest)?));
    }
    rest.is_empty().then_some(pairs)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u16::from_le_bytes(*number).into())
}

fn text<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let length = number(rest)?;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_was_written_is_read_and_nothing_that_was_cut_or_lengthened() {
        let pairs = [("x-datadog-trace-id", "7"), ("", ""), ("ort", "München")];
        let mut bytes = Vec::new();
        write(&mut bytes, &owned(&pairs));
        assert_eq!(bytes[..5], [1, 3, 0, 18, 0]);
        assert_eq!(read(&bytes), Some(pairs.to_vec()));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        bytes.push(0);
        assert_eq!(read(&bytes), None);
        assert_eq!(read(b"\x02\0\0"), None, "another form");
        assert_eq!(read(b"\x01\x01\0\x01\0\xff\0\0"), None, "no text");
    }

    #[test]
    fn a_text_that_is_too_long_is_left_out() {
        let mut bytes = Vec::new();
        write(&mut bytes, &owned(&[("long", &"x".repeat(70_000)), ("short", "y")]));
        assert_eq!(read(&bytes), Some(vec![("short", "y")]));
    }
}
