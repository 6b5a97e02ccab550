//! Corrections of the own organisation's studies, and what was kept apart.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use crate::studies::{integer, text};
use access::{Caller, Person, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dataset::tags;
use model::time_text::{from_unix_ms, rfc3339};
use model::{Key, Level, Query, Scope, Uid};
use serde::{Deserialize, Serialize};
use storage::read::{MetadataBody, MetadataForm};
use storage::{Correction, CorrectionRecord, Reason, ReasonCode};
use utoipa::{IntoParams, ToSchema};

/// Why.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct ReasonBody {
    /// `quality`, `patient_safety`, `incorrect_worklist_entry`, `retention_expired`, `wrong_identity` or `other`.
    #[schema(value_type = String)]
    pub code: ReasonCode,
    /// In words, 1 to 1000 characters.
    pub text: String,
}

impl From<ReasonBody> for Reason {
    fn from(body: ReasonBody) -> Self {
        Self { code: body.code, text: body.text }
    }
}

/// A correction to make.
#[derive(Deserialize, ToSchema)]
pub struct NewCorrection {
    /// What, by `kind`. `identity`: `study`, `attributes` (DICOM JSON; null takes one out). `merge`: `from` and `into`,
    /// patients as `{"id", "issuer"}`. `link`: `one` and `other`. `move`: `study`, `series` (none: all), `to`,
    /// `attributes` when that study is to be made. `hide`: `study`, and `series` or `instances` if not all of it.
    #[schema(value_type = Object)]
    pub correction: Correction,
    /// Why.
    pub reason: ReasonBody,
}

/// A correction as it is kept.
#[derive(Serialize, ToSchema)]
pub struct CorrectionItem {
    /// Identifier.
    pub id: String,
    /// What, as it was asked for; also `delete`.
    #[schema(value_type = Object)]
    pub correction: Correction,
    /// `active` or `undone`; of deletions `running` or `done`; `suspended` while its rejection note is rejected itself.
    pub state: String,
    /// SOP Instance UID of the rejection note (Key Object Selection) that has made it, or that was made of it.
    pub note: Option<String>,
    /// Objects whose pixels or document may show the patient as acquired, which the correction cannot change.
    pub identity_inside: u64,
    /// The same in words, Chinese and English, when there are any.
    pub warning: Option<String>,
    /// Why.
    pub reason: ReasonBody,
    /// Kind and identifier of who made it.
    pub made_by: String,
    /// Their name, when a person of this organisation.
    pub made_by_name: Option<String>,
    /// When (RFC 3339).
    pub made_at: String,
    /// Kind and identifier of who took it back.
    pub undone_by: Option<String>,
    /// Their name, when a person of this organisation.
    pub undone_by_name: Option<String>,
    /// When that was (RFC 3339).
    pub undone_at: Option<String>,
    /// Why.
    pub undo_reason: Option<String>,
}

impl CorrectionItem {
    fn new(record: CorrectionRecord, people: &[Person]) -> Self {
        let name = |actor: &str| {
            let id = actor.strip_prefix("person:")?;
            people.iter().find(|person| person.id.as_str() == id).map(|person| person.name.clone())
        };
        let warning = record.warning();
        let CorrectionRecord {
            id,
            correction,
            state,
            note,
            identity_inside,
            reason,
            made_by,
            made_at_ms,
            undone,
            ..
        } = record;
        Self {
            made_by_name: name(&made_by),
            undone_by_name: undone.as_ref().and_then(|undone| name(&undone.by)),
            id,
            correction,
            state,
            identity_inside,
            warning,
            note: note.map(|note| note.to_string()),
            reason: ReasonBody { code: reason.code, text: reason.text },
            made_by,
            made_at: rfc3339(from_unix_ms(made_at_ms)),
            undone_at: undone.as_ref().map(|u| rfc3339(from_unix_ms(u.at_ms))),
            undo_reason: undone.as_ref().map(|u| u.reason.clone()),
            undone_by: undone.map(|u| u.by),
        }
    }
}

/// Corrections, newest first.
#[derive(Serialize, ToSchema)]
pub struct CorrectionList {
    /// The corrections.
    pub corrections: Vec<CorrectionItem>,
}

/// Which corrections.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CorrectionFilter {
    /// Only those that name this study.
    pub study: Option<String>,
    /// Rows at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Rows to skip.
    pub offset: Option<u32>,
}

