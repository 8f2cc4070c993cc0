//! Instructions of each operation on target, and the longest stretch of them with interrupts masked.

use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::OptLevel;
use crate::boards::Core;
use crate::firmware;
use crate::table::{Row, Table};
use crate::trace::{Call, Calls};

/// Instructions that an operation may cost on a Cortex-M4; none: a figure to compare with.
const BUDGETS: [(&str, f64); 3] = [("span", 100.0), ("tag_u32", 16.0), ("drain_span", 250.0)];

/// What costs the same: a method, and the macro that says it.
const ALIKE: [(&str, &str); 2] = [("span", "span_macro"), ("span_tag", "span_macro_tag")];

/// What is run: programs whose tracers differ.
const PROGRAMS: [&str; 6] =
    ["cost", "cost_interrupts", "cost_callsites", "cost_sampler", "cost_global", "cost_recorder"];

/// What `target` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// One core instead of all
    #[arg(long, value_enum)]
    core: Option<Core>,
    /// Build the firmware for size, as its profile does, or for speed; a table that is written or compared has both
    #[arg(long, value_enum)]
    opt_level: Option<OptLevel>,
    /// Write the figures to this file, as the table that later ones are compared with
    #[arg(long, value_name = "FILE", conflicts_with_all = ["core", "opt_level", "compare"])]
    write: Option<PathBuf>,
    /// Compare the figures with the table in this file, and fail where they are not the same, or a macro costs more or less
    /// than its method
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// How a row is made of calls, in the program's own words: what a call of `function` takes beyond one of `beyond`,
/// divided by `share`.
#[derive(Deserialize)]
struct Recipe {
    op: String,
    function: String,
    beyond: String,
    share: u32,
}

/// Measures, and prints, writes or compares.
pub fn run(options: &Options) -> Result<()> {
    let cores = options.core.as_ref().map_or(&Core::ALL[..], std::slice::from_ref);
    let both = options.write.is_some() || options.compare.is_some();
    let levels = match options.opt_level {
        Some(level) => vec![level],
        None if both => vec![OptLevel::S, OptLevel::Three],
        None => vec![OptLevel::S],
    };
    // Before anything takes its time.
    let known = options.compare.as_deref().map(Table::read).transpose()?;

    let mut rows = Vec::new();
    for level in levels {
        rows.append(&mut measure(cores, level)?);
    }
    let table = Table::new(rows)?;
    if options.json {
        println!("{}", serde_json::to_string(&table)?);
    } else {
        print(&table);
    }
    if let Some(file) = &options.write {
        table.write(file)?;
    }
    if let (Some(known), Some(file)) = (known, &options.compare) {
        known.compare(&table, file)?;
        compare_alike(&table.rows)?;
    }
    Ok(())
}

/// Fails where a macro's calls take, on the whole, an instruction more or less than its method's.
fn compare_alike(rows: &[Row]) -> Result<()> {
    let mut differences = Vec::new();
    for method in rows {
        let Some((_, other)) = ALIKE.iter().find(|(op, _)| *op == method.op) else { continue };
        let is_same = |row: &&Row| (row.core, row.opt_level) == (method.core, method.opt_level);
        let found = rows.iter().filter(is_same).find(|row| row.op == *other);
        let Some(found) = found else { bail!("{other} was not measured") };
        // In one call of many a claim comes to the end of the ring, which takes one more.
        if (found.instructions - method.instructions).abs() >= 0.5 {
            differences.push(format!(
                "{} takes {} instructions, {other} {}",
                method.title(),
                method.instructions,
                found.instructions
            ));
        }
    }
    ensure!(
        differences.is_empty(),
        "a macro does not cost what its method does:\n  {}",
        differences.join("\n  ")
    );
    Ok(())
}

