//! Spans of the tasks of `embassy-executor`, without a line of code in them.
//!
//! The executor calls seven functions when its feature `trace` is on; this module has them. The spans go to the tracer of
//! the program ([`set_global`](crate::set_global), or `link_tracer!`); until there is one, nothing is recorded.
//!
//! ```toml
//! embassy-executor = { version = "0.10", features = ["trace"] }
//! microspan = { version = "0.1", features = ["embassy-executor"] }
//! ```
//!
//! | span | from | to |
//! | --- | --- | --- |
//! | the task's name | the executor polls the task | the poll returns |
//! | `executor.idle` | the executor has polled all that waited | it polls the next task |
//!
//! - A poll is the root of a trace, and what the task does in it is in that span. If the task holds a span across an
//!   `.await`, its next poll is a child of that span. A future that is [in a span](crate::InSpan::in_span) has its own.
//! - The tag `ready_us` says how many microseconds the task waited for its poll since it was woken. A wait of 2^31 ticks
//!   of the clock or more is told wrong.
//! - The tag `executor` of `executor.idle` numbers the executors, from 1, in the order of their first work.
//! - A task is called `task#1`, `task#2`, .. in the order in which tasks were spawned, unless it was given a name
//!   ([`name_task`]). The executor tells its callbacks an id and no more.
//!
//! These spans do not get the slots that are [reserved](crate::Tracer::reserve) for roots and errors.
//!
//! There is room for 32 tasks and 8 executors. A task that finds none has spans named `task` without `ready_us`, and
//! [`tasks_without_room`] counts it each time it is spawned; the spans of an executor that finds none are counted as dropped.
//! What a task's storage was used for first names it for ever: storages are `'static`.

use crate::arena::{Cause, Here, Started};
use crate::callsite::Happened;
use crate::exclusive::AnyThread;
use crate::slot_ring::Mode;
use crate::span::{finish, tag};
use crate::tag::Value;
use crate::tracer::Tracer;
use table::{Executor, Executors, Tasks};

mod table;

static TASKS: Tasks = Tasks::new();
static EXECUTORS: Executors = Executors::new();

/// The name of the span in which an executor has nothing to do.
const IDLE: &str = "executor.idle";
/// The name of the polls of a task that found no room.
const NAMELESS: &str = "task";

/// Names the spans of a task. Its first name stays.
///
/// The executor's own metadata has names, too, and shows them only to who holds the token or runs in the task: so this is
/// called beside that.
///
/// ```ignore
/// let token = blink(led).unwrap();
/// microspan::executor::name_task(token.id(), "blink");
/// spawner.spawn(token);
/// ```
pub fn name_task(id: u32, name: &'static str) {
    if let Some(task) = TASKS.claim(id) {
        task.name(name);
    }
}

/// How often a task was spawned, or named, that found no room.
///
/// ```
/// assert_eq!(microspan::executor::tasks_without_room(), 0);
/// ```
pub fn tasks_without_room() -> u32 {
    TASKS.without_room()
}

/// Whether a tracer records, in whatever context.
#[inline]
fn records(tracer: &Tracer) -> bool {
    tracer.is_enabled() && tracer.mode == Mode::Shared
}

/// Starts a span in `within`, or else as the root of a trace. Its handle is 0 when there was no slot.
fn start(tracer: &'static Tracer, here: Here, name: &'static str, within: u32) -> Started {
    let started = tracer.arena.start_apart(here, name, within, tracer.clock);
    if let Some(sites) = tracer.callsites {
        let happened = [Happened::Started, Happened::Dropped];
        sites.count(name, if started.handle != 0 { &happened[..1] } else { &happened });
    }
    started
}

/// Finishes the span of a handle that a `take` of the table gave out, which does so once.
fn end(tracer: &'static Tracer, handle: u32) {
    if handle != 0 {
        // SAFETY: `start` returned the handle to the one who put it into the table, and who takes it out is alone with it.
        unsafe { finish(tracer, Started { handle, previous: 0 }) };
    }
}

/// The executor of this id, and its number; where there is no room for it, its span is counted as dropped.
fn executor(tracer: &'static Tracer, here: Here, id: u32) -> Option<(u32, &'static Executor)> {
    let found = EXECUTORS.find(id).or_else(|| EXECUTORS.claim(id));
    if found.is_none() && records(tracer) {
        tracer.arena.count(here.core, Cause::SpansFull);
    }
    found
}

