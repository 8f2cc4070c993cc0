//! The application: a kitchen that makes sandwiches, traced.
//!
//! It is the example of Datadog's documentation, `make_sandwich_request` with `get_ingredients` and
//! `assemble_sandwich`, on a microcontroller. Nothing here knows which board or link there is.

use core::hint::black_box;

use heapless::{String, Vec};
use microspan::{Static, Tracer, Value};

/// Spans of an order that is made or fails: the request, the ingredients, the assembly.
pub const SPANS_PER_ORDER: u32 = 3;

/// What goes out once for all spans.
pub static TAGS: &[(&str, Value<'static>)] = &[
    ("env", Value::Static("demo")),
    ("version", Value::Static(env!("CARGO_PKG_VERSION"))),
    ("device", Value::Static("lm3s6965evb")),
];

/// What the device is called.
pub const DEVICE: &str = "kitchen-1";

/// The service that the spans belong to.
pub const SERVICE: &str = "sandwich-device";

const BREADS: [&str; 3] = ["rye", "wheat", "sourdough"];
const GUESTS: [&str; 4] = ["Ada", "Grace", "Edsger", "Barbara Liskov"];
/// Orders that a jar of pickles serves; the next one finds it empty and opens another.
const JAR: u8 = 4;

/// Somebody wants a sandwich.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// Who it is for.
    pub guest: String<24>,
    /// What bread it is made of.
    pub bread: &'static str,
    /// How many slices of it.
    pub slices: u8,
    /// Whether it is toasted.
    pub toasted: bool,
}

impl Order {
    /// The order of this number.
    pub fn new(id: u32) -> Self {
        let pick = |from: &[&'static str]| from[id as usize % from.len()];
        // The longest guest fits.
        let guest = String::try_from(pick(&GUESTS)).unwrap_or_default();
        Self { id, guest, bread: pick(&BREADS), slices: 2 + (id % 3) as u8, toasted: id.is_multiple_of(2) }
    }
}

/// What a sandwich is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingredient {
    /// What it is.
    pub name: &'static str,
    /// How much of it, in grams.
    pub grams: u16,
}

/// The jar is empty: the order fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfPickles;

/// A kitchen, its supplies, and the tracer that watches it.
pub struct Kitchen {
    tracer: &'static Tracer,
    pickles: u8,
    spans_made: u32,
}

impl Kitchen {
    /// A kitchen with a full jar of pickles.
    pub const fn new(tracer: &'static Tracer) -> Self {
        Self { tracer, pickles: JAR, spans_made: 0 }
    }

    /// How many spans were started here, by this kitchen's own count.
    pub const fn spans_made(&self) -> u32 {
        self.spans_made
    }

    /// Makes one sandwich, the root of a trace, and says how many grams it has.
    ///
    /// # Errors
    ///
    /// When the pickles are out.
    pub fn make_sandwich_request(&mut self, order: &Order) -> Result<u16, OutOfPickles> {
        self.spans_made += 1;
        let span = self.tracer.trace("make_sandwich_request");
        span.set_tag("resource.name", Static("POST /sandwich")).set_tag("span.type", Static("web"));
        span.set_tag("order.id", order.id).set_tag("for", order.guest.as_str());
        let ingredients = self.get_ingredients(order);
        self.assemble_sandwich(order, &ingredients)
    }

    fn get_ingredients(&mut self, order: &Order) -> Vec<Ingredient, 4> {
        self.spans_made += 1;
        let span = self.tracer.trace("get_ingredients");
        span.set_tag("bread", Static(order.bread)).set_tag("slices", order.slices);
        let slices = u16::from(order.slices) * 45;
        let mut ingredients = Vec::new();
        for (name, grams) in [(order.bread, slices), ("butter", 10), ("pickles", 20)] {
            work(2_000);
            // Three of at most four.
            let _ = ingredients.push(Ingredient { name, grams });
        }
        ingredients
    }

    fn assemble_sandwich(&mut self, order: &Order, ingredients: &[Ingredient]) -> Result<u16, OutOfPickles> {
        self.spans_made += 1;
        let span = self.tracer.trace("assemble_sandwich");
        span.set_tag("toasted", order.toasted);
        work(3_000 * ingredients.len() as u32);
        if self.pickles == 0 {
            self.pickles = JAR;
            span.set_error_info("OutOfPickles", "the jar is empty");
            return Err(OutOfPickles);
        }
        self.pickles -= 1;
        let grams = ingredients.iter().map(|ingredient| ingredient.grams).sum();
        span.set_tag("weight_kg", f32::from(grams) / 1000.0);
        Ok(grams)
    }
}

/// Takes time, as work does.
fn work(rounds: u32) {
    let mut crumbs = 1_u32;
    for round in 0..rounds {
        crumbs = black_box(crumbs.wrapping_mul(1_664_525).wrapping_add(round));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use microspan::{Arena, Clock, Drain, Refused, Session, Transport};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            0
        }

        fn frequency(&self) -> u32 {
            1
        }
    }

    struct Count(u32);

    impl Transport for Count {
        type Error = ();

        fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
            self.0 += packet.len() as u32;
            Ok(())
        }
    }

    #[test]
    fn every_fifth_order_finds_the_jar_empty_and_every_span_is_drained() {
        static ARENA: Arena<4, 32> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Still).service(SERVICE).tags(TAGS);
        let mut drain = Drain::<1024>::new(&TRACER, Session::new(1)).unwrap();
        let (mut kitchen, mut link) = (Kitchen::new(&TRACER), Count(0));
        for id in 0..20 {
            let made = kitchen.make_sandwich_request(&Order::new(id));
            assert_eq!(made.is_err(), id % 5 == 4, "order {id}");
            while drain.poll(&mut link) == Ok(true) {}
        }
        assert_eq!((kitchen.spans_made(), drain.spans()), (20 * SPANS_PER_ORDER, 20 * SPANS_PER_ORDER));
        assert_eq!(TRACER.stats(), microspan::Stats::default());
        assert!(link.0 > 0);
    }
}
