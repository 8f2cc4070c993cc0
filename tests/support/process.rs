//! A child process: what it says, how it ends, and that it does.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often an ending is looked for.
const GLANCE: Duration = Duration::from_millis(10);

/// What a process wrote on one of its outputs, line by line.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn of(source: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let writer = lines.clone();
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                writer.update(|written| written.lines.push(text));
                line.clear();
            }
            writer.update(|written| written.ended = true);
        });
        lines
    }

    fn update(&self, change: impl FnOnce(&mut Written)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    /// The lines so far.
    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    /// What `find` makes of the first line of which it makes something; `None` when the time or the output ends.
    pub fn find<T>(&self, timeout: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + timeout;
        let mut written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = written.lines.iter().find_map(|line| find(line)) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.ended || left.is_zero() {
                return None;
            }
            written = self.0.1.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_for_end(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !written.ended && Instant::now() < deadline {
            written = self.0.1.wait_timeout(written, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A child process, killed when this is dropped.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it says.
    pub stdout: Lines,
    /// What it says aside.
    pub stderr: Lines,
}

impl Process {
    /// Starts a program, all of whose outputs and inputs are ours.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{name}`: {error}"));
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both were asked for")
        };
        Self { name, child, stdin, stdout: Lines::of(stdout), stderr: Lines::of(stderr) }
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// When it does not read any more.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("its input was not closed yet");
        let written = stdin.write_all(bytes).and_then(|()| stdin.flush());
        written.unwrap_or_else(|error| panic!("{}\nit does not read: {error}", self.told()));
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What a person does with Ctrl-C.
    pub fn interrupt(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
    }

    /// Waits for its end; its outputs are complete then.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let deadline = Instant::now() + timeout;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.stdout.wait_for_end(timeout);
                self.stderr.wait_for_end(timeout);
                return status;
            }
            assert!(Instant::now() < deadline, "{}\nit did not end within {timeout:?}", self.told());
            thread::sleep(GLANCE);
        }
    }

    /// What it told so far, for a message of failure.
    pub fn told(&self) -> String {
        format!(
            "`{}`\nstdout:\n  {}\nstderr:\n  {}",
            self.name,
            self.stdout.all().join("\n  "),
            self.stderr.all().join("\n  ")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries until `attempt` succeeds.
///
/// # Panics
/// With what the last attempt lacked, when the time is over.
pub fn eventually<T>(timeout: Duration, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(lack) => assert!(Instant::now() < deadline, "after {timeout:?}: {lack}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
