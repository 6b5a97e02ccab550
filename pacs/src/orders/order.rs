//! One order: patient, requested procedure, and one scheduled procedure step. Pure.

use model::time_text::parse_da;
use model::{AeTitle, OrgId, Uid};
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// On the worklist.
    Scheduled,
    /// Its study has begun to arrive.
    Arrived,
    /// Withdrawn.
    Cancelled,
}

impl OrderState {
    /// The word in keys and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Arrived => "arrived",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A coded value (PS3.3 §8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Code Value (0008,0100).
    pub value: String,
    /// Coding Scheme Designator (0008,0102).
    pub scheme: String,
    /// Code Meaning (0008,0104).
    pub meaning: String,
}

/// Who is to be examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// Patient ID (0010,0020).
    pub id: String,
    /// Patient's Name (0010,0010), component groups separated by `=`.
    pub name: String,
    /// Patient's Birth Date (0010,0030), YYYYMMDD.
    #[serde(default)]
    pub birth_date: String,
    /// Patient's Sex (0010,0040): F, M, O or empty.
    #[serde(default)]
    pub sex: String,
    /// Patient's Weight (0010,1030) in kilograms, a decimal string.
    #[serde(default)]
    pub weight_kg: String,
    /// Allergies (0010,2110).
    #[serde(default)]
    pub allergies: String,
    /// Medical Alerts (0010,2000).
    #[serde(default)]
    pub alerts: String,
}

/// The requested procedure (PS3.3 §C.4.11).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Procedure {
    /// Requested Procedure ID (0040,1001); made from the accession number when empty.
    pub id: String,
    /// Requested Procedure Description (0032,1060).
    pub description: String,
    /// Requested Procedure Code Sequence (0032,1064).
    pub code: Option<Code>,
    /// Requested Procedure Priority (0040,1003): STAT, HIGH, ROUTINE, MEDIUM, LOW or empty.
    pub priority: String,
    /// Reason for the Requested Procedure (0040,1002).
    pub reason: String,
}

/// The scheduled procedure step (PS3.3 §C.4.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Scheduled Procedure Step ID (0040,0009); `1` when empty.
    #[serde(default)]
    pub id: String,
    /// Modality (0008,0060).
    pub modality: String,
    /// Scheduled Station AE Title (0040,0001).
    #[serde(default)]
    pub station_ae_title: Option<AeTitle>,
    /// Scheduled Procedure Step Start Date (0040,0002), YYYYMMDD.
    pub start_date: String,
    /// Scheduled Procedure Step Start Time (0040,0003), HHMM or HHMMSS.
    #[serde(default)]
    pub start_time: String,
    /// Scheduled Performing Physician's Name (0040,0006).
    #[serde(default)]
    pub performing_physician: String,
    /// Scheduled Procedure Step Description (0040,0007).
    #[serde(default)]
    pub description: String,
    /// Scheduled Protocol Code Sequence (0040,0008).
    #[serde(default)]
    pub protocol: Option<Code>,
    /// Scheduled Station Name (0040,0010).
    #[serde(default)]
    pub station_name: String,
    /// Scheduled Procedure Step Location (0040,0011).
    #[serde(default)]
    pub location: String,
}

/// An order as it is placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Who is to be examined.
    pub patient: Patient,
    /// Accession Number (0008,0050).
    pub accession_number: String,
    /// Study Instance UID (0020,000D); a new one when it is not given.
    #[serde(default)]
    pub study_instance_uid: Option<Uid>,
    /// Referring Physician's Name (0008,0090).
    #[serde(default)]
    pub referring_physician: String,
    /// Requesting Physician (0032,1032).
    #[serde(default)]
    pub requesting_physician: String,
    /// Requesting Service (0032,1033).
    #[serde(default)]
    pub requesting_service: String,
    /// Admission ID (0038,0010).
    #[serde(default)]
    pub admission_id: String,
    /// What is requested.
    #[serde(default)]
    pub procedure: Procedure,
    /// What is scheduled.
    pub step: Step,
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Identifier.
    pub id: String,
    /// Whose it is.
    pub organisation: OrgId,
    /// Where it stands.
    pub state: OrderState,
    /// Study Instance UID, always known.
    pub study: Uid,
    /// When it was placed, Unix milliseconds.
    pub placed_at_ms: i64,
    /// When its study began to arrive, Unix milliseconds.
    pub arrived_at_ms: Option<i64>,
    /// What was placed, completed.
    pub wish: Wish,
}

