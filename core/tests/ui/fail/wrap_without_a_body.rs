use microspan::wrap;

trait Make {
    #[wrap]
    fn make(&self);
}

fn main() {}