/// An instance that was kept apart.
#[derive(Serialize, ToSchema)]
pub struct ApartItem {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Instance UID, which other content has taken.
    pub sop_instance_uid: String,
    /// SHA-256 of its data set.
    pub sha256: String,
    /// Bytes of its data set.
    pub length: i64,
    /// Why it is kept apart.
    pub reason: String,
    /// Kind and identifier of who sent it.
    pub sender: String,
    /// When (RFC 3339).
    pub received_at: String,
}

/// What was kept apart of a study, oldest first.
#[derive(Serialize, ToSchema)]
pub struct ApartList {
    /// The instances.
    pub instances: Vec<ApartItem>,
}

fn uid(text: &str) -> Result<Uid, ApiError> {
    Uid::parse(text).map_err(|_| ApiError::NotFound)
}

/// Corrections of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/corrections", tag = "corrections", params(CorrectionFilter),
    responses((status = 200, body = CorrectionList), (status = 403, body = Problem)))]
pub async fn list_corrections(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<CorrectionFilter>,
) -> Result<Json<CorrectionList>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let study = filter.study.as_deref().map(uid).transpose()?;
    let page = (filter.limit.unwrap_or(100), filter.offset.unwrap_or(0));
    let storage = &state.0.storage;
    let all = storage.corrections(caller.scope(), caller.organisation(), study.as_ref(), page).await?;
    let people = storage.people_acting_for(caller.organisation()).await?;
    let corrections = all.into_iter().map(|record| CorrectionItem::new(record, &people)).collect();
    Ok(Json(CorrectionList { corrections }))
}

/// Make a correction. What is not the caller's organisation's is not there.
#[utoipa::path(post, path = "/api/v1/corrections", tag = "corrections", request_body = NewCorrection,
    responses((status = 201, body = CorrectionItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn make_correction(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(new): JsonBody<NewCorrection>,
) -> Result<(StatusCode, Json<CorrectionItem>), ApiError> {
    let caller = auth.require(Right::Correct)?;
    if matches!(new.correction, Correction::Delete(_)) {
        return Err(ApiError::invalid("correction", "deletions are made through DICOMweb"));
    }
    let storage = &state.0.storage;
    let made = storage
        .correct(caller.scope(), caller.organisation(), new.correction, new.reason.into())
        .await
        .map_err(named)?;
    Ok((StatusCode::CREATED, Json(done(storage, caller, made).await)))
}

/// Take a correction back.
#[utoipa::path(post, path = "/api/v1/corrections/{id}/undo", tag = "corrections", request_body = ReasonBody,
    params(("id" = String, Path, description = "Identifier")),
    responses((status = 200, body = CorrectionItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn undo_correction(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(reason): JsonBody<ReasonBody>,
) -> Result<Json<CorrectionItem>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let storage = &state.0.storage;
    let undone = storage
        .undo_correction(caller.scope(), caller.organisation(), &id, reason.into())
        .await
        .map_err(named)?;
    Ok(Json(done(storage, caller, undone).await))
}

/// A correction that has been made or taken back. It has, whether or not the names of people can be read now.
async fn done(storage: &storage::Storage, caller: &Caller, record: CorrectionRecord) -> CorrectionItem {
    let people = storage.people_acting_for(caller.organisation()).await.unwrap_or_default();
    CorrectionItem::new(record, &people)
}

/// Instances of an own study that were kept apart: their UID was taken by other content.
#[utoipa::path(get, path = "/api/v1/studies/{uid}/apart", tag = "corrections",
    params(("uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = ApartList), (status = 403, body = Problem)))]
pub async fn list_apart(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(study): UrlPath<String>,
) -> Result<Json<ApartList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let all = state.0.storage.apart(caller.scope(), caller.organisation(), &uid(&study)?).await?;
    let instances = all
        .into_iter()
        .map(|one| ApartItem {
            series_instance_uid: one.series,
            sop_instance_uid: one.instance,
            sha256: one.sha256,
            length: one.length,
            reason: one.reason,
            sender: one.sender,
            received_at: rfc3339(from_unix_ms(one.received_at_ms)),
        })
        .collect();
    Ok(Json(ApartList { instances }))
}

/// A study with series that are hidden, whole or in part.
#[derive(Serialize, ToSchema)]
pub struct HiddenStudy {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Patient's name.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Patient's sex.
    pub patient_sex: String,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Study description.
    pub description: String,
    /// What is hidden of it.
    pub series: Vec<HiddenSeries>,
}

/// What is hidden of a series.
#[derive(Serialize, ToSchema)]
pub struct HiddenSeries {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Modality.
    pub modality: String,
    /// Series number.
    pub number: Option<i64>,
    /// Series description.
    pub description: String,
    /// How many instances of it are hidden.
    pub hidden_count: i64,
}

/// What is hidden.
#[derive(Serialize, ToSchema)]
pub struct HiddenList {
    /// By study, the latest first.
    pub studies: Vec<HiddenStudy>,
}

/// What is hidden of which study.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HiddenFilter {
    /// Only of this study.
    pub study: Option<String>,
}

/// Series without a number are kept with the largest.
const NO_NUMBER: i64 = i32::MAX as i64;

/// What is hidden of the caller's organisation's studies, for those who may bring it back.
#[utoipa::path(get, path = "/api/v1/hidden", tag = "corrections", params(HiddenFilter),
    responses((status = 200, body = HiddenList), (status = 403, body = Problem)))]
pub async fn list_hidden(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<HiddenFilter>,
) -> Result<Json<HiddenList>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let study = filter.study.as_deref().map(uid).transpose()?;
    let all = state.0.storage.hidden(caller.scope(), caller.organisation(), study.as_ref()).await?;
    let mut studies: Vec<HiddenStudy> = Vec::new();
    for one in all {
        let series = HiddenSeries {
            series_instance_uid: one.series,
            modality: one.modality,
            number: Some(one.number).filter(|number| *number != NO_NUMBER),
            description: one.description,
            hidden_count: one.instance_count,
        };
        if let Some(last) = studies.last_mut().filter(|last| last.study_instance_uid == one.study) {
            last.series.push(series);
            continue;
        }
        let a = &one.study_attributes;
        studies.push(HiddenStudy {
            patient_name: text(a, tags::PATIENT_NAME),
            patient_id: text(a, tags::PATIENT_ID),
            patient_sex: text(a, tags::PATIENT_SEX),
            study_date: text(a, tags::STUDY_DATE),
            description: text(a, tags::STUDY_DESCRIPTION),
            study_instance_uid: one.study,
            series: vec![series],
        });
    }
    Ok(Json(HiddenList { studies }))
}

