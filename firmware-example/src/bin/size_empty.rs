//! The empty program, beside which `size_tiny` is measured.
//!
//! It leaves the board support out: what a panic prints is larger than all that is measured.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::panic::PanicInfo;

    use cortex_m_rt::entry;

    #[entry]
    fn main() -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo) -> ! {
        cortex_m::asm::udf()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("size_empty is measured, not run: cargo run --release -p microspan-benches -- size");
}
