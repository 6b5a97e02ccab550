//! Which addresses this node calls. Somebody writes an address, and somebody else answers for the name in it: neither may lead
//! the node to itself, to its machine's neighbours or to where a cloud hands out secrets, unless whoever runs it has said so.

use crate::AddressRange;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds hand out an instance's credentials to whoever asks from inside: Alibaba (100.100.100.200), most others
/// (169.254.169.254), Oracle (192.0.0.192), Azure (168.63.129.16), Amazon by IPv6. No network that is named is meant to
/// hold them.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Whose an address is, as far as this machine can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This machine has it on one of its interfaces.
    ThisMachine,
    /// Any other's.
    Another,
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// It is this machine's: what listens there trusts who is on the machine.
    #[error("an address of this machine")]
    ThisMachine,
    /// It is in an internal network, or is none of a single machine.
    #[error("an address of an internal network")]
    Internal,
    /// A cloud's metadata service has it.
    #[error("the address of a cloud's metadata service")]
    Metadata,
}

/// The public internet, and the networks that the configuration names besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    networks: Vec<AddressRange>,
}

impl Reach {
    /// The public internet and these networks.
    #[must_use]
    pub fn new(networks: Vec<AddressRange>) -> Self {
        Self { networks }
    }

    /// Everything but metadata services: for what whoever runs the machine types on it.
    #[must_use]
    pub fn everywhere() -> Self {
        Self::new(ranges(&["0.0.0.0/0", "::/0"]))
    }

    /// This machine.
    #[must_use]
    pub fn loopback() -> Vec<AddressRange> {
        ranges(&["127.0.0.0/8", "::1"])
    }

    /// The private networks that hospitals have (RFC 1918, RFC 4193), without what is special in them.
    #[must_use]
    pub fn private_networks() -> Vec<AddressRange> {
        ranges(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"])
    }

    /// Whether an address may be called. An address that the machine has itself needs a network that holds loopback
    /// addresses, or to be named alone; that of a metadata service needs to be named alone.
    ///
    /// # Errors
    /// [`OutOfReach`].
    pub fn judge(&self, address: IpAddr, whose: Whose) -> Result<(), OutOfReach> {
        let address = address.to_canonical();
        let is_named = self.networks.iter().any(|network| network.contains(address));
        let is_named_alone = self.networks.iter().any(|network| network.is_only(address));
        if METADATA.contains(&address) {
            return if is_named_alone { Ok(()) } else { Err(OutOfReach::Metadata) };
        }
        // Whoever calls 0.0.0.0 or :: reaches loopback.
        if address.is_loopback() || address.is_unspecified() {
            return if is_named { Ok(()) } else { Err(OutOfReach::ThisMachine) };
        }
        if whose == Whose::ThisMachine {
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            let holds_loopback =
                |network: &AddressRange| loopback.into_iter().any(|address| network.contains(address));
            let is_meant = is_named_alone || self.networks.iter().any(holds_loopback);
            return if is_meant { Ok(()) } else { Err(OutOfReach::ThisMachine) };
        }
        if is_named || is_global(address) { Ok(()) } else { Err(OutOfReach::Internal) }
    }
}

fn ranges(texts: &[&str]) -> Vec<AddressRange> {
    texts.iter().filter_map(|text| AddressRange::parse(text).ok()).collect()
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
mod tests {
    use super::*;

    fn reach(networks: &[&str]) -> Reach {
        Reach::new(networks.iter().map(|text| AddressRange::parse(text).unwrap()).collect())
    }

    fn judge(networks: &[&str], address: &str, whose: Whose) -> Result<(), OutOfReach> {
        reach(networks).judge(address.parse().unwrap(), whose)
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

    #[test]
    fn private_networks_hold_a_hospitals_devices_and_nothing_special() {
        let reach = Reach::new(Reach::private_networks());
        for address in ["10.20.0.7", "172.16.3.4", "192.168.7.4", "fd12:3456::1", "8.8.8.8", "2400:3200::1"] {
            assert_eq!(reach.judge(address.parse().unwrap(), Whose::Another), Ok(()), "{address}");
        }
        for (address, why) in [
            ("127.0.0.1", OutOfReach::ThisMachine),
            ("127.8.8.8", OutOfReach::ThisMachine),
            ("::1", OutOfReach::ThisMachine),
            ("::ffff:127.0.0.1", OutOfReach::ThisMachine),
            ("0.0.0.0", OutOfReach::ThisMachine),
            ("::", OutOfReach::ThisMachine),
            ("169.254.169.254", OutOfReach::Metadata),
            ("::ffff:169.254.169.254", OutOfReach::Metadata),
            ("100.100.100.200", OutOfReach::Metadata),
            ("fd00:ec2::254", OutOfReach::Metadata),
            ("168.63.129.16", OutOfReach::Metadata),
            ("169.254.0.23", OutOfReach::Internal),
            ("100.64.0.1", OutOfReach::Internal),
            ("fe80::1", OutOfReach::Internal),
            ("224.0.0.1", OutOfReach::Internal),
            ("ff02::1", OutOfReach::Internal),
            ("255.255.255.255", OutOfReach::Internal),
            ("64:ff9b::7f00:1", OutOfReach::Internal),
            ("2002:7f00:1::", OutOfReach::Internal),
            ("198.18.0.1", OutOfReach::Internal),
        ] {
            assert_eq!(reach.judge(address.parse().unwrap(), Whose::Another), Err(why), "{address}");
        }
    }

    #[test]
    fn every_range_that_is_written_here_is_one() {
        assert_eq!((Reach::private_networks().len(), Reach::loopback().len()), (4, 2));
        assert_eq!(Reach::everywhere().networks.len(), 2);
    }

    #[test]
    fn an_address_of_this_machine_is_loopback_by_another_name() {
        for address in ["10.20.0.5", "223.5.5.5", "fd12:3456::5"] {
            let judge = |networks: &[&str]| judge(networks, address, Whose::ThisMachine);
            assert_eq!(judge(&["10.0.0.0/8", "fc00::/7"]), Err(OutOfReach::ThisMachine), "{address}");
            assert_eq!(judge(&["127.0.0.0/8"]), Ok(()), "{address}");
            assert_eq!(judge(&[address]), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_metadata_service_is_meant_only_where_it_is_named_alone() {
        for address in METADATA {
            let text = address.to_string();
            assert_eq!(
                Reach::everywhere().judge(address, Whose::Another),
                Err(OutOfReach::Metadata),
                "{text}"
            );
            assert_eq!(judge(&[&text], &text, Whose::Another), Ok(()), "{text}");
        }
    }
}
