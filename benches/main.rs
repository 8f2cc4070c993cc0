//! What a span costs: on target in instructions, in flash and in RAM; on this machine in time.

mod allocations;
mod boards;
mod contest;
mod drained;
mod elf;
mod encoders;
mod firmware;
mod growth;
mod host;
mod lines;
mod otlp;
mod pipeline;
mod plot;
mod recording;
mod size;
mod table;
mod target;
mod ticks;
mod trace;
mod wire;
mod workloads;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// What a span costs.
#[derive(Parser)]
#[command(name = "microspan-benches", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Instructions of each operation on four Cortex-M: builds a firmware and runs it in QEMU, always the same figures
    Target(target::Options),
    /// Flash and static RAM that the tiny profile adds to an empty program on a Cortex-M4
    Size(size::Options),
    /// Time of a span on this machine, beside two readings of the clock, and what it allocates
    Host(host::Options),
    /// Time of a start and finish, and of draining, as the arena grows and fills
    Growth(growth::Options),
    /// Bytes of a span on the wire, beside defmt's lines, OTLP and MessagePack
    Wire(wire::Options),
    /// Spans a second that one core of a host decodes, and brings to the agent's bytes
    Pipeline(pipeline::Options),
}

/// An optimisation level of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
enum OptLevel {
    /// For size
    #[serde(rename = "s")]
    S,
    /// For speed
    #[value(name = "3")]
    #[serde(rename = "3")]
    Three,
}

impl OptLevel {
    /// What cargo calls it.
    fn name(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Three => "3",
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Target(options) => target::run(&options),
        Command::Size(options) => size::run(&options),
        Command::Host(options) => host::run(&options),
        Command::Growth(options) => growth::run(&options),
        Command::Wire(options) => wire::run(&options),
        Command::Pipeline(options) => pipeline::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("microspan-benches: {error:#}");
            ExitCode::FAILURE
        }
    }
}
