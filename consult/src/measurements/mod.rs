//! What people measure on images: one sheet for each person and study, saved as a whole while they work, seen by those who
//! take part in the question, exported as a DICOM structured report ([`sr`]).

pub mod sr;

use crate::report::clean;
use crate::{ConsultError, ConsultService};
use access::{Caller, Person, notes};
use model::{OrgId, PersonId, Scope, Uid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, InstanceRef, Put, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Record kind.
const KIND: &str = "measurement_sheet";
/// Measurements of one person on one study at most.
pub const MEASUREMENTS_MAX: usize = 500;
/// Sheets of one study that are listed at most.
const SHEETS_MAX: u32 = 200;
/// Values of one measurement at most.
const VALUES_MAX: usize = 8;
/// Characters of the words at one measurement at most.
const TEXT_CHARS_MAX: usize = 400;
/// Pixels of an image's side at most; measurements may begin a little outside.
const PIXELS_MAX: f64 = 1_000_000.0;

/// What kind of measurement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasurementKind {
    /// Two points.
    Length,
    /// Three points, the vertex in the middle.
    Angle,
    /// Two lines, so four points.
    Cobb,
    /// One of the two widths of a cardiothoracic ratio: two points.
    Ratio,
    /// The ends of both axes: four points.
    Ellipse,
    /// Four corners.
    Rectangle,
    /// One point.
    Probe,
    /// From its tip: two points, and words.
    Arrow,
}

impl MeasurementKind {
    /// How many points it has.
    #[must_use]
    pub fn points(self) -> usize {
        match self {
            Self::Probe => 1,
            Self::Length | Self::Ratio | Self::Arrow => 2,
            Self::Angle => 3,
            Self::Cobb | Self::Ellipse | Self::Rectangle => 4,
        }
    }

    /// The word of the interface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Angle => "angle",
            Self::Cobb => "cobb",
            Self::Ratio => "ratio",
            Self::Ellipse => "ellipse",
            Self::Rectangle => "rectangle",
            Self::Probe => "probe",
            Self::Arrow => "arrow",
        }
    }
}

/// What a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Length.
    Length,
    /// Angle, degrees.
    Angle,
    /// Area.
    Area,
    /// Mean of the pixels inside.
    Mean,
    /// Standard deviation of the pixels inside.
    StandardDeviation,
    /// The least of the pixels inside.
    Minimum,
    /// The greatest of the pixels inside.
    Maximum,
    /// The pixel.
    PixelValue,
    /// Cardiothoracic ratio.
    CardiothoracicRatio,
}

/// Units that values have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Millimetres.
    #[serde(rename = "mm")]
    Millimetre,
    /// Centimetres.
    #[serde(rename = "cm")]
    Centimetre,
    /// Square millimetres.
    #[serde(rename = "mm2")]
    SquareMillimetre,
    /// Square centimetres.
    #[serde(rename = "cm2")]
    SquareCentimetre,
    /// Pixels, where the image has no scale.
    #[serde(rename = "px")]
    Pixel,
    /// Pixels, as an area.
    #[serde(rename = "px2")]
    PixelArea,
    /// Degrees.
    #[serde(rename = "deg")]
    Degree,
    /// Hounsfield units.
    #[serde(rename = "HU")]
    Hounsfield,
    /// Standardised uptake value, by body weight.
    #[serde(rename = "SUV")]
    Uptake,
    /// None.
    #[serde(rename = "1")]
    None,
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredValue {
    /// What it says.
    pub quantity: Quantity,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

/// One measurement on one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Chosen by whoever made it; unique on the sheet. It becomes the tracking identifier.
    pub id: Uid,
    /// Kind.
    pub kind: MeasurementKind,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// Frame, from 1.
    pub frame: u32,
    /// Column and row, with (0.5, 0.5) in the middle of the first pixel (PS3.3 §C.10.5.1.2).
    pub points: Vec<[f64; 2]>,
    /// What was measured.
    pub values: Vec<MeasuredValue>,
    /// Words, or empty.
    #[serde(default)]
    pub text: String,
}

/// All that one person has measured on a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// Counts up with each change; 0 when nothing has been saved yet.
    #[serde(skip)]
    pub version: i64,
    /// Whose study.
    pub owner: OrgId,
    /// Study Instance UID.
    pub study: Uid,
    /// Who measured.
    pub person: PersonId,
    /// Their name then.
    pub person_name: String,
    /// Their organisation.
    pub organisation: OrgId,
    /// Its name then.
    pub organisation_name: String,
    /// When it was saved last, Unix milliseconds.
    pub changed_at_ms: i64,
    /// In the order in which they were made.
    pub measurements: Vec<Measurement>,
}

