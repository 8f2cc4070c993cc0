//! The traced kitchen, its spans over UDP and Ethernet.
//!
//! Arguments: `port=` (default 18999), `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::udp::{PacketMetadata, UdpSocket};
    use microspan::{Drain, Session, Udp};
    use microspan_firmware::board::lm3s6965::{self, HOST, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::{TRACER, serve};

    const PORT: u16 = 18_999;
    /// What a datagram may carry.
    const MTU: usize = 1_024;

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let port = host::argument("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT);
        let seconds = host::argument("seconds").unwrap_or(1);
        defmt::info!("start: spans go to port {} for {} s", port, seconds);
        let stack = lm3s6965::network(spawner, board.ethernet, host::entropy(systick::ticks()));
        stack.wait_config_up().await;
        defmt::info!("link up");

        let (mut receive_meta, mut transmit_meta) = ([PacketMetadata::EMPTY; 1], [PacketMetadata::EMPTY; 4]);
        let (mut receive, mut transmit) = ([0; 64], [0; 2 * MTU]);
        let mut socket =
            UdpSocket::new(stack, &mut receive_meta, &mut receive, &mut transmit_meta, &mut transmit);
        if let Err(error) = socket.bind(0) {
            panic!("a local port was asked for and refused: {error:?}");
        }
        let Some(mut drain) = Drain::<MTU>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        serve(&mut drain, &mut Udp::new(&socket, (HOST, port)), seconds).await;
        socket.flush().await;
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
        "sandwich_udp runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target thumbv7m-none-eabi \
         --profile firmware --bin sandwich_udp\nand run it with\n  qemu-system-arm -machine lm3s6965evb -nographic -nic \
         user,model=stellaris -semihosting-config enable=on,target=native,arg=sandwich,arg=port=18999,arg=seconds=5 \
         -kernel target/thumbv7m-none-eabi/firmware/sandwich_udp"
    );
}
