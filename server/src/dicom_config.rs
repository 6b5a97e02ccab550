//! `[dicom]`: the DIMSE listeners, what they take, and TLS.

use crate::tls_files::{self, Clients, ListenerFiles};
use access::{AddressRange, Reach};
use anyhow::{Context as _, Result, bail};
use pacs::dimse::{DimseConfig, StoragePolicy, TlsListen, TlsRequest};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[dicom]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DicomSection {
    /// Listening address without TLS.
    pub listen: SocketAddr,
    /// Our AE title.
    pub ae_title: String,
    /// Must be true to let other machines call without proof of who they are (without TLS, or with TLS that does not
    /// require certificates): calling AE titles are no secret, so the network has to be one that only modalities reach.
    pub network_is_trusted: bool,
    /// SOP classes that are stored besides those of the standard.
    pub additional_sop_classes: Vec<String>,
    /// Transfer syntaxes that are kept besides those of the standard; they must be encapsulated.
    pub additional_transfer_syntaxes: Vec<String>,
    /// Transfer syntaxes that are chosen before others, in this order, when a sender leaves the choice.
    pub preferred_transfer_syntaxes: Vec<String>,
    /// Internal networks in which devices may be that this node calls, besides public addresses: single addresses and CIDR
    /// ranges. Addresses of this machine and of metadata services count only where they are named alone, or with loopback
    /// (`127.0.0.0/8`).
    pub networks: Vec<AddressRange>,
    /// A second listener, with TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSection>,
}

/// `[dicom.tls]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// Listening address.
    #[serde(default = "tls_listen")]
    pub listen: SocketAddr,
    /// PEM file: our certificate, then those between it and the authority.
    pub certificate: PathBuf,
    /// PEM file: its private key. Nobody but the node's account and group may read it.
    pub private_key: PathBuf,
    /// PEM file: the authorities that certificates of clients must come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show a certificate.
    #[serde(default)]
    pub client_certificates: Clients,
    /// Files, PEM or DER: certificate revocation lists, one of each authority between clients and their root. Whoever's
    /// certificate is on one is refused; the files are read again when they change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_lists: Vec<PathBuf>,
    /// PEM file: the authorities of nodes that this node calls over TLS; those of `client_ca` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ca: Option<PathBuf>,
}

/// The port that is registered for DICOM over TLS (PS3.8 §9.1.1, PS3.15 §B.12).
fn tls_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 2762))
}

impl Default for DicomSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 11112)),
            ae_title: "FARSIGHT".to_owned(),
            network_is_trusted: false,
            additional_sop_classes: Vec::new(),
            additional_transfer_syntaxes: Vec::new(),
            preferred_transfer_syntaxes: Vec::new(),
            networks: Reach::private_networks(),
            tls: None,
        }
    }
}

impl DicomSection {
    /// Refuses listeners that prove nothing about who calls and that other machines reach.
    pub fn refuse_if_exposed(&self) -> Result<()> {
        if self.network_is_trusted {
            return Ok(());
        }
        if !self.listen.ip().is_loopback() {
            bail!(
                "[dicom] listen = \"{}\" is reachable from other machines, and DICOM without TLS proves nothing about who \
                 calls. Listen on 127.0.0.1 and let others call over [dicom.tls], or say [dicom] network_is_trusted = true \
                 if only modalities reach that network",
                self.listen
            );
        }
        match &self.tls {
            Some(tls) if !tls.listen.ip().is_loopback() && tls.client_certificates != Clients::Required => {
                bail!(
                    "[dicom.tls] listen = \"{}\" is reachable from other machines, and TLS without certificates of clients \
                 proves nothing about who calls. Say client_certificates = \"required\", or [dicom] network_is_trusted = \
                 true if only modalities reach that network",
                    tls.listen
                )
            }
            _ => Ok(()),
        }
    }

    /// What the DIMSE server is run with.
    pub fn dimse_config(&self, limits: model::Limits) -> Result<DimseConfig> {
        let ae_title = model::AeTitle::parse(&self.ae_title).context("[dicom] ae_title")?;
        let storage_policy = StoragePolicy::new(
            &self.additional_sop_classes,
            &self.additional_transfer_syntaxes,
            &self.preferred_transfer_syntaxes,
        )
        .context(
            "[dicom] additional_sop_classes, additional_transfer_syntaxes, preferred_transfer_syntaxes",
        )?;
        let tls = self.tls.as_ref().map(TlsSection::listener).transpose().context("[dicom.tls]")?;
        let tls_request = self.tls_request()?;
        let reach = self.reach();
        Ok(DimseConfig { storage_policy, tls, tls_request, reach, ..DimseConfig::new(ae_title, limits) })
    }

