//! The macro follows the path that it is given.
#![deny(warnings)]

mod facade {
    pub extern crate microspan as traced;
}

use facade::traced::wrap;

#[wrap(crate = crate::facade::traced, err, tags(n))]
fn number(n: u8) -> Result<u8, std::num::TryFromIntError> {
    let _span = facade::traced::span!("inner", n = n);
    u8::try_from(u32::from(n) + 1)
}

fn main() {
    assert_eq!(number(7), Ok(8));
}
