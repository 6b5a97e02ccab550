//! `[http]`: the HTTP listener, its TLS, and how others reach it.

use crate::tls_files::{Clients, ListenerFiles};
use anyhow::{Context as _, Result, bail};
use pacs::dimse::TlsAcceptance;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What a folder with OHIF has: its page, its settings, and what is written when all the rest is there.
const OHIF_FILES: [&str; 3] = ["index.html", "app-config.js", "complete"];

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSection {
    /// Listening address. Loopback only without `[http.tls]`: a TLS proxy on the same machine stands before it then.
    pub listen: SocketAddr,
    /// The address that people and machines use, such as `https://read.example.org`; cookies are `Secure` if it is https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Origins whose pages may use DICOMweb, such as `https://viewer.example.org`; `*` for any, which then need a token.
    pub cors_origins: Vec<String>,
    /// Folder with the viewer OHIF, as `make web` fills one; served at `/ohif`. Without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ohif_directory: Option<PathBuf>,
    /// With it the listener speaks TLS (1.2 and 1.3) and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<HttpTlsSection>,
}

/// `[http.tls]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTlsSection {
    /// PEM file: our certificate, then those between it and the authority.
    pub certificate: PathBuf,
    /// PEM file: its private key. Nobody but the node's account and group may read it.
    pub private_key: PathBuf,
    /// PEM file: the authorities that certificates of clients must come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Whether clients, browsers included, must show a certificate.
    #[serde(default = "none")]
    pub client_certificates: Clients,
    /// Files, PEM or DER: certificate revocation lists, one of each authority between clients and their root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_lists: Vec<PathBuf>,
}

fn none() -> Clients {
    Clients::None
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            cors_origins: Vec::new(),
            ohif_directory: None,
            tls: None,
        }
    }
}

impl HttpSection {
    /// Refuses what would expose patients.
    pub fn refuse_if_exposed(&self) -> Result<()> {
        if !self.listen.ip().is_loopback() && self.tls.is_none() {
            bail!(
                "[http] listen = \"{}\" would send patients' images over the network without TLS. Name a certificate and its \
                 key in [http.tls], or listen on 127.0.0.1 and put a TLS proxy before it (docs/running.md)",
                self.listen
            );
        }
        Ok(())
    }

    /// Refuses what cannot work.
    pub fn refuse_if_wrong(&self) -> Result<()> {
        self.tls()?;
        if self.listen.ip().is_unspecified() && self.public_url.is_none() {
            bail!(
                "[http] listen = \"{}\" is no address that anybody could call: say [http] public_url, such as \
                 https://read.example.org; links in invitations and signed reports begin with it",
                self.listen
            );
        }
        if let Some(url) = &self.public_url {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            // Links in metadata and cookies are for the root of a host.
            if !rest.is_some_and(|rest| !rest.is_empty() && !rest.trim_end_matches('/').contains('/')) {
                bail!("[http] public_url = \"{url}\" is not like https://read.example.org, without a path");
            }
            if self.tls.is_some() && url.starts_with("http://") {
                bail!("[http] public_url = \"{url}\" must begin with https:// where there is [http.tls]");
            }
        }
        if let Some(origin) = self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            bail!(
                "[http] cors_origins: \"{origin}\" is neither \"*\" nor like https://viewer.example.org, without a path"
            );
        }
        if let Some(folder) = self.ohif_directory.as_ref().filter(|folder| !has_ohif(folder)) {
            bail!(
                "[http] ohif_directory = \"{}\" does not hold all of OHIF ({}): name viewer/ohif/dist, which `make web` \
                 fills, or a copy of it, or leave the line out",
                folder.display(),
                OHIF_FILES.join(", ")
            );
        }
        Ok(())
    }

    /// Where people and machines reach the node that listens there.
    pub fn origin(&self, listen: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{listen}"))
    }

    /// The listener's TLS, if there is any.
    pub fn tls(&self) -> Result<Option<Certified>> {
        self.tls.clone().map(Certified::new).transpose().context("[http.tls]")
    }
}

/// Whether this is what a browser sends as `Origin`: scheme, host and perhaps a port.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_of_host =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | ':' | '[' | ']');
    text == "*" || rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_of_host))
}

/// Whether this folder is one that `viewer/scripts/ohif.mjs` has filled to the end.
pub fn has_ohif(folder: &Path) -> bool {
    OHIF_FILES.iter().all(|file| folder.join(file).is_file())
}

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Certificate and key as they are on the disk: renewed ones hold for the connections that come after, without a restart.
#[derive(Debug)]
pub struct Certified {
    section: HttpTlsSection,
    look_interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    acceptance: TlsAcceptance,
    stamps: Vec<Option<SystemTime>>,
    looked_at: Instant,
}

impl Certified {
    fn new(section: HttpTlsSection) -> Result<Self> {
        let stamps = section.stamps();
        let state =
            Mutex::new(State { acceptance: section.acceptance()?, stamps, looked_at: Instant::now() });
        Ok(Self { section, look_interval: LOOK_INTERVAL, state })
    }

    /// What a connection is accepted with now. Files that cannot be used leave those before in effect.
    pub fn acceptance(&self) -> TlsAcceptance {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= self.look_interval {
            state.looked_at = Instant::now();
            let stamps = self.section.stamps();
            if stamps != state.stamps {
                match self.section.acceptance() {
                    Ok(acceptance) => {
                        tracing::info!("the certificate of [http.tls] was read anew");
                        *state = State { acceptance, stamps, looked_at: state.looked_at };
                    }
                    Err(error) => tracing::error!(
                        "[http.tls]: {error:#}; the certificate from before stays in effect until that is mended"
                    ),
                }
            }
        }
        state.acceptance.clone()
    }
}

impl HttpTlsSection {
    fn acceptance(&self) -> Result<TlsAcceptance> {
        ListenerFiles {
            certificate: &self.certificate,
            private_key: &self.private_key,
            client_ca: self.client_ca.as_deref(),
            client_certificates: self.client_certificates,
            revocation_lists: &self.revocation_lists,
        }
        .acceptance(&[b"h2", b"http/1.1"])
    }

    /// When each file was last written.
    fn stamps(&self) -> Vec<Option<SystemTime>> {
        [Some(&self.certificate), Some(&self.private_key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
            .collect()
    }
}
