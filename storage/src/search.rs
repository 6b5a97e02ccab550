//! Searching studies, series and instances within a scope.

use crate::attributes::attribute;
use crate::db::{Bindings, at, to_u64};
use crate::found::Attributes;
use crate::index::split;
use crate::labels::{Seen, count_of_series, count_of_study};
use crate::metadata::chunk_of;
use crate::search_plan::Plan;
use crate::search_sql::{Statement, Window, granted};
use crate::{Storage, StorageError};
use dataset::tags;
use model::{Level, OrgId, Query, Reach, Scope};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// One row of an answer: DICOM JSON attributes of the row's level and of the levels above it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The organisation that owns it.
    pub owner: OrgId,
    /// DICOM JSON: every attribute of the level that is known (the patient's; patient and study for a study; and series;
    /// and the whole instance without bulk), plus the maintained ones: ModalitiesInStudy (0008,0061), SOPClassesInStudy
    /// (0008,0062), NumberOfStudyRelatedSeries/Instances (0020,1206/1208), NumberOfSeriesRelatedInstances
    /// (0020,1209), for a patient NumberOfPatientRelatedStudies/Series/Instances (0020,1200/1202/1204),
    /// InstanceAvailability ONLINE (0008,0056), and for an instance Rows, Columns, NumberOfFrames and
    /// (0008,3002) AvailableTransferSyntaxUID.
    pub attributes: Attributes,
    /// When the study, series or instance arrived first, Unix milliseconds.
    pub received_at_ms: i64,
    /// Whether an instance with the same UID and other content has been kept apart.
    pub has_conflict: bool,
    /// Whether the attributes are all that are known. Of an instance whose metadata are too large to be unpacked for a row
    /// they are not: what is missing says nothing.
    pub is_whole: bool,
}

/// Rows in a stable order.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most `query.limit` rows.
    pub rows: Vec<Row>,
    /// Whether more match behind them.
    pub more: bool,
    /// Only the newest studies in reach (and within the dates asked for) were looked at, all down to one moment, and older
    /// ones may match, too: no list holds what was asked for, such as a part from the middle of a text. The number is how
    /// many of the list that holds most of them: what the organisation owns, say, beside what it has been granted. Never
    /// with a full page, which lacks nothing.
    pub looked_at: Option<u32>,
}

/// Metadata larger than this is not unpacked for a row; the row has the index's own attributes then.
const ROW_METADATA_BYTES_MAX: i64 = 1 << 20;

const PLACE: &str = "searching";

const INSTANCE_COLUMNS: &str = "i.sop_uid, i.sop_class, i.syntax, i.has_conflict, i.received_at_ms, m.crc32, \
     m.text_length, CASE WHEN m.text_length <= 1048576 THEN m.chunk END";

impl Storage {
    /// Searches. `query.limit` is capped by `Limits::query_rows_max`, and what is looked at for conditions that no list
    /// holds by `Limits::search_studies_max`: [`Page::looked_at`].
    ///
    /// # Errors
    /// [`StorageError::Unavailable`]. No match is an empty page, never an error.
    pub async fn search(&self, scope: &Scope, query: &Query) -> Result<Page, StorageError> {
        let limit = query.limit.min(self.limits().query_rows_max);
        let plan = Plan::new(scope, query);
        let window = Window { limit: i64::from(limit) + 1, offset: i64::from(query.offset) };
        let (rows, looked_at) = self.run(&plan, window).await?;
        page_of(&rows, limit, query.level, looked_at)
    }

    /// The caller's own studies, those first of which the first instance came last. `limit` is capped by
    /// `Limits::query_rows_max`. The node as such has none.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn newest_arrivals(&self, scope: &Scope, limit: u32) -> Result<Page, StorageError> {
        let Some(owner) = scope.viewer() else {
            return Ok(Page { rows: Vec::new(), more: false, looked_at: None });
        };
        let limit = limit.min(self.limits().query_rows_max);
        let mut values = Bindings::default();
        let owner = values.text(owner.as_str());
        let labels = match Seen::of(scope) {
            Seen::None => format!(" AND s.instance_count > {}", count_of_study("s")),
            Seen::All | Seen::Own => String::new(),
        };
        let text = format!(
            "SELECT s.received_at_ms AS moment, s.id AS study_id, s.id AS id FROM study s WHERE s.owner = {owner}{labels} \
             ORDER BY s.received_at_ms DESC, s.id DESC LIMIT {}",
            i64::from(limit) + 1
        );
        let Statement { text, values } = whole(Statement { text, values }, scope, Level::Study);
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        page_of(&rows, limit, Level::Study, None)
    }
}

/// The first rows, of which there is one more than is wanted if there are more.
fn page_of(rows: &[AnyRow], limit: u32, level: Level, looked_at: Option<u32>) -> Result<Page, StorageError> {
    let more = rows.len() > limit as usize;
    let rows = rows.iter().take(limit as usize).map(|row| row_of(row, level)).collect::<Result<_, _>>()?;
    Ok(Page { rows, more, looked_at })
}

