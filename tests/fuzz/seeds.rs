//! Writes what the corpus began with: what a real drain makes of some programs.
//!
//! ```text
//! cargo run -p microspan-fuzz --bin fuzz_seeds FOLDER
//! ```

use std::io;
use std::path::Path;

use microspan::wire::write_frame;
use microspan_fuzz::device;
use microspan_fuzz::random::Random;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("say into which folder: fuzz_seeds FOLDER"));
    };
    for seed in 0..32 {
        let mut program = Random::new(seed).bytes(40 + 12 * seed as usize);
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
        let first = run.packets.into_iter().next().unwrap_or_default();
        for (target, bytes) in
            [("frame", stream), ("packet", first), ("session", sessions), ("drain", program)]
        {
            let folder = Path::new(&folder).join(target);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("seed-{seed}")), bytes)?;
        }
    }
    Ok(())
}
