//! The list of members in `tracestate`: ours first, the others within its limits.

use super::shown::length;
use core::fmt::{self, Display};

/// Members beyond so many are dropped.
const MOST_MEMBERS: usize = 32;
/// And those beyond so many bytes of the header.
const MOST_BYTES: usize = 512;
/// Members longer than this are dropped first.
const LONG: usize = 128;

/// What stands behind `dd=`; of several the last.
pub(super) fn ours(state: &str) -> Option<&str> {
    members(state).filter_map(|member| member.strip_prefix("dd=")).last()
}

fn members(state: &str) -> impl Iterator<Item = &str> + Clone {
    state.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// Writes our member, then that of OpenTelemetry, then the others from left to right, as far as there is room.
pub(super) fn write(f: &mut fmt::Formatter<'_>, ours: &impl Display, state: &str) -> fmt::Result {
    write!(f, "{ours}")?;
    let mut used = length(ours);
    let (mut room, mut fits) = (MOST_MEMBERS - 1, |member: &str| {
        let next = used + 1 + member.len();
        let fits = next <= MOST_BYTES;
        if fits {
            used = next;
        }
        fits
    });
    if let Some(open) = members(state).filter(|member| member.starts_with("ot=")).last() {
        if !fits(open) {
            return Ok(());
        }
        write!(f, ",{open}")?;
        room -= 1;
    }
    let others = members(state).filter(|member| !member.starts_with("dd=") && !member.starts_with("ot="));
    let mut excess = others.clone().count().saturating_sub(room);
    let short_enough = others.filter(|member| {
        let is_dropped = excess > 0 && member.len() > LONG;
        excess -= usize::from(is_dropped);
        !is_dropped
    });
    for member in short_enough.take(room) {
        if fits(member) {
            write!(f, ",{member}")?;
        } else if member.len() <= LONG {
            break;
        }
    }
    Ok(())
}
