fn main() {
    let name = String::from("order");
    let _span = microspan::span!(&name);
}
