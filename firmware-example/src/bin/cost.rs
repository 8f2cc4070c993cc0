//! Says what operations cost, in instructions of a Cortex-M4: one line of JSON each.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::hint::black_box;

    use cortex_m_rt::entry;
    use microspan_firmware::board::an386::{self, Count};
    use microspan_firmware::board::host;

    #[entry]
    fn main() -> ! {
        an386::start();
        report(
            "add",
            an386::instructions(|| {
                black_box(black_box(1_u32) + black_box(2));
            }),
        );
        host::exit(true)
    }

    fn report(operation: &str, count: Count) {
        host::print(format_args!("{{\"operation\":\"{operation}\",\"instructions\":{count}}}\n"));
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "cost runs on a Cortex-M4. Build it with\n  cargo build -p microspan-firmware --target thumbv7em-none-eabihf \
         --profile firmware --bin cost\nand run it with\n  qemu-system-arm -machine mps2-an386 -icount shift=0 -nographic \
         -semihosting-config enable=on,target=native -kernel target/thumbv7em-none-eabihf/firmware/cost"
    );
}
