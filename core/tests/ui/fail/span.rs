use microspan::span;

fn main() {
    let _a = span!();
    let _b = span!("order", id: 3);
    let _c = span!("order", id);
    let _d = span!("order", 3 + 4 = 7);
    let _f = span!(tracer: TRACER);
}
