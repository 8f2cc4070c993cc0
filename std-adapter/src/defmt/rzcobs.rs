//! The framing of `defmt`: no zero within a frame, and zeros in it for less than they are.

/// The most that a part of a frame stands for without a zero.
const RUN: usize = 134;

/// What a frame without its zero stands for; `None`: it is none. Its parts end with what they are, so it is read from its end.
pub(super) fn decode(frame: &[u8]) -> Option<Vec<u8>> {
    let mut rest = frame.iter().rev().copied();
    let mut bytes = Vec::with_capacity(frame.len());
    while let Some(part) = rest.next() {
        match part {
            0 => return None,
            // Seven bytes, of which the ones are zeros.
            0x01..=0x7f => {
                for bit in (0..7).rev() {
                    bytes.push(if part >> bit & 1 == 0 { rest.next()? } else { 0 });
                }
            }
            // A zero, and before it a run.
            0x80..=0xfe => {
                bytes.push(0);
                for _ in 0..usize::from(part & 0x7f) + 7 {
                    bytes.push(rest.next()?);
                }
            }
            0xff => {
                for _ in 0..RUN {
                    bytes.push(rest.next()?);
                }
            }
        }
    }
    bytes.reverse();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_part_comes_back_and_what_is_short_of_bytes_does_not() {
        assert_eq!(decode(&[1, 2, 0x7f & !0b11]), Some(vec![1, 2, 0, 0, 0, 0, 0]));
        let run: Vec<u8> = (1..=8).collect();
        assert_eq!(decode(&[&run[..], &[0x81]].concat()), Some([&run[..], &[0]].concat()));
        assert_eq!(decode(&[[7; RUN].as_slice(), &[0xff]].concat()), Some(vec![7; RUN]));
        assert_eq!(decode(&[]), Some(vec![]));
        for short in [&[1, 0x70][..], &[1, 2, 3, 0x80], &[7, 0xff], &[1, 0]] {
            assert_eq!(decode(short), None, "{short:?}");
        }
    }
}
