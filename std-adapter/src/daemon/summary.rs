//! What a bridge did, in numbers.

use std::fmt;

use serde::Serialize;

use super::by_otlp::ByOtlp;
use crate::agent::Sent;
use crate::config::Exporters;
use crate::decode::{Callsite, Dropped, Reported};
use crate::print::Plain;
use crate::{decode, pipeline};

/// How many lines of a kind a person is shown.
const LINES: usize = 10;

/// What a bridge did. `spans_received` = `spans_sent` + `spans_filtered` + `spans_sampled_out` + `spans_dropped_by_host` once it
/// has ended, if it sends to an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Devices, each time it started.
    pub sessions: u64,
    /// Spans in accepted packets.
    pub spans_received: u64,
    /// Spans the agent took.
    pub spans_sent: u64,
    /// Spans in packets that never came.
    pub spans_lost_on_the_way: u64,
    /// Spans that devices dropped, by their own count.
    pub spans_dropped_on_device: u64,
    /// Traces, or parts of them, that filters dropped.
    pub traces_filtered: u64,
    /// Spans in them.
    pub spans_filtered: u64,
    /// Traces, or parts of them, that are sampled out and were only counted.
    pub traces_sampled_out: u64,
    /// Spans in them.
    pub spans_sampled_out: u64,
    /// Spans that are in no statistics because the agent did not take those.
    pub spans_uncounted: u64,
    /// Spans that were received and not sent, for any other reason.
    pub spans_dropped_by_host: u64,
    /// Tags that devices dropped, by their own count.
    pub tags_dropped_on_device: u64,
    /// What devices dropped, by cause.
    pub dropped_on_device: Dropped,
    /// The same of each core, if more than one dropped anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_on_cores: Vec<OnCore>,
    /// What devices counted at their callsites, by name.
    pub callsites: Vec<AtCallsite>,
    /// Counts of callsites that were not taken because their session had too many.
    pub callsites_refused: u64,
    /// Links that lead to no known span.
    pub links_unresolved: u64,
    /// Lines of devices' logs that came with their packets.
    pub log_lines: u64,
    /// Of them those that were written in a span which has not come.
    pub log_lines_astray: u64,
    /// Traces, or parts of them, the agent took.
    pub traces_sent: u64,
    /// Bytes of accepted packets, CRC included, framing not.
    pub wire_bytes: u64,
    /// Accepted packets.
    pub packets: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets from too far back in their session to be taken.
    pub packets_late: u64,
    /// Frames and packets that were damaged, by their length, their COBS or their CRC.
    pub damaged: u64,
    /// Packets of another wire version.
    pub other_version: u64,
    /// Packets and records that do not follow the protocol though their CRC is right.
    pub malformed: u64,
    /// Times of tick 0 that devices told and that cannot be true.
    pub clock_bases_refused: u64,
    /// Clocks of devices that ran back or stood, or whose rate is not what they say.
    pub clocks_restarted: u64,
    /// Attempts to send beyond the first.
    pub retries: u64,
    /// What went out by OpenTelemetry's protocol, if traces go out so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<ByOtlp>,
    #[serde(skip)]
    has_agent: bool,
}

/// What was dropped on one core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OnCore {
    /// Its number.
    pub core: u8,
    /// By cause.
    #[serde(flatten)]
    pub dropped: Dropped,
}

/// What was counted at the callsites of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AtCallsite {
    /// The name of its spans.
    pub name: String,
    /// What happened to them.
    #[serde(flatten)]
    pub counts: Callsite,
}

