//! Packets from an MQTT 5 broker: each publication is one.
//!
//! | topic | what is taken from it |
//! | --- | --- |
//! | `<prefix>/<device>/packets` | packets |
//! | `<prefix>/<device>/sync`, `<prefix>/<device>/sync/<part>` | packets; those that the broker kept, what they say of their session |

use std::fmt;
use std::io;
use std::process;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{Client, Connection, ConnectionError, Event as Heard, MqttOptions, RecvTimeoutError};

use super::input::{Event, Outlet, Over, REST, WAIT};

const PORT: u16 = 1883;
const PREFIX: &str = "microspan";
/// How long an attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long the broker keeps for us what it could not send, in seconds.
const EXPIRY: u32 = 60;
/// The longest message that the broker is to send: far beyond a packet and its topic. It drops what is longer, which would
/// otherwise come again with every new connection, and end it.
const LONGEST: u32 = 16 * 1024;
/// Requests to the broker that wait: the subscriptions.
const REQUESTS: usize = 8;

/// Where a broker is, and what to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broker {
    host: String,
    port: u16,
    login: Option<(String, String)>,
    prefix: String,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        write!(f, "mqtt {}:{}/{}", self.host, self.port, self.prefix)
    }
}

impl Broker {
    /// Reads `mqtt://[USER:PASSWORD@]HOST[:PORT][/PREFIX]`.
    pub(super) fn parse(url: &str) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let rest = url.strip_prefix("mqtt://").ok_or_else(|| wrong("it does not begin with mqtt://"))?;
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((user.to_owned(), password.to_owned())), address)
            }
            None => (None, authority),
        };
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match address.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong("its port is not a number"))?),
            None => (address, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.contains(['+', '#']) {
            return Err(wrong("its prefix has a wildcard"));
        }
        let prefix = if prefix.is_empty() { PREFIX } else { prefix };
        Ok(Self { host: host.to_owned(), port, login, prefix: prefix.to_owned() })
    }

    fn options(&self) -> MqttOptions {
        // Two bridges of one name would take turns in closing each other's connection.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("microspan-{}-{}", process::id(), now.as_nanos());
        let mut options = MqttOptions::new(name, &self.host, self.port);
        options.set_clean_start(false).set_session_expiry_interval(Some(EXPIRY));
        options.set_connection_timeout(ATTEMPT.as_secs()).set_max_packet_size(Some(LONGEST));
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password);
        }
        options
    }

    fn filters(&self) -> [Filter; 2] {
        ["packets", "sync/#"].map(|kind| Filter::new(format!("{}/+/{kind}", self.prefix), QoS::AtLeastOnce))
    }
}

/// Takes publications until the bridge shall stop; says once that the broker is gone and once that it is back.
pub(super) fn subscribe(broker: &Broker, outlet: &Outlet) {
    let (client, mut connection) = Client::new(broker.options(), REQUESTS);
    let (mut connected, mut gone) = (false, false);
    while outlet.goes_on().is_ok() {
        match next(&mut connection, connected) {
            None => {}
            Some(Ok(Heard::Incoming(Packet::ConnAck(_)))) => {
                connected = true;
                // There is room: what was asked before is answered, or went with its connection.
                let _ = client.try_subscribe_many(broker.filters());
            }
            Some(Ok(Heard::Incoming(Packet::SubAck(answer)))) => {
                let is_granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                if !answer.return_codes.iter().all(is_granted) {
                    log::warn!("{broker} does not let us subscribe: {:?}", answer.return_codes);
                } else if std::mem::take(&mut gone) {
                    log::info!("reading {broker} again");
                } else {
                    log::info!("reading {broker}");
                }
            }
            // When the bridge is over the loop ends.
            Some(Ok(Heard::Incoming(Packet::Publish(publish)))) => drop(take(&publish, outlet)),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                connected = false;
                if !std::mem::replace(&mut gone, true) {
                    log::warn!("{broker} is not there ({error}); trying again every second");
                }
                thread::sleep(REST);
            }
        }
    }
}

/// What happened; `None`: nothing did for a while. An attempt to connect is not cut short, or none might succeed.
fn next(connection: &mut Connection, connected: bool) -> Option<Result<Heard, ConnectionError>> {
    let patience = if connected { WAIT } else { ATTEMPT + WAIT };
    match connection.recv_timeout(patience) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        // The client lives, so this is not to be; the loop's pause is what keeps it from spinning.
        Err(RecvTimeoutError::Disconnected) => Some(Err(ConnectionError::RequestsDone)),
    }
}

fn take(publish: &Publish, outlet: &Outlet) -> Result<(), Over> {
    let bytes: Box<[u8]> = publish.payload.as_ref().into();
    // What the broker kept for us was said before, and is counted by whoever heard it then.
    if publish.retain {
        outlet.send(Event::Kept { bytes })
    } else {
        outlet.send(Event::Message { bytes, at: outlet.now() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(host: &str, port: u16, login: Option<(&str, &str)>, prefix: &str) -> Broker {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        Broker { host: host.to_owned(), port, login, prefix: prefix.to_owned() }
    }

    #[test]
    fn a_url_names_a_host_and_perhaps_more() {
        for (url, expected) in [
            ("mqtt://localhost", broker("localhost", 1883, None, "microspan")),
            ("mqtt://10.0.0.7:1884/", broker("10.0.0.7", 1884, None, "microspan")),
            ("mqtt://[::1]:1884/plant/3", broker("::1", 1884, None, "plant/3")),
            ("mqtt://[::1]", broker("::1", 1883, None, "microspan")),
            ("mqtt://ada:a:b@host/x/", broker("host", 1883, Some(("ada", "a:b")), "x")),
        ] {
            assert_eq!(Broker::parse(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_says_why() {
        for (url, why) in [
            ("localhost:1883", "mqtt://"),
            ("mqtts://localhost", "mqtt://"),
            ("mqtt://", "host"),
            ("mqtt://host:high", "port"),
            ("mqtt://host/a/+", "wildcard"),
        ] {
            let error = Broker::parse(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn a_broker_is_shown_without_its_password() {
        let broker = Broker::parse("mqtt://ada:secret@host").unwrap();
        assert_eq!(broker.to_string(), "mqtt host:1883/microspan");
    }
}