/// The statement with the columns of whole rows.
pub(crate) fn whole(found: Statement, scope: &Scope, level: Level) -> Statement {
    let Statement { text, mut values } = found;
    let seen = Counts::of(scope, &mut values);
    let study_columns = format!(
        "s.owner, s.attributes, s.modalities, s.sop_classes, {}, {}, s.has_conflict, s.received_at_ms",
        seen.series_of_study("s"),
        seen.instances_of_study("s")
    );
    let series_columns =
        format!("e.attributes, {}, e.has_conflict, e.received_at_ms", seen.instances_of_series("e", "s"));
    let (columns, tables, condition, rest) = match level {
        Level::Patient => {
            (format!("{study_columns}, {}", patient_counts(scope, &seen, &mut values)), "", "", "")
        }
        Level::Study => (study_columns, "", "", ""),
        Level::Series => (
            format!("{study_columns}, {series_columns}"),
            " CROSS JOIN series e",
            " AND e.id = y.id",
            ", y.series_number, y.series_uid",
        ),
        Level::Instance => (
            format!("{study_columns}, {series_columns}, {INSTANCE_COLUMNS}"),
            " CROSS JOIN instance i CROSS JOIN series e CROSS JOIN instance_metadata m",
            " AND i.id = y.id AND e.id = i.series_id AND m.instance_id = i.id",
            ", y.series_number, y.series_uid, y.instance_number, y.sop_uid",
        ),
    };
    let text = format!(
        "SELECT {columns} FROM ({text}) AS y CROSS JOIN study s{tables} WHERE s.id = y.study_id{condition} \
         ORDER BY y.moment DESC, y.study_id DESC{rest}"
    );
    Statement { text, values }
}

/// Counts of a patient's studies, series and instances, as far as the scope sees them.
fn patient_counts(scope: &Scope, counts: &Counts, values: &mut Bindings) -> String {
    let seen = match &scope.reach {
        Reach::Node => String::new(),
        Reach::OwnedBy { viewer, owner } if viewer == owner => String::new(),
        Reach::Granted(viewer) | Reach::OwnedBy { viewer, .. } => {
            let viewer = values.text(viewer.as_str());
            format!(" AND (n.owner = {viewer} OR {})", granted("n", &viewer))
        }
    };
    let instances = counts.instances_of_study("n");
    let pairs = [
        ("1".to_owned(), counts.is_seen("n")),
        (counts.series_of_study("s"), counts.series_of_study("n")),
        (counts.instances_of_study("s"), instances),
    ];
    pairs
        .map(|(own, each)| {
            format!(
                "CASE WHEN s.patient_id = '' THEN {own} ELSE (SELECT CAST(sum({each}) AS BIGINT) FROM study n \
                 WHERE n.owner = s.owner AND n.patient_id = s.patient_id{seen}) END"
            )
        })
        .join(", ")
}

/// How many series and instances a scope sees: without those that show the label of a slide it may not see.
struct Counts {
    /// The condition on a study's owner under which all are seen; `None`: all are.
    whole: Option<String>,
}

impl Counts {
    fn of(scope: &Scope, values: &mut Bindings) -> Self {
        let whole = match (Seen::of(scope), scope.viewer()) {
            (Seen::All, _) => None,
            (Seen::Own, Some(viewer)) => Some(format!(".owner = {}", values.text(viewer.as_str()))),
            (Seen::Own | Seen::None, _) => Some(".owner = ''".to_owned()),
        };
        Self { whole }
    }

    fn less(&self, s: &str, all: &str, hidden: &str) -> String {
        match &self.whole {
            None => all.to_owned(),
            Some(whole) => format!("(CASE WHEN {s}{whole} THEN {all} ELSE {all} - {hidden} END)"),
        }
    }

    fn instances_of_study(&self, s: &str) -> String {
        self.less(s, &format!("{s}.instance_count"), &count_of_study(s))
    }

    fn instances_of_series(&self, e: &str, s: &str) -> String {
        self.less(s, &format!("{e}.instance_count"), &count_of_series(e))
    }

    /// 1 for a study of which anything is seen.
    fn is_seen(&self, s: &str) -> String {
        match &self.whole {
            None => "1".to_owned(),
            Some(_) => format!("CASE WHEN {} > 0 THEN 1 ELSE 0 END", self.instances_of_study(s)),
        }
    }

    fn series_of_study(&self, s: &str) -> String {
        let hidden = format!(
            "(SELECT count(*) FROM series h WHERE h.study_id = {s}.id AND h.instance_count > 0 \
             AND h.instance_count <= {})",
            count_of_series("h")
        );
        self.less(s, &format!("{s}.series_count"), &hidden)
    }
}

struct Columns<'r>(&'r AnyRow);

