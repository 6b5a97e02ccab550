//! The configuration of a node: a TOML file, each key also as `FARSIGHT__SECTION__KEY`. Unknown keys refuse the start.

use crate::audit::AuditSection;
use crate::consults::ConsultSection;
use crate::deliveries::DeliverySection;
use crate::dicom_config::DicomSection;
use crate::http_config::HttpSection;
use crate::notices::NotifySection;
use crate::outgoing::SigningSection;
use crate::outside::OidcSection;
use crate::phone_signing::HttpPhoneSigning;
use crate::watch::SlidesSection;
use access::{AddressRange, Role};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use model::{Limits, OrgId};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use storage::{Storage, StorageConfig};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where things are kept.
    pub storage: StorageSection,
    /// The HTTP listener.
    pub http: HttpSection,
    /// The DICOM listeners.
    pub dicom: DicomSection,
    /// Reports and their signatures.
    pub report: ReportSection,
    /// How people log in.
    pub access: AccessSection,
    /// Single sign-on.
    pub oidc: OidcSection,
    /// Time stamps and revocation, when reports are signed.
    pub signing: SigningSection,
    /// How slides come in.
    pub slides: SlidesSection,
    /// Consults.
    pub consult: ConsultSection,
    /// How people and organisations are told of what happens, besides in the application.
    pub notify: NotifySection,
    /// How signed reports go into other systems.
    pub delivery: DeliverySection,
    /// The audit chain: its signed heads, and to whom its events are sent.
    pub audit: AuditSection,
    /// Limits on memory, sizes and waiting.
    pub limits: Limits,
}

/// `[storage]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSection {
    /// Directory of the objects and, with SQLite, of the index.
    pub directory: PathBuf,
    /// A `postgres://` URL; without it the index is SQLite in `directory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres_url: Option<String>,
}

/// `[report]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSection {
    /// PEM file of the certificate authorities that signers' certificates must chain to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_anchors: Option<PathBuf>,
    /// Directories with fonts; the system's when empty.
    pub font_directories: Vec<PathBuf>,
}

/// `[access]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessSection {
    /// Roles that take a second factor, such as `["administrator", "security_officer", "auditor"]`.
    pub second_factor_roles: Vec<Role>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed, such as `["127.0.0.1"]`: without them failed log-ins are
    /// counted by account alone, and the audit chain knows only the proxy's address.
    pub trusted_proxies: Vec<AddressRange>,
    /// The organisation that runs this node: its administrators see how the store is. Without it, the only organisation that
    /// nobody else looks after, if there is just one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_organisation: Option<String>,
    /// Seconds that emergency access lasts in a demonstration; an hour everywhere else.
    #[serde(skip)]
    pub emergency_s: Option<u32>,
}

impl AccessSection {
    /// The organisation that runs this node.
    pub fn node_organisation(&self) -> Result<Option<OrgId>> {
        let Some(text) = &self.node_organisation else { return Ok(None) };
        let line = || format!("[access] node_organisation = \"{text}\" is no organisation's identifier");
        OrgId::parse(text).map(Some).with_context(line)
    }

