//! Numbers as headers write them: digits alone, no sign but a minus, no blanks.

/// A decimal number of 64 bits.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A sampling priority: any integer, of which those beyond an `i8` are taken to its bounds.
pub(super) fn priority(text: &str) -> Option<i8> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.parse().unwrap_or(i64::MAX);
    let value = if is_negative { -value } else { value };
    Some(value.clamp(i8::MIN.into(), i8::MAX.into()) as i8)
}

/// A hexadecimal number of so many digits, in lower case.
pub(super) fn lower_hex(text: &str, digits: usize) -> Option<u128> {
    let is_lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_lower && text.len() == digits).then(|| u128::from_str_radix(text, 16).ok())?
}

/// A hexadecimal number of at most so many digits.
pub(super) fn hex(text: &str, most: usize) -> Option<u128> {
    let is_hex = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for text in ["", "18446744073709551616", "+1", "-1", " 1", "1_0", "0x1"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(
            (priority("-1"), priority("5"), priority("-99999999999999999999")),
            (Some(-1), Some(5), Some(-128))
        );
        for text in ["", "-", "--1", "+1", "1.0", " 1"] {
            assert_eq!(priority(text), None, "{text}");
        }
        assert_eq!((lower_hex("0a", 2), lower_hex("0A", 2), lower_hex("0a", 3)), (Some(10), None, None));
        assert_eq!((hex("0A", 16), hex("", 16), hex("g", 16), hex("111", 2)), (Some(10), None, None, None));
    }
}
