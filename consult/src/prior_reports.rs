//! Earlier reports on the same patient: shown beside the one that is being written, quoted, and named in it.

use crate::record::{Consult, EVIDENCE, KIND};
use crate::report::{CanonicalReport, Exam};
use crate::service::consult_of;
use crate::signing::stored::{StoredReport, damaged};
use crate::template::filled::FieldNote;
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use storage::{AuditAction, AuditEntry, AuditOutcome, Order, RecordQuery, StorageError};

/// Earlier reports that are shown at most.
const SHOWN_MAX: usize = 20;
/// Earlier reports that one report is compared with at most.
pub const COMPARED_MAX: usize = 5;
pub(crate) const TOO_MANY_COMPARED: &str = "对照的既往报告最多 5 份 / 5 earlier reports at most";

/// An earlier report that a report is compared with, as it is signed and printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedReport {
    /// Its consult.
    pub consult_id: ConsultId,
    /// What people call that consult.
    pub number: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its canonical form.
    pub canonical_sha256: Sha256,
    /// The examination.
    pub exam: Exam,
}

/// An earlier report as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriorReport {
    /// How a report that is compared with it names it.
    #[serde(flatten)]
    pub named: ComparedReport,
    /// When it was written, RFC 3339 local time.
    pub report_time: String,
    /// Who wrote it.
    pub reader: String,
    /// 影像所见 / 镜下所见
    pub findings: String,
    /// 诊断意见
    pub diagnosis: String,
    /// 建议
    pub recommendation: String,
    /// What was filled into a template.
    pub fields: Vec<FieldNote>,
}

/// Under this key consults of a patient are found, if the patient has an identifier.
pub(crate) fn patient_key(consult: &Consult) -> Option<(&'static str, String)> {
    let is_known = consult.submitted_at.is_some() && !consult.patient.id.is_empty();
    is_known.then(|| ("patient", format!("{}/{}", consult.study.org, consult.patient.id)))
}

impl ConsultService {
    /// Delivered reports on the same patient or on one of the prior studies, newest first, as far as the caller's organisation took
    /// part in them.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when the consult is not the caller's to see.
    pub async fn prior_reports(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Vec<PriorReport>, ConsultError> {
        let consult = self.get(caller, id).await?.consult;
        let mut prior = Vec::new();
        for earlier in self.earlier(caller, &consult).await? {
            let Some(signed) = earlier.delivered_version() else { continue };
            // Whoever reads a second opinion unseen of the first does not find it here either.
            if self.is_kept_from(caller, &earlier.id).await? {
                continue;
            }
            let record = match self.storage.record(caller.scope(), crate::signing::KIND, &signed.record).await
            {
                Ok(record) => record,
                Err(StorageError::NotFound) => continue,
                Err(other) => return Err(other.into()),
            };
            let canonical = StoredReport::of(&record)?.canonical()?;
            let report = CanonicalReport::from_bytes(&canonical).map_err(|_| damaged())?;
            prior.push(PriorReport {
                named: ComparedReport {
                    consult_id: earlier.id.clone(),
                    number: report.number,
                    version: report.version,
                    canonical_sha256: signed.canonical_sha256,
                    exam: report.exam,
                },
                report_time: report.report_time,
                reader: report.reader.name,
                findings: report.findings,
                diagnosis: report.diagnosis,
                recommendation: report.recommendation,
                fields: report.structured.map(|filled| filled.fields).unwrap_or_default(),
            });
        }
        prior.sort_by(|a, b| {
            b.named.exam.date.cmp(&a.named.exam.date).then(b.report_time.cmp(&a.report_time))
        });
        prior.truncate(SHOWN_MAX);
        if !prior.is_empty() {
            let read = |one: &PriorReport| AuditEntry {
                action: AuditAction::Read,
                object: format!("consult/{}", one.named.consult_id),
                outcome: AuditOutcome::Success,
                detail: format!("prior report of {id}"),
            };
            for entry in prior.iter().map(read) {
                self.storage.audit(caller.scope(), entry).await?;
            }
        }
        Ok(prior)
    }

    /// The earlier reports that a report is to be compared with, as they are named in it. Those that it names already stay as they
    /// are.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `compared` for one that is not among the patient's earlier reports, or too many.
    pub async fn compared(
        &self,
        caller: &Caller,
        id: &ConsultId,
        chosen: &[ConsultId],
    ) -> Result<Vec<ComparedReport>, ConsultError> {
        let invalid = |why| ConsultError::Invalid { field: "compared", why };
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        if chosen.len() > COMPARED_MAX {
            return Err(invalid(TOO_MANY_COMPARED));
        }
        let known = self.get(caller, id).await?.consult.report.unwrap_or_default().compared;
        let kept = |id: &ConsultId| known.iter().find(|one| one.consult_id == *id).cloned();
        if let Some(same) = chosen.iter().map(kept).collect() {
            return Ok(same);
        }
        let prior = self.prior_reports(caller, id).await?;
        let find = |id: &ConsultId| prior.iter().find(|one| one.named.consult_id == *id);
        let named = chosen.iter().map(|id| kept(id).or_else(|| find(id).map(|one| one.named.clone())));
        named
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid("不是这位患者的既往报告 / not an earlier report of this patient"))
    }

    /// Other consults with a delivered report on the same patient, or on one of the prior studies.
    async fn earlier(&self, caller: &Caller, consult: &Consult) -> Result<Vec<Consult>, ConsultError> {
        let mut keys: Vec<_> = patient_key(consult).into_iter().collect();
        if !keys.is_empty() {
            // The same person's identities elsewhere, of those that the caller's organisation sees.
            let (owner, id) = (&consult.study.org, consult.patient.id.as_str());
            let linked = self.storage.linked_patients(caller.scope(), (owner, id), (KIND, "patient")).await?;
            keys.extend(linked.into_iter().map(|(owner, id)| ("patient", format!("{owner}/{id}"))));
        }
        keys.extend(
            consult
                .priors
                .iter()
                .map(|study| ("holds", format!("{}/{}", study.org, study.study_instance_uid))),
        );
        let (mut seen, mut found) = (BTreeSet::from([consult.id.to_string()]), Vec::new());
        for (name, value) in keys {
            let query = RecordQuery {
                order: Order::Descending,
                limit: 50,
                unread: Some(EVIDENCE),
                ..RecordQuery::new(KIND).with(name, value)
            };
            for record in self.storage.records(caller.scope(), &query).await? {
                if seen.insert(record.id.clone()) {
                    let earlier = consult_of(record.body)?;
                    if earlier.delivered_version().is_some() {
                        found.push(earlier);
                    }
                }
            }
        }
        Ok(found)
    }
}
