use super::*;

/// On a host whose clock is never set.
fn at(unix: i64) -> Arrival {
    Arrival { unix, monotonic: unix.max(0) as u64 }
}

fn map() -> ClockMap {
    let mut map = ClockMap::default();
    map.set_frequency(1_000_000);
    map
}

#[test]
fn nothing_is_mapped_before_the_rate_and_an_arrival_are_known() {
    let mut map = ClockMap::default();
    map.observe(5, at(1_000), true);
    assert_eq!(map.unix(5), None);
    map.set_frequency(1000);
    assert_eq!((map.unix(5), map.error(5, 5)), (None, None));
    map.observe(5, at(1_000_000_000), true);
    assert_eq!(map.unix(6), Some(1_001_000_000));
}

#[test]
fn the_fastest_packet_sets_the_offset() {
    let mut map = map();
    for (ticks, delay) in [(1_000, 9_000), (2_000, 40), (3_000, 700)] {
        map.observe(ticks, at(ticks as i64 * 1000 + 5_000_000 + delay), true);
    }
    let unix = map.unix(0).unwrap();
    assert!((5_000_040..5_000_500).contains(&unix), "{unix}");
    assert!(
        (1_000_000_000..1_000_010_000).contains(&map.error(0, 10).unwrap().get()),
        "three packets say little"
    );
}

#[test]
fn a_clock_that_is_slow_or_a_host_that_is_set_is_followed() {
    // Packets a second apart; the device loses 50 microseconds a second, and the host is set an hour ahead.
    let mut map = map();
    for second in 0..86_400_i64 {
        let host = second * 1_000_000_000 + if second > 40_000 { 3_600_000_000_000 } else { 0 };
        let ticks = (second * 999_950) as u64;
        map.observe(ticks, Arrival { unix: host, monotonic: second as u64 * 1_000_000_000 }, true);
        let unix = map.unix(ticks).unwrap();
        if second % 1_000 == 999 {
            let error = unix - host;
            assert!(error.abs() < 1_000_000, "{error} ns at {second} s");
        }
    }
    assert!(map.timeline.pieces() < 1_000, "{} pieces in a day", map.timeline.pieces());
}

#[test]
fn what_the_device_knows_of_the_time_holds_if_it_can_be_true() {
    let mut map = map();
    map.observe(2_000_000, at(9_000_500_000_000), true);
    assert!(map.set_base(8_998_000_000_000));
    assert_eq!(map.unix(1_000_000), Some(8_999_000_000_000), "not what the arrival says");
    let error = map.error(1_000_000, 1_000_000).unwrap().get();
    assert!((500_000_000..1_500_000_000).contains(&error), "{error}");
    assert!(!map.set_base(8_900_000_000_000));
    let arrival = map.unix(60_000_000).unwrap();
    assert_eq!(arrival, 9_058_500_000_000, "by and by");
    assert!(map.set_base(0));
}

#[test]
fn of_a_session_that_is_over_nothing_is_promised_and_its_base_is_believed() {
    const HOUR: i64 = 3_600_000_000_000;
    let mut map = map();
    // It ended at its fifth second, an hour before.
    (0..20).for_each(|second| map.observe_over(5_000_000, at(HOUR + second * 1_000_000_000)));
    assert_eq!(map.error(0, 5_000_000), None);
    assert_eq!(map.unix(5_000_000), Some(HOUR), "it was not after that");
    assert!(!map.set_base(HOUR as u64 + 60_000_000_000), "it says that it was");
    assert!(map.set_base(7_000_000_000));
    map.observe_over(5_000_001, at(HOUR + 21_000_000_000));
    assert_eq!(map.error(0, 5_000_000), None);
}

#[test]
fn what_was_heard_before_a_reset_holds_after_it() {
    for (heard, bound) in [(1, 1_000_000_000), (60, 10_000_000)] {
        let mut map = map();
        let host = |second: u64| 9_000_000_000_000 + second as i64 * 1_000_000_000;
        (0..heard).for_each(|second| map.observe(second * 1_000_000, at(host(second) + 3_000), true));
        // The link is down; the device's clock is 200 ppm slow, and the reset is an hour later.
        let ended = heard + 3_600;
        let ticks = heard * 1_000_000 + 3_600 * 999_800;
        (0..20).for_each(|second| map.observe_over(ticks, at(host(ended + 600 + second))));
        let (unix, error) = (map.unix(ticks).unwrap(), map.error(0, ticks).unwrap().get());
        let wrong = (unix - host(ended)).unsigned_abs();
        assert!(wrong <= error && error < bound + 3_000_000_000, "{wrong} of {error} ns");
        assert_eq!(map.restarts(), 0);
    }
}

