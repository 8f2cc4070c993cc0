//! Span slots and tag cells, each in a [`SlotRing`]: starting, tagging, finishing, reaping.
//!
//! | file | idea |
//! | --- | --- |
//! | `arena.rs` | what there is, and what may be done when it is full |
//! | `arena/span.rs` | starting and finishing |
//! | `arena/apart.rs` | spans that are born apart from what is current |
//! | `arena/current.rs` | the current span of each core |
//! | `arena/judge.rs` | traces that are not recorded |
//! | `arena/tags.rs` | a span's chain of tag cells |
//! | `arena/cells.rs` | several cells as one: strings, events, links |
//! | `arena/long.rs` | texts that are longer than cells hold |
//! | `arena/kept.rs`, `arena/recover.rs` | an arena that outlives a reset: its checks, and what is found after one |
//! | `arena/read.rs` | looking at the cells of open spans |
//! | `arena/reap.rs` | the drain's side |
//! | `arena/session.rs` | what the drain has told of its session |
//! | `arena/panic.rs` | closing what a panic left open |
//! | `arena/counts.rs` | what was dropped, by cause and core |

use crate::drain::Beyond;
use crate::slot_ring::{By, Mode, PIECE, Slot, SlotRing, SlotRingView};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU32, Line, array_of, const_unless_loom};
use crate::tag::CellBody;

#[cfg(all(feature = "embassy-executor", not(loom)))]
mod apart;
mod cells;
mod counts;
mod current;
mod judge;
pub(crate) mod kept;
#[cfg(not(target_os = "none"))]
mod long;
mod panic;
mod read;
mod reap;
#[cfg(not(loom))]
pub(crate) mod recover;
mod session;
mod span;
mod tags;

pub(crate) use cells::Attributes;
pub(crate) use counts::CAUSES;
pub use counts::{Cause, Stats};
pub(crate) use current::Here;
pub(crate) use judge::Judge;
use judge::Kin;
use kept::KeptView;
#[cfg(not(target_os = "none"))]
pub use long::LongTexts;
pub(crate) use reap::{Cell, Finished};
pub(crate) use span::Started;
pub(crate) use tags::{ERROR, LOST, note_of};

/// The longest dynamic string that tag cells hold, in bytes; a longer one is cut and marked as cut, unless somebody
/// [keeps](crate::Tracer::keep_long_texts) it.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// let long = "x".repeat(MAX_STR + 1);
/// let span = TRACER.trace("request");
/// span.set_tag("body", &*long); // cut
/// ```
pub const MAX_STR: usize = 255;

/// The longest name, key or static string, in bytes; a longer one is cut. With its index it fits a record.
pub(crate) const MAX_NAME: usize = 250;

/// The longest static string that a cell names. On hosts, where spans may be taken as they are, no packet bounds it.
pub(crate) const MAX_STATIC: usize = if cfg!(target_os = "none") { MAX_NAME } else { usize::MAX };

/// How far a claim looks before it calls a ring full.
const STEPS: u32 = 32;

/// The most slots that may be reserved: a start that is entitled to them looks at each.
pub(crate) const MAX_RESERVED: u32 = 64;

/// The memory of a tracer: `SPANS` span slots and `TAGS` tag cells, for `CORES` cores, in a `static`.
///
/// The first two are powers of two: 4 to 65,536 spans, 4 to 8,192 tags; anything else does not compile. On a 32-bit core
/// a span takes 32 bytes and a tag 16; a dynamic string of more than 7 bytes takes further cells of 12 bytes.
///
/// ```
/// use microspan::Arena;
/// static ARENA: Arena<16, 32> = Arena::new();
/// static OF_TWO_CORES: Arena<16, 32, 2> = Arena::new();
/// ```
#[repr(C)]
pub struct Arena<const SPANS: usize, const TAGS: usize, const CORES: usize = 1> {
    // In the order of their use, so that what every start needs lies within reach of one address.
    state: State,
    cores: [Line<Core>; CORES],
    spans: SlotRing<SpanBody, WORDS, BYTES, SPANS>,
    cells: SlotRing<CellBody, 0, 0, TAGS>,
    dropped: [Line<Dropped>; CORES],
}

