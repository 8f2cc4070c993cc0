//! The bridge: from any number of device links to an agent, or to an endpoint of OpenTelemetry's, or to both.
//!
//! One thread a link reads bytes and notes when they came; one thread decodes, assembles and hands traces to the agent
//! client. Between them is a bounded queue: when the bridge is slow the links wait, and what a link then drops is
//! missed in its sequence and counted.

mod back;
mod by_otlp;
mod framing;
mod input;
mod listen;
mod mqtt;
mod summary;
mod time;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

pub use by_otlp::ByOtlp;
pub use input::Input;
pub use summary::{AtCallsite, OnCore, Summary};

use crate::agent::{Followed, Options as ClientOptions, Outlets, Sent};
use crate::config::{Config, Exporters, without_password};
use crate::decode::{Arrival, Correction, Decoder};
use crate::defmt::Program;
use crate::elf::Images;
use crate::error::BridgeError;
use crate::model::Span;
use crate::pipeline::{Assembler, Limits, Trace};
use crate::print::{self, Gathered, Style};
use crate::screen::Screen;
use back::{From, Way};
use framing::Framing;
use input::{Event, Reader};

/// How many pieces of input wait between the links and the decoder: at 4 KB each at most 4 MB.
const QUEUE: usize = 1024;
/// How often traces are looked at for being complete.
const TICK: Duration = Duration::from_millis(50);
/// How long the links have to hand over what they have read when the bridge ends.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the bridge tries to send what it holds when it ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often it says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// What a bridge does beside sending.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Show each finished trace on standard output.
    pub print: Option<Style>,
    /// Show what several devices have of a trace as one tree, some time after the last of it.
    pub whole: bool,
    /// Say every ten seconds how much went through.
    pub progress: bool,
    /// ELF files, and folders of them, for devices that tell names by address.
    pub elf: Vec<PathBuf>,
    /// The ELF file of the program whose log the byte streams carry, with packets in it; its lines are shown on standard error.
    pub defmt_elf: Option<PathBuf>,
}

/// Runs until `stop` is set or every link has ended, then sends what it holds.
///
/// # Errors
///
/// A link that cannot be opened and cannot become so by itself, an agent URL or an ELF file that cannot be used.
pub fn run(
    inputs: Vec<Input>,
    config: Config,
    options: Options,
    stop: Arc<AtomicBool>,
) -> Result<Summary, BridgeError> {
    let decoder = match options.elf.as_slice() {
        [] => Decoder::new(),
        _ => Decoder::with_strings(Arc::new(Images::open(options.elf)?)),
    };
    let program = options.defmt_elf.map(|path| Program::open(&path)).transpose()?;
    let clients = Outlets::start(&config, ClientOptions::default())?;
    let (sender, events) = mpsc::sync_channel(QUEUE);
    let is_live = inputs.iter().any(|input| !matches!(input, Input::Stdin | Input::File(_)));
    let patience = if is_live { Patience::None } else { Patience::Unlimited };
    // Every link is opened before the first is read: a port that is taken is said at once.
    let readers = inputs.into_iter().map(Reader::open).collect::<Result<Vec<_>, _>>()?;
    let started = Instant::now();
    let outlet =
        input::Outlet { link: 0, events: sender, stop: stop.clone(), started, links: Arc::default() };
    let links = readers.into_iter().map(|reader| (outlet.another_link(), reader)).collect::<Vec<_>>();
    let ways = links.iter().map(|(outlet, reader)| (outlet.link, reader.way())).collect();
    for (outlet, reader) in links {
        reader.start(outlet).map_err(BridgeError::Thread)?;
    }
    drop(outlet);
    if config.exporters.agent {
        log::info!("sending to {}", without_password(&config.agent_url));
    }
    if config.exporters.otlp {
        log::info!("sending by OTLP to {}", without_password(&config.otlp.url));
    }
    let print = match options.print {
        Some(style) => Some((Screen::new(io::stdout()).map_err(BridgeError::Thread)?, style)),
        None => None,
    };
    let log = match program {
        Some(program) => Some((Arc::new(program), Screen::new(io::stderr()).map_err(BridgeError::Thread)?)),
        None => None,
    };
    let bridge = Bridge {
        decoder,
        log,
        streams: HashMap::new(),
        ways,
        other_versions: HashSet::new(),
        assembler: Assembler::configured(Limits::default(), &config).with_rates(clients.rates()),
        followed: Followed::default(),
        outlet: Outlet {
            clients,
            exporters: config.exporters,
            print,
            gathered: options.whole.then(Gathered::default),
            patience,
            stop: stop.clone(),
        },
        started,
    };
    Ok(bridge.run(&events, options.progress, &stop))
}

