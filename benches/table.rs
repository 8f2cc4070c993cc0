//! The table of figures that is kept with the source, and how figures are held against it.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::OptLevel;
use crate::boards::Core;

/// By how much a figure may differ when the same compiler made it, and when another did.
const SAME_COMPILER: f64 = 0.02;
const OTHER_COMPILER: f64 = 0.10;
/// What a small figure may differ by in any case.
const SLACK: f64 = 1.0;

/// One operation on one core. The names of the operations do not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub core: Core,
    pub opt_level: OptLevel,
    pub op: String,
    /// Of one run.
    pub instructions: f64,
    /// The longest stretch with interrupts masked, in the calls that were measured for this row.
    pub masked_instructions: u64,
}

impl Row {
    fn is_of(&self, other: &Self) -> bool {
        (self.core, self.opt_level, &self.op) == (other.core, other.opt_level, &other.op)
    }

    /// What it is a row of, in words.
    pub fn title(&self) -> String {
        format!("{} on {} at opt-level {}", self.op, self.core.name(), self.opt_level.name())
    }

    /// What is not the same in `now`, in words; `None` when nothing is.
    fn difference(&self, now: &Self, tolerance: f64) -> Option<String> {
        let far = |was: f64, is: f64| (was - is).abs() > (was * tolerance).max(SLACK);
        let (was, is) = (self.masked_instructions, now.masked_instructions);
        if far(self.instructions, now.instructions) {
            let share = (now.instructions / self.instructions - 1.0) * 100.0;
            let (was, is) = (self.instructions, now.instructions);
            return Some(format!("{} takes {is} instructions, was {was} ({share:+.1} %)", self.title()));
        }
        // Between none and one lies all the difference.
        (far(was as f64, is as f64) || (was == 0) != (is == 0))
            .then(|| format!("{} masks interrupts for {is} instructions, was {was}", self.title()))
    }
}

/// Figures, and the compiler that made the code.
#[derive(Serialize, Deserialize)]
pub struct Table {
    pub rustc: String,
    pub rows: Vec<Row>,
}

impl Table {
    /// A table of the compiler that is in use.
    pub fn new(rows: Vec<Row>) -> Result<Self> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .arg("--version")
            .output()
            .context("rustc cannot be asked for its version")?;
        Ok(Self { rustc: String::from_utf8_lossy(&output.stdout).trim().to_owned(), rows })
    }

    /// Reads a table.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no table of figures", file.display()))
    }

    /// Writes the table, a row on a line, so that a change shows as the lines that it changes.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut text = format!("{{\"rustc\": {}, \"rows\": [\n", serde_json::to_string(&self.rustc)?);
        for (index, row) in self.rows.iter().enumerate() {
            let comma = if index + 1 < self.rows.len() { "," } else { "" };
            writeln!(text, "{}{comma}", serde_json::to_string(row)?)?;
        }
        text.push_str("]}\n");
        fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// Holds new figures against these.
    ///
    /// # Errors
    /// When one differs, is new, or is missing on a core that was measured.
    pub fn compare(&self, now: &Self, file: &Path) -> Result<()> {
        let mut tolerance = SAME_COMPILER;
        if self.rustc != now.rustc {
            tolerance = OTHER_COMPILER;
            eprintln!("ANOTHER COMPILER: {} is of {}, this is {}.", file.display(), self.rustc, now.rustc);
            eprintln!("Figures may differ by {:.0} %.", tolerance * 100.0);
        }
        let differences = self.differences(now, tolerance);
        if differences.is_empty() {
            eprintln!("{} figures are those of {}.", now.rows.len(), file.display());
            return Ok(());
        }
        bail!(
            "{} of {} figures are not those of {}:\n  {}\nIf the change is meant, run: cargo run --release -p \
             microspan-benches -- target --write {}",
            differences.len(),
            now.rows.len(),
            file.display(),
            differences.join("\n  "),
            file.display()
        );
    }

    fn differences(&self, now: &Self, tolerance: f64) -> Vec<String> {
        let measured =
            |row: &Row| now.rows.iter().any(|now| (now.core, now.opt_level) == (row.core, row.opt_level));
        let known = self.rows.iter().filter(|row| measured(row)).filter_map(|row| {
            let Some(now) = now.rows.iter().find(|now| now.is_of(row)) else {
                return Some(format!("{} was not measured", row.title()));
            };
            row.difference(now, tolerance)
        });
        let new = now.rows.iter().filter(|now| !self.rows.iter().any(|row| row.is_of(now)));
        known.chain(new.map(|row| format!("{} is new", row.title()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, f64, u64)]) -> Table {
        let row = |(op, instructions, masked_instructions): &(&str, f64, u64)| Row {
            core: Core::M4,
            opt_level: OptLevel::S,
            op: (*op).into(),
            instructions: *instructions,
            masked_instructions: *masked_instructions,
        };
        Table { rustc: "rustc".into(), rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn a_figure_may_differ_by_two_percent_or_by_one() {
        let was = table(&[("span", 100.0, 0), ("clock", 9.0, 0)]);
        assert!(was.differences(&table(&[("span", 102.0, 0), ("clock", 10.0, 0)]), SAME_COMPILER).is_empty());
        let found = was.differences(&table(&[("span", 102.1, 0), ("clock", 7.9, 0)]), SAME_COMPILER);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn one_masked_instruction_is_a_difference_where_there_was_none() {
        let was = table(&[("span", 100.0, 0)]);
        let found = was.differences(&table(&[("span", 100.0, 1)]), OTHER_COMPILER);
        assert_eq!(found, ["span on Cortex-M4 at opt-level s masks interrupts for 1 instructions, was 0"]);
    }

    #[test]
    fn a_row_that_is_missing_or_new_is_a_difference() {
        let found = table(&[("span", 1.0, 0)]).differences(&table(&[("clock", 1.0, 0)]), SAME_COMPILER);
        let told =
            ["span on Cortex-M4 at opt-level s was not measured", "clock on Cortex-M4 at opt-level s is new"];
        assert_eq!(found, told);
    }

    #[test]
    fn a_core_that_was_not_measured_is_not_missing() {
        assert!(table(&[("span", 1.0, 0)]).differences(&table(&[]), SAME_COMPILER).is_empty());
    }
}