impl<const SPANS: usize, const TAGS: usize, const CORES: usize> Arena<SPANS, TAGS, CORES> {
    const_unless_loom! {
        /// An empty arena.
        ///
        /// ```
        /// use microspan::Arena;
        /// static ARENA: Arena<16, 32> = Arena::new(); // all of it in `.data`: 16 spans, 32 tag cells, one core
        /// static OF_TWO_CORES: Arena<64, 128, 2> = Arena::new();
        /// ```
        #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
        pub fn new() -> Self {
            const { assert!(SPANS <= 1 << 16, "an arena has at most 65,536 spans") };
            const { assert!(TAGS <= 1 << 13, "an arena has at most 8,192 tags") };
            const { assert!(CORES >= 1 && CORES <= 256, "an arena serves 1 to 256 cores") };
            Self {
                spans: SlotRing::new(),
                cells: SlotRing::new(),
                cores: cores(),
                state: State::new(),
                dropped: dropped(),
            }
        }
    }

    pub(crate) const fn view(&'static self) -> ArenaView {
        let Self { spans, cells, cores, state, dropped } = self;
        ArenaView::new(spans, cells, cores, dropped, state)
    }
}

#[cfg(not(loom))]
pub(crate) const fn cores<const N: usize>() -> [Line<Core>; N] {
    array_of!(Line(Core::new()))
}
#[cfg(loom)]
fn cores<const N: usize>() -> [Line<Core>; N] {
    array_of!(Line(Core::new()))
}

/// What there is once an arena.
pub(crate) struct State {
    /// 0 while spans are recorded: a load and a branch when they are not.
    pub(crate) disabled: AtomicBool,
    session: Line<session::Known>,
    /// The arena lies in memory that was not looked at since the reset: nothing of it may be used.
    pub(crate) asleep: AtomicBool,
    /// Somebody has looked, or does.
    pub(crate) looked_at: AtomicBool,
    /// Whether there was a panic.
    panicked: AtomicBool,
    /// Whether the session went on after that.
    taken_over: AtomicBool,
    /// How many look at the cells of spans that somebody else may finish; the drain leaves these alone meanwhile.
    readers: Line<AtomicU32>,
    /// What writes events and the like, once there was one.
    beyond: AtomicPtr<Beyond>,
    /// Who keeps long texts, if somebody does.
    #[cfg(not(target_os = "none"))]
    long: AtomicPtr<LongTexts>,
}

impl State {
    /// Of an arena in memory that nobody has looked at.
    #[cfg(not(loom))]
    pub(crate) const fn asleep() -> Self {
        Self { disabled: AtomicBool::new(true), asleep: AtomicBool::new(true), ..Self::new() }
    }

    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self {
                disabled: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                looked_at: AtomicBool::new(false),
                session: Line(session::Known::new()),
                panicked: AtomicBool::new(false),
                taken_over: AtomicBool::new(false),
                readers: Line(AtomicU32::new(0)),
                beyond: AtomicPtr::new(core::ptr::null_mut()),
                #[cfg(not(target_os = "none"))]
                long: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }
}

/// What there is once a core.
pub(crate) struct Core {
    /// The handles of the current spans of thread mode and of interrupts; 0: none.
    current: [AtomicU32; 2],
    /// Where it claims next, if it does so by hints of its own: spans, and cells.
    hints: [AtomicU32; 2],
}

impl Core {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self { current: two(), hints: two() }
        }
    }
}

const_unless_loom! {
    fn two() -> [AtomicU32; 2] { [AtomicU32::new(0), AtomicU32::new(0)] }
}

#[cfg(not(loom))]
const fn causes<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}
#[cfg(loom)]
fn causes<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}

/// What was dropped on a core, by [`Cause`].
pub(crate) type Dropped = [AtomicU32; CAUSES];

#[cfg(not(loom))]
pub(crate) const fn dropped<const N: usize>() -> [Line<Dropped>; N] {
    array_of!(Line(causes()))
}
#[cfg(loom)]
fn dropped<const N: usize>() -> [Line<Dropped>; N] {
    array_of!(Line(causes()))
}

/// What of a span its owner alone touches: 12 bytes on a 32-bit core.
#[derive(Clone, Copy)]
pub(crate) struct SpanBody {
    name: *const u8,
    start: u32,
    end: u32,
}