    /// The same for the HTTP interface.
    pub fn login_rules(&self) -> viewer_api::LoginRules {
        viewer_api::LoginRules {
            second_factor_roles: self.second_factor_roles.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}

impl Default for StorageSection {
    fn default() -> Self {
        Self { directory: PathBuf::from("farsight-data"), postgres_url: None }
    }
}

impl Config {
    /// Reads a file and the environment.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.is_file() {
            bail!("there is no configuration file at {}; docs/running.md shows one", path.display());
        }
        Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file_exact(path))
            .merge(Env::prefixed("FARSIGHT__").split("__"))
            .extract()
            .with_context(|| format!("in {} or in a FARSIGHT__ variable", path.display()))
    }

    /// Refuses what cannot work, and says which line to change: what `config check` finds, `serve` would stumble on.
    pub fn refuse_if_wrong(&self) -> Result<()> {
        self.refuse_if_exposed()?;
        self.dicom.dimse_config(self.limits.clone())?;
        self.dicom.tls_request()?;
        self.slides.refuse_if_wrong()?;
        self.notify.refuse_if_wrong()?;
        self.audit.refuse_if_wrong()?;
        self.http.refuse_if_wrong()?;
        self.access.node_organisation()?;
        self.signing.time_stamps(&self.trust_anchors_pem()?)?;
        HttpPhoneSigning::new(&self.signing.remote)?;
        let Ok(toml::Value::Table(limits)) = toml::Value::try_from(&self.limits) else {
            bail!("[limits] cannot be read");
        };
        if let Some((name, _)) = limits.iter().find(|(_, value)| value.as_integer() == Some(0)) {
            bail!("[limits] {name} = 0 would let nothing through");
        }
        Ok(())
    }

    /// The certificate authorities that signers' certificates must chain to; empty when none are named.
    pub fn trust_anchors_pem(&self) -> Result<String> {
        match &self.report.trust_anchors {
            Some(path) => {
                let line = || format!("[report] trust_anchors = \"{}\"", path.display());
                let pem = std::fs::read_to_string(path).with_context(line)?;
                if consult::certificate::from_pem(&pem).with_context(line)?.is_empty() {
                    bail!("{} holds no certificate (PEM)", line());
                }
                Ok(pem)
            }
            None => Ok(String::new()),
        }
    }

    /// Refuses what would expose patients, and says which line to change.
    fn refuse_if_exposed(&self) -> Result<()> {
        self.http.refuse_if_exposed()?;
        self.dicom.refuse_if_exposed()
    }

    /// The same without what must not be printed.
    pub fn without_secrets(&self) -> Self {
        let mut copy = self.clone();
        if copy.storage.postgres_url.is_some() {
            copy.storage.postgres_url = Some("(set)".to_owned());
        }
        copy
    }

    /// What storage wants to know.
    pub fn storage_config(&self) -> StorageConfig {
        StorageConfig {
            directory: self.storage.directory.clone(),
            postgres_url: self.storage.postgres_url.clone(),
            limits: self.limits.clone(),
        }
    }
}

/// What a data directory is known by.
const INDEX_FILE: &str = "index.sqlite";

/// Which node's data a command works on.
#[derive(Args, Debug, Clone)]
#[group(required = true, multiple = false)]
pub struct DataArgs {
    /// The node's configuration file.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// The node's data directory (a demonstration's, too).
    #[arg(long)]
    pub data: Option<PathBuf>,
}

impl DataArgs {
    /// The configuration that these arguments name.
    pub fn resolve(&self) -> Result<Config> {
        if let Some(path) = &self.config {
            return Config::load(path);
        }
        let directory = self.data.clone().unwrap_or_default();
        // Opening a storage makes one: a mistyped directory must not become an empty node that is found sound.
        if !directory.join(INDEX_FILE).is_file() {
            bail!("{} is not a node's data directory: it has no {INDEX_FILE}", directory.display());
        }
        let mut config = Config::default();
        config.storage.directory = directory;
        crate::demo::adapt(&mut config);
        Ok(config)
    }

