//! The list of studies, and one study with its series.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use dataset::{Tag, tags};
use model::{Key, Level, Matching, OrgId, Query, Scope, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use storage::{AuditAction, AuditEntry, AuditOutcome, Page, Row};
use utoipa::{IntoParams, ToSchema};

/// Patient Identity Removed (PS3.3 §C.7.1.1).
pub(crate) const IDENTITY_REMOVED: Tag = Tag(0x0012, 0x0062);
/// Characters of a search at most.
const SEARCH_CHARS_MAX: usize = 256;

/// What to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StudyFilter {
    /// One box: name (Chinese, pinyin or initials), patient id or accession number.
    pub q: Option<String>,
    /// Modality, such as `CT`.
    pub modality: Option<String>,
    /// First study date, `YYYYMMDD`.
    pub from: Option<String>,
    /// Last study date, `YYYYMMDD`.
    pub to: Option<String>,
    /// Rows at most (default 50).
    pub limit: Option<u32>,
    /// Rows to skip.
    pub offset: Option<u32>,
    /// Only what the caller's organisation owns.
    pub own: Option<bool>,
    /// `received`: the organisation's own studies, those first that came last, however old they are; with no search besides.
    #[param(value_type = Option<String>)]
    pub order: Option<StudyOrder>,
}

/// What is on top of a list of studies, where that is not the newest study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyOrder {
    /// The one that came last.
    Received,
}

impl StudyFilter {
    /// Whether anything is looked for.
    fn looks_for_something(&self) -> bool {
        let texts = [&self.q, &self.modality, &self.from, &self.to];
        texts.into_iter().flatten().any(|text| !text.trim().is_empty())
            || self.offset.is_some_and(|rows| rows > 0)
    }
}

/// A page of studies, newest first.
#[derive(Serialize, ToSchema)]
pub struct StudyPage {
    /// The studies.
    pub studies: Vec<Study>,
    /// Whether there are more behind them.
    pub more: bool,
    /// Set when older studies may match, too, because only about so many of the newest were looked at: what was asked for
    /// is in no list, or in long ones only.
    pub looked_at: Option<u32>,
}

/// A study as people see it in a list.
#[derive(Serialize, ToSchema)]
pub struct Study {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// The organisation that owns it.
    pub organisation: OrganisationName,
    /// Whether that is the caller's own.
    pub own: bool,
    /// Patient's name, the ideographic form if there is one.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Issuer of Patient ID; empty without one.
    pub patient_id_issuer: String,
    /// Patient's sex: `M`, `F`, `O` or empty.
    pub patient_sex: String,
    /// Patient's birth date, `YYYYMMDD`.
    pub patient_birth_date: String,
    /// Patient's age as in DICOM AS (`058Y`), from the study or from the birth date; empty when unknown.
    pub patient_age: String,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Study time, `HHMMSS`.
    pub study_time: String,
    /// Study description.
    pub description: String,
    /// Accession number.
    pub accession_number: String,
    /// Modalities in the study.
    pub modalities: Vec<String>,
    /// Number of series.
    pub series_count: i64,
    /// Number of instances.
    pub instance_count: i64,
    /// When the first instance arrived (RFC 3339).
    pub received_at: String,
    /// Slides in the study.
    pub slide_ids: Vec<String>,
    /// Whether its identity was removed (0012,0062): the patient's name is a pseudonym.
    pub is_deidentified: bool,
    /// `conflict`: an instance with the same UID and other content was kept apart.
    pub flags: Vec<String>,
}

/// A study with its series.
#[derive(Serialize, ToSchema)]
pub struct StudyDetail {
    /// The study.
    #[serde(flatten)]
    pub study: Study,
    /// Its series in order.
    pub series: Vec<Series>,
}

/// A series as people see it.
#[derive(Serialize, ToSchema)]
pub struct Series {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Modality.
    pub modality: String,
    /// Series number.
    pub number: Option<i64>,
    /// Series description.
    pub description: String,
    /// Number of instances.
    pub instance_count: i64,
    /// Body part examined.
    pub body_part: String,
    /// Whether a viewer of images can show it.
    pub is_image: bool,
}

