//! Forms of a report on request: made once from what is kept, then kept themselves, so that every copy is the same.

use super::{Before, Built, Form, Modalities, Source, build};
use crate::keystore::blocking;
use crate::record::{Consult, ReportVersion};
use crate::report::CanonicalReport;
use crate::signing::{KIND as REPORT, StoredReport, damaged};
use crate::{ConsultError, ConsultService};
use access::Caller;
use dataset::Dataset;
use model::{Actor, ConsultId, Key, Level, OrgId, Query, Scope, Sha256, Uid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, RecordQuery, StorageError};

/// Record kind of forms that were made.
const KIND: &str = "report_form";
/// Series of one study whose modality is looked up.
const SERIES_MAX: u32 = 1000;
/// Key of a form's record: its SOP Instance UID.
const INSTANCE: &str = "instance";
/// Instances looked up in one query; fewer than the records that a query returns.
const ASKED_AT_ONCE: usize = 500;

/// A form of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Which form.
    pub form: Form,
    /// The file.
    pub bytes: Vec<u8>,
    /// SOP Class and Instance UID of a DICOM file.
    pub instance: Option<(Uid, Uid)>,
}

/// Where a form that was made is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    owner: OrgId,
    sha256: Sha256,
    class: Option<Uid>,
    instance: Option<Uid>,
}

fn node() -> Scope {
    Scope::node("report-form")
}

/// What the owner of the study sees of it.
pub(crate) fn owner(consult: &Consult) -> Scope {
    let owner = consult.study.org.clone();
    Scope::organisation(Actor::node("report-form"), owner.clone()).owned_by(owner)
}

impl ConsultService {
    /// A delivered report in one of its forms; `version` `None` means the current one. Records an export in the audit
    /// chain.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is none, it is not released to the caller's side, it was not delivered, or it
    /// has nothing to put into that form.
    pub async fn report_form(
        &self,
        caller: &Caller,
        id: &ConsultId,
        form: Form,
        version: Option<u32>,
    ) -> Result<Exported, ConsultError> {
        let view = self.get(caller, id).await?;
        let delivered = view.consult.versions.iter().rev().filter(|signed| signed.delivered_at.is_some());
        let signed = delivered.into_iter().find(|signed| version.is_none_or(|v| v == signed.version));
        let signed = signed.ok_or(ConsultError::NotFound)?;
        let exported = self.form_of(&view.consult, signed, form).await?.ok_or(ConsultError::NotFound)?;
        let entry = AuditEntry {
            action: AuditAction::Export,
            object: format!("consult/{id}"),
            outcome: AuditOutcome::Success,
            detail: format!("{} v{}", form.word(), signed.version),
        };
        self.storage.audit(caller.scope(), entry).await?;
        Ok(exported)
    }

