//! Certificates and keys of a TLS listener, as the configuration names them.

use anyhow::{Context as _, Result, bail};
use pacs::dimse::{ClientCertificates, TlsAcceptance};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clients {
    /// No connection without.
    #[default]
    Required,
    /// Checked if shown; who is known by one needs it.
    Optional,
    /// None is asked for.
    None,
}

/// What a listener is made of.
#[derive(Debug, Clone, Copy)]
pub struct ListenerFiles<'a> {
    pub certificate: &'a Path,
    pub private_key: &'a Path,
    pub client_ca: Option<&'a Path>,
    pub client_certificates: Clients,
    pub revocation_lists: &'a [PathBuf],
}

impl ListenerFiles<'_> {
    /// Reads them. `protocols` are what is spoken inside, the preferred first.
    pub fn acceptance(&self, protocols: &[&[u8]]) -> Result<TlsAcceptance> {
        let asked = match self.client_certificates {
            Clients::Required => ClientCertificates::Required,
            Clients::Optional => ClientCertificates::Optional,
            Clients::None => ClientCertificates::None,
        };
        let (certificate, key) = own(self.certificate, self.private_key)?;
        let authority = read("client_ca", self.client_ca)?;
        let acceptance = TlsAcceptance::new(&certificate, &key, authority.as_deref(), asked)?
            .with_application_protocols(protocols)?;
        if self.revocation_lists.is_empty() {
            return Ok(acceptance);
        }
        acceptance.with_revocation_lists(self.revocation_lists.to_vec()).context("revocation_lists")
    }
}

/// A certificate and its private key, which nobody but the node's account and group may read.
pub fn own(certificate: &Path, private_key: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let metadata =
        std::fs::metadata(private_key).with_context(|| format!("private_key = {private_key:?}"))?;
    if metadata.permissions().mode() & 0o007 != 0 {
        bail!(
            "private_key = {private_key:?} is open to everybody on this machine: chmod 600 {}",
            private_key.display()
        );
    }
    let file = |key, path: &Path| std::fs::read(path).with_context(|| format!("{key} = {path:?}"));
    Ok((file("certificate", certificate)?, file("private_key", private_key)?))
}

/// A file that need not be named.
pub fn read(key: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>> {
    path.map(|path| std::fs::read(path).with_context(|| format!("{key} = {path:?}"))).transpose()
}
