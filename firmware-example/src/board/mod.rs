//! The boards, and what they share: sleeping, faults, and the machine that runs the emulator.

pub mod an386;
pub mod cmsdk;
pub mod executor;
mod fault;
pub mod host;
pub mod lm3s6965;
pub mod microbit;
mod nvic;
mod register;
