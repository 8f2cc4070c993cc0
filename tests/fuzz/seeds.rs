//! Writes what the corpus began with: what a real drain makes of some programs.
//!
//! ```text
//! cargo run -p microspan-fuzz --bin fuzz_seeds FOLDER
//! ```

use std::io;
use std::path::Path;

use microspan::Session;
use microspan::wire::{Request, write_frame};
use microspan_fuzz::device;
use microspan_fuzz::random::Random;

/// Requests, a header a line; the first line is also taken as a context in the compact form.
const HEADERS: [&str; 8] = [
    "\u{3}\u{7}\0\0\0\0\0\0\0\u{9}\0\0\0\0\0\0\0",
    "\u{1b}\u{7}\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\u{9}\0\0\0\0\0\0\0\u{4}",
    "x-datadog-trace-id: 7\nx-datadog-parent-id: 9\nx-datadog-sampling-priority: 2\nx-datadog-origin: rum\n\
     x-datadog-tags: _dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.x=y=z",
    "traceparent: 00-0000000000000000000000000000000a-000000000000000b-01\n\
     tracestate: foo=1,dd=p:00000000000000dd;s:2;o:a~b;t.dm:-4;t.usr.id:ada,ot=x",
    "b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-d-0000000000000001",
    "X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124\nX-B3-SpanId: 00f067aa0ba902b7\nX-B3-Sampled: 0\nX-B3-Flags: 1",
    "baggage: user.id=Am%C3%A9lie,shop = north ,a=1;prop=2\nx-datadog-trace-id: 7\nx-datadog-parent-id: 0",
    "x-datadog-trace-id: 10\nx-datadog-parent-id: 11\nx-datadog-tags: _dd.p.tid=1234,_dd.p.dm=4\n\
     traceparent: 00-0000000000000000000000000000000a-00000000000000cc-03\ntracestate: dd=s:-1,bar=2",
];

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("say into which folder: fuzz_seeds FOLDER"));
    };
    for seed in 0..32 {
        let mut random = Random::new(seed);
        let mut program = random.bytes(40 + 12 * seed as usize);
        program[0] = (program[0] & !3) | (seed as u8 % 4);
        let run = device::run(seed + 1, &program);
        let (mut stream, mut sessions) = (vec![seed as u8 + 1], Vec::new());
        for (n, packet) in run.packets.iter().enumerate() {
            let Ok(()) = write_frame(packet, |bytes| {
                stream.extend_from_slice(bytes);
                Ok::<_, std::convert::Infallible>(())
            });
            sessions.push(n as u8 % 8);
            sessions.extend((packet.len() as u16).to_le_bytes());
            sessions.extend(packet);
        }
        let request = Request {
            session: (seed % 3 != 0).then(|| Session::new(seed)),
            sync: seed % 2 == 0,
            names: seed % 4 < 2,
            time: (seed % 5 == 0).then_some(seed as u8 % 16),
        };
        let mut requests = request.encode().to_vec();
        if seed % 2 == 0 {
            requests.insert(0, 13);
            requests.push(0);
        }
        let headers = HEADERS[seed as usize % HEADERS.len()].as_bytes().to_vec();
        let file = elf(seed % 2 == 0, &random.bytes(1 + seed as usize % 40), b"bread, butter");
        let first = run.packets.into_iter().next().unwrap_or_default();
        for (target, bytes) in [
            ("frame", stream),
            ("packet", first),
            ("session", sessions),
            ("request", requests),
            ("headers", headers),
            ("elf", file),
            ("drain", program),
        ] {
            let folder = Path::new(&folder).join(target);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("seed-{seed}")), bytes)?;
        }
    }
    Ok(())
}

/// An ELF file of 32 or 64 bits with a build id and a segment that holds a text.
fn elf(wide: bool, id: &[u8], text: &[u8]) -> Vec<u8> {
    let (header, entry) = if wide { (64, 56) } else { (52, 32) };
    let mut note: Vec<u8> = [4, id.len() as u32, 3].iter().flat_map(|word| word.to_le_bytes()).collect();
    note.extend(b"GNU\0");
    note.extend(id);
    note.resize(note.len().next_multiple_of(4), 0);
    let (note_at, text_at) = (header + 2 * entry, header + 2 * entry + note.len());

    let mut file = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 1, 1];
    file.resize(16, 0);
    let put =
        |file: &mut Vec<u8>, value: usize, bytes: usize| file.extend(&(value as u64).to_le_bytes()[..bytes]);
    let word = if wide { 8 } else { 4 };
    let (kind, machine, version) = (2, if wide { 183 } else { 40 }, 1);
    for (value, bytes) in [
        (kind, 2),
        (machine, 2),
        (version, 4),
        (0, word),
        (header, word),
        (0, word),
        (0, 4),
        (header, 2),
        (entry, 2),
        (2, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ] {
        put(&mut file, value, bytes);
    }
    for (kind, at, address, size) in [(4, note_at, 0x1000, note.len()), (1, text_at, 0x0800_0000, text.len())]
    {
        let flags = 4;
        put(&mut file, kind, 4);
        if wide {
            put(&mut file, flags, 4);
        }
        for value in [at, address, address, size, size] {
            put(&mut file, value, word);
        }
        if !wide {
            put(&mut file, flags, 4);
        }
        put(&mut file, 4, word);
    }
    file.extend(note);
    file.extend(text);
    file
}
