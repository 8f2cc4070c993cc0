//! The traced kitchen, its spans over a serial line.
//!
//! Argument: `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use microspan::{Drain, Session};
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::{Line, TRACER, serve};

    /// The longest packet: a frame of it takes 22 ms at 115,200 baud.
    const MTU: usize = 256;

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(_spawner: Spawner) {
        let board = lm3s6965::init();
        let seconds = host::argument("seconds").unwrap_or(1);
        defmt::info!("start: spans go to the serial port for {} s", seconds);
        let Some(mut drain) = Drain::<MTU>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        serve(&mut drain, &mut Line::new(board.uart0), seconds).await;
        host::exit(true)
    }

    #[exception]
    fn SysTick() {
        systick::on_wrap();
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        lm3s6965::on_interrupt(number);
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "sandwich_uart runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv7m-none-eabi --profile firmware --bin sandwich_uart\nand run it with\n  qemu-system-arm -machine \
         lm3s6965evb -display none -monitor none -serial stdio -semihosting-config \
         enable=on,target=native,arg=sandwich,arg=seconds=5 -kernel target/thumbv7m-none-eabi/firmware/sandwich_uart"
    );
}
