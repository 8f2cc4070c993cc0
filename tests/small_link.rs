//! A link whose units are shorter than a packet: the one of the core's documentation, with a simulated radio that loses
//! some of its notifications of 20 bytes.

use microspan_tests::bridge::{Bridge, Summary};
use microspan_tests::device::{self, SPANS, Seeded};
use microspan_tests::standin::Standin;

mod link {
    //! The link that the documentation of `microspan::Transport` shows.

    include!("../core/docs/notifications.txt");

    /// The link, which yields what the radio takes.
    pub fn quiet() -> impl Transport<Error = core::convert::Infallible> + Iterator<Item = std::vec::Vec<u8>> {
        Notifications::default()
    }

    impl Iterator for Notifications {
        type Item = std::vec::Vec<u8>;

        fn next(&mut self) -> Option<Self::Item> {
            Some(self.queue.pop_front()?.to_vec())
        }
    }
}

use microspan::{Refused, Transport};

const TRACES: usize = 200;
const ALL: u64 = TRACES as u64 * SPANS;

/// What a bridge makes of a device's packets when one in `lost_of` notifications is lost, and how many times the link
/// refused a packet.
fn over_simulated_radio(session: u64, lost_of: Option<usize>) -> (Summary, u32) {
    let standin = Standin::start();
    let mut bridge = Bridge::start(standin.url(), &["--stdin"]);
    let (mut radio, mut random, mut refused) = (link::quiet(), Seeded::new(session), 0);
    let packets = device::packets(session, TRACES);
    for (number, packet) in packets.iter().enumerate() {
        // Else what is lost before the first or after the last packet could not be known.
        let is_edge = number == 0 || number + 1 >= packets.len();
        if is_edge {
            for piece in radio.by_ref() {
                bridge.process.write(&piece);
            }
            bridge.process.write(&[0]);
        }
        while radio.send(packet) == Err(Refused::WouldBlock) {
            refused += 1;
            for _ in 0..1 + random.below(5) {
                let Some(piece) = radio.next() else { break };
                if lost_of.is_none_or(|of| random.below(of) > 0) {
                    bridge.process.write(&piece);
                }
            }
        }
        if is_edge {
            for piece in radio.by_ref() {
                bridge.process.write(&piece);
            }
        }
    }
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert_eq!(standin.summary().spans, summary.spans_sent, "{summary:?}");
    (summary, refused)
}

#[test]
fn a_link_of_20_bytes_that_refuses_loses_nothing() {
    let (summary, refused) = over_simulated_radio(21, None);
    assert!(refused > 0, "its queue was never full: {summary:?}");
    assert_eq!(
        (summary.spans_sent, summary.spans_lost_on_the_way, summary.damaged),
        (ALL, 0, 0),
        "{summary:?}"
    );
}

#[test]
fn each_span_of_a_link_that_loses_notifications_is_decoded_or_counted_as_lost() {
    let (summary, _) = over_simulated_radio(22, Some(30));
    assert!(summary.damaged > 0 && summary.spans_lost_on_the_way > 0, "{summary:?}");
    assert_eq!(summary.spans_received + summary.spans_lost_on_the_way, ALL, "{summary:?}");
}
