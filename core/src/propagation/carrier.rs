//! What headers are read from and written to.

use core::fmt::Display;

/// Where headers are read: the headers of an HTTP request, the user properties of an MQTT 5 message, a map.
///
/// Implemented for slices of pairs.
///
/// ```
/// use microspan::propagation::Headers;
/// let headers = [("X-Datadog-Trace-Id", "7"), ("host", "oven")];
/// assert_eq!(headers.as_slice().header("x-datadog-trace-id"), Some("7"));
/// ```
pub trait Headers {
    /// The value of a header, if it is there and is text. The name that is asked for is in lower case; it MUST match
    /// whatever the case of the header's own.
    ///
    /// ```
    /// use microspan::propagation::Headers;
    /// struct Request { trace: String }
    /// impl Headers for Request {
    ///     fn header(&self, name: &str) -> Option<&str> {
    ///         (name == "x-datadog-trace-id").then_some(&self.trace)
    ///     }
    /// }
    /// assert_eq!(Request { trace: "7".into() }.header("b3"), None);
    /// ```
    fn header(&self, name: &str) -> Option<&str>;
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for [(K, V)] {
    fn header(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| key.as_ref().eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

impl<H: Headers + ?Sized> Headers for &H {
    fn header(&self, name: &str) -> Option<&str> {
        (**self).header(name)
    }
}

/// Where headers are written. Implemented for closures, which get each name, in lower case, and what shows its value.
///
/// ```
/// use core::fmt::Write;
/// use microspan::propagation::SetHeader;
///
/// let mut request = heapless::String::<64>::new();
/// let mut headers = |name: &'static str, value: &dyn core::fmt::Display| {
///     write!(request, "{name}: {value}\r\n").ok();
/// };
/// headers.set_header("x-datadog-trace-id", &7);
/// assert_eq!(request, "x-datadog-trace-id: 7\r\n");
/// ```
pub trait SetHeader {
    /// Sets a header, in place of one of that name.
    ///
    /// ```
    /// use core::fmt::Display;
    /// use microspan::propagation::SetHeader;
    /// struct Request(Vec<(&'static str, String)>);
    /// impl SetHeader for Request {
    ///     fn set_header(&mut self, name: &'static str, value: &dyn Display) {
    ///         self.0.retain(|(set, _)| *set != name);
    ///         self.0.push((name, value.to_string()));
    ///     }
    /// }
    /// ```
    fn set_header(&mut self, name: &'static str, value: &dyn Display);
}

impl<F: FnMut(&'static str, &dyn Display)> SetHeader for F {
    fn set_header(&mut self, name: &'static str, value: &dyn Display) {
        self(name, value);
    }
}
