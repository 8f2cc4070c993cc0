//! Spans over UDP, sent by a task beside the program that makes them.

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer, with_timeout};
use microspan::{Drain, Session, Tracer, Udp};

use super::{report, send};
use crate::board::host;
use crate::board::lm3s6965::{HOST, systick};
use crate::build_id::build_id;

/// What a datagram may carry.
const MTU: usize = 1_024;

/// How often finished spans are looked for.
const GLANCE: Duration = Duration::from_millis(20);

/// Every so many looks the session tells of itself, spans or not: the bridge then asks for its time.
const SYNC: u32 = 10;

/// How the program's work ended.
struct End {
    spans_made: u32,
    is_good: bool,
}

static END: Signal<CriticalSectionRawMutex, End> = Signal::new();

/// Begins to send the tracer's spans to this port of the host, as those of this device.
///
/// # Panics
/// When it is called a second time: a tracer has one drain.
pub fn start(
    spawner: Spawner,
    stack: Stack<'static>,
    tracer: &'static Tracer,
    device: &'static str,
    port: u16,
) {
    let Some(mut drain) = Drain::new(tracer, Session::new(host::entropy(systick::ticks()))) else {
        panic!("the tracer has a drain already: call post::start once");
    };
    drain.set_device(device).set_build_id(build_id());
    let Ok(task) = run(stack, tracer, drain, port) else {
        panic!("spans are sent already: call post::start once");
    };
    spawner.spawn(task);
}

/// Has what is left sent, prints what was made, drained and dropped, and ends the emulator.
pub async fn end(spans_made: u32, is_good: bool) -> ! {
    END.signal(End { spans_made, is_good });
    core::future::pending().await
}

#[embassy_executor::task]
async fn run(stack: Stack<'static>, tracer: &'static Tracer, mut drain: Drain<MTU>, port: u16) {
    let (mut receive_meta, mut transmit_meta) = ([PacketMetadata::EMPTY; 1], [PacketMetadata::EMPTY; 4]);
    let (mut receive, mut transmit) = ([0; 64], [0; 2 * MTU]);
    let mut socket =
        UdpSocket::new(stack, &mut receive_meta, &mut receive, &mut transmit_meta, &mut transmit);
    if let Err(error) = socket.bind(0) {
        panic!("a local port was asked for and refused: {error:?}");
    }
    let mut link = Udp::new(&socket, (HOST, port));
    let mut looks = 0_u32;
    let end = loop {
        if let Some(request) = link.request() {
            drain.answer(&request);
        }
        if looks.is_multiple_of(SYNC) {
            drain.sync();
        }
        looks = looks.wrapping_add(1);
        send(&mut drain, &mut link);
        if let Some(end) = END.try_take() {
            break end;
        }
        // A request that asks for the time is heard at once: what it waits is what the bridge does not know of the clock.
        let _ = with_timeout(GLANCE, socket.wait_recv_ready()).await;
    };
    // What is told last says how many spans there were, so that the host can tell whether it has them all.
    drain.sync();
    while !send(&mut drain, &mut link) {
        Timer::after(GLANCE).await;
    }
    socket.flush().await;
    report(tracer, end.spans_made, &drain);
    host::exit(end.is_good)
}