impl Summary {
    pub(super) fn new(
        decoded: decode::Counters,
        reported: Reported,
        assembled: pipeline::Counters,
        sent: &Sent,
        exporters: Exporters,
    ) -> Self {
        let otlp = exporters.otlp.then(|| ByOtlp::new(&sent.otlp));
        let sent = &sent.agent;
        let on_device = reported.dropped();
        let cores = reported.cores.into_iter().map(|(core, dropped)| OnCore { core, dropped });
        let cores: Vec<_> = cores.collect();
        let callsites = reported.callsites.into_iter().map(|(name, counts)| AtCallsite { name, counts });
        let dropped =
            decoded.unclocked_spans + assembled.invalid + assembled.duplicates + sent.dropped().spans;
        Self {
            sessions: decoded.sessions,
            spans_received: decoded.spans,
            spans_sent: sent.sent.spans,
            spans_lost_on_the_way: decoded.lost_spans,
            spans_dropped_on_device: on_device.spans(),
            traces_filtered: assembled.filtered_traces,
            spans_filtered: assembled.filtered_spans,
            traces_sampled_out: sent.sampled_out.traces,
            spans_sampled_out: sent.sampled_out.spans,
            spans_uncounted: sent.statistics.dropped,
            spans_dropped_by_host: dropped,
            tags_dropped_on_device: on_device.tags(),
            dropped_on_device: on_device,
            dropped_on_cores: if cores.len() > 1 { cores } else { Vec::new() },
            callsites: callsites.collect(),
            callsites_refused: decoded.callsites_refused,
            links_unresolved: decoded.unresolved_links,
            log_lines: decoded.log_lines,
            log_lines_astray: decoded.log_lines_astray,
            traces_sent: sent.sent.traces,
            wire_bytes: decoded.bytes,
            packets: decoded.packets,
            packets_lost: decoded.lost_packets,
            packets_duplicate: decoded.duplicates,
            packets_late: decoded.late_packets,
            damaged: decoded.frames_too_long + decoded.frames_damaged + decoded.packets_damaged,
            other_version: decoded.packets_of_other_version,
            malformed: decoded.malformed,
            clock_bases_refused: decoded.clock_bases_refused,
            clocks_restarted: decoded.clocks_restarted,
            retries: sent.retries,
            otlp,
            has_agent: exporters.agent,
        }
    }

    /// Spans that were sent: to the agent, if there is one.
    pub(super) fn spans_out(&self) -> u64 {
        match self.otlp {
            Some(otlp) if !self.has_agent => otlp.spans_sent,
            _ => self.spans_sent,
        }
    }
}

impl fmt::Display for Summary {
    /// What everybody wants to know, and what went wrong if anything did.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} spans received in {} bytes of {} packets from {} device sessions",
            self.spans_received, self.wire_bytes, self.packets, self.sessions,
        )?;
        if self.has_agent {
            write!(f, "; {} spans sent in {} traces", self.spans_sent, self.traces_sent)?;
        }
        if let Some(otlp) = self.otlp {
            write!(f, "; {} spans sent by OTLP in {} traces", otlp.spans_sent, otlp.traces_sent)?;
        }
        self.write_dropped(f)?;
        let otlp = self.otlp.unwrap_or_default();
        for (count, what) in [
            (self.spans_lost_on_the_way, "spans lost on the way"),
            (self.traces_filtered, "traces filtered"),
            (self.spans_filtered, "spans in filtered traces"),
            (self.traces_sampled_out, "traces sampled out and counted"),
            (self.spans_sampled_out, "spans in them"),
            (self.spans_uncounted, "spans in statistics that the agent did not take"),
            (self.spans_dropped_by_host, "spans received and not sent"),
            (self.log_lines_astray, "log lines of spans that have not come"),
            (self.packets_lost, "packets lost"),
            (self.packets_duplicate, "packets that came twice"),
            (self.packets_late, "packets from far back (does a device start again with an old session key?)"),
            (self.damaged, "damaged frames or packets"),
            (self.other_version, "packets of another wire version"),
            (self.malformed, "malformed packets or records"),
            (self.clock_bases_refused, "times of tick 0 more than a minute off"),
            (self.clocks_restarted, "clocks that ran back or stood"),
            (self.retries, "retries"),
            (self.links_unresolved, "links to spans that are not known"),
            (otlp.spans_not_kept, "spans not kept, and not sent by OTLP"),
            (otlp.spans_dropped, "spans lost on the way by OTLP"),
            (otlp.retries, "retries by OTLP"),
            (self.callsites_refused, "counts of callsites beyond what is kept of a session"),
        ] {
            if count > 0 {
                write!(f, "\n  {count} {what}")?;
            }
        }
        self.write_callsites(f)
    }
}

