//! Firmware that boots: Cortex-M programs for QEMU's boards, and the board support under them.
//!
//! | program | board | shows |
//! | --- | --- | --- |
//! | `sandwich_udp` | `lm3s6965evb`, Cortex-M3 | the traced kitchen under Embassy, its spans over UDP and Ethernet |
//! | `sandwich_uart` | `lm3s6965evb`, Cortex-M3 | the same kitchen, its spans over a serial line |
//! | `cost` | `mps2-an386`, Cortex-M4 | what an operation costs, in instructions |
//!
//! Everything that names hardware is in `board`, which exists only where there is no operating system. The rest is
//! portable and tested on the host.

#![no_std]

pub mod app;
pub mod arguments;
#[cfg(target_os = "none")]
pub mod board;
pub mod hammer;
#[cfg(target_os = "none")]
pub mod service;
