//! What the macros record.
#![cfg(not(any(loom, feature = "linked-tracer", feature = "off")))]

mod support;

use microspan::{Arena, InSpan, Rule, Sampler, Span, Static, Tracer, span, wrap};
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use support::assert_traces;

/// Polls a future until it is done.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Pending once.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

#[derive(Debug)]
struct OutOfPickles;

impl Display for OutOfPickles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the jar is empty")
    }
}

#[test]
fn a_function_has_a_span_of_the_name_and_with_the_tags_that_the_attribute_says() {
    tracer!(T);
    #[wrap(tracer = T)]
    fn plain() {}
    #[wrap(tracer = T, name = "named", service = "kitchen", resource = "rye", span_type = "worker", tags(slices, order.id = slices + 1, "to go" = true))]
    fn full(slices: u8) -> u8 {
        plain();
        slices * 2
    }
    assert_eq!(full(3), 6);
    assert_traces(
        &T,
        &[
            "named service.name=kitchen resource.name=rye span.type=worker slices=3 order.id=4 to go=true",
            "  wrap::plain",
        ],
    );
}

#[test]
fn a_functions_own_service_and_resource_decide_on_its_trace() {
    static RULES: [Rule; 1] = [Rule::new(0.0).service("cellar")];
    static SAMPLER: Sampler = Sampler::new().rules(&RULES);
    static ARENA: Arena<8, 8> = Arena::new();
    static CLOCK: support::Steps = support::Steps::new();
    static T: Tracer = Tracer::new(&ARENA, &CLOCK).sampler(&SAMPLER).filter(&["health"]);
    #[wrap(tracer = T, name = "filtered", resource = "health")]
    fn filtered() {
        drop(T.trace("inner"));
    }
    #[wrap(tracer = T, name = "sampled out", service = "cellar")]
    async fn sampled_out() {
        pause().await;
        drop(T.trace("inner"));
    }
    #[wrap(tracer = T, name = "health", resource = "order", span_type = "web")]
    fn kept() {}
    filtered();
    run(sampled_out());
    kept();
    let stats = T.stats();
    assert_eq!((stats.traces_filtered, stats.traces_sampled_out), (1, 1));
    assert_traces(&T, &["health resource.name=order span.type=web"]);
}

#[test]
fn methods_and_generic_functions_and_those_that_return_an_impl_trait_are_wrapped() {
    tracer!(T);
    struct Jar(Vec<u32>);
    trait Count {
        fn count(&self) -> usize;
    }
    impl Count for Jar {
        #[wrap(tracer = T, tags(len = self.0.len()))]
        fn count(&self) -> usize {
            self.0.len()
        }
    }
    impl Jar {
        #[wrap(tracer = T, err)]
        fn first(&mut self) -> Result<&mut u32, OutOfPickles> {
            let first = self.0.first_mut().ok_or(OutOfPickles)?;
            return Ok(first);
        }
    }
    #[wrap(tracer = T, name = "each", err)]
    fn each<'a, const N: usize, I>(items: I) -> Result<impl Iterator<Item = u32> + 'a, OutOfPickles>
    where
        I: IntoIterator<Item = &'a u32>,
        I::IntoIter: 'a,
    {
        Ok(items.into_iter().map(|item| item * N as u32))
    }
    let mut jar = Jar(vec![1, 2]);
    assert_eq!(jar.count(), 2);
    *jar.first().unwrap() = 5;
    assert_eq!(each::<2, _>(&jar.0).unwrap().collect::<Vec<_>>(), [10, 4]);
    jar.0.clear();
    assert!(jar.first().is_err());
    assert_traces(
        &T,
        &[
            "wrap::count len=2",
            "wrap::first",
            "each",
            "wrap::first ! error.type=wrap::OutOfPickles error.message=the jar is empty",
        ],
    );
}

