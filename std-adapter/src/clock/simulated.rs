//! The map against a simulated device and a simulated host: two clocks that drift apart by up to 200 ppm, with steps of the rate as
//! the temperature brings them, links that delay, lose and reorder, silences of minutes, and a host whose clock is set.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SECOND: i128 = 1_000_000_000;
const MILLISECOND: i128 = 1_000_000;
/// When the simulation begins by the host's clock.
const EPOCH: i128 = 1_700_000_000 * SECOND;

/// Numbers of a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: i128) -> i128 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if end <= 0 { 0 } else { i128::from(self.0 >> 20) % end }
    }

    fn once_in(&mut self, times: i128) -> bool {
        self.below(times) == 0
    }
}

/// What a run is like.
#[derive(Debug, Clone)]
struct World {
    seed: u64,
    frequency: u32,
    /// The device's ticks at the beginning.
    ticks: u64,
    /// The rate's deviations in ppm, each for so many seconds.
    rates: Vec<(i16, u8)>,
    /// The time between packets, and the most by which one is late beyond the fastest, in milliseconds.
    interval: u16,
    jitter: u16,
    /// One in so many packets is lost, and one in so many comes after a silence of minutes.
    lost: u8,
    silent: u8,
    /// When the host's clock is set, in seconds, and by how many milliseconds.
    set: Vec<(u16, i32)>,
    /// Whether the device answers.
    answers: bool,
    /// By how many milliseconds the device's own idea of the time is wrong, if it has one.
    base: Option<i16>,
}

fn worlds() -> impl Strategy<Value = World> {
    let rates = prop::collection::vec((-200_i16..=200, 1..=255_u8), 1..6);
    let set = prop_oneof![3..5_000, -5_000..-3, 3..8_000_000, -8_000_000..-3_i32];
    let frequencies = prop::sample::select(vec![1_000_u32, 32_768, 1_000_000, 48_000_000, 1_000_000_000]);
    let link = (5..2_000_u16, 0..400_u16, 2..30_u8, 20..=255_u8);
    let device = (frequencies, 0..1_u64 << 50, rates, any::<bool>(), prop::option::of(-30_000..30_000_i16));
    (any::<u64>(), link, device, prop::collection::vec((0..600_u16, set), 0..3)).prop_map(
        |(seed, (interval, jitter, lost, silent), (frequency, ticks, rates, answers, base), set)| World {
            seed,
            frequency,
            ticks,
            rates,
            interval,
            jitter,
            lost,
            silent,
            set,
            answers,
            base,
        },
    )
}

impl World {
    /// The device's ticks after so many nanoseconds of the host.
    fn ticks(&self, time: i128) -> u64 {
        let (mut rest, mut counted) = (time, 0);
        let mut place = 0;
        while rest > 0 {
            let (ppm, seconds) = self.rates[place % self.rates.len()];
            let length = rest.min(i128::from(seconds) * SECOND);
            counted += length * (1_000_000 + i128::from(ppm));
            rest -= length;
            place += 1;
        }
        self.ticks + (counted * i128::from(self.frequency) / SECOND / 1_000_000) as u64
    }

    /// By how much the host's clock was set up to then.
    fn set(&self, time: i128) -> i128 {
        let until = self.set.iter().filter(|(second, _)| i128::from(*second) * SECOND <= time);
        until.map(|(_, by)| i128::from(*by) * MILLISECOND).sum()
    }

    fn host(&self, time: i128) -> Arrival {
        Arrival { unix: (EPOCH + time + self.set(time)) as i64, monotonic: time as u64 }
    }
}

/// A packet on its way: its number, when it was filled and when it arrives, and the request that it answers: when that was sent
/// and heard.
#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u32,
    filled: i128,
    arrives: i128,
    answer: Option<(i128, i128)>,
}

/// Ten minutes of packets, in the order in which they arrive. Of each eight that do, one takes less than 10 ms.
fn packets(world: &World, random: &mut Random) -> Vec<Sent> {
    let (mut time, mut sent, mut slow) = (SECOND, Vec::new(), 0);
    let least = random.below(4 * MILLISECOND);
    for number in 0.. {
        let interval = i128::from(world.interval) * MILLISECOND;
        time += 1 + random.below(2 * interval);
        if random.once_in(world.silent.into()) {
            time += random.below(240 * SECOND);
        }
        if time > 600 * SECOND {
            break;
        }
        if random.once_in(world.lost.into()) {
            continue;
        }
        let jitter = random.below(i128::from(world.jitter) * MILLISECOND + 1);
        let delay = if slow >= 3 { jitter.min(5 * MILLISECOND) } else { jitter };
        slow = if delay <= 5 * MILLISECOND { 0 } else { slow + 1 };
        let answer = (world.answers && random.once_in(3)).then(|| {
            let heard = time - random.below(interval);
            (heard - random.below(100 * MILLISECOND), heard)
        });
        sent.push(Sent { number, filled: time, arrives: time + least + delay, answer });
    }
    sent.sort_by_key(|packet| packet.arrives);
    sent
}

