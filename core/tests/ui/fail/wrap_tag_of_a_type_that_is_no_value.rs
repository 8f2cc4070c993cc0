use microspan::wrap;

#[wrap(tags(order))]
fn make(order: Option<u32>) {
    let _ = order;
}

fn main() {}
