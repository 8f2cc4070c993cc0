//! A simulated debug probe: it reads an RTT channel out of an emulated board's memory through the emulator's debug port,
//! as a probe does through the pins of a real one, and offers the bytes on a socket.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The memory that is searched for the control block: the 64 KB of the board.
const RAM: std::ops::Range<u32> = 0x2000_0000..0x2001_0000;
/// As much as the emulator gives at once.
const PIECE: u32 = 1024;
const ID: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";
/// How long the board runs between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// A probe at the debug port of a board.
pub struct SimulatedProbe(TcpStream);

impl SimulatedProbe {
    /// Has a probe read the channel of this name and write its bytes to whoever connects to `to`, until the board ends.
    ///
    /// # Panics
    /// In its thread, when the board does not answer.
    pub fn start(debug_port: u16, name: &'static str, to: TcpListener) {
        thread::spawn(move || {
            let (mut host, _) = to.accept().expect("a bridge connects");
            let port = loop {
                match TcpStream::connect(("127.0.0.1", debug_port)) {
                    Ok(port) => break port,
                    Err(_) => thread::sleep(PAUSE),
                }
            };
            // Else each answer's receipt holds back the next question.
            port.set_nodelay(true).expect("a socket has this option");
            // The board stops when somebody connects. It ends in the middle of a look.
            let mut probe = Self(port);
            let _ended: io::Result<()> = probe.read_channel(name, &mut host);
        });
    }

    fn read_channel(&mut self, name: &str, host: &mut TcpStream) -> io::Result<()> {
        let mut channel = None;
        loop {
            channel = match channel {
                None => self.find(name)?,
                found => found,
            };
            if let Some(at) = channel {
                self.empty(at, host)?;
            }
            self.say("c")?;
            thread::sleep(PAUSE);
            self.0.write_all(&[3])?;
            self.hear()?;
        }
    }

    /// Where the descriptor of the channel is.
    fn find(&mut self, name: &str) -> io::Result<Option<u32>> {
        let mut ram = Vec::new();
        for at in RAM.step_by(PIECE as usize) {
            ram.extend(self.memory(at, PIECE)?);
        }
        let Some(block) = ram.windows(ID.len()).position(|bytes| bytes == ID) else { return Ok(None) };
        let block = RAM.start + block as u32;
        for number in 0..self.word(block + 16)? {
            let at = block + 24 + number * 24;
            let text = self.word(at)?;
            if self.memory(text, name.len() as u32)? == name.as_bytes() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Hands over what is in the channel's buffer.
    fn empty(&mut self, channel: u32, host: &mut TcpStream) -> io::Result<()> {
        let [buffer, size, write, read] = [4, 8, 12, 16].map(|offset| self.word(channel + offset));
        let (buffer, size, write, mut read) = (buffer?, size?, write?, read?);
        while read != write {
            let end = if read < write { write } else { size };
            let bytes = self.memory(buffer + read, end - read)?;
            host.write_all(&bytes)?;
            read = end % size;
        }
        let moved: String = read.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.ask(&format!("M{:x},4:{moved}", channel + 16)).map(drop)
    }

    fn word(&mut self, at: u32) -> io::Result<u32> {
        let bytes = self.memory(at, 4)?;
        Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| io::ErrorKind::InvalidData)?))
    }

    fn memory(&mut self, at: u32, len: u32) -> io::Result<Vec<u8>> {
        let hex = self.ask(&format!("m{at:x},{len:x}"))?;
        let byte = |place| u8::from_str_radix(hex.get(place..place + 2)?, 16).ok();
        Ok((0..hex.len()).step_by(2).map_while(byte).collect())
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        self.say(question)?;
        self.hear()
    }

    fn say(&mut self, command: &str) -> io::Result<()> {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        self.0.write_all(format!("${command}#{sum:02x}").as_bytes())
    }

    /// The next packet of the debug port, without its frame.
    fn hear(&mut self) -> io::Result<String> {
        let mut byte = [0];
        while byte != *b"$" {
            self.0.read_exact(&mut byte)?;
        }
        let mut text = String::new();
        loop {
            self.0.read_exact(&mut byte)?;
            if byte == *b"#" {
                break;
            }
            text.push(char::from(byte[0]));
        }
        self.0.read_exact(&mut [0; 2])?;
        self.0.write_all(b"+")?;
        Ok(text)
    }
}
