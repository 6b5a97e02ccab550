//! Images of slides that show the slide's label, which names the patient: for the owner's people with the right to
//! labels, and for nobody else, whatever way they ask.

use crate::StorageError;
use crate::db::{Database, at};
use crate::metadata::chunk_of;
use model::{Reach, Scope};
use serde::Deserialize;
use serde_json::Value as Json;
use sqlx::Row as _;

/// VL Whole Slide Microscopy Image Storage.
const WHOLE_SLIDE: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
/// Instances that are looked at in one transaction.
const AT_ONCE: i64 = 10;

const PLACE: &str = "looking for labels of slides";

/// Whether an image shows a label: by the third value of Image Type (PS3.3 §C.8.12.4.1.1) and Specimen Label in Image
/// (0048,0010). An overview is the whole glass, so it counts whatever the second says.
pub(crate) fn shows_label(sop_class: &str, flavor: &str, label_in_image: &str) -> bool {
    let is = |text: &str, word: &str| text.trim().eq_ignore_ascii_case(word);
    sop_class == WHOLE_SLIDE && (is(flavor, "LABEL") || is(flavor, "OVERVIEW") || is(label_in_image, "YES"))
}

/// How many images with labels a study has, or one of its series.
pub(crate) fn count_of_study(s: &str) -> String {
    format!("(SELECT count(*) FROM instance l WHERE l.study_id = {s}.id AND l.shows_label <> 0)")
}

/// The same of a series.
pub(crate) fn count_of_series(e: &str) -> String {
    format!(
        "(SELECT count(*) FROM instance l WHERE l.study_id = {e}.study_id AND l.series_id = {e}.id \
         AND l.shows_label <> 0)"
    )
}

/// Of which studies a scope sees the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Of every study that it reaches.
    All,
    /// Of its own organisation's.
    Own,
    /// Of none.
    None,
}

impl Seen {
    pub fn of(scope: &Scope) -> Self {
        match &scope.reach {
            Reach::Node => Self::All,
            Reach::OwnedBy { viewer, owner } if viewer == owner && scope.labels => Self::All,
            Reach::OwnedBy { viewer, owner } if viewer != owner => Self::None,
            _ if scope.labels => Self::Own,
            _ => Self::None,
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "00080008")]
    image_type: Option<Values>,
    #[serde(rename = "00480010")]
    label_in_image: Option<Values>,
}

#[derive(Deserialize)]
struct Values {
    #[serde(rename = "Value", default)]
    value: Vec<Json>,
}

/// What the metadata of an image of a slide say; what cannot be read is taken for a label.
fn of_metadata(text: &[u8]) -> bool {
    let Ok(head) = serde_json::from_slice::<Head>(text) else { return true };
    let value = |values: &Option<Values>, index: usize| {
        let value = values.as_ref().and_then(|values| values.value.get(index)).and_then(Json::as_str);
        value.unwrap_or_default().to_owned()
    };
    shows_label(WHOLE_SLIDE, &value(&head.image_type, 2), &value(&head.label_in_image, 0))
}

/// Looks at what was indexed before labels were told apart.
pub(crate) async fn bring_up_to_date(db: &Database) -> Result<(), StorageError> {
    let mut connection = db.writer.acquire().await.map_err(at(PLACE))?;
    loop {
        // The first condition is the index's.
        let rows = sqlx::query(
            "SELECT i.id, m.crc32, m.text_length, m.chunk FROM instance i \
             LEFT JOIN instance_metadata m ON m.instance_id = i.id \
             WHERE i.shows_label <> 0 AND i.shows_label = 2 LIMIT $1",
        )
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await
        .map_err(at(PLACE))?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.map_err(at(PLACE))?;
        for row in rows {
            let id: i64 = row.try_get(0).map_err(at(PLACE))?;
            let is_label = match chunk_of(&row, 1).and_then(|chunk| chunk.text()) {
                Ok(text) => of_metadata(&text),
                Err(_) => true,
            };
            sqlx::query("UPDATE instance SET shows_label = $1 WHERE id = $2")
                .bind(i64::from(is_label))
                .bind(id)
                .execute(&mut *transaction)
                .await
                .map_err(at(PLACE))?;
        }
        transaction.commit().await.map_err(at(PLACE))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_known_by_their_attributes() {
        for (flavor, in_image, expected) in [
            ("VOLUME", "NO", false),
            ("VOLUME", "", false),
            ("THUMBNAIL", "NO", false),
            ("VOLUME", "YES", true),
            ("THUMBNAIL", " yes", true),
            ("LABEL", "", true),
            ("label ", "NO", true),
            ("OVERVIEW", "NO", true),
        ] {
            assert_eq!(shows_label(WHOLE_SLIDE, flavor, in_image), expected, "{flavor} {in_image}");
            let text = format!(
                r#"{{"00080008":{{"vr":"CS","Value":["DERIVED",null,"{flavor}"]}},
                "00480010":{{"vr":"CS","Value":["{in_image}"]}},"00200013":{{"vr":"IS"}}}}"#
            );
            assert_eq!(of_metadata(text.as_bytes()), expected, "{flavor} {in_image}");
        }
        assert!(!shows_label("1.2.840.10008.5.1.4.1.1.2", "LABEL", "YES"));
        assert!(of_metadata(b"{"));
    }
}