#[test]
fn an_error_is_recorded_by_its_display_or_else_by_its_debug_and_cut_where_a_tag_ends() {
    tracer!(T);
    #[derive(Debug)]
    #[expect(dead_code, reason = "Debug reads it")]
    struct NoDisplay(u8);
    #[wrap(tracer = T, name = "debug", err)]
    fn debug(fail: bool) -> Result<(), NoDisplay> {
        if fail {
            Err(NoDisplay(7))?;
        }
        Ok(())
    }
    #[wrap(tracer = T, name = "generic", err)]
    fn generic<E: Debug>(error: E) -> Result<(), E> {
        Err(error)
    }
    #[wrap(tracer = T, name = "long", err)]
    fn long() -> Result<(), String> {
        Err("x".repeat(300))
    }
    let _ = (debug(false), debug(true), generic(1), long());
    let cut = format!("long ! error.type=alloc::string::String error.message={}..", "x".repeat(255));
    let no_display = std::any::type_name::<NoDisplay>();
    assert_traces(
        &T,
        &[
            "debug",
            &format!("debug ! error.type={no_display} error.message=NoDisplay(7)"),
            "generic ! error.type=i32 error.message=1",
            &cut,
        ],
    );
}

#[test]
fn an_async_function_is_in_its_span_in_every_poll_and_only_then() {
    tracer!(T);
    #[wrap(tracer = T, name = "order", tags(id))]
    async fn order(id: u32) -> u32 {
        let held = span!(tracer: &T, "held");
        pause().await;
        T.current_span().unwrap().set_tag("by", Static("held"));
        drop(held);
        T.current_span().unwrap().set_tag("by", Static("order"));
        id
    }
    #[wrap(tracer = T, name = "fails", err)]
    async fn fails(text: &str) -> Result<impl Display, std::num::ParseIntError> {
        pause().await;
        let number: u32 = text.parse()?;
        Ok(number)
    }
    let mut one = pin!(order(1));
    let mut two = pin!(order(2));
    let mut context = Context::from_waker(Waker::noop());
    assert!(T.current_span().is_none());
    for round in 0..2 {
        assert_eq!(one.as_mut().poll(&mut context).is_ready(), round == 1);
        assert!(T.current_span().is_none(), "a span stays in its future");
        assert_eq!(two.as_mut().poll(&mut context).is_ready(), round == 1);
        assert!(T.current_span().is_none());
    }
    assert_eq!(run(fails("7")).unwrap().to_string(), "7");
    assert!(run(fails("x")).is_err());
    assert_traces(
        &T,
        &[
            "order id=1 by=order",
            "  held by=held",
            "order id=2 by=order",
            "  held by=held",
            "fails",
            "fails ! error.type=core::num::error::ParseIntError error.message=invalid digit found in string",
        ],
    );
}

#[test]
fn span_takes_keys_of_each_kind_and_computes_values_only_for_a_span_that_is_recorded() {
    tracer!(T);
    let mut computed = 0;
    let mut next = || {
        computed += 1;
        computed
    };
    {
        let span: Span =
            span!(tracer: &T, "bake", order.id = next(), type = "rye", "to go" = true, bread = Static("b"),);
        span.set_tag("more", 1.5f32);
        let _inner = span!(tracer: &T, "inner");
    }
    T.set_enabled(false);
    drop(span!(tracer: &T, "off", n = next()));
    drop(span!("no tracer", n = next()));
    assert_eq!(computed, 1);
    assert_traces(&T, &["bake order.id=1 type=rye to go=true bread=b more=1.5", "  inner"]);
}

#[test]
fn span_hands_on_the_keys_of_the_spans_own_fields_and_those_like_them_as_they_are_written() {
    tracer!(T);
    drop(
        span!(tracer: &T, "bake", service.name = Static("oven"), resource.name = Static("rye"), span.type = Static("web")),
    );
    drop(span!(tracer: &T, "serve", service = Static("oven"), resource = Static("rye")));
    assert_traces(
        &T,
        &["bake service.name=oven resource.name=rye span.type=web", "serve service=oven resource=rye"],
    );
}

#[test]
fn closures_and_futures_are_wrapped_by_hand() {
    tracer!(T);
    let cut = T.wrap("cut", || T.wrap("slice", || 2));
    assert_eq!(cut, 2);
    let future = T.wrap_future("bake", async {
        pause().await;
        drop(T.trace("open"));
        pause().await;
    });
    assert!(T.current_span().is_none());
    let around = T.trace("around");
    run(future);
    drop(around);
    run(async { drop(T.trace("in")) }.in_span(T.trace("explicit")));
    assert_traces(&T, &["cut", "  slice", "bake", "  open", "around", "explicit", "  in"]);
}
