//! The Ethernet controller as a driver of `embassy-net`.
//!
//! Frames are moved by the processor through one data register, a word at a time, between the controller's FIFOs and
//! one buffer each way. The controller's interrupt only wakes the network task.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;

use super::super::register::Register;
use super::interrupt::Interrupt;

/// The board's address: locally administered, since the board brings none of its own.
pub const ADDRESS: [u8; 6] = [0x02, 0x00, 0x6D, 0x73, 0x70, 0x01];

/// The largest frame, without its check sequence.
const FRAME: usize = 1514;
const HEADER: usize = 14;
/// Before each frame stands its length, two bytes: with them the IP header is aligned to a word.
const PREFIX: usize = 2;
const CHECK_SEQUENCE: usize = 4;
/// The prefix, the frame and its check sequence, in whole words.
const BUFFER: usize = (PREFIX + FRAME + CHECK_SEQUENCE).next_multiple_of(4);
/// The controller's receive FIFO: no frame is longer.
const RECEIVE_FIFO: usize = 2048;

// SAFETY: the Ethernet controller of the LM3S6965 is at 0x4004_8000. It moves no memory by itself.
const INTERRUPT: Register = unsafe { Register::at(0x4004_8000) };
// SAFETY: as for INTERRUPT.
const INTERRUPT_MASK: Register = unsafe { Register::at(0x4004_8004) };
// SAFETY: as for INTERRUPT.
const RECEIVE_CONTROL: Register = unsafe { Register::at(0x4004_8008) };
// SAFETY: as for INTERRUPT.
const TRANSMIT_CONTROL: Register = unsafe { Register::at(0x4004_800C) };
// SAFETY: as for INTERRUPT.
const DATA: Register = unsafe { Register::at(0x4004_8010) };
// SAFETY: as for INTERRUPT.
const ADDRESS_LOW: Register = unsafe { Register::at(0x4004_8014) };
// SAFETY: as for INTERRUPT.
const ADDRESS_HIGH: Register = unsafe { Register::at(0x4004_8018) };
// SAFETY: as for INTERRUPT.
const FRAMES_WAITING: Register = unsafe { Register::at(0x4004_8034) };
// SAFETY: as for INTERRUPT.
const TRANSMIT: Register = unsafe { Register::at(0x4004_8038) };

const RECEIVED: u32 = 1 << 0;
const TRANSMIT_EMPTY: u32 = 1 << 2;
const RECEIVE_ENABLE: u32 = 1 << 0;
const RECEIVE_REJECT_BAD: u32 = 1 << 3;
const RECEIVE_RESET_FIFO: u32 = 1 << 4;
const TRANSMIT_ENABLE_PAD_CHECK_DUPLEX: u32 = 0b1_0111;
const TRANSMIT_START: u32 = 1;

static WAKER: AtomicWaker = AtomicWaker::new();

/// The handler of the controller's interrupt.
pub(super) fn on_interrupt() {
    INTERRUPT.write(RECEIVED | TRANSMIT_EMPTY);
    WAKER.wake();
}

/// Empties the receive FIFO and lets frames in.
fn reset_receiver() {
    RECEIVE_CONTROL.write(RECEIVE_RESET_FIFO);
    RECEIVE_CONTROL.write(RECEIVE_ENABLE | RECEIVE_REJECT_BAD);
}

/// The Ethernet controller, not started: a program without a network pays nothing for it.
pub struct Port(());

impl Port {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// The Ethernet controller at work.
pub(super) struct Ethernet {
    received: [u8; BUFFER],
    sent: [u8; BUFFER],
}

impl Ethernet {
    /// Starts the controller.
    pub(super) fn start(_port: Port) -> Self {
        let [a, b, c, d, e, f] = ADDRESS;
        ADDRESS_LOW.write(u32::from_le_bytes([a, b, c, d]));
        ADDRESS_HIGH.write(u32::from_le_bytes([e, f, 0, 0]));
        reset_receiver();
        TRANSMIT_CONTROL.write(TRANSMIT_ENABLE_PAD_CHECK_DUPLEX);
        INTERRUPT.write(u32::MAX);
        INTERRUPT_MASK.write(RECEIVED | TRANSMIT_EMPTY);
        Interrupt::Ethernet.enable();
        Self { received: [0; BUFFER], sent: [0; BUFFER] }
    }

    /// Moves the next frame into the buffer; its length.
    ///
    /// A frame too short for a header or too long for the buffer is passed over. A length that none can have means that
    /// the FIFO is out of step: it is emptied.
    fn fetch(&mut self) -> Option<usize> {
        while FRAMES_WAITING.read() != 0 {
            let first = DATA.read().to_le_bytes();
            let total = usize::from(u16::from_le_bytes([first[0], first[1]]));
            if !(PREFIX + CHECK_SEQUENCE..=RECEIVE_FIFO).contains(&total) {
                reset_receiver();
                continue;
            }
            self.received[..4].copy_from_slice(&first);
            let words = total.div_ceil(4);
            let mut room = self.received.chunks_exact_mut(4).skip(1);
            for _ in 1..words {
                let word = DATA.read();
                if let Some(place) = room.next() {
                    place.copy_from_slice(&word.to_le_bytes());
                }
            }
            if (PREFIX + HEADER + CHECK_SEQUENCE..=BUFFER).contains(&total) {
                return Some(total - PREFIX - CHECK_SEQUENCE);
            }
        }
        None
    }

    /// Whether the controller takes a frame now.
    fn is_idle() -> bool {
        TRANSMIT.read() & TRANSMIT_START == 0
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Room<'_>)> {
        // Registered before the look, so that what comes between the two wakes.
        WAKER.register(context.waker());
        if !Self::is_idle() {
            return None;
        }
        let length = self.fetch()?;
        Some((Received(&mut self.received[PREFIX..PREFIX + length]), Room(&mut self.sent)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Room<'_>> {
        WAKER.register(context.waker());
        Self::is_idle().then_some(Room(&mut self.sent))
    }

    /// Always up: the cable is not watched, and frames sent without one are lost as others are.
    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(ADDRESS)
    }
}

/// A frame that came.
pub(super) struct Received<'a>(&'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame to send.
pub(super) struct Room<'a>(&'a mut [u8; BUFFER]);

impl TxToken for Room<'_> {
    /// The stack never asks for more than the announced size of a frame, nor for less than a header.
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let result = fill(&mut self.0[PREFIX..PREFIX + length]);
        // The length that is told leaves the header out.
        let told = length.saturating_sub(HEADER) as u16;
        self.0[..PREFIX].copy_from_slice(&told.to_le_bytes());
        let (words, _) = self.0[..(PREFIX + length).next_multiple_of(4)].as_chunks::<4>();
        for word in words {
            DATA.write(u32::from_le_bytes(*word));
        }
        TRANSMIT.write(TRANSMIT_START);
        result
    }
}
