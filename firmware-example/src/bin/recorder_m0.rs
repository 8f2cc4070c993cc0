//! A Cortex-M0 that is reset by a fault, by a panic and by a reset that it asks for; each time the next boot sends the spans that
//! were open and those that waited, over its serial port, and works on.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[path = "../arguments.rs"]
mod arguments;
#[cfg(target_os = "none")]
#[path = "recorder/microbit.rs"]
mod board;
#[cfg(target_os = "none")]
#[path = "../build_id.rs"]
mod build_id;
#[cfg(target_os = "none")]
#[allow(dead_code, reason = "other programs need more of it")]
#[path = "../board/host.rs"]
mod host;
#[cfg(target_os = "none")]
#[allow(dead_code, reason = "other programs need more of it")]
#[path = "../board/register.rs"]
mod register;
#[cfg(target_os = "none")]
#[path = "recorder/run.rs"]
mod run;

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    run::main()
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "recorder_m0 runs on a Cortex-M0. Build it with\n  cargo build -p microspan-firmware --target thumbv6m-none-eabi \
         --profile firmware --no-default-features --bin recorder_m0\nand run it with\n  qemu-system-arm -machine microbit \
         -display none -monitor none -serial file:resets.bin -semihosting-config enable=on,target=native -kernel \
         target/thumbv6m-none-eabi/firmware/recorder_m0\nthen show what it sent with\n  microspan --file resets.bin --print"
    );
}
