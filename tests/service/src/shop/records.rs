//! Records of guests, in a part that is instrumented with microspan and does not know by what its callers are.

/// The guest of an order.
#[microspan::wrap(name = "read_record", tags(order))]
pub fn read(order: u32) -> &'static str {
    if order % 2 == 1 { "Ada" } else { "Grace" }
}
