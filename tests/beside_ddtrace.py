"""The program of beside_ddtrace.rs, written with Datadog's own tracer for Python.

`trace` makes the spans, whose names are those of the other program. `headers` reads requests from its input, a JSON list of
{"extract": styles, "inject": styles, "headers": {..}}, and answers each by what it has found and would send.
"""

import json
import sys

from ddtrace import config
from ddtrace.propagation.http import HTTPPropagator
from ddtrace.trace import tracer




def root(name, **fields):
    return tracer.start_span(name, activate=True, **fields)


def fail(span, kind, message):
    span.error = 1
    span.set_tag("error.type", kind)
    span.set_tag("error.message", message)


def trace():
    # A request, a child of its own service, one of another, an error.
    request = root("web.request", resource="GET /sandwich", span_type="web")
    request.set_tag("guest", "Ada")
    request.set_tag("empty", "")
    request.set_tag("umlaut", "Brötchen, süß")
    with tracer.trace("web.render") as render:
        render.set_metric("bytes", 4096)
        render.set_metric("share", 0.25)
    with tracer.trace("db.query", service="store", resource="SELECT 1", span_type="sql") as query:
        query.set_tag("rows", 7)
        fail(query, "Timeout", "the store is silent")
        tracer.trace("db.connect").finish()
    request.finish()

    # Tags of each kind, changed and taken away.
    tags = root("tags")
    tags.set_tag("negative", -3)
    tags.set_tag("large", 9007199254740991)
    tags.set_tag("float", 2.5)
    tags.set_tag("yes", True)
    tags.set_tag("kind", "text")
    tags.set_tag("kind", 5)
    tags.set_tag("gone", "here")
    tags.remove_tag("gone")
    tags.set_metric("nan", float("nan"))
    tags.set_tag("http.status_code", 404)
    tags.set_tag("long", "x" * 20_000)
    tags.resource = "another"
    tags.finish()

    # The user decides.
    for name, key in (("kept", "manual.keep"), ("dropped", "manual.drop")):
        with root(name):
            with tracer.trace(name + ".child") as child:
                child.set_tag(key)

    # A rule decides: see DD_TRACE_SAMPLING_RULES.
    root("ruled.in").finish()
    with root("ruled.out"):
        tracer.trace("ruled.out.single").finish()

    # Another service's version, and a root of another service.
    root("elsewhere", service="store").finish()

    # Links and events.
    linked = root("linked")
    with tracer.trace("linked.child") as child:
        child.link_span(linked.context, {"reason": "batched", "count": 2})
        child._add_event("sliced", {"knife": "bread", "slices": 3, "sharp": True, "angle": 0.5})
    linked.finish()

    # More children than are kept back: see DD_TRACE_PARTIAL_FLUSH_MIN_SPANS.
    long = root("long")
    for index in range(9):
        tracer.trace(f"long.{index}").finish()
    long.finish()

    # Traces from elsewhere.
    served(
        "served",
        {
            "x-datadog-trace-id": "1234567890123456789",
            "x-datadog-parent-id": "987654321",
            "x-datadog-sampling-priority": "2",
            "x-datadog-origin": "synthetics",
            "x-datadog-tags": "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr.id=ada",
            "baggage": "user.id=ada,plan=gold",
        },
    )
    served(
        "served.w3c",
        {
            "traceparent": "00-12345678901234567890123456789012-1234567890123456-01",
            "tracestate": "dd=s:2;o:rum;p:00000000000000ab;t.dm:-4,foo=1",
        },
    )
    served(
        "served.both",
        {
            "x-datadog-trace-id": "7",
            "x-datadog-parent-id": "9",
            "x-datadog-tags": "_dd.p.tid=nonsense",
            "traceparent": "00-12345678901234567890123456789012-1234567890123456-01",
        },
    )

    # One of which parts go out before its root is finished.
    tracer.context_provider.activate(
        HTTPPropagator.extract(
            {
                "x-datadog-trace-id": "1234567890123456788",
                "x-datadog-parent-id": "987654320",
                "x-datadog-sampling-priority": "2",
                "x-datadog-origin": "synthetics",
                "x-datadog-tags": "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4",
            }
        )
    )
    with tracer.trace("served.long"):
        for index in range(5):
            tracer.trace(f"served.long.{index}").finish()
    tracer.context_provider.activate(None)
    tracer.flush()


def served(name, headers):
    tracer.context_provider.activate(HTTPPropagator.extract(headers))
    with tracer.trace(name):
        tracer.trace(name + ".child").finish()
    tracer.context_provider.activate(None)


def headers():
    answers = []
    for asked in json.load(sys.stdin):
        config._propagation_style_extract = asked["extract"]
        config._propagation_style_inject = asked["inject"]
        context = HTTPPropagator.extract(asked["headers"])
        found = {
            "trace_id": f"{context.trace_id or 0:032x}",
            "span_id": f"{context.span_id or 0:016x}",
            "priority": context.sampling_priority,
            "origin": context.dd_origin,
            "baggage": context.get_all_baggage_items(),
        }
        sent = {}
        # Never finished, so that nothing is sent to an agent.
        call = tracer.start_span("call", child_of=context)
        HTTPPropagator.inject(call, sent)
        answers.append({"context": found, "call": call.span_id, "headers": sent})
    json.dump(answers, sys.stdout)


{"trace": trace, "headers": headers}[sys.argv[1]]()
