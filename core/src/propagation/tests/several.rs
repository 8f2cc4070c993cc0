use super::*;

const SAME: &str = "00-0000000000000000000000000000000a-00000000000000cc-01";
const OTHER: &str = "00-000000000000000000000000000000ff-00000000000000cc-01";

fn headers(parent: &'static str, state: &'static str) -> [(&'static str, &'static str); 6] {
    [
        ("x-datadog-trace-id", "10"),
        ("x-datadog-parent-id", "11"),
        ("x-datadog-sampling-priority", "2"),
        ("traceparent", parent),
        ("tracestate", state),
        ("baggage", "a=1"),
    ]
}

#[test]
fn a_traceparent_of_the_same_trace_gives_its_span_and_its_state() {
    for (state, last) in [("dd=p:00000000000000dd,foo=1", 0xdd), ("foo=1", 11)] {
        let headers = headers(SAME, state);
        let extracted = Propagator::new().extract(headers.as_slice());
        let context = extracted.context.unwrap();
        assert_eq!((context.trace_id, context.span_id, context.sampling_priority), (10, 0xcc, Some(2)));
        assert_eq!(extracted.last_datadog_span, Some(last));
        assert!(extracted.links.is_empty());
        let (out, _) = inject(&Propagator::new(), &context, &extracted.passing);
        assert_eq!(header(&out, "tracestate"), Some("dd=p:00000000000000cc;s:2,foo=1"));
        assert_eq!(header(&out, "baggage"), Some("a=1"));
    }
}

#[test]
fn a_caller_that_records_no_span_names_its_trace_and_is_no_link() {
    for parent in [Some(("x-datadog-parent-id", "0")), None] {
        let ids = [("x-datadog-trace-id", "10"), ("x-datadog-origin", "synthetics")];
        let headers: Vec<_> = ids.into_iter().chain(parent).collect();
        let context = Propagator::new().extract(headers.as_slice()).context.unwrap();
        assert_eq!((context.trace_id, context.span_id), (10, 0));
        let restarting = Propagator::new().behavior(Behavior::Restart);
        assert!(restarting.extract(headers.as_slice()).links.is_empty());
    }
    let multi = [("x-b3-traceid", "a"), ("x-b3-sampled", "1")];
    let context = only(&[Style::B3Multi]).extract(multi.as_slice()).context.unwrap();
    assert_eq!((context.trace_id, context.span_id, context.sampling_priority), (10, 0, Some(1)));
}

#[test]
fn a_traceparent_of_the_same_trace_gives_its_span_to_a_caller_that_named_none() {
    let headers = [("x-datadog-trace-id", "10"), ("x-datadog-parent-id", "0"), ("traceparent", SAME)];
    let extracted = Propagator::new().extract(headers.as_slice());
    assert_eq!((extracted.context.unwrap().span_id, extracted.last_datadog_span), (0xcc, Some(0)));
}

#[test]
fn what_came_in_the_compact_form_goes_on_in_headers_with_what_decided_on_it() {
    for (decided_by, tags) in [
        (Some(4), Some("_dd.p.dm=-4,_dd.p.tid=1111222233334444")),
        (None, Some("_dd.p.tid=1111222233334444")),
    ] {
        let extracted = Extracted::of_compact(&encode(&CONTEXT, decided_by)).unwrap();
        assert_eq!((extracted.context, extracted.sampling_priority), (Some(CONTEXT), Some(1)));
        let (out, _) = inject(&only(DATADOG), &CONTEXT, &extracted.passing);
        assert_eq!(header(&out, "x-datadog-tags"), tags);
    }
    assert!(Extracted::of_compact(&encode(&SpanContext { span_id: 0, ..CONTEXT }, None)).is_none());
    assert!(Extracted::of_compact(b"noise").is_none());
}

#[test]
fn a_traceparent_of_another_trace_becomes_a_link() {
    let headers = headers(OTHER, "foo=1");
    let extracted = Propagator::new().extract(headers.as_slice());
    assert_eq!(extracted.context.unwrap().span_id, 11);
    let link = extracted.links[0];
    assert_eq!((link.context.trace_id, link.context.span_id), (0xff, 0xcc));
    assert_eq!((link.reason, link.context_headers), ("terminated_context", "tracecontext"));
    let (out, _) = inject(&Propagator::new(), &extracted.context.unwrap(), &extracted.passing);
    assert_eq!(header(&out, "tracestate"), Some("dd=p:000000000000000b;s:2"));
}

#[test]
fn the_order_of_the_styles_says_which_holds() {
    let headers = headers(OTHER, "");
    let first =
        Propagator::new().extract_styles(&[Style::TraceContext, Style::Datadog]).extract(headers.as_slice());
    assert_eq!(first.context.unwrap().trace_id, 0xff);
    assert_eq!(first.links[0].context_headers, "datadog");
    assert!(first.passing.baggage().is_empty());
}

#[test]
fn extract_first_looks_at_the_first_style_alone_and_at_baggage() {
    let with_datadog = headers(OTHER, "");
    let propagator = Propagator::new().extract_first();
    let extracted = propagator.extract(with_datadog.as_slice());
    assert_eq!((extracted.context.unwrap().trace_id, extracted.links.len()), (10, 0));
    let without = [("traceparent", OTHER), ("baggage", "a=1")];
    let extracted = propagator.extract(without.as_slice());
    assert!(extracted.context.is_none() && !extracted.passing.baggage().is_empty());
}

