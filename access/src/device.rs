//! Application entities: modalities, workstations and archives that call this node, or that it calls, and the rules
//! for those that call.

use crate::{AddressRange, Right};
use model::{AeTitle, OrgId, Sha256};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An application entity that this node knows. What it stores belongs to its organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// AE title; unique on the node.
    pub ae_title: AeTitle,
    /// Its organisation.
    pub organisation: OrgId,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Where it may call from; from anywhere when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_addresses: Vec<AddressRange>,
    /// SHA-256 of its certificate (DER, as `openssl x509 -fingerprint -sha256` shows it). With one it may not call
    /// without TLS, nor with another certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<Sha256>,
    /// Where it can be called; without it, it can only call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Character set (a defined term of Specific Character Set, or `GBK`) of its texts when they say none, or one that
    /// cannot be true, as modalities do that write GBK and say ISO_IR 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_character_set: Option<String>,
}

/// Where an application entity listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How it is called.
    #[serde(default)]
    pub transport: Transport,
    /// SHA-256 of the certificate that it must have over TLS; with one, neither its issuer nor the names in it count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<Sha256>,
}

/// What DICOM messages travel over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP as it is.
    #[default]
    Plain,
    /// TLS (PS3.15 §B.12).
    Tls,
}

/// What is known of a caller besides the AE title that it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// Where it calls from.
    pub address: IpAddr,
    /// SHA-256 of the certificate whose key it has proved to hold; none without TLS or without a client certificate.
    pub certificate_sha256: Option<Sha256>,
}

/// The rule of a device that a caller breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// It calls from elsewhere.
    SourceAddress,
    /// It shows no certificate and must.
    CertificateMissing,
    /// It shows another's certificate.
    CertificateOther,
}

impl Breach {
    /// A short word for log and audit.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::SourceAddress => "source-address-not-allowed",
            Self::CertificateMissing => "certificate-required",
            Self::CertificateOther => "certificate-of-another",
        }
    }
}

impl From<std::net::SocketAddr> for Contact {
    fn from(address: std::net::SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            transport: Transport::Plain,
            certificate_sha256: None,
        }
    }
}

impl Device {
    /// A device with these rights and no other settings.
    #[must_use]
    pub fn new(ae_title: AeTitle, organisation: OrgId, rights: Vec<Right>) -> Self {
        Self {
            ae_title,
            organisation,
            rights,
            source_addresses: Vec::new(),
            certificate_sha256: None,
            contact: None,
            assumed_character_set: None,
        }
    }

    /// Whether a caller with this AE title is let in.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn admits(&self, presented: &Presented) -> Result<(), Breach> {
        let is_in_range = |range: &AddressRange| range.contains(presented.address);
        if !self.source_addresses.is_empty() && !self.source_addresses.iter().any(is_in_range) {
            return Err(Breach::SourceAddress);
        }
        match (self.certificate_sha256, presented.certificate_sha256) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Breach::CertificateMissing),
            (Some(ours), Some(theirs)) if ours == theirs => Ok(()),
            (Some(_), Some(_)) => Err(Breach::CertificateOther),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: Sha256 = Sha256([7; 32]);

    fn device() -> Device {
        Device::new(AeTitle::parse("CT1").unwrap(), OrgId::parse("township").unwrap(), vec![Right::Store])
    }

    fn caller(address: &str, certificate_sha256: Option<Sha256>) -> Presented {
        Presented { address: address.parse().unwrap(), certificate_sha256 }
    }

    #[test]
    fn a_device_without_rules_may_come_from_anywhere() {
        assert_eq!(device().admits(&caller("203.0.113.9", None)), Ok(()));
        assert_eq!(device().admits(&caller("::1", Some(CERTIFICATE))), Ok(()));
    }

    #[test]
    fn a_device_with_addresses_comes_from_one_of_them() {
        let ranges = ["10.1.0.0/16", "192.168.7.4"].map(|text| AddressRange::parse(text).unwrap());
        let device = Device { source_addresses: ranges.to_vec(), ..device() };
        for (address, expected) in [
            ("10.1.2.3", Ok(())),
            ("192.168.7.4", Ok(())),
            ("192.168.7.5", Err(Breach::SourceAddress)),
            ("::1", Err(Breach::SourceAddress)),
        ] {
            assert_eq!(device.admits(&caller(address, Some(CERTIFICATE))), expected, "{address}");
        }
    }

    #[test]
    fn a_device_with_a_certificate_comes_with_it_or_not_at_all() {
        let device = Device { certificate_sha256: Some(CERTIFICATE), ..device() };
        let admits = |certificate| device.admits(&caller("10.1.2.3", certificate));
        assert_eq!(admits(Some(CERTIFICATE)), Ok(()));
        assert_eq!(admits(None), Err(Breach::CertificateMissing));
        assert_eq!(admits(Some(Sha256([8; 32]))), Err(Breach::CertificateOther));
    }

    #[test]
    fn a_record_from_before_the_rules_is_read() {
        let old = r#"{"ae_title": "CT1", "organisation": "township", "rights": ["store"],
                      "contact": {"host": "10.1.2.3", "port": 104}}"#;
        let device: Device = serde_json::from_str(old).unwrap();
        assert!(device.source_addresses.is_empty() && device.certificate_sha256.is_none());
        assert_eq!(device.contact.unwrap().transport, Transport::Plain);
    }
}
