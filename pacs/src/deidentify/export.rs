//! An export that somebody has asked for, proved who they are, and said why: it is on the audit chain before the first byte
//! goes out, and can be fetched once or again for some minutes by whoever asked.

use super::project::Project;
use model::{Scope, Uid};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Storage, StorageError};
use time::OffsetDateTime;

const KIND: &str = "deidentified_export";
/// How long an export can be fetched, in milliseconds.
pub const ARM_MS: i64 = 15 * 60 * 1000;
const REASON_CHARS_MAX: usize = 500;

/// For what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Teaching (教学).
    Teaching,
    /// Research (科研).
    Research,
    /// Looking after quality (质控).
    Quality,
    /// Something else, which the words say.
    Other,
}

impl Purpose {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Teaching => "teaching",
            Self::Research => "research",
            Self::Quality => "quality",
            Self::Other => "other",
        }
    }
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Identifier.
    pub id: String,
    /// For which project.
    pub project: String,
    /// Which studies.
    pub studies: Vec<Uid>,
    /// Whether images that may show identity go out, too.
    pub with_risky: bool,
    /// For what.
    pub purpose: Purpose,
    /// In words.
    pub reason: String,
    /// Who: kind and identifier.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

pub(super) fn actor(scope: &Scope) -> String {
    format!("{:?}:{}", scope.actor.kind, scope.actor.id).to_lowercase()
}

pub(super) fn now_ms() -> i64 {
    model::time_text::unix_ms(OffsetDateTime::now_utc())
}

/// Arms an export. One event for it and one for each study, so that "who has looked at me" finds it.
///
/// # Errors
/// [`StorageError::Conflict`] for a project that is closed, or words that are none; [`StorageError`].
pub async fn arm(
    storage: &Storage,
    scope: &Scope,
    project: &Project,
    studies: Vec<Uid>,
    with_risky: bool,
    why: (Purpose, &str),
) -> Result<Export, StorageError> {
    let reason = why.1.trim();
    if project.is_closed {
        return Err(StorageError::Conflict("the project is closed"));
    }
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(StorageError::Conflict("the reason"));
    }
    let export = Export {
        id: uuid::Uuid::new_v4().to_string(),
        project: project.id.clone(),
        studies,
        with_risky,
        purpose: why.0,
        reason: reason.to_owned(),
        by: actor(scope),
        at_ms: now_ms(),
    };
    let body = serde_json::to_value(&export)
        .map_err(|_| StorageError::Unavailable("writing an export as JSON".to_owned()))?;
    let put = Put {
        kind: KIND,
        id: export.id.clone(),
        expected: Expected::Absent,
        body,
        keys: vec![("project", project.id.clone())],
        unique: Vec::new(),
        sort: export.at_ms,
        visible_to: vec![project.organisation.clone()],
    };
    let entry = |object: String, detail: String| AuditEntry {
        action: AuditAction::Export,
        object,
        outcome: AuditOutcome::Success,
        detail,
    };
    let risky = if with_risky { ", with images that may show identity" } else { "" };
    let detail = format!("de-identified, {}, {} studies{risky}", why.0.word(), export.studies.len());
    let mut audit = vec![entry(format!("deidentification/{}/export/{}", project.id, export.id), detail)];
    audit.extend(export.studies.iter().map(|study| {
        entry(format!("study/{study}"), format!("de-identified, {}, export {}", why.0.word(), export.id))
    }));
    storage.apply(scope, Change { puts: vec![put], audit, ..Change::default() }).await?;
    Ok(export)
}

/// The export that whoever asks has armed a moment ago.
///
/// # Errors
/// [`StorageError::NotFound`] when it is another's, or it was too long ago.
pub async fn take(storage: &Storage, scope: &Scope, id: &str) -> Result<Export, StorageError> {
    let record = storage.record(scope, KIND, id).await?;
    let export: Export =
        serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("an export"))?;
    let is_theirs = export.by == actor(scope) && now_ms() < export.at_ms.saturating_add(ARM_MS);
    if is_theirs { Ok(export) } else { Err(StorageError::NotFound) }
}