#[test]
fn restart_links_to_what_came_and_keeps_baggage_and_ignore_keeps_nothing() {
    let headers = headers(SAME, "");
    let restarted = Propagator::new().behavior(Behavior::Restart).extract(headers.as_slice());
    assert!(restarted.context.is_none() && restarted.sampling_priority.is_none());
    assert_eq!(restarted.links[0].reason, "propagation_behavior_extract");
    assert_eq!((restarted.links[0].context.span_id, restarted.links[0].context_headers), (11, "datadog"));
    assert!(!restarted.passing.baggage().is_empty());
    let ignored = Propagator::new().behavior(Behavior::Ignore).extract(headers.as_slice());
    assert!(ignored.context.is_none() && ignored.links.is_empty() && ignored.passing.baggage().is_empty());
}

#[test]
fn no_style_and_no_headers_are_nothing() {
    let extracted = Propagator::new().styles(&[]).extract(headers(SAME, "").as_slice()).context;
    assert_eq!(extracted, None);
    let nothing: [(&str, &str); 0] = [];
    assert!(Propagator::new().extract(nothing.as_slice()).context.is_none());
    let no_ids = SpanContext { span_id: 0, ..CONTEXT };
    let passing = Passing::default().baggage_items(&[("a", "1")]);
    assert_eq!(inject(&Propagator::new(), &no_ids, &passing).0, [("baggage", "a=1".to_string())]);
}

const ALL: &[Style] = &[Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];

#[test]
fn a_priority_is_told_in_each_style_as_far_as_it_can_say_it() {
    for (priority, flags, one, several) in [
        (-1, "00", "0", ("x-b3-sampled", "0")),
        (0, "00", "0", ("x-b3-sampled", "0")),
        (1, "01", "1", ("x-b3-sampled", "1")),
        (2, "01", "d", ("x-b3-flags", "1")),
        (5, "01", "d", ("x-b3-flags", "1")),
    ] {
        let context = SpanContext { trace_id: 10, span_id: 11, sampling_priority: Some(priority) };
        let (out, _) = inject(&Propagator::new().styles(ALL), &context, &Passing::default());
        let number = priority.to_string();
        assert_eq!(header(&out, "x-datadog-sampling-priority"), Some(number.as_str()));
        assert_eq!(header(&out, "traceparent").map(|parent| &parent[53..]), Some(flags));
        assert!(header(&out, "tracestate").unwrap().contains(&format!(";s:{priority}")), "{out:?}");
        assert_eq!(header(&out, "b3"), Some(format!("000000000000000a-000000000000000b-{one}").as_str()));
        assert_eq!(header(&out, several.0), Some(several.1));
    }
}

#[test]
fn each_style_that_names_another_trace_is_a_link_and_one_of_the_same_trace_is_none() {
    let headers = [
        ("x-datadog-trace-id", "10"),
        ("x-datadog-parent-id", "11"),
        ("traceparent", OTHER),
        ("x-b3-traceid", "a"),
        ("x-b3-spanid", "dd"),
        ("b3", "00000000000000ee-00000000000000ef-0"),
    ];
    let extracted = Propagator::new().styles(ALL).extract(headers.as_slice());
    assert_eq!(extracted.context.unwrap().span_id, 11, "B3 of the same trace says nothing new");
    let links: Vec<_> =
        extracted.links.iter().map(|link| (link.context_headers, link.context.trace_id)).collect();
    assert_eq!(links, [("tracecontext", 0xff), ("b3", 0xee)]);
    assert_eq!(extracted.links[1].context.sampling_priority, Some(0));
}

#[test]
fn what_a_user_decides_here_takes_the_place_of_what_came_and_the_rate_stays_until_there_is_a_new_one() {
    let mut headers: Vec<_> = headers(SAME, "dd=s:2;t.dm:-3;t.ksr:0.5").to_vec();
    headers.push(("x-datadog-tags", "_dd.p.dm=-3,_dd.p.ksr=0.5,_dd.p.usr.id=ada"));
    let came = Propagator::new().extract(headers.as_slice());
    let sent = |passing: &Passing<'_>, priority| {
        let context = SpanContext { sampling_priority: Some(priority), ..came.context.unwrap() };
        let (out, result) = inject(&Propagator::new(), &context, passing);
        result.unwrap();
        ["x-datadog-tags", "tracestate"].map(|name| header(&out, name).unwrap_or_default().to_string())
    };
    assert_eq!(
        sent(&came.passing.overruled_by(4), 2),
        [
            "_dd.p.dm=-4,_dd.p.ksr=0.5,_dd.p.usr.id=ada",
            "dd=p:00000000000000cc;s:2;t.dm:-4;t.usr.id:ada;t.ksr:0.5"
        ]
    );
    assert_eq!(
        sent(&came.passing.overruled_by(4), -1),
        [
            "_dd.p.dm=-4,_dd.p.ksr=0.5,_dd.p.usr.id=ada",
            "dd=p:00000000000000cc;s:-1;t.dm:-4;t.usr.id:ada;t.ksr:0.5"
        ]
    );
    assert_eq!(
        sent(&came.passing.overruled_by(3).sampled_at("1"), 2),
        [
            "_dd.p.dm=-3,_dd.p.usr.id=ada,_dd.p.ksr=1",
            "dd=p:00000000000000cc;s:2;t.dm:-3;t.usr.id:ada;t.ksr:1"
        ]
    );
    assert_eq!(
        sent(&Passing::default().decided_by(1).sampled_at("0.25"), 1),
        ["_dd.p.dm=-1,_dd.p.ksr=0.25", "dd=p:00000000000000cc;s:1;t.dm:-1;t.ksr:0.25"]
    );
}
