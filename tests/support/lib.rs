//! The harness of the whole-system tests: it starts what a user would start, and looks where a user would look.
//!
//! | module | what it runs or knows |
//! | --- | --- |
//! | [`needs`] | what a test needs of the machine, and what happens when it is not there |
//! | [`built`] | the command `microspan` and the firmware, built by cargo |
//! | [`process`] | a child process: its lines, its end, and its death when a test ends |
//! | [`qemu`] | a firmware on the emulated board |
//! | [`broker`] | an MQTT broker |
//! | [`proxy`] | a TCP proxy that breaks connections |
//! | [`example`] | an example of the firmware, and what it sends |
//! | [`hammer`] | a firmware that checks itself, on one of several emulated boards |
//! | [`terminal`] | a serial device that is none |
//! | [`bridge`], [`standin`] | `microspan bridge` and `microspan agent` |
//! | [`recorded`] | a tracer of this process, and what a host makes of what it records |
//! | [`golden`], [`shown`] | bytes of every feature of the wire; bytes of the wire as text |
//! | [`official`] | Datadog's own test agent, with its checks switched on |
//! | [`service`] | a service of the examples |
//! | [`sent`] | what a board has sent, read without a bridge |
//! | [`span`] | spans as an agent stores them |
//! | [`sandwich`] | what the traces of the sandwich device must look like |
//! | [`listener`] | one that comes late to a device, and asks it |
//! | [`device`] | real packets, made on this machine, and ways to damage them |
//!
//! Nothing in here waits for ever, and everything that is started is killed when its value is dropped, which is also
//! what happens when a test panics.

pub mod balance;
pub mod bridge;
pub mod broker;
pub mod built;
pub mod device;
pub mod example;
pub mod golden;
pub mod hammer;
pub mod listener;
pub mod needs;
pub mod official;
pub mod ports;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod qemu;
pub mod recorded;
pub mod sandwich;
pub mod sent;
pub mod service;
pub mod shown;
pub mod span;
pub mod standin;
pub mod terminal;

/// Its examples are tested here, since they need what stands on the core, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
