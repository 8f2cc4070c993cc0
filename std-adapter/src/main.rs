//! The command `microspan`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use microspan_std::config::{Config, Warning};
use microspan_std::daemon::{self, Input};
use microspan_std::print::Style;
use microspan_std::screen::Screen;
use microspan_std::standin::{self, Standin};

/// Datadog-style spans from microcontrollers, brought to the Datadog agent.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Receive spans from devices, assemble them to traces and send these to the Datadog agent, or by OTLP to any backend of
    /// OpenTelemetry.
    Bridge(Box<Bridge>),
    /// Run a small stand-in for the Datadog agent: it checks and shows traces, and sends them nowhere.
    Agent(Agent),
    /// Show each setting, what it is and where that comes from: a variable of the environment, or the default.
    Config(Shown),
}

/// The agent is found as Datadog's tracers find it: DD_TRACE_AGENT_URL, or DD_AGENT_HOST and DD_TRACE_AGENT_PORT, or
/// http://localhost:8126. DD_SERVICE, DD_ENV, DD_VERSION and DD_TAGS say what devices do not say themselves. With
/// OTEL_TRACES_EXPORTER=otlp traces go out by OTLP instead, and with `datadog,otlp` both ways.
#[derive(Args)]
#[command(
    after_help = "Ctrl-C ends the bridge; it sends what it holds first. A second Ctrl-C ends it at once.",
    group = clap::ArgGroup::new("elsewhere").args(["otlp", "print"]).multiple(true)
)]
struct Bridge {
    #[command(flatten)]
    links: Links,
    /// Where the agent is; wins over the environment.
    #[arg(long, value_name = "URL")]
    agent_url: Option<String>,
    /// Send traces by OTLP (HTTP, protobuf) to this endpoint too, such as http://localhost:4318; `/v1/traces` is added. Without a URL
    /// OTEL_EXPORTER_OTLP_ENDPOINT says where it is. OTEL_TRACES_EXPORTER=otlp does so in the place of the agent. Traces that are not
    /// kept are not sent so.
    #[arg(long, value_name = "URL", num_args = 0..=1)]
    otlp: Option<Option<String>>,
    /// Send to no agent: by OTLP alone, or nowhere with --print.
    #[arg(long, requires = "elsewhere", conflicts_with = "agent_url")]
    no_agent: bool,
    /// Read the names of devices that tell them by address from this ELF file, or from those in this folder, by build id; and the
    /// functions and lines where devices stopped.
    #[arg(long, value_name = "FILE|DIR")]
    elf: Vec<PathBuf>,
    /// The byte streams carry the log of this program in defmt frames, and packets in it; lines become events of their spans.
    #[arg(long, value_name = "FILE")]
    defmt_elf: Option<PathBuf>,
    /// Show each finished trace as a tree.
    #[arg(long)]
    print: bool,
    /// Show what several devices have of a trace as one tree, two seconds after the last of it.
    #[arg(long, requires = "print")]
    whole: bool,
    /// End with one JSON object on the last line of standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Links {
    /// Receive datagrams on this address; port 0 takes a free one and says which.
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Vec<String>,
    /// Read a byte stream from this peer, and connect again when it ends.
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Vec<String>,
    /// Read byte streams from peers that connect to this address, 64 at a time; port 0 takes a free one and says which.
    #[arg(long, value_name = "ADDR:PORT")]
    tcp_listen: Vec<String>,
    /// Take what devices publish to this MQTT 5 broker, on topics below PREFIX (without one, `microspan`).
    #[arg(long, value_name = "mqtt://[USER:PASSWORD@]HOST[:PORT][/PREFIX]")]
    mqtt: Vec<String>,
    /// Read a serial device; at 115200 baud unless `:BAUD` follows the path.
    #[arg(long, value_name = "PATH[:BAUD]")]
    serial: Vec<String>,
    /// Read a byte stream from standard input, to its end.
    #[arg(long)]
    stdin: bool,
    /// Read a recorded byte stream, whose last packet came when the file was last written.
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
}

impl Links {
    fn inputs(self) -> Vec<Input> {
        let udp = self.udp.into_iter().map(Input::Udp);
        let tcp = self.tcp.into_iter().map(Input::Tcp);
        let listen = self.tcp_listen.into_iter().map(Input::TcpListen);
        let mqtt = self.mqtt.into_iter().map(Input::Mqtt);
        let serial = self.serial.into_iter().map(Input::Serial);
        let stdin = self.stdin.then_some(Input::Stdin);
        udp.chain(tcp)
            .chain(listen)
            .chain(mqtt)
            .chain(serial)
            .chain(stdin)
            .chain(self.file.into_iter().map(Input::File))
            .collect()
    }
}

