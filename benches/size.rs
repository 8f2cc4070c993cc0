//! Flash and static RAM, read from the ELF.

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::OptLevel;
use crate::boards::Core;
use crate::elf::{Bytes, Program};
use crate::firmware;

/// Bytes that the tiny profile may add to an empty program.
const BUDGET: Bytes = Bytes { flash: 3 * 1_024, ram: 1_024 };
/// The core of the programs that are measured.
const CORE: Core = Core::M4;

/// What `size` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// List the functions of the tiny profile too, the largest first
    #[arg(long)]
    symbols: bool,
    /// Build the firmware for size, as its profile does, or for speed
    #[arg(long, value_enum, default_value_t = OptLevel::S)]
    opt_level: OptLevel,
}

#[derive(Serialize)]
struct Function {
    name: String,
    bytes: u64,
}

#[derive(Serialize)]
struct Figures {
    machine: &'static str,
    empty: Bytes,
    tiny: Bytes,
    added: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbols: Option<Vec<Function>>,
}

/// Builds, measures, and prints.
pub fn run(options: &Options) -> Result<()> {
    let built = firmware::build(["size_empty", "size_tiny"], &[CORE], options.opt_level)?;
    let [empty, tiny] = built.first().context("nothing was built")?;
    let (empty, tiny) = (Program::read(empty)?, Program::read(tiny)?);
    let (without, with) = (empty.bytes(), tiny.bytes());
    let added =
        Bytes { flash: with.flash.saturating_sub(without.flash), ram: with.ram.saturating_sub(without.ram) };
    let symbols = options.symbols.then(|| functions(&tiny));
    let figures = Figures { machine: CORE.machine(), empty: without, tiny: with, added, symbols };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print(&figures, options.opt_level);
    }
    Ok(())
}

/// The functions of a program, the largest first. Those that were inlined are part of another.
fn functions(program: &Program) -> Vec<Function> {
    let mut functions: Vec<Function> = program
        .symbols()
        .iter()
        .filter(|symbol| symbol.size > 0)
        .map(|symbol| Function {
            name: format!("{:#}", rustc_demangle::demangle(&symbol.name)),
            bytes: symbol.size,
        })
        .collect();
    functions.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    functions
}

fn print(figures: &Figures, opt_level: OptLevel) {
    println!("Bytes on QEMU's {} ({}), opt-level {}", figures.machine, CORE.name(), opt_level.name());
    println!("{:<48}{:>8}{:>8}", "program", "flash", "RAM");
    let rows = [
        ("empty", figures.empty),
        ("8 spans, 8 tags, a drain of 256 bytes", figures.tiny),
        ("added", figures.added),
        ("budget", BUDGET),
    ];
    for (name, Bytes { flash, ram }) in rows {
        println!("{name:<48}{flash:>8}{ram:>8}");
    }
    if let Some(functions) = &figures.symbols {
        println!("\n{:>8}  function of the tiny profile", "bytes");
        for Function { name, bytes } in functions {
            println!("{bytes:>8}  {name}");
        }
    }
}
