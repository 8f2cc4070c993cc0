//! The kitchen: hears orders over UDP, gets their ingredients from the pantry's service on the host over HTTP, and answers. Its
//! spans continue the trace of whoever asked.
//!
//! Arguments: `port=` (of the bridge, default 18999), `pantry=` (of the service, default 8080).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::Stack;
    use embassy_net::tcp::TcpSocket;
    use embassy_net::udp::{PacketMetadata, UdpSocket};
    use embassy_time::{Duration, Timer, with_timeout};
    use microspan::propagation::{Extracted, Propagator};
    use microspan::{Arena, Static, Tracer};
    use microspan_firmware::app::TAGS;
    use microspan_firmware::board::lm3s6965::systick::{self, Microseconds};
    use microspan_firmware::board::lm3s6965::{self, HOST};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::distributed::{call, http};
    use microspan_firmware::service::connection::PATIENCE;
    use microspan_firmware::service::post;

    const DEVICE: &str = "kitchen-1";
    /// How long bread takes to be toasted.
    const TOASTING: Duration = Duration::from_millis(50);
    /// The longest request to the pantry.
    const REQUEST: usize = 768;
    const NOT_MADE: &str = "the pantry gave no ingredients";

    static ARENA: Arena<32, 128> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Microseconds).service("kitchen").tags(TAGS);

    defmt::timestamp!("{=u64:us}", systick::ticks());

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let stack = lm3s6965::network(spawner, board.ethernet, host::entropy(systick::ticks()));
        stack.wait_config_up().await;
        post::start(spawner, stack, &TRACER, DEVICE, port("port", 18_999));
        let (mut receive_meta, mut transmit_meta) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
        let (mut receive, mut transmit) = ([0; 128], [0; 128]);
        let mut socket =
            UdpSocket::new(stack, &mut receive_meta, &mut receive, &mut transmit_meta, &mut transmit);
        if let Err(error) = socket.bind(call::PORT) {
            panic!("the port of the kitchen was refused: {error:?}");
        }
        host::print(format_args!("{DEVICE} hears orders\n"));
        let mut spans_made = 0;
        let is_made = loop {
            let mut datagram = [0; call::MAX_CALL];
            let Ok((len, caller)) = socket.recv_from(&mut datagram).await else { continue };
            let Some((order, context)) = datagram.get(..len).and_then(call::heard) else { continue };
            let made = make_sandwich(stack, order, context, &mut spans_made).await;
            if let Err(why) = made {
                host::print(format_args!("{DEVICE}: {why}\n"));
            }
            // An answer that does not go out is asked for again.
            let _ = socket.send_to(&call::answer(order, made.is_ok()), caller.endpoint).await;
            break made.is_ok();
        };
        socket.flush().await;
        post::end(spans_made, is_made).await
    }

    fn port(name: &str, otherwise: u16) -> u16 {
        host::argument(name).and_then(|port| u16::try_from(port).ok()).unwrap_or(otherwise)
    }

    /// Serves an order, in the trace of the span whose context came with it.
    async fn make_sandwich(
        stack: Stack<'static>,
        order: u32,
        context: &[u8],
        spans_made: &mut u32,
    ) -> Result<(), &'static str> {
        let caller = Extracted::of_compact(context).unwrap_or_default();
        let span = TRACER.span("make_sandwich").resource("sandwich").root().start();
        caller.continue_in(&span);
        span.set_tag("order.id", order).set_tag("span.kind", Static("server"));
        *spans_made += 3;
        let toasting = TRACER.trace("toast_bread");
        Timer::after(TOASTING).await;
        toasting.finish();
        let fetching = TRACER.span("fetch_ingredients").span_type("http").start();
        fetching.set_tag("span.kind", Static("client")).set_tag("http.method", Static("POST"));
        let mut request = http::Post::<REQUEST>::new(format_args!("/orders/{order}/ingredients"), HOST);
        if let Some(context) = fetching.context()
            && let Err(error) = Propagator::new().inject(&context, &caller.passing, &mut request)
        {
            defmt::warn!("the trace's tags stay here: {}", error);
        }
        let request = request.with_body("rye").ok_or("the request is too long")?;
        let status = match with_timeout(PATIENCE, exchange(stack, request.as_bytes())).await {
            Ok(status) => status,
            Err(_) => Err("the pantry does not answer"),
        };
        match status {
            Ok(status) => {
                fetching.set_tag("http.status_code", status);
                if (200..300).contains(&status) { Ok(()) } else { Err(NOT_MADE) }
            }
            Err(why) => Err(why),
        }
        .inspect_err(|why| {
            fetching.set_error_info("NoIngredients", why);
        })
    }

    /// Sends a request to the pantry; the status of its answer.
    async fn exchange(stack: Stack<'static>, mut request: &[u8]) -> Result<u16, &'static str> {
        let (mut receive, mut transmit) = ([0; 512], [0; REQUEST]);
        let mut socket = TcpSocket::new(stack, &mut receive, &mut transmit);
        socket.connect((HOST, port("pantry", 8_080))).await.map_err(|_| "there is no pantry")?;
        while !request.is_empty() {
            let sent = socket.write(request).await.map_err(|_| "the pantry went away")?;
            request = request.get(sent..).unwrap_or_default();
        }
        let (mut answer, mut len) = ([0; 64], 0);
        loop {
            let room = answer.get_mut(len..).unwrap_or_default();
            match socket.read(room).await {
                Ok(0) | Err(_) => return Err("the pantry went away without an answer"),
                Ok(read) => len += read,
            }
            if let Some(status) = http::status(answer.get(..len).unwrap_or_default()) {
                return Ok(status);
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
        "distributed_kitchen runs on a Cortex-M3, beside distributed_counter: ./demo --distributed starts both"
    );
}
