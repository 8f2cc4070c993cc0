//! Where code runs: on which core, and in which interrupt.

/// Says in which execution context the code that asks runs.
///
/// Each core has a current span of its own, and on each core its interrupts have one beside that of thread mode. So a
/// function finds the span it runs in, and an interrupt's spans are children of what it interrupted.
///
/// # Obligations
///
/// An implementation
/// - MUST answer from any context, and MUST NOT fail, wait or mask interrupts: it is asked in every start and finish;
/// - MUST give two cores that run at the same time two numbers, and a core always the same one. Two cores with one
///   number lose their parents, and nothing worse;
/// - MUST answer [`interrupt`](Context::interrupt) with 0 in thread mode, and in an interrupt with a number that does not
///   change while it runs.
///
/// ```
/// use microspan::{Arena, Clock, Context, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// struct TwoCores; // on the RP2040: the register CPUID says which core asks
/// impl Context for TwoCores {
///     fn core(&self) -> usize { 0 }
/// }
/// static ARENA: Arena<64, 64, 2> = Arena::new(); // room for two cores
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&TwoCores);
/// ```
pub trait Context: Sync {
    /// The number of the core, from 0; below the arena's number of cores, or nothing is recorded.
    #[inline(always)]
    fn core(&self) -> usize {
        0
    }

    /// The number of the interrupt (on a Cortex-M the exception number, 16 and above for a device's interrupt); 0: none.
    /// Above 255 it arrives as 255.
    #[inline(always)]
    fn interrupt(&self) -> u32 {
        0
    }
}

/// One context: interrupts nest as calls do and say nothing of themselves, and there is one core. The default.
///
/// ```
/// use microspan::{Context, OneContext};
/// assert_eq!((OneContext.core(), OneContext.interrupt()), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OneContext;

impl Context for OneContext {}

/// A Cortex-M: the register IPSR says which exception runs.
///
/// ```
/// # use microspan::{Arena, Clock, CortexM, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&CortexM);
/// ```
#[cfg(all(target_arch = "arm", target_os = "none"))]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CortexM;

#[cfg(all(target_arch = "arm", target_os = "none"))]
impl Context for CortexM {
    #[inline(always)]
    fn interrupt(&self) -> u32 {
        let number: u32;
        // SAFETY: reading IPSR changes nothing and is allowed in every mode.
        unsafe {
            core::arch::asm!("mrs {}, IPSR", out(reg) number, options(nomem, nostack, preserves_flags));
        }
        number & 0x1ff
    }
}

/// A context of several cores: a hook that says which core asks, beside another that says which interrupt.
///
/// ```
/// use microspan::{Context, Cores, OneContext};
/// fn core_id() -> usize { 1 } // read the device's register
/// static CONTEXT: Cores<OneContext> = Cores::new(core_id, OneContext);
/// assert_eq!(CONTEXT.core(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cores<C> {
    core: fn() -> usize,
    inner: C,
}

impl<C: Context> Cores<C> {
    /// The cores that `core` tells apart, each with the interrupts of `inner`.
    ///
    /// ```
    /// use microspan::{Cores, OneContext};
    /// fn core_id() -> usize { 0 } // `SIO.cpuid` of an RP2040, say
    /// static CONTEXT: Cores<OneContext> = Cores::new(core_id, OneContext); // `CortexM` in place of `OneContext` on one
    /// ```
    pub const fn new(core: fn() -> usize, inner: C) -> Self {
        Self { core, inner }
    }
}

impl<C: Context> Context for Cores<C> {
    #[inline(always)]
    fn core(&self) -> usize {
        (self.core)()
    }

    #[inline(always)]
    fn interrupt(&self) -> u32 {
        self.inner.interrupt()
    }
}

/// What the spans of an interrupt are.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// static ROOTS: Tracer = Tracer::new(&ARENA, &Ticks).interrupts(Interrupts::Roots);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Interrupts {
    /// Children of the span that the interrupt came into.
    #[default]
    Children,
    /// Roots of traces of their own, with a span link to the span that the interrupt came into.
    Roots,
}
