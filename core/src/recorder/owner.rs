//! The image, in memory that nobody writes at boot, and its owner, in memory that is as it should be.

use super::header::Header;
use crate::arena::kept::KeptView;
use crate::arena::{ArenaView, BYTES, Core, Dropped, SpanBody, State, WORDS, cores, dropped};
use crate::clock::Clock;
use crate::slot_ring::SlotRing;
use crate::sync::{AtomicU32, Line, array_of};
use crate::tag::CellBody;
use crate::tracer::Tracer;

/// The memory of a [`Recorder`]: `SPANS` span slots, `TAGS` tag cells and their checks, in a `static` of a section that no boot
/// writes.
///
/// The memory has to keep what was last written when the device is reset: not in a data cache that is reset with it. Where RAM has
/// an error-correcting code, the start-up code writes it once after power came.
///
/// The sizes are those of an [`Arena`](crate::Arena). On a 32-bit core a span takes 36 bytes and a tag 20; what comes beside
/// them is less than 300 bytes.
///
/// ```
/// use microspan::Image;
/// // SAFETY: whatever bytes are found in this section, they are an image, if not a sound one.
/// #[unsafe(link_section = ".uninit.spans")] // of `cortex-m-rt`
/// static IMAGE: Image<16, 64> = Image::new();
/// ```
#[repr(C)]
pub struct Image<const SPANS: usize, const TAGS: usize, const CORES: usize = 1> {
    header: Header,
    spans: SlotRing<SpanBody, WORDS, BYTES, SPANS>,
    cells: SlotRing<CellBody, 0, 0, TAGS>,
    dropped: [Line<Dropped>; CORES],
    span_checks: [AtomicU32; SPANS],
    cell_checks: [AtomicU32; TAGS],
}

const fn words<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}

impl<const SPANS: usize, const TAGS: usize, const CORES: usize> Image<SPANS, TAGS, CORES> {
    /// An image of nothing. In a section that no boot writes it is never put there.
    ///
    /// ```
    /// use microspan::Image;
    /// static IMAGE: Image<16, 64> = Image::new(); // of one core
    /// ```
    #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
    pub const fn new() -> Self {
        const { assert!(SPANS <= 1 << 16, "an image has at most 65,536 spans") };
        const { assert!(TAGS <= 1 << 13, "an image has at most 8,192 tags") };
        const { assert!(CORES >= 1 && CORES <= 256, "an image serves 1 to 256 cores") };
        Self {
            header: Header::new(),
            spans: SlotRing::new(),
            cells: SlotRing::new(),
            dropped: dropped(),
            span_checks: words(),
            cell_checks: words(),
        }
    }
}

/// An arena that outlives a reset.
///
/// A tracer [of a recorder](Tracer::recorded) records as any other, once a [`Boot`](super::Boot) has looked at what the last
/// run left in the [`Image`]; before that it records nothing.
///
/// ```
/// use microspan::{Image, Recorder};
/// #[unsafe(link_section = ".uninit.spans")]
/// static IMAGE: Image<16, 64> = Image::new();
/// // SAFETY: nobody else has the image.
/// static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
/// ```
pub struct Recorder<const SPANS: usize, const TAGS: usize, const CORES: usize = 1> {
    image: &'static Image<SPANS, TAGS, CORES>,
    state: State,
    cores: [Line<Core>; CORES],
}

impl<const SPANS: usize, const TAGS: usize, const CORES: usize> Recorder<SPANS, TAGS, CORES> {
    /// The recorder of this image.
    ///
    /// ```
    /// use microspan::{Image, Recorder};
    /// static IMAGE: Image<16, 64> = Image::new();
    /// // SAFETY: nobody else has the image.
    /// static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
    /// ```
    ///
    /// # Safety
    ///
    /// No other recorder has this image, and nothing else writes its memory while the program runs.
    pub const unsafe fn new(image: &'static Image<SPANS, TAGS, CORES>) -> Self {
        Self { image, state: State::asleep(), cores: cores() }
    }

    const fn view(&'static self) -> ArenaView {
        let Image { header, spans, cells, dropped, span_checks, cell_checks } = self.image;
        let arena = ArenaView::new(spans, cells, &self.cores, dropped, &self.state);
        arena.kept(KeptView::new(header, span_checks, cell_checks))
    }
}

impl Tracer {
    /// A tracer whose spans outlive a reset.
    ///
    /// It records nothing before a [`Boot`](super::Boot) has begun its session.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// static IMAGE: Image<16, 64> = Image::new();
    /// // SAFETY: nobody else has the image.
    /// static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
    /// static RECORDED: Tracer = Tracer::recorded(&RECORDER, &Ticks).service("oven");
    /// assert!(!RECORDED.trace("bake").is_recording());
    /// ```
    pub const fn recorded<const SPANS: usize, const TAGS: usize, const CORES: usize>(
        recorder: &'static Recorder<SPANS, TAGS, CORES>,
        clock: &'static dyn Clock,
    ) -> Self {
        Self::of(recorder.view(), clock)
    }
}
