//! Where a crash came from: the stack of a span that tells at which addresses its device stopped.

use super::names::{Named, Names};
use crate::model::{Span, Text, Value};

/// The instruction at which the device stopped.
const PC: &str = "reset.pc";
/// Where the function would have returned to.
const LR: &str = "reset.lr";
const STACK: &str = "error.stack";
/// What of an address to return to means the end of an exception on a Cortex-M, and is no place in the program.
const EXC_RETURN: std::ops::RangeInclusive<u64> = 0xffff_ff00..=0xffff_ffff;
/// How long a stack may be, in bytes.
const LONGEST: usize = 8192;

/// The addresses of a crash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Crash {
    pc: Option<u64>,
    lr: Option<u64>,
}

impl Crash {
    /// Takes note of what a tag says, if it is one of them; of two with one key the first holds.
    pub(super) fn note(&mut self, key: &Text, value: u64) {
        if key == PC {
            self.pc.get_or_insert(value);
        } else if key == LR {
            self.lr.get_or_insert(value);
        }
    }

    /// Whether any address was told.
    pub(super) fn is_told(&self) -> bool {
        self.pc.is_some() || self.lr.is_some()
    }

    /// The addresses that are shown, and where each is looked for: that of an instruction without the bit that says how it is
    /// encoded, and where a call returns to, the call, which ends there.
    fn places(&self) -> impl Iterator<Item = (u64, u64)> {
        let pc = self.pc.map(|pc| (pc & !1, pc & !1));
        let returns = self.lr.filter(|lr| lr & !1 != 0 && !EXC_RETURN.contains(lr));
        let lr = returns.map(|lr| (lr & !1, (lr & !1) - 1));
        pc.into_iter().chain(lr)
    }

    /// The stack, with the functions of an address as `lines` tells them; `None`: it tells none of any.
    pub(super) fn stack(&self, mut lines: impl FnMut(u64) -> Option<Vec<String>>) -> Option<Option<Text>> {
        let mut stack = String::new();
        let mut is_known = false;
        for (address, place) in self.places() {
            let functions = lines(place)?;
            is_known |= !functions.is_empty();
            let bare = functions.is_empty().then(|| hex(address));
            for line in functions.into_iter().chain(bare) {
                if stack.len() + line.len() < LONGEST {
                    stack.push_str(if stack.is_empty() { "  at " } else { "\n  at " });
                    stack.push_str(&line);
                }
            }
        }
        Some(is_known.then(|| Text::from(stack)))
    }

    /// What stands for the stack while the program is not at hand: the addresses.
    pub(super) fn bare(&self) -> Text {
        let lines: Vec<_> = self.places().map(|(address, _)| format!("  at {}", hex(address))).collect();
        Text::from(lines.join("\n"))
    }
}

/// Whether a tag of this key tells an address of a crash.
#[inline]
pub(super) fn is_address(key: &[u8]) -> bool {
    matches!(key, b"reset.pc" | b"reset.lr")
}

/// Gives a span the stack of its crash, and its addresses as text; one that the program has set stays.
pub(super) fn set_stack(span: &mut Span, names: &Names) {
    let mut crash = Crash::default();
    for (key, value) in span.tags.iter_mut().rev() {
        if let Value::Uint(address) = *value
            && is_address(key.as_bytes())
        {
            crash.note(key, address);
            *value = Value::Str(Text::from(hex(address)));
        }
    }
    if crash.is_told()
        && span.tag(STACK).is_none()
        && let Some(stack) = names.find(&Named::Crash(crash), true).filter(|stack| !stack.is_empty())
    {
        span.tags.push((Text::from(STACK), Value::Str(stack)));
    }
}

fn hex(address: u64) -> String {
    format!("{address:#010x}")
}
