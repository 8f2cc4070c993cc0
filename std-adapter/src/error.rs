//! What can go wrong, told so that the reader can act: what was attempted, what was found, what to do.
//!
//! A message holds its cause, so the cause is not told again as a source.
//!
//! What ends a program's `main` is shown by its `Debug`. So that of [`ConfigError`] and of [`InitError`] is their message.

use std::fmt;
use std::io;
#[cfg(any(feature = "defmt", feature = "elf"))]
use std::path::PathBuf;
use std::time::Duration;

/// A setting that cannot be used, found at start.
///
/// Settings with a harmless fallback do not come here: they are [warnings](crate::config::Warning).
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The agent's URL has a scheme this client does not speak.
    #[error(
        "cannot send traces to the agent at `{url}`: the scheme `{scheme}` is not supported; \
         set DD_TRACE_AGENT_URL to an http:// address, such as http://localhost:8126, or to a unix:// path"
    )]
    UnsupportedScheme {
        /// The URL as configured, without a password.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The agent's URL cannot be read.
    #[error(
        "cannot send traces to the agent at `{url}`: {reason}; \
         set DD_TRACE_AGENT_URL to an http:// address, such as http://localhost:8126, or to a unix:// path"
    )]
    MalformedUrl {
        /// The URL as configured, without a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint for OpenTelemetry's protocol cannot be used.
    #[cfg(feature = "otlp")]
    #[error(
        "cannot send traces by OTLP to `{url}`: {reason}; set OTEL_EXPORTER_OTLP_ENDPOINT to an http:// address, such as \
         http://localhost:4318"
    )]
    Otlp {
        /// The URL as configured, without a password.
        url: String,
        /// What is wrong with it, or with a header.
        reason: String,
    },
    /// The operating system did not give the thread that sends.
    #[error("cannot start the thread that sends traces: {0}; allow this process one more thread")]
    Thread(io::Error),
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a program does not trace itself.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The agent cannot be addressed, or the system gives no thread.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is a tracer already.
    #[error("cannot trace this program: {0}")]
    Global(#[from] microspan::SetGlobalError),
    /// The system gives no random numbers for ids.
    #[error("cannot draw ids for this program's traces: {0}; let it read the system's random numbers")]
    Random(getrandom::Error),
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why one attempt to hand a payload to the agent failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No complete answer came.
    #[error("{0}")]
    NoAnswer(#[from] Box<ureq::Error>),
    /// It answered with something other than success.
    #[error("it answered {status}{}{text}", if text.is_empty() { "" } else { ": " })]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        text: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
}

impl SendError {
    /// Whether the same payload may be taken at another time.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
        }
    }

    /// How long it is asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NoAnswer(_) => None,
            Self::Status { retry_after, .. } => *retry_after,
        }
    }
}

/// Why an ELF file is not taken.
#[cfg(feature = "elf")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElfError {
    /// It is not there, or may not be read.
    #[error(
        "cannot read the ELF file or folder {}: {cause}; give what the linker wrote, or a folder that holds it",
        path.display()
    )]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is something else.
    #[error("{} is not a whole ELF file; give what the linker wrote, not a .bin or .hex made from it", path.display())]
    NotElf {
        /// The path as given.
        path: PathBuf,
    },
    /// It is not a program.
    #[error("{} is an object file, whose texts have no addresses yet; give the linked program", path.display())]
    NotLinked {
        /// The path as given.
        path: PathBuf,
    },
    /// It is not for a microcontroller.
    #[error("{} loads more than {most} MB; give the program of a microcontroller", path.display())]
    TooLarge {
        /// The path as given.
        path: PathBuf,
        /// How many megabytes are taken.
        most: u64,
    },
    /// Nothing tells which devices run it.
    #[error(
        "{} has no GNU build-id, so that nothing tells which devices run it; link it with --build-id, or give it alone",
        path.display()
    )]
    NoBuildId {
        /// The path as given.
        path: PathBuf,
    },
}

/// Why the log of a program cannot be read.
#[cfg(feature = "defmt")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefmtError {
    /// The program is not there, or may not be read.
    #[error("cannot read {}: {cause}; give the ELF file of the program that the device runs", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It has no log, or one of a `defmt` that is not understood.
    #[error("cannot read the log of {}: {reason}", path.display())]
    NoLog {
        /// The path as given.
        path: PathBuf,
        /// What was found, and what to do.
        reason: String,
    },
}

/// Why the bridge does not run.
#[cfg(feature = "cli")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// A link cannot be opened.
    #[error("cannot open {input}: {cause}; {hint}")]
    Link {
        /// The link asked for.
        input: String,
        /// What to do.
        hint: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The agent cannot be addressed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An ELF file cannot be used.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The log of a program cannot be read.
    #[error(transparent)]
    Defmt(#[from] DefmtError),
    /// The system gives no thread.
    #[error("cannot start a thread for a link: {0}; give fewer links, or raise the limit of processes")]
    Thread(io::Error),
}

/// Why the stand-in for the agent does not run.
#[cfg(feature = "cli")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StandinError {
    /// The address is in use.
    #[error(
        "cannot listen on {address}: another program listens there, perhaps a Datadog agent; \
         stop it, or choose another port and set DD_TRACE_AGENT_URL of the sender to match"
    )]
    Taken {
        /// The address asked for.
        address: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {cause}; give an address of this machine, such as 127.0.0.1:8126")]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
    /// Serving failed.
    #[error("cannot serve: {0}; start it again")]
    Serve(io::Error),
}

#[cfg(feature = "cli")]
impl From<io::Error> for StandinError {
    fn from(cause: io::Error) -> Self {
        Self::Serve(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_change_by_itself_is_worth_a_retry() {
        let retried: Vec<u16> = (100..=600)
            .filter(|&status| {
                SendError::Status { status, text: String::new(), retry_after: None }.is_worth_a_retry()
            })
            .collect();
        let expected: Vec<u16> = [408, 429].into_iter().chain(500..=599).collect();
        assert_eq!(retried, expected);
    }

    #[test]
    fn what_ends_a_program_is_shown_as_a_message() {
        let scheme =
            || ConfigError::UnsupportedScheme { url: "https://a".to_owned(), scheme: "https".to_owned() };
        let shown = format!("{:?}", InitError::from(scheme()));
        assert!(shown.starts_with("cannot send traces to the agent at `https://a`: the scheme"), "{shown}");
        assert_eq!(shown, format!("{:?}", scheme()));
        let shown = format!("{:?}", Box::<dyn std::error::Error>::from(InitError::from(scheme())));
        assert_eq!(shown, scheme().to_string());
        let again = InitError::Global(microspan::SetGlobalError::AlreadySet);
        assert_eq!(format!("{again:?}"), again.to_string());
    }

    #[test]
    fn a_status_is_shown_with_what_the_agent_said() {
        let said = |status, text: &str| {
            SendError::Status { status, text: text.to_owned(), retry_after: None }.to_string()
        };
        assert_eq!(said(400, "bad span"), "it answered 400: bad span");
        assert_eq!(said(404, ""), "it answered 404");
    }
}