    /// Which addresses devices may have that are called.
    pub fn reach(&self) -> Reach {
        Reach::new(self.networks.clone())
    }

    /// What it takes to call others over TLS; `None` without `[dicom.tls]`.
    pub fn tls_request(&self) -> Result<Option<TlsRequest>> {
        self.tls.as_ref().map(TlsSection::request).transpose().context("[dicom.tls]")
    }
}

impl TlsSection {
    fn listener(&self) -> Result<TlsListen> {
        let files = ListenerFiles {
            certificate: &self.certificate,
            private_key: &self.private_key,
            client_ca: self.client_ca.as_deref(),
            client_certificates: self.client_certificates,
            revocation_lists: &self.revocation_lists,
        };
        Ok(TlsListen { address: self.listen, acceptance: files.acceptance(&[])? })
    }

    fn request(&self) -> Result<TlsRequest> {
        let (certificate, key) = tls_files::own(&self.certificate, &self.private_key)?;
        let authority = match &self.server_ca {
            Some(path) => tls_files::read("server_ca", Some(path))?,
            None => tls_files::read("client_ca", self.client_ca.as_deref())?,
        };
        Ok(TlsRequest::new(authority.as_deref(), Some((&certificate, &key)))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    fn section(text: &str) -> DicomSection {
        toml::from_str(text).unwrap()
    }

    fn refusal(section: &DicomSection) -> Option<String> {
        section.refuse_if_exposed().err().map(|error| error.to_string())
    }

    const TLS: &str =
        "[tls]\nlisten = \"0.0.0.0:2762\"\ncertificate = \"node.pem\"\nprivate_key = \"node.key\"\n";

    #[test]
    fn a_listener_that_proves_nothing_is_for_trusted_networks_only() {
        let plain = section("listen = \"0.0.0.0:11112\"\n");
        assert!(refusal(&plain).unwrap().contains("[dicom] listen"));
        for clients in ["optional", "none"] {
            let tls = section(&format!("{TLS}client_certificates = \"{clients}\"\n"));
            assert!(refusal(&tls).unwrap().contains("client_certificates = \"required\""), "{clients}");
            let trusted =
                section(&format!("network_is_trusted = true\n{TLS}client_certificates = \"{clients}\"\n"));
            assert_eq!(refusal(&trusted), None);
        }
    }

    #[test]
    fn tls_that_requires_certificates_may_face_any_network() {
        assert_eq!(refusal(&section(TLS)), None, "required is the default");
        let both = section(&format!("listen = \"0.0.0.0:11112\"\n{TLS}"));
        assert!(
            refusal(&both).unwrap().contains("[dicom] listen"),
            "and does not vouch for the plain listener"
        );
    }

    #[test]
    fn a_private_key_that_everybody_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("node.key");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).mode(0o600).open(&key).unwrap();
        let tls = TlsSection {
            listen: tls_listen(),
            certificate: directory.path().join("node.pem"),
            private_key: key.clone(),
            client_ca: None,
            client_certificates: Clients::Required,
            revocation_lists: Vec::new(),
            server_ca: None,
        };
        let error = |tls: &TlsSection| format!("{:#}", tls.listener().unwrap_err());
        for mode in [0o644, 0o604, 0o666] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(error(&tls).contains("chmod 600"), "{mode:o}: {}", error(&tls));
        }
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(error(&tls).contains("certificate = "), "the next thing that is missing: {}", error(&tls));
    }

    #[test]
    fn what_cannot_be_negotiated_fails_the_check() {
        for text in [
            "ae_title = \"LONGER THAN SIXTEEN\"\n",
            "additional_sop_classes = [\"GE\"]\n",
            "additional_transfer_syntaxes = [\"1.2.840.10008.1.2.4.94\"]\n",
            "preferred_transfer_syntaxes = [\"1.2.3\"]\n",
        ] {
            assert!(section(text).dimse_config(model::Limits::default()).is_err(), "{text}");
        }
        let private =
            "additional_transfer_syntaxes = [\"1.2.3\"]\npreferred_transfer_syntaxes = [\"1.2.3\"]\n";
        section(private).dimse_config(model::Limits::default()).unwrap();
    }
}