impl Summary {
    fn write_dropped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dropped { spans_full, spans_reserved, spans_overwritten, spans_oversize, .. } =
            self.dropped_on_device;
        let spans = [
            (spans_full, "its arena was full"),
            (spans_reserved, "only reserved slots were left"),
            (spans_overwritten, "overwritten by newer ones"),
            (spans_oversize, "too long for a packet"),
        ];
        let Dropped { tags_full, tags_oversize, stale, .. } = self.dropped_on_device;
        let tags = [
            (tags_full, "its arena was full"),
            (tags_oversize, "too long for a packet"),
            (stale, "set on a finished span"),
        ];
        write_causes(f, self.spans_dropped_on_device, "spans", &spans)?;
        write_causes(f, self.tags_dropped_on_device, "tags", &tags)?;
        let Dropped { traces_sampled_out, traces_filtered, .. } = self.dropped_on_device;
        let traces = [(traces_sampled_out, "sampled out"), (traces_filtered, "filtered")];
        write_causes(f, self.dropped_on_device.traces(), "traces", &traces)?;
        for OnCore { core, dropped } in self.dropped_on_cores.iter().take(LINES) {
            write!(f, "\n    on core {core}: {} spans, {} tags", dropped.spans(), dropped.tags())?;
            if dropped.traces() > 0 {
                write!(f, ", {} traces", dropped.traces())?;
            }
        }
        write_rest(f, self.dropped_on_cores.len(), "cores")
    }

    /// The callsites at which something went wrong, the worst first.
    fn write_callsites(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = |site: &&AtCallsite| site.counts.dropped > 0 || site.counts.errored > 0;
        let mut sites: Vec<_> = self.callsites.iter().filter(wrong).collect();
        sites.sort_by_key(|site| std::cmp::Reverse((site.counts.dropped, site.counts.errored)));
        for AtCallsite { name, counts } in sites.iter().take(LINES) {
            let Callsite { started, errored, dropped, .. } = counts;
            write!(f, "\n  {}: {dropped} dropped and {errored} errors of {started} spans", Plain(name))?;
        }
        write_rest(f, sites.len(), "callsites")
    }
}

/// How many were dropped, and of what causes.
fn write_causes(f: &mut fmt::Formatter<'_>, sum: u64, what: &str, causes: &[(u64, &str)]) -> fmt::Result {
    if sum == 0 {
        return Ok(());
    }
    write!(f, "\n  {sum} {what} dropped on the device")?;
    let causes = causes.iter().filter(|(count, _)| *count > 0);
    causes
        .zip(std::iter::once(": ").chain(std::iter::repeat(", ")))
        .try_for_each(|((count, cause), before)| write!(f, "{before}{count} {cause}"))
}

