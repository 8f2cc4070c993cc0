//! A program that does what recording must not: it allocates, and it indexes an array, which may panic.
//!
//! The test `symbols` has to find both in it, or it would find nothing anywhere.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    extern crate alloc;

    use alloc::vec::Vec;
    use core::alloc::{GlobalAlloc, Layout};
    use core::hint::black_box;
    use core::panic::PanicInfo;
    use core::ptr;

    use cortex_m::peripheral::SYST;
    use cortex_m_rt::entry;

    /// An allocator without memory.
    struct Empty;

    // SAFETY: a null pointer says that there is no memory, and nothing else is ever given out.
    unsafe impl GlobalAlloc for Empty {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            ptr::null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static EMPTY: Empty = Empty;

    #[entry]
    fn main() -> ! {
        let place = SYST::get_current() as usize;
        let array = black_box([1_u8, 2, 3]);
        let mut vector = Vec::new();
        loop {
            vector.push(array[place]);
            black_box(&vector);
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo) -> ! {
        cortex_m::asm::udf()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("size_forbidden is looked into, not run: cargo test -p microspan-tests --test symbols");
}
