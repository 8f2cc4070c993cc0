//! Writes lines on the serial port.
//!
//! Argument: `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicU32, Ordering};

    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_time::{Duration, Ticker};
    use embedded_io::Write;
    use microspan_firmware::board::lm3s6965::interrupt::Interrupt;
    use microspan_firmware::board::lm3s6965::timer::Periodic;
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};

    const PERIOD: Duration = Duration::from_millis(50);
    const LINES_PER_SECOND: u32 = 20;
    const SENSOR_PERIOD_US: u32 = 10_000;

    static SENSOR: AtomicU32 = AtomicU32::new(0);

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(_spawner: Spawner) {
        let mut board = lm3s6965::init();
        let lines = host::argument("seconds").unwrap_or(1).saturating_mul(LINES_PER_SECOND);
        defmt::info!("start: {} lines", lines);
        board.timer1.start(SENSOR_PERIOD_US);
        let mut ticker = Ticker::every(PERIOD);
        for number in 0..lines {
            if let Err(error) = board.uart0.write_fmt(format_args!("hello {number}\n")) {
                panic!("line {number} was refused by the serial port: {error:?}");
            }
            ticker.next().await;
        }
        let Ok(()) = board.uart0.flush();
        defmt::info!("end: {} interrupts of the sensor", SENSOR.load(Ordering::Relaxed));
        host::exit(true)
    }

    #[exception]
    fn SysTick() {
        systick::on_wrap();
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        if Interrupt::from_number(number) == Some(Interrupt::Timer1) {
            Periodic::acknowledge();
            SENSOR.fetch_add(1, Ordering::Relaxed);
        } else {
            lm3s6965::on_interrupt(number);
        }
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