impl Columns<'_> {
    fn text(&self, index: usize) -> Result<String, StorageError> {
        self.0.try_get(index).map_err(at(PLACE))
    }
    fn number(&self, index: usize) -> Result<i64, StorageError> {
        self.0.try_get(index).map_err(at(PLACE))
    }
    fn count(&self, index: usize) -> Result<Json, StorageError> {
        Ok(attribute("IS", vec![to_u64(self.number(index)?)?.into()]))
    }
    fn list(&self, index: usize, vr: &str) -> Result<Json, StorageError> {
        Ok(attribute(vr, split(&self.text(index)?).into_iter().map(Json::from).collect()))
    }
    fn attributes(&self, index: usize) -> Result<Attributes, StorageError> {
        let text: &str = self.0.try_get(index).map_err(at(PLACE))?;
        serde_json::from_str(text).map_err(|_| StorageError::Corrupt("attributes in the index"))
    }
}

fn row_of(row: &AnyRow, level: Level) -> Result<Row, StorageError> {
    let columns = Columns(row);
    let owner =
        OrgId::parse(&columns.text(0)?).map_err(|_| StorageError::Corrupt("an owner in the index"))?;
    let mut attributes = columns.attributes(1)?;
    attributes.put(tags::INSTANCE_AVAILABILITY, &attribute("CS", vec!["ONLINE".into()]));
    attributes.put(tags::MODALITIES_IN_STUDY, &columns.list(2, "CS")?);
    attributes.put(tags::SOP_CLASSES_IN_STUDY, &columns.list(3, "UI")?);
    attributes.put(tags::NUMBER_OF_STUDY_RELATED_SERIES, &columns.count(4)?);
    attributes.put(tags::NUMBER_OF_STUDY_RELATED_INSTANCES, &columns.count(5)?);
    let (mut has_conflict, mut received_at_ms) = (columns.number(6)?, columns.number(7)?);
    let mut is_whole = true;
    if level == Level::Patient {
        attributes.retain(|tag| {
            tag.group() == 0x0010 || tag == tags::SPECIFIC_CHARACTER_SET || tag == tags::INSTANCE_AVAILABILITY
        });
        attributes.put(tags::NUMBER_OF_PATIENT_RELATED_STUDIES, &columns.count(8)?);
        attributes.put(tags::NUMBER_OF_PATIENT_RELATED_SERIES, &columns.count(9)?);
        attributes.put(tags::NUMBER_OF_PATIENT_RELATED_INSTANCES, &columns.count(10)?);
    }
    if level >= Level::Series {
        attributes.extend(columns.attributes(8)?);
        attributes.put(tags::NUMBER_OF_SERIES_RELATED_INSTANCES, &columns.count(9)?);
        (has_conflict, received_at_ms) = (columns.number(10)?, columns.number(11)?);
    }
    if level >= Level::Instance {
        let unpacked = instance_attributes(row)?;
        is_whole = unpacked.is_some();
        let mut whole = Attributes::from(unpacked.unwrap_or_default());
        whole.extend(attributes);
        attributes = whole;
        let uid = |index| Ok::<_, StorageError>(attribute("UI", vec![columns.text(index)?.into()]));
        attributes.put(tags::SOP_INSTANCE_UID, &uid(12)?);
        attributes.put(tags::SOP_CLASS_UID, &uid(13)?);
        attributes.put(tags::AVAILABLE_TRANSFER_SYNTAX_UID, &uid(14)?);
        (has_conflict, received_at_ms) = (columns.number(15)?, columns.number(16)?);
    }
    Ok(Row { owner, attributes, received_at_ms, has_conflict: has_conflict != 0, is_whole })
}

/// The whole instance without bulk; nothing when its metadata are too large.
fn instance_attributes(row: &AnyRow) -> Result<Option<Map<String, Json>>, StorageError> {
    if Columns(row).number(18)? > ROW_METADATA_BYTES_MAX {
        return Ok(None);
    }
    let text = chunk_of(row, 17)?.text()?;
    let mut all =
        serde_json::from_slice(&text).map_err(|_| StorageError::Corrupt("metadata in the index"))?;
    without_bulk(&mut all);
    Ok(Some(all))
}

/// Removes attributes that only refer to bulk data, at every depth.
fn without_bulk(all: &mut Map<String, Json>) {
    let mut todo = vec![all];
    while let Some(map) = todo.pop() {
        map.retain(|_, attribute| attribute.get("BulkDataURI").is_none());
        for attribute in map.values_mut() {
            if attribute.get("vr").and_then(Json::as_str) == Some("SQ") {
                let items = attribute.get_mut("Value").and_then(Json::as_array_mut);
                todo.extend(items.into_iter().flatten().filter_map(Json::as_object_mut));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bulk_is_removed_at_every_depth() {
        let mut all = json!({
            "7FE00010": {"vr": "OW", "BulkDataURI": "/x"},
            "00480105": {"vr": "SQ", "Value": [{
                "00282000": {"vr": "OB", "BulkDataURI": "/y"}, "00080100": {"vr": "SH", "Value": ["a"]}
            }]}
        });
        without_bulk(all.as_object_mut().unwrap());
        let expected =
            json!({"00480105": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["a"]}}]}});
        assert_eq!(all, expected);
    }
}
