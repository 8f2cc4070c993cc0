//! Every byte of an image, changed.

use super::super::header::Header;
use super::*;

const CHANGES: [u8; 7] = [0x5a, 0x01, 0x02, 0x03, 0x04, 0x80, 0xff];

/// The image of a shift, and what it holds.
fn image() -> (Memory, BTreeMap<String, Sent>) {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    shift(tracer);
    let whole = memory.copied();
    let truth = Packets::of(&mut boot(whole.power_on())).spans();
    (memory, truth)
}

/// What may be said of an image with a damaged part: of what it held, and nothing else. How many spans it accounts for, and
/// what was found.
fn assert_true(truth: &BTreeMap<String, Sent>, memory: &Memory, context: &str) -> (usize, Previous) {
    let mut boot = boot(memory.power_on());
    let spans = Packets::of(&mut boot).spans();
    for (name, span) in &spans {
        let true_one = truth.get(name).unwrap_or_else(|| panic!("{context}: there was no {name}"));
        let known = |span: &Sent| (span.counter, span.parent, span.trace, span.start);
        assert_eq!(known(span), known(true_one), "{context}: {name}");
        let was_open = true_one.tags.contains_key("error.type");
        // The last known time is earlier when what told it is gone.
        let may = span.duration == true_one.duration || was_open && span.duration < true_one.duration;
        assert!(may, "{context}: {name} lasted {}", span.duration);
        for (key, value) in &span.tags {
            let is_true = true_one.tags.get(key) == Some(value);
            assert!(is_true || key.starts_with("reset."), "{context}: {name} has {key} {value}");
        }
    }
    if let Previous::Recovered { spans: told, damaged, .. } = boot.previous() {
        assert_eq!((told as usize, boot.ignored()), (spans.len(), 0), "{context}");
        return (spans.len() + damaged as usize, boot.previous());
    }
    assert!(spans.is_empty(), "{context}");
    assert_eq!(boot.ignored(), u32::from(boot.previous() != Previous::Nothing), "{context}");
    (truth.len(), boot.previous())
}

#[test]
fn no_byte_of_an_image_can_be_changed_so_that_something_is_told_that_was_not() {
    let (memory, truth) = image();
    let (step, changes) = if cfg!(miri) { (1_151, &CHANGES[..2]) } else { (1, &CHANGES[..]) };
    let mut uncounted = 0;
    for at in (0..size_of::<Kept>()).step_by(step) {
        for change in changes {
            let copy = memory.copied();
            // SAFETY: a byte of the copy, which nobody uses yet.
            unsafe { *copy.byte(at) ^= change };
            let context = std::format!("byte {at} ^ {change:#x}");
            let (accounted, previous) = assert_true(&truth, &copy, &context);
            uncounted += usize::from(accounted < truth.len());
            // Without its header nothing of an image is believed, which is counted; with it one record is lost at most.
            let is_recovered = matches!(previous, Previous::Recovered { .. });
            assert!(is_recovered || at < size_of::<Header>() && previous != Previous::Nothing, "{context}");
            assert!(accounted + 1 >= truth.len(), "{context}: {accounted} of {}", truth.len());
        }
    }
    // The states of three slots and the heads of their chains.
    assert!(uncounted <= 3 * 4 * 7, "{uncounted}");
}

#[test]
fn no_chain_of_tags_can_be_led_into_that_of_another_span() {
    let (memory, truth) = image();
    // What ends as the link to a cell does.
    // SAFETY: a byte of the image, which nobody uses now.
    let is_link = |at: &usize| unsafe { *memory.byte(*at) & 0b11 == 0b10 };
    for at in (0..size_of::<Kept>()).filter(is_link).step_by(if cfg!(miri) { 50 } else { 1 }) {
        for cell in (0..64).step_by(if cfg!(miri) { 29 } else { 1 }) {
            let copy = memory.copied();
            // SAFETY: a byte of the copy, which nobody uses yet.
            unsafe { *copy.byte(at) = cell << 2 | 0b10 };
            assert_true(&truth, &copy, &std::format!("byte {at} leads to cell {cell}"));
        }
    }
}

#[test]
fn no_run_of_bytes_of_an_image_can_be_overwritten_so_that_something_is_told_that_was_not() {
    let (memory, truth) = image();
    let (step, size) = (if cfg!(miri) { 3_203 } else { 3 }, size_of::<Kept>());
    for at in (0..size).step_by(step) {
        for (len, value) in [(8, 0), (8, 0xff), (32, 0), (64, 0xaa), (size, 0xff), (size, 0)] {
            let copy = memory.copied();
            for at in at..size.min(at + len) {
                // SAFETY: a byte of the copy, which nobody uses yet.
                unsafe { *copy.byte(at) = value };
            }
            assert_true(&truth, &copy, &std::format!("{len} bytes of {value:#x} from {at}"));
        }
    }
}

#[test]
fn memory_that_holds_anything_at_all_is_no_image() {
    let (memory, truth) = image();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..if cfg!(miri) { 2 } else { 2_000 } {
        let copy = memory.copied();
        // All of it, or all but the header.
        let from = if round % 2 == 0 { 0 } else { size_of::<Header>() };
        for at in from..size_of::<Kept>() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // SAFETY: a byte of the copy, which nobody uses yet.
            unsafe { *copy.byte(at) = (random >> 56) as u8 };
        }
        assert_true(&truth, &copy, &std::format!("round {round}"));
    }
}
