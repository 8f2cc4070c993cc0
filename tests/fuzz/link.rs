//! Links that lose, damage, split, double and reorder what they carry, by the numbers of a seed.

use microspan::wire::write_frame;

use crate::random::Random;

/// How often each thing happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Datagrams, or stretches of a stream, that did not arrive.
    pub dropped: u64,
    /// Those in which bits were turned.
    pub flipped: u64,
    /// Datagrams that came in two.
    pub split: u64,
    /// What came twice.
    pub doubled: u64,
    /// What came later than what was sent after it.
    pub reordered: u64,
}

impl Faults {
    /// All of them together.
    pub fn add(&mut self, other: &Self) {
        self.dropped += other.dropped;
        self.flipped += other.flipped;
        self.split += other.split;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }
}

/// Carries packets as datagrams. Where bits are turned, they are what CRC-16 surely sees: three of them, or fewer, or some
/// within 16 that follow each other. A half of a datagram it may take for a packet, once in 65,536 times.
pub fn datagrams(random: &mut Random, packets: &[Vec<u8>], faults: &mut Faults) -> Vec<Vec<u8>> {
    let mut sent: Vec<(usize, Vec<u8>)> = Vec::new();
    for (place, packet) in packets.iter().enumerate() {
        if random.once_in(10) {
            faults.dropped += 1;
            continue;
        }
        let delay = match random.below(40) {
            0 => 1 + random.below(300),
            1..=4 => 1 + random.below(8),
            _ => 0,
        };
        faults.reordered += u64::from(delay != 0);
        if random.once_in(16) {
            faults.doubled += 1;
            sent.push((place + random.below(20), packet.clone()));
        }
        let mut packet = packet.clone();
        if random.once_in(12) {
            faults.flipped += 1;
            turn(random, &mut packet);
        } else if random.once_in(20) {
            faults.split += 1;
            let rest = packet.split_off(1 + random.below(packet.len() - 1));
            sent.push((place + delay + random.below(2), rest));
        }
        sent.push((place + delay, packet));
    }
    sent.sort_by_key(|(when, _)| *when);
    sent.into_iter().map(|(_, packet)| packet).collect()
}

fn turn(random: &mut Random, packet: &mut [u8]) {
    let bits = packet.len() * 8;
    let mut turn = |bit: usize| packet[bit / 8] ^= 1 << (bit % 8);
    if random.once_in(2) {
        let first = random.below(bits);
        turn(first);
        for bit in first + 1..bits.min(first + 16) {
            if random.once_in(2) {
                turn(bit);
            }
        }
    } else {
        let first = random.below(bits);
        turn(first);
        let second = (first + 1 + random.below(bits - 1)) % bits;
        turn(second);
        let third = random.below(bits);
        if third != first && third != second {
            turn(third);
        }
    }
}

/// Packets as frames of a stream that is without fault.
pub fn frames(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut line = Vec::new();
    for packet in packets {
        let Ok(()) = write_frame(packet, |bytes| {
            line.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
    }
    line
}

/// Carries packets as frames of a stream, of which any stretch may be missing, changed, doubled or out of its place. CRC-16
/// takes what comes of it for a packet once in 65,536 times.
pub fn stream(random: &mut Random, packets: &[Vec<u8>], faults: &mut Faults) -> Vec<u8> {
    let line = frames(packets);
    let (mut arrived, mut held): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut rest = &line[..];
    while !rest.is_empty() {
        let (stretch, after) = rest.split_at((1 + random.below(400)).min(rest.len()));
        rest = after;
        let mut stretch = stretch.to_vec();
        match random.below(24) {
            0 => {
                faults.dropped += 1;
                continue;
            }
            1 | 2 => {
                faults.flipped += 1;
                turn(random, &mut stretch);
            }
            3 => {
                faults.doubled += 1;
                arrived.extend_from_slice(&stretch);
            }
            4 if held.is_empty() => {
                faults.reordered += 1;
                held = stretch;
                continue;
            }
            5 => {
                faults.split += 1;
                let noise = 1 + random.below(30);
                arrived.extend(random.bytes(noise));
            }
            _ => {}
        }
        arrived.append(&mut stretch);
        arrived.append(&mut held);
    }
    arrived.append(&mut held);
    arrived
}
