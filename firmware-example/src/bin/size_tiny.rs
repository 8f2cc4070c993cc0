//! The least program that traces: eight spans, eight tags, a drain of 256 bytes, a name table of 16.
//!
//! Its transport writes the bytes to one address, as a serial port takes them; its clock is the 24 bits of SysTick as
//! they are. What it takes beyond `size_empty` is core, ring, drain and encoder.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::convert::Infallible;
    use core::panic::PanicInfo;
    use core::ptr;

    use cortex_m::peripheral::SYST;
    use cortex_m_rt::entry;
    use microspan::{Arena, Clock, Drain, Refused, Session, Tracer, Transport};
    use static_cell::StaticCell;

    static ARENA: Arena<8, 8> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).service("tiny");
    static DRAIN: StaticCell<Drain<256, 16>> = StaticCell::new();

    /// The data register of the MPS2 board's first serial port.
    const SERIAL: *mut u32 = ptr::without_provenance_mut(0x4000_4000);

    struct Ticks;

    impl Clock for Ticks {
        fn now(&self) -> u64 {
            u64::from(!SYST::get_current())
        }

        fn frequency(&self) -> u32 {
            25_000_000
        }
    }

    struct Serial;

    impl Transport for Serial {
        type Error = Infallible;

        fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
            for byte in packet {
                // SAFETY: the address is that of a device register; writing it touches nothing else.
                unsafe { SERIAL.write_volatile(u32::from(*byte)) };
            }
            Ok(())
        }
    }

    #[entry]
    fn main() -> ! {
        let drain = Drain::new(&TRACER, Session::new(u64::from(SYST::get_current())));
        // Nothing in this program panics, so that what the test `symbols` finds in it is of the library.
        if let Some(drain) = drain.and_then(|drain| DRAIN.try_init(drain)) {
            loop {
                let span = TRACER.trace("tiny.span");
                span.set_tag("tiny.number", SYST::get_current());
                drop(span);
                while let Ok(true) = drain.poll(&mut Serial) {}
            }
        }
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo) -> ! {
        cortex_m::asm::udf()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("size_tiny is measured, not run: cargo run --release -p microspan-benches -- size");
}
