//! The network stack over the board's Ethernet, with the addresses of QEMU's user network.

use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use static_cell::StaticCell;

use super::ethernet::{Ethernet, Port};

/// Sockets a program may open at a time.
const SOCKETS: usize = 3;
const OWN_ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);

/// The machine that runs the emulator, as QEMU's user network shows it to the board; also the gateway.
pub const HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}

/// Starts the network task and hands out the stack, with a static IPv4 address.
///
/// `seed` should be random: it chooses the local ports.
///
/// # Panics
/// When it is called a second time, which one [`Port`] allows nobody to do.
pub fn network(spawner: Spawner, ethernet: Port, seed: u64) -> Stack<'static> {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let config = Config::ipv4_static(StaticConfigV4 {
        address: OWN_ADDRESS,
        gateway: Some(HOST),
        dns_servers: Default::default(),
    });
    let resources = RESOURCES.init_with(StackResources::new);
    let (stack, runner) = embassy_net::new(Ethernet::start(ethernet), config, resources, seed);
    let Ok(task) = run(runner) else {
        unreachable!("the task of the one Ethernet controller is spawned once");
    };
    spawner.spawn(task);
    stack
}
