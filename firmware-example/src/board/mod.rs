//! The boards, and what they share: sleeping, faults, and the machine that runs the emulator.

pub mod an386;
pub mod an505;
pub mod an521;
pub mod cmsdk;
#[cfg(feature = "examples")]
pub mod cmsdk_uart;
mod dual_timer;
#[cfg(feature = "kitchen")]
pub mod executor;
mod fault;
pub mod host;
#[cfg(feature = "kitchen")]
pub mod lm3s6965;
pub mod microbit;
mod nvic;
mod register;
