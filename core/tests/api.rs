//! Spans by their builder, their tags and their errors, as a program sees them.
#![cfg(not(any(loom, feature = "linked-tracer", feature = "off")))]

mod support;

use microspan::{Drain, RecordErr, Session, Static, Stats, Value};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use support::assert_traces;

#[test]
fn a_builder_says_all_that_a_span_begins_with() {
    tracer!(T);
    let outer = T.trace("outer");
    let tags = [("slices", 2u8.into()), ("for", "Ada".into())];
    let order = T.span("order").service("kitchen").resource("POST /").span_type("web").tags(&tags).start();
    T.trace("child").finish();
    drop(order);
    T.trace("after").finish();
    drop(outer);
    assert_traces(
        &T,
        &[
            "outer",
            "  order service.name=kitchen resource.name=POST / span.type=web slices=2 for=Ada",
            "    child",
            "  after",
        ],
    );
}

#[test]
fn a_span_may_have_another_parent_than_the_current_one_or_none() {
    tracer!(T);
    let order = T.trace("order");
    let bread = T.trace("bread");
    let butter = T.span("butter").parent(&order).start();
    T.trace("melt").finish();
    let log = T.span("log").root().start();
    T.trace("line").finish();
    drop(log);
    T.trace("spread").finish();
    drop(butter);
    T.trace("slice").finish();
    drop((bread, order));
    assert_traces(
        &T,
        &["order", "  bread", "    slice", "  butter", "    melt", "    spread", "log", "  line"],
    );
}

#[test]
fn a_parent_that_is_finished_or_of_another_tracer_makes_a_root_and_is_counted() {
    tracer!(T);
    tracer!(OTHER);
    let gone = T.trace("gone").as_ref().unwrap();
    let foreign = OTHER.trace("foreign");
    let current = T.trace("current");
    T.span("late").parent(&gone).start().finish();
    T.span("stranger").parent(&foreign).start().finish();
    assert_eq!(T.stats().stale, 2);
    OTHER.set_enabled(false);
    let dropped = OTHER.trace("not recorded");
    OTHER.set_enabled(true);
    OTHER.span("of a dropped one").parent(&dropped).start().finish();
    drop((current, foreign));
    assert_eq!(OTHER.stats(), Stats::default());
    assert_traces(&T, &["gone", "current", "late", "stranger"]);
    assert_traces(&OTHER, &["foreign", "of a dropped one"]);
}

#[test]
fn tags_are_set_in_numbers_and_read_back() {
    tracer!(T);
    let text = "a text that takes several cells: bread, butter, ham, cheese and pickles";
    let span = T.trace("all");
    span.set_tags([("a", 1), ("b", 2)]).set_metric("b", -3).set_metric("c", 0.5f32);
    span.set_tag("text", text).set_tag("empty", "").set_tag("static", Static("rye")).set_tag("no", false);
    assert_eq!(span.get_tag("a"), Some(Value::I64(1)));
    assert_eq!(span.get_tag("b"), Some(Value::I64(-3)));
    assert_eq!(span.get_tag(&String::from("c")), Some(Value::F32(0.5)), "keys are texts, not addresses");
    assert_eq!(span.get_tag("static"), Some(Value::Static("rye")));
    assert_eq!(span.get_tag("no"), Some(Value::Bool(false)));
    assert_eq!((span.get_tag("text"), span.get_tag("none")), (None, None));
    assert_eq!(span.with_tag("text", |value| value == Value::Str(text)), Some(true));
    assert_eq!(span.with_tag("empty", |value| value == Value::Str("")), Some(true));
    assert_eq!(span.with_tag("a", |value| value == Value::I64(1)), Some(true));
    T.set_enabled(false);
    assert!(!T.trace("off").set_tags([("a", 1)]).is_open());
    assert_eq!(T.trace("off").get_tag("a"), None);
}

#[test]
fn the_current_span_and_its_root_take_what_a_guard_takes() {
    tracer!(T);
    let root = T.trace("root");
    let child = T.trace("child");
    T.current_span().unwrap().set_resource("r").set_metric("n", 1u8).set_error_info("Late", "too late");
    assert_eq!(T.current_span().unwrap().get_tag("n"), Some(Value::U64(1)));
    T.current_root_span().unwrap().set_service("s").set_type("t").error(true);
    let name = *child;
    drop(child);
    name.set_resource("x").set_tags([("a", 1)]).error(false).error(true).set_error(&Jar(None));
    assert_eq!(T.stats().stale, 5);
    drop(root);
    assert_traces(
        &T,
        &[
            "root ! service.name=s span.type=t",
            "  child ! resource.name=r n=1 error.type=Late error.message=too late",
        ],
    );
}

