//! Quality review 质控: a colleague grades a delivered report; a discrepancy comes back to its reader, who answers. Only the
//! reading organisation sees any of it.

use crate::follow_up::Said;
use crate::record::{Consult, ConsultView, Named};
use crate::service::{limited, person};
use crate::state::Action;
use crate::{ConsultError, ConsultService};
use access::{Caller, Person};
use model::{ConsultId, PersonId};
use serde::{Deserialize, Serialize};
use storage::Change;
use time::OffsetDateTime;

/// Reviews of one consult at most.
const REVIEWS_MAX: usize = 50;

/// How far the reviewer agrees. Radiology: 1 to 4 as in RADPEER (American College of Radiology), with `a` (unlikely to matter
/// for the patient) or `b` (likely to). Pathology: concordance as in the directed peer review of the College of American
/// Pathologists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// Concurs.
    #[serde(rename = "1")]
    Concurs,
    /// A difficult diagnosis, not ordinarily expected to be made.
    #[serde(rename = "2a")]
    DifficultMinor,
    /// The same, likely to matter.
    #[serde(rename = "2b")]
    DifficultMajor,
    /// The diagnosis should be made most of the time.
    #[serde(rename = "3a")]
    MostlyMinor,
    /// The same, likely to matter.
    #[serde(rename = "3b")]
    MostlyMajor,
    /// The diagnosis should be made almost every time.
    #[serde(rename = "4a")]
    AlwaysMinor,
    /// The same, likely to matter.
    #[serde(rename = "4b")]
    AlwaysMajor,
    /// 符合
    #[serde(rename = "concordant")]
    Concordant,
    /// 基本符合: differs without consequence for the patient.
    #[serde(rename = "minor")]
    MinorDiscordance,
    /// 不符合: differs with consequence for the patient.
    #[serde(rename = "major")]
    MajorDiscordance,
}

impl Grade {
    /// Whether it is a grade for tissue rather than for images.
    #[must_use]
    pub fn is_for_pathology(self) -> bool {
        matches!(self, Self::Concordant | Self::MinorDiscordance | Self::MajorDiscordance)
    }

    /// Whether the reviewer does not agree.
    #[must_use]
    pub fn is_discrepancy(self) -> bool {
        !matches!(self, Self::Concurs | Self::Concordant)
    }
}

/// One review of a delivered report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityReview {
    /// The report's version that was reviewed.
    pub report_version: u32,
    /// Whose report it was.
    pub reader: Option<Named<PersonId>>,
    /// Who reviewed it.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How far they agree.
    pub grade: Grade,
    /// What differs.
    pub comment: String,
    /// What the reader says to a discrepancy; `None` while it waits for that.
    pub response: Option<Said>,
}

impl QualityReview {
    fn is_open(&self) -> bool {
        self.grade.is_discrepancy() && self.response.is_none()
    }

    fn is_about(&self, person: &PersonId) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.id == *person)
    }
}

impl Consult {
    /// Whether a discrepancy waits for its reader.
    #[must_use]
    pub fn has_open_discrepancy(&self) -> bool {
        self.open_discrepancies().next().is_some()
    }

    /// Discrepancies that wait for their readers, oldest first.
    pub(crate) fn open_discrepancies(&self) -> impl Iterator<Item = &QualityReview> {
        self.quality.iter().filter(|review| review.is_open())
    }

    /// The oldest discrepancy that waits for this person.
    pub(crate) fn discrepancy_of(&self, person: &PersonId) -> Option<&QualityReview> {
        self.open_discrepancies().find(|review| review.is_about(person))
    }

    /// Whether this person has signed a version of the report, first or second.
    pub(crate) fn was_signed_by(&self, person: &Person) -> bool {
        let is_theirs = |named: &Option<Named<PersonId>>| named.as_ref().is_some_and(|n| n.id == person.id);
        // Signatures say names: of two people of one name, the other is refused, too.
        is_theirs(&self.reader)
            || is_theirs(&self.reviewer)
            || self.versions.iter().flat_map(|v| &v.signers).any(|signer| signer.name == person.name)
    }

    /// Whether the question is about tissue.
    #[must_use]
    pub fn is_pathology(&self) -> bool {
        self.slide.is_some() || self.study.modalities.iter().any(|modality| modality == "SM")
    }
}

impl ConsultService {
    /// Grades a delivered report (a reviewer who has not written it).
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `grade` for a grade of the other discipline, `comment` when a
    /// discrepancy is not explained.
    pub async fn grade(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        grade: Grade,
        comment: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let comment = limited("comment", comment)?;
        let (mut consult, _) = self.begin(caller, id, version, Action::Grade).await?;
        let invalid = |field, why| Err(ConsultError::Invalid { field, why });
        if grade.is_for_pathology() != consult.is_pathology() {
            return invalid(
                "grade",
                "影像用 1–4 级，病理用符合程度 / 1 to 4 for imaging, the degree of agreement for pathology",
            );
        }
        if grade.is_discrepancy() && comment.is_empty() {
            return invalid("comment", "请写明不一致之处 / say what differs");
        }
        if consult.quality.len() >= REVIEWS_MAX {
            return invalid("grade", "质控评价太多 / too many quality reviews");
        }
        let report_version = consult.current_version().map_or(1, |signed| signed.version);
        consult.quality.push(QualityReview {
            report_version,
            reader: consult.reader.clone(),
            by: person(caller),
            at: now,
            grade,
            comment,
            response: None,
        });
        self.finish(caller, consult, version, Action::Grade, Change::default()).await
    }

    /// The reader whose report it was answers the oldest discrepancy.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty; [`ConsultError::NotNow`] when there is none.
    pub async fn respond(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let response = Said::now(caller, text, now)?;
        let (mut consult, _) = self.begin(caller, id, version, Action::Respond).await?;
        let reader = caller
            .as_person()
            .ok_or(ConsultError::Forbidden("只有本人可以回应 / only the person concerned answers"))?;
        let waits = |review: &&mut QualityReview| review.is_open() && review.is_about(&reader.id);
        if let Some(review) = consult.quality.iter_mut().find(waits) {
            review.response = Some(response);
        }
        self.finish(caller, consult, version, Action::Respond, Change::default()).await
    }
}