/// The first value of an attribute in DICOM JSON as text; for a person name the ideographic group, or the alphabetic.
pub fn text(attributes: &Map<String, Value>, tag: Tag) -> String {
    let Some(value) = values(attributes, tag).and_then(|v| v.first()) else { return String::new() };
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(name) => ["Ideographic", "Alphabetic", "Phonetic"]
            .iter()
            .find_map(|group| name.get(*group)?.as_str())
            .map(dataset::names::display)
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn values(attributes: &Map<String, Value>, tag: Tag) -> Option<&Vec<Value>> {
    attributes.get(&format!("{:04X}{:04X}", tag.0, tag.1))?.get("Value")?.as_array()
}

fn texts(attributes: &Map<String, Value>, tag: Tag) -> Vec<String> {
    values(attributes, tag)
        .map(|list| list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

pub fn integer(attributes: &Map<String, Value>, tag: Tag) -> Option<i64> {
    let value = values(attributes, tag)?.first()?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Age in whole years at the study, as DICOM AS, from two `YYYYMMDD` dates.
fn age_from_dates(birth: &str, study: &str) -> String {
    let (Ok(birth), Ok(study)) = (birth.parse::<u32>(), study.parse::<u32>()) else { return String::new() };
    let is_plausible = (18_000_000..21_000_000).contains(&birth) && birth <= study && study < 21_000_000;
    if is_plausible { format!("{:03}Y", (study - birth) / 10_000) } else { String::new() }
}

/// Names of organisations, looked up once per request.
#[derive(Default)]
pub struct Names(HashMap<OrgId, String>);

impl Names {
    /// The organisation with its name.
    pub async fn of(&mut self, state: &ApiState, id: &OrgId) -> Result<OrganisationName, ApiError> {
        if !self.0.contains_key(id) {
            let name = state.0.storage.organisation(id).await?.name;
            self.0.insert(id.clone(), name);
        }
        Ok(OrganisationName { id: id.to_string(), name: self.0[id].clone() })
    }
}

/// Slides by the study that they are in.
type SlidesByStudy = HashMap<(OrgId, Uid), Vec<Arc<wsi::Slide>>>;

fn study_key(row: &Row) -> Option<(OrgId, Uid)> {
    let study = Uid::parse(&row.attributes.first_text(tags::STUDY_INSTANCE_UID)?).ok()?;
    Some((row.owner.clone(), study))
}

fn is_microscopy(row: &Row) -> bool {
    let modalities = row.attributes.get(tags::MODALITIES_IN_STUDY);
    let values = modalities.as_ref().and_then(|m| m.get("Value")?.as_array());
    values.is_some_and(|values| values.iter().any(|value| value == "SM"))
}

/// Leaves out studies that hold only a slide's label: nobody looks for them, and asking about one by mistake would send
/// the patient's identity along.
pub(crate) async fn without_labels(state: &ApiState, rows: Vec<Row>) -> Result<Vec<Row>, ApiError> {
    let microscopy: Vec<_> = rows.iter().filter(|row| is_microscopy(row)).filter_map(study_key).collect();
    if microscopy.is_empty() {
        return Ok(rows);
    }
    let labels = state.0.slides.label_studies(&microscopy).await?;
    Ok(rows.into_iter().filter(|row| study_key(row).is_none_or(|key| !labels.contains(&key))).collect())
}

/// The slides of those rows that have any, with one look-up for all.
async fn slides_of_rows(state: &ApiState, scope: &Scope, rows: &[Row]) -> Result<SlidesByStudy, ApiError> {
    let with_slides: Vec<_> = rows.iter().filter(|row| is_microscopy(row)).filter_map(study_key).collect();
    if with_slides.is_empty() {
        return Ok(SlidesByStudy::new());
    }
    Ok(state.0.slides.slides_of_studies(scope, &with_slides).await?)
}

/// A row of the index as people see it.
async fn study_from_row(
    state: &ApiState,
    scope: &Scope,
    names: &mut Names,
    slides: &SlidesByStudy,
    row: &Row,
) -> Result<Study, ApiError> {
    let a = &row.attributes.tree();
    let (birth, date) = (text(a, tags::PATIENT_BIRTH_DATE), text(a, tags::STUDY_DATE));
    let age = text(a, tags::PATIENT_AGE);
    let slide_ids = study_key(row)
        .and_then(|key| slides.get(&key))
        .map(|slides| slides.iter().map(|slide| slide.id.to_string()).collect())
        .unwrap_or_default();
    Ok(Study {
        organisation: names.of(state, &row.owner).await?,
        own: scope.viewer() == Some(&row.owner),
        patient_name: text(a, tags::PATIENT_NAME),
        patient_id: text(a, tags::PATIENT_ID),
        patient_id_issuer: text(a, tags::ISSUER_OF_PATIENT_ID),
        patient_sex: text(a, tags::PATIENT_SEX),
        patient_age: if age.is_empty() { age_from_dates(&birth, &date) } else { age },
        patient_birth_date: birth,
        study_date: date,
        study_time: text(a, tags::STUDY_TIME),
        description: text(a, tags::STUDY_DESCRIPTION),
        accession_number: text(a, tags::ACCESSION_NUMBER),
        series_count: integer(a, tags::NUMBER_OF_STUDY_RELATED_SERIES).unwrap_or(0),
        instance_count: integer(a, tags::NUMBER_OF_STUDY_RELATED_INSTANCES).unwrap_or(0),
        received_at: model::time_text::rfc3339(model::time_text::from_unix_ms(row.received_at_ms)),
        is_deidentified: text(a, IDENTITY_REMOVED) == "YES",
        flags: if row.has_conflict { vec!["conflict".into()] } else { Vec::new() },
        study_instance_uid: text(a, tags::STUDY_INSTANCE_UID),
        modalities: texts(a, tags::MODALITIES_IN_STUDY),
        slide_ids,
    })
}

/// Lists studies that the caller may see, newest first.
#[utoipa::path(get, path = "/api/v1/studies", tag = "studies", params(StudyFilter),
    responses((status = 200, body = StudyPage), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list_studies(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<StudyFilter>,
) -> Result<Json<StudyPage>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let limit = filter.limit.unwrap_or(50);
    if filter.order == Some(StudyOrder::Received) {
        if filter.looks_for_something() {
            return Err(ApiError::invalid(
                "order",
                "最新收到的列表不能同时搜索 / what came last is listed without a search",
            ));
        }
        let page = state.0.storage.newest_arrivals(caller.scope(), limit).await?;
        return page_of(&state, caller, page).await;
    }
    let mut query = Query::new(Level::Study, limit);
    query.offset = filter.offset.unwrap_or(0);
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        if q.chars().count() > SEARCH_CHARS_MAX {
            return Err(ApiError::invalid("q", "too long to be a name or a number"));
        }
        query = query.with(Key::Anything, Matching::Fuzzy(q.to_owned()));
    }
    if let Some(modality) = filter.modality.filter(|m| !m.is_empty()) {
        query = query.with_value(Key::ModalitiesInStudy, modality);
    }
    let (from, to) = (date(filter.from, "from")?, date(filter.to, "to")?);
    if from.is_some() || to.is_some() {
        query = query.with(Key::StudyDate, Matching::Range { from, to });
    }
    let scope = match filter.own {
        Some(true) => &caller.scope().owned_by(caller.organisation().clone()),
        _ => caller.scope(),
    };
    let page = state.0.storage.search(scope, &query).await?;
    page_of(&state, caller, page).await
}

/// A page of the index as people see it.
async fn page_of(state: &ApiState, caller: &Caller, page: Page) -> Result<Json<StudyPage>, ApiError> {
    note_search(state, caller.scope()).await?;
    let rows = without_labels(state, page.rows).await?;
    let slides = slides_of_rows(state, caller.scope(), &rows).await?;
    let mut names = Names::default();
    let mut studies = Vec::with_capacity(rows.len());
    for row in &rows {
        studies.push(study_from_row(state, caller.scope(), &mut names, &slides, row).await?);
    }
    Ok(Json(StudyPage { studies, more: page.more, looked_at: page.looked_at }))
}

fn date(text: Option<String>, field: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(Some(digits))
    } else {
        Err(ApiError::invalid(field, "日期应为 YYYYMMDD / a date is YYYYMMDD"))
    }
}

async fn note_search(state: &ApiState, scope: &Scope) -> Result<(), ApiError> {
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: "studies".into(),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    };
    Ok(state.0.storage.audit_reading(scope, entry).await?)
}

/// The row of one study, or [`ApiError::NotFound`].
pub(crate) async fn study_row(
    state: &ApiState,
    scope: &Scope,
    owner: &OrgId,
    study: &Uid,
) -> Result<Row, ApiError> {
    let query = Query::new(Level::Study, 1).with_value(Key::StudyInstanceUid, study.as_str());
    let page = state.0.storage.search(&scope.owned_by(owner.clone()), &query).await?;
    page.rows.into_iter().next().ok_or(ApiError::NotFound)
}

/// One study with its series.
#[utoipa::path(get, path = "/api/v1/studies/{org}/{study}", tag = "studies",
    params(("org" = String, Path, description = "Owner organisation"),
           ("study" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = StudyDetail), (status = 404, body = Problem)))]
