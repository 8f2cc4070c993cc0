//! An executor that sleeps by WFI.
//!
//! Embassy's own Cortex-M executor sleeps by WFE, which QEMU takes for a no-operation: an idle program would keep a
//! core of the host busy. WFI sleeps in both worlds. It needs care, because a wake-up between the last poll and the
//! WFI must not be slept through: interrupts are masked for these few instructions (a pending interrupt ends WFI
//! even so, and is served as soon as the mask is gone).

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};

/// Whether a task was woken since the executor last looked.
static WOKEN: AtomicBool = AtomicBool::new(false);

/// The executor of thread mode; name it in `#[embassy_executor::main(executor = "..")]`.
pub struct Executor {
    inner: raw::Executor,
}

impl Executor {
    /// An executor with no tasks.
    #[expect(clippy::new_without_default, reason = "there is one, made by the attribute `main`")]
    pub fn new() -> Self {
        Self { inner: raw::Executor::new(core::ptr::null_mut()) }
    }

    /// Lets `init` spawn the first tasks, then runs all of them for ever.
    pub fn run(&'static mut self, init: impl FnOnce(Spawner)) -> ! {
        init(self.inner.spawner());
        loop {
            // SAFETY: this is the only call, it is not reached again before it returns, and it runs on the one thread
            // that made the executor.
            unsafe { self.inner.poll() };
            critical_section::with(|_| {
                // Nobody comes between the two: a Cortex-M0 has no swap.
                if WOKEN.load(Ordering::Acquire) {
                    WOKEN.store(false, Ordering::Relaxed);
                } else {
                    cortex_m::asm::wfi();
                }
            });
        }
    }
}

/// Called by the executor's wakers, from any context, when there is something to poll.
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    WOKEN.store(true, Ordering::Release);
}
