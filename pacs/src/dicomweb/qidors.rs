//! QIDO-RS (PS3.18 §8.3.4, §10.6): searching studies, series and instances.

use super::accept::require_json;
use super::problem::WebError;
use super::routes::{WebState, pairs, parameter};
use super::target::Target;
use crate::keys::{self, BadValue, EmptyValues, Form, Fuzzy, combine_date_and_time, key_of, request_key_of};
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use dataset::dictionary::tag_of;
use dataset::{Tag, tags};
use model::{Key, Level, Limits, Matching, Query, Uid};
use serde_json::json;
use storage::{Attributes, AuditAction, AuditEntry, AuditOutcome, Row, StorageError};

/// Matching keys of one search at most.
pub(super) const KEYS_MAX: usize = 32;

/// Returned for a study without being asked (PS3.18 Table 10.6.3-3).
const STUDY_ATTRIBUTES: [Tag; 17] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::INSTANCE_AVAILABILITY,
    tags::MODALITIES_IN_STUDY,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::RETRIEVE_URL,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    tags::NUMBER_OF_STUDY_RELATED_SERIES,
    tags::NUMBER_OF_STUDY_RELATED_INSTANCES,
];

/// Returned for a series (PS3.18 Table 10.6.3-4).
const SERIES_ATTRIBUTES: [Tag; 13] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::INSTANCE_AVAILABILITY,
    tags::MODALITY,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::SERIES_DESCRIPTION,
    tags::RETRIEVE_URL,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::NUMBER_OF_SERIES_RELATED_INSTANCES,
    tags::PERFORMED_PROCEDURE_STEP_START_DATE,
    tags::PERFORMED_PROCEDURE_STEP_START_TIME,
    tags::REQUEST_ATTRIBUTES_SEQUENCE,
];

/// Returned for an instance (PS3.18 Table 10.6.3-5).
const INSTANCE_ATTRIBUTES: [Tag; 14] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::INSTANCE_AVAILABILITY,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::RETRIEVE_URL,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::NUMBER_OF_FRAMES,
    tags::AVAILABLE_TRANSFER_SYNTAX_UID,
];

/// Which attributes go out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Include {
    All,
    These(Vec<Tag>),
}

/// A parsed search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) query: Query,
    include: Include,
    /// Parameters that were not understood, for the Warning.
    ignored: Vec<String>,
}

/// Studies.
pub async fn studies(
    state: State<WebState>,
    target: Target,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    search(&state, &target, query.0.as_deref(), &headers, Level::Study).await
}

/// Series, of a study or of all.
pub async fn series(
    state: State<WebState>,
    target: Target,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    search(&state, &target, query.0.as_deref(), &headers, Level::Series).await
}

/// Instances, of a series, of a study or of all.
pub async fn instances(
    state: State<WebState>,
    target: Target,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    search(&state, &target, query.0.as_deref(), &headers, Level::Instance).await
}

