//! URLs that traces are posted to, as far as they can be judged without a try.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use ureq::http::Uri;

/// Where an agent listens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Its URL, without slashes at the end.
    Http(String),
    /// The path of a socket.
    Socket(PathBuf),
}

/// Why a URL is no address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its scheme is not spoken.
    Scheme(String),
    /// What is wrong with it.
    Malformed(String),
}

/// The scheme of a URL, and what follows it.
pub(crate) fn split(url: &str) -> Option<(&str, &str)> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    // What looks otherwise may be a name and a password.
    url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(is_letter))
}

/// Reads `http://host[:port][/base]` or `unix:///path`.
pub(crate) fn address(url: &str) -> Result<Address, Fault> {
    let Some((scheme, rest)) = split(url) else {
        return Err(Fault::Malformed("it has no scheme".to_owned()));
    };
    if cfg!(unix) && scheme.eq_ignore_ascii_case("unix") {
        return match rest.strip_prefix('/') {
            None => Err(Fault::Malformed("the path of a socket starts with `/`".to_owned())),
            Some("") => Err(Fault::Malformed("it names no socket".to_owned())),
            Some(_) => Ok(Address::Socket(PathBuf::from(rest))),
        };
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(Fault::Scheme(scheme.to_owned()));
    }
    http(rest).map(Address::Http).map_err(Fault::Malformed)
}

/// The URL `http://` and what follows it, without slashes at its end; or what is wrong with it.
pub(crate) fn http(rest: &str) -> Result<String, String> {
    let url = format!("http://{}", rest.trim_end_matches('/'));
    let uri: Uri = url.parse().map_err(|error| format!("it is not a URL ({error})"))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("it names no host".to_owned());
    }
    // What stands behind a name and password.
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    let (name, behind) =
        place.split_at(place.find(']').map_or(place.find(':').unwrap_or(place.len()), |end| end + 1));
    // One of IPv6 has brackets here.
    if host(name).as_deref() != Some(name) {
        return Err("its host is neither a name nor an address".to_owned());
    }
    // A number may have a sign, a port none.
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
    };
    if !behind.is_empty() && !behind.strip_prefix(':').is_some_and(is_port) {
        return Err("its port is not a number from 1 to 65535".to_owned());
    }
    if uri.query().is_some() {
        return Err("it has a query".to_owned());
    }
    // What reads URLs drops it, and with it the path that is put behind.
    if url.contains('#') {
        return Err("it has a fragment".to_owned());
    }
    Ok(url)
}

/// The name or the address of a host as a URL has it; `None`: it is something else.
pub(super) fn host(name: &str) -> Option<String> {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if inner.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{inner}]"));
    }
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = name.bytes().all(is_known) && name.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}
