//! What a context is carried in: maps of texts, headers of HTTP, bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

/// How a context lies in its carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `TEXT_MAP`: pairs of texts.
    TextMap,
    /// `HTTP_HEADERS`: pairs of texts that are headers of HTTP.
    HttpHeaders,
    /// `BINARY`: bytes.
    Binary,
    /// Any other, which no tracer here knows.
    Other(&'static str),
}

impl Format {
    /// Its name in OpenTracing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TextMap => "text_map",
            Self::HttpHeaders => "http_headers",
            Self::Binary => "binary",
            Self::Other(name) => name,
        }
    }
}

/// Pairs of texts that a context can be read from.
pub trait TextMapReader {
    /// All of them.
    fn pairs(&self) -> Vec<(&str, &str)>;
}

/// Pairs of texts that a context can be written into.
pub trait TextMapWriter {
    /// Sets the value of a key, in place of one that it has.
    fn set(&mut self, key: &str, value: &str);
}

/// What a context can be read from: a [`TextMapReader`], or bytes.
pub trait ExtractCarrier {
    /// What it holds.
    fn holds(&self) -> Held<'_>;
}

/// What a context can be written into: a [`TextMapWriter`], or bytes.
pub trait InjectCarrier {
    /// Where it is written.
    fn room(&mut self) -> Room<'_>;
}

/// What a carrier holds.
#[derive(Debug, Clone)]
pub enum Held<'c> {
    /// Pairs of texts.
    Pairs(Vec<(&'c str, &'c str)>),
    /// Bytes.
    Bytes(&'c [u8]),
}

/// Where a carrier is written.
#[expect(missing_debug_implementations, reason = "a writer need not show itself")]
pub enum Room<'c> {
    /// Pairs of texts.
    Pairs(&'c mut dyn TextMapWriter),
    /// Bytes, which go behind those that are there.
    Bytes(&'c mut Vec<u8>),
}

impl<T: TextMapReader + ?Sized> ExtractCarrier for T {
    fn holds(&self) -> Held<'_> {
        Held::Pairs(self.pairs())
    }
}

impl ExtractCarrier for Vec<u8> {
    fn holds(&self) -> Held<'_> {
        Held::Bytes(self)
    }
}

impl ExtractCarrier for [u8] {
    fn holds(&self) -> Held<'_> {
        Held::Bytes(self)
    }
}

impl<T: TextMapWriter> InjectCarrier for T {
    fn room(&mut self) -> Room<'_> {
        Room::Pairs(self)
    }
}

impl InjectCarrier for Vec<u8> {
    fn room(&mut self) -> Room<'_> {
        Room::Bytes(self)
    }
}

fn texts<'c, K: AsRef<str> + 'c, V: AsRef<str> + 'c>(
    pairs: impl IntoIterator<Item = (&'c K, &'c V)>,
) -> Vec<(&'c str, &'c str)> {
    pairs.into_iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect()
}

impl<K: AsRef<str>, V: AsRef<str>, S> TextMapReader for HashMap<K, V, S> {
    fn pairs(&self) -> Vec<(&str, &str)> {
        texts(self)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> TextMapReader for BTreeMap<K, V> {
    fn pairs(&self) -> Vec<(&str, &str)> {
        texts(self)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> TextMapReader for Vec<(K, V)> {
    fn pairs(&self) -> Vec<(&str, &str)> {
        self.as_slice().pairs()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> TextMapReader for [(K, V)] {
    fn pairs(&self) -> Vec<(&str, &str)> {
        texts(self.iter().map(|(key, value)| (key, value)))
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> TextMapReader for [(K, V); N] {
    fn pairs(&self) -> Vec<(&str, &str)> {
        self.as_slice().pairs()
    }
}

impl<K: From<String> + Hash + Eq, V: From<String>, S: BuildHasher> TextMapWriter for HashMap<K, V, S> {
    fn set(&mut self, key: &str, value: &str) {
        self.insert(key.to_owned().into(), value.to_owned().into());
    }
}

impl<K: From<String> + Ord, V: From<String>> TextMapWriter for BTreeMap<K, V> {
    fn set(&mut self, key: &str, value: &str) {
        self.insert(key.to_owned().into(), value.to_owned().into());
    }
}

impl TextMapWriter for Vec<(String, String)> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|(known, _)| known != key);
        self.push((key.to_owned(), value.to_owned()));
    }
}

/// A header that is no text counts as absent.
#[cfg(feature = "http")]
impl TextMapReader for ::http::HeaderMap {
    fn pairs(&self) -> Vec<(&str, &str)> {
        self.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
    }
}

/// What HTTP forbids is left out.
#[cfg(feature = "http")]
impl TextMapWriter for ::http::HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        if let (Ok(name), Ok(value)) =
            (::http::HeaderName::try_from(key), ::http::HeaderValue::try_from(value))
        {
            self.insert(name, value);
        }
    }
}
