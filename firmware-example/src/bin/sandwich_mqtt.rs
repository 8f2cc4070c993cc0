//! The traced kitchen, its spans published to an MQTT 5 broker.
//!
//! Arguments: `port=` (of the broker, default 1883), `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::tcp::TcpSocket;
    use embassy_time::{Duration, Instant, Ticker};
    use microspan::Drain;
    use microspan_firmware::app::DEVICE;
    use microspan_firmware::board::lm3s6965::{self, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::backoff::Backoff;
    use microspan_firmware::service::mqtt::{MEMORY, Publisher, Sent};
    use microspan_firmware::service::{connection, shift};
    use rust_mqtt::buffer::BumpBuffer;

    const PORT: u16 = 1_883;
    /// The longest packet: its publication, and what TCP needs, fit one Ethernet frame.
    const MTU: usize = 1_024;
    /// How often the session is introduced anew at most, when it has new names.
    const INTRODUCTIONS: Duration = Duration::from_secs(1);

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let port = host::argument("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT);
        let seconds = host::argument("seconds").unwrap_or(1);
        defmt::info!("start: spans go to the broker at port {} for {} s", port, seconds);
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

    /// Publishes over this connection until it breaks, or the kitchen has closed and all is sent.
    async fn serve(
        drain: &mut Drain<MTU>,
        socket: &mut TcpSocket<'_>,
        backoff: &mut Backoff,
    ) -> Result<(), &'static str> {
        let mut memory = [0; MEMORY];
        let mut memory = BumpBuffer::new(&mut memory);
        let mut publisher = Publisher::connect(socket, &mut memory, DEVICE).await?;
        backoff.reset();
        let mut ticker = Ticker::every(shift::GLANCE);
        let (mut introduced, mut names) = (Instant::MIN, 0);
        loop {
            let is_over = shift::is_over();
            if is_over {
                // What is told last says how many spans there were, so that the host can tell whether it has them all.
                drain.sync();
            }
            if introduced == Instant::MIN || drain.names() != names && introduced.elapsed() >= INTRODUCTIONS {
                (introduced, names) = (Instant::now(), drain.names());
                drain.introduce();
            }
            let last = loop {
                match publisher.publish(drain).await? {
                    Sent::Yes => {}
                    last => break last,
                }
            };
            if is_over && matches!(last, Sent::Nothing) {
                return publisher.disconnect().await;
            }
            ticker.next().await;
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
        "sandwich_mqtt runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target thumbv7m-none-eabi \
         --profile firmware --bin sandwich_mqtt\nand run it with\n  qemu-system-arm -machine lm3s6965evb -nographic -nic \
         user,model=stellaris -semihosting-config enable=on,target=native,arg=sandwich,arg=port=1883,arg=seconds=5 \
         -kernel target/thumbv7m-none-eabi/firmware/sandwich_mqtt\nbeside a broker and\n  microspan bridge --mqtt \
         mqtt://localhost"
    );
}
