//! What of a panic's stack its reader wants: the calls of the program that led to it, the innermost first.

use std::fmt::Write;

/// Where what a panic calls by itself ends, and where what starts a thread begins: marks of the standard library, which shows what is
/// between them.
const END: &str = "__rust_end_short_backtrace";
const BEGIN: &str = "__rust_begin_short_backtrace";

/// What the program calls to panic, beyond that mark.
const MACHINERY: [&str; 4] =
    ["rust_begin_unwind", "__rustc", "core::panicking::", "std::panicking::begin_panic"];

/// At most `most` calls of a stack as the standard library shows it; none of the panic itself, nor beyond the program's first.
pub(super) fn shorten(stack: &str, most: usize) -> String {
    let calls = calls(stack);
    let after = calls.iter().position(|call| call.name().contains(END)).map_or(0, |end| end + 1);
    let of_program = calls.get(after..).unwrap_or_default().iter();
    let of_program = of_program
        .skip_while(|call| MACHINERY.iter().any(|start| call.name().starts_with(start)))
        .take_while(|call| !call.name().contains(BEGIN));
    let mut shown = String::new();
    for (number, call) in of_program.take(most).enumerate() {
        // Writing into a string does not fail.
        _ = write!(shown, "{number:4}: {}", call.0);
    }
    shown
}

/// A call: its name, what was inlined into it, and where these are; each on a line.
struct Call<'s>(&'s str);

impl Call<'_> {
    fn name(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }
}

/// Each call, from behind its number to the next one's line.
fn calls(stack: &str) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    let (mut begin, mut at) = (None, 0);
    for line in stack.split_inclusive('\n') {
        if let Some(name) = behind_number(line) {
            calls.extend(begin.and_then(|begin| stack.get(begin..at)).map(Call));
            begin = Some(at + line.len() - name.len());
        }
        at += line.len();
    }
    calls.extend(begin.and_then(|begin| stack.get(begin..)).map(Call));
    calls
}

/// What stands on a line behind its number, if it has one.
fn behind_number(line: &str) -> Option<&str> {
    let (number, name) = line.trim_start().split_once(": ")?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "   0: microspan_std::local::panics::keep
             at ./panics.rs:1:1
   1: std::panicking::panic_with_hook
   2: std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::panic_handler::{closure#0}, !>
             at /rustc/std/src/sys/backtrace.rs:182:18
   3: __rustc::rust_begin_unwind
   4: core::panicking::panic_fmt
   5: core::option::expect_failed
   6: kitchen::slice
             at ./kitchen.rs:7:3
      kitchen::cut
             at ./kitchen.rs:5:3
   7: kitchen::main
   8: std::sys::backtrace::__rust_begin_short_backtrace
   9: std::thread::start
";

    #[test]
    fn the_panics_own_calls_and_those_before_the_program_are_left_out() {
        let whole = "   0: core::option::expect_failed
   1: kitchen::slice
             at ./kitchen.rs:7:3
      kitchen::cut
             at ./kitchen.rs:5:3
   2: kitchen::main
";
        assert_eq!(shorten(STACK, 30), whole);
        let cut: String = whole.split_inclusive('\n').take(5).collect();
        assert_eq!(shorten(STACK, 2), cut);
        assert_eq!(shorten(STACK, 0), "");
    }

    #[test]
    fn the_first_panic_shown_is_the_one_that_is_told_of() {
        let both = format!("{STACK}{STACK}");
        assert_eq!(shorten(&both, 30), shorten(STACK, 30));
    }

    #[test]
    fn a_stack_without_names_is_cut_from_its_beginning() {
        let stack = "   0: <unknown>\n   1: <unknown>\n  10: <unknown>";
        assert_eq!(shorten(stack, 2), "   0: <unknown>\n   1: <unknown>\n");
        assert_eq!(shorten(stack, 3).lines().count(), 3);
        assert_eq!(shorten("disabled backtrace", 3), "");
    }
}
