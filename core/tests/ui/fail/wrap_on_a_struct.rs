use microspan::wrap;

#[wrap]
struct Order;

fn main() {}
