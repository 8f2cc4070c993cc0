//! An answer that comes before all of a request was sent.
//!
//! An agent that is told of a body too large for it says so at once, and closes the connection while the body is under way. Sending
//! breaks off then, but the answer may have come: it is read where the system still has it. Where it has none, sending failed.

use std::io;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Has the connections of the connector before it read such answers.
#[derive(Debug)]
pub(super) struct Early;

impl<T: Transport> Connector<T> for Early {
    type Out = Listening<T>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<T>,
    ) -> Result<Option<Listening<T>>, ureq::Error> {
        Ok(chained.map(|inner| Listening { inner, broken: Broken::Not }))
    }
}

/// A connection on which an answer is awaited even where sending broke off.
#[derive(Debug)]
pub(super) struct Listening<T> {
    inner: T,
    broken: Broken,
}

/// Whether sending broke off.
#[derive(Debug)]
enum Broken {
    Not,
    /// By this error, which is told if there is no answer.
    By(io::Error),
    Told,
}

impl<T> Listening<T> {
    /// Why sending broke off, once.
    fn take_error(&mut self) -> Option<ureq::Error> {
        if matches!(self.broken, Broken::Not) {
            return None;
        }
        match std::mem::replace(&mut self.broken, Broken::Told) {
            Broken::By(error) => Some(error.into()),
            Broken::Not | Broken::Told => None,
        }
    }
}

impl<T: Transport> Transport for Listening<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if !matches!(self.broken, Broken::Not) {
            // There is nobody to send the rest to.
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(ureq::Error::Io(error)) if is_broken(&error) => {
                self.broken = Broken::By(error);
                Ok(())
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        match self.inner.await_input(timeout) {
            Ok(true) => Ok(true),
            other => self.take_error().map_or(other, Err),
        }
    }

    fn is_open(&mut self) -> bool {
        matches!(self.broken, Broken::Not) && self.inner.is_open()
    }
}

fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}
