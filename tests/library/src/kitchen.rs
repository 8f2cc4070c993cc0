//! Making a sandwich: a span for each step, by each way to make one.

use core::fmt;
use microspan::{InSpan, Static, current_span, span, wrap};

/// What a customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandwich {
    /// The order that it is for.
    pub order: u32,
    /// Slices of bread.
    pub slices: u8,
}

/// What a kitchen may run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOf(pub &'static str);

impl fmt::Display for OutOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {}", self.0)
    }
}

impl core::error::Error for OutOf {}

/// Makes one sandwich of so many slices.
///
/// # Errors
///
/// The bread is out: there are ten slices.
#[wrap(name = "make_sandwich", service = "kitchen", resource = "rye", err, tags(order, bread.slices = slices))]
pub fn make_sandwich(order: u32, slices: u8) -> Result<Sandwich, OutOf> {
    let slices = cut_bread(slices)?;
    let assemble = span!("assemble", pickles = true, cheese = Static("gouda"));
    assemble.set_tag("layers", slices - 1);
    Ok(Sandwich { order, slices })
}

#[wrap]
fn cut_bread(slices: u8) -> Result<u8, OutOf> {
    if slices > 10 {
        return Err(OutOf("bread"));
    }
    Ok(slices)
}

/// Something that takes its time.
pub trait Oven {
    /// Heats what is in it.
    fn heat(&mut self) -> impl Future<Output = ()> + Send;
}

/// Makes a sandwich and heats it: the span of the oven stays open while other tasks run.
///
/// # Errors
///
/// As [`make_sandwich`].
#[wrap(name = "serve", err, tags(order))]
pub async fn serve<O: Oven>(order: u32, oven: &mut O) -> Result<Sandwich, OutOf> {
    let sandwich = make_sandwich(order, 2)?;
    oven.heat().in_span(span!("heat", celsius = 180u8)).await;
    if let Some(span) = current_span() {
        span.set_tag("hot", true);
    }
    Ok(sandwich)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    struct Microwave;

    impl Oven for Microwave {
        async fn heat(&mut self) {}
    }

    #[test]
    fn a_sandwich_is_made_where_there_is_no_tracer() {
        assert!(microspan::global().is_none());
        assert_eq!(make_sandwich(7, 2), Ok(Sandwich { order: 7, slices: 2 }));
        assert_eq!(make_sandwich(8, 11), Err(OutOf("bread")));
        assert!(current_span().is_none());
    }

    #[test]
    fn a_sandwich_is_served_where_there_is_no_tracer() {
        let mut oven = Microwave;
        let served = pin!(serve(9, &mut oven));
        let served = served.poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(served, Poll::Ready(Ok(Sandwich { order: 9, slices: 2 })));
    }
}
