//! Standard output for a program that must not wait for it.
//!
//! A terminal that is stopped, or a pipe that nobody reads, blocks whoever writes to it. Here that is a thread of its own;
//! what it has not written when its queue is full is left out, and it says how much.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

/// How many pieces of text wait.
const QUEUE: usize = 4096;
/// How long the end waits for what is still queued.
const FAREWELL: Duration = Duration::from_secs(1);

/// A writer that never waits. Each `write` is shown whole or not at all.
pub struct Screen {
    queue: Option<SyncSender<Vec<u8>>>,
    /// Ends when the thread has.
    ended: Receiver<()>,
    skipped: u64,
}

impl Screen {
    /// A screen in front of this output.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, texts) = mpsc::sync_channel::<Vec<u8>>(QUEUE);
        let (end, ended) = mpsc::channel();
        thread::Builder::new().name("microspan-screen".into()).spawn(move || {
            // Dropped at the end of the thread, however it ends.
            let _end = end;
            for text in texts {
                if output.write_all(&text).and_then(|()| output.flush()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { queue: Some(queue), ended, skipped: 0 })
    }
}

impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        let mut piece = Vec::with_capacity(text.len());
        if self.skipped > 0 {
            piece.extend_from_slice(format!("... {} pieces of output left out\n", self.skipped).as_bytes());
        }
        piece.extend_from_slice(text);
        match queue.try_send(piece) {
            Ok(()) => self.skipped = 0,
            Err(TrySendError::Full(_)) => self.skipped += 1,
            Err(TrySendError::Disconnected(_)) => return Err(gone()),
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.queue = None;
        // An error is the end of the thread, or the end of our patience.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_written_is_there_when_the_screen_is_gone() {
        let page = Page::default();
        let mut screen = Screen::new(page.clone()).unwrap();
        for line in 0..100 {
            writeln!(screen, "{line}").unwrap();
        }
        drop(screen);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..100));
    }

    #[test]
    fn an_output_that_nobody_reads_holds_up_neither_the_writer_nor_the_end() {
        struct Stuck(mpsc::Sender<()>);
        impl Write for Stuck {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.send(()).unwrap();
                loop {
                    thread::park();
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let start = Instant::now();
        let (taken, is_stuck) = mpsc::channel();
        let mut screen = Screen::new(Stuck(taken)).unwrap();
        screen.write_all(b"text").unwrap();
        is_stuck.recv().unwrap();
        (0..2 * QUEUE).for_each(|_| screen.write_all(b"text").unwrap());
        assert_eq!(screen.skipped, QUEUE as u64);
        drop(screen);
        assert!(start.elapsed() < 10 * FAREWELL);
    }

    #[test]
    fn an_output_that_went_away_is_told() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut screen = Screen::new(Gone).unwrap();
        let told = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            screen.write(b"text").is_err()
        });
        assert!(told);
    }
}
