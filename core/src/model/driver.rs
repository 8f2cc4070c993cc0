//! Every nesting of some operations in one another.

use crate::sync::step::{Interrupt, run};
use std::boxed::Box;
use std::cell::Cell;
use std::eprintln;
use std::rc::Rc;
use std::vec::Vec;
extern crate std;

/// Something that can be done in a world, in at most so many atomic steps, whatever it comes into.
pub(super) struct Op<W> {
    pub(super) name: &'static str,
    pub(super) most: u32,
    pub(super) run: fn(&W),
}

impl<W> Clone for Op<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Op<W> {}

/// One nesting: operations from the outermost on, and before which of its steps each is interrupted by the next.
struct Nesting<W> {
    world: Rc<W>,
    ops: Vec<Op<W>>,
    at: Vec<u32>,
    /// How many operations were interrupted.
    reached: Cell<usize>,
}

/// Runs an operation with the ones after it inside.
fn nest<W: 'static>(nesting: &Rc<Nesting<W>>, level: usize) {
    let op = nesting.ops[level];
    let interrupt = nesting.at.get(level).map(|at| {
        let inner = nesting.clone();
        Interrupt { at: *at, run: Box::new(move || nest(&inner, level + 1)) }
    });
    let interrupted = run(op.most, interrupt, || (op.run)(&nesting.world));
    if interrupted && level < nesting.at.len() {
        nesting.reached.set(nesting.reached.get().max(level + 1));
    }
}

/// Runs the first operation with the second at each of its steps, and the third at each step of the second and so on, each
/// time in the world that `begin` gives, and with `end` after it. `apart`: 1, or how far apart those steps are, where there is
/// time for some only.
pub(super) fn every_nesting<W: 'static>(
    apart: u32,
    ops: &[Op<W>],
    begin: impl Fn() -> Rc<W>,
    end: impl Fn(&W),
) {
    let mut at = std::vec![0; ops.len() - 1];
    loop {
        let nesting = Nesting { world: begin(), ops: ops.to_vec(), at: at.clone(), reached: Cell::new(0) };
        let nesting = Rc::new(nesting);
        let told = Told(&nesting);
        nest(&nesting, 0);
        end(&nesting.world);
        drop(told);
        // One that was not interrupted had fewer steps: the one around it goes on by one.
        let reached = nesting.reached.get();
        at[reached..].fill(0);
        match reached.checked_sub(1) {
            Some(last) => at[last] += apart,
            None => return,
        }
    }
}

/// Says which nesting it was in which a test panics.
struct Told<'n, W>(&'n Nesting<W>);

impl<W> Drop for Told<'_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let names: Vec<_> = self.0.ops.iter().map(|op| op.name).collect();
            eprintln!("each of {names:?} in the one before, at the steps {:?}", self.0.at);
        }
    }
}
