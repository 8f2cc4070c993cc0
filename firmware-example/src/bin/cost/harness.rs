//! Calling operations, and saying how rows are made of their functions.

use core::hint::black_box;

use microspan_firmware::board::host;

/// An operation.
pub type Operation = fn(number: u32, text: &str) -> u64;

/// How often an operation is called. A few times: every instruction of each is counted.
pub const CALLS: u32 = 16;

/// What a function costs that does nothing, the entry and the return.
#[unsafe(export_name = "cost.nothing")]
pub fn nothing(_: u32, _: &str) -> u64 {
    0
}

/// Calls an operation that the compiler cannot know, as often as all.
#[inline(never)]
pub fn call(operation: Operation) {
    let (operation, text) = black_box((operation, "sixteen bytes ok"));
    for number in 0..CALLS {
        black_box(operation(number, text));
    }
}

/// Says that a row is what a call of `function` takes beyond one of `beyond`, divided by `share`.
pub fn row(op: &str, function: &str, beyond: &str, share: u32) {
    host::print(format_args!(
        "{{\"op\":\"{op}\",\"function\":\"{function}\",\"beyond\":\"{beyond}\",\"share\":{share}}}\n"
    ));
}
