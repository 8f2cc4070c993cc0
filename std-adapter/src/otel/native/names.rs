//! Names of spans, by which it is told without a tag cell whose they are: each scope and kind has copies of its own.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::interned::{LONGEST, PROBES, hash};

/// How many names of a scope and a kind there are at most.
const NAMES: usize = 2048;
/// Places to find them by their addresses, half of which stay free.
const PLACES: usize = 2 * NAMES;

static KNOWN: [OnceLock<Named>; NAMES] = [const { OnceLock::new() }; NAMES];
static BY_ADDRESS: [OnceLock<Named>; PLACES] = [const { OnceLock::new() }; PLACES];

#[derive(Clone, Copy)]
struct Named {
    /// What it stands for, if that lives for ever: nothing else will lie there. Otherwise the copy.
    from: &'static str,
    /// A copy that no one else has.
    name: &'static str,
    mark: u64,
}

/// The name that stands for `name` with this mark; `None`: there is no room, it is empty and has no address,
/// or it is longer than a name in the arena.
#[expect(clippy::ptr_arg, reason = "whether it lives for ever is what is asked of it")]
#[inline]
pub(super) fn get(name: &Cow<'static, str>, mark: u64) -> Option<&'static str> {
    match name {
        _ if name.is_empty() || name.len() > LONGEST => None,
        Cow::Borrowed(name) => {
            find(address(name), mark, |from| std::ptr::eq(from, *name), |copy| keep(name, copy, mark), name)
        }
        Cow::Owned(name) => find(hash(name), mark, |from| from == name, |copy| keep(copy, copy, mark), name),
    }
}

#[inline(always)]
fn find(
    hash: u64,
    mark: u64,
    is: impl Fn(&'static str) -> bool,
    keep: impl Fn(&'static str) -> Named,
    name: &str,
) -> Option<&'static str> {
    let first = hash.wrapping_add(mark) as usize;
    (0..PROBES).find_map(|probe| {
        let place = KNOWN.get(first.wrapping_add(probe) % NAMES)?;
        let known = place.get_or_init(|| keep(Box::leak(Box::from(name))));
        (known.mark == mark && is(known.from)).then_some(known.name)
    })
}

/// A copy that is found by its address from here on.
#[cold]
fn keep(from: &'static str, name: &'static str, mark: u64) -> Named {
    let named = Named { from, name, mark };
    // There are places for all: no run of them is full.
    probes(name).find(|place| std::ptr::eq(place.get_or_init(|| named).name, name));
    named
}

#[inline]
fn address(text: &str) -> u64 {
    (text.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

fn probes(name: &str) -> impl Iterator<Item = &'static OnceLock<Named>> {
    let first = address(name) as usize;
    (0..PLACES).filter_map(move |probe| BY_ADDRESS.get(first.wrapping_add(probe) % PLACES))
}

/// The mark of a name; `None`: it is none of these.
#[inline]
pub(super) fn mark(name: &str) -> Option<u64> {
    let known = probes(name).map_while(OnceLock::get).find(|known| std::ptr::eq(known.name, name))?;
    Some(known.mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_whose_it_is() {
        let ours = ["bake", "a name of more than sixteen bytes", "x"];
        for (name, number) in ours.iter().flat_map(|name| [(*name, 8), (*name, 9)]) {
            for given in [Cow::Borrowed(name), Cow::Owned(name.to_owned())] {
                let kept = get(&given, number).unwrap();
                assert_eq!((kept, mark(kept)), (name, Some(number)));
                assert!(std::ptr::eq(kept, get(&given.clone(), number).unwrap()));
            }
        }
        assert_eq!((get(&Cow::Borrowed(""), 8), mark("bake")), (None, None));
        assert_eq!(get(&Cow::Owned("x".repeat(LONGEST + 1)), 8), None);
    }
}
