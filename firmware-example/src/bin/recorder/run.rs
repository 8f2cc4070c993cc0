//! What the device does: it sends what the run before left, works, and comes to grief in one of three ways.

use core::convert::Infallible;
use core::panic::PanicInfo;
use core::slice;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use microspan::wire::write_frame;
use microspan::{
    Boot, Drain, Image, Previous, Program, Reason, Recorder, Refused, Reset, Session, Static, Tracer,
    Transport,
};

use crate::board::{self, CLOCK};
use crate::build_id::build_id;
use crate::host;

// No boot writes the section `.uninit` of `cortex-m-rt`.
#[unsafe(link_section = ".uninit.spans")]
static IMAGE: Image<16, 64> = Image::new();
// SAFETY: nobody else has the image.
static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
/// The tracer.
pub static TRACER: Tracer = Tracer::recorded(&RECORDER, &CLOCK).service("oven");

/// How often the device comes to grief unless it is told otherwise.
const RESETS: u32 = 3;
const ORDERS: u32 = 12;

/// The serial port, as a link.
struct Line;

impl Transport for Line {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        write_frame(packet, |bytes| {
            board::write(bytes);
            Ok(())
        })
        .map_err(Refused::Gone)
    }
}

/// The program, from reset on.
pub fn main() -> ! {
    board::start();
    // If the reset came into a frame, the frame ends here.
    board::write(&[0]);
    let program = Program { build_id: build_id(), strings: strings() };
    let Some(mut boot) = Boot::<256>::new(&TRACER, &program, &Reset::of(board::reason())) else {
        panic!("the image was looked at before");
    };
    host::print(format_args!("boot {}: {:?}\n", boot.boots(), boot.previous()));
    while let Ok(true) = boot.poll(&mut Line) {}

    let (number, previous) = (boot.boots(), boot.previous());
    let mut drain = boot.begin::<32>(Session::new(host::entropy(u64::from(number))));
    let shift = TRACER.trace("shift");
    shift.set_tag("boot", number);
    match previous {
        Previous::Nothing => shift.set_tag("before", Static("nothing")),
        Previous::Recovered { damaged, .. } => {
            shift.set_tag("before", Static("spans")).set_tag("damaged", damaged)
        }
        _ => shift.set_tag("before", Static("no image")),
    };
    for order in 0..ORDERS {
        work(order);
        if order % 3 == 0 {
            send(&mut drain);
        }
    }
    if number > host::argument("resets").unwrap_or(RESETS) {
        shift.finish();
        send(&mut drain);
        host::exit(true)
    }
    // The last two orders wait for the drain when the reset comes.
    grief(number);
    unreachable!("the device was to be reset")
}

fn work(number: u32) {
    let order = TRACER.trace("order");
    order.set_tag("number", number).set_tag("check", check(number));
    TRACER.trace("bread.cut").set_tag("for", "Ada, Countess of Lovelace");
}

/// What a reader can tell a true number by.
fn check(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1)
}

fn send(drain: &mut Drain<256, 32>) {
    while let Ok(true) = drain.poll(&mut Line) {}
}

fn grief(number: u32) {
    let _watch = TRACER.trace("oven.watch");
    match number % 3 {
        1 => board::fault(),
        2 => panic!("the oven is on fire in run {number}"),
        _ => board::reset(),
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    cortex_m::interrupt::disable();
    // SAFETY: interrupts are masked, there is one core, and this function does not return.
    unsafe { TRACER.on_panic(info) };
    TRACER.note_reset(&Reset::of(Reason::Panic));
    SCB::sys_reset()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    TRACER.note_reset(&Reset::of(Reason::HardFault).at(frame.pc(), frame.lr()));
    SCB::sys_reset()
}

/// The memory with the strings of this program.
fn strings() -> &'static [u8] {
    unsafe extern "C" {
        /// Where the constants begin and end; only their addresses mean something.
        safe static __srodata: u8;
        safe static __erodata: u8;
    }
    let (start, end) = (&raw const __srodata, &raw const __erodata);
    // SAFETY: `cortex-m-rt` puts both around one section, the start first, in flash that nobody writes.
    unsafe { slice::from_raw_parts(start, end as usize - start as usize) }
}
