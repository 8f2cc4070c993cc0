use super::*;

fn extract(parent: &str, state: &str) -> Option<(SpanContext, Option<u64>, Vec<String>)> {
    let headers = [("traceparent", parent), ("tracestate", state)];
    let extracted = only(TRACE_CONTEXT).extract(headers.as_slice());
    Some((extracted.context?, extracted.last_datadog_span, tags(&extracted.passing)))
}

fn priority(flags: &str, state: &str) -> Option<i8> {
    let parent = format!("00-0000000000000000000000000000000a-000000000000000b-{flags}");
    extract(&parent, state).unwrap().0.sampling_priority
}

/// What goes out of what came in, `traceparent` and `tracestate`.
fn through(parent: &str, state: &str) -> (String, String) {
    let headers = [("traceparent", parent), ("tracestate", state)];
    let extracted = only(TRACE_CONTEXT).extract(headers.as_slice());
    let (out, _) = inject(&only(TRACE_CONTEXT), &extracted.context.unwrap(), &extracted.passing);
    (header(&out, "traceparent").unwrap().into(), header(&out, "tracestate").unwrap().into())
}

#[test]
fn a_parent_that_breaks_the_form_is_none() {
    for parent in [
        "00-0000000000000000000000000000000A-000000000000000b-01",
        "00-00000000000000000000000000000000-000000000000000b-01",
        "00-0000000000000000000000000000000a-0000000000000000-01",
        "ff-0000000000000000000000000000000a-000000000000000b-01",
        "00-0000000000000000000000000000000a-000000000000000b-01-",
        "00-0000000000000000000000000000000a-000000000000000b-01-x",
        "01-0000000000000000000000000000000a-000000000000000b-01-",
        "01-0000000000000000000000000000000a-000000000000000b-01x",
        "00-0000000000000000000000000000000a-000000000000000b-1",
        "00-0000000000000000000000000000000a-000000000000000b",
        "0-0000000000000000000000000000000a-000000000000000b-01",
        "",
    ] {
        assert_eq!(extract(parent, ""), None, "{parent}");
    }
    assert!(extract("cc-0000000000000000000000000000000a-000000000000000b-01-what-will-be", "").is_some());
    assert!(extract(" 00-0000000000000000000000000000000a-000000000000000b-01 ", "").is_some());
}

#[test]
fn the_flag_says_which_side_and_our_member_how_far() {
    for (flags, state, expected) in [
        ("01", "", 1),
        ("00", "", 0),
        ("01", "dd=s:2", 2),
        ("01", "dd=s:1", 1),
        ("01", "dd=s:0", 1),
        ("01", "dd=s:-1", 1),
        ("01", "dd=o:x", 1),
        ("00", "dd=s:2", 0),
        ("00", "dd=s:0", 0),
        ("00", "dd=s:-1", -1),
        ("00", "dd=o:x", 0),
        ("03", "dd=s:2", 2),
    ] {
        assert_eq!(priority(flags, state), Some(expected), "{flags} {state}");
    }
    assert_eq!(priority("00", "dd=o:rum"), None);
    assert_eq!(priority("01", "dd=s:0;o:rum"), Some(0));
}

#[test]
fn the_flag_of_random_ids_is_kept_and_flags_without_a_meaning_are_not() {
    let out = through("00-0000000000000000000000000000000a-000000000000000b-03", "dd=s:-1");
    assert_eq!(out.0, "00-0000000000000000000000000000000a-000000000000000b-03");
    assert_eq!(through("00-0000000000000000000000000000000a-000000000000000b-02", "").0.split_at(53).1, "02");
    assert_eq!(through("00-0000000000000000000000000000000a-000000000000000b-ff", "").0.split_at(53).1, "03");
}

#[test]
fn our_member_is_read_and_written_and_stands_first() {
    let (context, last, tags) =
        extract(PARENT, "foo=1, dd=s:2;o:a~b;p:00f067aa0ba902b7;t.dm:-4;t.x:y~z:w;u:1 ,bar=2").unwrap();
    assert_eq!((context.sampling_priority, last), (Some(2), Some(0x00f0_67aa_0ba9_02b7)));
    assert_eq!(tags, ["dm=-4", "x=y=z:w"]);
    let (_, state) = through(PARENT, "foo=1,dd=s:2;o:a~b;t.x:y~z:w;t.dm:-4;t.usr.id:u, bar=2");
    assert_eq!(state, "dd=p:000000000000000b;s:2;o:a~b;t.dm:-4;t.usr.id:u;t.x:y~z:w,foo=1,bar=2");
}

#[test]
fn a_member_of_ours_that_is_malformed_is_ignored_and_the_others_travel() {
    for ours in ["dd=s:x", "dd=s", "dd=s:1;", "dd=;s:1", "dd="] {
        let state = format!("{ours},foo=1");
        let (context, last, tags) = extract(PARENT, &state).unwrap();
        assert_eq!((context.sampling_priority, last, tags.len()), (Some(1), None, 0), "{ours}");
        assert_eq!(through(PARENT, &state).1, "dd=p:000000000000000b;s:1,foo=1");
    }
}

#[test]
fn a_state_beyond_ascii_is_ignored_whole() {
    assert_eq!(through(PARENT, "dd=s:2,foo=é"), (PARENT.into(), "dd=p:000000000000000b;s:1".into()));
}

