//! From a name to the addresses that are called: looked up once, judged, and these very addresses are connected to, so that
//! whoever answers for a name cannot answer otherwise in between.

use access::{OutOfReach, Reach, Whose};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Why nobody is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// The name is not known now.
    #[error("the name is not known")]
    Unknown,
    /// One of its addresses must not be called.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
}

/// The socket addresses of a host, a name or an address, if all of them may be called.
///
/// # Errors
/// [`NotCalled`].
pub async fn resolved(reach: &Reach, host: &str, port: u16) -> Result<Vec<SocketAddr>, NotCalled> {
    // These are this machine (RFC 6761 §6.3), whether or not the resolver knows them.
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let host = if name == "localhost" || name.ends_with(".localhost") { "localhost" } else { host };
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| NotCalled::Unknown)?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        return Err(NotCalled::Unknown);
    }
    for address in &found {
        reach.judge(address.ip(), whose(address.ip()))?;
    }
    Ok(found)
}

/// Whether this machine has an address: then the kernel calls it from that address itself. Nothing is sent.
fn whose(address: IpAddr) -> Whose {
    let address = address.to_canonical();
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let asked = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    if asked().is_ok_and(|from| from == address) { Whose::ThisMachine } else { Whose::Another }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_knows_its_own_addresses() {
        assert_eq!(whose("127.0.0.1".parse().unwrap()), Whose::ThisMachine);
        assert_eq!(whose("::ffff:127.0.0.1".parse().unwrap()), Whose::ThisMachine);
        for other in ["8.8.8.8", "203.0.113.9", "10.255.254.253"] {
            assert_eq!(whose(other.parse().unwrap()), Whose::Another, "{other}");
        }
        // Whatever this machine is called by from its network, if it is in one.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("223.5.5.5:9").is_ok() {
            assert_eq!(whose(socket.local_addr().unwrap().ip()), Whose::ThisMachine);
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_where_it_leads() {
        let private = Reach::new(Reach::private_networks());
        for host in ["localhost", "LOCALHOST", "pacs.localhost", "127.1", "0x7f.1", "2130706433", "::1"] {
            let seen = resolved(&private, host, 104).await;
            assert_eq!(seen, Err(OutOfReach::ThisMachine.into()), "{host}");
        }
        let seen = resolved(&Reach::new(Reach::loopback()), "localhost", 104).await.unwrap();
        assert!(!seen.is_empty() && seen.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(resolved(&private, "no-such-host.invalid", 104).await, Err(NotCalled::Unknown));
    }
}
