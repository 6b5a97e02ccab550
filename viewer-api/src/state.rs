//! What every handler shares.

use crate::audit_state::AuditCheck;
use crate::auth::LoginRules;
use crate::live::Hub;
use crate::outside::{Nobody, Outside};
use crate::problem::ApiError;
use crate::security::NodeEnds;
use crate::sign_on::{Away, Provider, SignOnConfig};
use access::{Brake, Passkeys};
use consult::{ConsultService, Keystore};
use model::OrgId;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use storage::Storage;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Password hashes at once: 19 MiB each, and 46 MiB for a signing key.
const PASSWORD_WORK_MAX: usize = 2;
/// The longest that a password waits for its turn.
const PASSWORD_WAIT_MAX: Duration = Duration::from_secs(20);
/// Verifications of brought files at once.
const VERIFICATIONS_MAX: usize = 4;

/// What `/metrics` and `/readyz` tell of the DICOM side; filled by the floor above, which knows both.
pub type DicomStatus = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// State of the HTTP interface.
#[derive(Clone)]
pub struct ApiState(pub(crate) Arc<Inner>);

impl ApiState {
    /// The same, calling other nodes in this way. To be said before the state is shared.
    #[must_use]
    pub fn with_dimse(mut self, dimse: pacs::dimse::DimseConfig) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.dimse = dimse;
        }
        self
    }

    /// Waits for a seat for work with a password; in a flood of them, not for ever.
    pub(crate) async fn password_seat(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let seat = tokio::time::timeout(PASSWORD_WAIT_MAX, self.0.password_work.acquire()).await;
        seat.map_err(|_| ApiError::Unavailable)?.map_err(|_| ApiError::Unavailable)
    }
}

impl Inner {
    /// What slows down guesses: the same for pages and for DIMSE.
    pub fn brake(&self) -> &Brake {
        &self.dimse.brake
    }
}

pub(crate) struct Inner {
    pub storage: Storage,
    pub consults: ConsultService,
    /// Whom pages hear from that something changed.
    pub live: Hub,
    pub keystore: Keystore,
    pub slides: wsi::Slides,
    /// Files that arrive in pieces.
    pub intake: wsi::Intake,
    pub public_origin: String,
    /// Where the files of OHIF are.
    pub ohif_folder: Option<PathBuf>,
    /// Origins whose pages may use DICOMweb.
    pub cors_origins: Vec<String>,
    /// As whom, and within which limits, other nodes are called.
    pub dimse: pacs::dimse::DimseConfig,
    pub secure_cookies: SecureCookies,
    pub dicom_status: DicomStatus,
    /// Passkeys of this node, when people reach it at an address that browsers have some for.
    pub passkeys: Option<Passkeys>,
    /// The organisation's single sign-on, and who is there.
    pub sign_on: Option<Provider>,
    pub away: Away,
    /// Carries questions to others.
    pub outside: Arc<dyn Outside>,
    /// Passwords and codes that were looked at, right or wrong.
    pub proofs_checked: AtomicU64,
    /// Who takes a second factor, and whose word on addresses counts.
    pub login_rules: LoginRules,
    /// The organisation that runs this node, if the configuration names it.
    pub node_organisation: Option<OrgId>,
    /// How the store was a moment ago.
    pub store: crate::store::Seen,
    /// Walks along the audit chain that auditors ask for.
    pub audit_check: AuditCheck,
    /// When what the configuration names ends.
    pub node_ends: NodeEnds,
    /// How long emergency access lasts.
    pub emergency_lasts: Duration,
    /// Studies that people have opened in an emergency.
    pub emergencies: crate::emergency::Open,
    /// Seats for work with passwords and passphrases, whose hashes take much memory.
    pub password_work: Semaphore,
    /// Seats for verifying files that anybody brings.
    pub verifications: Arc<Semaphore>,
}