pub async fn get_study(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((org, study)): UrlPath<(String, String)>,
) -> Result<Json<StudyDetail>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let owner = OrgId::parse(&org).map_err(|_| ApiError::NotFound)?;
    let study = Uid::parse(&study).map_err(|_| ApiError::NotFound)?;
    let row = study_row(&state, caller.scope(), &owner, &study).await?;
    let query = Query::new(Level::Series, state.0.storage.limits().query_rows_max)
        .with_value(Key::StudyInstanceUid, study.as_str());
    let scope = caller.scope().owned_by(owner);
    let page = state.0.storage.search(&scope, &query).await?;
    state.0.storage.note_study_read(&scope, &study);
    let documents = documents_of(&state, &scope, &row, &study).await?;
    let series = page.rows.iter().map(|row| series_from_row(&row.attributes.tree(), &documents)).collect();
    let slides = slides_of_rows(&state, caller.scope(), std::slice::from_ref(&row)).await?;
    let study = study_from_row(&state, caller.scope(), &mut Names::default(), &slides, &row).await?;
    Ok(Json(StudyDetail { study, series }))
}

/// Encapsulated documents (PS3.3 §A.45) and videos (§A.32.5 to 7): no images, whatever modality they say.
fn is_document_class(class: &str) -> bool {
    class.starts_with("1.2.840.10008.5.1.4.1.1.104.")
        || matches!(class.strip_prefix("1.2.840.10008.5.1.4.1.1.77.1."), Some("1.1" | "2.1" | "4.1"))
}

