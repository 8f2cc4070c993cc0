use microspan::wrap;

struct Order;

#[wrap]
impl Order {
    fn make(&self) {}
}

fn main() {}