fn write_rest(f: &mut fmt::Formatter<'_>, all: usize, what: &str) -> fmt::Result {
    if all > LINES { write!(f, "\n  and {} more {what}", all - LINES) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cores: &[(u8, Dropped)], sites: &[(&str, [u64; 4])]) -> Summary {
        let mut reported = Reported::default();
        reported.cores.extend(cores.iter().copied());
        for (name, counts) in sites {
            reported.add_callsite(name, *counts);
        }
        let exporters = Exporters::default();
        Summary::new(Default::default(), reported, Default::default(), &Sent::default(), exporters)
    }

    fn dropped(spans_full: u64, spans_reserved: u64, stale: u64) -> Dropped {
        let mut dropped = Dropped::default();
        (dropped.spans_full, dropped.spans_reserved, dropped.stale) = (spans_full, spans_reserved, stale);
        dropped
    }

    #[test]
    fn drops_are_told_by_cause_and_by_core_where_there_are_several() {
        let one = report(&[(0, dropped(100, 23, 0))], &[]);
        let text = one.to_string();
        let line =
            "\n  123 spans dropped on the device: 100 its arena was full, 23 only reserved slots were left";
        assert!(text.ends_with(line), "{text}");
        let two = report(&[(0, dropped(100, 23, 0)), (3, dropped(1, 0, 2))], &[]);
        let text = two.to_string();
        let lines = "\n  2 tags dropped on the device: 2 set on a finished span\
                     \n    on core 0: 123 spans, 0 tags\n    on core 3: 1 spans, 2 tags";
        assert!(text.ends_with(lines), "{text}");

        let json = serde_json::to_value(&one).unwrap();
        assert_eq!(json["dropped_on_device"]["spans_full"], 100);
        assert_eq!(json.get("dropped_on_cores"), None);
        let json = serde_json::to_value(&two).unwrap();
        assert_eq!(json["dropped_on_device"]["spans_full"], 101);
        assert_eq!(
            (&json["dropped_on_cores"][1]["core"], &json["dropped_on_cores"][1]["stale"]),
            (&3.into(), &2.into())
        );
    }

    #[test]
    fn traces_that_were_not_recorded_on_purpose_are_no_dropped_spans() {
        let mut dropped = Dropped::default();
        (dropped.traces_sampled_out, dropped.traces_filtered) = (990, 3);
        let summary = report(&[(0, dropped)], &[]);
        assert_eq!((summary.spans_dropped_on_device, summary.tags_dropped_on_device), (0, 0));
        let text = summary.to_string();
        let line = "\n  993 traces dropped on the device: 990 sampled out, 3 filtered";
        assert!(text.ends_with(line), "{text}");
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["dropped_on_device"]["traces_sampled_out"], 990);
        let text = report(&[(0, dropped), (1, dropped)], &[]).to_string();
        assert!(text.ends_with("\n    on core 1: 0 spans, 0 tags, 993 traces"), "{text}");
    }

    #[test]
    fn callsites_are_all_in_the_json_and_the_worst_in_the_text() {
        let names: Vec<String> = (0..13).map(|n| format!("site {n}")).collect();
        let mut sites: Vec<(&str, [u64; 4])> = vec![("good", [9, 9, 0, 0]), ("\x1b[2Jwild", [50, 1, 1, 49])];
        sites.extend(names.iter().map(|name| (name.as_str(), [7, 7, 2, 0])));
        let summary = report(&[], &sites);
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["callsites"].as_array().map(Vec::len), Some(15));
        let good =
            serde_json::json!({"name": "good", "started": 9, "finished": 9, "errored": 0, "dropped": 0});
        assert_eq!(json["callsites"][1], good);

        let text = summary.to_string();
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], "  \\u{1b}[2Jwild: 49 dropped and 1 errors of 50 spans");
        assert_eq!(lines[10], "  and 4 more callsites");
    }

    #[test]
    fn what_went_out_by_otlp_is_told_beside_the_agent_and_without_one() {
        let mut sent = Sent::default();
        (sent.otlp.sent.spans, sent.otlp.sent.traces, sent.otlp.not_kept.spans) = (9, 3, 4);
        let summary = |agent, otlp| {
            let exporters = Exporters { agent, otlp };
            Summary::new(Default::default(), Default::default(), Default::default(), &sent, exporters)
        };
        let both = summary(true, true).to_string();
        let end = "; 0 spans sent in 0 traces; 9 spans sent by OTLP in 3 traces\n  4 spans not kept, and not sent by OTLP";
        assert!(both.ends_with(end), "{both}");
        let alone = summary(false, true);
        assert!(!alone.to_string().contains("0 spans sent in"), "{alone}");
        assert_eq!((alone.spans_out(), summary(true, true).spans_out()), (9, 0));
        let json = serde_json::to_value(&alone).unwrap();
        assert_eq!(json["otlp"]["spans_not_kept"], 4);
        assert_eq!(serde_json::to_value(summary(true, false)).unwrap().get("otlp"), None);
    }
}
