//! Putting a study's corrected attributes in the place of an instance's own, in its metadata.

use crate::StorageError;
use crate::attributes::{STUDY_TAGS, attribute, sorted};
use crate::db::at;
use crate::metadata::Chunk;
use dataset::rewrite::Edits;
use serde_json::{Map, Value as Json, json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// Columns that [`Coercion::of_row`] reads; `s` is the study, `e` the series.
pub(crate) const COERCION_COLUMNS: &str = "CASE WHEN s.corrected_tags <> '' OR e.moved_from <> '' THEN s.attributes \
     ELSE '' END AS coerced, s.corrected_tags AS corrected_tags, e.moved_from AS moved_from, \
     CASE WHEN s.corrected_at_ms > e.moved_at_ms THEN s.corrected_at_ms ELSE e.moved_at_ms END AS coerced_at_ms, \
     s.study_uid AS coerced_study";

/// Attributes of the study that an instance is shown and handed out with, instead of those that it was acquired with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Coercion {
    /// By tag; null takes an attribute out.
    pub attributes: Map<String, Json>,
    /// When it was made, Unix milliseconds.
    pub at_ms: i64,
    /// The study that it was acquired in and the one that it is in now, when they differ.
    moved: Option<(String, String)>,
}

/// What identifies the writer of the new values (0400,0563).
const SYSTEM: &str = "FARSIGHT";

/// These stay an instance's own whatever happens to its study: character set, time zone.
const OWN_TAGS: &[&str] = &["00080005", "00080201"];

impl Coercion {
    /// `None` when nothing is corrected.
    pub fn of_row(row: &AnyRow) -> Result<Option<Self>, StorageError> {
        let place = "reading a correction";
        let text = |name: &str| row.try_get::<String, _>(name).map_err(at(place));
        let study = text("coerced")?;
        if study.is_empty() {
            return Ok(None);
        }
        let study: Map<String, Json> =
            serde_json::from_str(&study).map_err(|_| StorageError::Corrupt("attributes in the index"))?;
        let corrected = text("corrected_tags")?;
        let moved_from = text("moved_from")?;
        let tags: Vec<&str> = if moved_from.is_empty() {
            corrected.split('\\').collect()
        } else {
            STUDY_TAGS.iter().copied().filter(|tag| !OWN_TAGS.contains(tag)).collect()
        };
        let value = |tag: &str| study.get(tag).cloned().unwrap_or(Json::Null);
        Ok(Some(Self {
            attributes: tags.into_iter().map(|tag| (tag.to_owned(), value(tag))).collect(),
            at_ms: row.try_get("coerced_at_ms").map_err(at(place))?,
            moved: (!moved_from.is_empty()).then_some((moved_from, text("coerced_study")?)),
        }))
    }

    /// The same for a data set's bytes.
    pub fn edits(&self) -> Edits {
        Edits { attributes: self.attributes.clone(), at: self.date_time(), system: SYSTEM.to_owned() }
    }

    /// When it was made, as DICOM DT in UTC.
    pub fn date_time(&self) -> String {
        let at = model::time_text::from_unix_ms(self.at_ms);
        let (date, time) = (at.date(), at.time());
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}+0000",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// The metadata of an instance with these attributes.
    pub fn apply(&self, chunk: &Chunk) -> Result<Chunk, StorageError> {
        let damaged = StorageError::Corrupt("metadata in the index");
        let mut text = String::from_utf8(chunk.text()?).map_err(|_| damaged.clone())?;
        if let Some((from, to)) = &self.moved {
            // Bulk data is found below the study that the instance is in now.
            let below = |study: &str| format!("/dicom-web/studies/{study}/series/");
            text = text.replace(&below(from), &below(to));
        }
        let mut all: Map<String, Json> = serde_json::from_str(&text).map_err(|_| damaged)?;
        let mut before = Map::new();
        for (tag, value) in &self.attributes {
            let old = match value {
                Json::Null => all.remove(tag),
                value => all.insert(tag.clone(), value.clone()),
            };
            before.extend(old.map(|old| (tag.clone(), old)));
        }
        all.insert("00080015".into(), attribute("DT", vec![self.date_time().into()]));
        let item = json!({
            "04000550": {"vr": "SQ", "Value": [before]},
            "04000562": attribute("DT", vec![self.date_time().into()]),
            "04000563": attribute("LO", vec![SYSTEM.into()]),
            "04000564": attribute("LO", vec![]),
            "04000565": attribute("CS", vec!["CORRECT".into()]),
        });
        let mut items = match all.get("04000561").and_then(|a| a.get("Value")) {
            Some(Json::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        items.push(item);
        all.insert("04000561".into(), attribute("SQ", items));
        let text = serde_json::to_string(&sorted(all)).map_err(|_| StorageError::Corrupt("metadata"))?;
        Ok(Chunk::new(text.as_bytes()))
    }
}
