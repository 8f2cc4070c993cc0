//! Instructions of each operation on target.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::firmware::{self, MACHINE};
use crate::{OptLevel, Options};

/// Instructions that an operation may cost; none: a figure to compare with.
const BUDGETS: [(&str, f64); 3] = [("span", 100.0), ("tag_u32", 16.0), ("drain_span", 250.0)];

/// One operation. The names of the operations do not change.
#[derive(Serialize, Deserialize)]
struct Row {
    op: String,
    instructions: f64,
}

#[derive(Serialize)]
struct Figures {
    machine: &'static str,
    rows: Vec<Row>,
}

/// Measures, and prints.
pub fn run(options: &Options) -> Result<()> {
    let text = firmware::boot(&firmware::build("cost", options.opt_level)?)?;
    let rows = text
        .lines()
        .map(|line| {
            serde_json::from_str(line)
                .with_context(|| format!("the firmware printed a line that is not a row: {line}"))
        })
        .collect::<Result<_>>()?;
    let figures = Figures { machine: MACHINE, rows };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print(&figures, options.opt_level);
    }
    Ok(())
}

fn print(figures: &Figures, opt_level: OptLevel) {
    println!("Instructions on QEMU's {} (Cortex-M4), opt-level {}", figures.machine, opt_level.name());
    println!("{:<16}{:>14}{:>9}", "operation", "instructions", "budget");
    for Row { op, instructions } in &figures.rows {
        let budget = BUDGETS.iter().find(|(name, _)| name == op).map(|(_, budget)| *budget);
        let (budget, verdict) = match budget {
            Some(budget) if *instructions <= budget => (budget.to_string(), "  met"),
            Some(budget) => (budget.to_string(), "  not met"),
            None => (String::from("-"), ""),
        };
        println!("{op:<16}{instructions:>14.1}{budget:>9}{verdict}");
    }
}
