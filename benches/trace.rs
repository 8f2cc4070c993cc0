//! Counts instructions in a trace that tells each of them.
//!
//! QEMU, told to translate one instruction at a time, logs the address of each before it runs. From the addresses and
//! the program's bytes follow the calls of a function, how many instructions each took, and how long interrupts were
//! masked in it: exactly, without a change to the program, and on every core alike.
//!
//! Interrupts are masked by `cpsid i`, and again as before by `cpsie i` or by writing PRIMASK. What is written no
//! address tells; it is taken for what was read last and not written back, as critical sections nest, and a call that
//! reads and writes PRIMASK not equally often is an error. So is another way to mask.

use std::collections::BTreeMap;
use std::io::BufRead;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::elf::Program;

/// `cpsid i`: from the next instruction on, interrupts are masked.
const MASK: u16 = 0xB672;
/// `cpsie i`.
const UNMASK: u16 = 0xB662;
/// The number of PRIMASK among the special registers; BASEPRI and FAULTMASK follow.
const PRIMASK: u16 = 0x10;

/// What the calls of a function took, in the order in which they were made.
pub type Calls = BTreeMap<String, Vec<Call>>;

/// One call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its instructions, from the first of the function to the return.
    pub instructions: u64,
    /// The longest stretch of them that ran with interrupts masked, the one that ends the mask included.
    pub masked: u64,
}

/// The calls of the program's functions whose symbols begin with `prefix`, and what the emulator said beside.
pub fn calls(program: &Program, prefix: &str, log: impl BufRead) -> Result<(Calls, Vec<String>)> {
    let mut counter = Counter::new(program, prefix);
    let (mut last, mut rest) = (None, Vec::new());
    for line in log.lines() {
        let line = line.context("the emulator's log cannot be read")?;
        if line.starts_with("Trace ") {
            let address = address(&line).ok_or_else(|| anyhow!("not a line of a trace: {line}"))?;
            if let Some(before) = last.replace(address) {
                counter.executed(before)?;
            }
        } else if line.starts_with("Stopped execution of TB chain before") {
            // It will be told again when it runs.
            last = None;
        } else {
            rest.push(line);
        }
    }
    if let Some(before) = last {
        counter.executed(before)?;
    }
    Ok((counter.calls, rest))
}

/// The address in `Trace 0: 0x7f33 [00800408/000045d4/00000110/ff020201] name`.
fn address(line: &str) -> Option<u32> {
    let (_, fields) = line.split_once('[')?;
    u32::from_str_radix(fields.split('/').nth(1)?, 16).ok()
}

struct Counter<'p> {
    program: &'p Program,
    functions: BTreeMap<u32, &'p str>,
    calls: Calls,
    /// The call that is being counted.
    open: Option<Open<'p>>,
    /// Where the instruction before this one returns to, if it was a call.
    return_to: Option<u32>,
    masked: bool,
    /// What was read of PRIMASK and not written back.
    saved: Vec<bool>,
}

struct Open<'p> {
    function: &'p str,
    return_to: u32,
    /// How much was saved before the call.
    saved: usize,
    call: Call,
    /// How long the present stretch is.
    stretch: u64,
}

impl<'p> Counter<'p> {
    fn new(program: &'p Program, prefix: &str) -> Self {
        let functions = program
            .symbols()
            .iter()
            .filter(|symbol| symbol.name.starts_with(prefix))
            .map(|symbol| (symbol.address, symbol.name.as_str()))
            .collect();
        Self {
            program,
            functions,
            calls: Calls::new(),
            open: None,
            return_to: None,
            masked: false,
            saved: Vec::new(),
        }
    }