impl Sheet {
    /// Whether it is this person's own, for the organisation that they act for.
    #[must_use]
    pub fn is_of(&self, caller: &Caller) -> bool {
        caller.as_person().is_some_and(|person| self.is_by(person))
    }

    fn is_by(&self, person: &Person) -> bool {
        person.id == self.person && person.organisation == self.organisation
    }
}

impl ConsultService {
    /// The sheets of a study that the caller sees: those of the own organisation, of the study's owner, and, for the owner,
    /// of whom it has asked. The caller has been seen to reach the study.
    ///
    /// # Errors
    /// [`ConsultError::Failed`].
    pub async fn measurements(
        &self,
        caller: &Caller,
        owner: &OrgId,
        study: &Uid,
    ) -> Result<Vec<Sheet>, ConsultError> {
        let query = RecordQuery { limit: SHEETS_MAX, ..RecordQuery::new(KIND) };
        let query = query.with("study", format!("{owner}/{study}"));
        let records = self.storage.records(&Scope::node("measurements"), &query).await?;
        let mut sheets = Vec::with_capacity(records.len());
        for record in records {
            let mut sheet: Sheet =
                serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("measurements"))?;
            sheet.version = record.version;
            if notes::sees_note(caller.organisation(), owner, &sheet.organisation) {
                sheets.push(sheet);
            }
        }
        Ok(sheets)
    }

    /// Saves what the caller has measured on a study, in place of what they had saved; `version` is the one that they
    /// read, 0 for the first time.
    ///
    /// # Errors
    /// [`ConsultError::Stale`] when it was saved elsewhere since; [`ConsultError::Invalid`]; [`ConsultError::Forbidden`]
    /// for those who do not ask, read or review.
    pub async fn save_measurements(
        &self,
        caller: &Caller,
        owner: &OrgId,
        study: &Uid,
        version: i64,
        measurements: Vec<Measurement>,
        now: OffsetDateTime,
    ) -> Result<Sheet, ConsultError> {
        let why = "您的角色不能保存测量 / your role does not keep measurements";
        let person =
            caller.as_person().filter(|_| notes::may_note(caller)).ok_or(ConsultError::Forbidden(why))?;
        let measurements = checked(measurements)?;
        let (id, stored) = self.own_sheet(owner, study, person).await?;
        // Images of what stands on the sheet just so have been there: one that is gone since must not keep everything else
        // from being saved.
        let is_known =
            |one: &Measurement| stored.as_ref().is_some_and(|sheet| sheet.measurements.contains(one));
        let added: Vec<_> = measurements.iter().filter(|one| !is_known(one)).cloned().collect();
        let images = self.instances_measured(caller, owner, study, &added).await?;
        if !added.iter().all(|one| images.iter().any(|image| is_on(one, image))) {
            return Err(invalid("instance", "这幅图像不在这个检查中 / the image is not in this study"));
        }
        let sheet = Sheet {
            version: version.saturating_add(1),
            owner: owner.clone(),
            study: study.clone(),
            person: person.id.clone(),
            person_name: person.name.clone(),
            organisation: person.organisation.clone(),
            organisation_name: self.storage.organisation(&person.organisation).await?.name,
            changed_at_ms: model::time_text::unix_ms(now),
            measurements,
        };
        let body = serde_json::to_value(&sheet).map_err(|_| StorageError::Corrupt("measurements"))?;
        let mut visible_to = vec![sheet.organisation.clone()];
        if sheet.organisation != *owner {
            visible_to.push(owner.clone());
        }
        let put = Put {
            kind: KIND,
            id,
            expected: if version == 0 { Expected::Absent } else { Expected::Version(version) },
            body,
            keys: vec![("study", format!("{owner}/{study}"))],
            unique: Vec::new(),
            sort: sheet.changed_at_ms,
            visible_to,
        };
        let entry = AuditEntry {
            action: AuditAction::Change,
            object: format!("study/{study}"),
            outcome: AuditOutcome::Success,
            detail: format!("measurements {} version {}", sheet.measurements.len(), sheet.version),
        };
        let change = Change { puts: vec![put], audit: vec![entry], ..Change::default() };
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => Ok(sheet),
            Err(StorageError::Conflict(_) | StorageError::NotFound) => Err(ConsultError::Stale),
            Err(error) => Err(error.into()),
        }
    }

    /// The person's own sheet, and the identifier that it has or will have. Whoever measures for two organisations has a sheet for
    /// each: one's people do not see all that the other's do.
    async fn own_sheet(
        &self,
        owner: &OrgId,
        study: &Uid,
        person: &Person,
    ) -> Result<(String, Option<Sheet>), ConsultError> {
        let id = format!("{owner}/{study}/{}", person.id);
        match self.sheet(&id).await? {
            Some(other) if !other.is_by(person) => {
                let id = format!("{id}/{}", person.organisation);
                let sheet = self.sheet(&id).await?;
                Ok((id, sheet))
            }
            sheet => Ok((id, sheet)),
        }
    }

    async fn sheet(&self, id: &str) -> Result<Option<Sheet>, ConsultError> {
        match self.storage.record(&Scope::node("measurements"), KIND, id).await {
            Ok(record) => Ok(Some(
                serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("measurements"))?,
            )),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The images that were measured on, each once, as far as they are in the study.
    pub(crate) async fn instances_measured(
        &self,
        caller: &Caller,
        owner: &OrgId,
        study: &Uid,
        measurements: &[Measurement],
    ) -> Result<Vec<InstanceRef>, ConsultError> {
        let scope = caller.scope().owned_by(owner.clone());
        let wanted: BTreeMap<(&str, &str), &Measurement> =
            measurements.iter().map(|one| ((one.series.as_str(), one.instance.as_str()), one)).collect();
        let mut found = Vec::with_capacity(wanted.len());
        for one in wanted.into_values() {
            match self.storage.instance(&scope, study, &one.series, &one.instance).await {
                Ok(instance) => found.push(instance),
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }
}

/// Whether it lies on this image, on a frame that it has.
fn is_on(one: &Measurement, image: &InstanceRef) -> bool {
    *image.series() == one.series && *image.instance() == one.instance && one.frame <= image.frame_count()
}

fn invalid(field: &'static str, why: &'static str) -> ConsultError {
    ConsultError::Invalid { field, why }
}

/// The measurements, if they keep the rules.
fn checked(measurements: Vec<Measurement>) -> Result<Vec<Measurement>, ConsultError> {
    if measurements.len() > MEASUREMENTS_MAX {
        return Err(invalid("measurements", "测量最多 500 项 / at most 500 measurements"));
    }
    let mut ids = BTreeSet::new();
    measurements
        .into_iter()
        .map(|one| {
            if !ids.insert(one.id.as_str().to_owned()) {
                return Err(invalid("id", "两项测量的标识相同 / two measurements have the same identifier"));
            }
            let is_on_image = |value: &f64| value.is_finite() && value.abs() <= PIXELS_MAX;
            if one.points.len() != one.kind.points() || !one.points.iter().flatten().all(is_on_image) {
                return Err(invalid(
                    "points",
                    "点的数目或位置不对 / the points do not fit the kind or the image",
                ));
            }
            if one.values.len() > VALUES_MAX || !one.values.iter().all(|value| value.value.is_finite()) {
                return Err(invalid("values", "数值不对 / the values are not numbers, or too many"));
            }
            if one.frame == 0 {
                return Err(invalid("frame", "帧号从 1 开始 / frames count from 1"));
            }
            if one.text.chars().nth(TEXT_CHARS_MAX).is_some() {
                return Err(invalid("text", "文字最多 400 字 / at most 400 characters"));
            }
            Ok(Measurement { text: clean(&one.text), ..one })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    fn length() -> Measurement {
        Measurement {
            id: uid("2.25.1"),
            kind: MeasurementKind::Length,
            series: uid("1.2.3"),
            instance: uid("1.2.3.4"),
            frame: 1,
            points: vec![[1.0, 1.0], [11.0, 1.0]],
            values: vec![MeasuredValue { quantity: Quantity::Length, value: 7.0, unit: Unit::Millimetre }],
            text: String::new(),
        }
    }

    fn refusal(change: impl FnOnce(&mut Measurement)) -> &'static str {
        let mut one = length();
        change(&mut one);
        match checked(vec![one]) {
            Err(ConsultError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_keeps_the_rules_is_taken_and_the_rest_is_named() {
        assert_eq!(checked(vec![length()]).unwrap(), vec![length()]);
        assert_eq!(refusal(|one| one.points.truncate(1)), "points");
        assert_eq!(refusal(|one| one.points[0][0] = f64::NAN), "points");
        assert_eq!(refusal(|one| one.values[0].value = f64::INFINITY), "values");
        assert_eq!(refusal(|one| one.frame = 0), "frame");
        assert_eq!(refusal(|one| one.text = "长".repeat(401)), "text");
        assert!(matches!(checked(vec![length(), length()]), Err(ConsultError::Invalid { field: "id", .. })));
        let many = (1..=501).map(|n| Measurement { id: uid(&format!("2.25.{n}")), ..length() }).collect();
        assert!(matches!(checked(many), Err(ConsultError::Invalid { field: "measurements", .. })));
    }

    #[test]
    fn words_of_the_interface_are_those_that_are_kept() {
        for kind in
            [MeasurementKind::Length, MeasurementKind::Cobb, MeasurementKind::Ratio, MeasurementKind::Arrow]
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }
}
