//! Ids are derived, not drawn.
//!
//! A span is known on its device by a counter. Its 64-bit id is that counter, mixed with the session's random
//! 64-bit key by a bijection: within one session no two counters share an id, and two sessions meet only as
//! often as two random 64-bit keys do. The host derives the same ids from the same counters, so the wire
//! carries a byte where it would carry eight.

/// The random 64-bit key of one run of a device or process.
///
/// Every id of the run is derived from it. Give [`Session::new`] real entropy: a hardware random number
/// generator, or whatever differs between two boots and between two devices.
///
/// ```
/// use microspan::Session;
/// let session = Session::new(0x0123_4567_89ab_cdef); // random, and another one each time the device starts
/// assert_eq!(session.span_id(8), 0x197d_47c7_3d2e_3b1e);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Session(pub u64);

impl Session {
    /// The session of this entropy.
    ///
    /// ```
    /// let session = microspan::Session::new(0x5EED); // 64 bits of a hardware random number generator
    /// ```
    pub const fn new(entropy: u64) -> Self {
        Self(entropy)
    }

    /// The 64-bit span id of the span with this counter; never 0.
    ///
    /// ```
    /// let session = microspan::Session::new(0);
    /// assert_eq!(session.span_id(1), 0xbfef_8030_ddc2_d772);
    /// ```
    #[inline]
    pub const fn span_id(self, counter: u64) -> u64 {
        match self.mix(counter) {
            // A bijection maps exactly one input to 0. Counters stay below 2^63, so this input is nobody's.
            0 => self.mix(counter | 1 << 63),
            id => id,
        }
    }

    /// The 128-bit trace id of the trace whose root span has this counter; its low half is the root's span id.
    ///
    /// ```
    /// let session = microspan::Session::new(0);
    /// assert_eq!(session.trace_id(1) as u64, session.span_id(1));
    /// ```
    #[inline]
    pub const fn trace_id(self, root: u64) -> u128 {
        (self.mix(u64::MAX) as u128) << 64 | self.span_id(root) as u128
    }

    /// The same with Unix seconds and 32 zero bits above it, in the form of Datadog's tracers, whose second is that in which the
    /// trace began; of 64 bits where these are 0.
    #[cfg(not(target_os = "none"))]
    pub(crate) const fn timed_trace_id(self, root: u64, seconds: u32) -> u128 {
        (seconds as u128) << 96 | self.span_id(root) as u128
    }

    /// The counter whose span has this id.
    pub(crate) const fn counter(self, span_id: u64) -> u64 {
        let key = self.0.rotate_left(32) ^ GOLDEN;
        let counter = unfinalize(unfinalize(span_id).wrapping_sub(key)) ^ self.0;
        // As `span_id` has it of the one input that it maps to 0.
        counter & !(1 << 63)
    }

    const fn mix(self, counter: u64) -> u64 {
        // Two rounds with the key between them: sessions whose keys lie close together share no run of ids.
        finalize(finalize(counter ^ self.0).wrapping_add(self.0.rotate_left(32) ^ GOLDEN))
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014), a bijection on 64 bits.
const fn finalize(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What [`finalize`] made this of.
const fn unfinalize(x: u64) -> u64 {
    let x = (x ^ (x >> 31) ^ (x >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    let x = (x ^ (x >> 27) ^ (x >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    x ^ (x >> 30) ^ (x >> 60)
}

/// Widens a 32-bit handle to the 64-bit counter nearest to `latest`, one seen before.
pub(crate) const fn widen(latest: u64, handle: u32) -> u64 {
    let ahead = handle.wrapping_sub(latest as u32) as i32;
    latest.wrapping_add_signed(ahead as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::collections::HashSet;

    #[test]
    fn ids_of_one_session_are_distinct_and_never_zero() {
        let count = if cfg!(miri) { 20 } else { 200_000 };
        for key in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let ids: HashSet<u64> = (0..count).map(|c| Session::new(key).span_id(c)).collect();
            assert_eq!(ids.len() as u64, count);
            assert!(!ids.contains(&0));
        }
    }

    #[test]
    fn sessions_with_neighbouring_keys_share_no_ids() {
        let count = if cfg!(miri) { 20 } else { 20_000 };
        let ids: HashSet<u64> =
            (0..8).flat_map(|key| (0..count).map(move |c| Session::new(key).span_id(c))).collect();
        assert_eq!(ids.len() as u64, 8 * count);
    }

    #[test]
    fn an_id_leads_back_to_its_counter() {
        for key in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let session = Session::new(key);
            // The last is the one whose mix is 0.
            let nobody = unfinalize(unfinalize(0).wrapping_sub(key.rotate_left(32) ^ GOLDEN)) ^ key;
            for counter in [0, 1, 42, u64::from(u32::MAX), 1 << 62, nobody & !(1 << 63)] {
                assert_eq!(session.counter(session.span_id(counter)), counter);
            }
        }
    }

    #[test]
    fn the_low_half_of_a_trace_id_is_its_roots_span_id() {
        let session = Session::new(7);
        assert_eq!(session.trace_id(42) as u64, session.span_id(42));
        assert_eq!(session.trace_id(42) >> 64, session.trace_id(43) >> 64);
        assert_ne!(session.trace_id(42) >> 64, 0);
    }

    #[test]
    fn a_counter_is_widened_across_the_wrap_of_its_handle() {
        assert_eq!(widen(16, 17), 17);
        assert_eq!(widen(0xffff_fffe, 3), 0x1_0000_0003);
        assert_eq!(widen(0x1_0000_0003, 0xffff_fffe), 0xffff_fffe);
        assert_eq!(widen(5 << 32, 9), 5 << 32 | 9);
    }
}
