//! An agent that answers what a script says, one turn for each request, and notes what it was sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::Duration;

/// What is done with one request.
#[derive(Clone)]
pub(crate) enum Turn {
    /// Answer with this status and text.
    Answer(u16, &'static str),
    /// Answer success with these further lines of header, and this text.
    Say(&'static str, &'static str),
    /// Answer this status with these further lines of header, and nothing else.
    #[cfg(feature = "otlp")]
    Refuse(u16, &'static str),
    /// Close the connection without a word.
    Close,
    /// Promise a body and close the connection in the middle of it.
    Half(u16),
    /// Answer success at once, and the text after a while.
    Slow(Duration, &'static str),
    /// Say nothing for a while, then close.
    Silence(Duration),
    /// Read no body for a while, then reset the connection: so does closing one of which something is unread.
    Deaf(Duration),
}

impl Turn {
    pub(crate) fn answer(status: u16, text: &'static str) -> Self {
        Self::Answer(status, text)
    }
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Notes {
    requests: Vec<Request>,
    connections: usize,
    is_gone: bool,
}

/// The server. Its thread ends with the program.
pub(crate) struct Scripted {
    address: String,
    notes: Arc<Mutex<Notes>>,
}

impl Scripted {
    pub(crate) fn start(script: Vec<Turn>) -> Self {
        Self::start_at("127.0.0.1:0", script)
    }

    pub(crate) fn start_at(address: &str, script: Vec<Turn>) -> Self {
        record_log();
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let notes = Arc::new(Mutex::new(Notes::default()));
        let (script, ours) = (Arc::new(Mutex::new(VecDeque::from(script))), notes.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ours.lock().expect("no panic before").is_gone {
                    return;
                }
                ours.lock().expect("no panic before").connections += 1;
                let (script, notes) = (script.clone(), ours.clone());
                thread::spawn(move || serve(&stream, &script, &notes));
            }
        });
        Self { address, notes }
    }

    /// Listens no more.
    pub(crate) fn leave(&self) {
        self.notes.lock().expect("no panic before").is_gone = true;
        while TcpStream::connect(&self.address).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Listens on a Unix socket.
    #[cfg(unix)]
    pub(crate) fn start_on_socket(path: &std::path::Path, script: Vec<Turn>) -> Self {
        let listener = std::os::unix::net::UnixListener::bind(path).expect("a folder for it");
        let notes = Arc::new(Mutex::new(Notes::default()));
        let (script, ours) = (Arc::new(Mutex::new(VecDeque::from(script))), notes.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                ours.lock().expect("no panic before").connections += 1;
                let (script, notes) = (script.clone(), ours.clone());
                thread::spawn(move || serve(&stream, &script, &notes));
            }
        });
        Self { address: path.display().to_string(), notes }
    }

    /// An address where nobody listens.
    pub(crate) fn unused_address() -> String {
        record_log();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.notes.lock().expect("no panic before").requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.notes.lock().expect("no panic before").connections
    }
}

fn serve<S>(stream: &S, script: &Mutex<VecDeque<Turn>>, notes: &Mutex<Notes>)
where
    for<'a> &'a S: Read + Write,
{
    let mut output = stream;
    let mut input = BufReader::new(stream);
    while let Some((mut request, length)) = head(&mut input) {
        let turn = script.lock().expect("no panic before").pop_front().unwrap_or(Turn::Close);
        if !matches!(turn, Turn::Deaf(_)) {
            request.body.resize(length, 0);
            if input.read_exact(&mut request.body).is_err() {
                return;
            }
        }
        notes.lock().expect("no panic before").requests.push(request);
        let answer = match turn {
            Turn::Answer(status, text) => {
                format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{text}", text.len())
            }
            Turn::Say(headers, text) => {
                format!("HTTP/1.1 200 x\r\n{headers}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
            }
            #[cfg(feature = "otlp")]
            Turn::Refuse(status, headers) => {
                format!("HTTP/1.1 {status} x\r\n{headers}\r\nContent-Length: 0\r\n\r\n")
            }
            Turn::Slow(time, text) => {
                let head = format!("HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n", text.len());
                let is_sent = output.write_all(head.as_bytes()).is_ok();
                thread::sleep(if is_sent { time } else { Duration::ZERO });
                text.to_owned()
            }
            Turn::Half(status) => format!("HTTP/1.1 {status} x\r\nContent-Length: 100\r\n\r\n{{\"rate"),
            Turn::Silence(time) | Turn::Deaf(time) => {
                thread::sleep(time);
                return;
            }
            Turn::Close => return,
        };
        let is_sent = output.write_all(answer.as_bytes()).is_ok();
        if !is_sent || matches!(turn, Turn::Half(_)) {
            return;
        }
    }
}

/// A request without its body, and the length of that.
fn head(input: &mut impl BufRead) -> Option<(Request, usize)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.first()?.clone();
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    // A request without a body says no length.
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
    Some((Request { line, headers, body: Vec::new() }, length))
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.lock().expect("no panic before").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn record_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).expect("no other logger in these tests");
        log::set_max_level(log::LevelFilter::Warn);
    });
}

/// The warnings so far that name this agent.
pub(crate) fn logged(url: &str) -> Vec<String> {
    let wanted = format!("{url} ");
    let also = format!("{url}:");
    let lines = LINES.lock().expect("no panic before");
    lines.iter().filter(|line| line.contains(&wanted) || line.contains(&also)).cloned().collect()
}
