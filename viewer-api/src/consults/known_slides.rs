//! Slides as reports name them.

use consult::slide_grades::SlidesSoon;
use consult::{ConsultError, KnownSlides, SlideNote};
use model::{OrgId, Scope, Uid};
use std::sync::Arc;
use wsi::{Slide, SlideError, Slides};

/// What a report says of a slide that came as DICOM, where others have their grade.
const AS_RECEIVED: &str = "按接收原样（DICOM）";

/// The words that are printed and signed: a grade is what was compared.
pub fn grade(slide: &Slide) -> String {
    if slide.is_as_received() { AS_RECEIVED.to_owned() } else { slide.grade.grade.to_string() }
}

/// The slides of a node, for its reports.
pub struct SlidesForReports(pub Slides);

impl KnownSlides for SlidesForReports {
    fn of_study<'a>(&'a self, scope: &'a Scope, owner: &'a OrgId, study: &'a Uid) -> SlidesSoon<'a> {
        let note = |(n, slide): (usize, &Arc<Slide>)| SlideNote {
            id: slide.id.clone(),
            grade: grade(slide),
            name: format!("{} {}", n.saturating_add(1), slide.stain.as_deref().unwrap_or_default())
                .trim()
                .to_owned(),
            series: Some(slide.series.clone()),
        };
        Box::pin(async move {
            match self.0.slides_of_study(scope, owner, study).await {
                Ok(slides) => Ok(slides.iter().enumerate().map(note).collect()),
                Err(SlideError::Storage(error)) => Err(error.into()),
                Err(error) => {
                    tracing::error!(%error, "slides could not be listed for a report");
                    Err(ConsultError::Unavailable)
                }
            }
        })
    }
}
