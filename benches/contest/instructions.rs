//! The operations once more, under callgrind, which tells how many instructions the thread that traces needs.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use super::contestant::{Contestant, Op};
use super::contestants;
use crate::host::Row;

/// Traces, between two of which all is brought home.
const TRACES: u32 = 20;

/// The function in which instructions count, as [`Contestant::timed`] calls it.
const FUNCTION: &str = "microspan_benches_batch";

/// Makes spans of one who takes part, for callgrind to look on; `what` is `WHO:OPERATION`.
pub fn batch_for_callgrind(what: &str) -> Result<()> {
    let all = contestants()?;
    let find = || {
        let (who, op) = what.split_once(':')?;
        let one = all.iter().find(|one| one.who == who)?;
        Some((one, Op::ALL.into_iter().find(|each| each.name() == op)?))
    };
    let (one, op): (&Contestant, Op) = find().ok_or_else(|| anyhow!("there is no {what}"))?;
    for _ in 0..TRACES {
        one.trace(op);
        one.settle();
    }
    Ok(())
}

/// Fills the instructions of those rows that are operations in batches.
pub fn fill(rows: &mut [Row]) -> Result<()> {
    for row in rows {
        if Op::ALL.iter().any(|op| op.name() == row.op()) {
            row.set_instructions(count(&format!("{}:{}", row.who(), row.op()))?);
        }
    }
    Ok(())
}

/// The instructions of one span.
fn count(what: &str) -> Result<f64> {
    let out = env::temp_dir().join(format!("microspan-callgrind-{}", std::process::id()));
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args(["host", "--batch-for-callgrind", what])
        .stderr(Stdio::null())
        .status()
        .context("valgrind did not start: install it, or leave --callgrind out")?;
    ensure!(ran.success(), "{what} under callgrind: {ran}");
    let text = fs::read_to_string(&out)?;
    fs::remove_file(&out)?;
    let total =
        text.lines().filter_map(|line| line.strip_prefix("totals: ")?.trim().parse::<f64>().ok()).next();
    let total = total.ok_or_else(|| anyhow!("callgrind told no totals of {what}"))?;
    Ok((total / f64::from(TRACES * super::SPANS)).round())
}
