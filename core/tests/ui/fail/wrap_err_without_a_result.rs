use microspan::wrap;

#[wrap(err)]
fn make() -> Option<u32> {
    None
}

fn main() {}
