//! Firmware that boots: Cortex-M programs for QEMU's boards, and the board support under them.
//!
//! | program | board | shows |
//! | --- | --- | --- |
//! | `example_main_loop` | `mps2-an386`, Cortex-M4 | spans in a main loop; what any program begins with |
//! | `example_isr` | `mps2-an386`, Cortex-M4 | spans of interrupts, in what they interrupted |
//! | `example_embassy` | `lm3s6965evb`, Cortex-M3 | spans of Embassy's tasks, and of futures |
//! | `example_rtic` | `mps2-an386`, Cortex-M4 | spans of RTIC's tasks, one of which hands its span to another |
//! | `example_dual_core` | `mps2-an521`, two Cortex-M33 | two cores, one tracer |
//! | `sandwich_udp` | `lm3s6965evb`, Cortex-M3 | the traced kitchen under Embassy, its spans over UDP and Ethernet |
//! | `sandwich_rtt` | `lm3s6965evb`, Cortex-M3 | the same kitchen, its spans through a debug probe |
//! | `sandwich_uart` | `lm3s6965evb`, Cortex-M3 | the same kitchen, its spans over a serial line |
//! | `sandwich_tcp` | `lm3s6965evb`, Cortex-M3 | the same kitchen, its spans over a TCP connection that may break |
//! | `sandwich_mqtt` | `lm3s6965evb`, Cortex-M3 | the same kitchen, its spans published to an MQTT broker |
//! | `clock_udp` | `lm3s6965evb`, Cortex-M3 | spans that say what the host's clock showed meanwhile |
//! | `distributed_counter`, `distributed_kitchen` | `lm3s6965evb`, Cortex-M3 | two boards and a service on the host in one trace |
//! | `hammer_nested` | `mps2-an386`, Cortex-M4 | two interrupts and thread mode on one arena, every span checked |
//! | `hammer_m0` | `microbit`, Cortex-M0 | the same without compare-exchange |
//! | `hammer_cores` | `mps2-an521`, two Cortex-M33 | two cores on one arena, spans handed from one to the other |
//! | `example_panic` | `mps2-an386`, Cortex-M4 | a panic in an interrupt, and the spans that its handler still sends |
//! | `recorder_m4`, `recorder_m0` | `mps2-an386`, Cortex-M4; `microbit`, Cortex-M0 | resets, after which the next boot sends what was open |
//! | `cost` | one for each of four cores | what an operation costs, in instructions |
//! | `size_*` | `mps2-an386`, Cortex-M4 | what is linked into a program that traces, and how large it is |
//!
//! Everything that names hardware is in `board`, which exists only where there is no operating system. The rest is
//! portable and tested on the host.

#![no_std]

pub mod app;
pub mod arguments;
#[cfg(target_os = "none")]
pub mod board;
pub mod build_id;
pub mod distributed;
pub mod hammer;
#[cfg(all(target_os = "none", feature = "kitchen"))]
pub mod service;
