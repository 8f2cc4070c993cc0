//! What ends that which a byte stream carried, before the next frame.

/// A boot message, or noise, or a frame that was cut short.
pub(super) const FRAGMENT: &[u8] = &[0];
/// A whole frame of which only the final zero is missing: spoiled, lest it arrive twice, by a code byte that announces
/// 254 bytes of which none follows.
pub(super) const WITHOUT_END: &[u8] = &[0xff, 0];
