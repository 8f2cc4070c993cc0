//! Whose context is current, and what starts in it.

use std::fmt::Write as _;
use std::pin::pin;
use std::task::{Context as Polled, Waker};

use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, Span as _, TraceContextExt, Tracer};

use super::support::Span;
use super::{Program, id, program};

impl Program {
    /// The traces that came so far, by what is done in their roots.
    fn tree(&self, root: &str) -> String {
        self.provider.force_flush().expect("an agent that takes everything");
        let mut spans = self.agent.spans();
        spans.sort_by_key(|span| span.start);
        let mut shown = String::new();
        let known = |id: u64| spans.iter().any(|span| span.id == id);
        for root in spans.iter().filter(|span| span.resource == root && !known(span.parent)) {
            show(&spans, root, 0, &mut shown);
        }
        shown
    }
}

fn show(spans: &[Span], span: &Span, depth: usize, shown: &mut String) {
    writeln!(shown, "{:depth$}{}", "", span.resource).expect("room");
    for child in spans.iter().filter(|child| child.parent == span.id && child.trace == span.trace) {
        show(spans, child, depth + 1, shown);
    }
}

fn current() -> Option<u64> {
    microspan::current_span()?.context().map(|ids| ids.span_id)
}

#[test]
fn spans_of_both_nest_in_each_other() {
    let program = program();
    let tracer = program.tracer();
    let request = microspan::trace("nest.request");
    tracer.in_span("nest.bake", |context| {
        assert_eq!(current(), id(context.span().span_context()));
        let oven = microspan::trace("nest.oven");
        let mut bread = tracer.start("nest.bread");
        assert_eq!(current(), oven.context().map(|ids| ids.span_id), "what is started is not current");
        bread.end();
        tracer.in_span("nest.crust", |_| drop(microspan::trace("nest.flour")));
        assert_eq!(current(), oven.context().map(|ids| ids.span_id));
    });
    assert_eq!(current(), request.context().map(|ids| ids.span_id));
    drop(request);
    let expected = "nest.request\n nest.bake\n  nest.oven\n   nest.bread\n   nest.crust\n    nest.flour\n";
    assert_eq!(program.tree("nest.request"), expected);
}

#[test]
fn contexts_say_whose_child_a_span_is() {
    let program = program();
    let tracer = program.tracer();
    let root = Context::new().with_span(tracer.start("whose.root"));
    drop(tracer.start_with_context("whose.child", &root));
    let attached = root.clone().attach();
    drop(tracer.start_with_context("whose.other", &Context::new()));
    let side = root.with_span(tracer.start("whose.side"));
    drop(tracer.start_with_context("whose.of_side", &side));
    // The attached one goes on to be current.
    assert_eq!(current(), id(root.span().span_context()));
    side.span().end();
    drop(tracer.start_with_context("whose.late", &side));
    drop(attached);
    assert_eq!(current(), None);
    root.span().end();
    let expected = "whose.root\n whose.child\n whose.side\n  whose.of_side\n  whose.late\n";
    assert_eq!(program.tree("whose.root"), expected);
    assert_eq!(program.tree("whose.other"), "whose.other\n");
}

#[test]
fn what_is_attached_is_current_in_whatever_order_it_is_left() {
    let program = program();
    let tracer = program.tracer();
    let around = microspan::trace("order.around");
    let outside = current();
    let [first, second] =
        ["order.first", "order.second"].map(|name| Context::current_with_span(tracer.start(name)));
    let ids = [&first, &second].map(|context| id(context.span().span_context()));
    let one = first.clone().attach();
    let two = second.clone().attach();
    let again = Context::current_with_value(7_u8).attach();
    assert_eq!(current(), ids[1]);
    {
        let _none = Context::new().attach();
        assert_eq!(current(), None);
        drop(microspan::trace("order.alone"));
    }
    assert_eq!(current(), ids[1]);
    drop(one);
    drop(again);
    assert_eq!(current(), ids[1]);
    drop(two);
    assert_eq!(current(), outside);
    // One that has ended hands on to what is around it.
    let guard = second.clone().attach();
    second.span().end();
    assert_eq!(current(), outside);
    drop(guard);
    assert_eq!(current(), outside);
    drop((first, second, around));
    assert_eq!(program.tree("order.around"), "order.around\n order.first\n order.second\n");
    assert_eq!(program.tree("order.alone"), "order.alone\n");
}

#[test]
fn contexts_without_a_span_that_are_left_in_any_order_change_nothing_around_them() {
    let program = program();
    let tracer = program.tracer();
    for is_around in [false, true] {
        let around = is_around.then(|| microspan::trace("any.around"));
        let outside = current();
        for round in 0..200_u32 {
            let guards = [0, 1].map(|value| Context::current_with_value(round + value).attach());
            let inner = microspan::trace("any.inner");
            guards.into_iter().for_each(drop);
            assert_eq!(current(), outside, "a span that began inside is none outside");
            drop(inner);
            let first = Context::current_with_span(tracer.start("any.first"));
            let below = first.clone().attach();
            let value = Context::current_with_value(round).attach();
            let last = Context::current_with_span(tracer.start("any.last"));
            let guard = last.clone().attach();
            drop((below, value));
            assert_eq!(current(), id(last.span().span_context()));
            drop(guard);
            assert_eq!(current(), outside);
        }
        drop(around);
    }
    assert_eq!(current(), None);
}

#[test]
fn a_future_with_a_context_has_its_span_while_it_is_polled() {
    let program = program();
    let context = Context::new().with_span(program.tracer().start("future.span"));
    let expected = id(context.span().span_context());
    let mut future = pin!(
        async {
            assert_eq!(current(), expected);
            let mut first = true;
            std::future::poll_fn(|_| match std::mem::replace(&mut first, false) {
                true => std::task::Poll::Pending,
                false => std::task::Poll::Ready(()),
            })
            .await;
            assert_eq!(current(), expected);
        }
        .with_context(context)
    );
    let mut polled = Polled::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut polled).is_pending());
    assert_eq!(current(), None);
    assert!(future.as_mut().poll(&mut polled).is_ready());
}

#[test]
fn contexts_that_are_in_each_other_again_and_again_are_left_one_by_one() {
    let program = program();
    let tracer = program.tracer();
    let around = microspan::trace("again.around");
    let outside = current();
    let contexts = ["again.first", "again.second"].map(|name| Context::current_with_span(tracer.start(name)));
    for depth in [64, 66, 80, 5_000] {
        let mut guards = Vec::new();
        for context in contexts.iter().cycle().take(depth) {
            guards.push((current(), context.clone().attach()));
            assert_eq!(current(), id(context.span().span_context()));
        }
        while let Some((before, guard)) = guards.pop() {
            drop(guard);
            assert_eq!(current(), before, "{} of {depth} are left", guards.len());
        }
        assert_eq!(current(), outside);
    }
    drop(around);
}