#[test]
fn what_was_learned_from_a_whole_recording_holds() {
    let mut whole = map();
    (0..600).for_each(|second| whole.observe(second * 1_000_000, at(9_000_000_000_000), true));
    let mut map = ClockMap::default();
    map.learn(&whole);
    map.observe(0, at(9_000_000_000_000), true);
    assert_eq!(map.unix(599_000_000), Some(9_000_000_000_000));
    assert_eq!(map.unix(0), Some(9_000_000_000_000 - 599_000_000_000));
    assert_eq!(map.error(0, 1), None, "when it was made nobody says");
}

#[test]
fn a_better_estimate_leaves_what_was_mapped_and_bends_what_follows() {
    let mut map = map();
    map.observe(0, at(50_000_000), true);
    let before = map.unix(0).unwrap();
    for second in 1..60 {
        map.observe(second * 1_000_000, at(second as i64 * 1_000_000_000), true);
        map.unix(second * 1_000_000).unwrap();
    }
    assert_eq!((map.unix(0), before), (Some(50_000_000), 50_000_000));
    let late = map.unix(59_000_000).unwrap() - 59_000_000_000;
    assert!((0..1_000_000).contains(&late), "{late} ns");
    let length = map.unix(2_000_000).unwrap() - map.unix(1_000_000).unwrap();
    assert!((950_000_000..1_000_000_000).contains(&length), "{length} ns for a second");
}

#[test]
fn a_clock_that_runs_back_is_learned_anew_and_time_goes_on() {
    let mut map = map();
    for second in 0..20 {
        map.observe(second * 1_000_000, at(1_000_000_000_000 + second as i64 * 1_000_000_000), true);
    }
    let before = map.unix(19_000_000).unwrap();
    map.observe(18_500_000, at(1_000_019_100_000_000), false);
    assert_eq!(map.restarts(), 0, "a packet that was overtaken");
    map.observe(3_000, at(1_000_021_000_000_000), true);
    let after = map.unix(3_000).unwrap();
    assert_eq!((map.restarts(), after), (1, 1_000_021_000_000_000));
    assert!(after > before && map.error(0, 3_000).unwrap().get() > 1_000_000_000);
}

#[test]
fn the_memory_of_a_line_is_bounded() {
    let mut map = map();
    for second in 0..20_000_u64 {
        let wild = Arrival { unix: (second * 7_919 % 1_000 * 1_000_000_000) as i64, monotonic: second };
        map.observe(second * 1_000_000, wild, true);
        map.unix(second * 1_000_000);
    }
    assert!(map.timeline.pieces() <= 2_050, "{} pieces", map.timeline.pieces());
}

#[test]
fn lengths_are_exact_at_every_rate() {
    for frequency in [1, 3, 1_000, 32_768, 999_999_937, u32::MAX] {
        let mut map = ClockMap::default();
        map.set_frequency(frequency);
        for ticks in [0, 1, 2, 32_767, 1 << 31, 12_345_678_901, u64::from(u32::MAX) * 9_000_000 + 1] {
            let exact = i128::from(ticks) * 1_000_000_000 / i128::from(frequency);
            let length = i64::try_from(exact).unwrap_or(i64::MAX);
            assert_eq!(map.duration(ticks), length, "{ticks} ticks at {frequency} a second");
        }
    }
}

#[test]
fn extreme_ticks_and_rates_do_no_harm() {
    let mut map = ClockMap::default();
    map.set_frequency(1);
    map.observe(u64::MAX, at(i64::MIN), true);
    assert_eq!(map.unix(0), None, "out of range");
    assert_eq!(map.duration(u64::MAX), i64::MAX);
    map.set_frequency(u32::MAX);
    map.observe(u64::MAX, at(i64::MAX), true);
    assert!(map.unix(u64::MAX).is_some());
    assert!(map.error(0, u64::MAX).is_some());
    map.observe(0, at(0), true);
    assert_eq!(map.unix(0), Some(0));
}

#[test]
fn what_a_device_heard_within_a_tick_contradicts_no_arrival() {
    // It counts milliseconds, and hears late in one what is sent then; a faster packet comes after it.
    let mut map = ClockMap::default();
    map.set_frequency(1_000);
    map.observe(1_000, at(1_002_000_000), true);
    assert!(map.exchange(at(1_000_900_000), 1_000));
    map.observe(1_001, at(1_001_100_000), true);
    assert_eq!(map.restarts(), 0);
}
