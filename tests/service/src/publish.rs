//! Publications of MQTT 5 that carry a trace on, in their user properties.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use microspan::Static;
use microspan::propagation::{Passing, Propagator};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long the broker may take to answer at first.
const PATIENCE: Duration = Duration::from_secs(10);
/// Publications that wait for their way out.
const WAITING: usize = 8;

/// A connection to a broker.
#[derive(Clone)]
pub struct Publisher(AsyncClient);

impl Publisher {
    /// Connects; a connection that breaks later is made again.
    pub async fn connect(broker: SocketAddr) -> Result<Self, String> {
        let options = MqttOptions::new("pantry", broker.ip().to_string(), broker.port());
        let (client, mut connection) = AsyncClient::new(options, WAITING);
        let (greeted, greeting) = oneshot::channel();
        tokio::spawn(async move {
            let mut greeted = Some(greeted);
            loop {
                match connection.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        if let Some(greeted) = greeted.take() {
                            // Whoever waited may be gone.
                            let _ = greeted.send(());
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        eprintln!("the broker at {broker} is not there ({error}); trying again every second");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        timeout(PATIENCE, greeting)
            .await
            .map_err(|_| format!("the broker at {broker} does not answer"))?
            .ok();
        Ok(Self(client))
    }

    /// Publishes that an order is ready, as a span; `false`: there is no room for it.
    pub fn ready(&self, order: u32, passing: &Passing<'_>) -> bool {
        let span = microspan::trace("mqtt.publish");
        span.set_tag("span.kind", Static("producer")).set_tag("messaging.system", Static("mqtt"));
        let mut user_properties = Vec::new();
        if let Some(context) = span.context() {
            let mut set = |name: &'static str, value: &dyn Display| {
                user_properties.push((name.to_owned(), value.to_string()));
            };
            if let Err(error) = Propagator::new().inject(&context, passing, &mut set) {
                span.set_tag("_dd.propagation_error", error.to_string().as_str());
            }
        }
        let properties = PublishProperties { user_properties, ..PublishProperties::default() };
        let topic = format!("orders/{order}/ready");
        let sent = self.0.try_publish_with_properties(topic, QoS::AtLeastOnce, false, "", properties);
        if let Err(error) = &sent {
            span.set_error(error);
        }
        sent.is_ok()
    }
}
