//! Where traces are posted to.

use std::fmt;
use std::path::PathBuf;

use crate::config::without_password;
use crate::error::ConfigError;

/// The paths below the agent's URL.
const V04: &str = "/v0.4/traces";
const V05: &str = "/v0.5/traces";
const STATS: &str = "/v0.6/stats";
const INFO: &str = "/info";

/// The agent's address, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// As it is told to the user.
    base: String,
    /// The URL that traces are posted to, as maps.
    pub(super) v04: String,
    /// The URL that traces are posted to, as arrays.
    pub(super) v05: String,
    /// The URL that statistics are posted to.
    pub(super) stats: String,
    /// The URL that says what the agent can do.
    pub(super) info: String,
    /// The socket to connect to; `None`: what the URLs name.
    pub(super) socket: Option<PathBuf>,
}

impl Endpoint {
    /// Reads `http://host[:port][/base]` or `unix:///path`.
    pub(super) fn parse(url: &str) -> Result<Self, ConfigError> {
        let malformed = |reason: String| ConfigError::MalformedUrl { url: without_password(url), reason };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(malformed("it has no scheme".to_owned()));
        };
        if cfg!(unix) && scheme.eq_ignore_ascii_case("unix") {
            if !rest.starts_with('/') {
                return Err(malformed("the path of a socket starts with `/`".to_owned()));
            }
            // What the header `Host` says; the agent does not look at it.
            return Ok(Self { socket: Some(PathBuf::from(rest)), ..Self::new(url, "http://localhost") });
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ConfigError::UnsupportedScheme {
                url: without_password(url),
                scheme: scheme.to_owned(),
            });
        }
        let base = http(rest).map_err(malformed)?;
        Ok(Self::new(&base, &base))
    }

    fn new(told: &str, base: &str) -> Self {
        let [v04, v05, stats, info] = [V04, V05, STATS, INFO].map(|path| format!("{base}{path}"));
        Self { base: told.to_owned(), v04, v05, stats, info, socket: None }
    }
}

/// The URL `http://` and what follows it, without slashes at its end; or what is wrong with it.
pub(super) fn http(rest: &str) -> Result<String, String> {
    let url = format!("http://{}", rest.trim_end_matches('/'));
    let uri: ureq::http::Uri = url.parse().map_err(|error| format!("it is not a URL ({error})"))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("it names no host".to_owned());
    }
    // What stands behind a name and password, and the brackets of an IPv6 address, if there are any.
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let tail = authority.rsplit(['@', ']']).next().unwrap_or_default();
    if let Some((_, port)) = tail.split_once(':') {
        // A number may have a sign, a port none.
        let is_port =
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0);
        if !is_port {
            return Err("its port is not a number from 1 to 65535".to_owned());
        }
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_and_ipv6_are_kept() {
        for (url, traces) in [
            ("http://localhost:8126", "http://localhost:8126/v0.4/traces"),
            ("HTTP://[::1]:8126/", "http://[::1]:8126/v0.4/traces"),
            ("http://proxy/agent/", "http://proxy/agent/v0.4/traces"),
            ("http://name:word@proxy", "http://name:word@proxy/v0.4/traces"),
        ] {
            assert_eq!(Endpoint::parse(url).expect("usable").v04, traces);
        }
    }

    #[test]
    fn what_is_not_supported_is_named_together_with_what_is() {
        let message = Endpoint::parse("https://agent").expect_err("not supported").to_string();
        assert_eq!(
            message,
            "cannot send traces to the agent at `https://agent`: the scheme `https` is not supported; set \
             DD_TRACE_AGENT_URL to an http:// address, such as http://localhost:8126, or to a unix:// path"
        );
        assert!(matches!(Endpoint::parse("https://a"), Err(ConfigError::UnsupportedScheme { .. })));
    }

    #[test]
    #[cfg(unix)]
    fn a_socket_is_named_by_its_path() {
        let endpoint = Endpoint::parse("unix:///var/run/datadog/apm.socket").expect("usable");
        assert_eq!(endpoint.socket.as_deref(), Some(std::path::Path::new("/var/run/datadog/apm.socket")));
        assert_eq!(endpoint.to_string(), "unix:///var/run/datadog/apm.socket");
        assert!(matches!(Endpoint::parse("unix://apm.socket"), Err(ConfigError::MalformedUrl { .. })));
    }

    #[test]
    fn an_error_does_not_tell_the_password() {
        for url in ["https://u:secret@h", "http://u:secret@h:0", "u:secret@h"] {
            let error = Endpoint::parse(url).expect_err("unusable");
            let told = format!("{error} {error:?}");
            assert!(!told.contains("secret") && told.contains("...@h"), "{told}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for url in [
            "",
            "localhost:8126",
            "http://",
            "http://:8126",
            "http://a b",
            "http://a:99999",
            "http://a:0",
            "http://a?b",
            "http://a/#b",
            "http://a#",
            "http://a:+80",
            "http://[::1]:+80",
        ] {
            assert!(matches!(Endpoint::parse(url), Err(ConfigError::MalformedUrl { .. })), "{url}");
        }
    }
}
