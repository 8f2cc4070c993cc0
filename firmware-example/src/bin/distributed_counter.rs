//! The counter: takes an order, asks the kitchen's board for it over UDP, and hands it over when the pantry says, over MQTT,
//! that it is ready. It begins the one trace of all three.
//!
//! Arguments: `port=` (of the bridge, default 18999), `kitchen=` (the host's port that leads to the kitchen's board, default
//! 7000), `broker=` (default 1883), `order=` (its number, default 7).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::fmt::Write;

    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::Stack;
    use embassy_net::tcp::TcpSocket;
    use embassy_net::udp::{PacketMetadata, UdpSocket};
    use embassy_time::{Duration, Timer, with_timeout};
    use microspan::propagation::Propagator;
    use microspan::{Arena, Static, Tracer};
    use microspan_firmware::app::TAGS;
    use microspan_firmware::board::lm3s6965::systick::{self, Microseconds};
    use microspan_firmware::board::lm3s6965::{self, HOST};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::distributed::call;
    use microspan_firmware::service::connection::PATIENCE;
    use microspan_firmware::service::post;
    use microspan_firmware::service::ready::{MEMORY, Subscriber};
    use rust_mqtt::buffer::BumpBuffer;

    const DEVICE: &str = "counter-1";
    /// How often the kitchen is asked at most: a datagram may be lost.
    const ATTEMPTS: u32 = 3;
    /// Meanwhile the bridge hears how the clock of this board goes.
    const SETTLING: Duration = Duration::from_secs(1);

    static ARENA: Arena<32, 128> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Microseconds).service("counter").tags(TAGS);

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let stack = lm3s6965::network(spawner, board.ethernet, host::entropy(systick::ticks()));
        stack.wait_config_up().await;
        post::start(spawner, stack, &TRACER, DEVICE, port("port", 18_999));
        let mut spans_made = 0;
        let served = serve(stack, &mut spans_made).await;
        if let Err(why) = served {
            host::print(format_args!("{DEVICE}: {why}\n"));
        }
        post::end(spans_made, served.is_ok()).await
    }

    fn port(name: &str, otherwise: u16) -> u16 {
        host::argument(name).and_then(|port| u16::try_from(port).ok()).unwrap_or(otherwise)
    }

    /// Takes one order and hands it over.
    async fn serve(stack: Stack<'static>, spans_made: &mut u32) -> Result<(), &'static str> {
        let order = host::argument("order").unwrap_or(7);
        let mut topic = heapless::String::<32>::new();
        write!(topic, "orders/{order}/ready").map_err(|_| "the topic is too long")?;
        let (mut receive, mut transmit, mut memory) = ([0; 1_024], [0; 512], [0; MEMORY]);
        let mut socket = TcpSocket::new(stack, &mut receive, &mut transmit);
        socket.connect((HOST, port("broker", 1_883))).await.map_err(|_| "there is no broker")?;
        let mut memory = BumpBuffer::new(&mut memory);
        let mut ready = Subscriber::connect(&mut socket, &mut memory, DEVICE, &topic).await?;
        Timer::after(SETTLING).await;

        let span = TRACER.span("take_order").resource("sandwich").start();
        *spans_made += 1;
        span.set_tag("order.id", order);
        if !ask(stack, order, spans_made).await? {
            span.set_error_info("NotMade", "the kitchen could not make it");
            return Err("the kitchen could not make the sandwich");
        }
        let properties = ready.next().await?;
        // The publication's span is the parent: the same trace, by way of two other machines.
        let span = TRACER.span("hand_over").root().start();
        *spans_made += 1;
        span.set_tag("order.id", order).set_tag("span.kind", Static("consumer"));
        let extracted = Propagator::new().extract(&properties);
        extracted.continue_in(&span);
        extracted.context.map(drop).ok_or("the publication has no context")
    }

    /// Asks the kitchen to make the sandwich; says whether it did.
    async fn ask(stack: Stack<'static>, order: u32, spans_made: &mut u32) -> Result<bool, &'static str> {
        let kitchen = (HOST, port("kitchen", call::PORT));
        let (mut receive_meta, mut transmit_meta) = ([PacketMetadata::EMPTY; 2], [PacketMetadata::EMPTY; 2]);
        let (mut receive, mut transmit) = ([0; 64], [0; 64]);
        let mut socket =
            UdpSocket::new(stack, &mut receive_meta, &mut receive, &mut transmit_meta, &mut transmit);
        socket.bind(0).map_err(|_| "there is no local port")?;
        for attempt in 1..=ATTEMPTS {
            let span = TRACER.trace("ask_kitchen");
            *spans_made += 1;
            span.set_tag("span.kind", Static("client")).set_tag("attempt", attempt);
            let call = call::call(order, span.context().as_ref());
            socket.send_to(&call, kitchen).await.map_err(|_| "the call does not go out")?;
            let mut answer = [0; 16];
            let answering = async {
                loop {
                    if let Ok((len, _)) = socket.recv_from(&mut answer).await
                        && let Some(is_made) =
                            answer.get(..len).and_then(|heard| call::answered(heard, order))
                    {
                        return is_made;
                    }
                }
            };
            match with_timeout(PATIENCE, answering).await {
                Ok(is_made) => return Ok(is_made),
                Err(_) => span.set_error_info("NoAnswer", "the kitchen does not answer"),
            };
        }
        Err("the kitchen does not answer")
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
        "distributed_counter runs on a Cortex-M3, beside distributed_kitchen: ./demo --distributed starts both"
    );
}
