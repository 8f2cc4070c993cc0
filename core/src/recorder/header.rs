//! What an image says of itself: blocks of words, each behind a check of its own.

use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom};

/// What an image begins with.
const MAGIC: u32 = 0x4d53_5241;
/// Changes with what lies where in an image, and with what its checks cover.
const LAYOUT: u32 = 2;

/// Some words and, in the last one, their check.
pub(crate) struct Block<const N: usize>([AtomicU32; N]);

impl<const N: usize> Block<N> {
    const_unless_loom! {
        fn new() -> Self { Self(array_of!(AtomicU32::new(0))) }
    }

    /// Writes the words. Whoever is stopped in the middle leaves a block that is none.
    fn put(&self, words: &[u32]) {
        let Some((seal, rest)) = self.0.split_last() else { return };
        // First a check that is wrong: the words behind it may be the same as before, but for some.
        seal.store(!mix(words), Ordering::Relaxed);
        crate::sync::compiler_fence(Ordering::SeqCst);
        rest.iter().zip(words).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
        crate::sync::compiler_fence(Ordering::SeqCst);
        seal.store(mix(words), Ordering::Relaxed);
    }

    fn words(&self) -> [u32; N] {
        let mut words = [0; N];
        words.iter_mut().zip(&self.0).for_each(|(to, from)| *to = from.load(Ordering::Relaxed));
        words
    }

    /// The words and their check, if that is right.
    fn get(&self) -> Option<[u32; N]> {
        let words = self.words();
        let (seal, rest) = words.split_last()?;
        (mix(rest) == *seal).then_some(words)
    }

    fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

impl Block<3> {
    fn put_number(&self, number: u64) {
        self.put(&[number as u32, (number >> 32) as u32]);
    }

    fn number(&self) -> Option<u64> {
        self.get().map(|[low, high, _]| u64::from(high) << 32 | u64::from(low))
    }
}

/// A check of words: each bit of each word bears on all of it.
fn mix(words: &[u32]) -> u32 {
    words.iter().fold(!MAGIC, |sum, word| {
        let mixed = (sum ^ word).wrapping_mul(0x9e37_79b1);
        mixed ^ mixed >> 15
    })
}

/// A number for any bytes; of an empty one 0.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u32; 2] {
    if bytes.is_empty() {
        return [0; 2];
    }
    let words = |salt: u32| bytes.iter().fold(salt, |sum, byte| mix(&[sum, u32::from(*byte)])) | 1;
    [words(0x5eed), words(0xbead)]
}

/// Which program writes images, and into what room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub(crate) build: [u32; 2],
    /// The sizes of the rings, and the cores.
    pub(crate) room: [u32; 3],
    pub(crate) frequency: u32,
}

/// Whose an image is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// Nothing was there.
    Nobody,
    /// An image, but its header is not whole.
    Torn,
    /// An image of another program, or of this one with other sizes or another clock; how many boots it had seen, and how many
    /// images were ignored.
    Other { boots: u32, ignored: u32 },
    /// This program's.
    Ours { session: u64, boots: u32, ignored: u32 },
}

/// Where a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) next_packet: u32,
    pub(crate) spans: u32,
    /// Bits 16 to 47 of the newest counter drained.
    pub(crate) latest: u32,
    pub(crate) time: u64,
}

/// What a fault handler has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Noted {
    pub(crate) reason: u32,
    pub(crate) pc: Option<u32>,
    pub(crate) lr: Option<u32>,
}

/// What stands before the slots of an image.
pub(crate) struct Header {
    id: Block<13>,
    /// Written in turn, so that one of them is whole at any time.
    progress: [Block<7>; 2],
    note: Block<5>,
    /// When it was left; of a check of its own, since a clock may fail that a handler asks.
    note_time: Block<3>,
    /// The time of tick 0 of the session's clock, once that was told.
    base: Block<3>,
}

