//! What a device decides of its traces arrives at the agent: from a real tracer's sampler through packets.

use std::sync::atomic::{AtomicU64, Ordering};

use microspan::{Arena, Clock, Drain, Refused, Rule, Sampler, Session, Tracer, Transport};

use super::*;
use crate::decode::{Arrival, Decoder};

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

#[derive(Default)]
struct Packets(Vec<Vec<u8>>);

impl Transport for Packets {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

static CLOCK: Hand = Hand(AtomicU64::new(0));
static RULES: [Rule; 2] = [Rule::new(0.0).name("idle*"), Rule::new(1.0).name("rule.*")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES).limit(2);
static ARENA: Arena<64, 64> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).service("kitchen").sampler(&SAMPLER);

#[test]
fn a_decision_that_comes_from_the_device_stands() {
    let mut drain = Drain::<512>::new(&TRACER, Session::new(7)).unwrap();
    for name in ["idle", "rule.kept", "other", "rule.by.hand", "rule.beyond.the.limit", "kept", "dropped"] {
        let _root = TRACER.trace(name);
        let child = TRACER.trace("child");
        match name {
            "rule.by.hand" => child.reject(),
            "kept" => child.set_tag("manual.keep", true),
            "dropped" => child.set_tag("manual.drop", true),
            _ => &child,
        };
    }
    let mut packets = Packets::default();
    while drain.poll(&mut packets) != Ok(false) {}

    let mut decoder = Decoder::new();
    let mut bench = bench();
    let mut spans = Vec::new();
    for packet in &packets.0 {
        let at = Arrival { monotonic: 0, unix: 1_000_000_000 };
        decoder.packet(packet, at, &mut |span| spans.push(span));
    }
    decoder.flush(&mut |span| spans.push(span));
    spans.into_iter().for_each(|span| bench.push(span, 0));
    let (seen, _) = bench.flush();

    let keys = ["_sampling_priority_v1", "_dd.p.dm", "_dd.p.ksr", "_dd.rule_psr", "_dd.limit_psr"];
    let mut decided: Vec<String> = seen
        .iter()
        .map(|seen| {
            let value = |key: &str| seen.tags[0].get(key).map_or("", String::as_str);
            assert!(seen.tags.iter().flat_map(BTreeMap::keys).all(|key| !key.starts_with("manual.")));
            format!("{} {}", seen.spans[0].0, keys.map(value).join(" ").trim_end())
        })
        .collect();
    decided.sort();
    assert_eq!(
        decided,
        ["dropped -1 -4", "kept 2 -4", "other 1 -0", "rule.by.hand -1 -4 1 1 1", "rule.kept 2 -3 1 1 1"]
    );
    let dropped = decoder.reported().dropped();
    assert_eq!((dropped.traces_sampled_out, dropped.spans(), dropped.tags()), (2, 0, 0));
}

#[test]
fn what_nobody_decided_on_follows_the_rate_that_the_agent_asks_for() {
    let rates = Rates::default();
    let mut assembler = Assembler::new(Limits::default(), Tagging::default()).with_rates(rates.clone());
    let mut seen = Vec::new();
    let mut send = |id: u128, priority: Option<i64>| {
        let source = Source { service: Some("web".into()), ..Source::new(1) };
        let mut span = Span::new(id, 1, 0, "root", Arc::new(source));
        span.tags.extend(priority.map(|priority| ("_sampling_priority_v1".into(), Value::Int(priority))));
        assembler.push(span, 0, &mut |_| {});
        assembler.flush(&mut |trace| {
            let mut tags = BTreeMap::new();
            trace.each_tag(0, |key, datum| {
                let text = match datum {
                    Datum::Text(text) => text.to_string(),
                    Datum::Number(number) => number.to_string(),
                };
                tags.insert(key.to_string(), text);
            });
            let keys = ["_sampling_priority_v1", "_dd.p.dm", "_dd.agent_psr", "_dd.p.ksr"];
            let value = |key: &str| tags.get(key).cloned().unwrap_or_default();
            seen.push(keys.map(value).join(" ").trim_end().to_owned());
        });
    };
    send(1, None);
    rates.replace([("service:web,env:", 0.5)]);
    send(1, None);
    send(10, None);
    send(10, Some(2));
    assert_eq!(seen, ["1 -0", "1 -1 0.5 0.5", "0 -1 0.5 0.5", "2"]);
}
