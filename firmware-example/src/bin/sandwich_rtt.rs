//! The traced kitchen, its spans through a debug probe, on an RTT channel of their own beside one for text.
//!
//! Argument: `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use microspan::{Drain, Rtt, Session};
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::{TRACER, serve};

    /// The longest packet.
    const MTU: usize = 256;

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(_spawner: Spawner) {
        lm3s6965::init();
        let seconds = host::argument("seconds").unwrap_or(1);
        defmt::info!("start: spans go to a debug probe for {} s", seconds);
        let Some(mut drain) = Drain::<MTU>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        let mut channels = rtt_target::rtt_init! {
            up: {
                0: { size: 128, name: "text" }
                1: { size: 512, name: "microspan" }
            }
        };
        channels.up.0.write(b"start\n");
        let mut probe = Rtt::new(channels.up.1);
        serve(&mut drain, &mut probe, seconds).await;
        while !probe.is_empty() {}
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
        "sandwich_rtt runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv7m-none-eabi --profile firmware --bin sandwich_rtt\nand read the RTT channel `microspan` with a probe."
    );
}