    /// The form as it was made first; made now if nobody has asked for it. `None` when the report has nothing to put into
    /// it.
    pub(crate) async fn form_of(
        &self,
        consult: &Consult,
        signed: &ReportVersion,
        form: Form,
    ) -> Result<Option<Exported>, ConsultError> {
        let id = format!("{}-{}", signed.record, form.kept_as());
        if let Some(kept) = self.kept_form(&id, form).await? {
            return Ok(Some(kept));
        }
        let Some(built) = self.make_form(consult, signed, form).await? else { return Ok(None) };
        let owner = consult.reading.id.clone();
        let sha256 = self.storage.put_blob(&node(), &owner, &built.bytes).await?;
        let (class, instance) = built.instance.clone().unzip();
        let body = serde_json::to_value(Kept { owner, sha256, class, instance });
        let put = Put {
            kind: KIND,
            id: id.clone(),
            expected: Expected::Absent,
            body: body.map_err(|_| ConsultError::Failed("a report's form has no JSON"))?,
            keys: keys(consult, built.instance.as_ref()),
            unique: Vec::new(),
            sort: 0,
            visible_to: Vec::new(),
        };
        match self.storage.apply(&node(), Change { puts: vec![put], ..Change::default() }).await {
            Ok(()) => Ok(Some(Exported { form, bytes: built.bytes, instance: built.instance })),
            // Somebody else has made it meanwhile: theirs is the one.
            Err(StorageError::Conflict(_)) => self.kept_form(&id, form).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Which of these are forms of reports that were made here.
    pub(crate) async fn made_here(&self, instances: &[&Uid]) -> Result<HashSet<Uid>, ConsultError> {
        let mut made = HashSet::new();
        // UIDs of forms follow from UUIDs: what modalities number needs no question.
        let ours: Vec<String> =
            instances.iter().map(|uid| uid.to_string()).filter(|uid| uid.starts_with("2.25.")).collect();
        for some in ours.chunks(ASKED_AT_ONCE) {
            let mut query = RecordQuery::new(KIND);
            query.keys.push((INSTANCE, some.to_vec()));
            for record in self.storage.records(&node(), &query).await? {
                let kept: Kept = serde_json::from_value(record.body).map_err(|_| damaged())?;
                made.extend(kept.instance);
            }
        }
        Ok(made)
    }

    async fn kept_form(&self, id: &str, form: Form) -> Result<Option<Exported>, ConsultError> {
        let record = match self.storage.record(&node(), KIND, id).await {
            Ok(record) => record,
            Err(StorageError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kept: Kept = serde_json::from_value(record.body).map_err(|_| damaged())?;
        let bytes = self.read_whole(&kept.owner, &kept.sha256).await?;
        Ok(Some(Exported { form, bytes, instance: kept.class.zip(kept.instance) }))
    }

    async fn make_form(
        &self,
        consult: &Consult,
        signed: &ReportVersion,
        form: Form,
    ) -> Result<Option<Built>, ConsultError> {
        let stored = self.stored_report(&signed.record).await?;
        let canonical = stored.canonical()?;
        let report = CanonicalReport::from_bytes(&canonical).map_err(|_| damaged())?;
        let pdf = self.read_pdf(&stored).await?;
        let signatures = stored.brought()?.signatures;
        let before = match before(consult, signed) {
            None => None,
            Some(version) => {
                let canonical = self.stored_report(&version.record).await?.canonical()?;
                let report = CanonicalReport::from_bytes(&canonical).map_err(|_| damaged())?;
                let has_key_images = !report.key_images.is_empty();
                Some(Before { record: version.record.clone(), has_key_images })
            }
        };
        let study = self.study_attributes(consult).await?;
        let (classes, modalities) = self.seen_in_evidence(consult, &report).await?;
        let (record, signers) = (signed.record.clone(), signed.signers.clone());
        let utc_offset = self.config.utc_offset;
        blocking(move || {
            let source = Source {
                report: &report,
                canonical: &canonical,
                record: &record,
                before,
                signers: &signers,
                signatures: &signatures,
                pdf: &pdf,
                study: &study,
                classes: &classes,
                modalities: &modalities,
                utc_offset,
            };
            build(form, &source)
        })
        .await
    }

    pub(crate) async fn stored_report(&self, record: &str) -> Result<StoredReport, ConsultError> {
        StoredReport::of(&self.storage.record(&node(), REPORT, record).await?)
    }

    /// Patient and study as the index knows them; nothing when the study is gone.
    async fn study_attributes(&self, consult: &Consult) -> Result<Dataset, ConsultError> {
        let uid = consult.study.study_instance_uid.as_str();
        let query = Query::new(Level::Study, 1).with_value(Key::StudyInstanceUid, uid);
        let page = self.storage.search(&owner(consult), &query).await?;
        let Some(row) = page.rows.into_iter().next() else { return Ok(Dataset::new()) };
        Ok(dataset::json::from_json(&row.attributes.tree()).unwrap_or_default())
    }

    /// SOP classes of the instances in evidence and modalities of their series, wherever a correction has moved them.
    async fn seen_in_evidence(
        &self,
        consult: &Consult,
        report: &CanonicalReport,
    ) -> Result<(HashMap<Uid, Uid>, Modalities), ConsultError> {
        let scope = owner(consult);
        let (mut classes, mut modalities) = (HashMap::new(), Modalities::new());
        let mut studies: BTreeSet<Uid> = report.evidence.iter().map(|one| one.study.clone()).collect();
        let series: BTreeSet<Uid> = report.evidence.iter().map(|one| one.series.clone()).collect();
        let series: Vec<Uid> = series.into_iter().collect();
        studies.extend(self.storage.whereabouts(&scope, &series).await?.into_iter().map(|found| found.study));
        for study in studies {
            match self.storage.instances(&scope, &study, None, None).await {
                Ok(found) => {
                    classes.extend(found.iter().map(|i| (i.instance().clone(), i.sop_class().clone())));
                }
                Err(StorageError::NotFound) => continue,
                Err(error) => return Err(error.into()),
            }
            let query =
                Query::new(Level::Series, SERIES_MAX).with_value(Key::StudyInstanceUid, study.as_str());
            for row in self.storage.search(&scope, &query).await?.rows {
                let text = |tag| row.attributes.first_text(tag);
                let uid = text(dataset::tags::SERIES_INSTANCE_UID).and_then(|uid| Uid::parse(&uid).ok());
                modalities.extend(uid.zip(text(dataset::tags::MODALITY)));
            }
        }
        Ok((classes, modalities))
    }
}

fn keys(consult: &Consult, instance: Option<&(Uid, Uid)>) -> Vec<(&'static str, String)> {
    let mut keys = vec![("consult", consult.id.to_string())];
    keys.extend(instance.map(|(_, instance)| (INSTANCE, instance.to_string())));
    keys
}

/// The delivered version that this one took the place of.
fn before<'a>(consult: &'a Consult, signed: &ReportVersion) -> Option<&'a ReportVersion> {
    let earlier = consult.versions.iter().filter(|v| v.delivered_at.is_some() && v.version < signed.version);
    earlier.max_by_key(|v| v.version)
}
