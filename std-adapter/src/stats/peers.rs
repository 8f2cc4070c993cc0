//! Who is at the other end of a call, as statistics tell it: `key:value`, with addresses of the Internet taken away, of which there
//! may be any number.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands behind each.
pub(super) const SEPARATOR: char = '\0';

/// In the place of an address.
const BLOCKED: &str = "blocked-ip-address";

/// Addresses that are the same everywhere: of the machine itself, and of what clouds tell a machine about itself.
const KNOWN: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
];

/// Writes a peer behind those that are there.
pub(super) fn write(peers: &mut String, key: &str, value: &str) {
    let before = peers.len();
    peers.push_str(key);
    if !value.is_empty() {
        peers.push(':');
    }
    let hosts = peers.len();
    for host in value.split(',') {
        let start = peers.len();
        if start > hosts {
            peers.push(',');
        }
        match address(host) {
            Some((prefix, suffix)) => {
                [prefix, BLOCKED, suffix].into_iter().for_each(|part| peers.push_str(part))
            }
            None => peers.push_str(host),
        }
        // Of hosts that now look alike one is enough.
        let (others, written) = peers.split_at(start);
        let written = written.strip_prefix(',').unwrap_or(written);
        if start > hosts
            && others.get(hosts..).is_some_and(|others| others.split(',').any(|other| other == written))
        {
            peers.truncate(start);
        }
    }
    if peers.get(before..).is_some_and(|peer| peer.contains(SEPARATOR)) {
        peers.truncate(before);
    } else {
        peers.push(SEPARATOR);
    }
}

/// What stands before and behind the address in a text that begins with one, after `ip-` or a scheme.
fn address(host: &str) -> Option<(&str, &str)> {
    let prefix = match host.find("://") {
        Some(scheme) => host.len() - host.get(scheme..)?.trim_start_matches([':', '/']).len(),
        None if host.starts_with("ip-") => 3,
        None => 0,
    };
    let (prefix, rest) = host.split_at_checked(prefix)?;
    let (address, suffix) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, suffix)) => (IpAddr::V6(address.parse().ok()?), suffix),
        None => match rest.parse() {
            Ok(address) => (address, ""),
            Err(_) => version_4(rest)?,
        },
    };
    (!KNOWN.contains(&address)).then_some((prefix, suffix))
}

/// An address of four numbers between dots, dashes or low lines, and what follows.
fn version_4(text: &str) -> Option<(IpAddr, &str)> {
    let separator = text.trim_start_matches(|c: char| c.is_ascii_digit()).chars().next()?;
    if !matches!(separator, '.' | '-' | '_') {
        return None;
    }
    let (mut octets, mut rest) = ([0; 4], text);
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(separator)?;
        }
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        *octet = rest.get(..rest.len() - after.len())?.parse().ok()?;
        rest = after;
    }
    Some((IpAddr::from(octets), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(value: &str) -> String {
        let mut peers = String::new();
        write(&mut peers, "p", value);
        peers
    }

    #[test]
    fn an_address_is_taken_away_wherever_it_stands_and_the_rest_stays() {
        for (value, written) in [
            ("foo.dog", "foo.dog"),
            ("192.168.1.1", "blocked-ip-address"),
            ("192.168.1.1:1234", "blocked-ip-address:1234"),
            ("192.168.1.1.foo", "blocked-ip-address.foo"),
            ("192-168-1-1-foo", "blocked-ip-address-foo"),
            ("192_168_1_1", "blocked-ip-address"),
            ("ip-10-0-0-7.ec2.internal", "ip-blocked-ip-address.ec2.internal"),
            ("2001:db8:3c4d:15::1a2f:1a2b", "blocked-ip-address"),
            ("[fe80::1ff:fe23:4567:890a]:8080", "blocked-ip-address:8080"),
            ("dnspoll:///10.21.120.145:6400", "dnspoll:///blocked-ip-address:6400"),
            ("http://10.21.120.145:6400", "http://blocked-ip-address:6400"),
            ("10.0.0.1:53,10.0.0.2:53,foo.dog,10.0.0.1", "blocked-ip-address:53,foo.dog,blocked-ip-address"),
            ("1.2.3", "1.2.3"),
            ("1.2.3.400", "1.2.3.400"),
            ("é1.2.3.4", "é1.2.3.4"),
        ] {
            assert_eq!(peer(value), format!("p:{written}\0"));
        }
    }

    #[test]
    fn an_address_that_is_the_same_everywhere_stays() {
        for value in ["127.0.0.1", "::1", "169.254.169.254:80", "[fd00:ec2::254]:80", "169.254.170.2"] {
            assert_eq!(peer(value), format!("p:{value}\0"));
        }
    }

    #[test]
    fn one_that_would_look_like_two_is_left_out_and_one_without_a_value_is_its_key() {
        assert_eq!((peer("a\0b"), peer("")), (String::new(), "p\0".to_owned()));
    }
}
