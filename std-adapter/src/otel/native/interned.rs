//! Texts that live for ever, of which there are few: keys, and names of events that are made at run time.

use std::sync::OnceLock;

/// How many places are looked at for a text.
pub(super) const PROBES: usize = 16;

/// Up to `N` texts. Looking one up takes no lock, and allocates when it is seen first.
pub(super) struct Interned<const N: usize>([OnceLock<&'static str>; N]);

impl<const N: usize> Interned<N> {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; N])
    }

    /// The text; `None`: it is not known, and there is no room.
    pub(super) fn get(&self, text: &str) -> Option<&'static str> {
        let first = hash(text) as usize;
        (0..PROBES).find_map(|probe| {
            let place = self.0.get(first.wrapping_add(probe) % N)?;
            let known = place.get_or_init(|| Box::leak(Box::from(text)));
            (*known == text).then_some(*known)
        })
    }
}

/// By its length, its beginning and its end: what that does not tell apart lies side by side.
#[inline]
pub(super) fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => bytes.iter().fold((0, 0), |(packed, _), byte| (packed << 8 | u64::from(*byte), 0)),
    };
    let mixed = (first ^ last.rotate_left(29) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_those_beyond_the_room_are_refused() {
        static FEW: Interned<32> = Interned::new();
        let kept: Vec<_> = (0..200).filter_map(|n| FEW.get(&format!("key {n}"))).collect();
        assert!(kept.len() >= 16 && kept.len() <= 32, "{}", kept.len());
        for text in &kept {
            assert!(std::ptr::eq(*text, FEW.get(&text.to_string()).unwrap()));
        }
    }
}
