//! A program that panics in an interrupt, wherever in its spans that comes, and still sends them from its panic handler.
//!
//! Its spans go over the first serial port of the MPS2 board, before the panic and after it.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use core::convert::Infallible;
    use core::panic::PanicInfo;
    use core::ptr;
    use core::sync::atomic::{AtomicU32, Ordering};

    use cortex_m::peripheral::syst::SystClkSource;
    use cortex_m_rt::{entry, exception};
    use cortex_m_semihosting::debug;
    use microspan::wire::write_frame;
    use microspan::{Arena, Clock, CortexM, Drain, Refused, Session, Static, Tracer, Transport};

    static ARENA: Arena<16, 64> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Milliseconds).context(&CortexM).service("oven");

    /// Ticks of SysTick, which interrupts every millisecond.
    static PASSED: AtomicU32 = AtomicU32::new(0);
    const TICKS_PER_MS: u32 = 25_000;
    /// When the oven fails.
    const FAILS_AT_MS: u32 = 20;

    struct Milliseconds;

    impl Clock for Milliseconds {
        fn now(&self) -> u64 {
            PASSED.load(Ordering::Relaxed).into()
        }

        fn frequency(&self) -> u32 {
            1_000
        }
    }

    /// The board's first serial port.
    struct Serial;

    impl Serial {
        const DATA: *mut u32 = ptr::without_provenance_mut(0x4000_4000);
        const STATE: *const u32 = ptr::without_provenance(0x4000_4004);
        const CONTROL: *mut u32 = ptr::without_provenance_mut(0x4000_4008);
        const DIVISOR: *mut u32 = ptr::without_provenance_mut(0x4000_4010);

        fn start() {
            // SAFETY: the addresses are those of the port's registers; writing them touches nothing else.
            unsafe {
                Self::DIVISOR.write_volatile(16);
                Self::CONTROL.write_volatile(1);
            }
        }

        fn write(bytes: &[u8]) {
            for byte in bytes {
                // SAFETY: as above; bit 0 of the state says that the transmitter is full.
                unsafe {
                    while Self::STATE.read_volatile() & 1 != 0 {}
                    Self::DATA.write_volatile(u32::from(*byte));
                }
            }
        }
    }

    impl Transport for Serial {
        type Error = Infallible;

        fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
            write_frame(packet, |bytes| {
                Self::write(bytes);
                Ok(())
            })
            .map_err(Refused::Gone)
        }
    }

    #[entry]
    fn main() -> ! {
        Serial::start();
        // A device takes a random number here.
        let mut drain = Drain::<256>::new(&TRACER, Session::new(0x5EED));
        if let Some(mut peripherals) = cortex_m::Peripherals::take() {
            peripherals.SYST.set_clock_source(SystClkSource::Core);
            peripherals.SYST.set_reload(TICKS_PER_MS - 1);
            peripherals.SYST.clear_current();
            peripherals.SYST.enable_interrupt();
            peripherals.SYST.enable_counter();
        }

        let shift = TRACER.trace("shift");
        shift.set_tag("oven", Static("left"));
        for number in 0u32.. {
            let order = TRACER.trace("order");
            order.set_tag("number", number);
            TRACER.trace("bread.toast").set_metric("slices", 2u8);
            drop(order);
            if let Some(drain) = &mut drain {
                while drain.poll(&mut Serial) == Ok(true) {}
            }
        }
        shift.finish();
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[exception]
    fn SysTick() {
        let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
        if passed >= FAILS_AT_MS {
            let _watch = TRACER.trace("oven.watch");
            panic!("the oven is on fire after {passed} ms");
        }
    }

    #[panic_handler]
    fn panic(info: &PanicInfo) -> ! {
        cortex_m::interrupt::disable();
        // SAFETY: interrupts are masked, there is one core, and this function does not return.
        unsafe { TRACER.on_panic(info) };
        // The frame that the panic came into ends here.
        Serial::write(&[0]);
        if let Some(mut drain) = Drain::<256, 0>::take_over(&TRACER) {
            while drain.poll(&mut Serial) == Ok(true) {}
        }
        debug::exit(debug::EXIT_FAILURE);
        loop {
            cortex_m::asm::wfi();
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "example_panic runs on a Cortex-M4. Build it with\n  cargo build -p microspan-firmware --target \
         thumbv7em-none-eabihf --profile firmware --no-default-features --bin example_panic\nand run it with\n  \
         qemu-system-arm -machine mps2-an386 -display none -monitor none -serial file:panic.bin -semihosting-config \
         enable=on,target=native -kernel target/thumbv7em-none-eabihf/firmware/example_panic\nthen show what it sent \
         with\n  microspan --file panic.bin --print"
    );
}
