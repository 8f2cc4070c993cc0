use microspan::wrap;

struct Silent;

#[wrap(err)]
fn make() -> Result<(), Silent> {
    Err(Silent)
}

fn main() {}
