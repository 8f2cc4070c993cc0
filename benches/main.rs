//! What a span costs: on target in instructions, in flash and in RAM.

mod firmware;
mod size;
mod target;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What a span costs.
#[derive(Parser)]
#[command(name = "microspan-benches", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Instructions of each operation on a Cortex-M4: builds a firmware and runs it in QEMU, the same figures each time
    Target(Options),
    /// Flash and static RAM that the tiny profile adds to an empty program on a Cortex-M4
    Size(Options),
}

/// What the commands have in common.
#[derive(Args)]
struct Options {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Build the firmware for size, as its profile does, or for speed
    #[arg(long, value_enum, default_value_t = OptLevel::S)]
    opt_level: OptLevel,
}

/// An optimisation level of the firmware.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptLevel {
    /// For size
    S,
    /// For speed
    #[value(name = "3")]
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
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("microspan-benches: {error:#}");
            ExitCode::FAILURE
        }
    }
}
