//! What an endpoint answers.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

/// What is said in answers other than success: `google.rpc.Status`, of which the words are enough.
#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(string, tag = "2")]
    message: String,
}

/// How many spans of a request that succeeded were not taken, and what the endpoint says, if it says anything.
pub(crate) fn rejected(body: &[u8]) -> Option<(u64, String)> {
    let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
    let spans = u64::try_from(partial.rejected_spans).unwrap_or_default();
    (spans != 0 || !partial.error_message.is_empty()).then_some((spans, partial.error_message))
}

/// The words of an answer that is no success; `None`: it is no protobuf that has some.
pub(crate) fn words(body: &[u8]) -> Option<String> {
    Refusal::decode(body).ok().map(|refusal| refusal.message).filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    fn answer(rejected_spans: i64, error_message: &str) -> Option<(u64, String)> {
        let error_message = error_message.to_owned();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        rejected(&ExportTraceServiceResponse { partial_success }.encode_to_vec())
    }

    #[test]
    fn an_answer_tells_what_was_not_taken_or_only_warns_or_says_nothing() {
        assert_eq!(answer(3, "too old"), Some((3, "too old".to_owned())));
        assert_eq!(answer(0, "soon too old"), Some((0, "soon too old".to_owned())));
        assert_eq!(answer(-1, "odd"), Some((0, "odd".to_owned())));
        for nothing in [answer(0, ""), rejected(b""), rejected(b"{}"), rejected(b"\x0a\xff")] {
            assert_eq!(nothing, None);
        }
    }

    #[test]
    fn the_words_of_a_refusal_are_those_of_its_status() {
        // Code 3, the message, and details that nobody reads.
        assert_eq!(words(b"\x08\x03\x12\x08bad span\x1a\x02\x0a\x00").as_deref(), Some("bad span"));
        assert_eq!((words(b"plain text"), words(b"")), (None, None));
    }
}
