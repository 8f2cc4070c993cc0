//! The model of an interrupt: it runs to its end while what it came into stands still.
//!
//! Loom knows threads only, to which waiting for another is allowed. Here each operation of the tracer is run at each atomic step
//! of each other one, whole, and a third at each step of that one; then the books have to balance. What waits for
//! the preempted side never comes to its end and is caught by the bound on its steps.
//!
//! | file | idea |
//! | --- | --- |
//! | `model/driver.rs` | every nesting of some operations |
//! | `model/world.rs` | a tracer, its drain, and what can be done with them |
//! | `model/books.rs` | what must come out |
//! | `model/operations.rs` | all operations in all pairs, some in threes |
//! | `model/panics.rs` | a panic at each step, after which nothing goes on |
//! | `model/sampled.rs` | traces that are sampled out, and others in them |
//! | `model/negative.rs` | what is wrong on purpose, and is found |

mod books;
mod driver;
mod negative;
mod operations;
mod panics;
mod sampled;
mod world;
