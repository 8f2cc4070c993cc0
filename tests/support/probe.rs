//! A simulated debug probe: it reads an RTT channel out of an emulated board's memory while the board runs, through the
//! emulator's port for tests, as a probe does through the pins of a real one, and offers the bytes on a socket.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The memory that is searched for the control block: the 64 KB of the board.
const RAM: u32 = 0x2000_0000;
const RAM_SIZE: u32 = 0x1_0000;
const ID: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";
/// How long the board runs between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// A probe, which waits for a board and for a program that reads its bytes.
pub struct SimulatedProbe {
    port: SocketAddr,
    bytes: SocketAddr,
    thread: JoinHandle<u64>,
}

impl SimulatedProbe {
    /// A probe for the channel of this name.
    ///
    /// # Panics
    /// When there are no ports.
    pub fn start(channel: &'static str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port for the board");
        let bytes = TcpListener::bind("127.0.0.1:0").expect("a port for a reader");
        let address = |of: &TcpListener| of.local_addr().expect("a listener has an address");
        Self {
            port: address(&port),
            bytes: address(&bytes),
            thread: thread::spawn(move || {
                let (mut reader, _) = bytes.accept().expect("a reader connects");
                let (board, _) = port.accept().expect("a board connects");
                board.set_nodelay(true).expect("a socket has this option");
                let (mut probe, mut count) = (Pins(BufReader::new(board)), 0);
                let end = probe.read_channel(channel, &mut reader, &mut count).expect_err("a board ends");
                let is_switched_off =
                    [ErrorKind::UnexpectedEof, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                assert!(is_switched_off.contains(&end.kind()), "{end}");
                count
            }),
        }
    }

    /// Where a board finds it.
    pub const fn address(&self) -> SocketAddr {
        self.port
    }

    /// Where a program reads the bytes of the channel.
    pub const fn bytes(&self) -> SocketAddr {
        self.bytes
    }

    /// Waits until the board is off; returns how many bytes came through the channel.
    ///
    /// # Panics
    /// When the probe could not read the board, or nobody read the probe.
    pub fn finish(self) -> u64 {
        self.thread.join().expect("the probe read its board to the end")
    }
}

/// The board's memory.
struct Pins(BufReader<TcpStream>);

impl Pins {
    /// Hands over what comes through the channel, until the board is switched off: that is the error.
    fn read_channel(&mut self, name: &str, reader: &mut TcpStream, count: &mut u64) -> io::Result<()> {
        let channel = loop {
            if let Some(channel) = self.find(name)? {
                break channel;
            }
            thread::sleep(PAUSE);
        };
        loop {
            *count += self.empty(channel, reader)?;
            thread::sleep(PAUSE);
        }
    }

    /// Where the descriptor of the channel is.
    fn find(&mut self, name: &str) -> io::Result<Option<u32>> {
        let ram = self.memory(RAM, RAM_SIZE)?;
        let Some(block) = ram.windows(ID.len()).position(|bytes| bytes == ID) else { return Ok(None) };
        let block = RAM + block as u32;
        for number in 0..self.word(block + 16)? {
            let at = block + 24 + number * 24;
            let text = self.word(at)?;
            if self.memory(text, name.len() as u32)? == name.as_bytes() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Hands over what is in the channel's buffer, then gives its room back to the board.
    fn empty(&mut self, channel: u32, reader: &mut TcpStream) -> io::Result<u64> {
        let [buffer, size, write, read] = [4, 8, 12, 16].map(|offset| self.word(channel + offset));
        let (buffer, size, write, mut read) = (buffer?, size?, write?, read?);
        let mut count = 0;
        while read != write {
            let end = if read < write { write } else { size };
            let bytes = self.memory(buffer + read, end - read)?;
            reader.write_all(&bytes).expect("who reads the probe goes on");
            count += bytes.len() as u64;
            read = end % size;
        }
        self.ask(&format!("writel {:#x} {read:#x}", channel + 16))?;
        Ok(count)
    }

    fn word(&mut self, at: u32) -> io::Result<u32> {
        let answer = self.ask(&format!("readl {at:#x}"))?;
        u32::from_str_radix(answer.trim_start_matches("0x"), 16).map_err(|_| io::Error::other(answer))
    }

    fn memory(&mut self, at: u32, len: u32) -> io::Result<Vec<u8>> {
        let answer = self.ask(&format!("read {at:#x} {len:#x}"))?;
        let hex = answer.trim_start_matches("0x");
        let byte = |place| u8::from_str_radix(hex.get(place..place + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map_while(byte).collect();
        if bytes.len() == len as usize { Ok(bytes) } else { Err(io::Error::other(answer)) }
    }

    /// What the emulator answers to this command.
    fn ask(&mut self, command: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{command}\n").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let Some(answer) = line.strip_suffix('\n') else { return Err(ErrorKind::UnexpectedEof.into()) };
        let Some(answer) = answer.strip_prefix("OK") else { return Err(io::Error::other(line)) };
        Ok(answer.trim().to_owned())
    }
}
