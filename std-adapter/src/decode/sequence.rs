//! Which packets of a session came, which came twice, and what is missing.

/// How far back a late packet is still told from a duplicate.
const WINDOW: u64 = 128;

/// What the 32 bits of the first packet that is heard are added to.
const FROM: u64 = 1 << 32;

/// What a packet is to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    New,
    Duplicate,
    /// From too far back to tell, and not taken.
    Late,
}

/// The sequence of one session.
///
/// Counters of 32 bits on the wire are widened to 64: a packet belongs near the newest one.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The number after the newest packet.
    next: u64,
    /// Which of the `WINDOW` packets before `next` came; the newest in bit 0.
    seen: u128,
    /// The number of the first packet that was heard.
    first: u64,
    /// How many spans the device had sent before that, and after the newest packet.
    spans_before: u64,
    spans_after: u64,
    packets: u64,
    spans: u64,
}

impl Sequence {
    /// Takes a packet with `spans` spans, if it is new.
    pub(super) fn take(&mut self, sequence: u32, spans_before: u32, spans: u64) -> Verdict {
        if self.packets == 0 {
            // Far from 0, so that what was sent before it has a number, too.
            self.next = FROM + u64::from(sequence);
            self.first = self.next;
            self.spans_before = FROM + u64::from(spans_before);
            self.spans_after = self.spans_before;
        }
        let number = widen(self.next, sequence);
        if number >= self.next {
            let ahead = number + 1 - self.next;
            self.seen = if ahead >= WINDOW { 0 } else { self.seen << ahead } | 1;
            self.next = number + 1;
            self.spans_after = widen(self.spans_after, spans_before) + spans;
        } else {
            let back = self.next - 1 - number;
            if back >= WINDOW {
                return Verdict::Late;
            }
            if self.seen >> back & 1 == 1 {
                return Verdict::Duplicate;
            }
            self.seen |= 1 << back;
            if number < self.first {
                self.first = number;
                // Not what it carried: between it and the first there may be others that did not come.
                self.spans_before = widen(self.spans_before, spans_before);
            }
        }
        self.packets += 1;
        self.spans += spans;
        Verdict::New
    }

    /// Whether no packet that was sent after this one has come.
    pub(super) fn is_newest(&self, sequence: u32) -> bool {
        self.next as u32 == sequence.wrapping_add(1)
    }

    /// Whether the first packet that was heard was not the session's first.
    pub(super) fn begins_late(&self) -> bool {
        self.first != FROM
    }

    /// How many packets, and spans in them, are missing since the first that was heard.
    pub(super) fn lost(&self) -> (u64, u64) {
        let packets = self.next - self.first;
        let spans = self.spans_after.saturating_sub(self.spans_before);
        (packets.saturating_sub(self.packets), spans.saturating_sub(self.spans))
    }
}

/// The number nearest to `near` that ends in these 32 bits.
fn widen(near: u64, low: u32) -> u64 {
    near.saturating_add_signed(i64::from(low.wrapping_sub(near as u32) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbroken_sequence_has_no_losses_also_across_the_wrap() {
        let mut sequence = Sequence::default();
        let start = u32::MAX - 5;
        for i in 0..20u32 {
            assert_eq!(
                sequence.take(start.wrapping_add(i), (u32::MAX - 8).wrapping_add(i * 3), 3),
                Verdict::New
            );
        }
        assert_eq!(sequence.lost(), (0, 0));
    }

    #[test]
    fn a_gap_says_how_many_packets_and_spans_were_in_it() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(0, 0, 4), Verdict::New);
        assert_eq!(sequence.take(3, 14, 1), Verdict::New);
        assert_eq!(sequence.lost(), (2, 10));
    }

    #[test]
    fn a_late_packet_is_taken_once_and_no_longer_lost() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(0, 0, 1), Verdict::New);
        assert_eq!(sequence.take(2, 3, 1), Verdict::New);
        assert_eq!(sequence.lost(), (1, 2));
        assert_eq!(sequence.take(1, 1, 2), Verdict::New);
        assert_eq!([1, 2].map(|number| sequence.is_newest(number)), [false, true]);
        assert_eq!(sequence.take(1, 1, 2), Verdict::Duplicate);
        assert_eq!(sequence.take(2, 3, 1), Verdict::Duplicate);
        assert_eq!(sequence.lost(), (0, 0));
    }

    #[test]
    fn packets_before_the_first_that_was_heard_are_not_losses() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(500, 9000, 2), Verdict::New);
        assert_eq!(sequence.take(501, 9002, 2), Verdict::New);
        assert_eq!(sequence.lost(), (0, 0));
        assert_eq!(sequence.take(499, 8997, 3), Verdict::New, "reordered with the first");
        assert_eq!(sequence.lost(), (0, 0));
    }

    #[test]
    fn what_is_missing_before_a_late_packet_that_becomes_the_first_is_counted_too() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(1, 3, 2), Verdict::New);
        assert_eq!(sequence.take(u32::MAX, u32::MAX - 3, 4), Verdict::New, "two before it, across the wrap");
        assert_eq!(sequence.lost(), (1, 3));
    }

    #[test]
    fn a_packet_from_far_back_is_not_taken_again() {
        let mut sequence = Sequence::default();
        (0..300).for_each(|i| assert_eq!(sequence.take(i, i, 1), Verdict::New));
        assert_eq!(sequence.take(5, 5, 1), Verdict::Late);
        assert_eq!(sequence.take(290, 290, 1), Verdict::Duplicate);
    }
}