/// A series whose content may name the patient where no correction reaches.
#[derive(Serialize, ToSchema)]
pub struct NamingSeries {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Modality.
    pub modality: String,
    /// Series number.
    pub number: Option<i64>,
    /// Series description.
    pub description: String,
    /// `burned_in` (Burned In Annotation is YES), `may_be_burned_in` (it does not say NO, and such images often have
    /// it), `document`, `report`, `slide_label`.
    #[schema(value_type = Vec<String>)]
    pub kinds: Vec<&'static str>,
}

/// Where in a study's content the patient may be named.
#[derive(Serialize, ToSchema)]
pub struct NamingSeriesList {
    /// The series.
    pub series: Vec<NamingSeries>,
}

/// What of an instance's metadata tells whether its content names the patient.
#[derive(Deserialize)]
struct Telling {
    #[serde(rename = "00080016", default)]
    sop_class: Words,
    #[serde(rename = "00080008", default)]
    image_type: Words,
    #[serde(rename = "00280301", default)]
    burned_in: Words,
}

#[derive(Deserialize, Default)]
struct Words {
    // A value between others may be empty: null (PS3.18 §F.2.5).
    #[serde(rename = "Value", default)]
    value: Vec<Option<String>>,
}

impl Words {
    fn first(&self) -> Option<&str> {
        self.value.first()?.as_deref()
    }
}

impl Telling {
    fn kind(&self) -> Option<&'static str> {
        const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";
        let class = self.sop_class.first().unwrap_or_default();
        let class = class.strip_prefix(STORAGE).unwrap_or_default();
        let is = |families: &[&str]| {
            families.iter().any(|family| class == *family || class.starts_with(&format!("{family}.")))
        };
        let burned_in = self.burned_in.first();
        // PS3.6 Table A-1: encapsulated documents 104, structured reports 88; secondary capture 7, ultrasound 3 and 6,
        // visible light 77, whose scanners and cameras write names into the picture.
        match burned_in {
            _ if is(&["104"]) => Some("document"),
            _ if is(&["88"]) => Some("report"),
            _ if self.image_type.value.iter().flatten().any(|word| word == "LABEL") => Some("slide_label"),
            Some("YES") => Some("burned_in"),
            Some("NO") => None,
            _ if is(&["7", "3", "6", "77"]) && class != "77.1.6" => Some("may_be_burned_in"),
            _ => None,
        }
    }
}

