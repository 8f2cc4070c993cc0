//! Arm's MPS2 board with the AN521 image, as QEMU's `mps2-an521` emulates it: the AN505 with two Cortex-M33.
//!
//! Both cores see the same memory and peripherals; each has its own interrupt controller. The second one waits until it is
//! started.

use core::cell::UnsafeCell;
use core::mem::{size_of, transmute};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use cortex_m::peripheral::SCB;

use super::register::Register;

#[cfg(feature = "examples")]
pub use super::an505::UART0;
pub use super::an505::{DualTimer, TIMER0, TIMER1, on_interrupt, start};

/// The stack of the second core.
const STACK: usize = 16 * 1_024;

// SAFETY: the register CPUID of the core's identity block is there for secure code; each core finds its own.
const CPUID: Register = unsafe { Register::at(0x5001_F000) };
// SAFETY: the register INITSVTOR1 of the system control block is there for secure code. The second core reads memory
// through it, and `start_second` gives it the address of a table of its own.
const VECTORS: Register = unsafe { Register::at(0x5002_1114) };
// SAFETY: as above, the register CPUWAIT.
const WAIT: Register = unsafe { Register::at(0x5002_1118) };

/// What the second core begins with: the top of its stack, and where it runs.
#[repr(C, align(512))]
struct Table([AtomicUsize; 2]);

#[repr(C, align(8))]
struct Stack(UnsafeCell<[u8; STACK]>);

// SAFETY: only the second core touches it, as its stack.
unsafe impl Sync for Stack {}

static TABLE: Table = Table([AtomicUsize::new(0), AtomicUsize::new(0)]);
static SECOND_STACK: Stack = Stack(UnsafeCell::new([0; STACK]));
static RUN: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
static ARGUMENT: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Which core asks: 0 or 1.
#[inline(always)]
pub fn core_id() -> usize {
    CPUID.read() as usize
}

/// Starts the second core, with the interrupt handlers of the first.
///
/// # Panics
/// When it was started already.
pub fn start_second<T: Send + 'static>(argument: &'static mut T, run: fn(&'static mut T) -> !) {
    assert!(RUN.load(Ordering::Relaxed).is_null(), "the second core was started already");
    ARGUMENT.store((&raw mut *argument).cast(), Ordering::Relaxed);
    RUN.store(run as *mut (), Ordering::Release);
    let [stack, entry] = &TABLE.0;
    stack.store(SECOND_STACK.0.get().expose_provenance() + size_of::<Stack>(), Ordering::Relaxed);
    entry.store(enter::<T> as *const () as usize, Ordering::Relaxed);
    cortex_m::asm::dsb();
    VECTORS.write((&raw const TABLE).expose_provenance() as u32);
    WAIT.write(0);
}

/// Where the second core begins.
extern "C" fn enter<T: Send + 'static>() -> ! {
    // SAFETY: the table of the first core is the one that is linked at the start of its code; cores share handlers.
    unsafe { (*SCB::PTR).vtor.write(FIRST_TABLE) };
    let run = RUN.load(Ordering::Acquire);
    // SAFETY: `start_second` stored this function, with this `T`, and named `enter` with the same `T`.
    let run: fn(&'static mut T) -> ! = unsafe { transmute(run) };
    // SAFETY: `start_second` stored this reference for this one use; the core is started once.
    run(unsafe { &mut *ARGUMENT.load(Ordering::Relaxed).cast::<T>() })
}

/// The vector table of the first core, at the start of the code memory.
const FIRST_TABLE: u32 = 0x1000_0000;
