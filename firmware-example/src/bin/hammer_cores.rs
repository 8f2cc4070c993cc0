//! Two Cortex-M33, each with an interrupt, hammer one arena, and every span is checked; some are started on one core and
//! finished on the other.
//!
//! Arguments: `spans=` (default 1,000,000), `ticks=`, the average time between two interrupts of a core (default 2,000
//! of 20 MHz), `seed=` (default 0), `overwrite=` (1: a full arena overwrites its oldest spans; default 0). Prints a line of JSON; fails when anything is wrong.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use cortex_m_rt::{entry, exception};
    use heapless::spsc::Queue;
    use microspan::{Arena, Cores, CortexM, Drain, Session, Tracer};
    use microspan_firmware::board::an521::{self, DualTimer, TIMER0, TIMER1};
    use microspan_firmware::board::host;
    use microspan_firmware::hammer::{Lane, Mail, Open, Pair, Sink};
    use static_cell::StaticCell;

    const SPANS: usize = 64;
    const MTU: usize = 1_472;
    /// Statements are kept of so many spans.
    const KIN: usize = 16 * SPANS;

    static ARENA: Arena<SPANS, 512, 2> = Arena::new();
    static CONTEXT: Cores<CortexM> = Cores::new(an521::core_id, CortexM);
    static TRACER: Tracer = Tracer::new(&ARENA, &DualTimer).context(&CONTEXT).service("hammer");
    static LANES: [Lane; 4] = [
        Lane::new(1, "thread0", 0),
        Lane::new(2, "timer0", TIMER0.exception()),
        Lane::new(3, "thread1", 0),
        Lane::new(4, "timer1", TIMER1.exception()),
    ];
    static PAIR: Pair = Pair::new(&TRACER, &DualTimer, &LANES);
    static RECORDER_ARENA: Arena<SPANS, 512, 2> = Arena::new();
    /// As a flight recorder does it.
    static RECORDER: Tracer =
        Tracer::new(&RECORDER_ARENA, &DualTimer).context(&CONTEXT).service("hammer").overwrite();
    static RECORDED: Pair = Pair::new(&RECORDER, &DualTimer, &LANES);
    static OVERWRITE: AtomicBool = AtomicBool::new(false);
    static DRAIN: StaticCell<Drain<MTU>> = StaticCell::new();
    static SINK: StaticCell<Sink<KIN>> = StaticCell::new();
    static QUEUES: StaticCell<[Queue<Open, 4>; 2]> = StaticCell::new();
    static SECOND: StaticCell<Mail> = StaticCell::new();
    static TICKS: AtomicU32 = AtomicU32::new(2_000);

    #[entry]
    fn main() -> ! {
        an521::start();
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
        let [there, back] = QUEUES.init([Queue::new(), Queue::new()]);
        let ((out, second_inbox), (second_out, inbox)) = (there.split(), back.split());
        let second_mail = SECOND.init(Mail { out: second_out, inbox: second_inbox });
        TIMER0.listen(1);
        pair().warm_up_first(drain, sink, || TIMER0.pend());
        an521::start_second(second_mail, second);
        pair().first(&mut Mail { out, inbox }, drain, sink, spans, || TIMER0.start(ticks(128)));
        TIMER0.stop();
        let report = pair().finish(drain, sink);
        host::print(format_args!("{report}\n"));
        host::exit(report.is_right())
    }

    /// Thread mode of the second core.
    fn second(mail: &'static mut Mail) -> ! {
        TIMER1.listen(1);
        pair().second(mail, || TIMER1.pend(), || TIMER1.start(ticks(128)));
        TIMER1.stop();
        pair().end_second();
        loop {
            cortex_m::asm::wfi();
        }
    }

    fn pair() -> &'static Pair {
        if OVERWRITE.load(Ordering::Relaxed) { &RECORDED } else { &PAIR }
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        if TIMER0.is(number) {
            TIMER0.acknowledge(ticks(pair().interrupt(0)));
        } else if TIMER1.is(number) {
            TIMER1.acknowledge(ticks(pair().interrupt(1)));
        } else {
            an521::on_interrupt(number);
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
        "hammer_cores runs on two Cortex-M33. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv8m.main-none-eabi --profile firmware --no-default-features --bin hammer_cores\nand run it with\n  \
         qemu-system-arm -machine mps2-an521 -nographic -semihosting-config \
         enable=on,target=native,arg=hammer,arg=spans=1000000 -kernel target/thumbv8m.main-none-eabi/firmware/hammer_cores"
    );
}
