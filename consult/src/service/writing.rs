//! Saving the report while it is written.

use super::{advance, limited};
use crate::key_image::{KEY_IMAGES_MAX, KeyImage};
use crate::prior_reports::{COMPARED_MAX, TOO_MANY_COMPARED};
use crate::record::{Consult, ConsultView};
use crate::report::ReportDraft;
use crate::state::{Action, State};
use crate::template::filled::Structured;
use crate::template::{Template, filled};
use crate::{ConsultError, ConsultService, lease};
use access::Caller;
use model::{ConsultId, Uid};
use storage::Change;
use time::OffsetDateTime;

impl ConsultService {
    /// Saves what the reader has written so far; a returned consult is being read again. Control characters are removed.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for anyone but the holder, [`ConsultError::Conflict`] for an old version,
    /// [`ConsultError::Invalid`] when a text is too long or a displayed instance is not in evidence.
    pub async fn save_report(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        report: ReportDraft,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Edit).await?;
        if consult.state == State::Draft {
            return Err(ConsultError::WrongState { state: State::Draft, action: Action::Edit });
        }
        if consult.state == State::Returned {
            advance(&mut consult, states, caller, now, "");
        }
        let is_in_evidence = |uid: &Uid| consult.evidence.iter().any(|item| item.sop_instance_uid == *uid);
        let mut displayed = report.displayed;
        displayed.sort();
        displayed.dedup();
        if !displayed.iter().all(is_in_evidence) {
            return Err(ConsultError::Invalid {
                field: "displayed",
                why: "不在本次会诊的图像之中 / not among the images of this case",
            });
        }
        let key_images = checked_key_images(report.key_images, is_in_evidence)?;
        let template = self.template_of(&consult, &report.template, report.template_version).await?;
        let (values, sections) = filled::checked(template.as_ref(), report.values, report.sections)?;
        if report.compared.len() > COMPARED_MAX {
            return Err(ConsultError::Invalid { field: "compared", why: TOO_MANY_COMPARED });
        }
        let mut kept = ReportDraft {
            findings: limited("findings", &report.findings)?,
            diagnosis: limited("diagnosis", &report.diagnosis)?,
            recommendation: limited("recommendation", &report.recommendation)?,
            template: report.template.map(|name| limited("template", &name)).transpose()?,
            template_version: report.template_version,
            values,
            sections,
            compared: report.compared,
            structured: None,
            displayed,
            key_images,
        };
        kept.structured = template.as_ref().map(|template| Structured::of(template, &kept));
        consult.report = Some(kept);
        consult.reported_at = Some(now);
        let puts = lease::put(&consult, self.config.lease, now).into_iter().collect();
        self.finish(caller, consult, version, Action::Edit, Change { puts, ..Change::default() }).await
    }
}

impl ConsultService {
    /// The edition of a template that a draft names; the reading organisation's, or one that comes with the program.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `template` when there is no such edition.
    pub(crate) async fn template_of(
        &self,
        consult: &Consult,
        id: &Option<String>,
        version: Option<u32>,
    ) -> Result<Option<Template>, ConsultError> {
        let (Some(id), Some(version)) = (id, version) else { return Ok(None) };
        match self.template_edition(&consult.reading.id, id, version).await {
            Ok(template) => Ok(Some(template)),
            Err(ConsultError::NotFound) => Err(ConsultError::Invalid {
                field: "template",
                why: "没有这一报告模板或版本 / there is no such report template or version",
            }),
            Err(other) => Err(other),
        }
    }
}

/// Key images of instances in evidence, none of them twice.
fn checked_key_images(
    key_images: Vec<KeyImage>,
    is_in_evidence: impl Fn(&Uid) -> bool,
) -> Result<Vec<KeyImage>, ConsultError> {
    let invalid = |why| Err(ConsultError::Invalid { field: "key_images", why });
    if key_images.len() > KEY_IMAGES_MAX {
        return invalid("关键图像太多（最多 8 张） / 8 key images at most");
    }
    if !key_images.iter().all(|image| is_in_evidence(image.instance())) {
        return invalid("不在本次会诊的图像之中 / not among the images of this case");
    }
    if !key_images.iter().all(KeyImage::is_sound) {
        return invalid(
            "关键图像的标记、图注或视图不能打印 / marks, caption or view of a key image cannot be printed",
        );
    }
    let names: std::collections::HashSet<_> = key_images.iter().map(KeyImage::id).collect();
    if names.len() < key_images.len() {
        return invalid("同一关键图像出现了两次 / a key image is there twice");
    }
    Ok(key_images.into_iter().map(KeyImage::tidy).collect())
}