async fn search(
    state: &WebState,
    target: &Target,
    text: Option<&str>,
    headers: &HeaderMap,
    level: Level,
) -> Result<Response, WebError> {
    target.require(Right::Search)?;
    require_json(headers, parameter(text, "accept").as_deref())?;
    let above = match (&target.study, &target.series) {
        (None, _) => None,
        (Some(_), None) => Some(Level::Study),
        (Some(_), Some(_)) => Some(Level::Series),
    };
    let mut search = parse(&pairs(text), level, above, state.storage.limits())?;
    for (uid, key) in [(&target.study, Key::StudyInstanceUid), (&target.series, Key::SeriesInstanceUid)] {
        if let Some(uid) = uid {
            search.query = search.query.with_value(key, uid.as_str());
        }
    }
    let page = state.storage.search(&target.scope, &search.query).await?;
    note_search(state, target, level);
    let base = target.base(&state.public_base);
    let rows: Vec<Attributes> =
        page.rows.into_iter().map(|row| answer_row(&base, row, level, &search.include)).collect();
    let body = serde_json::to_vec(&rows).map_err(|_| StorageError::Corrupt("attributes in the index"))?;
    let mut response = ([(header::CONTENT_TYPE, "application/dicom+json")], body).into_response();
    let mut warn = |text: String| {
        if let Ok(value) = HeaderValue::from_str(&format!("299 farsight \"{text}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    };
    if page.more {
        warn("There are additional results that can be requested".to_owned());
    }
    if let Some(studies) = page.looked_at {
        warn(format!(
            "Only the newest {studies} studies were looked at, because no list holds what was asked for; narrow the \
             dates, or give what a value begins with"
        ));
    }
    if !search.ignored.is_empty() {
        warn(format!("The following parameters are not matched: {}", search.ignored.join(" ")));
    }
    Ok(response)
}

/// On record, without making the answer wait for the disk.
fn note_search(state: &WebState, target: &Target, level: Level) {
    let object = match level {
        Level::Patient | Level::Study => "studies",
        Level::Series => "series",
        Level::Instance => "instances",
    };
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: object.to_owned(),
        outcome: AuditOutcome::Success,
        detail: "qido".to_owned(),
    };
    state.storage.audit_soon(&target.scope, entry);
}

/// What the parameters say for the search as a whole.
struct Switches {
    fuzzy: Fuzzy,
    empty: EmptyValues,
}

impl Switches {
    fn of(pairs: &[(String, String)]) -> Self {
        let is_on = |name: &str| pairs.iter().any(|(k, v)| k == name && v.eq_ignore_ascii_case("true"));
        Self {
            fuzzy: if is_on("fuzzymatching") { Fuzzy::On } else { Fuzzy::Off },
            empty: if is_on("emptyvaluematching") { EmptyValues::Matched } else { EmptyValues::Universal },
        }
    }
}

/// What goes out for a level without being asked. `above` is the level that the address names already, whose
/// attributes need no repeating.
fn returned(level: Level, above: Option<Level>) -> Vec<Tag> {
    let mut all = match level {
        Level::Patient | Level::Study => STUDY_ATTRIBUTES.to_vec(),
        Level::Series => SERIES_ATTRIBUTES.to_vec(),
        Level::Instance => INSTANCE_ATTRIBUTES.to_vec(),
    };
    if level > Level::Study && above.is_none() {
        all.extend(STUDY_ATTRIBUTES);
    }
    if level == Level::Instance && above < Some(Level::Series) {
        all.extend(SERIES_ATTRIBUTES);
    }
    all
}

/// Understands the parameters of a search (PS3.18 §8.3.4).
pub(super) fn parse(
    pairs: &[(String, String)],
    level: Level,
    above: Option<Level>,
    limits: &Limits,
) -> Result<Search, WebError> {
    let switches = Switches::of(pairs);
    let mut query = Query::new(level, limits.query_rows_default);
    let mut tags_out = returned(level, above);
    let mut is_all = false;
    let mut ignored = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "limit" => query.limit = number(name, value)?.min(limits.query_rows_max),
            "offset" => query.offset = number(name, value)?,
            "fuzzymatching" | "emptyvaluematching" | "multiplevaluematching" => truth(name, value)?,
            "accept" | "charset" => {}
            "includefield" => {
                for field in value.split(',').map(str::trim).filter(|f| !f.is_empty()) {
                    match field {
                        "all" => is_all = true,
                        _ => match path(field).and_then(|tags| tags.first().copied()) {
                            // Sequences go out whole.
                            Some(tag) => tags_out.push(tag),
                            None => ignored.push(plain(field)),
                        },
                    }
                }
            }
            _ => {
                let Some(tags) = path(name) else {
                    ignored.push(plain(name));
                    continue;
                };
                tags_out.extend(tags.first());
                match key(&tags) {
                    Some((key, form)) => {
                        if let Some(matching) = matching(form, value, &switches)? {
                            query = query.with(key, matching);
                        }
                        if query.filters.len() > KEYS_MAX {
                            return Err(WebError::BadRequest(format!("at most {KEYS_MAX} keys are matched")));
                        }
                    }
                    None if value.is_empty() => {}
                    None => ignored.push(plain(name)),
                }
            }
        }
    }
    combine_date_and_time(&mut query.filters);
    let include = if is_all { Include::All } else { Include::These(tags_out) };
    Ok(Search { query, include, ignored })
}

/// The attributes of a path such as `RequestAttributesSequence.ScheduledProcedureStepID`.
fn path(path: &str) -> Option<Vec<Tag>> {
    path.split('.').map(tag_of).collect()
}

/// The key of a path, and its form.
fn key(path: &[Tag]) -> Option<(Key, Form)> {
    match path {
        [tag] => key_of(*tag).map(|(key, _, form)| (key, form)),
        [tags::REQUEST_ATTRIBUTES_SEQUENCE, tag] => request_key_of(*tag).map(|key| (key, Form::Text)),
        _ => None,
    }
}

/// Only what may stand in a header.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(64).collect()
}

fn number(name: &str, value: &str) -> Result<u32, WebError> {
    value.parse().map_err(|_| WebError::BadRequest(format!("{name} is a whole number")))
}

fn truth(name: &str, value: &str) -> Result<(), WebError> {
    if ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
        Ok(())
    } else {
        Err(WebError::BadRequest(format!("{name} is true or false")))
    }
}

