//! Where traces are posted to.

use std::fmt;
use std::path::PathBuf;

use crate::config::url::{Address, Fault, address};
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
        match address(url) {
            Ok(Address::Http(base)) => Ok(Self::new(&base, &base)),
            // What the header `Host` says; the agent does not look at it.
            Ok(Address::Socket(path)) => {
                Ok(Self { socket: Some(path), ..Self::new(url, "http://localhost") })
            }
            Err(Fault::Scheme(scheme)) => {
                Err(ConfigError::UnsupportedScheme { url: without_password(url), scheme })
            }
            Err(Fault::Malformed(reason)) => {
                Err(ConfigError::MalformedUrl { url: without_password(url), reason })
            }
        }
    }

    fn new(told: &str, base: &str) -> Self {
        let [v04, v05, stats, info] = [V04, V05, STATS, INFO].map(|path| format!("{base}{path}"));
        Self { base: told.to_owned(), v04, v05, stats, info, socket: None }
    }
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
            ("http://u:w@[fe80::1]", "http://u:w@[fe80::1]/v0.4/traces"),
            ("http://-a_b.1.", "http://-a_b.1./v0.4/traces"),
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
        assert!(matches!(Endpoint::parse("unix:///"), Err(ConfigError::MalformedUrl { .. })));
    }

    #[test]
    fn an_error_does_not_tell_the_password() {
        for url in [
            "https://u:secret@h",
            "http://u:secret@h:0",
            "u:secret@h",
            "u:secret@h://x",
            "http://[u:secret%40@h",
        ] {
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
            "http://[::1]x:8126",
            "http://[::1]8126",
            "http://[::1]:",
            "http://[u:pw@h]:1",
            "http://[h]",
            "http://[]",
            "http://*",
            "http://-:1",
            "http://..",
        ] {
            assert!(matches!(Endpoint::parse(url), Err(ConfigError::MalformedUrl { .. })), "{url}");
        }
    }
}
