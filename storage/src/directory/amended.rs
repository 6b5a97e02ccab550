//! Organisations and agreements, changed over what somebody has seen of them and what others have changed meanwhile.

use super::{AGREEMENT, ORGANISATION, directory, put, value};
use crate::record::{Change, Expected, Put};
use crate::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageError};
use access::{Agreement, Organisation};
use model::{OrgId, Scope};

/// What is said when what was seen is not what is there.
pub const STALE: StorageError = StorageError::Conflict("stale");

fn entry(kind: &str, id: &str, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Administer,
        object: format!("{kind}/{id}"),
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    }
}

/// Whether what is there is what was seen; whoever says nothing of it has seen anything.
pub(super) fn is_seen(seen: Option<&str>, there: &str) -> bool {
    seen.is_none_or(|seen| seen == there)
}

impl Storage {
    /// Changes an agreement over the version that was read; `seen` is its [`access::tag`] as somebody has seen it.
    ///
    /// # Errors
    /// [`STALE`] when it is another by now, [`StorageError::NotFound`].
    pub async fn amend_agreement(
        &self,
        scope: &Scope,
        id: &str,
        seen: Option<&str>,
        detail: &str,
        amend: impl FnOnce(Agreement) -> Agreement,
    ) -> Result<Agreement, StorageError> {
        let record = self.record(&directory(), AGREEMENT, id).await?;
        let expected = Expected::Version(record.version);
        let kept: Agreement = value(record)?;
        if !is_seen(seen, &access::tag(&kept)) {
            return Err(STALE);
        }
        let agreement = amend(kept);
        let mut new = Put { expected, ..put(AGREEMENT, id.to_owned(), &agreement)? };
        new.keys.push(("side", agreement.requesting.to_string()));
        new.keys.push(("side", agreement.reading.to_string()));
        let audit = vec![entry(AGREEMENT, id, detail)];
        let change = Change { puts: vec![new], audit, ..Change::default() };
        let result = self.change_directory(scope, Some(agreement.requesting.clone()), change).await;
        result.map_err(stale).map(|()| agreement)
    }

    /// Changes an organisation over the version that was read; `seen` is its [`access::tag`] as somebody has seen it.
    ///
    /// # Errors
    /// [`STALE`] when it is another by now, [`StorageError::NotFound`].
    pub async fn amend_organisation(
        &self,
        scope: &Scope,
        id: &OrgId,
        seen: Option<&str>,
        amend: impl FnOnce(Organisation) -> Organisation,
    ) -> Result<Organisation, StorageError> {
        let record = self.record(&directory(), ORGANISATION, id.as_str()).await?;
        let expected = Expected::Version(record.version);
        let kept: Organisation = value(record)?;
        if !is_seen(seen, &access::tag(&kept)) {
            return Err(STALE);
        }
        let organisation = amend(kept.clone());
        let mut changed = Vec::new();
        if kept.name != organisation.name {
            changed.push("name".to_owned());
        }
        if kept.kind != organisation.kind {
            changed.push(format!("kind {:?} -> {:?}", kept.kind, organisation.kind).to_lowercase());
        }
        let change = Change {
            puts: vec![Put { expected, ..put(ORGANISATION, id.to_string(), &organisation)? }],
            audit: vec![entry(ORGANISATION, id.as_str(), &changed.join("; "))],
            ..Change::default()
        };
        self.change_directory(scope, Some(id.clone()), change).await.map_err(stale).map(|()| organisation)
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when there is one of that identifier.
    pub async fn add_organisation(&self, scope: &Scope, new: &Organisation) -> Result<(), StorageError> {
        if new.id.as_str().starts_with('-') {
            return Err(StorageError::Conflict("an organisation's identifier does not begin with a hyphen"));
        }
        let expected = Expected::Absent;
        let change = Change {
            puts: vec![Put { expected, ..put(ORGANISATION, new.id.to_string(), new)? }],
            audit: vec![entry(ORGANISATION, new.id.as_str(), "created")],
            ..Change::default()
        };
        self.change_directory(scope, Some(new.id.clone()), change).await
    }
}

/// Whoever was first has changed what was seen.
fn stale(error: StorageError) -> StorageError {
    match error {
        StorageError::Conflict(_) => STALE,
        other => other,
    }
}
