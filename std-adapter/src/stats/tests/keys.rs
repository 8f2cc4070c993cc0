//! What tells spans apart.

use super::*;

/// The one group of a root with these tags.
fn group(tags: &[(&'static str, Value)]) -> Packed {
    let groups = counted(vec![span(1, 0, tags)]);
    assert_eq!(groups.len(), 1);
    groups[0].clone()
}

#[test]
fn spans_that_differ_in_anything_that_tells_them_apart_are_two_groups_and_others_one() {
    type Change = fn(&mut Span);
    fn tag(span: &mut Span, key: &'static str, value: impl Into<Value>) {
        span.tags.push((key.into(), value.into()));
    }
    let changes: [(bool, Change); 16] = [
        (true, |span| span.service = Some("oven".into())),
        (true, |span| span.name = "knead".into()),
        (true, |span| span.resource = Some("bread".into())),
        (true, |span| span.span_type = Some("web".into())),
        (true, |span| span.parent_id = 9),
        (true, |span| tag(span, "span.kind", "client")),
        (true, |span| tag(span, "http.status_code", "404")),
        (true, |span| tag(span, "rpc.grpc.status_code", Value::Int(5))),
        (true, |span| tag(span, "http.method", "GET")),
        (true, |span| tag(span, "http.route", "/bread/:id")),
        (true, |span| tag(span, "_dd.svc_src", "m")),
        (true, |span| tag(span, "_dd.origin", "synthetics-browser")),
        (false, |span| tag(span, "_dd.origin", "rum")),
        (false, |span| tag(span, "loaves", Value::Int(3))),
        (false, |span| span.duration += 1),
        (false, |span| span.error = true),
    ];
    for (place, (is_other, change)) in changes.into_iter().enumerate() {
        let mut other = span(1, 0, &[]);
        other.remote_parent = true;
        change(&mut other);
        let mut concentrator = Concentrator::new();
        [span(1, 0, &[]), other].into_iter().for_each(|span| add(&mut concentrator, vec![span], NOW));
        let groups = groups(&payloads(&mut concentrator));
        assert_eq!((groups.len(), hits(&groups)), (1 + usize::from(is_other), 2), "change {place}");
    }
}

#[test]
fn a_status_of_http_is_a_number_or_a_text_under_either_name() {
    for (key, value, status) in [
        ("http.status_code", Value::Int(404), 404),
        ("http.status_code", "503".into(), 503),
        ("http.status_code", Value::Float(404.5), 0),
        ("http.response.status_code", Value::Uint(201), 201),
        ("http.response.status_code", "99".into(), 0),
        ("http.response.status_code", "no".into(), 0),
    ] {
        assert_eq!(number(&group(&[(key, value.clone())]), "HTTPStatusCode"), status, "{key} {value}");
    }
    let both = [("http.response.status_code", Value::Int(201)), ("http.status_code", Value::Int(404))];
    assert_eq!(number(&group(&both), "HTTPStatusCode"), 404);
}

#[test]
fn a_status_of_grpc_is_a_number_or_a_name_however_that_is_spelled() {
    for (key, value, status) in [
        ("rpc.grpc.status_code", Value::Int(14), "14"),
        ("grpc.code", "5".into(), "5"),
        ("rpc.grpc.status.code", "StatusCode.DEADLINE_EXCEEDED".into(), "4"),
        ("grpc.status.code", "notFound".into(), "5"),
        ("grpc.code", "Canceled".into(), "1"),
        ("grpc.code", "CANCELLED".into(), "1"),
        ("grpc.code", "Unauthenticated".into(), "16"),
        ("grpc.code", Value::Int(256), ""),
        ("grpc.code", Value::Float(0.5), ""),
        ("grpc.code", "what".into(), ""),
    ] {
        assert_eq!(text(&group(&[(key, value.clone())]), "GRPCStatusCode"), status, "{key} {value}");
    }
}

#[test]
fn the_first_name_of_a_method_and_of_a_route_that_says_something_counts() {
    let tags = [
        ("http.method", "".into()),
        ("http.request.method", "PUT".into()),
        ("http.endpoint", "/a".into()),
        ("http.route", "/b".into()),
    ];
    let group = group(&tags);
    assert_eq!((text(&group, "HTTPMethod"), text(&group, "HTTPEndpoint")), ("PUT", "/a"));
}

#[test]
fn who_is_called_counts_if_the_agent_names_the_tags_that_say_so() {
    let peer_tags = ["peer.service", "out.host"].map(str::to_owned);
    let peers = |kind: &'static str, service: Option<Text>, peer_tags: &[String]| {
        let mut concentrator = Concentrator::new();
        concentrator.set_peer_tags(peer_tags);
        let tags =
            [("span.kind", kind.into()), ("out.host", "10.1.2.3:80".into()), ("peer.service", "db".into())];
        add(&mut concentrator, vec![Span { service, ..span(1, 0, &tags) }], NOW);
        let groups = groups(&payloads(&mut concentrator));
        let peers = list(&groups[0], "PeerTags").iter();
        peers.map(|peer| peer.as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let both = ["peer.service:db", "out.host:blocked-ip-address:80"];
    for kind in ["client", "Producer", "consumer"] {
        assert_eq!(peers(kind, None, &peer_tags), both);
    }
    assert!(peers("client", None, &[]).is_empty());
    assert!(peers("server", Some("Oven".into()), &peer_tags).is_empty());
    // Of a part of a program it counts which program that is.
    assert_eq!(peers("internal", Some("Oven".into()), &peer_tags), ["_dd.base_service:bakery"]);
    assert!(peers("internal", None, &peer_tags).is_empty());
}

#[test]
fn the_origin_of_a_trace_holds_for_all_of_its_spans_and_a_tag_of_all_for_those_that_do_not_do_without() {
    let inner = span(2, 1, &[("_dd.measured", Value::Int(1))]);
    let root = span(1, 0, &[("_dd.origin", "synthetics".into())]);
    let groups = counted(vec![inner, root]);
    assert!(groups.len() == 2 && groups.iter().all(|group| get(group, "Synthetics").as_bool() == Some(true)));

    let mut source = Source::new(1);
    source.set_tag("http.method", "GET".into());
    let source = Arc::new(source);
    let mut without = span_of(&source, 2, 0, &[]);
    without.extra_mut().removed = vec!["http.method".into()];
    let mut methods: Vec<_> = [span_of(&source, 1, 0, &[]), without]
        .into_iter()
        .map(|span| text(&counted(vec![span])[0], "HTTPMethod").to_owned())
        .collect();
    methods.sort();
    assert_eq!(methods, ["", "GET"]);
}

#[test]
fn names_are_those_that_the_agent_gives_to_spans_and_spans_alike_by_them_are_one_group() {
    let mut concentrator = Concentrator::new();
    let mut source = Source { service: Some("Die Bäckerei".into()), ..Source::new(1) };
    source.set_tag("env", "1 Lab".into());
    let source = Arc::new(source);
    for (id, name) in [(1, "bake it"), (2, "bake-it"), (3, "bake_it"), (4, "bake_it")] {
        let mut span = span_of(&source, id, 0, &[]);
        (span.name, span.resource, span.duration) = (name.into(), Some("rye".into()), id as i64 * 1_000);
        (span.start, span.error) = ((NOW - 20_000) as i64, id == 2);
        add(&mut concentrator, vec![span], NOW);
    }
    assert_eq!(concentrator.held(), 4);
    let payloads = payloads(&mut concentrator);
    assert_eq!(concentrator.held(), 0);
    let said = ["Env", "Service"].map(|key| text(&payloads[0], key));
    assert_eq!((payloads.len(), said), (1, ["lab", "die_bäckerei"]));
    let [group] = &groups(&payloads)[..] else { panic!("{payloads:?}") };
    let said = ["Service", "Name", "Resource"].map(|key| text(group, key));
    assert_eq!(said, ["die_bäckerei", "bake_it", "rye"]);
    let counts = ["Hits", "Errors", "TopLevelHits", "Duration"].map(|key| number(group, key));
    assert_eq!(counts, [4, 1, 4, 10_000]);
    let [ok, failed] = ["OkSummary", "ErrorSummary"].map(|key| {
        let bins = sketch(group, key).ordered_bins().into_iter().filter(|(_, count)| *count > 0.0);
        bins.map(|(value, count)| ((value / 1_000.0).round() as u64, count)).collect::<Vec<_>>()
    });
    assert_eq!((ok, failed), (vec![(1, 1.0), (3, 1.0), (4, 1.0)], vec![(2, 1.0)]));
}

#[test]
fn a_peer_is_called_as_the_agent_calls_it() {
    let mut concentrator = Concentrator::new();
    concentrator.set_peer_tags(&["peer.service".to_owned(), "db.name".to_owned()]);
    let tags =
        [("span.kind", "client".into()), ("peer.service", "The Mill".into()), ("db.name", "The Mill".into())];
    add(&mut concentrator, vec![span(1, 0, &tags)], NOW);
    let inner = Span { service: Some("oven".into()), ..span(2, 1, &[("_dd.base_service", "A b".into())]) };
    add(&mut concentrator, vec![inner, span(1, 0, &[])], NOW);
    let groups = groups(&payloads(&mut concentrator));
    let mut peers: Vec<_> =
        groups.iter().flat_map(|group| list(group, "PeerTags")).filter_map(Packed::as_str).collect();
    peers.sort_unstable();
    assert_eq!(peers, ["_dd.base_service:a_b", "db.name:The Mill", "peer.service:the_mill"]);
}
