//! The scanner's file as it came, for who may have it: its label shows the patient, so it is never for other
//! organisations and needs the right to labels.

use crate::{LabelRight, SlideError, Slides};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256, SlideId, Uid};
use std::ops::Range;
use storage::{AuditAction, AuditEntry, AuditOutcome};

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    owner: OrgId,
    slide: SlideId,
    study: Uid,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub length: u64,
    /// The file's name, without a path.
    pub name: String,
}

impl Slides {
    /// Finds the file that a slide was imported from. Before any of it leaves: [`Slides::note_original`].
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach, for other organisations than its owner, without
    /// the right to labels, and when it came as DICOM instances.
    pub async fn original(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
    ) -> Result<Original, SlideError> {
        let found = self.reach(scope, id).await?;
        let slide = found.slide;
        let is_own = scope.viewer().is_none_or(|viewer| *viewer == slide.owner);
        if !is_own || right == LabelRight::Withheld {
            return Err(SlideError::NotFound);
        }
        let sha256 = slide.original_sha256.ok_or(SlideError::NotFound)?;
        let length = self.storage.blob_length(&slide.owner, &sha256).await?;
        Ok(Original {
            owner: slide.owner.clone(),
            slide: slide.id.clone(),
            study: slide.study.clone(),
            sha256,
            length,
            name: match slide.original_files {
                Some(_) if !is_archive(&slide.source.to_ascii_lowercase()) => {
                    format!("{}.tar", slide.source)
                }
                _ => slide.source.clone(),
            },
        })
    }

    /// Writes down durably who is about to get these bytes of a file.
    ///
    /// # Errors
    /// [`SlideError::Storage`]; then nothing may be handed out.
    pub async fn note_original(
        &self,
        scope: &Scope,
        original: &Original,
        range: &Range<u64>,
    ) -> Result<(), SlideError> {
        let last = range.end.saturating_sub(1);
        let entry = AuditEntry {
            action: AuditAction::Read,
            object: format!("slide/{}/original", original.slide),
            outcome: AuditOutcome::Success,
            detail: format!("bytes {}-{last}/{} study/{}", range.start, original.length, original.study),
        };
        Ok(self.storage.audit_reading(scope, entry).await?)
    }

    /// A part of a file that [`Slides::original`] found, at most 16 MiB.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn read_original(&self, original: &Original, range: Range<u64>) -> Result<Bytes, SlideError> {
        Ok(self.storage.read_blob(&original.owner, &original.sha256, range).await?)
    }
}

/// Whether a name (in small letters) already says that the file is an archive of several.
fn is_archive(name: &str) -> bool {
    name.ends_with(".tar") || name.ends_with(".zip")
}
