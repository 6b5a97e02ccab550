//! Where the node may be led to by an address that somebody writes: the public internet, and the internal networks that the
//! configuration names. What was looked at is what is called, and no redirection is followed.

use access::{AddressRange, Reach};
use pacs::reach::NotCalled;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use std::net::SocketAddr;
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
    let reach = Reach::new(networks.to_vec());
    match tokio::time::timeout(time_max, pacs::reach::resolved(&reach, host, port)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(NotCalled::OutOfReach(_))) => Err(Unreachable::Internal),
        Ok(Err(NotCalled::Unknown)) | Err(_) => Err(Unreachable::Unknown),
    }
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

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::net::IpAddr;

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

    /// The same as the contact of a device: as far as it is a host at all, and none that leads where nothing was named.
    #[tokio::test]
    async fn a_device_has_no_internal_address_however_it_is_written() {
        let config = crate::config::Config::default();
        let (nowhere, default) = (Reach::default(), config.dicom.reach());
        let mut refused_by_default = 0;
        for text in TRICKS {
            let Some((contact, host)) = contact(text) else { continue };
            let seen = pacs::reach::resolved(&nowhere, &contact.host, contact.port).await;
            assert!(seen.is_err(), "{text} is {seen:?}");
            // Devices may be in private networks unless others are named.
            let seen = pacs::reach::resolved(&default, &contact.host, contact.port).await;
            match seen {
                Err(_) => refused_by_default += 1,
                Ok(found) => assert!(
                    found.iter().all(|address| is_private(address.ip())),
                    "{host} is called at {found:?}"
                ),
            }
        }
        assert!(refused_by_default >= 30, "{refused_by_default}");
    }

    /// What a device's contact would be, if somebody took the address of a trick for one.
    fn contact(text: &str) -> Option<(access::Contact, &str)> {
        let (_, rest) = text.trim().split_once(':')?;
        let host = rest.trim_start_matches(['/', '\\']).split(":9").next()?;
        let written = format!("{host}:104");
        let contact = crate::ae::contact(&written, access::Transport::Plain).ok().flatten()?;
        Some((contact, host))
    }

    fn is_private(address: IpAddr) -> bool {
        Reach::private_networks().iter().any(|network| network.contains(address))
    }
}
