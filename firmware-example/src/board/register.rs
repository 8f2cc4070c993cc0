//! One memory-mapped register: the only place that reads and writes hardware through an address.

use core::ptr;

/// A 32-bit register of a peripheral.
#[derive(Clone, Copy)]
pub(super) struct Register(usize);

#[cfg_attr(not(feature = "kitchen"), allow(dead_code, reason = "some boards only write whole words"))]
impl Register {
    /// The register at `address`.
    ///
    /// # Safety
    /// - `address` must be that of a 32-bit device register of the board the program runs on, aligned to 4 bytes.
    /// - Any read or write of it must leave the memory that Rust owns alone: no DMA engine is started through it.
    pub(super) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Reads the register.
    pub(super) fn read(self) -> u32 {
        // SAFETY: `at` promised a device register at this address.
        unsafe { ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    /// Writes the register.
    pub(super) fn write(self, value: u32) {
        // SAFETY: `at` promised a device register at this address, and one whose effect stays within the device.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }

    /// Sets `bits`. Not atomic: for set-up, and for registers with one owner.
    pub(super) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }

    /// Clears `bits`. Not atomic: for set-up, and for registers with one owner.
    pub(super) fn clear(self, bits: u32) {
        self.write(self.read() & !bits);
    }
}