impl Header {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self {
                id: Block::new(),
                progress: [Block::new(), Block::new()],
                note: Block::new(),
                note_time: Block::new(),
                base: Block::new(),
            }
        }
    }

    fn id_of(id: &Identity, (boots, ignored): (u32, u32), session: u64) -> [u32; 12] {
        let Identity { build: [b0, b1], room: [r0, r1, r2], frequency } = *id;
        let width = (size_of::<usize>() as u32) << 8 | LAYOUT;
        [MAGIC, width, b0, b1, r0, r1, r2, frequency, boots, ignored, session as u32, (session >> 32) as u32]
    }

    /// Whose image this is.
    pub(crate) fn owner(&self, id: &Identity) -> Owner {
        let Some(found) = self.id.get() else {
            let [magic, ..] = self.id.words();
            // What it began with may itself be what is damaged.
            let is_rest_whole = self.progress.iter().any(|block| block.get().is_some());
            return if magic == MAGIC || is_rest_whole { Owner::Torn } else { Owner::Nobody };
        };
        let [.., boots, ignored, low, high, _] = found;
        let session = u64::from(high) << 32 | u64::from(low);
        let is_ours = Self::id_of(id, (boots, ignored), session).iter().eq(found.iter().take(12));
        if is_ours && id.build != [0; 2] {
            Owner::Ours { session, boots, ignored }
        } else {
            Owner::Other { boots, ignored }
        }
    }

    /// Says that there is no image, until [`begin`](Self::begin).
    pub(crate) fn clear(&self) {
        self.id.clear();
        self.progress.iter().for_each(Block::clear);
        self.note.clear();
        self.note_time.clear();
        self.base.clear();
    }

    /// Says that from here on there is one.
    pub(crate) fn begin(&self, id: &Identity, counts: (u32, u32), session: u64) {
        self.keep(&Progress::default());
        self.id.put(&Self::id_of(id, counts, session));
    }

    /// Tells where the session stands.
    pub(crate) fn keep(&self, progress: &Progress) {
        let [one, other] = &self.progress;
        let turn = |block: &Block<7>| block.get().map(|[turn, ..]| turn);
        let (older, turn) = match (turn(one), turn(other)) {
            (Some(a), Some(b)) if (a.wrapping_sub(b) as i32) < 0 => (one, b),
            (Some(a), _) => (other, a),
            (None, b) => (one, b.unwrap_or(0)),
        };
        let Progress { next_packet, spans, latest, time } = *progress;
        older.put(&[turn.wrapping_add(1), next_packet, spans, latest, time as u32, (time >> 32) as u32]);
    }

    /// Where the session stood; `None`: that is not whole.
    pub(crate) fn progress(&self) -> Option<Progress> {
        let [one, other] = self.progress.each_ref().map(Block::get);
        let newest = match (one, other) {
            (Some(a), Some(b)) => {
                let ([a_turn, ..], [b_turn, ..]) = (a, b);
                if (a_turn.wrapping_sub(b_turn) as i32) < 0 { b } else { a }
            }
            (one, other) => one.or(other)?,
        };
        let [_, next_packet, spans, latest, low, high, _] = newest;
        Some(Progress { next_packet, spans, latest, time: u64::from(high) << 32 | u64::from(low) })
    }

    /// Leaves why the device is about to be reset.
    pub(crate) fn note(&self, noted: &Noted) {
        self.note_time.clear();
        let known = u32::from(noted.pc.is_some()) | u32::from(noted.lr.is_some()) << 1;
        self.note.put(&[noted.reason, known, noted.pc.unwrap_or(0), noted.lr.unwrap_or(0)]);
    }

    /// Leaves when that was.
    pub(crate) fn note_time(&self, time: u64) {
        self.note_time.put_number(time);
    }

    /// Keeps the time of tick 0; 0: it is not known.
    pub(crate) fn keep_base(&self, base: u64) {
        self.base.put_number(base);
    }

    /// The time of tick 0; 0: it is not known.
    pub(crate) fn base(&self) -> u64 {
        self.base.number().unwrap_or(0)
    }

    /// What was left, and when.
    pub(crate) fn noted(&self) -> (Option<Noted>, Option<u64>) {
        let noted = self.note.get().map(|[reason, known, pc, lr, _]| Noted {
            reason,
            pc: (known & 1 != 0).then_some(pc),
            lr: (known & 2 != 0).then_some(lr),
        });
        (noted, noted.and(self.note_time.number()))
    }
}
