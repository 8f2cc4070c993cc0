//! Where a device stopped, found in the ELF file of its program.

use std::fs;
use std::path::Path;

use microspan::{Arena, Clock, Drain, Refused, Session, Tracer, Transport};
use microspan_std::elf::{Image, lines};
use microspan_tests::bridge::Bridge;
use microspan_tests::built;
use microspan_tests::device::frame;
use microspan_tests::need;
use microspan_tests::standin::Standin;
use object::elf::FileHeader32;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, SymbolKind};
use tempfile::TempDir;

/// The functions of the firmware's own that were not inlined: where they lie, how long they are, what they are called.
fn functions(file: &[u8]) -> Vec<(u64, u64, String)> {
    let elf = ElfFile::<FileHeader32<Endianness>>::parse(file).expect("an ELF file");
    let functions = elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    let named = functions.filter_map(|symbol| {
        let name = format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?));
        Some((symbol.address() & !1, symbol.size(), name))
    });
    named.filter(|(_, _, name)| name.starts_with("microspan_firmware::")).collect()
}

/// The file and the line of what is told of a function, if it is of this project.
fn place(told: &str) -> Option<(String, usize)> {
    let (file, line) = told.rsplit_once(" (")?.1.strip_suffix(')')?.rsplit_once(':')?;
    let source = fs::read_to_string(built::root().join(file)).ok()?;
    Some((source, line.parse().ok()?))
}

#[test]
fn an_address_lies_in_its_function_at_a_line_of_its_source() {
    let file = fs::read(need!(built::firmware("sandwich_udp"))).expect("a file");
    let mut found = 0;
    for (address, size, name) in functions(&file) {
        for at in [address, address + size / 2, address + size - 2] {
            let told = lines(&file, at);
            let outermost = told.last().unwrap_or_else(|| panic!("{at:#x} lies in {name}"));
            assert!(outermost.starts_with(&format!("{name} (firmware-example/src/")), "{at:#x}: {told:?}");
            // Instructions that belong to no line have none.
            if let (Some((source, line)), Some(last)) = (place(outermost), name.rsplit("::").next()) {
                // A handler lies at the attribute above it, which also names it.
                let written = format!("fn {}", last.trim_start_matches("__cortex_m_rt_"));
                assert!(source.lines().take(line + 1).any(|text| text.contains(&written)), "{outermost}");
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn a_function_that_was_inlined_stands_before_the_line_that_calls_it() {
    let file = fs::read(need!(built::firmware("sandwich_udp"))).expect("a file");
    let (inner, outer) =
        ("microspan_firmware::app::Kitchen::assemble_sandwich (", "Kitchen::make_sandwich_request (");
    let mut calls = (0x400_u64..0x1_0000).step_by(32).filter_map(|address| {
        let told = lines(&file, address);
        let at = told.iter().position(|line| line.starts_with(inner))?;
        told.get(at + 1).filter(|line| line.contains(outer)).cloned()
    });
    let call = calls.next().expect("it is inlined");
    let (source, line) = place(&call).expect("a line of the kitchen");
    let text = source.lines().nth(line - 1).expect("the line is there");
    assert!(text.contains("assemble_sandwich"), "{call}: {text}");
}

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        1_000
    }

    fn frequency(&self) -> u32 {
        1_000
    }
}

struct Stream(Vec<u8>);

impl Transport for Stream {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.extend(frame(packet));
        Ok(())
    }
}

/// What a bridge shows of a device that stopped at an address.
fn shown(build_id: &'static [u8], pc: u64, options: &[&str]) -> String {
    let arena = Box::leak(Box::new(Arena::<8, 16>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, &Still).service("oven")));
    let mut drain = Drain::<256>::new(tracer, Session::new(7)).expect("room for a packet");
    drain.set_build_id(build_id);
    let span = tracer.trace("bake");
    span.set_tag("reset.pc", pc | 1).set_tag("reset.lr", 0xffff_fff9_u64);
    span.finish();
    let mut stream = Stream(Vec::new());
    while drain.poll(&mut stream) == Ok(true) {}
    let folder = TempDir::new().expect("a folder");
    let recording = folder.path().join("recording");
    fs::write(&recording, stream.0).expect("a file");
    let standin = Standin::start();
    let file = recording.to_str().expect("UTF-8");
    let bridge = Bridge::start(standin.url(), &[&["--print", "--file", file], options].concat());
    let out = bridge.process.stdout.clone();
    assert_eq!(bridge.finish().spans_sent, 1);
    out.all().join("\n")
}

#[test]
fn a_bridge_that_has_the_program_shows_where_the_device_stopped() {
    let elf = need!(built::firmware("sandwich_udp"));
    let file = fs::read(&elf).expect("a file");
    let image = Image::parse(&file).expect("a program");
    let build_id: &'static [u8] = Box::leak(image.build_id().to_vec().into_boxed_slice());
    let is_handler = |(_, _, name): &(u64, u64, String)| name.ends_with("__cortex_m_rt_HardFault");
    let (address, ..) = functions(&file).into_iter().find(is_handler).expect("the board has one");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();

    let with = shown(build_id, address, &["--elf", &path(&elf)]);
    let line = "\n     at microspan_firmware::board::fault::__cortex_m_rt_HardFault (firmware-example/src/board/fault.rs:";
    assert!(with.contains(line), "{with}");
    let pc = format!("reset.pc={:#010x}", address | 1);
    assert!(with.contains(&pc) && with.contains("reset.lr=0xfffffff9"), "{with}");

    let without = shown(build_id, address, &[]);
    assert!(without.contains(&pc) && !without.contains("  at "), "{without}");
}