/// Why an order is refused: the field, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadOrder {
    /// Path of the field, such as `step.modality`.
    pub field: &'static str,
    /// What it must be, as a word: `needed`, `text`, `modality`, `sex`, `priority`, `date`, `time`, `weight`, `one_step`,
    /// `ae_title`.
    pub code: &'static str,
    /// The same in English.
    pub why: &'static str,
}

impl Wish {
    /// Checks every field against its value representation (PS3.5 §6.2) and fills in what may be left out.
    ///
    /// # Errors
    /// [`BadOrder`] for the first field that does not fit.
    pub fn complete(mut self) -> Result<Self, BadOrder> {
        let text = |field, text: &str, chars_max: usize| {
            let is_bad =
                text.chars().count() > chars_max || text.chars().any(|c| c.is_control() || c == '\\');
            if is_bad {
                Err(BadOrder {
                    field,
                    code: "text",
                    why: "too long, or with a backslash or control character",
                })
            } else {
                Ok(())
            }
        };
        let needed = |field, text: &str| {
            if text.trim().is_empty() {
                Err(BadOrder { field, code: "needed", why: "it is needed" })
            } else {
                Ok(())
            }
        };
        needed("patient.id", &self.patient.id)?;
        needed("patient.name", &self.patient.name)?;
        needed("accession_number", &self.accession_number)?;
        needed("step.modality", &self.step.modality)?;
        for (field, value, chars_max) in [
            ("patient.id", &self.patient.id, 64),
            ("patient.name", &self.patient.name, 192),
            ("patient.allergies", &self.patient.allergies, 64),
            ("patient.alerts", &self.patient.alerts, 64),
            ("accession_number", &self.accession_number, 16),
            ("referring_physician", &self.referring_physician, 192),
            ("requesting_physician", &self.requesting_physician, 192),
            ("requesting_service", &self.requesting_service, 64),
            ("admission_id", &self.admission_id, 64),
            ("procedure.id", &self.procedure.id, 16),
            ("procedure.description", &self.procedure.description, 64),
            ("procedure.reason", &self.procedure.reason, 64),
            ("step.id", &self.step.id, 16),
            ("step.performing_physician", &self.step.performing_physician, 192),
            ("step.description", &self.step.description, 64),
            ("step.station_name", &self.step.station_name, 16),
            ("step.location", &self.step.location, 16),
        ] {
            text(field, value, chars_max)?;
        }
        for (field, code) in
            [("procedure.code", &self.procedure.code), ("step.protocol", &self.step.protocol)]
        {
            if let Some(code) = code {
                needed(field, &code.value)?;
                text(field, &code.value, 16)?;
                text(field, &code.scheme, 16)?;
                text(field, &code.meaning, 64)?;
            }
        }
        self.check_forms()?;
        if self.procedure.id.is_empty() {
            self.procedure.id = self.accession_number.clone();
        }
        if self.step.id.is_empty() {
            self.step.id = "1".to_owned();
        }
        if self.study_instance_uid.is_none() {
            self.study_instance_uid = Some(Uid::from_uuid(uuid::Uuid::new_v4()));
        }
        Ok(self)
    }