fn measure(cores: &[Core], opt_level: OptLevel) -> Result<Vec<Row>> {
    let built = firmware::build(PROGRAMS, cores, opt_level)?;
    // Emulated instructions are counted: that others run beside changes no figure.
    let rows = thread::scope(|scope| {
        let run = |(core, programs): (&Core, &[PathBuf; PROGRAMS.len()])| {
            let (core, programs) = (*core, programs.clone());
            scope.spawn(move || rows_of(&programs, core, opt_level))
        };
        let running: Vec<_> = cores.iter().zip(&built).map(run).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for (rows, core) in rows.into_iter().zip(cores) {
        all.append(&mut rows.map_err(|_| anyhow!("measuring on {} failed", core.name()))??);
    }
    Ok(all)
}

fn rows_of(programs: &[PathBuf], core: Core, opt_level: OptLevel) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for program in programs {
        let (printed, calls) = firmware::trace(program, core, "cost.")?;
        for line in printed.lines() {
            let recipe: Recipe = serde_json::from_str(line)
                .with_context(|| format!("the firmware printed a line that is no recipe of a row: {line}"))?;
            rows.push(row(&recipe, &calls, core, opt_level)?);
        }
    }
    Ok(rows)
}

fn row(recipe: &Recipe, calls: &Calls, core: Core, opt_level: OptLevel) -> Result<Row> {
    let of = |function: &String| {
        let calls = calls.get(function).map(Vec::as_slice).unwrap_or_default();
        ensure!(!calls.is_empty(), "the firmware never called {function}, or has no symbol of that name");
        let instructions: u64 = calls.iter().map(|call| call.instructions).sum();
        Ok((instructions as f64 / calls.len() as f64, calls))
    };
    let ((whole, calls), (beyond, _)) = (of(&recipe.function)?, of(&recipe.beyond)?);
    let each = (whole - beyond) / f64::from(recipe.share);
    Ok(Row {
        core,
        opt_level,
        op: recipe.op.clone(),
        instructions: (each * 100.0).round() / 100.0,
        masked_instructions: calls.iter().map(|Call { masked, .. }| *masked).max().unwrap_or(0),
    })
}

fn print(table: &Table) {
    for level in [OptLevel::S, OptLevel::Three] {
        let rows: Vec<&Row> = table.rows.iter().filter(|row| row.opt_level == level).collect();
        let cores: Vec<Core> =
            Core::ALL.into_iter().filter(|core| rows.iter().any(|row| row.core == *core)).collect();
        let Some(first) = cores.first() else { continue };
        println!(
            "Instructions at opt-level {}, and the most of them in a row with interrupts masked",
            level.name()
        );
        print!("{:<16}", "operation");
        cores.iter().for_each(|core| print!("{:>18}", core.name()));
        println!("{:>14}", "budget on M4");
        for op in rows.iter().filter(|row| row.core == *first).map(|row| &row.op) {
            print!("{op:<16}");
            for core in &cores {
                let figure = rows.iter().find(|row| row.core == *core && row.op == *op);
                let text = figure.map_or(String::new(), |row| {
                    format!("{:.1} {:>4}", row.instructions, row.masked_instructions)
                });
                print!("{text:>18}");
            }
            let budget = BUDGETS.iter().find(|(name, _)| name == op).map(|(_, budget)| *budget);
            println!("{:>14}", budget.map_or(String::from("-"), |budget| budget.to_string()));
        }
        println!();
    }
    println!("Budget with interrupts masked: 40 on a Cortex-M0, none on the others.");
    println!("Boards: {}. Compiler: {}.", Core::ALL.map(Core::machine).join(", "), table.rustc);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(figures: &[(&str, f64)]) -> Vec<Row> {
        let row = |(op, instructions): &(&str, f64)| Row {
            core: Core::M4,
            opt_level: OptLevel::S,
            op: (*op).into(),
            instructions: *instructions,
            masked_instructions: 0,
        };
        figures.iter().map(row).collect()
    }

    #[test]
    fn a_macro_that_costs_one_instruction_more_or_less_than_its_method_is_told() {
        let same = [("span", 96.0), ("span_macro", 96.06), ("span_tag", 173.0), ("span_macro_tag", 173.0)];
        assert!(compare_alike(&rows(&same)).is_ok());
        for off in [1.0, -1.0] {
            let mut other = same;
            other[3].1 += off;
            let told = compare_alike(&rows(&other)).unwrap_err().to_string();
            assert!(told.contains("span_tag on Cortex-M4 at opt-level s takes 173 instructions"), "{told}");
        }
        assert!(compare_alike(&rows(&same[..3])).is_err(), "what was not measured is not the same");
    }
}
