//! Two interrupts of different priorities and thread mode hammer one arena on a Cortex-M4, and every span is checked.
//!
//! Arguments: `spans=` (default 1,000,000), `ticks=`, the average time between two interrupts of a timer (default 2,000
//! of 25 MHz), `seed=` (default 0), `overwrite=` (1: a full arena overwrites its oldest spans; default 0). Prints a line of JSON; fails when anything is wrong.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use cortex_m_rt::{entry, exception};
    use microspan::{Arena, CortexM, Drain, Session, Tracer};
    use microspan_firmware::board::an386::{self, DualTimer, TIMER0, TIMER1};
    use microspan_firmware::board::host;
    use microspan_firmware::hammer::{Lane, Nested, Sink};
    use static_cell::StaticCell;

    const SPANS: usize = 64;
    const MTU: usize = 1_472;
    /// Statements are kept of so many spans.
    const KIN: usize = 8 * SPANS;

    static ARENA: Arena<SPANS, 512> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).context(&CortexM).service("hammer");
    static LANES: [Lane; 3] = [
        Lane::new(1, "thread", 0),
        Lane::new(2, "low", TIMER0.exception()),
        Lane::new(3, "high", TIMER1.exception()),
    ];
    static NESTED: Nested = Nested::new(&TRACER, &DualTimer, &LANES);
    static RECORDER_ARENA: Arena<SPANS, 512> = Arena::new();
    /// As a flight recorder does it.
    static RECORDER: Tracer =
        Tracer::new(&RECORDER_ARENA, &DualTimer).context(&CortexM).service("hammer").overwrite();
    static RECORDED: Nested = Nested::new(&RECORDER, &DualTimer, &LANES);
    static OVERWRITE: AtomicBool = AtomicBool::new(false);
    static DRAIN: StaticCell<Drain<MTU>> = StaticCell::new();
    static SINK: StaticCell<Sink<KIN>> = StaticCell::new();
    static TICKS: AtomicU32 = AtomicU32::new(2_000);

    #[entry]
    fn main() -> ! {
        an386::start();
        let spans = host::argument("spans").unwrap_or(1_000_000);
        if let Some(ticks) = host::argument("ticks") {
            TICKS.store(ticks, Ordering::Relaxed);
        }
        LANES.iter().for_each(|lane| lane.seed(host::argument("seed").unwrap_or(0)));
        let overwrite = host::argument("overwrite") == Some(1);
        OVERWRITE.store(overwrite, Ordering::Relaxed);
        let Some(drain) =
            Drain::new(if overwrite { &RECORDER } else { &TRACER }, Session::new(host::entropy(0)))
        else {
            panic!("a first drain was asked for and the tracer has one already");
        };
        let (drain, sink) = (DRAIN.init(drain), SINK.init(Sink::new(&LANES, &DualTimer)));
        TIMER0.listen(2);
        TIMER1.listen(1);
        nested().warm_up(drain, sink, [|| TIMER0.pend(), || TIMER1.pend()]);
        TIMER0.start(TICKS.load(Ordering::Relaxed));
        TIMER1.start(TICKS.load(Ordering::Relaxed));
        nested().run(drain, sink, spans);
        TIMER0.stop();
        TIMER1.stop();
        let report = nested().finish(drain, sink);
        host::print(format_args!("{report}\n"));
        host::exit(report.is_right())
    }

    fn nested() -> &'static Nested {
        if OVERWRITE.load(Ordering::Relaxed) { &RECORDED } else { &NESTED }
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        if TIMER0.is(number) {
            TIMER0.acknowledge(ticks(nested().low()));
        } else if TIMER1.is(number) {
            TIMER1.acknowledge(ticks(nested().high()));
        } else {
            an386::on_interrupt(number);
        }
    }

    /// From half the average time to one and a half, by eight random bits.
    fn ticks(random: u32) -> u32 {
        let average = TICKS.load(Ordering::Relaxed);
        average / 2 + average * random / 256
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "hammer_nested runs on a Cortex-M4. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv7em-none-eabihf --profile firmware --bin hammer_nested\nand run it with\n  qemu-system-arm -machine \
         mps2-an386 -nographic -semihosting-config enable=on,target=native,arg=hammer,arg=spans=1000000 -kernel \
         target/thumbv7em-none-eabihf/firmware/hammer_nested"
    );
}
