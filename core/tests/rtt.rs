//! The transport over RTT, with a simulated probe: this program reads its own control block as a probe does.

use microspan::wire::FrameDecoder;
use microspan::{Refused, Rtt, Transport};
use rtt_target::rtt_init;

/// One channel, as the protocol of RTT lays it out in memory.
#[repr(C)]
struct Channel {
    name: *const u8,
    buffer: *const u8,
    size: usize,
    write: usize,
    read: usize,
    flags: usize,
}

#[repr(C)]
struct ControlBlock {
    id: [u8; 16],
    up: usize,
    down: usize,
    channels: [Channel; 2],
}

unsafe extern "C" {
    #[link_name = "_SEGGER_RTT"]
    static mut CONTROL_BLOCK: ControlBlock;
}

/// Reads up to so many bytes of the channel of spans.
fn simulated_probe(most: usize) -> Vec<u8> {
    // SAFETY: the block has two up-channels, `rtt_init` has filled it, and the one thread that writes it is this one.
    unsafe {
        let block = &raw mut CONTROL_BLOCK;
        assert_eq!(((*block).id, (*block).up), (*b"SEGGER RTT\0\0\0\0\0\0", 2));
        let channel = &raw mut (*block).channels[1];
        assert_eq!(std::ffi::CStr::from_ptr((*channel).name.cast()), c"microspan");
        let (size, mut read, mut bytes) = ((*channel).size, (*channel).read, Vec::new());
        while read != (*channel).write && bytes.len() < most {
            bytes.push((*channel).buffer.add(read).read_volatile());
            read = (read + 1) % size;
        }
        (&raw mut (*channel).read).write_volatile(read);
        bytes
    }
}

fn packets(stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut decoder, mut input) = (FrameDecoder::<1500>::new(), stream);
    let mut found = Vec::new();
    while let Some(packet) = decoder.next(&mut input) {
        found.extend(packet.ok().map(<[u8]>::to_vec));
    }
    found
}

#[test]
fn a_channel_shorter_than_a_frame_takes_each_packet_once_and_one_that_is_given_up_never_arrives() {
    let channels = rtt_init! {
        up: {
            0: { size: 64, name: "defmt" }
            1: { size: 50, name: "microspan" }
        }
    };
    let mut rtt = Rtt::new(channels.up.1);

    // What is sent is what arrives, in this order, whatever the probe's pace.
    let sent: Vec<Vec<u8>> = (0..200).map(|n| (0..7 + n).map(|m| (m * n % 7) as u8).collect()).collect();
    let (mut stream, mut refused) = (Vec::new(), 0);
    for (number, packet) in sent.iter().enumerate() {
        while rtt.send(packet) == Err(Refused::WouldBlock) {
            refused += 1;
            stream.extend(simulated_probe(1 + number % 13));
        }
    }
    stream.extend(simulated_probe(usize::MAX));
    assert!(refused > 200, "{refused}");
    assert_eq!(packets(&stream), sent);

    // A packet that is given up after any number of its bytes, the last one missing among them.
    let given_up = [[5; 48].to_vec(), [0xff; 47].to_vec(), [6; 80].to_vec()];
    for packet in &given_up {
        for room in 0..50 {
            let mut stream = Vec::new();
            rtt.send(&vec![9; 46 - room.min(45)]).unwrap();
            while rtt.send(packet).is_ok() {}
            for _ in 0..room {
                stream.extend(simulated_probe(1));
                let _ = rtt.send(packet);
            }
            stream.extend(simulated_probe(usize::MAX));
            let before = packets(&stream).iter().filter(|arrived| *arrived == packet).count();
            rtt.send(b"bread").unwrap();
            stream.extend(simulated_probe(usize::MAX));
            let arrived = packets(&stream);
            assert_eq!(arrived.last().map(|last| &last[..]), Some(&b"bread"[..]), "after {room}");
            let after = arrived.iter().filter(|arrived| *arrived == packet).count();
            assert_eq!(
                after,
                before,
                "a packet of {} bytes that was refused arrives, after {room}",
                packet.len()
            );
        }
    }
}