    /// Fields that are dates, times, numbers or words of a list.
    fn check_forms(&self) -> Result<(), BadOrder> {
        let bad = |field, code, why| Err(BadOrder { field, code, why });
        let is_code = |text: &str| {
            text.len() <= 16
                && text
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_' || b == b' ')
        };
        if !is_code(&self.step.modality) {
            return bad(
                "step.modality",
                "modality",
                "a modality such as CT, at most 16 capital letters and digits",
            );
        }
        if !matches!(self.patient.sex.as_str(), "" | "F" | "M" | "O") {
            return bad("patient.sex", "sex", "F, M, O or empty");
        }
        if !matches!(self.procedure.priority.as_str(), "" | "STAT" | "HIGH" | "ROUTINE" | "MEDIUM" | "LOW") {
            return bad("procedure.priority", "priority", "STAT, HIGH, ROUTINE, MEDIUM, LOW or empty");
        }
        if parse_da(&self.step.start_date).is_none() {
            return bad("step.start_date", "date", "YYYYMMDD");
        }
        if !self.patient.birth_date.is_empty() && parse_da(&self.patient.birth_date).is_none() {
            return bad("patient.birth_date", "date", "YYYYMMDD or empty");
        }
        let time = &self.step.start_time;
        if !(time.is_empty() || (matches!(time.len(), 4 | 6) && time.bytes().all(|b| b.is_ascii_digit()))) {
            return bad("step.start_time", "time", "HHMM, HHMMSS or empty");
        }
        let weight = &self.patient.weight_kg;
        if !weight.is_empty()
            && (weight.len() > 16 || !weight.parse::<f64>().is_ok_and(|kg| kg > 0.0 && kg < 1000.0))
        {
            return bad("patient.weight_kg", "weight", "kilograms as a decimal number, or empty");
        }
        Ok(())
    }
}

impl Order {
    /// When the step is to begin, as a number YYYYMMDDhhmmss: the order of worklists.
    #[must_use]
    pub fn start(&self) -> i64 {
        let step = &self.wish.step;
        format!("{}{:0<6}", step.start_date, step.start_time).parse().unwrap_or(0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A CT of the head for 张三 on 2026-11-25 at 09:30.
    pub(crate) fn wish() -> Wish {
        let json = json!({
            "patient": {"id": "P001", "name": "Zhang^San=张^三", "birth_date": "19700101", "sex": "M"},
            "accession_number": "A100",
            "study_instance_uid": "1.2.3.4",
            "referring_physician": "Li^Min=李^敏",
            "procedure": {"description": "头颅CT平扫", "code": {"value": "CTHEAD", "scheme": "99LOCAL", "meaning": "头颅CT"}},
            "step": {"modality": "CT", "station_ae_title": "CT1", "start_date": "20261125", "start_time": "0930",
                     "performing_physician": "Wang^Wu=王^五", "description": "平扫"},
        });
        serde_json::from_value::<Wish>(json).unwrap().complete().unwrap()
    }

    #[test]
    fn what_may_be_left_out_is_filled_in() {
        let wish = wish();
        assert_eq!((wish.procedure.id.as_str(), wish.step.id.as_str()), ("A100", "1"));
        let unnamed = Wish { study_instance_uid: None, ..wish };
        assert!(unnamed.complete().unwrap().study_instance_uid.is_some());
    }

    #[test]
    fn each_field_is_held_to_its_value_representation() {
        let refused = |change: fn(&mut Wish)| {
            let mut bad = wish();
            change(&mut bad);
            bad.complete().unwrap_err().field
        };
        assert_eq!(refused(|w| w.patient.id.clear()), "patient.id");
        assert_eq!(refused(|w| w.patient.name = "A\\B".into()), "patient.name");
        assert_eq!(refused(|w| w.accession_number = "1".repeat(17)), "accession_number");
        assert_eq!(refused(|w| w.step.modality = "ct".into()), "step.modality");
        assert_eq!(refused(|w| w.step.start_date = "20261301".into()), "step.start_date");
        assert_eq!(refused(|w| w.step.start_time = "9:30".into()), "step.start_time");
        assert_eq!(refused(|w| w.patient.sex = "X".into()), "patient.sex");
        assert_eq!(refused(|w| w.patient.weight_kg = "-1".into()), "patient.weight_kg");
    }
}