#[test]
fn values_and_keys_are_written_with_the_characters_that_may_stand_there() {
    let headers = [
        ("x-datadog-trace-id", "10"),
        ("x-datadog-parent-id", "11"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-origin", "a=b,c;d~eé"),
        ("x-datadog-tags", "_dd.p.k;=a=b;c~d"),
    ];
    let extracted = only(DATADOG).extract(headers.as_slice());
    let (out, _) = inject(&only(TRACE_CONTEXT), &extracted.context.unwrap(), &extracted.passing);
    assert_eq!(header(&out, "tracestate"), Some("dd=p:000000000000000b;s:1;o:a~b_c_d_e_;t.k;:a~b_c_d"));
}

#[test]
fn tags_beyond_256_characters_of_our_member_are_left_out_one_by_one() {
    let (long, longer) = (vec!["x"; 100].concat(), vec!["y"; 140].concat());
    let (_, state) = through(PARENT, &format!("dd=s:1;t.a:{long};t.b:{longer};t.c:1;t.dm:-4"));
    assert_eq!(state, format!("dd=p:000000000000000b;s:1;t.dm:-4;t.a:{long};t.c:1"));
}

#[test]
fn of_a_long_member_of_ours_the_first_512_bytes_have_tags_and_all_of_it_a_priority() {
    let items = |number: usize, value: &str| -> Vec<_> {
        (0..number).map(|number| format!(";t.k{number:04}:{value}")).collect()
    };
    let (context, last, tags) =
        extract(PARENT, &format!("dd=o:x{};s:2;p:c", items(6000, "1").concat())).unwrap();
    assert_eq!((context.sampling_priority, last), (Some(2), Some(0xc)));
    assert_eq!((tags.len(), tags.last().unwrap().as_str()), (50, "k0049=1"));
    // One that ends at the bound is whole, one that passes it is none.
    let filled = |bytes: usize| format!("dd=t.a:1;t.b:{};t.c:1", vec!["x"; bytes - 10].concat());
    let keys = |bytes| extract(PARENT, &filled(bytes)).unwrap().2.len();
    assert_eq!((keys(506), keys(512), keys(513)), (3, 2, 1));
    assert_eq!(extract(PARENT, &format!("dd=t.a:{}", vec!["x"; 600].concat())).unwrap().2.len(), 0);
}

#[test]
fn of_several_members_of_ours_the_last_holds_and_opentelemetrys_stands_second() {
    let (context, ..) = extract(PARENT, "dd=s:1,a=1,dd=s:2").unwrap();
    assert_eq!(context.sampling_priority, Some(2));
    assert_eq!(through(PARENT, "a=1,ot=x,dd=s:2,ot=y,b=2").1, "dd=p:000000000000000b;s:2,ot=y,a=1,b=2");
}

#[test]
fn of_more_than_32_members_the_long_ones_go_first_and_then_the_right_ones() {
    let long = format!("long={}", vec!["x"; 130].concat());
    let others: Vec<_> = (0..32).map(|number| format!("k{number}=1")).collect();
    let state = format!("{},{long},{}", others[..5].join(","), others[5..].join(","));
    let (_, out) = through(PARENT, &state);
    assert_eq!(out.split(',').count(), 32);
    assert!(!out.contains("long=") && out.ends_with("k30=1"));
}

#[test]
fn of_more_than_512_bytes_long_members_are_skipped_and_a_short_one_ends_it() {
    let member = |key: &str, length: usize| format!("{key}={}", vec!["x"; length - key.len() - 1].concat());
    let keys = |last: [String; 2]| {
        let long = ["a", "b", "c", "d"].map(|key| member(key, 129));
        let (_, out) = through(PARENT, &[&long[..], &last].concat().join(","));
        out.split(',').map(|member| member.split_once('=').unwrap().0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(keys([member("e", 80), member("f", 10)]), ["dd", "a", "b", "c", "e", "f"]);
    assert_eq!(keys([member("e", 100), member("f", 10)]), ["dd", "a", "b", "c"]);
    let (_, out) = through(PARENT, &format!("{},a=1", member("ot", 500)));
    assert_eq!(out, "dd=p:000000000000000b;s:1");
}

#[test]
fn where_flag_and_member_disagree_the_mark_of_who_decided_does_not_go_on() {
    let parent = |flags| format!("00-0000000000000000000000000000000a-000000000000000b-{flags}");
    for (flags, state, sent) in [
        ("01", "dd=s:-1;t.dm:-4;t.x:y", "dd=p:000000000000000b;s:1;t.dm:-0;t.x:y"),
        ("01", "dd=s:0;t.dm:-0", "dd=p:000000000000000b;s:1;t.dm:-0"),
        ("00", "dd=s:2;t.dm:-4;t.x:y", "dd=p:000000000000000b;s:0;t.x:y"),
        ("01", "dd=s:2;t.dm:-4", "dd=p:000000000000000b;s:2;t.dm:-4"),
        ("00", "dd=s:-1;t.dm:-4", "dd=p:000000000000000b;s:-1;t.dm:-4"),
    ] {
        assert_eq!(through(&parent(flags), state).1, sent, "{flags} {state}");
    }
}
