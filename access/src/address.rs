//! Single addresses and CIDR ranges (RFC 4632, RFC 4291 §2.3).

use model::Invalid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;

/// All addresses that begin with the same bits; with all bits given, one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix_bits: u8,
}

impl AddressRange {
    /// Parses `192.168.7.4`, `10.20.0.0/16`, `fd00:1::/32`. Bits behind the prefix must be zero: whoever writes
    /// `10.20.3.4/16` may have meant one machine.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |why| Invalid { what: "address range", why };
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let first: IpAddr = address.parse().map_err(|_| invalid("it is not an IP address"))?;
        let width = width(first);
        let prefix_bits = match bits {
            Some(bits) => bits.parse().map_err(|_| invalid("the prefix length is not a number"))?,
            None => width,
        };
        if prefix_bits > width {
            return Err(invalid("the prefix is longer than an address"));
        }
        if bits_of(first) != prefix_of(first, prefix_bits) {
            return Err(invalid("there are bits behind the prefix"));
        }
        Ok(Self { first, prefix_bits })
    }

    /// Whether an address is in the range. IPv4 in IPv6 (`::ffff:a.b.c.d`, as a socket for both shows it) is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4()
            && prefix_of(address, self.prefix_bits) == bits_of(self.first)
    }

    /// Whether this is that one address and no other.
    #[must_use]
    pub fn is_only(&self, address: IpAddr) -> bool {
        self.prefix_bits == width(self.first) && self.contains(address)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address's bits, the first of them highest.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn prefix_of(address: IpAddr, prefix_bits: u8) -> u128 {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits)).unwrap_or(0);
    bits_of(address) & mask
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix_bits == width(self.first) {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix_bits)
        }
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_begins_like_it() {
        for (range, inside, outside) in [
            ("192.168.7.4", "192.168.7.4", "192.168.7.5"),
            ("10.20.0.0/16", "10.20.255.1", "10.21.0.0"),
            ("10.20.0.0/16", "::ffff:10.20.0.1", "::ffff:10.21.0.1"),
            ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
            ("fd00:1::/32", "fd00:1:2::3", "fd00:2::1"),
            ("::/0", "2001:db8::1", "8.8.8.8"),
        ] {
            let parsed = AddressRange::parse(range).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{inside} in {range}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{outside} not in {range}");
            assert_eq!(AddressRange::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "10.20.3.4/16", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0", "ct.example.org"] {
            assert!(AddressRange::parse(text).is_err(), "{text}");
        }
    }
}
