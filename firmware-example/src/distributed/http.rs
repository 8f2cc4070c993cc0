//! A request of HTTP/1.1 in a buffer of its own, and the first line of the answer.

use core::fmt::{self, Display, Write};

use heapless::String;
use microspan::propagation::SetHeader;

/// A request of which the headers are being written.
pub struct Post<const N: usize> {
    text: String<N>,
    is_whole: bool,
}

impl<const N: usize> Post<N> {
    /// A request to this path of this host, after which the connection is closed.
    pub fn new(path: impl Display, host: impl Display) -> Self {
        let mut post = Self { text: String::new(), is_whole: true };
        post.put(format_args!("POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"));
        post
    }

    /// The request with its body; `None` where it does not fit its buffer.
    pub fn with_body(mut self, body: &str) -> Option<String<N>> {
        self.put(format_args!("content-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        self.is_whole.then_some(self.text)
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.is_whole &= self.text.write_fmt(text).is_ok();
    }
}

impl<const N: usize> SetHeader for Post<N> {
    fn set_header(&mut self, name: &'static str, value: &dyn Display) {
        self.put(format_args!("{name}: {value}\r\n"));
    }
}

/// The status of an answer, once its first bytes are there.
pub fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    core::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_headers_before_its_body() {
        let mut post = Post::<200>::new("/orders/7", "10.0.2.2");
        post.set_header("x-datadog-parent-id", &9);
        let expected = "POST /orders/7 HTTP/1.1\r\nhost: 10.0.2.2\r\nconnection: close\r\nx-datadog-parent-id: 9\r\n\
                        content-type: text/plain\r\ncontent-length: 3\r\n\r\nrye";
        assert_eq!(post.with_body("rye").unwrap(), expected);
    }

    #[test]
    fn a_request_that_does_not_fit_is_none() {
        let mut post = Post::<90>::new("/", "h");
        post.set_header("x", &"a value that is too long for what is left of the buffer");
        assert!(post.with_body("").is_none());
    }

    #[test]
    fn a_status_is_read_as_soon_as_it_is_there() {
        assert_eq!(status(b"HTTP/1.1 201 Created\r\n"), Some(201));
        assert_eq!(status(b"HTTP/1.0 503"), Some(503));
        for text in ["", "HTTP/1.1 20", "HTTP/1.1 x01", "HTTP/2 201", "SIP/1.1 201"] {
            assert_eq!(status(text.as_bytes()), None, "{text}");
        }
    }
}
