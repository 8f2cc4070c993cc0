//! `defmt` frames on UART 1: QEMU's second `-serial`, apart from the text and from the data.
//!
//! A frame is written as a whole with interrupts masked, which at 115,200 baud takes some milliseconds. That is what
//! logging costs; spans do without. What stands in front of a line, the program says by `defmt::timestamp!`.

use core::cell::UnsafeCell;

use critical_section::RestoreState;
use defmt::Encoder;
use embedded_io::Write;

use super::uart::Uart;

/// What one frame needs.
struct State {
    port: Option<Uart>,
    encoder: Encoder,
    /// How interrupts stood before the frame; `Some` while one is being written.
    taken: Option<RestoreState>,
}

struct Log(UnsafeCell<State>);

// SAFETY: the state is only reached in critical sections, on the one core there is.
unsafe impl Sync for Log {}

static LOG: Log = Log(UnsafeCell::new(State { port: None, encoder: Encoder::new(), taken: None }));

/// Opens the port. Frames before it are lost.
pub(super) fn init() {
    let port = Uart::uart1();
    critical_section::with(|_| {
        // SAFETY: in a critical section, and the reference ends with this statement.
        unsafe { (*LOG.0.get()).port = Some(port) };
    });
}

impl State {
    /// Runs a step of the encoder with the port as its sink.
    fn encode(&mut self, step: impl FnOnce(&mut Encoder, &mut dyn FnMut(&[u8]))) {
        let Self { port, encoder, .. } = self;
        step(encoder, &mut |bytes| {
            if let Some(port) = port {
                let Ok(()) = port.write_all(bytes);
            }
        });
    }
}

#[defmt::global_logger]
struct Logger;

// SAFETY: a frame holds a critical section from `acquire` to `release`, so that frames do not mix; a second `acquire`
// within a frame, which only a `Format` that logs can bring about, panics as the trait asks.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` gives the state back, once.
        let restore = unsafe { critical_section::acquire() };
        // SAFETY: in a critical section, and no other reference lives: the other functions keep none.
        let state = unsafe { &mut *LOG.0.get() };
        assert!(state.taken.is_none(), "a log line was begun inside of another: do not log in a `Format`");
        state.taken = Some(restore);
        state.encode(|encoder, sink| encoder.start_frame(sink));
    }

    unsafe fn flush() {
        // SAFETY: within a frame, so in a critical section, and no other reference lives.
        let state = unsafe { &mut *LOG.0.get() };
        if let Some(port) = &mut state.port {
            let Ok(()) = port.flush();
        }
    }

    unsafe fn release() {
        // SAFETY: within a frame, so in a critical section, and no other reference lives.
        let state = unsafe { &mut *LOG.0.get() };
        state.encode(|encoder, sink| encoder.end_frame(sink));
        if let Some(restore) = state.taken.take() {
            // SAFETY: the state of the `acquire` that began this frame, given back once.
            unsafe { critical_section::release(restore) };
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: within a frame, so in a critical section, and no other reference lives.
        let state = unsafe { &mut *LOG.0.get() };
        state.encode(|encoder, sink| encoder.write(bytes, sink));
    }
}
