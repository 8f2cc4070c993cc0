//! The traced kitchen, its spans over a TCP connection that is made again whenever it breaks.
//!
//! Arguments: `port=` (default 18999), `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::tcp::{Error, TcpSocket};
    use embassy_time::Ticker;
    use microspan::wire::RequestDecoder;
    use microspan::{AsyncStream, Drain, Refused, Tcp};
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::backoff::Backoff;
    use microspan_firmware::service::{connection, shift};

    const PORT: u16 = 18_999;
    /// The longest packet: its frame, and what TCP needs, fit one Ethernet frame.
    const MTU: usize = 1_024;

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let port = host::argument("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT);
        let seconds = host::argument("seconds").unwrap_or(1);
        defmt::info!("start: spans go to TCP port {} for {} s", port, seconds);
        let stack = lm3s6965::network(spawner, board.ethernet, host::entropy(systick::ticks()));
        stack.wait_config_up().await;
        let mut drain = shift::drain::<MTU>();
        shift::start(spawner, seconds);

        connection::keep(stack, port, &mut [0; 2 * MTU], async |socket, backoff| {
            serve(&mut drain, socket, backoff).await
        })
        .await;
        shift::print_report(&drain);
        host::exit(true)
    }

    /// Sends spans over this connection until it breaks, or the kitchen has closed and all is sent.
    async fn serve(
        drain: &mut Drain<MTU>,
        socket: &mut TcpSocket<'_>,
        backoff: &mut Backoff,
    ) -> Result<(), Refused<Error>> {
        let mut stream = AsyncStream::new(Tcp::new(socket));
        let mut requests = RequestDecoder::new();
        let mut ticker = Ticker::every(shift::GLANCE);
        loop {
            let is_over = shift::is_over();
            if is_over {
                // What is told last says how many spans there were, so that the host can tell whether it has them all.
                drain.sync();
            }
            while stream.send(drain).await? {
                backoff.reset();
            }
            if is_over {
                return Ok(());
            }
            ticker.next().await;
            hear(drain, stream.get_mut().socket(), &mut requests).await;
        }
    }

    /// Answers what the bridge has asked meanwhile.
    async fn hear(drain: &mut Drain<MTU>, socket: &mut TcpSocket<'_>, requests: &mut RequestDecoder) {
        let mut heard = [0; 32];
        while socket.can_recv()
            && let Ok(length @ 1..) = socket.read(&mut heard).await
        {
            for request in heard[..length].iter().filter_map(|byte| requests.byte(*byte)) {
                drain.answer(&request);
            }
        }
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
        "sandwich_tcp runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target thumbv7m-none-eabi \
         --profile firmware --bin sandwich_tcp\nand run it with\n  qemu-system-arm -machine lm3s6965evb -nographic -nic \
         user,model=stellaris -semihosting-config enable=on,target=native,arg=sandwich,arg=port=18999,arg=seconds=5 \
         -kernel target/thumbv7m-none-eabi/firmware/sandwich_tcp\nbeside\n  microspan bridge --tcp-listen 127.0.0.1:18999"
    );
}