/// Runs it; returns by how much the time of the newest tick was wrong after each packet.
fn run(world: &World) -> Vec<i128> {
    let mut random = Random(world.seed);
    let mut map = ClockMap::default();
    map.set_frequency(world.frequency);
    let (mut newest, mut shown, mut errors) = (0, BTreeMap::new(), Vec::new());
    for packet in packets(world, &mut random) {
        let at = world.host(packet.arrives);
        map.observe(world.ticks(packet.filled), at, packet.number >= newest);
        newest = newest.max(packet.number);
        if let Some((sent, heard)) = packet.answer {
            map.exchange(world.host(sent), world.ticks(heard));
        }
        if let Some(wrong) = world.base {
            let tick_0 = EPOCH - i128::from(world.ticks) * SECOND / i128::from(world.frequency);
            map.set_base(u64::try_from(tick_0 + i128::from(wrong) * MILLISECOND).unwrap_or(0));
        }
        // A root that was open for up to half a minute, and a child of it, which is mapped first.
        let length = if random.once_in(10) { 30 * SECOND } else { 20 * MILLISECOND };
        let end = packet.filled - random.below(MILLISECOND);
        let start = (end - random.below(length)).max(0);
        let inner = start + random.below(end - start);
        let within = [inner, inner + random.below(end - inner)];
        let [child, root] = [within, [start, end]].map(|times| times.map(|time| world.ticks(time)));
        let mut unix = |tick| {
            let unix = map.unix(tick).expect("the rate and an arrival are known");
            let before = shown.insert(tick, unix);
            assert!(before.is_none_or(|before| before == unix), "tick {tick} moved");
            unix
        };
        let (child, [from, to]) = (child.map(&mut unix), root.map(&mut unix));
        assert!(from <= child[0] && child[0] <= child[1] && child[1] <= to, "a child left its parent");
        let bound = i128::from(map.error(root[0], root[1]).expect("arrivals are known").get());
        // The device shows a tick until the next one.
        let tick = SECOND / i128::from(world.frequency) + 2;
        for (time, unix) in [(start, from), (end, to)] {
            let wrong = i128::from(unix) - (EPOCH + time + world.set(packet.arrives));
            assert!(wrong.abs() <= bound + tick, "{wrong} ns, which are said to be {bound}, at {time}");
        }
        errors.push(i128::from(to) - (EPOCH + end + world.set(packet.arrives)));
    }
    let mut before = i64::MIN;
    for (tick, unix) in shown {
        assert!(unix >= before, "time runs back at tick {tick}");
        before = unix;
    }
    assert_eq!(map.restarts(), 0);
    errors
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_error_stays_within_the_bound_time_never_runs_back_and_children_stay_in_their_parents(world in worlds()) {
        run(&world);
    }
}

/// A wired device.
fn wired(answers: bool, ppm: i16) -> World {
    World {
        seed: 7,
        frequency: 1_000_000,
        ticks: 1 << 40,
        rates: vec![(ppm, 255)],
        interval: 40,
        jitter: 3,
        lost: 255,
        silent: 255,
        set: Vec::new(),
        answers,
        base: None,
    }
}

#[test]
fn after_a_minute_a_wired_link_is_right_to_few_milliseconds() {
    for ppm in [-200, -30, 0, 120, 200] {
        for answers in [true, false] {
            let errors = run(&wired(answers, ppm));
            let worst = errors.iter().skip(1_500).map(|error| error.abs()).max();
            assert!(worst < Some(6 * MILLISECOND), "{worst:?} ns at {ppm} ppm, with answers: {answers}");
        }
    }
}

#[test]
fn two_devices_that_drift_apart_line_up() {
    let [fast, slow] = [200, -200].map(|ppm| run(&wired(false, ppm)));
    for (fast, slow) in fast.iter().zip(&slow).skip(1_500) {
        assert!((fast - slow).abs() < 8 * MILLISECOND, "{fast} and {slow} ns");
    }
}
