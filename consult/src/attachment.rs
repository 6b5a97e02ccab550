//! What a requester attaches: earlier reports and letters (PDF), photographs (JPEG, PNG). Content is checked, not names.

pub(crate) mod check;

use crate::record::{Consult, ConsultView, Named};
use crate::report::clean;
use crate::service::person;
use crate::state::Action;
use crate::{ConsultError, ConsultService};
use access::Caller;
pub use check::MediaType;
use model::{ConsultId, PersonId, Sha256};
use serde::{Deserialize, Serialize};
use storage::Change;
use time::OffsetDateTime;

/// Bytes of one attachment at most.
pub const BYTES_MAX: usize = 16 << 20;
/// Attachments of one consult at most.
const COUNT_MAX: usize = 20;
/// Characters of a name at most.
const NAME_CHARS_MAX: usize = 200;

/// An attachment; its bytes are a blob of the requesting organisation, or of the study's owner when it came along with a second
/// opinion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the requester calls it.
    pub name: String,
    /// What it is, by its content.
    pub media_type: MediaType,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes; also its name in addresses.
    pub sha256: Sha256,
    /// Who attached it.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// An attachment as evidence: printed as a number, signed whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentItem {
    /// What the requester calls it.
    pub name: String,
    /// What it is.
    pub media_type: MediaType,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes.
    pub sha256: Sha256,
}

impl From<&Attachment> for AttachmentItem {
    fn from(attachment: &Attachment) -> Self {
        let Attachment { name, media_type, bytes, sha256, .. } = attachment.clone();
        Self { name, media_type, bytes, sha256 }
    }
}

/// A name that shows in a list and in a Content-Disposition: one line, no path.
pub(crate) fn tidy(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let line = clean(last).replace('\n', " ");
    let visible = line.chars().filter(|c| !is_direction(*c)).take(NAME_CHARS_MAX).collect::<String>();
    if visible.trim().is_empty() { "附件".to_owned() } else { visible.trim().to_owned() }
}

/// Characters that turn the direction of writing: `gpj.exe` would read as `exe.jpg`.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}')
}

fn invalid(why: &'static str) -> ConsultError {
    ConsultError::Invalid { field: "attachment", why }
}

impl ConsultService {
    /// Attaches a file (the requester, in a draft or while data are awaited). The same bytes again change nothing.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `attachment` for what is not a sound PDF, JPEG or PNG, is too large,
    /// or one too many.
    pub async fn attach(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        name: &str,
        content: Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, _) = self.begin(caller, id, version, Action::Attach).await?;
        if consult.attachments.len() >= COUNT_MAX {
            return Err(invalid("附件太多（最多 20 个） / 20 attachments at most"));
        }
        let (content, media_type) = crate::keystore::blocking(move || {
            let media_type = check::media_type(&content);
            (content, media_type)
        })
        .await?;
        let media_type = media_type.map_err(invalid)?;
        // A name that is cut has lost its ending, and may be that of another file.
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(ConsultError::Invalid {
                field: "name",
                why: "文件名过长（最多 200 字） / the file's name is too long: 200 characters at most",
            });
        }
        let mut name = tidy(name);
        while let Some(c) = self.printer.unprintable(&name) {
            name = name.replace(c, "□");
        }
        let owner = consult.requesting.id.clone();
        let sha256 = self.storage.put_blob(caller.scope(), &owner, &content).await?;
        if consult.attachments.iter().all(|other| other.sha256 != sha256) {
            consult.attachments.push(Attachment {
                name,
                media_type,
                bytes: content.len() as u64,
                sha256,
                by: person(caller),
                at: now,
            });
        }
        self.finish(caller, consult, version, Action::Attach, Change::default()).await
    }

    /// Takes an attachment out of a draft, or one that was attached while data are awaited out again.
    ///
    /// # Errors
    /// As [`Self::edit`]; [`ConsultError::NotFound`] when there is none of this hash.
    pub async fn detach(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        sha256: &Sha256,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, _) = self.begin(caller, id, version, Action::Attach).await?;
        // What was sent with the question stays; what was attached since more is waited for can be taken back.
        let since = consult.submitted_at.and(consult.waits.last()).map(|wait| wait.since);
        let attached = consult.attachments.iter().find(|attachment| attachment.sha256 == *sha256);
        if consult.submitted_at.is_some() && attached.is_some_and(|a| since.is_none_or(|since| a.at < since))
        {
            return Err(ConsultError::WrongState { state: consult.state, action: Action::Attach });
        }
        let before = consult.attachments.len();
        consult.attachments.retain(|attachment| attachment.sha256 != *sha256);
        if consult.attachments.len() == before {
            return Err(ConsultError::NotFound);
        }
        self.finish(caller, consult, version, Action::Attach, Change::default()).await
    }

    /// An attachment with its bytes: for both sides of a consult, for the reading one while it has been granted the study.
    /// Recorded in the audit chain.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn attachment(
        &self,
        caller: &Caller,
        id: &ConsultId,
        sha256: &Sha256,
    ) -> Result<(Attachment, Vec<u8>), ConsultError> {
        let consult = self.get(caller, id).await?.consult;
        let found = consult.attachments.iter().find(|attachment| attachment.sha256 == *sha256);
        let attachment = found.ok_or(ConsultError::NotFound)?.clone();
        let bytes = match self.read_whole(&consult.requesting.id, sha256).await {
            // What came along from the first question is its requester's.
            Err(ConsultError::NotFound) if consult.second_of.is_some() => {
                self.read_whole(&consult.study.org, sha256).await?
            }
            read => read?,
        };
        let entry = storage::AuditEntry {
            action: storage::AuditAction::Export,
            object: format!("consult/{id}"),
            outcome: storage::AuditOutcome::Success,
            detail: format!("attachment {sha256}"),
        };
        self.storage.audit(caller.scope(), entry).await?;
        Ok((attachment, bytes))
    }
}

impl Consult {
    /// Whether the reading organisation may see what belongs to the question: as long as it has its grant.
    pub(crate) fn is_granted(&self) -> bool {
        self.submitted_at.is_some() && !self.state.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_without_path_or_tricks() {
        for (given, expected) in [
            ("C:\\病历\\出院小结.pdf", "出院小结.pdf"),
            ("../../etc/passwd", "passwd"),
            ("a\nb\u{0}.png", "a b.png"),
            ("x\u{202E}gpj.exe", "xgpj.exe"),
            ("  ", "附件"),
        ] {
            assert_eq!(tidy(given), expected, "{given:?}");
        }
        assert_eq!(tidy(&"长".repeat(1000)).chars().count(), NAME_CHARS_MAX);
    }
}
