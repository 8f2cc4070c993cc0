//! One attempt to hand a payload to an endpoint of OpenTelemetry's, by OTLP over HTTP.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::http::{ANSWER, Answer, over_tcp};
use crate::config::{self, quote, url};
use crate::error::{ConfigError, SendError};
use crate::otlp::{rejected, words};

/// The HTTP side of a client: one connection, kept.
pub(super) struct Otlp {
    agent: ureq::Agent,
    url: String,
    headers: HeaderMap,
}

impl Otlp {
    pub(super) fn new(settings: &config::Otlp) -> Result<Self, ConfigError> {
        let wrong =
            |reason: String| ConfigError::Otlp { url: config::without_password(&settings.url), reason };
        let (scheme, rest) = url::split(&settings.url).ok_or_else(|| wrong("it has no scheme".to_owned()))?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(wrong(format!("the scheme `{scheme}` is not supported")));
        }
        url::http(rest).map_err(wrong)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) =
                pair.ok_or_else(|| wrong(format!("`{name}` is no header, or its value none")))?;
            headers.insert(name, value);
        }
        Ok(Self { agent: over_tcp(), url: settings.url.clone(), headers })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Posts a body, and reads the answer to its end, so that the connection can be used again.
    pub(super) fn post(&self, body: &[u8], timeout: Duration) -> Result<Answer, SendError> {
        let mut request = self.agent.post(&self.url).config().timeout_global(Some(timeout)).build();
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            headers.insert("content-type", HeaderValue::from_static("application/x-protobuf"));
        }
        let mut response = request.send(body).map_err(Box::new)?;
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(ANSWER).read_to_end(&mut body);
        let status = response.status();
        if !status.is_success() {
            let text = words(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
            let (status, text) = (status.as_u16(), quote(&text));
            return Err(SendError::Status { status, text, retry_after: retry_after(response.headers()) });
        }
        // Success that breaks off is still success: to send the payload again would double it.
        let rejected = read.ok().and_then(|_| rejected(&body));
        Ok(Answer { rates: None, state: None, rejected })
    }

    /// Whether OTLP has the same payload sent again: it names the statuses.
    pub(super) fn is_worth_a_retry(error: &SendError) -> bool {
        match error {
            SendError::NoAnswer(_) => true,
            SendError::Status { status, .. } => matches!(status, 429 | 502..=504),
        }
    }
}

/// How many seconds are asked for; a date is not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
