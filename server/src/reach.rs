//! Where the node may be led to by an address that somebody writes: the public internet, and the internal networks that the
//! configuration names. What was looked at is what is called, and no redirection is followed.

use access::AddressRange;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// It is no address of HTTP.
    NoAddress,
    /// Its name is not known now, or not in time.
    Unknown,
    /// It leads into an internal network.
    Internal,
}

/// The socket addresses that a URL leads to, if all of them may be called.
pub async fn resolved(
    url: &Url,
    networks: &[AddressRange],
    time_max: Duration,
) -> Result<Vec<SocketAddr>, Unreachable> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Unreachable::NoAddress);
    }
    let port = url.port_or_known_default().ok_or(Unreachable::NoAddress)?;
    let host = url.host_str().ok_or(Unreachable::NoAddress)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // These are this machine (RFC 6761 §6.3), whether or not the resolver knows them.
    let name = host.trim_end_matches('.');
    let host = if name == "localhost" || name.ends_with(".localhost") { "localhost" } else { host };
    let found = tokio::time::timeout(time_max, tokio::net::lookup_host((host, port))).await;
    let Ok(Ok(found)) = found else { return Err(Unreachable::Unknown) };
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        return Err(Unreachable::Unknown);
    }
    let is_allowed =
        |address: IpAddr| networks.iter().any(|network| network.contains(address)) || is_global(address);
    if found.iter().all(|address| is_allowed(address.ip())) { Ok(found) } else { Err(Unreachable::Internal) }
}

/// A client that calls these very addresses, by no proxy.
pub fn client(url: &Url, addresses: &[SocketAddr], time_max: Duration) -> Option<Client> {
    // The first that installs it wins; all of them are the same.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().no_proxy().redirect(Policy::none()).timeout(time_max);
    if let Some(name) = url.domain() {
        builder = builder.resolve_to_addrs(name, addresses);
    }
    builder.build().ok()
}

/// Whether an address is one of the public internet: neither of this machine, nor of an internal network, nor one that
/// leads to such (RFC 6890 with the registries of special-purpose addresses).
fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3; of it 2001::/23 (Teredo and others), 2001:db8::/32, 2002::/16 and 3fff::/20 are special.
    let is_unicast = first & 0xe000 == 0x2000;
    let is_special =
        (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 || first == 0x3fff;
    is_unicast && !is_special
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Ways to write an address that must not be called.
    pub const TRICKS: [&str; 56] = [
        "http://127.0.0.1:9/",
        "http://127.1:9/",
        "http://127.0.1:9/",
        "http://127.255.255.254:9/",
        "http://0x7f.1:9/",
        "http://0x7f000001:9/",
        "http://0x7f.0x0.0x0.0x1:9/",
        "http://0177.0.0.1:9/",
        "http://0177.0.0.01:9/",
        "http://017700000001:9/",
        "http://2130706433:9/",
        "http://localhost:9/",
        "http://LOCALHOST:9/",
        "http://localhost.:9/",
        "http://１２７.０.０.１:9/",
        "http://127。0。0。1:9/",
        "http://%31%32%37.0.0.1:9/",
        "http://8.8.8.8@127.0.0.1:9/",
        "http://8.8.8.8:80@127.0.0.1:9/",
        "http://example.org%40@127.0.0.1:9/",
        "http:\\\\127.0.0.1:9/",
        "http:127.0.0.1:9/",
        "http:///127.0.0.1:9/",
        "http://127.0.0.1:9#@8.8.8.8/",
        "http://127.0.0.1:9\\@8.8.8.8/",
        " http://127.0.0.1:9/ ",
        "ht\ntp://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://[0:0:0:0:0:0:0:1]:9/",
        "http://[::]:9/",
        "http://[::ffff:127.0.0.1]:9/",
        "http://[::ffff:7f00:1]:9/",
        "http://[::127.0.0.1]:9/",
        "http://[64:ff9b::7f00:1]:9/",
        "http://[64:ff9b:1::7f00:1]:9/",
        "http://[2002:7f00:1::]:9/",
        "http://[2001:0:7f00:1::]:9/",
        "http://[2001:db8::1]:9/",
        "http://[fe80::1]:9/",
        "http://[fec0::1]:9/",
        "http://[fc00::1]:9/",
        "http://[fd12:3456::1]:9/",
        "http://[ff02::1]:9/",
        "http://[100::1]:9/",
        "http://0.0.0.0:9/",
        "http://0:9/",
        "http://10.1.2.3:9/",
        "http://10.0x1.515:9/",
        "http://172.16.0.1:9/",
        "http://172.31.255.255:9/",
        "http://192.168.7.4:9/",
        "http://3232237316:9/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1:9/",
        "http://198.18.0.1:9/",
        "http://255.255.255.255:9/",
    ];

    #[tokio::test]
    async fn an_internal_address_is_refused_however_it_is_written() {
        for text in TRICKS {
            let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let seen = resolved(&url, &[], Duration::from_secs(5)).await;
            assert_eq!(seen, Err(Unreachable::Internal), "{text} is {url}");
        }
        for text in ["ftp://8.8.8.8/", "file:///etc/passwd", "gopher://127.0.0.1/", "data:,x"] {
            let seen = resolved(&Url::parse(text).unwrap(), &[], Duration::from_secs(5)).await;
            assert_eq!(seen, Err(Unreachable::NoAddress), "{text}");
        }
    }

    #[tokio::test]
    async fn what_the_configuration_names_and_what_is_public_may_be_called() {
        let here = [AddressRange::parse("127.0.0.0/8").unwrap()];
        for text in ["http://127.0.0.1:9/", "http://0x7f.1:9/", "https://8.8.8.8/", "https://[2400:3200::1]/"]
        {
            let seen = resolved(&Url::parse(text).unwrap(), &here, Duration::from_secs(5)).await;
            assert!(seen.is_ok(), "{text}: {seen:?}");
        }
    }

    #[test]
    fn only_public_addresses_are_global() {
        for global in ["8.8.8.8", "223.5.5.5", "2400:3200::1", "::ffff:8.8.8.8"] {
            assert!(is_global(global.parse().unwrap()), "{global}");
        }
        for internal in ["224.0.0.1", "192.0.0.8", "192.88.99.1", "203.0.113.1", "240.0.0.1", "3fff::1"] {
            assert!(!is_global(internal.parse().unwrap()), "{internal}");
        }
    }
}
