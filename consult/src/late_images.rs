//! Images that arrive for a study after the question about it was sent: shown, and taken into evidence by whoever reads,
//! before anything is signed. What was in evidence stays.

use crate::record::{Consult, ConsultView, Evidence, Named};
use crate::service::{advance, person};
use crate::state::Action;
use crate::submit::EVIDENCE_MAX;
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, PersonId, Uid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use storage::Change;
use time::OffsetDateTime;

/// Images of one series that arrived after the question was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateSeries {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// How many instances.
    pub instances: u64,
}

/// The evidence has grown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceUpdate {
    /// The version of the evidence from then on; what was sent first is 1.
    pub version: u32,
    /// Who took the images in.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Instances that came in.
    pub added: u64,
}

impl Consult {
    /// The version of the evidence: 1 as it was sent.
    #[must_use]
    pub fn evidence_version(&self) -> u32 {
        self.evidence_updates.last().map_or(1, |update| update.version)
    }
}

impl ConsultService {
    /// Images that are not in evidence, by series; none before the question is sent.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn late_images(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Vec<LateSeries>, ConsultError> {
        let consult = self.get(caller, id).await?.consult;
        if consult.submitted_at.is_none() || consult.state.is_over() {
            return Ok(Vec::new());
        }
        let mut by_series: BTreeMap<(Uid, Uid), u64> = BTreeMap::new();
        for late in self.late(caller, &consult).await? {
            let count = by_series.entry((late.study_instance_uid, late.series_instance_uid)).or_default();
            *count = count.saturating_add(1);
        }
        let row = |((study, series), instances)| LateSeries { study, series, instances };
        Ok(by_series.into_iter().map(row).collect())
    }

    /// Takes images into evidence that arrived since (the reader who has it).
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `evidence` when there are none, or too many.
    pub async fn accept_images(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::AcceptImages).await?;
        let mut late = self.late(caller, &consult).await?;
        if late.is_empty() {
            return Err(ConsultError::Invalid {
                field: "evidence",
                why: "没有新到的图像 / no images have come since",
            });
        }
        let added = late.len() as u64;
        if consult.evidence.len().saturating_add(late.len()) > EVIDENCE_MAX {
            return Err(ConsultError::Invalid {
                field: "evidence",
                why: "这一检查的图像太多 / the study has too many images",
            });
        }
        let scope = caller.scope().clone().without_labels();
        self.note_fidelity(&scope, &mut consult, &mut late).await?;
        consult.evidence.extend(late);
        consult.evidence_updates.push(EvidenceUpdate {
            version: consult.evidence_version().saturating_add(1),
            by: person(caller),
            at: now,
            added,
        });
        advance(
            &mut consult,
            states,
            caller,
            now,
            &format!("接收新到图像 {added} 个 / {added} images that arrived later are accepted"),
        );
        let puts = crate::lease::put(&consult, self.config.lease, now).into_iter().collect();
        self.finish(caller, consult, version, Action::AcceptImages, Change { puts, ..Change::default() })
            .await
    }

    /// Refuses to sign over images that nobody has taken note of.
    pub(crate) async fn refuse_late_images(
        &self,
        caller: &Caller,
        consult: &Consult,
        action: Action,
    ) -> Result<(), ConsultError> {
        if self.late(caller, consult).await?.is_empty() {
            return Ok(());
        }
        let why = if action == Action::Review {
            "又有新图像到达，请退回给报告医师查看并接收 / images have arrived since: return the report, its reader accepts them"
        } else {
            "提交之后又有新图像到达，请先查看并接收 / images have arrived since: look at them and accept them first"
        };
        Err(ConsultError::Invalid { field: "evidence", why })
    }

    async fn late(&self, caller: &Caller, consult: &Consult) -> Result<Vec<Evidence>, ConsultError> {
        let known: HashSet<&Uid> = consult.evidence.iter().map(|item| &item.sop_instance_uid).collect();
        let mut there = self.evidence(&caller.scope().clone().without_labels(), consult, usize::MAX).await?;
        there.retain(|item| !known.contains(&item.sop_instance_uid));
        // A report that its receiver has sent on to us says nothing new about the patient.
        let late: Vec<&Uid> = there.iter().map(|item| &item.sop_instance_uid).collect();
        let made = self.made_here(&late).await?;
        there.retain(|item| !made.contains(&item.sop_instance_uid));
        Ok(there)
    }
}
