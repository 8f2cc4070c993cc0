#![deny(unused_must_use)]

fn main() {
    microspan::span!("order");
    microspan::span!("order", id = 3);
    microspan::trace("order").detach();
}