// SAFETY: `name` is the address of a `&'static str`, which any context may read.
unsafe impl Send for SpanBody {}

// The words of a span slot that others may touch while it is open.
/// The head of the chain of its tags, see `tags.rs`.
const TAGS: usize = 0;
/// The handle of the root of its trace.
const ROOT: usize = 1;
/// The handle of its parent; of a root, that of the span it has a link to; 0: none.
const PARENT: usize = 2;
pub(crate) const WORDS: usize = 3;

// The bytes of a span slot that others may look at while it is open.
const NAME_LEN: usize = 0;
/// The number of the interrupt it was started in; 0: thread mode, and what it is set back to when the slot is freed.
const INTERRUPT: usize = 1;
const START_HIGH: usize = 2;
const END_HIGH: usize = 3;
pub(crate) const BYTES: usize = 4;

pub(crate) type SpanRing = SlotRingView<SpanBody, WORDS, BYTES>;
pub(crate) type CellRing = SlotRingView<CellBody, 0, 0>;
type SpanSlot = Slot<SpanBody, WORDS, BYTES>;
type CellSlot = Slot<CellBody, 0, 0>;

/// What a start does when no slot is free, and whether it asks more.
#[derive(Clone, Copy)]
pub(crate) struct WhenFull {
    /// It takes the oldest finished span's.
    pub(crate) overwrite: bool,
    /// So many slots are kept for roots and errors.
    pub(crate) reserved: u32,
    /// It has to be known before a claim whether a span is a root: slots are reserved, or not every trace is recorded.
    pub(crate) asks: bool,
}

/// Where cores claim by hints of their own: where there are several, and enough slots for two of them.
#[derive(Clone, Copy)]
pub(crate) struct Apart {
    /// Not where spans may be overwritten: the oldest are found by the ring's own hint.
    pub(crate) spans: bool,
    pub(crate) cells: bool,
}

/// An arena, whatever its size.
#[derive(Clone, Copy)]
pub(crate) struct ArenaView {
    spans: &'static SpanRing,
    cells: &'static CellRing,
    cores: &'static [Line<Core>],
    dropped: &'static [Line<Dropped>],
    pub(crate) state: &'static State,
    pub(crate) full: WhenFull,
    pub(crate) apart: Apart,
    /// What outlives a reset, where something does.
    pub(crate) kept: Option<KeptView>,
}

impl ArenaView {
    pub(crate) const fn new(
        spans: &'static SpanRing,
        cells: &'static CellRing,
        cores: &'static [Line<Core>],
        dropped: &'static [Line<Dropped>],
        state: &'static State,
    ) -> Self {
        let full = WhenFull { overwrite: false, reserved: 0, asks: false };
        let are_apart = cores.len() > 1;
        let apart = Apart {
            spans: are_apart && spans.capacity() >= 2 * PIECE,
            cells: are_apart && cells.capacity() >= 2 * PIECE,
        };
        Self { spans, cells, cores, dropped, state, full, apart, kept: None }
    }

    /// The same, of an arena that outlives a reset.
    #[cfg(not(loom))]
    pub(crate) const fn kept(self, kept: KeptView) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// The sizes of the rings, and the cores.
    pub(crate) fn room(&self) -> [u32; 3] {
        [self.spans.capacity(), self.cells.capacity(), self.cores.len() as u32]
    }

    /// Who claims a span's slot on a core.
    #[inline(always)]
    fn span_by(&self, mode: Mode, core: usize) -> By<'static> {
        By { mode, own: if self.apart.spans { self.hint(core, 0) } else { None } }
    }

    /// Who claims a cell on the core that `core` tells.
    #[inline(always)]
    pub(crate) fn cell_by(&self, mode: Mode, core: impl FnOnce() -> usize) -> By<'static> {
        By { mode, own: if self.apart.cells { self.hint(core(), 1) } else { None } }
    }

    #[inline(always)]
    fn hint(&self, core: usize, ring: usize) -> Option<&'static AtomicU32> {
        self.cores.get(core)?.hints.get(ring)
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, shuttle))]
mod shuttle_tests;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
