//! The machine that runs the emulator, reached by Arm semihosting.
//!
//! QEMU serves these calls with `-semihosting-config enable=on,target=native`; so does a debug probe. On a board with
//! neither, the breakpoint instruction under every call is a hard fault: firmware for the field leaves this module out.

use core::cell::Cell;
use core::fmt::{self, Write};

use cortex_m_semihosting::hio::{self, HostStream};
use cortex_m_semihosting::{debug, nr, syscall1};
use critical_section::Mutex;

use crate::arguments;

/// The longest command line that is understood, its closing NUL included.
const COMMAND_LINE: usize = 256;

/// The host's standard output once it was opened: the host keeps a handle for every opening.
static STDOUT: Mutex<Cell<Option<HostStream>>> = Mutex::new(Cell::new(None));

/// Ends the program, and with it the emulator, with success or failure as its exit status.
pub fn exit(success: bool) -> ! {
    debug::exit(if success { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    // A debugger may let the program go on: there is nothing left for it to do.
    loop {
        cortex_m::asm::wfi();
    }
}

/// Prints on the host's standard output. Best effort: text is lost where the host does not take it.
pub fn print(text: fmt::Arguments<'_>) {
    let stdout = critical_section::with(|token| {
        let cell = STDOUT.borrow(token);
        if cell.get().is_none() {
            cell.set(hio::hstdout().ok());
        }
        cell.get()
    });
    if let Some(mut stdout) = stdout {
        // Nothing can be done here about a host that refuses text.
        let _ = stdout.write_fmt(text);
    }
}

/// The number given as `name=number` on the command line (`-semihosting-config arg=..`, one `arg` a word).
///
/// `None` where the host has no command line, has one of more than 255 bytes, or has no such number in it.
pub fn argument(name: &str) -> Option<u32> {
    let mut buffer = [0_u8; COMMAND_LINE];
    // On return the second word holds the length, without the NUL.
    let mut block = [buffer.as_mut_ptr().expose_provenance(), buffer.len()];
    // SAFETY: GET_CMDLINE takes a block of two words, a buffer and its size, and writes at most that many bytes.
    let failed = unsafe { call(nr::GET_CMDLINE, &mut block) } != 0;
    if failed {
        return None;
    }
    let line = buffer.get(..block[1])?;
    arguments::number(core::str::from_utf8(line).ok()?, name)
}

/// 64 random bits from the host's random device.
///
/// Where there is none, the host's time of day in seconds mixed with `ticks`: good enough to tell two runs apart,
/// and no more.
pub fn entropy(ticks: u64) -> u64 {
    random_device().unwrap_or_else(|| {
        // SAFETY: TIME takes no arguments.
        let seconds = unsafe { syscall1(nr::TIME, 0) } as u64;
        mix(seconds.rotate_left(32) ^ ticks)
    })
}

/// Eight bytes of `/dev/urandom`.
fn random_device() -> Option<u64> {
    const PATH: &core::ffi::CStr = c"/dev/urandom";
    let mut open = [PATH.as_ptr().expose_provenance(), nr::open::R_BINARY, PATH.count_bytes()];
    // SAFETY: OPEN takes a block of three words: a NUL-terminated path, a mode, and the path's length without the NUL.
    let file = unsafe { call(nr::OPEN, &mut open) };
    if file == usize::MAX {
        return None;
    }
    let mut bytes = [0_u8; 8];
    let mut read = [file, bytes.as_mut_ptr().expose_provenance(), bytes.len()];
    // SAFETY: READ takes a block of three words: a file, a buffer and its size, and writes at most that many bytes.
    let missing = unsafe { call(nr::READ, &mut read) };
    // SAFETY: CLOSE takes a block of one word, an open file.
    unsafe { call(nr::CLOSE, &mut [file]) };
    (missing == 0).then(|| u64::from_le_bytes(bytes))
}

/// Spreads every bit of `value` over all of the result (the finalizer of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A semihosting call whose argument block the host may also write.
///
/// # Safety
/// `block` must be what the operation `number` asks for, and the buffers it names must live until the call returns.
unsafe fn call<const N: usize>(number: usize, block: &mut [usize; N]) -> usize {
    // SAFETY: the caller keeps the operation's contract; the block is exclusively borrowed while the host has it.
    unsafe { syscall1(number, block.as_mut_ptr().expose_provenance()) }
}
