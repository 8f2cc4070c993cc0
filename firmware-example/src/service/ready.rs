//! Publications of MQTT 5 that say an order is ready; their user properties carry the context of the span that published.

use embassy_net::tcp::TcpSocket;
use embassy_time::with_timeout;
use microspan::propagation::Headers;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{ConnectOptions, SubscriptionOptions};
use rust_mqtt::types::{MqttString, MqttStringPair, TopicFilter};

use super::connection::PATIENCE;

/// Room for the answers of a broker, and one publication with its properties.
pub const MEMORY: usize = 1_536;

/// Properties of a publication that are kept: there are six headers of a trace, and baggage.
const PROPERTIES: usize = 8;

type Client<'c, 's, 'm> = rust_mqtt::client::Client<
    'static,
    'm,
    &'c mut TcpSocket<'s>,
    BumpBuffer<'m>,
    1,
    1,
    1,
    0,
    PROPERTIES,
    0,
    0,
>;

/// The user properties of a publication, as headers.
pub struct UserProperties<'p>(heapless::Vec<MqttStringPair<'p>, PROPERTIES>);

impl Headers for UserProperties<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|pair| pair.name.as_str().eq_ignore_ascii_case(name))?;
        Some(pair.value.as_str())
    }
}

/// A connection to a broker that waits for one order.
pub struct Subscriber<'c, 's, 'm> {
    client: Client<'c, 's, 'm>,
}

impl<'c, 's, 'm> Subscriber<'c, 's, 'm> {
    /// Introduces this device to the broker at the other end of the socket, and subscribes to this topic.
    ///
    /// # Errors
    /// The broker is gone, or does not want it.
    pub async fn connect(
        socket: &'c mut TcpSocket<'s>,
        memory: &'m mut BumpBuffer<'m>,
        device: &'static str,
        topic: &str,
    ) -> Result<Self, &'static str> {
        let mut client = Client::new(memory);
        let name = MqttString::from_str(device).map_err(|_| "the device's name is no MQTT string")?;
        let topic = MqttString::from_str(topic).ok().and_then(TopicFilter::new).ok_or("it is no topic")?;
        let subscribing = async {
            let options = ConnectOptions::new().clean_start();
            client
                .connect(socket, &options, Some(name))
                .await
                .map_err(|_| "the broker does not take the connection")?;
            let options = SubscriptionOptions::new().at_least_once();
            client.subscribe(topic, &options).await.map_err(|_| "a subscription did not go out")?;
            loop {
                match client.poll().await.map_err(|_| "the broker went away")? {
                    Event::Suback(answer) if answer.reason_code.is_success() => return Ok(()),
                    Event::Suback(_) => return Err("the broker refuses the subscription"),
                    _ => {}
                }
            }
        };
        with_timeout(PATIENCE, subscribing).await.map_err(|_| "the broker does not answer")??;
        Ok(Self { client })
    }

    /// The properties of the next publication.
    ///
    /// # Errors
    /// None came in time, or the broker is gone.
    pub async fn next(&mut self) -> Result<UserProperties<'m>, &'static str> {
        let publication = async {
            loop {
                if let Event::Publish(publication) =
                    self.client.poll().await.map_err(|_| "the broker went away")?
                {
                    return Ok(UserProperties(publication.user_properties));
                }
            }
        };
        with_timeout(PATIENCE, publication).await.map_err(|_| "nothing was published")?
    }
}
