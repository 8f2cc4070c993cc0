use microspan::wrap;

#[wrap(tags(order))]
fn no_argument(id: u32) {
    let _ = id;
}

#[wrap(tags("order"))]
fn no_value(order: u32) {
    let _ = order;
}

#[wrap(tags(order.id))]
fn dotted_without_a_value(order: u32) {
    let _ = order;
}

#[wrap(tags(3 = 4))]
fn no_key() {}

fn main() {}
