//! Every public type has a `Format`: `cargo test -p microspan --features defmt --test format`.
#![cfg(not(loom))]

use microspan::*;
use std::fs;
use std::path::{Path, PathBuf};

fn assert_format<T: defmt::Format>() {}

/// The types, each on a line of its own that begins with its name.
#[test]
fn every_public_type_has_a_format() {
    macro_rules! have_formats {
        ($($(#[$when:meta])? $type:ty,)+) => { $($(#[$when])? assert_format::<$type>();)+ };
    }
    have_formats! {
        AnyThread,
        Arena<4, 4>,
        #[cfg(feature = "embedded-io-async")]
        AsyncStream<()>,
        Boot<64>,
        Callsite,
        Callsites<4>,
        Cause,
        Cores<OneContext>,
        #[cfg(all(target_arch = "arm", target_os = "none"))]
        CortexM,
        Defmt,
        Detached,
        Detached<OneThread>,
        Drain<64>,
        Exclusive,
        GlobalTagError,
        GlobalTags<4>,
        Held<'_>,
        Image<4, 4>,
        Interrupts,
        #[cfg(not(target_os = "none"))]
        LongTexts,
        Names,
        OneContext,
        OneThread,
        Previous,
        Program,
        Reason,
        Recorder<4, 4>,
        Refused<()>,
        Reset,
        #[cfg(feature = "rtt-target")]
        Rtt,
        Rule,
        Said<'_>,
        Sampler,
        Session,
        SetGlobalError,
        Span,
        Span<OneThread>,
        SpanBuilder<'_>,
        SpanContext,
        SpanRef,
        SpanRef<OneThread>,
        Stamp,
        Static,
        Stats,
        #[cfg(feature = "embedded-io")]
        Stream<()>,
        Taken<'_>,
        #[cfg(feature = "embassy-net-tcp")]
        Tcp<'_, '_>,
        Tracer,
        #[cfg(feature = "embassy-net")]
        Udp<'_, '_>,
        Unwinding,
        Value<'_>,
        Widened<()>,
        WithSpan<core::future::Ready<()>, OneThread>,
        WithSpan<core::future::Ready<()>>,
        propagation::Baggage<'_>,
        propagation::BaggageText<'_>,
        propagation::Behavior,
        propagation::Extracted<'_>,
        propagation::Passing<'_>,
        propagation::PropagationError<'_>,
        propagation::Propagator,
        propagation::RemoteLink,
        propagation::Style,
        wire::Event<'_>,
        wire::FrameDecoder<64>,
        wire::FrameError,
        wire::Header,
        wire::Identity<'_>,
        wire::Link<'_>,
        wire::Malformed,
        wire::Packet<'_>,
        wire::PacketError,
        wire::Record<'_>,
        wire::Records<'_>,
        wire::Request,
        wire::RequestDecoder,
        wire::Span<'_>,
        wire::Sync<'_>,
        wire::Tag<'_>,
        wire::TagValue<'_>,
        wire::Tags<'_>,
        wire::Text<'_>,
    }
    // What `#[wrap]` makes of an async function's body, and nobody names.
    fn assert_format_of(_: &impl defmt::Format) {}
    assert_format_of(&__private::within(&trace("nowhere").detach(), core::future::ready(())));
}

#[test]
fn the_test_above_names_every_public_type() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named: Vec<&str> = include_str!("format.rs").lines().map(str::trim).collect();
    let (mut missing, mut found) = (Vec::new(), 0);
    for file in files(&source) {
        // What the macros expand to is nobody's to name.
        if file.starts_with(source.join("private")) || file.ends_with("private.rs") {
            continue;
        }
        let modules = ["wire::", "propagation::"];
        let path = modules.into_iter().find(|path| file.starts_with(source.join(path.trim_end_matches(':'))));
        let path = path.unwrap_or("");
        for line in fs::read_to_string(&file).unwrap().lines() {
            let line = line.trim_start();
            let Some(rest) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))
            else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            let [plain, generic] = [",", "<"].map(|end| format!("{path}{name}{end}"));
            if name != "Within"
                && !named.iter().any(|line| line.starts_with(&plain) || line.starts_with(&generic))
            {
                missing.push(format!("{path}{name}"));
            }
            found += 1;
        }
    }
    assert!(missing.is_empty(), "add {missing:?} to the test above");
    assert!(found > 40, "{found} types were found in {}", source.display());
}

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
