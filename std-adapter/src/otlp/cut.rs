//! One trace as it was written, cut in two between spans, for an endpoint that does not take it whole.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// A trace in two of about half its bytes, with how many spans each has; `None`: it has only one span.
pub(super) fn cut(trace: &[u8]) -> Option<[(Vec<u8>, u64); 2]> {
    let request = ExportTraceServiceRequest::decode(trace).ok()?;
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let sizes: Vec<usize> = scopes.flat_map(|scope| &scope.spans).map(Message::encoded_len).collect();
    let last = sizes.len().checked_sub(1).filter(|&last| last != 0)?;
    let (all, mut before) = (sizes.iter().sum::<usize>(), 0);
    let at = sizes.iter().position(|size| {
        before += size;
        2 * before > all
    });
    let at = at.unwrap_or(last).clamp(1, last);
    Some([part(request.clone(), |index| index < at), part(request, |index| index >= at)])
}

/// The spans at these places, with what is said of who made them.
fn part(mut request: ExportTraceServiceRequest, is_in: impl Fn(usize) -> bool) -> (Vec<u8>, u64) {
    let (mut index, mut spans) = (0, 0);
    for resource in &mut request.resource_spans {
        for scope in &mut resource.scope_spans {
            scope.spans.retain(|_| {
                index += 1;
                is_in(index - 1)
            });
            spans += scope.spans.len() as u64;
        }
        resource.scope_spans.retain(|scope| !scope.spans.is_empty());
    }
    request.resource_spans.retain(|resource| !resource.scope_spans.is_empty());
    (request.encode_to_vec(), spans)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

    use super::super::Request;
    use super::*;
    use crate::config::Tagging;
    use crate::model::{Source, Span, Text};
    use crate::pipeline::{Assembler, Limits};

    /// A trace of spans with resources of so many bytes, each second one of a service of its own.
    fn request(sizes: &[usize]) -> Request {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let source = Arc::new(Source::new(1));
        for (id, size) in (1..).zip(sizes) {
            let mut span = Span::new(5, id, id - 1, "step", source.clone());
            span.service = Some(if id % 2 == 0 { "even" } else { "odd" }.into());
            span.resource = Some(Text::from("x".repeat(*size)));
            assembler.push(span, 0, &mut |_| {});
        }
        let mut request = Request::new();
        assembler.flush(&mut |trace| assert!(request.push(trace, usize::MAX)));
        request
    }

    fn resources(request: &Request) -> Vec<ResourceSpans> {
        ExportTraceServiceRequest::decode(request.as_bytes()).expect("a request").resource_spans
    }

    #[test]
    fn each_part_says_who_made_its_spans_and_the_spans_stay_as_they_are() {
        let whole = request(&[10; 5]);
        let halves = whole.split().expect("five spans");
        assert_eq!(halves.each_ref().map(Request::traces), [1, 1]);
        let said = |request: &Request| {
            let mut said = Vec::new();
            for resource in resources(request) {
                for scope in resource.scope_spans {
                    let of = (resource.resource.clone(), scope.scope);
                    said.extend(scope.spans.into_iter().map(|span| (of.clone(), span)));
                }
            }
            said
        };
        let parts = halves.each_ref().map(said);
        assert_eq!(halves.each_ref().map(Request::spans), parts.each_ref().map(|part| part.len() as u64));
        assert_eq!(parts.concat(), said(&whole));
        // Those of one service, and those of both.
        assert_eq!(halves.each_ref().map(|half| resources(half).len()), [1, 2]);
    }

    #[test]
    fn cutting_ends_at_single_spans_whatever_their_sizes() {
        let mut waiting = vec![request(&[1, 1, 20_000, 1, 1, 1, 1])];
        let mut single = 0;
        while let Some(request) = waiting.pop() {
            match request.split() {
                Some(halves) => waiting.extend(halves),
                None => {
                    assert_eq!((request.traces(), request.spans()), (1, 1));
                    single += 1;
                }
            }
        }
        assert_eq!(single, 7);
    }
}
