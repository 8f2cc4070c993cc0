//! Arm's MPS2 board with the AN386 image (Cortex-M4), as QEMU's `mps2-an386` emulates it: a place to count instructions.

mod count;

pub use count::{Count, instructions, start};
