//! Calls of gRPC: how they are told from other requests, and what they say of themselves.

mod status;

use std::net::IpAddr;

use ::http::uri::Authority;
use ::http::{HeaderMap, Uri, header};
use microspan::Span;

pub(super) use status::Status;

/// Whether it is a call. That of a browser (`application/grpc-web`) is none: its status is a part of its body.
pub(super) fn is_call(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).map(|content| content.as_bytes());
    let format = content.and_then(|content| content.strip_prefix(b"application/grpc"));
    matches!(format, Some([] | [b'+' | b';', ..]))
}

/// Says which method is called: `/package.Service/Method`.
pub(super) fn set_method(span: &Span, path: &str) {
    span.set_tag("resource.name", path).set_tag("grpc.method.path", path);
    if let Some((whole, method)) = path.trim_start_matches('/').rsplit_once('/') {
        span.set_tag("rpc.service", whole);
        let service = match whole.rsplit_once('.') {
            Some((package, service)) => {
                span.set_tag("grpc.method.package", package);
                service
            }
            None => whole,
        };
        span.set_tag("grpc.method.service", service).set_tag("grpc.method.name", method);
    }
}

/// Says who is called, if the client knows that here.
pub(super) fn set_peer(span: &Span, uri: &Uri) {
    let Some(authority) = uri.authority() else { return };
    let host = host(authority);
    let is_address = host.parse::<IpAddr>().is_ok();
    span.set_tag("grpc.host", host)
        .set_tag(if is_address { "network.destination.ip" } else { "peer.hostname" }, host);
    if let Some(port) = authority.port() {
        span.set_tag("network.destination.port", port.as_str());
    }
}

/// A host, without the brackets of an address of IPv6.
fn host(authority: &Authority) -> &str {
    let host = authority.host();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderValue;

    #[test]
    fn a_call_is_told_by_the_type_of_its_content() {
        let is = |content: &'static str| {
            let content = [(header::CONTENT_TYPE, HeaderValue::from_static(content))];
            is_call(&HeaderMap::from_iter(content))
        };
        for content in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert!(is(content), "{content}");
        }
        for content in ["application/grpc-web", "application/grpc-web+proto", "application/json", ""] {
            assert!(!is(content), "{content}");
        }
        assert!(!is_call(&HeaderMap::new()));
    }

    #[test]
    fn the_host_of_an_address_has_no_brackets() {
        let of = |authority: &'static str| host(&Authority::from_static(authority)).to_owned();
        assert_eq!(
            [of("[::1]:50051"), of("oven.local"), of("10.0.0.1:80")],
            ["::1", "oven.local", "10.0.0.1"]
        );
    }
}
