//! The records of `log` as events of the current span.

use log::{Log, Metadata, Record};
use microspan::Value;

/// A logger that has each record be an event of the current span as well, and otherwise does what another does.
///
/// ```
/// use microspan_std::log_events::LogEvents;
/// # struct Lines;
/// # impl log::Log for Lines {
/// #     fn enabled(&self, _: &log::Metadata) -> bool { true }
/// #     fn log(&self, _: &log::Record) {}
/// #     fn flush(&self) {}
/// # }
/// let lines = Lines; // any logger, such as env_logger's
/// log::set_logger(Box::leak(Box::new(LogEvents::new(lines)))).unwrap();
/// log::set_max_level(log::LevelFilter::Info);
/// ```
#[derive(Debug)]
pub struct LogEvents<L> {
    inner: L,
}

impl<L> LogEvents<L> {
    /// The same as `inner`, and events.
    pub fn new(inner: L) -> Self {
        Self { inner }
    }
}

impl<L: Log> Log for LogEvents<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.inner.enabled(record.metadata()) {
            return;
        }
        if let Some(span) = microspan::current_span() {
            let formatted;
            let message = match record.args().as_str() {
                Some(text) => text,
                None => {
                    formatted = record.args().to_string();
                    &formatted
                }
            };
            let attributes: [(&'static str, Value<'_>); 3] = [
                ("level", Value::Static(record.level().as_str())),
                ("target", record.target().into()),
                ("message", message.into()),
            ];
            span.add_event("log", &attributes);
        }
        self.inner.log(record);
    }

    fn flush(&self) {
        self.inner.flush();
    }
}