/// The ticks from one to another; 0 where the other is not later, as it may be on another core.
fn between(since: u32, now: u32) -> u32 {
    (now.wrapping_sub(since) as i32).max(0) as u32
}

/// A time in microseconds.
fn microseconds(ticks: u32, frequency: u32) -> u32 {
    let per_microsecond = frequency / 1_000_000;
    if per_microsecond * 1_000_000 == frequency {
        return ticks.checked_div(per_microsecond).unwrap_or(0);
    }
    let microseconds = (u64::from(ticks) * 1_000_000).checked_div(u64::from(frequency));
    microseconds.and_then(|time| u32::try_from(time).ok()).unwrap_or(u32::MAX)
}

/// The executor was woken. It may find nothing to poll, as after an interrupt that woke no task: then it stays idle.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_poll_start(_executor_id: u32) {}

/// A task is about to be enqueued for the first time.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_task_new(_executor_id: u32, task_id: u32) {
    if let Some(task) = TASKS.claim(task_id) {
        task.reset();
    }
}

/// A task is over, and the poll that ended it is not.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_task_end(_executor_id: u32, task_id: u32) {
    if let Some(task) = TASKS.find(task_id) {
        task.reset();
    }
}

/// The executor is about to poll a task.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_task_exec_begin(executor_id: u32, task_id: u32) {
    let task = TASKS.find(task_id);
    let since = task.and_then(|task| task.take_ready());
    let Some(tracer) = crate::global::global() else { return };
    let here = Here::of(tracer.context);
    let Some((_, executor)) = executor(tracer, here, executor_id) else { return };
    // What was begun is ended also while nothing is recorded.
    end(tracer, executor.take_idle());
    if !records(tracer) {
        return;
    }
    let waited = since.map(|since| between(since, tracer.clock.now() as u32));
    let (name, within) = task.map_or((NAMELESS, 0), |task| (task.shown(), task.within()));
    let started = start(tracer, here, name, within);
    executor.begin(started);
    if let Some(waited) = waited
        && started.handle != 0
    {
        let waited = microseconds(waited, tracer.clock.frequency());
        tag::<AnyThread>(tracer, started.handle, "ready_us", Value::from(waited));
    }
}

/// The executor has polled a task.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_task_exec_end(executor_id: u32, task_id: u32) {
    let Some(tracer) = crate::global::global() else { return };
    let Some(Started { handle, previous }) =
        EXECUTORS.find(executor_id).and_then(|(_, executor)| executor.take_poll())
    else {
        return;
    };
    let left = tracer.arena.enter(Here::of(tracer.context), previous);
    end(tracer, handle);
    if left != handle
        && let Some(task) = TASKS.find(task_id)
    {
        task.stay_in(left);
    }
}

/// A task was woken; called from any context.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_task_ready_begin(_executor_id: u32, task_id: u32) {
    if let Some(tracer) = crate::global::global().filter(|tracer| records(tracer))
        && let Some(task) = TASKS.find(task_id)
    {
        task.ready_since(tracer.clock.now() as u32);
    }
}

/// The executor has polled all that waited.
#[unsafe(no_mangle)]
extern "Rust" fn _embassy_trace_executor_idle(executor_id: u32) {
    let Some(tracer) = crate::global::global().filter(|tracer| records(tracer)) else { return };
    let here = Here::of(tracer.context);
    let Some((number, executor)) = executor(tracer, here, executor_id) else { return };
    if executor.is_idle() {
        return;
    }
    let Started { handle, previous } = start(tracer, here, IDLE, 0);
    // Nobody works in it: what comes meanwhile, an interrupt, is not its child.
    tracer.arena.enter(here, previous);
    if handle != 0 {
        tag::<AnyThread>(tracer, handle, "executor", Value::from(number));
        end(tracer, executor.idle(handle));
    }
}

#[cfg(test)]
mod tests {
    use super::{between, microseconds};

    #[test]
    fn a_wait_is_never_less_than_nothing() {
        assert_eq!((between(u32::MAX, 4), between(4, 4), between(1, 0)), (5, 0, 0));
    }

    #[test]
    fn ticks_become_microseconds_at_every_rate() {
        assert_eq!(microseconds(25_000, 25_000_000), 1_000);
        assert_eq!(microseconds(32_768, 32_768), 1_000_000);
        assert_eq!(microseconds(48_000, 12_500_000), 3_840);
        assert_eq!(microseconds(u32::MAX, 1), u32::MAX);
        assert_eq!(microseconds(7, 0), 0);
    }
}
