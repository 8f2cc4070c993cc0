//! The ends nobody wished for: a panic and a fault are told to the host, and the program exits with failure.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};

use super::host;

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    cortex_m::interrupt::disable();
    host::print(format_args!("{info}\n"));
    host::exit(false)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    host::print(format_args!("the processor took a hard fault: {frame:#010x?}\n"));
    host::exit(false)
}
