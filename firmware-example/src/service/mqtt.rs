//! Packets as MQTT 5 publications.
//!
//! | topic | what |
//! | --- | --- |
//! | `microspan/<device>/packets` | each packet, with quality of service 1 |
//! | `microspan/<device>/sync`, `microspan/<device>/sync/1`, .. | packets that introduce the session, retained |

use core::fmt::Write;

use embassy_net::tcp::TcpSocket;
use embassy_time::with_timeout;
use heapless::String;
use microspan::Drain;
use rust_mqtt::Bytes;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{ConnectOptions, DisconnectOptions, PublicationOptions, TopicReference};
use rust_mqtt::types::{MqttString, ReasonCode, TopicName};

use super::connection::PATIENCE;

/// Room for what a broker says in words: little, and only when it is asked for more.
pub const MEMORY: usize = 512;

/// Nothing is subscribed to; one publication is on its way at a time.
type Client<'c, 's, 'm> =
    rust_mqtt::client::Client<'static, 'm, &'c mut TcpSocket<'s>, BumpBuffer<'m>, 0, 1, 1, 0, 0, 0, 0>;

/// A connection to a broker.
pub struct Publisher<'c, 's, 'm> {
    client: Client<'c, 's, 'm>,
    device: &'static str,
}

/// What became of a packet.
pub enum Sent {
    /// The broker has it, and sees to the rest.
    Yes,
    /// The broker has nobody to give it to: it is the drain's still.
    NobodyListens,
    /// There was none.
    Nothing,
}

impl<'c, 's, 'm> Publisher<'c, 's, 'm> {
    /// Introduces this device to the broker at the other end of the socket.
    ///
    /// # Errors
    /// The broker is gone, or does not want it.
    pub async fn connect(
        socket: &'c mut TcpSocket<'s>,
        memory: &'m mut BumpBuffer<'m>,
        device: &'static str,
    ) -> Result<Self, &'static str> {
        let mut client = Client::new(memory);
        let options = ConnectOptions::new().clean_start();
        let name = MqttString::from_str(device).map_err(|_| "the device's name is no MQTT string")?;
        let connecting = client.connect(socket, &options, Some(name));
        match with_timeout(PATIENCE, connecting).await {
            Ok(Ok(_)) => Ok(Self { client, device }),
            Ok(Err(_)) => Err("the broker does not take the connection"),
            Err(_) => Err("the broker does not answer"),
        }
    }

    /// Publishes the drain's next packet, if there is one.
    ///
    /// # Errors
    /// The connection is of no use any more; the packet is the drain's still.
    pub async fn publish<const MTU: usize, const NAMES: usize>(
        &mut self,
        drain: &mut Drain<MTU, NAMES>,
    ) -> Result<Sent, &'static str> {
        if drain.packet().is_none() {
            return Ok(Sent::Nothing);
        }
        let part = drain.introduction();
        let Some(packet) = drain.packet() else { return Ok(Sent::Nothing) };
        let mut topic = String::<64>::new();
        match part {
            None => write!(topic, "microspan/{}/packets", self.device),
            Some(0) => write!(topic, "microspan/{}/sync", self.device),
            Some(part) => write!(topic, "microspan/{}/sync/{part}", self.device),
        }
        .map_err(|_| "the device's name is too long for a topic")?;
        let listened = with_timeout(PATIENCE, self.publish_to(&topic, part.is_some(), packet))
            .await
            .map_err(|_| "the broker does not answer")??;
        // An introduction is for those that come later.
        if listened || part.is_some() {
            drain.packet_sent();
            Ok(Sent::Yes)
        } else {
            Ok(Sent::NobodyListens)
        }
    }

    /// Publishes and waits for the broker's answer: whether anybody listens.
    async fn publish_to(&mut self, topic: &str, retain: bool, packet: &[u8]) -> Result<bool, &'static str> {
        let topic = MqttString::from_str(topic).ok().and_then(TopicName::new).ok_or("it is no topic")?;
        let mut options = PublicationOptions::new(TopicReference::Name(topic)).at_least_once();
        options.retain = retain;
        self.client
            .publish(&options, Bytes::Borrowed(packet))
            .await
            .map_err(|_| "a publication did not go out")?;
        loop {
            match self.client.poll().await.map_err(|_| "the broker went away")? {
                Event::PublishAcknowledged(answer) => {
                    return Ok(answer.reason_code != ReasonCode::NoMatchingSubscribers);
                }
                Event::PublishRejected(_) => return Err("the broker refuses a publication"),
                _ => {}
            }
        }
    }

    /// Takes leave.
    ///
    /// # Errors
    /// The broker has not heard it.
    pub async fn disconnect(mut self) -> Result<(), &'static str> {
        let leaving = self.client.disconnect(&DisconnectOptions::new()).await;
        leaving.map(drop).map_err(|_| "the broker does not hear the end")
    }
}
