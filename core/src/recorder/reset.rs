//! Why there was a reset.

use super::header::Noted;
use crate::tracer::Tracer;

/// Why a device was reset.
///
/// ```
/// use microspan::{Reason, Reset};
/// assert_eq!(Reset::of(Reason::Watchdog).reason(), Reason::Watchdog);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// Nothing tells.
    #[default]
    Unknown = 0,
    /// A fault that no other handler served.
    HardFault = 1,
    /// A watchdog was not fed.
    Watchdog = 2,
    /// A panic.
    Panic = 3,
    /// The supply was too low.
    Brownout = 4,
}

/// A reset: its reason and, of a fault, where the program was.
///
/// ```
/// use microspan::{Reason, Reset};
/// let fault = Reset::of(Reason::HardFault).at(0x0800_1234, 0x0800_2345);
/// assert_eq!(fault.reason(), Reason::HardFault);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reset {
    reason: Reason,
    pub(crate) pc: Option<u32>,
    pub(crate) lr: Option<u32>,
}

/// What `reset.reason` is told as, by the numbers of [`Reason`]. Each lies in one place.
pub(crate) static REASONS: [&str; 5] = ["unknown", "hardfault", "watchdog", "panic", "brownout"];

impl Reset {
    /// A reset for this reason.
    ///
    /// ```
    /// use microspan::{Reason, Reset};
    /// let reset = Reset::of(Reason::Brownout); // as the register of the reset's causes says
    /// ```
    pub const fn of(reason: Reason) -> Self {
        Self { reason, pc: None, lr: None }
    }

    /// The same of a fault at this instruction, in a function that would have returned there.
    ///
    /// ```
    /// use microspan::{Reason, Reset};
    /// let (pc, lr) = (0x0800_1234, 0x0800_2345); // of the frame that the exception has stacked
    /// let reset = Reset::of(Reason::HardFault).at(pc, lr);
    /// ```
    #[must_use]
    pub const fn at(self, pc: u32, lr: u32) -> Self {
        Self { pc: Some(pc), lr: Some(lr), ..self }
    }

    /// Its reason.
    ///
    /// ```
    /// use microspan::{Reason, Reset};
    /// assert_eq!(Reset::default().reason(), Reason::Unknown);
    /// ```
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    pub(crate) fn reason_text(&self) -> &'static str {
        REASONS.get(self.reason as usize).copied().unwrap_or_default()
    }

    pub(super) fn of_note(noted: &Noted) -> Self {
        let reason = match noted.reason {
            1 => Reason::HardFault,
            2 => Reason::Watchdog,
            3 => Reason::Panic,
            4 => Reason::Brownout,
            _ => Reason::Unknown,
        };
        Self { reason, pc: noted.pc, lr: noted.lr }
    }
}

impl Tracer {
    /// Leaves, for the [`Boot`](crate::Boot) after it, why the device is about to be reset. It writes a few words, takes no lock,
    /// and may be called by any handler; the last one counts. The clock is asked after that.
    ///
    /// A tracer without a [`Recorder`](crate::Recorder) has nowhere to leave it.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # struct ExceptionFrame;
    /// # impl ExceptionFrame { fn pc(&self) -> u32 { 0 } fn lr(&self) -> u32 { 0 } }
    /// // #[exception]
    /// fn HardFault(frame: &ExceptionFrame) {
    ///     TRACER.note_reset(&Reset::of(Reason::HardFault).at(frame.pc(), frame.lr()));
    ///     // SCB::sys_reset()
    /// }
    /// ```
    pub fn note_reset(&self, reset: &Reset) {
        let Some(kept) = self.arena.kept.filter(|_| !self.arena.is_asleep()) else { return };
        kept.header.note(&Noted { reason: reset.reason as u32, pc: reset.pc, lr: reset.lr });
        kept.header.note_time(self.clock.now());
    }
}
