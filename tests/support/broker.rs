//! `mosquitto`, a real MQTT broker.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::needs::{self, Missing};
use crate::ports;
use crate::process::{Process, eventually};

const START: Duration = Duration::from_secs(20);

/// A broker that can be stopped and started again. It forgets everything when it stops.
pub struct Broker {
    program: PathBuf,
    subscriber: PathBuf,
    publisher: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Process>,
}

/// A message, as a subscriber sees it.
#[derive(Debug)]
pub struct Message {
    /// Whether the broker kept it from before.
    pub retained: bool,
    /// Its topic.
    pub topic: String,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Broker {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// [`Missing`] when it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Result<Self, Missing> {
        let mut broker = Self {
            program: needs::program("mosquitto", "mosquitto")?,
            subscriber: needs::program("mosquitto_sub", "mosquitto-clients")?,
            publisher: needs::program("mosquitto_pub", "mosquitto-clients")?,
            folder: tempfile::tempdir().expect("a folder for temporary files"),
            port: ports::tcp(),
            process: None,
        };
        broker.start_again();
        Ok(broker)
    }

    /// Starts it on the port that it had.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        let settings = self.folder.path().join("mosquitto.conf");
        let lines = format!("listener {} 127.0.0.1\nallow_anonymous true\n", self.port);
        std::fs::write(&settings, lines).expect("the folder takes a file");
        let process = Process::start(Command::new(&self.program).arg("-c").arg(settings));
        eventually(START, || {
            TcpStream::connect(("127.0.0.1", self.port)).map(drop).map_err(|error| error.to_string())
        });
        self.process = Some(process);
    }

    /// Stops it at once, as a power cut does.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, words: &str) {
        let process = self.process.as_ref().expect("it runs");
        let said = process.stderr.find(START, |line| line.contains(words).then_some(()));
        assert!(said.is_some(), "{}\nit never said `{words}`", process.told());
    }

    /// Publishes a message, of quality of service 1.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        let file = self.folder.path().join("message");
        std::fs::write(&file, payload).expect("the folder takes a file");
        let mut command = Command::new(&self.publisher);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic, "-f"]);
        assert!(command.arg(file).status().expect("mosquitto_pub runs").success(), "{topic} is published");
    }

    /// What somebody is told who subscribes now and listens for a second.
    ///
    /// # Panics
    /// When what the subscriber prints is not understood.
    pub fn messages(&self, filter: &str) -> Vec<Message> {
        let mut command = Command::new(&self.subscriber);
        command.args(["-V", "5", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-W", "1"]);
        let output = command.args(["-F", "%r %t %x", "-t", filter]).output().expect("mosquitto_sub runs");
        String::from_utf8_lossy(&output.stdout).lines().map(message).collect()
    }
}

fn message(line: &str) -> Message {
    let [retained, topic, payload] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("it is no message: {line}");
    };
    let byte = |at| u8::from_str_radix(&payload[at..at + 2], 16).expect("hexadecimal digits");
    Message {
        retained: retained == "1",
        topic: topic.to_owned(),
        payload: (0..payload.len()).step_by(2).map(byte).collect(),
    }
}
