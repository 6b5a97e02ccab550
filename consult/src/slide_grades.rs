//! What a report says of slides: each with its grade, as it is when the report is signed. A slide may arrive, and the record of it be
//! made, at any time after the question was written; who knows slides implements [`KnownSlides`].

use crate::record::{Consult, SlideNote};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{OrgId, Scope, Uid};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;

/// Slides that one report names.
const SLIDES_MAX: usize = 200;

/// Slides that are looked for.
pub type SlidesSoon<'a> = Pin<Box<dyn Future<Output = Result<Vec<SlideNote>, ConsultError>> + Send + 'a>>;

/// Knows the slides of studies.
pub trait KnownSlides: Send + Sync {
    /// All slides of a study that the scope reaches, named by number and stain, each with its series.
    fn of_study<'a>(&'a self, scope: &'a Scope, owner: &'a OrgId, study: &'a Uid) -> SlidesSoon<'a>;
}

/// No study has slides.
pub struct NoSlides;

impl KnownSlides for NoSlides {
    fn of_study<'a>(&'a self, _: &'a Scope, _: &'a OrgId, _: &'a Uid) -> SlidesSoon<'a> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// The slides that a report names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedSlides {
    /// The one that the question is about.
    pub one: Option<SlideNote>,
    /// All of the study that are in evidence, unless it has no other than that one.
    pub all: Vec<SlideNote>,
}

impl NamedSlides {
    /// Of those that are `there`: only what is in evidence is named. A slide that is not there any more has the grade that it had
    /// when it was asked about.
    fn of(consult: &Consult, mut there: Vec<SlideNote>) -> Self {
        let now = |asked: &SlideNote| {
            let found = there.iter().find(|slide| slide.id == asked.id);
            found.map_or_else(|| asked.clone(), |slide| SlideNote { name: String::new(), ..slide.clone() })
        };
        let one = consult.slide.as_ref().map(now);
        if there.iter().all(|slide| one.as_ref().is_some_and(|one| one.id == slide.id)) {
            return Self { one, all: Vec::new() };
        }
        let in_evidence: HashSet<&Uid> =
            consult.evidence.iter().map(|item| &item.series_instance_uid).collect();
        there.retain(|slide| slide.series.as_ref().is_some_and(|series| in_evidence.contains(series)));
        there.truncate(SLIDES_MAX);
        Self { one, all: there }
    }
}

impl ConsultService {
    /// The slides that a report on this consult names now. A character that no font has must not keep it from being signed.
    pub(crate) async fn named_slides(
        &self,
        caller: &Caller,
        consult: &Consult,
    ) -> Result<NamedSlides, ConsultError> {
        let study = &consult.study;
        let there = self.slides.of_study(caller.scope(), &study.org, &study.study_instance_uid).await?;
        let mut named = NamedSlides::of(consult, there);
        for slide in &mut named.all {
            slide.name = self.printer.printable(&slide.name);
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::consult;
    use access::Signatures;
    use model::SlideId;

    fn slide(n: u32, grade: &str) -> SlideNote {
        SlideNote {
            id: SlideId::parse(&format!("slide-{n}")).unwrap(),
            grade: grade.into(),
            name: format!("{n} HE"),
            series: Some(Uid::parse(&format!("1.2.3.4.{n}")).unwrap()),
        }
    }

    /// Series 1 and 2 are in evidence.
    fn asked_about(asked: Option<SlideNote>) -> Consult {
        let mut consult = consult(Signatures::Single);
        consult.evidence[1].series_instance_uid = Uid::parse("1.2.3.4.2").unwrap();
        consult.slide = asked.map(|slide| SlideNote { name: String::new(), ..slide });
        consult
    }

    #[test]
    fn every_slide_in_evidence_is_named_with_the_grade_that_it_has_now() {
        let consult = asked_about(Some(slide(1, "A")));
        let named = NamedSlides::of(&consult, vec![slide(3, "A"), slide(2, "C"), slide(1, "B")]);
        assert_eq!(named.one.map(|one| (one.grade, one.name)), Some(("B".into(), String::new())));
        assert_eq!(named.all, [slide(2, "C"), slide(1, "B")]);
    }

    #[test]
    fn the_only_slide_is_named_once() {
        let only = vec![slide(1, "A")];
        let named = NamedSlides::of(&asked_about(Some(slide(1, "A"))), only.clone());
        assert_eq!((named.one.is_some(), named.all), (true, Vec::new()));
        // It has come after the question was written.
        let named = NamedSlides::of(&asked_about(None), only.clone());
        assert_eq!(named, NamedSlides { one: None, all: only });
    }

    #[test]
    fn a_slide_that_is_gone_keeps_the_grade_that_it_had() {
        let named = NamedSlides::of(&asked_about(Some(slide(1, "A"))), Vec::new());
        assert_eq!((named.one.map(|one| one.grade), named.all), (Some("A".into()), Vec::new()));
    }
}