/// How a value is matched (PS3.18 §8.3.4.1); `None` for universal matching.
fn matching(form: Form, value: &str, switches: &Switches) -> Result<Option<Matching>, WebError> {
    let is_list = matches!(form, Form::Uid | Form::Code);
    let values: Vec<&str> =
        value.split(|c| c == '\\' || (is_list && c == ',')).filter(|v| !v.trim().is_empty()).collect();
    match keys::matching(form, &values, switches.fuzzy, switches.empty) {
        // What is no UID is nowhere.
        Err(BadValue::Uid) => {
            let sound = values.iter().filter_map(|uid| Uid::parse(uid.trim()).ok());
            let sound: Vec<String> = sound.map(|uid| uid.as_str().to_owned()).collect();
            Ok(Some(if sound.is_empty() { nothing() } else { Matching::AnyOf(sound) }))
        }
        Err(bad) => Err(WebError::BadRequest(bad.text().to_owned())),
        Ok(matching) => Ok(matching),
    }
}

/// Matching that no UID fits.
fn nothing() -> Matching {
    Matching::Single("no UID".to_owned())
}

fn answer_row(base: &str, row: Row, level: Level, include: &Include) -> Attributes {
    let mut attributes = row.attributes;
    let uid = |tag| attributes.first_text(tag).unwrap_or_default();
    let mut url = format!("{base}/studies/{}", uid(tags::STUDY_INSTANCE_UID));
    if level >= Level::Series {
        url = format!("{url}/series/{}", uid(tags::SERIES_INSTANCE_UID));
    }
    if level == Level::Instance {
        url = format!("{url}/instances/{}", uid(tags::SOP_INSTANCE_UID));
    }
    if let Include::These(tags) = include {
        attributes.retain(|tag| tags.contains(&tag));
    }
    attributes.put(tags::RETRIEVE_URL, &json!({"vr": "UR", "Value": [url]}));
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Search {
        parse(&pairs(Some(text)), Level::Study, None, &Limits::default()).unwrap()
    }

    #[test]
    fn ohifs_search_is_understood() {
        let search = parsed(
            "limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030\
             &PatientName=*zhang*&AccessionNumber=*A2*&ModalitiesInStudy=CT&StudyDate=20250101-20261231",
        );
        assert_eq!(search.query.limit, 101);
        assert_eq!(
            search.query.filters,
            [
                (Key::PatientName, Matching::Fuzzy("*zhang*".into())),
                (Key::AccessionNumber, Matching::Wildcard("*A2*".into())),
                (Key::ModalitiesInStudy, Matching::Single("CT".into())),
                (
                    Key::StudyDate,
                    Matching::Range { from: Some("20250101".into()), to: Some("20261231".into()) }
                ),
            ]
        );
        let Include::These(tags) = &search.include else { panic!("not all was asked for") };
        assert!(tags.contains(&tags::STUDY_DESCRIPTION) && tags.contains(&tags::PATIENT_BIRTH_DATE));
    }

    #[test]
    fn keys_come_as_keywords_or_numbers_and_values_percent_encoded() {
        assert_eq!(parsed("00100020=P001").query.filters, parsed("PatientID=P001").query.filters);
        assert_eq!(
            parsed("PatientName=%E5%BC%A0%E4%B8%89").query.filters,
            [(Key::PatientName, Matching::Single("张三".into()))]
        );
        assert_eq!(
            parsed("StudyInstanceUID=1.2,1.3").query.filters,
            [(Key::StudyInstanceUid, Matching::AnyOf(vec!["1.2".into(), "1.3".into()]))]
        );
        assert!(parsed("PatientName=*&fuzzymatching=true").query.filters.is_empty());
        assert!(parsed("PatientName=**&fuzzymatching=true").query.filters.is_empty());
        assert_eq!(parsed("includefield=all").include, Include::All);
        assert_eq!(parsed("Nonsense=1").ignored, ["Nonsense"]);
    }

    #[test]
    fn a_limit_that_is_no_number_is_refused_and_a_large_one_capped() {
        assert!(parse(&pairs(Some("limit=ten")), Level::Study, None, &Limits::default()).is_err());
        assert_eq!(parsed("limit=4000000000").query.limit, Limits::default().query_rows_max);
    }

    #[test]
    fn a_search_that_would_outgrow_the_database_is_refused() {
        let refused = |text: String| {
            let result = parse(&pairs(Some(&text)), Level::Study, None, &Limits::default());
            assert!(matches!(result, Err(WebError::BadRequest(_))), "{}", &text[..40]);
        };
        refused("PatientID=a&".repeat(4000));
        refused(format!("StudyInstanceUID={}", "1,".repeat(30_000)));
        refused(format!("PatientName={}&fuzzymatching=true", "+a".repeat(5000)));
        refused(format!("AccessionNumber={}", "*a".repeat(10_000)));
    }

    #[test]
    fn a_path_in_includefield_brings_its_sequence() {
        for text in [
            "includefield=RequestAttributesSequence.ScheduledProcedureStepID",
            "includefield=00400275.00400009",
        ] {
            let search = parsed(text);
            let Include::These(tags) = &search.include else { panic!("not all was asked for") };
            assert!(tags.contains(&tags::REQUEST_ATTRIBUTES_SEQUENCE) && search.ignored.is_empty(), "{text}");
        }
        assert_eq!(parsed("includefield=RequestAttributesSequence.Nonsense").ignored.len(), 1);
    }

    #[test]
    fn request_attributes_are_matched_by_their_path() {
        for text in ["RequestAttributesSequence.ScheduledProcedureStepID=S1", "00400275.00400009=S1"] {
            let filters = parsed(text).query.filters;
            assert_eq!(filters, [(Key::ScheduledProcedureStepId, Matching::Single("S1".into()))], "{text}");
        }
        assert_eq!(parsed("RequestAttributesSequence.StudyDate=20260101").ignored.len(), 1);
    }

    #[test]
    fn what_cannot_be_a_value_is_refused_and_what_is_no_uid_is_nowhere() {
        for text in ["StudyDate=yesterday", "StudyTime=25h", "SeriesNumber=one", "fuzzymatching=maybe"] {
            assert!(parse(&pairs(Some(text)), Level::Study, None, &Limits::default()).is_err(), "{text}");
        }
        let nowhere = [(Key::StudyInstanceUid, nothing())];
        assert_eq!(parsed(&format!("StudyInstanceUID={}", "1".repeat(200))).query.filters, nowhere);
        assert_eq!(parsed("StudyInstanceUID=%27%20OR%201").query.filters, nowhere);
        assert_eq!(
            parsed("StudyInstanceUID=1.2,x").query.filters,
            [(Key::StudyInstanceUid, Matching::AnyOf(vec!["1.2".into()]))]
        );
    }

    #[test]
    fn date_and_time_ranges_are_one_and_empty_values_are_asked_for_by_quotes() {
        assert_eq!(
            parsed("StudyDate=20260101-20260102&StudyTime=0800-1200").query.filters,
            [(
                Key::StudyDate,
                Matching::Range { from: Some("202601010800".into()), to: Some("202601021200".into()) }
            )]
        );
        assert_eq!(
            parsed("AccessionNumber=%22%22&emptyvaluematching=true").query.filters,
            [(Key::AccessionNumber, Matching::Empty)]
        );
        assert!(parsed("AccessionNumber=%22%22").query.filters.is_empty());
        assert_eq!(
            parsed("PatientID=P1%5CP2*&multiplevaluematching=true").query.filters,
            [(Key::PatientId, Matching::AnyOf(vec!["P1".into(), "P2*".into()]))]
        );
    }

    #[test]
    fn instances_of_a_study_come_with_what_their_series_says() {
        let has_modality = |above| {
            let search = parse(&[], Level::Instance, above, &Limits::default()).unwrap();
            matches!(&search.include, Include::These(tags) if tags.contains(&tags::MODALITY))
        };
        assert!(has_modality(None) && has_modality(Some(Level::Study)));
        assert!(!has_modality(Some(Level::Series)));
    }

    #[tokio::test]
    async fn a_search_that_did_not_look_at_everything_says_so() {
        use crate::dicomweb::router_tests::{House, build};
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits { search_studies_max: 2, ..Limits::default() };
        let config = storage::StorageConfig::sqlite(directory.path().join("data"), limits);
        let storage = storage::Storage::open(config).await.unwrap();
        for (study, date) in (1..).zip(["20260101", "20260102", "20260103", "20260104", "20260105"]) {
            let instance = build::Instance { study, date, ..Default::default() };
            build::store(&storage, "township", &instance).await;
        }
        let router = crate::dicomweb::router(storage.clone(), "http://node");
        let house = House { router, storage, _directory: directory };
        for (keys, rows, is_cut) in [
            ("AccessionNumber=*nowhere*", 0, true),
            ("AccessionNumber=nowhere*", 0, false),
            ("StudyDescription=*部&limit=2", 2, false),
            // One more than is looked at tells that there are more.
            ("StudyDescription=*部&limit=4", 3, true),
            ("StudyDescription=*部&StudyInstanceUID=1.2.3.1", 1, false),
        ] {
            let path = format!("/studies?{}", keys.replace('部', "%E9%83%A8"));
            let answer = house.get(&path, "application/dicom+json").await;
            assert_eq!(answer.json().as_array().map(Vec::len), Some(rows), "{keys}");
            let mut warnings = answer.headers.get_all(header::WARNING).iter();
            let says_so = warnings.any(|text| text.to_str().unwrap().contains("newest 2 studies"));
            assert_eq!(says_so, is_cut, "{keys}");
        }
    }
}