    fn executed(&mut self, at: u32) -> Result<()> {
        if let Some(open) = self.open.take_if(|open| open.return_to == at) {
            ensure!(
                self.saved.len() == open.saved,
                "{} reads and writes PRIMASK not equally often",
                open.function
            );
            self.calls.entry(open.function.to_owned()).or_default().push(open.call);
        }
        if self.open.is_none()
            && let Some(function) = self.functions.get(&at)
        {
            let return_to =
                self.return_to.with_context(|| format!("{function} was entered by something not a call"))?;
            ensure!(!self.masked, "{function} was called with interrupts masked");
            self.open = Some(Open {
                function,
                return_to,
                saved: self.saved.len(),
                call: Call::default(),
                stretch: 0,
            });
        }
        if let Some(Open { call, stretch, .. }) = &mut self.open {
            call.instructions += 1;
            *stretch = if self.masked { *stretch + 1 } else { 0 };
            call.masked = call.masked.max(*stretch);
        }
        let half = |address| {
            self.program
                .half_word(address)
                .with_context(|| format!("{address:#x} ran and is not in the program"))
        };
        let first = half(at)?;
        self.return_to = match first {
            // blx, by register
            0x4780..=0x47FF if first & 0b111 == 0 => Some(at + 2),
            // bl: the other 32-bit branches go where no function that is counted begins
            0xF000..=0xF7FF => Some(at + 4),
            _ => None,
        };
        match first {
            MASK => self.masked = true,
            UNMASK => self.masked = false,
            0xB671..=0xB673 => bail!("{at:#x} masks faults, which is not counted here"),
            // mrs
            0xF3EF if half(at + 2)? & 0xFF == PRIMASK => self.saved.push(self.masked),
            // msr
            0xF380..=0xF38F => match half(at + 2)? & 0xFF {
                PRIMASK => {
                    self.masked = self.saved.pop().with_context(|| {
                        format!(
                            "{at:#x} writes PRIMASK, which was not read before: to what, no address tells"
                        )
                    })?;
                }
                0x11..=0x13 | 0x90..=0x93 => bail!("{at:#x} writes a mask that is not counted here"),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Symbol;

    /// At 0x100: `blx r0; b .`. At 0x200: `nop; cpsid i; nop; nop; cpsie i; cpsid i; cpsie i; bx lr`.
    fn program(body: &[u16]) -> Program {
        let bytes = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>();
        Program::of(
            vec![(0x100, bytes(&[0x4780, 0xE7FE])), (0x200, bytes(body))],
            vec![Symbol { name: "cost.op".into(), address: 0x200, size: 16 }],
        )
    }

    const BODY: [u16; 8] = [0xBF00, MASK, 0xBF00, 0xBF00, UNMASK, MASK, UNMASK, 0x4770];

    fn log(addresses: impl IntoIterator<Item = u32>) -> String {
        let line = |at| format!("Trace 0: 0x7f3350000580 [00800408/{at:08x}/00000110/ff020201] \n");
        addresses.into_iter().map(line).collect()
    }

    fn whole_call() -> impl Iterator<Item = u32> {
        [0x100].into_iter().chain((0x200..0x210).step_by(2)).chain([0x102])
    }

    #[test]
    fn a_call_is_counted_and_so_is_its_longest_masked_stretch() {
        let log = log(whole_call().chain(whole_call()));
        let (calls, rest) = calls(&program(&BODY), "cost.", log.as_bytes()).unwrap();
        // Two nops and the cpsie.
        assert_eq!(calls["cost.op"], [Call { instructions: 8, masked: 3 }; 2]);
        assert!(rest.is_empty());
    }

    #[test]
    fn an_instruction_that_was_stopped_and_told_again_counts_once() {
        let told = log([0x100, 0x200])
            + "Stopped execution of TB chain before 0x7f3350000580 [00000200] \n"
            + &log((0x200..0x210).step_by(2).chain([0x102]));
        let (calls, _) = calls(&program(&BODY), "cost.", told.as_bytes()).unwrap();
        assert_eq!(calls["cost.op"], [Call { instructions: 8, masked: 3 }]);
    }

    #[test]
    fn what_is_no_trace_is_handed_on() {
        let (calls, rest) = calls(&program(&BODY), "cost.", &b"the emulator is unwell\n"[..]).unwrap();
        assert!(calls.is_empty());
        assert_eq!(rest, ["the emulator is unwell"]);
    }

    #[test]
    fn a_nested_section_ends_no_mask_and_the_outer_one_does() {
        // mrs r0, primask; cpsid i; mrs r1, primask; cpsid i; msr primask, r1; nop; msr primask, r0; nop; bx lr
        let body = [
            0xF3EF, 0x8010, MASK, 0xF3EF, 0x8110, MASK, 0xF381, 0x8810, 0xBF00, 0xF380, 0x8810, 0xBF00,
            0x4770,
        ];
        let ran = [0x100, 0x200, 0x204, 0x206, 0x20A, 0x20C, 0x210, 0x212, 0x216, 0x218, 0x102];
        let (calls, _) = calls(&program(&body), "cost.", log(ran).as_bytes()).unwrap();
        // From the second mrs to the second msr.
        assert_eq!(calls["cost.op"], [Call { instructions: 9, masked: 5 }]);
    }

    #[test]
    fn a_mask_that_no_address_tells_is_an_error() {
        // msr primask, r0; msr basepri, r0
        for (register, told) in [(0x8810, "was not read before"), (0x8811, "not counted here")] {
            let program = program(&[0xF380, register, 0x4770]);
            let error = calls(&program, "cost.", log([0x100, 0x200, 0x204]).as_bytes()).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn a_call_that_saves_the_mask_and_leaves_it_is_an_error() {
        // mrs r0, primask; cpsid i; bx lr
        let program = program(&[0xF3EF, 0x8010, MASK, 0x4770]);
        let error =
            calls(&program, "cost.", log([0x100, 0x200, 0x204, 0x206, 0x102]).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("not equally often"), "{error}");
    }
}
