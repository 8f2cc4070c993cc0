//! Two interrupts of different priorities and thread mode hammer one arena on a Cortex-M0, which has no compare-exchange,
//! and every span is checked.
//!
//! Arguments: `spans=` (default 200,000), `ticks=`, the average time between two interrupts of a timer (default 2,000
//! of 16 MHz), `seed=` (default 0). Prints a line of JSON; fails when anything is wrong.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicU32, Ordering};

    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, CortexM, Drain, Session, Tracer};
    use microspan_firmware::board::host;
    use microspan_firmware::board::microbit::{self, Timer, Timer0};
    use microspan_firmware::hammer::{Lane, Nested, Sink};
    use static_cell::StaticCell;

    const SPANS: usize = 32;
    const MTU: usize = 256;
    /// The strings that a lane uses.
    const NAMES: usize = 24;
    /// Statements are kept of so many spans.
    const KIN: usize = 2 * SPANS;

    static ARENA: Arena<SPANS, 256> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Timer0).context(&CortexM).service("hammer");
    static LANES: [Lane; 3] = [
        Lane::new(1, "thread", 0),
        Lane::new(2, "low", Timer::TIMER1.exception()),
        Lane::new(3, "high", Timer::TIMER2.exception()),
    ];
    static NESTED: Nested = Nested::new(&TRACER, &Timer0, &LANES);
    static DRAIN: StaticCell<Drain<MTU, NAMES>> = StaticCell::new();
    static SINK: StaticCell<Sink<KIN>> = StaticCell::new();
    /// 16 bits.
    static TICKS: AtomicU32 = AtomicU32::new(2_000);

    #[entry]
    fn main() -> ! {
        microbit::start();
        let spans = host::argument("spans").unwrap_or(200_000);
        if let Some(ticks) = host::argument("ticks") {
            TICKS.store(ticks, Ordering::Relaxed);
        }
        LANES.iter().for_each(|lane| lane.seed(host::argument("seed").unwrap_or(0)));
        let Some(drain) = Drain::new(&TRACER, Session::new(host::entropy(0))) else {
            panic!("a first drain was asked for and the tracer has one already");
        };
        let (drain, sink) = (DRAIN.init(drain), SINK.init(Sink::new(&LANES, &Timer0)));
        Timer::TIMER1.listen(2);
        Timer::TIMER2.listen(1);
        NESTED.warm_up(drain, sink, [|| Timer::TIMER1.pend(), || Timer::TIMER2.pend()]);
        Timer::TIMER1.start(ticks(0));
        Timer::TIMER2.start(ticks(0));
        NESTED.run(drain, sink, spans);
        Timer::TIMER1.stop();
        Timer::TIMER2.stop();
        let report = NESTED.finish(drain, sink);
        host::print(format_args!("{report}\n"));
        host::exit(report.is_right())
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        if Timer::TIMER1.is(number) {
            Timer::TIMER1.acknowledge(ticks(NESTED.low()));
        } else if Timer::TIMER2.is(number) {
            Timer::TIMER2.acknowledge(ticks(NESTED.high()));
        } else {
            microbit::on_interrupt(number);
        }
    }

    /// From half the average time to one and a half, by eight random bits.
    fn ticks(random: u32) -> u16 {
        let average = TICKS.load(Ordering::Relaxed);
        (average / 2 + average * random / 256) as u16
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "hammer_m0 runs on a Cortex-M0. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv6m-none-eabi --profile firmware --bin hammer_m0\nand run it with\n  qemu-system-arm -machine \
         microbit -nographic -semihosting-config enable=on,target=native,arg=hammer,arg=spans=200000 -kernel \
         target/thumbv6m-none-eabi/firmware/hammer_m0"
    );
}