struct Bridge {
    decoder: Decoder,
    /// The program whose log the byte streams carry, and where its lines are shown.
    log: Option<(Arc<Program>, Screen)>,
    /// One a link that is a byte stream and has said something.
    streams: HashMap<usize, Framing>,
    /// How a device is reached over each link.
    ways: HashMap<usize, Way>,
    /// The wire versions that were said to be other ones: each is said once.
    other_versions: HashSet<u8>,
    assembler: Assembler,
    /// What the agent says of itself.
    followed: Followed,
    outlet: Outlet,
    started: Instant,
}

/// Where finished traces go.
struct Outlet {
    clients: Outlets,
    exporters: Exporters,
    print: Option<(Screen, Style)>,
    /// Traces that are shown when all devices had time to send theirs.
    gathered: Option<Gathered>,
    patience: Patience,
    stop: Arc<AtomicBool>,
}

/// How long a trace may wait for room before the agent.
enum Patience {
    /// Not at all: devices go on sending.
    None,
    /// As long as it takes, unless the user ends it: recordings and pipes can wait, and an agent that is gone makes room
    /// by giving up.
    Unlimited,
    /// At the end.
    Until(Instant),
}

impl Outlet {
    fn take(&mut self, trace: &Trace) {
        while self.clients.is_crowded() && self.may_wait() && !self.clients.flush(TICK) {}
        self.clients.send(trace);
        match (&mut self.print, &mut self.gathered) {
            (Some((_, style)), None) => {
                let tree = print::tree(trace.spans(), *style);
                self.show(&tree);
            }
            (Some(_), Some(gathered)) => {
                let full = gathered.push(trace.spans(), Instant::now());
                self.show_whole(&full);
            }
            (None, _) => {}
        }
    }

    fn show(&mut self, tree: &str) {
        if let Some((screen, _)) = &mut self.print
            && screen.write_all(format!("{tree}\n").as_bytes()).is_err()
        {
            // Nobody reads any more; the agent still does.
            self.print = None;
        }
    }

    fn show_whole(&mut self, traces: &[Vec<Span>]) {
        for spans in traces {
            let Some((_, style)) = &self.print else { return };
            let tree = print::whole_tree(spans, *style);
            self.show(&tree);
        }
    }

    /// Shows the traces of which nothing more is to be expected.
    fn show_quiet(&mut self) {
        if let Some(gathered) = &mut self.gathered {
            let quiet = gathered.quiet(Instant::now());
            self.show_whole(&quiet);
        }
    }

    fn may_wait(&self) -> bool {
        match self.patience {
            Patience::None => false,
            Patience::Unlimited => !self.stop.load(Ordering::Relaxed),
            Patience::Until(end) => Instant::now() < end,
        }
    }
}

impl Bridge {
    fn run(mut self, events: &Receiver<Event>, progress: bool, stop: &AtomicBool) -> Summary {
        let (mut told, mut polled) = (Instant::now(), Instant::now());
        while !stop.load(Ordering::Relaxed) {
            match events.recv_timeout(TICK) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if polled.elapsed() >= TICK {
                polled = Instant::now();
                self.poll();
            }
            if progress && told.elapsed() >= PROGRESS {
                told = Instant::now();
                let summary = self.summary(self.outlet.clients.stats());
                log::info!("{} spans received, {} sent so far", summary.spans_received, summary.spans_out());
            }
        }
        // What the links still hand over. One that waits for a terminal does not end by itself.
        let end = Instant::now() + LAST_WORDS;
        while Instant::now() < end {
            match events.recv_timeout(TICK) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let end = Instant::now() + FAREWELL;
        if stop.load(Ordering::Relaxed) || matches!(self.outlet.patience, Patience::None) {
            self.outlet.patience = Patience::Until(end);
        }
        self.streams.values_mut().for_each(|stream| stream.finish(&mut self.decoder));
        self.decode(|decoder, mut out| decoder.flush(&mut out));
        let Self { assembler, outlet, .. } = &mut self;
        assembler.flush(&mut |trace| outlet.take(trace));
        if let Some(gathered) = &mut outlet.gathered {
            let rest = gathered.all();
            outlet.show_whole(&rest);
        }
        while self.outlet.may_wait() && !self.outlet.clients.flush(TICK) {}
        let stats = self.outlet.clients.shutdown(end.saturating_duration_since(Instant::now()).max(TICK));
        self.summary(stats)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Datagram { link, from, bytes, at } => {
                self.decode(|decoder, mut out| decoder.packet(&bytes, at, &mut out));
                self.ask(link, From::Address(from));
            }
            Event::Bytes { link, bytes, at } => {
                let mut stream = self.streams.remove(&link).unwrap_or_else(|| self.framing());
                self.stream(&mut stream, &bytes, at);
                self.streams.insert(link, stream);
                self.ask(link, From::Stream);
            }
            Event::Message { bytes, at } => {
                self.decode(|decoder, mut out| decoder.packet(&bytes, at, &mut out));
                // There is nobody to ask.
                self.decoder.take_requests();
            }
            Event::Kept { bytes } => self.decoder.learn(&bytes),
            Event::Connected { link, way } => drop(self.ways.insert(link, way)),
            Event::Broken { link } => self.broken(link),
            Event::Ended { link } => {
                self.broken(link);
                self.ways.remove(&link);
            }
            Event::Recording { bytes, recorded } => self.recording(&bytes, recorded),
        }
        if let Some(version) = self.decoder.take_other_version()
            && self.other_versions.insert(version)
        {
            log::warn!(
                "a device speaks wire version {version}, this bridge reads version {}: update the older of the two",
                microspan::wire::VERSION
            );
        }
    }