impl ApiState {
    /// The state over one storage. `public_origin` is where people and machines reach the node; cookies are `Secure`
    /// when it is https.
    #[must_use]
    pub fn new(
        storage: Storage,
        consults: ConsultService,
        public_origin: String,
        dicom_status: DicomStatus,
    ) -> Self {
        let secure_cookies =
            if public_origin.starts_with("https://") { SecureCookies::Yes } else { SecureCookies::No };
        let ae_title = model::AeTitle::parse("FARSIGHT").unwrap_or_else(|_| unreachable!("a constant title"));
        let dimse = pacs::dimse::DimseConfig::new(ae_title, storage.limits().clone());
        let slides = wsi::Slides::new(storage.clone());
        Self(Arc::new(Inner {
            dimse,
            live: Hub::new(storage.clone(), storage.limits()),
            keystore: Keystore::new(storage.clone()),
            intake: wsi::Intake::new(storage.clone(), slides.clone(), wsi::intake::Settings::default()),
            slides,
            passkeys: Passkeys::at(&public_origin),
            proofs_checked: AtomicU64::new(0),
            sign_on: None,
            away: Away::default(),
            outside: Arc::new(Nobody),
            login_rules: LoginRules::default(),
            node_organisation: None,
            store: crate::store::Seen::default(),
            audit_check: AuditCheck::default(),
            node_ends: Arc::new(Vec::new),
            emergency_lasts: crate::emergency::LASTS,
            emergencies: crate::emergency::Open::default(),
            password_work: Semaphore::new(PASSWORD_WORK_MAX),
            verifications: Arc::new(Semaphore::new(VERIFICATIONS_MAX)),
            storage,
            consults,
            public_origin,
            cors_origins: Vec::new(),
            ohif_folder: None,
            secure_cookies,
            dicom_status,
        }))
    }

    /// Reads names of files and barcodes as it is configured. For a state that nobody else has yet.
    #[must_use]
    pub fn with_intake(mut self, settings: wsi::intake::Settings) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.intake = wsi::Intake::new(inner.storage.clone(), inner.slides.clone(), settings);
        }
        self
    }

    /// Files that arrive in pieces: to be run beside the interface.
    #[must_use]
    pub fn intake(&self) -> wsi::Intake {
        self.0.intake.clone()
    }

    /// Slides, as the interface sees them.
    #[must_use]
    pub fn slides(&self) -> wsi::Slides {
        self.0.slides.clone()
    }

    /// Logs people in by these rules. For a state that nobody else has yet.
    #[must_use]
    pub fn with_login_rules(mut self, rules: LoginRules) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.login_rules = rules;
        }
        self
    }

    /// Says which organisation runs the node. For a state that nobody else has yet.
    #[must_use]
    pub fn with_node_organisation(mut self, organisation: Option<OrgId>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.node_organisation = organisation;
        }
        self
    }

    /// Asks others by way of this, and logs people in by single sign-on if it is configured. For a state that nobody else
    /// has yet.
    #[must_use]
    pub fn with_outside(mut self, outside: Arc<dyn Outside>, sign_on: Option<SignOnConfig>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            let origin = inner.public_origin.clone();
            inner.sign_on = sign_on.map(|config| Provider::new(config, &origin, outside.clone()));
            inner.outside = outside;
        }
        self
    }

    /// Walks along the audit chain that are asked for: to be done beside the interface.
    #[must_use]
    pub fn audit_check(&self) -> AuditCheck {
        self.0.audit_check.clone()
    }

    /// Tells security officers when certificates and lists of the configuration end. For a state that nobody else has yet.
    #[must_use]
    pub fn with_node_ends(mut self, ends: NodeEnds) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.node_ends = ends;
        }
        self
    }

    /// Ends emergency access after so long and not after an hour, so that somebody can see it end. For a state that nobody else
    /// has yet.
    #[must_use]
    pub fn with_emergencies_lasting(mut self, lasts: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.emergency_lasts = lasts.min(crate::emergency::LASTS);
        }
        self
    }

    /// Lets pages of these origins use DICOMweb. For a state that nobody else has yet.
    #[must_use]
    pub fn with_cors_origins(mut self, origins: Vec<String>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.cors_origins = origins;
        }
        self
    }

    /// Serves OHIF from this folder at `/ohif`. For a state that nobody else has yet.
    #[must_use]
    pub fn with_ohif(mut self, folder: Option<PathBuf>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.ohif_folder = folder;
        }
        self
    }
}

/// Whether cookies carry the `Secure` attribute: wherever the node is reached by HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecureCookies {
    /// Behind HTTPS.
    Yes,
    /// Loopback without TLS.
    No,
}
