//! Whatever comes, in whatever order: bounds hold, and every span is accounted for.

use super::*;

/// A repeatable source of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn bounds_hold_and_every_span_is_accounted_for() {
    let limits =
        Limits { partial_flush_min_spans: 7, trace_max_spans: 12, spans: 60, traces: 9, ..Limits::default() };
    let sources: Vec<_> = (0..3).map(|id| Arc::new(Source::new(id))).collect();
    for seed in 1..=20 {
        let mut numbers = Numbers(seed);
        let mut bench = Bench::new(limits.clone(), Tagging::default());
        let mut now = 0;
        for _ in 0..2_000 {
            now += numbers.below(100) * MS;
            let trace = u128::from(numbers.below(15));
            let mut span = span(trace, numbers.below(20), numbers.below(20));
            span.remote_parent = numbers.below(10) == 0;
            span.source = sources[numbers.below(3) as usize].clone();
            bench.push(span, now);
            if numbers.below(5) == 0 {
                bench.poll(now);
                assert!(bench.assembler.next_deadline().is_none_or(|deadline| deadline > now));
            }
            let counters = bench.assembler.counters();
            let held = bench.assembler.held();
            assert!(held <= limits.spans);
            assert_eq!(
                counters.spans,
                counters.spans_out + counters.invalid + counters.duplicates + held as u64
            );
        }
        let (seen, counters) = bench.flush();
        assert_eq!(counters.traces_out, seen.len() as u64);
        assert_eq!(counters.spans_out, seen.iter().map(|seen| seen.spans.len() as u64).sum::<u64>());
        assert!(seen.iter().all(|seen| !seen.spans.is_empty() && seen.spans.len() <= limits.trace_max_spans));
        assert!(
            [counters.invalid, counters.duplicates, counters.incomplete, counters.evicted]
                .iter()
                .all(|&n| n > 0)
        );
    }
}

#[test]
fn long_names_and_resources_count_against_the_bytes_that_are_held() {
    let limits = Limits { bytes: 1_000_000, ..Limits::default() };
    let long = |what: &str| Text::from(what.repeat(10_000));
    let kinds: [fn(&mut Span, Text); 4] = [
        |span, text| span.name = text,
        |span, text| span.service = Some(text),
        |span, text| span.resource = Some(text),
        |span, text| span.span_type = Some(text),
    ];
    for set in kinds {
        let mut bench = Bench::new(limits.clone(), Tagging::default());
        let mut most = 0;
        for trace in 1..=200 {
            let mut span = span(trace, 1, 9);
            set(&mut span, long("x"));
            bench.push(span, 0);
            most = most.max(bench.assembler.held());
        }
        assert!((80..100).contains(&most), "{most} of 10 kB are held in 1 MB");
    }
}