/// How many documents and videos each series of a study has; the study itself says whether to look at all.
async fn documents_of(
    state: &ApiState,
    scope: &Scope,
    row: &Row,
    study: &Uid,
) -> Result<HashMap<String, i64>, ApiError> {
    let mut found = HashMap::new();
    let tree = row.attributes.tree();
    let classes = values(&tree, tags::SOP_CLASSES_IN_STUDY).into_iter().flatten();
    let classes: Vec<String> = classes
        .filter_map(Value::as_str)
        .filter(|class| is_document_class(class))
        .map(str::to_owned)
        .collect();
    if classes.is_empty() {
        return Ok(found);
    }
    let query = Query::new(Level::Instance, state.0.storage.limits().query_rows_max)
        .with_value(Key::StudyInstanceUid, study.as_str())
        .with(Key::SopClassUid, Matching::AnyOf(classes));
    for one in state.0.storage.search(scope, &query).await?.rows {
        *found.entry(text(&one.attributes.tree(), tags::SERIES_INSTANCE_UID)).or_default() += 1;
    }
    Ok(found)
}

/// `documents`: how many each series has of them.
fn series_from_row(a: &Map<String, Value>, documents: &HashMap<String, i64>) -> Series {
    let modality = text(a, tags::MODALITY);
    let series_instance_uid = text(a, tags::SERIES_INSTANCE_UID);
    let instance_count = integer(a, tags::NUMBER_OF_SERIES_RELATED_INSTANCES).unwrap_or(0);
    let holds_documents = documents.get(&series_instance_uid).is_some_and(|count| *count >= instance_count);
    Series {
        is_image: !holds_documents
            && !matches!(
                modality.as_str(),
                "SR" | "PR"
                    | "KO"
                    | "DOC"
                    | "SM"
                    | "SEG"
                    | "REG"
                    | "RTSTRUCT"
                    | "RTPLAN"
                    | "AU"
                    | "ECG"
                    | "HD"
            ),
        series_instance_uid,
        number: integer(a, tags::SERIES_NUMBER),
        description: text(a, tags::SERIES_DESCRIPTION),
        instance_count,
        body_part: text(a, tags::BODY_PART_EXAMINED),
        modality,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_shown_in_its_ideographic_form() {
        let json = json!({"00100010": {"vr": "PN", "Value": [
            {"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]}});
        assert_eq!(text(json.as_object().unwrap(), tags::PATIENT_NAME), "张三");
    }

    #[test]
    fn a_series_of_documents_is_no_image_whatever_its_modality() {
        let series = json!({"0020000E": {"vr": "UI", "Value": ["1.2"]}, "00080060": {"vr": "CS", "Value": ["OT"]},
            "00201209": {"vr": "IS", "Value": [2]}});
        let of = |documents| {
            let known = HashMap::from([("1.2".to_owned(), documents)]);
            series_from_row(series.as_object().unwrap(), &known).is_image
        };
        assert_eq!([of(0), of(1), of(2)], [true, true, false]);
        assert!(is_document_class("1.2.840.10008.5.1.4.1.1.104.1"));
        assert!(is_document_class("1.2.840.10008.5.1.4.1.1.77.1.1.1"));
        assert!(!is_document_class("1.2.840.10008.5.1.4.1.1.77.1.1"));
    }

    #[test]
    fn age_counts_whole_years() {
        assert_eq!(age_from_dates("19680501", "20260430"), "057Y");
        assert_eq!(age_from_dates("19680501", "20260501"), "058Y");
        assert_eq!(age_from_dates("", "20260501"), "");
        assert_eq!(age_from_dates("20270101", "20260501"), "");
    }
}