#[derive(Args)]
struct Agent {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8126")]
    listen: String,
    /// Do not show traces.
    #[arg(long)]
    quiet: bool,
    /// Show what several programs have of a trace as one tree, two seconds after the last of it.
    #[arg(long)]
    whole: bool,
}

#[derive(Args)]
struct Shown {
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if log::set_logger(&ToStderr).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    let ended = match command {
        Command::Bridge(bridge) => run_bridge(*bridge),
        Command::Agent(agent) => run_agent(agent),
        Command::Config(shown) => show_config(&shown),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("microspan: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_bridge(args: Bridge) -> anyhow::Result<()> {
    // An agent's address that cannot be used is no matter where none is used, and otherwise an error.
    let mut config = read_config(|warning| warning.variable != "DD_TRACE_AGENT_URL");
    if let Some(url) = args.agent_url {
        config = config.with_agent_url(url).with_agent(true);
    }
    config = match args.otlp {
        None => config,
        Some(None) => config.with_otlp_as_configured(),
        Some(Some(url)) => config.with_otlp(&url),
    };
    if args.no_agent {
        config = config.with_agent(false);
    }
    let style = Style::for_output(&io::stdout(), config.no_color);
    let options = daemon::Options {
        print: args.print.then_some(style),
        whole: args.whole,
        progress: io::stderr().is_terminal(),
        elf: args.elf,
        defmt_elf: args.defmt_elf,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    on_interrupt(move || asked.store(true, Ordering::Relaxed))?;
    let summary = daemon::run(args.links.inputs(), config, options, stop)?;
    log::info!("{summary}");
    if args.json {
        let line = serde_json::to_string(&summary).context("cannot write the summary as JSON")?;
        writeln!(io::stdout(), "{line}").context("cannot write the summary to standard output")?;
    }
    Ok(())
}

/// The configuration of the environment; what is wrong with it is said, where that `matters`.
fn read_config(matters: impl Fn(&Warning) -> bool) -> Config {
    let config = Config::from_env();
    for warning in config.warnings.iter().filter(|warning| matters(warning)) {
        log::warn!("{warning}");
    }
    config
}

fn show_config(args: &Shown) -> anyhow::Result<()> {
    let config = read_config(|_| true);
    let settings = config.settings();
    let text = if args.json {
        let shown = settings.iter().map(|setting| {
            let value = serde_json::json!({
                "value": setting.value,
                "origin": setting.origin.to_string(),
                "used": setting.is_used,
            });
            (setting.name.to_owned(), value)
        });
        let shown = serde_json::Value::Object(shown.collect());
        serde_json::json!({ "settings": shown, "not_used": config.unused() }).to_string()
    } else {
        let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or_default();
        let lines = settings.iter().map(|setting| {
            let note = if setting.is_used { "" } else { ", not used" };
            let value = if setting.value.is_empty() { "-" } else { &setting.value };
            format!("{:width$}  {value}  ({}{note})", setting.name, setting.origin)
        });
        let unused = config.unused().iter().map(|name| format!("{name:width$}  is set and not used"));
        lines.chain(unused).collect::<Vec<_>>().join("\n")
    };
    match writeln!(io::stdout(), "{text}") {
        // Who reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the configuration to standard output"),
    }
}

fn run_agent(args: Agent) -> anyhow::Result<()> {
    let config = Config::from_env();
    let style = Style::for_output(&io::stdout(), config.no_color);
    let output: Box<dyn Write + Send> = if args.quiet {
        Box::new(io::sink())
    } else {
        Box::new(Screen::new(io::stdout()).context("cannot start the thread that shows traces")?)
    };
    let standin = Standin::bind(&args.listen, standin::Options { output, style, whole: args.whole })?;
    let handle = standin.handle();
    let to_stop = handle.clone();
    on_interrupt(move || to_stop.stop())?;
    standin.run()?;
    let summary = handle.summary();
    log::info!(
        "{} spans ({} failed) in {} traces of {} payloads; {} payloads refused",
        summary.spans,
        summary.errors,
        summary.traces,
        summary.payloads,
        summary.rejected
    );
    Ok(())
}

/// Has Ctrl-C, and a polite kill, call this; a second one ends the program at once.
fn on_interrupt(mut act: impl FnMut() + 'static + Send) -> anyhow::Result<()> {
    let mut asked = false;
    let handler = move || {
        if std::mem::replace(&mut asked, true) {
            std::process::exit(130);
        }
        act();
    };
    ctrlc::set_handler(handler).context("cannot take over Ctrl-C")
}

/// The log, for a person in front of a terminal.
struct ToStderr;

impl log::Log for ToStderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("microspan")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = match record.level() {
                log::Level::Error => "error: ",
                log::Level::Warn => "warning: ",
                _ => "",
            };
            // A terminal that went away takes nothing from the spans.
            let _ = writeln!(io::stderr(), "microspan: {level}{}", record.args());
        }
    }

    fn flush(&self) {}
}
