//! Which uploads are of a study, as far as can be told before they are brought in.

use super::record::{KIND, State, Upload};
use super::{Intake, IntakeError};
use crate::Particulars;
use crate::identity::{NamePattern, usual_name_pattern};
use dataset::part10::HeadReader;
use dataset::{Scanner, tags};
use model::{Limits, OrgId, Scope, Uid};
use storage::RecordQuery;

/// How long an upload that receives nothing still runs: a line that breaks, or a person who answers what is asked, takes no
/// longer as a rule, and one that was left alone holds nobody up.
const IDLE_MS_MAX: i64 = 2 * 60 * 1000;
/// Bytes of a DICOM file that are looked at for its study.
const HEAD_BYTES: u64 = 256 << 10;

/// A study, by what uploads can be told by.
#[derive(Debug, Clone, Copy)]
pub struct OfStudy<'a> {
    /// Study Instance UID.
    pub study: &'a Uid,
    /// (0010,0020), or empty.
    pub patient_id: &'a str,
    /// (0008,0050), or empty.
    pub accession_number: &'a str,
}

impl OfStudy<'_> {
    /// Whether somebody who says this means a file of the study: its number if both have one, or its patient.
    fn is_meant(&self, said: &Particulars) -> bool {
        let is = |said: &Option<String>, own: &str| {
            said.as_deref().filter(|said| !said.is_empty() && !own.is_empty()).map(|said| said == own)
        };
        is(&said.accession_number, self.accession_number)
            .or_else(|| is(&said.patient_id, self.patient_id))
            .unwrap_or(false)
    }
}

impl Intake {
    /// How many uploads of an owner run now and are of a study: a DICOM file says so itself, of another it is known by what
    /// its sender has said, or by its name. Which say nothing count for no study.
    ///
    /// # Errors
    /// [`IntakeError::Storage`].
    pub async fn running_of(
        &self,
        owner: &OrgId,
        of: OfStudy<'_>,
        now_ms: i64,
    ) -> Result<usize, IntakeError> {
        let mut query = RecordQuery::new(KIND).with("unfinished", owner.as_str());
        query.limit = self.storage.limits().uploads_per_owner_max.saturating_add(1);
        let mut count = 0;
        for upload in self.list(&Scope::node("intake"), &query).await? {
            let is_of = self.runs(&upload, now_ms).await && self.is_of(&upload, of).await?;
            count += usize::from(is_of);
        }
        Ok(count)
    }

    /// Whether something happens to it now; what waits for the node's disk may wait for days.
    async fn runs(&self, upload: &Upload, now_ms: i64) -> bool {
        match upload.state {
            State::Checking | State::Importing => true,
            State::Receiving => {
                let changed = self.storage.arriving_changed_ms(upload.id).await;
                now_ms.saturating_sub(changed.unwrap_or(upload.created_at_ms)) <= IDLE_MS_MAX
            }
            _ => false,
        }
    }

    async fn is_of(&self, upload: &Upload, of: OfStudy<'_>) -> Result<bool, IntakeError> {
        let head = self.storage.arriving_head(upload.id, HEAD_BYTES).await.unwrap_or_default();
        if super::bring::is_dicom(&head) {
            return Ok(study_of(&head, self.storage.limits()).as_ref() == Some(of.study));
        }
        Ok(of.is_meant(&upload.of) || (!upload.of.names_somebody() && of.is_meant(&self.by_name(upload))))
    }

    fn by_name(&self, upload: &Upload) -> Particulars {
        let pattern = match self.settings.name_pattern.as_deref() {
            Some(text) => NamePattern::parse(text).ok(),
            None => usual_name_pattern(),
        };
        let stem = upload.name.rsplit_once('.').map_or(upload.name.as_str(), |(stem, _)| stem);
        pattern.and_then(|pattern| pattern.read(stem)).unwrap_or_default()
    }
}

/// The study of a DICOM file of which so much is here; `None` before it has come, and for what is broken.
fn study_of(head: &[u8], limits: &Limits) -> Option<Uid> {
    let (meta, rest) = HeadReader::new().feed(head).ok()??;
    let mut scanner = Scanner::new(&meta.transfer_syntax, limits);
    scanner.feed(&rest).ok()?;
    scanner.uid(tags::STUDY_INSTANCE_UID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_study_whose_number_or_patient_it_names() {
        let study = Uid::parse("1.2.3").unwrap();
        let of = OfStudy { study: &study, patient_id: "P1", accession_number: "B26-0001" };
        let said = |accession: Option<&str>, patient: Option<&str>| Particulars {
            accession_number: accession.map(str::to_owned),
            patient_id: patient.map(str::to_owned),
            ..Particulars::default()
        };
        assert!(of.is_meant(&said(Some("B26-0001"), None)));
        assert!(of.is_meant(&said(None, Some("P1"))));
        assert!(!of.is_meant(&said(Some("B26-0002"), Some("P1"))), "another specimen of the same patient");
        assert!(!of.is_meant(&said(None, Some("P2"))));
        assert!(!of.is_meant(&said(None, None)));
        let nameless = OfStudy { study: &study, patient_id: "", accession_number: "" };
        assert!(!nameless.is_meant(&said(Some(""), Some(""))));
    }
}
