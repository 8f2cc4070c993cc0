//! Asks the host for the time over UDP, in a span that says what the answer was: by it a test tells how well the bridge knows this
//! board's clock.
//!
//! Arguments: `port=` (default 18999) for the spans, `truth=` (default 18998) for a service that answers each datagram with its first
//! 4 bytes and its Unix time in nanoseconds, 8 bytes, little endian; `seconds=` (default 1).

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m_rt::exception;
    use embassy_executor::Spawner;
    use embassy_net::udp::{PacketMetadata, UdpSocket};
    use embassy_time::{Duration, Instant, with_deadline};
    use microspan::{Drain, Session, Udp};
    use microspan_firmware::board::lm3s6965::{self, HOST, systick};
    use microspan_firmware::board::{executor, host};
    use microspan_firmware::service::TRACER;

    const PORT: u32 = 18_999;
    const TRUTH: u32 = 18_998;
    /// What a datagram may carry.
    const MTU: usize = 1_024;
    /// How often the time is asked for, and how long an answer is waited for.
    const PERIOD: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_millis(100);

    defmt::timestamp!("{=u64:us}", systick::ticks());

    /// The host's Unix time in nanoseconds, if it answers this question.
    async fn ask(socket: &UdpSocket<'_>, port: u16, question: u32) -> Option<u64> {
        let question = question.to_le_bytes();
        socket.send_to(&question, (HOST, port)).await.ok()?;
        let until = Instant::now() + PATIENCE;
        let mut answer = [0; 12];
        loop {
            let (len, _) = with_deadline(until, socket.recv_from(&mut answer)).await.ok()?.ok()?;
            // What comes too late answers another one.
            if len == answer.len() && answer.starts_with(&question) {
                return answer.last_chunk().copied().map(u64::from_le_bytes);
            }
        }
    }

    #[embassy_executor::main(entry = "cortex_m_rt::entry", executor = "executor::Executor")]
    async fn main(spawner: Spawner) {
        let board = lm3s6965::init();
        let argument = |name, or| host::argument(name).unwrap_or(or);
        let [port, truth] = [argument("port", PORT), argument("truth", TRUTH)].map(|port| port as u16);
        let end = Instant::now() + Duration::from_secs(argument("seconds", 1).into());
        let stack = lm3s6965::network(spawner, board.ethernet, host::entropy(systick::ticks()));
        stack.wait_config_up().await;

        let [mut receive_meta, mut transmit_meta] = [[PacketMetadata::EMPTY; 4]; 2];
        let (mut receive, mut transmit) = ([0; 64], [0; 2 * MTU]);
        let mut socket =
            UdpSocket::new(stack, &mut receive_meta, &mut receive, &mut transmit_meta, &mut transmit);
        let [mut answers_meta, mut questions_meta] = [[PacketMetadata::EMPTY; 4]; 2];
        let (mut answers, mut questions) = ([0; 64], [0; 64]);
        let mut clock =
            UdpSocket::new(stack, &mut answers_meta, &mut answers, &mut questions_meta, &mut questions);
        if let Err(error) = socket.bind(0).and_then(|()| clock.bind(0)) {
            panic!("two local ports were asked for and refused: {error:?}");
        }
        let Some(mut drain) = Drain::<MTU>::new(&TRACER, Session::new(host::entropy(systick::ticks())))
        else {
            panic!("the tracer has a drain already");
        };
        let mut link = Udp::new(&socket, (HOST, port));
        let mut made = 0_u32;
        while Instant::now() < end {
            let next = Instant::now() + PERIOD;
            made += 1;
            let span = TRACER.trace("ask_the_time");
            if let Some(unix) = ask(&clock, truth, made).await {
                span.set_tag("truth", unix);
            }
            drop(span);
            while let Ok(true) = drain.poll(&mut link) {}
            // What the bridge asks is heard when it comes.
            while with_deadline(next, socket.wait_recv_ready()).await.is_ok() {
                if let Some(request) = link.request() {
                    drain.answer(&request);
                }
            }
        }
        while drain.poll(&mut link) != Ok(false) {}
        socket.flush().await;
        let (drained, dropped) = (drain.spans(), TRACER.stats().spans_dropped());
        host::print(format_args!(
            "{{\"spans_made\":{made},\"spans_drained\":{drained},\"spans_dropped\":{dropped}}}\n"
        ));
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
        "clock_udp runs on a Cortex-M3. Build it with\n  cargo build -p microspan-firmware --target thumbv7m-none-eabi \
         --profile firmware --bin clock_udp\nand run it with\n  qemu-system-arm -machine lm3s6965evb -nographic -nic \
         user,model=stellaris -semihosting-config enable=on,target=native,arg=clock,arg=port=18999,arg=truth=18998,arg=seconds=5 \
         -kernel target/thumbv7m-none-eabi/firmware/clock_udp"
    );
}