/// The kinds in a series' metadata.
fn kinds_in(metadata: &[u8]) -> Result<Vec<&'static str>, ApiError> {
    let all: Vec<Telling> = serde_json::from_slice(metadata).map_err(|_| ApiError::Internal)?;
    let mut kinds: Vec<_> = all.iter().filter_map(Telling::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// Where in an own study's content the patient may be named: pixels and documents are never changed by a correction.
#[utoipa::path(get, path = "/api/v1/studies/{uid}/identity-in-content", tag = "corrections",
    params(("uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = NamingSeriesList), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn identity_in_content(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(study): UrlPath<String>,
) -> Result<Json<NamingSeriesList>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let study = uid(&study)?;
    let storage = &state.0.storage;
    let scope: Scope = caller.scope().owned_by(caller.organisation().clone());
    let query = Query::new(Level::Series, storage.limits().query_rows_max)
        .with_value(Key::StudyInstanceUid, study.as_str());
    let rows = storage.search(&scope, &query).await?.rows;
    if rows.is_empty() {
        return Err(ApiError::NotFound);
    }
    let mut found = Vec::new();
    for row in rows {
        let a = &row.attributes.tree();
        let series = Uid::parse(&text(a, tags::SERIES_INSTANCE_UID)).map_err(|_| ApiError::Internal)?;
        let body = storage.metadata(&scope, &study, Some(&series), None, MetadataForm::Plain).await?;
        let (MetadataBody::Plain(bytes) | MetadataBody::Gzip(bytes)) = body;
        let kinds = tokio::task::spawn_blocking(move || kinds_in(&bytes));
        let kinds = kinds.await.map_err(|_| ApiError::Internal)??;
        if !kinds.is_empty() {
            found.push(NamingSeries {
                series_instance_uid: series.to_string(),
                modality: text(a, tags::MODALITY),
                number: integer(a, tags::SERIES_NUMBER),
                description: text(a, tags::SERIES_DESCRIPTION),
                kinds,
            });
        }
    }
    state.0.storage.note_study_read(&scope, &study);
    Ok(Json(NamingSeriesList { series: found }))
}

/// What storage refuses of a correction is a fault of the request's body.
fn named(error: storage::StorageError) -> ApiError {
    match error {
        storage::StorageError::Refused(refused) => ApiError::invalid("correction", &refused.to_string()),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_names_the_patient_is_known_by_its_metadata() {
        let check = |class: &str, more: &str, expected: &[&str]| {
            let class = format!(r#""00080016":{{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.{class}"]}}"#);
            let text = format!("[{{{class}{more}}}]");
            assert_eq!(kinds_in(text.as_bytes()).unwrap(), expected, "{text}");
        };
        let burned = |word: &str| format!(r#","00280301":{{"vr":"CS","Value":["{word}"]}}"#);
        check("2", "", &[]);
        check("2", &burned("YES"), &["burned_in"]);
        check("104.1", "", &["document"]);
        check("88.33", "", &["report"]);
        check("7", "", &["may_be_burned_in"]);
        check("6.1", &burned("NO"), &[]);
        check("77.1.4", "", &["may_be_burned_in"]);
        check(
            "77.1.6",
            r#","00080008":{"vr":"CS","Value":["ORIGINAL","PRIMARY","LABEL","NONE"]}"#,
            &["slide_label"],
        );
        check("77.1.6", r#","00280301":{"vr":"CS"}"#, &[]);
        let unnamed =
            |last: &str| format!(r#","00080008":{{"vr":"CS","Value":["ORIGINAL","PRIMARY",null,"{last}"]}}"#);
        check("2", &unnamed("NONE"), &[]);
        check("7", &unnamed("NONE"), &["may_be_burned_in"]);
        check("77.1.6", &unnamed("LABEL"), &["slide_label"]);
    }
}
