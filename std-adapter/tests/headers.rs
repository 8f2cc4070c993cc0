//! What the environment says of headers holds for a program that traces itself: each case is a process of its own.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use microspan_std::carrier::{Map, SetMap, propagator, show_baggage};

/// Which case the process is for.
const CASE: &str = "MICROSPAN_TEST_HEADERS";

/// Runs the test of this name, which is `this`, in a process with these variables and the headers that come in.
fn run(this: &str, variables: &[(&str, &str)], came: &[(&str, &str)]) -> BTreeMap<String, String> {
    let came: Vec<String> = came.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([this, "--exact", "--nocapture"])
        .env_clear()
        .env("DD_TRACE_AGENT_URL", "http://127.0.0.1:9")
        .envs(variables.iter().copied())
        .env(CASE, came.join("\n"))
        .output()
        .expect("it runs");
    let shown = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    let lines = shown.lines().filter_map(|line| line.strip_prefix("> ")?.split_once(": "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The headers that came, in the process of a case.
fn came() -> Option<HashMap<String, String>> {
    let came = std::env::var(CASE).ok()?;
    println!(); // ends what the harness has begun
    let lines = came.lines().filter_map(|line| line.split_once(": "));
    Some(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

const ALL: &[(&str, &str)] = &[
    ("x-datadog-trace-id", "10"),
    ("x-datadog-parent-id", "11"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.usr.id=ada"),
    ("traceparent", "00-000000000000000000000000000000ff-00000000000000cc-01"),
    ("tracestate", "foo=1"),
    ("b3", "0000000000000abc-0000000000000def-1"),
    ("baggage", "user.id=ada,plan=gold"),
];

/// A program that is called with these headers, and calls in turn: what it sends, and what it is like itself.
#[test]
fn what_is_read_and_written_is_what_the_environment_says() {
    if let Some(came) = came() {
        let _local = microspan_std::init().expect("a tracer");
        let headers = Map(&came);
        let extracted = propagator().extract(&headers);
        let root = microspan::span("request").root().start();
        extracted.continue_in(&root);
        let baggage = extracted.passing.baggage();
        show_baggage(&root, baggage.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        for key in ["baggage.user.id", "baggage.plan", "_dd.propagation_error"] {
            root.with_tag(key, |value| println!("> tag {key}: {value:?}"));
        }
        println!("> links: {}", extracted.links.len());
        println!("> trace: {:x}", extracted.context.map_or(0, |caller| caller.trace_id));
        let mut sent = HashMap::new();
        let context = root.context().expect("a session");
        let sending = propagator().inject(&context, &extracted.passing, &mut SetMap(&mut sent));
        println!("> error: {:?}", sending.err());
        sent.iter().for_each(|(name, value)| println!("> {name}: {value}"));
        return;
    }

    let seen = |variables: &[(&str, &str)]| {
        run("what_is_read_and_written_is_what_the_environment_says", variables, ALL)
    };
    let names = |seen: &BTreeMap<String, String>| -> String {
        let is_header = |name: &&String| !["links", "trace", "error"].contains(&name.as_str());
        seen.keys()
            .filter(is_header)
            .filter(|name| !name.starts_with("tag "))
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let datadogs = "x-datadog-parent-id x-datadog-sampling-priority x-datadog-tags x-datadog-trace-id";

    let plain = seen(&[]);
    assert_eq!(names(&plain), format!("baggage traceparent tracestate {datadogs}"));
    assert_eq!((&*plain["trace"], &*plain["links"]), ("a", "1"));
    assert_eq!(plain["tag baggage.user.id"], "Str(\"ada\")");
    assert!(!plain.contains_key("tag baggage.plan"));

    let both = seen(&[("DD_TRACE_PROPAGATION_STYLE", "b3,tracecontext")]);
    assert_eq!((&*both["trace"], &*names(&both)), ("abc", "b3 traceparent tracestate"));
    let each = seen(&[
        ("DD_TRACE_PROPAGATION_STYLE", "datadog"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "tracecontext"),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "b3multi"),
    ]);
    assert_eq!((&*each["trace"], &*names(&each)), ("ff", "x-b3-sampled x-b3-spanid x-b3-traceid"));
    let otel = seen(&[("OTEL_PROPAGATORS", "b3,baggage")]);
    assert_eq!((&*otel["trace"], &*names(&otel)), ("abc", "b3 baggage"));

    let first =
        [("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "true"), ("DD_TRACE_PROPAGATION_STYLE", "b3,datadog")];
    assert_eq!((&*seen(&first)["trace"], &*seen(&first)["links"]), ("abc", "0"));
    assert_eq!(seen(&first[1..])["links"], "1");

    let restart = seen(&[("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "restart")]);
    assert_eq!((&*restart["trace"], &*restart["links"]), ("0", "1"));
    assert_eq!(restart["baggage"], "user.id=ada,plan=gold");
    let ignore = seen(&[("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "ignore")]);
    assert_eq!((&*ignore["trace"], &*ignore["links"]), ("0", "0"));
    assert!(!ignore.contains_key("baggage"));

    let short = seen(&[("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "27")]);
    assert_eq!(short["tag _dd.propagation_error"], "Str(\"extract_max_size\")");
    assert!(!short.contains_key("x-datadog-tags"));
    let none = seen(&[("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "0")]);
    assert_eq!(
        (&*none["tag _dd.propagation_error"], &*none["error"]),
        ("Str(\"disabled\")", "Some(Disabled)")
    );

    assert_eq!(seen(&[("DD_TRACE_BAGGAGE_MAX_ITEMS", "1")])["baggage"], "user.id=ada");
    assert_eq!(seen(&[("DD_TRACE_BAGGAGE_MAX_BYTES", "12")])["baggage"], "user.id=ada");
    let shown = seen(&[("DD_TRACE_BAGGAGE_TAG_KEYS", "plan")]);
    assert_eq!(shown["tag baggage.plan"], "Str(\"gold\")");
    assert!(!shown.contains_key("tag baggage.user.id"));
    let shown = seen(&[("DD_TRACE_BAGGAGE_TAG_KEYS", "*")]);
    assert!(shown.contains_key("tag baggage.plan") && shown.contains_key("tag baggage.user.id"));

    let disabled = run(
        "what_is_read_and_written_without_a_tracer_is_what_the_environment_says",
        &[("DD_TRACE_PROPAGATION_STYLE", "b3")],
        ALL,
    );
    assert_eq!(disabled["trace"], "abc");
}

/// Programs that never call `init`, such as those that keep OpenTelemetry's tracer.
#[test]
fn what_is_read_and_written_without_a_tracer_is_what_the_environment_says() {
    if let Some(came) = came() {
        let caller = propagator().extract(&Map(&came)).context.expect("a caller");
        println!("> trace: {:x}", caller.trace_id);
    }
}

#[test]
fn what_the_program_says_wins_over_the_environment() {
    let this = "what_the_program_says_wins_over_the_environment";
    if let Some(came) = came() {
        let read = |when| {
            let caller = propagator().extract(&Map(&came)).context.expect("a caller");
            println!("> {when}: {:x}", caller.trace_id);
        };
        read("before");
        let enabled = std::env::var("ENABLED").expect("what the case says");
        let said = [("DD_TRACE_PROPAGATION_STYLE", "b3"), ("DD_TRACE_ENABLED", &enabled)];
        let config = microspan_std::config::Config::from_vars(said);
        let _local = microspan_std::local::Builder::new().config(config).init().expect("a tracer");
        read("after");
        return;
    }
    for enabled in ["true", "false"] {
        let seen = run(this, &[("DD_TRACE_PROPAGATION_STYLE", "tracecontext"), ("ENABLED", enabled)], ALL);
        assert_eq!((&*seen["before"], &*seen["after"]), ("ff", "abc"));
    }
}

/// By the layers of tower, which ask for nothing else.
#[cfg(feature = "tower")]
mod layers {
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use http::{HeaderMap, Request, Response};
    use microspan_std::tower::{ClientLayer, ServerLayer};
    use tower_layer::Layer;
    use tower_service::Service;

    /// Somebody else's service, which shows the headers it gets.
    #[derive(Clone)]
    struct Oven;

    impl Service<Request<()>> for Oven {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            show(request.headers());
            ready(Ok(Response::new(String::new())))
        }
    }

    fn show(headers: &HeaderMap) {
        for (name, value) in headers {
            println!("> {name}: {}", value.to_str().expect("text"));
        }
    }

    #[test]
    fn a_request_that_is_sent_for_one_that_is_served_carries_what_the_environment_says() {
        if let Some(came) = super::came() {
            // Layers that are made before the tracer go by it, too.
            let mut service = ServerLayer::new().layer(ClientLayer::new().layer(Oven));
            let _local = microspan_std::init().expect("a tracer");
            let mut request = Request::new(());
            for (name, value) in came {
                let name = http::HeaderName::try_from(name).expect("a name");
                request.headers_mut().insert(name, value.parse().expect("a value"));
            }
            let answer = pin!(service.call(request));
            assert!(answer.poll(&mut Context::from_waker(Waker::noop())).is_ready());
            return;
        }

        let this = "layers::a_request_that_is_sent_for_one_that_is_served_carries_what_the_environment_says";
        let items = [("ot-baggage-plan", "gold"), ("baggage", "user.id=ada")];
        let came: Vec<_> = super::ALL[..4].iter().chain(&items).copied().collect();
        let sent = super::run(this, &[("DD_TRACE_PROPAGATION_STYLE_INJECT", "tracecontext")], &came);
        assert!(
            sent.contains_key("traceparent") && sent["x-datadog-parent-id"] == "11",
            "as it came: {sent:?}"
        );
        let sent = super::run(this, &[], &came);
        assert_ne!(sent["x-datadog-parent-id"], "11");
        assert_eq!((&*sent["baggage"], &*sent["ot-baggage-plan"]), ("user.id=ada", "gold"));
        assert!(!sent.contains_key("ot-baggage-user.id"));
        let sent = super::run(this, &[("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3")], super::ALL);
        assert_eq!(sent["x-datadog-trace-id"], 0xabc.to_string());
        let sent = super::run(this, &[("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3")], &[("b3", "0")]);
        assert_eq!(sent["x-datadog-sampling-priority"], "0");
        let both = [("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")];
        let sent = super::run(this, &both, &came);
        assert_eq!((&*sent["baggage"], &*sent["ot-baggage-user.id"]), ("plan=gold,user.id=ada", "ada"));
    }
}

/// By facades, in requests that layers of tower serve.
#[cfg(all(feature = "opentelemetry", feature = "opentracing", feature = "tower"))]
mod served {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::task::{Context, Poll};

    use http::{Request, Response};
    use microspan_std::opentracing::{Config, Format, Tracer};
    use microspan_std::otel::{DatadogPropagator, MicrospanTracerProvider};
    use microspan_std::tower::ServerLayer;
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider};
    use tower_layer::Layer;
    use tower_service::Service;

    /// A service that calls others by facades, and shows the headers that it sends.
    struct Shop;

    impl Service<Request<()>> for Shop {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            let mut sent = HashMap::<String, String>::new();
            let tracer = Tracer::new("shop", Config::new()).expect("the tracer that there is");
            let call = tracer.start_span("call");
            tracer.inject(&call.context(), Format::HttpHeaders, &mut sent).expect("a map");
            sent.drain().for_each(|(name, value)| println!("> opentracing {name}: {value}"));

            let span = MicrospanTracerProvider::new().tracer("shop").start("call");
            let context = opentelemetry::Context::current_with_span(span);
            context.span().set_attribute(opentelemetry::KeyValue::new("manual.drop", by_hand()));
            DatadogPropagator::new().inject_context(&context, &mut sent);
            sent.drain().for_each(|(name, value)| println!("> otel {name}: {value}"));
            ready(Ok(Response::new(String::new())))
        }
    }

    /// Whether the program drops the trace.
    fn by_hand() -> bool {
        std::env::var("DROPS").is_ok()
    }

    #[test]
    fn what_came_with_a_request_goes_on_by_facades() {
        if let Some(came) = super::came() {
            let _local = microspan_std::init().expect("a tracer");
            let mut request = Request::new(());
            for (name, value) in came {
                let name = http::HeaderName::try_from(name).expect("a name");
                request.headers_mut().insert(name, value.parse().expect("a value"));
            }
            drop(ServerLayer::new().layer(Shop).call(request));
            return;
        }

        let this = "served::what_came_with_a_request_goes_on_by_facades";
        let came = [
            ("x-datadog-trace-id", "10"),
            ("x-datadog-parent-id", "11"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "rum"),
            ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.usr.id=ada"),
            ("traceparent", "00-0000000000000000000000000000000a-000000000000000b-01"),
            ("tracestate", "foo=1"),
            ("baggage", "user.id=ada"),
            ("ot-baggage-plan", "gold"),
        ];
        let both = [("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")];
        let sent = super::run(this, &both, &came);
        for facade in ["opentracing", "otel"] {
            let sent = |name: &str| sent.get(&format!("{facade} {name}")).map(String::as_str);
            assert_eq!((sent("x-datadog-trace-id"), sent("x-datadog-origin")), (Some("10"), Some("rum")));
            assert_ne!(sent("x-datadog-parent-id"), Some("11"));
            assert_eq!(sent("x-datadog-sampling-priority"), Some("2"));
            let tags = sent("x-datadog-tags").expect("tags");
            assert!(tags.contains("_dd.p.dm=-4") && tags.contains("_dd.p.usr.id=ada"), "{facade}: {tags}");
            assert!(sent("tracestate").expect("a state").ends_with(",foo=1"), "{facade}");
            assert_eq!(sent("baggage"), Some("plan=gold,user.id=ada"), "{facade}");
            assert_eq!(
                (sent("ot-baggage-plan"), sent("ot-baggage-user.id")),
                (Some("gold"), Some("ada")),
                "{facade}"
            );
        }

        // A trace that begins in the request is decided on when the first call is made for it.
        let rules = [("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":1.0}]"#)];
        let sent = super::run(this, &rules, &[]);
        for facade in ["opentracing", "otel"] {
            assert!(sent[&format!("{facade} x-datadog-tags")].contains("_dd.p.dm=-3"), "{sent:?}");
        }
        let sent = super::run(this, &[rules[0], ("DROPS", "")], &[]);
        assert_eq!(sent["otel x-datadog-sampling-priority"], "-1", "{sent:?}");
    }
}

/// By the propagator of OpenTelemetry's programs.
#[cfg(feature = "opentelemetry")]
mod otel {
    use std::collections::HashMap;

    use microspan_std::otel::DatadogPropagator;
    use opentelemetry::propagation::TextMapPropagator;

    #[test]
    fn what_goes_on_in_a_context_is_what_the_environment_says() {
        let this = "otel::what_goes_on_in_a_context_is_what_the_environment_says";
        if let Some(came) = super::came() {
            let propagator = DatadogPropagator::new();
            let mut sent = HashMap::new();
            propagator.inject_context(&propagator.extract(&came), &mut sent);
            sent.iter().for_each(|(name, value)| println!("> {name}: {value}"));
            println!("> fields: {}", propagator.fields().collect::<Vec<_>>().join(" "));
            return;
        }
        let came: Vec<_> = super::ALL.iter().chain(&[("ot-baggage-bread", "rye")]).copied().collect();
        let sent = super::run(this, &[("DD_TRACE_PROPAGATION_STYLE", "b3,baggage")], &came);
        assert_eq!(sent["fields"], "b3 baggage");
        assert_eq!(sent["b3"], "0000000000000abc-0000000000000def-1");
        assert!(!sent.contains_key("ot-baggage-bread") && !sent["baggage"].contains("rye"));
        let sent = super::run(this, &[("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")], &came);
        assert_eq!((&*sent["ot-baggage-bread"], &*sent["ot-baggage-plan"]), ("rye", "gold"));
        assert!(sent["baggage"].contains("bread=rye") && sent.contains_key("x-datadog-trace-id"));
    }
}
