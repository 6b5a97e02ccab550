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
use std::collections::HashSet;
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
        let in_evidence = consult.evidence.iter().map(|item| &item.sop_instance_uid).collect();
        let displayed = checked_displayed(report.displayed, &in_evidence)?;
        let key_images = checked_key_images(report.key_images, &in_evidence)?;
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

const NOT_IN_EVIDENCE: &str = "不在本次会诊的图像之中 / not among the images of this case";

/// Instances in evidence that were displayed, in order and once each.
fn checked_displayed(mut displayed: Vec<Uid>, in_evidence: &HashSet<&Uid>) -> Result<Vec<Uid>, ConsultError> {
    displayed.sort();
    displayed.dedup();
    if !displayed.iter().all(|uid| in_evidence.contains(uid)) {
        return Err(ConsultError::Invalid { field: "displayed", why: NOT_IN_EVIDENCE });
    }
    Ok(displayed)
}

/// Key images of instances in evidence, none of them twice.
fn checked_key_images(
    key_images: Vec<KeyImage>,
    in_evidence: &HashSet<&Uid>,
) -> Result<Vec<KeyImage>, ConsultError> {
    let invalid = |why| Err(ConsultError::Invalid { field: "key_images", why });
    if key_images.len() > KEY_IMAGES_MAX {
        return invalid("关键图像太多（最多 8 张） / 8 key images at most");
    }
    if !key_images.iter().all(|image| in_evidence.contains(image.instance())) {
        return invalid(NOT_IN_EVIDENCE);
    }
    if !key_images.iter().all(KeyImage::is_sound) {
        return invalid(
            "关键图像的标记、图注或视图不能打印 / marks, caption or view of a key image cannot be printed",
        );
    }
    let names: HashSet<_> = key_images.iter().map(KeyImage::id).collect();
    if names.len() < key_images.len() {
        return invalid("同一关键图像出现了两次 / a key image is there twice");
    }
    Ok(key_images.into_iter().map(KeyImage::tidy).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_displayed_is_in_evidence_and_is_kept_in_order_and_once() {
        let uids =
            |texts: &[&str]| -> Vec<Uid> { texts.iter().map(|text| Uid::parse(text).unwrap()).collect() };
        let evidence = uids(&["1.2.3", "1.2.1", "1.2.2"]);
        let in_evidence = evidence.iter().collect();
        let check = |displayed: &[&str]| checked_displayed(uids(displayed), &in_evidence);
        assert_eq!(check(&["1.2.2", "1.2.1", "1.2.2"]), Ok(uids(&["1.2.1", "1.2.2"])));
        assert_eq!(check(&[]), Ok(vec![]));
        let refused = Err(ConsultError::Invalid { field: "displayed", why: NOT_IN_EVIDENCE });
        assert_eq!(check(&["1.2.1", "1.2.4"]), refused);
        // No beginning of an identifier is the identifier.
        assert_eq!(check(&["1.2"]), refused);
    }
}