    fn broken(&mut self, link: usize) {
        if let Some(mut stream) = self.streams.remove(&link) {
            stream.finish(&mut self.decoder);
        }
    }

    /// Asks the devices whose packets just came for what they have not told.
    fn ask(&mut self, link: usize, from: From) {
        let way = self.ways.get_mut(&link).filter(|way| way.is_open());
        let Some(way) = way else { return drop(self.decoder.take_requests()) };
        for request in self.decoder.take_timed_requests(time::now(self.started)) {
            way.ask(&request, from);
        }
    }

    /// A whole recording: a first look learns its clocks, so that its first spans stand as right as its last.
    fn recording(&mut self, bytes: &[u8], recorded: i64) {
        let at = Arrival { unix: recorded, monotonic: self.now() };
        let mut first = Decoder::new();
        self.framing().bytes(bytes, at, &mut first, &mut |_| {}, &mut String::new());
        self.decoder.learn_clocks(&first);
        let mut stream = self.framing();
        self.stream(&mut stream, bytes, at);
        stream.finish(&mut self.decoder);
        // There is nobody to ask.
        self.decoder.take_requests();
    }

    fn framing(&self) -> Framing {
        Framing::new(self.log.as_ref().map(|(program, _)| program))
    }

    /// Takes the next bytes of a stream, and shows the lines of a log among them.
    fn stream(&mut self, stream: &mut Framing, bytes: &[u8], at: Arrival) {
        let mut lines = String::new();
        self.decode(|decoder, mut out| stream.bytes(bytes, at, decoder, &mut out, &mut lines));
        if let Some((_, screen)) = &mut self.log
            && !lines.is_empty()
        {
            // A terminal that went away takes nothing from the spans.
            let _ = screen.write_all(lines.as_bytes());
        }
    }

    fn poll(&mut self) {
        let now = self.now();
        let agent = self.outlet.clients.agent();
        if let Some(filters) = agent.and_then(|agent| self.followed.news(agent)) {
            self.assembler.set_agent_filters(filters);
        }
        self.decode(|decoder, mut out| decoder.poll(now, &mut out));
        let Self { assembler, outlet, .. } = self;
        assembler.poll(now, &mut |trace| outlet.take(trace));
        outlet.show_quiet();
    }

    /// Has the decoder do something, with its spans going on to the assembler.
    fn decode(&mut self, act: impl FnOnce(&mut Decoder, &mut dyn FnMut(Span))) {
        let now = self.now();
        let Self { decoder, assembler, outlet, .. } = self;
        act(decoder, &mut |span| assembler.push(span, now, &mut |trace| outlet.take(trace)));
        for Correction { source, from, to } in decoder.take_corrections() {
            assembler.correct(source, &from, &to);
        }
        decoder.reuse(assembler.spare_tag_lists());
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn summary(&self, sent: Sent) -> Summary {
        let (decoded, assembled) = (self.decoder.counters(), self.assembler.counters());
        Summary::new(decoded, self.decoder.reported(), assembled, &sent, self.outlet.exporters)
    }
}