    /// Opens the storage; a running node does not mind.
    pub async fn open(&self) -> Result<Storage> {
        let config = self.resolve()?;
        Storage::open(config.storage_config())
            .await
            .with_context(|| format!("opening {}", config.storage.directory.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("farsight.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn an_unknown_key_refuses_the_start() {
        let error = format!("{:#}", load("[http]\nlisten_on = \"127.0.0.1:1\"\n").unwrap_err());
        assert!(error.contains("listen_on"), "{error}");
    }

    #[test]
    fn an_exposed_listener_is_refused_with_the_line_to_change() {
        let config = load("[http]\nlisten = \"0.0.0.0:8080\"\n").unwrap();
        assert!(config.refuse_if_exposed().unwrap_err().to_string().contains("[http] listen"));
        let config = load("[dicom]\nlisten = \"0.0.0.0:11112\"\n").unwrap();
        assert!(config.refuse_if_exposed().unwrap_err().to_string().contains("network_is_trusted"));
        load("[dicom]\nlisten = \"0.0.0.0:11112\"\nnetwork_is_trusted = true\n")
            .unwrap()
            .refuse_if_exposed()
            .unwrap();
        load("").unwrap().refuse_if_exposed().unwrap();
        let tls = "[http]\nlisten = \"0.0.0.0:443\"\n[http.tls]\ncertificate = \"/a.pem\"\nprivate_key = \"/a.key\"\n";
        let config = load(tls).unwrap();
        config.refuse_if_exposed().unwrap();
        assert!(
            format!("{:#}", config.refuse_if_wrong().unwrap_err()).contains("[http.tls]"),
            "the key is not there"
        );
    }

    #[test]
    fn what_would_fail_at_the_start_fails_the_check() {
        for (text, line) in [
            ("[report]\ntrust_anchors = \"/nowhere/anchors.pem\"\n", "trust_anchors"),
            ("[http]\npublic_url = \"read.example.org\"\n", "public_url"),
            ("[http]\npublic_url = \"https://example.org/farsight\"\n", "public_url"),
            ("[dicom]\nae_title = \"LONGER THAN SIXTEEN\"\n", "ae_title"),
            ("[limits]\ncommit_group_max = 0\n", "commit_group_max"),
            ("[access]\nnode_organisation = \"市医院\"\n", "node_organisation"),
            ("[http]\ncors_origins = [\"https://viewer.example.org/\"]\n", "cors_origins"),
            ("[http]\ncors_origins = [\"viewer.example.org\"]\n", "cors_origins"),
        ] {
            let error = format!("{:#}", load(text).unwrap().refuse_if_wrong().unwrap_err());
            assert!(error.contains(line), "{error}");
        }
        load("[http]\npublic_url = \"https://read.example.org/\"\n").unwrap().refuse_if_wrong().unwrap();
        let origins = "[http]\ncors_origins = [\"https://viewer.example.org:8443\", \"*\"]\n";
        load(origins).unwrap().refuse_if_wrong().unwrap();
    }

    #[test]
    fn roles_and_proxies_are_words_and_addresses() {
        let config =
            load("[access]\nsecond_factor_roles = [\"auditor\"]\ntrusted_proxies = [\"127.0.0.1\"]\n");
        assert_eq!(config.unwrap().access.login_rules().second_factor_roles, [Role::Auditor]);
        assert!(load("[access]\nsecond_factor_roles = [\"boss\"]\n").is_err());
        assert!(load("[access]\ntrusted_proxies = [\"proxy.example.org\"]\n").is_err());
    }

    #[test]
    fn a_folder_with_ohifs_template_or_half_of_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let config = load(&format!("[http]\nohif_directory = {:?}\n", directory.path())).unwrap();
        // Its last file is written when the others are there.
        for file in ["index.html", "app-config.js", "complete"] {
            let error = config.refuse_if_wrong().unwrap_err().to_string();
            assert!(error.contains("viewer/ohif/dist"), "{error}");
            std::fs::write(directory.path().join(file), "").unwrap();
        }
        config.refuse_if_wrong().unwrap();
    }

    #[test]
    fn a_directory_that_is_no_node_is_not_made_one() {
        let directory = tempfile::tempdir().unwrap();
        let args = DataArgs { config: None, data: Some(directory.path().to_owned()) };
        assert!(args.resolve().unwrap_err().to_string().contains("not a node's data directory"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_database_password_is_not_printed() {
        let config = load("[storage]\npostgres_url = \"postgres://u:hunter2@localhost/f\"\n").unwrap();
        assert!(!toml::to_string(&config.without_secrets()).unwrap().contains("hunter2"));
    }
}
