//! The scale of a slide that does not say it itself. A person who knows a distance on it gives its scale; what is stored
//! stays as it is. Each calibration is kept with who made it and when, and can be taken back.

use crate::slide::Mpp;
use crate::{Revision, Slide, SlideError, Slides};
use model::{OrgId, Scope, SlideId, time_text};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};
use time::OffsetDateTime;

/// Kind of the records.
const KIND: &str = "slide_calibration";
/// Calibrations of one slide that are kept, the last ones.
const HISTORY_MAX: usize = 50;
/// Micrometres per pixel that a light microscope's camera can have.
const MPP_UM: std::ops::RangeInclusive<f64> = 0.01..=100.0;
/// Pixels that two points must be apart, so that a hand's tremble does not become the scale.
const PIXELS_MIN: f64 = 20.0;

/// How a scale is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Micrometres per pixel of level 0.
    MicrometresPerPixel(f64),
    /// Two points in pixels of level 0, and the micrometres between them.
    Distance {
        /// One end.
        from: (f64, f64),
        /// The other.
        to: (f64, f64),
        /// Micrometres.
        um: f64,
    },
}

/// A calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Micrometres per pixel of level 0, along both axes; `None`: it was taken back.
    pub mpp_um: Option<f64>,
    /// Pixels of that level 0 across: a larger level may arrive later.
    #[serde(default)]
    pub width: Option<u32>,
    /// Kind and identifier of who made it.
    pub by: String,
    /// Their organisation.
    pub organisation: Option<OrgId>,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// Calibrations of a slide, the last one last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct History {
    calibrations: Vec<Calibration>,
}

impl Measure {
    /// Micrometres per pixel of level 0.
    ///
    /// # Errors
    /// [`SlideError::Invalid`] when it is none that a slide can have.
    fn mpp_um(self, slide: &Slide) -> Result<f64, SlideError> {
        let mpp_um = match self {
            Self::MicrometresPerPixel(mpp_um) => mpp_um,
            Self::Distance { from, to, um } => {
                let (width, height) = (f64::from(slide.width()), f64::from(slide.height()));
                let is_inside =
                    |(x, y): (f64, f64)| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
                if !is_inside(from) || !is_inside(to) {
                    return Err(SlideError::Invalid("a point lies outside the slide"));
                }
                let pixels = (from.0 - to.0).hypot(from.1 - to.1);
                if pixels < PIXELS_MIN {
                    return Err(SlideError::Invalid("the points are too near to each other"));
                }
                um / pixels
            }
        };
        if MPP_UM.contains(&mpp_um) {
            Ok(mpp_um)
        } else {
            Err(SlideError::Invalid("no microscope has so many micrometres per pixel"))
        }
    }
}

impl Slides {
    /// The calibration of a slide that holds now, in pixels of the level 0 that it has now. The caller has found the slide within reach.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn calibration(&self, slide: &Slide) -> Result<Option<Calibration>, SlideError> {
        let (history, _) = self.calibrations(&slide.id).await?;
        let last = history.calibrations.into_iter().next_back().filter(|last| last.mpp_um.is_some());
        Ok(last.map(|last| last.on(slide.width())))
    }

    /// Gives a slide its scale, or takes it back (`None`). Only one that does not say it itself. The caller may, and may name
    /// the revision that was measured.
    ///
    /// # Errors
    /// [`SlideError::NotFound`]; [`SlideError::Invalid`]; [`SlideError::Conflict`] when the slide has a scale of its own, is
    /// another revision, or somebody else was first; [`SlideError::Storage`].
    pub async fn calibrate(
        &self,
        scope: &Scope,
        id: &SlideId,
        revision: Option<Revision>,
        measure: Option<Measure>,
    ) -> Result<Option<Calibration>, SlideError> {
        let (slide, now) = self.slide_now(scope, id).await?;
        if revision.is_some_and(|revision| revision != now) {
            return Err(SlideError::Conflict("the slide has become another since it was measured"));
        }
        if slide.mpp_um.is_some() {
            return Err(SlideError::Conflict("the scanner has written the scale of this slide"));
        }
        let mpp_um = measure.map(|measure| measure.mpp_um(&slide)).transpose()?;
        let (mut history, expected) = self.calibrations(id).await?;
        let now = time_text::unix_ms(OffsetDateTime::now_utc());
        let calibration = Calibration {
            mpp_um,
            width: Some(slide.width()),
            by: crate::actor_text(&scope.actor),
            organisation: scope.viewer().cloned(),
            at_ms: now,
        };
        history.calibrations.push(calibration.clone());
        let surplus = history.calibrations.len().saturating_sub(HISTORY_MAX);
        history.calibrations.drain(..surplus);
        let body = serde_json::to_value(&history)
            .map_err(|_| SlideError::Storage(StorageError::Corrupt("a calibration")))?;
        let put = Put {
            kind: KIND,
            id: id.to_string(),
            expected,
            body,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: now,
            visible_to: Vec::new(),
        };
        let detail = match mpp_um {
            Some(mpp_um) => format!("{mpp_um:.6} um/px study/{}", slide.study),
            None => format!("taken back study/{}", slide.study),
        };
        let audit = AuditEntry {
            action: AuditAction::Change,
            object: format!("slide/{id}/calibration"),
            outcome: AuditOutcome::Success,
            detail,
        };
        // The record is the node's: who may see the slide sees it, whoever made it.
        let node = Scope { actor: scope.actor.clone(), ..Scope::node("calibration") };
        self.storage
            .apply(&node, Change { puts: vec![put], audit: vec![audit], ..Change::default() })
            .await?;
        Ok(mpp_um.map(|_| calibration))
    }

    async fn calibrations(&self, id: &SlideId) -> Result<(History, Expected), SlideError> {
        match self.storage.record(&Scope::node("calibration"), KIND, id.as_str()).await {
            Ok(record) => Ok((parse(record.body)?, Expected::Version(record.version))),
            Err(StorageError::NotFound) => Ok((History::default(), Expected::Absent)),
            Err(error) => Err(error.into()),
        }
    }
}

impl Calibration {
    /// The same for a level 0 of so many pixels across.
    fn on(self, width: u32) -> Self {
        let times = self.width.filter(|before| *before > 0 && width > 0);
        let times = times.map_or(1.0, |before| f64::from(before) / f64::from(width));
        Self { mpp_um: self.mpp_um.map(|mpp_um| mpp_um * times), width: Some(width), ..self }
    }

    /// As a slide's own scale would be said.
    #[must_use]
    pub fn mpp(&self) -> Option<Mpp> {
        self.mpp_um.map(|um| Mpp { x: um, y: um })
    }
}

fn parse(body: serde_json::Value) -> Result<History, SlideError> {
    serde_json::from_value(body).map_err(|_| SlideError::Storage(StorageError::Corrupt("a calibration")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_holds_for_the_slide_and_not_for_its_pixels() {
        let body = serde_json::json!({"mpp_um": 2.0, "width": 1000, "by": "person:a", "organisation": null, "at_ms": 0});
        let made: Calibration = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(made.clone().on(1000).mpp_um, Some(2.0));
        assert_eq!(made.on(4000).mpp_um, Some(0.5), "a larger level has arrived");
        let mut before = body;
        before.as_object_mut().unwrap().remove("width");
        let before: Calibration = serde_json::from_value(before).unwrap();
        assert_eq!(before.on(4000).mpp_um, Some(2.0), "nothing says of which level it was");
    }
}