#[derive(Debug)]
struct Jar(Option<Box<Jar>>);

impl fmt::Display for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "no pickles" } else { "the jar is empty" })
    }
}

impl Error for Jar {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|jar| jar as _)
    }
}

#[test]
fn an_error_tells_its_type_message_sources_and_place() {
    tracer!(T);
    fn assemble(error: Jar) -> Result<(), Jar> {
        let span = T.trace("assemble");
        Err(error).record_err(&span)?;
        unreachable!("it was an error")
    }
    let line = line!() - 3;
    assert!(assemble(Jar(Some(Box::new(Jar(None))))).is_err());
    let boxed: Box<dyn Error> = Box::new(Jar(None));
    T.trace("boxed").set_error(&*boxed);
    assert_eq!(Ok::<_, Jar>(7).record_err(&T.trace("good")).unwrap(), 7);
    let flag = T.trace("flag");
    flag.error(true).error(false);
    drop(flag);
    let place = |line: u32| format!("error.file={} error.line={line}", file!());
    assert_traces(
        &T,
        &[
            &format!(
                "assemble ! error.type=api::Jar error.message=no pickles {} \
                 error.stack=caused by: the jar is empty",
                place(line)
            ),
            &format!(
                "boxed ! error.type=dyn core::error::Error error.message=the jar is empty {}",
                place(line + 6)
            ),
            "good",
            "flag",
        ],
    );
}

#[test]
fn a_long_chain_of_sources_is_cut_where_a_tag_ends() {
    tracer!(T);
    let error = (0..40).fold(Jar(None), |source, _| Jar(Some(Box::new(source))));
    let span = T.trace("deep");
    span.set_error(&error);
    let stack = vec!["caused by: no pickles"; 16].join("\n");
    assert_eq!(span.with_tag("error.stack", |value| value == Value::Str(&stack[..255])), Some(true));
}

#[test]
fn an_error_of_a_dropped_span_is_kept_with_its_place_where_slots_are_reserved() {
    static ARENA: microspan::Arena<4, 32> = microspan::Arena::new();
    static CLOCK: support::Steps = support::Steps::new();
    static T: microspan::Tracer = microspan::Tracer::new(&ARENA, &CLOCK).reserve(2);
    let held = [T.trace("root"), T.trace("a"), T.trace("b")];
    let dropped = T.trace("dropped");
    assert!(!dropped.is_recording());
    dropped.set_error(&Jar(None));
    let line = line!() - 1;
    drop((held, dropped));
    let kept = format!(
        "dropped_span_error ! error.type=api::Jar error.message=the jar is empty error.file={} error.line={line}",
        file!()
    );
    assert!(support::traces(&T).contains(&kept));
}

#[derive(Debug)]
struct Unshowable;

impl fmt::Display for Unshowable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a Display")
    }
}

impl Error for Unshowable {}

#[test]
fn an_error_of_a_dropped_span_whose_display_panics_leaves_its_slot_to_others() {
    static ARENA: microspan::Arena<4, 32> = microspan::Arena::new();
    static CLOCK: support::Steps = support::Steps::new();
    static T: microspan::Tracer = microspan::Tracer::new(&ARENA, &CLOCK).reserve(2);
    let mut drain = Drain::<64, 0>::new(&T, Session::new(7)).expect("the only drain");
    for round in 0..4 {
        let held = [T.trace("root"), T.trace("a"), T.trace("b")];
        assert!(held.iter().all(|span| span.is_recording()), "{round}");
        let dropped = T.trace("dropped");
        assert!(!dropped.is_recording());
        let caught = catch_unwind(AssertUnwindSafe(|| _ = dropped.set_error(&Unshowable)));
        assert!(caught.is_err());
        drop((dropped, held));
        let mut failed = vec![];
        while drain.take(|span| failed.extend(span.error().then(|| span.name().to_owned()))) {}
        assert_eq!(failed, ["dropped_span_error"], "{round}");
    }
}

#[test]
fn a_span_may_start_and_end_when_its_hardware_noted() {
    tracer!(T);
    T.span("dma").start_time(0).start().finish_at(7);
    T.span("backwards").start_time(7).start().finish_at(3);
    let outer = T.trace("outer");
    T.trace("inner").finish_at(1 << 30);
    assert!(T.current_span().is_some(), "what was current before is so again");
    drop(outer);
    assert_traces(&T, &["dma", "outer", "  inner", "backwards"]);
}
