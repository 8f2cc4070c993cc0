//! The kitchen at work beside a link: orders come in whatever becomes of the link, and spans wait in the arena meanwhile.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use embassy_executor::Spawner;
use embassy_time::{Duration, Instant, Ticker};
use microspan::{Arena, Drain, Session, Tracer};

use super::report;
use crate::app::{DEVICE, Kitchen, Order, SERVICE, TAGS};
use crate::board::host;
use crate::board::lm3s6965::systick::{self, Microseconds};
use crate::build_id::build_id;

/// Room for the spans of 85 orders.
static ARENA: Arena<256, 1024> = Arena::new();

static TRACER: Tracer = Tracer::new(&ARENA, &Microseconds).service(SERVICE).tags(TAGS);

/// An order comes every so often: the arena holds those of one and a half seconds.
const PERIOD: Duration = Duration::from_millis(20);

/// How often a link should look for spans: those that share a packet are cheaper.
pub const GLANCE: Duration = Duration::from_millis(50);

static SPANS_MADE: AtomicU32 = AtomicU32::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

#[embassy_executor::task]
async fn work(seconds: u32) {
    let mut kitchen = Kitchen::new(&TRACER);
    let mut ticker = Ticker::every(PERIOD);
    let end = Instant::now() + Duration::from_secs(seconds.into());
    for id in 0.. {
        // An order that fails says so in its span.
        let _ = kitchen.make_sandwich_request(&Order::new(id));
        if Instant::now() >= end {
            break;
        }
        ticker.next().await;
    }
    SPANS_MADE.store(kitchen.spans_made(), Ordering::Relaxed);
    OVER.store(true, Ordering::Release);
}

/// Opens the kitchen for this many seconds.
///
/// # Panics
/// When it is called a second time: there is one kitchen.
pub fn start(spawner: Spawner, seconds: u32) {
    let Ok(task) = work(seconds) else {
        panic!("the kitchen was opened twice: call shift::start once");
    };
    spawner.spawn(task);
}

/// The drain of the kitchen's tracer, which says which device and which build of the program this is.
///
/// # Panics
/// When it is asked for a second time: there is one drain.
pub fn drain<const MTU: usize>() -> Drain<MTU> {
    let Some(mut drain) = Drain::new(&TRACER, Session::new(host::entropy(systick::ticks()))) else {
        panic!("the kitchen's drain was asked for twice: call shift::drain once");
    };
    drain.set_device(DEVICE).set_build_id(build_id());
    drain
}

/// Whether the last order was made: the arena holds all that is still to be sent.
pub fn is_over() -> bool {
    OVER.load(Ordering::Acquire)
}

/// Prints what was made, drained and dropped, once it [is over](is_over).
pub fn print_report<const MTU: usize, const NAMES: usize>(drain: &Drain<MTU, NAMES>) {
    report(&TRACER, SPANS_MADE.load(Ordering::Relaxed), drain);
}
