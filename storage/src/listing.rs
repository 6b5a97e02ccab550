//! The lists that searches are driven by: for everything that people search by, the studies that have it, newest first.
//!
//! Every list is kept once for the owner and once for each organisation that a study is granted to, so that who sees
//! studies of several hospitals asks the same way. Lists only narrow: each condition is checked on the study itself
//! (`search_match.rs`), so a stale entry costs a look and can never show anything.

mod relist;

pub(crate) use relist::bring_up_to_date;

use crate::StorageError;
use crate::attributes::{self, digits, names, time_digits};
use crate::db::{Database, Dialect, at, clean, sql};
use crate::names::{self, NameKeys};
use model::OrgId;
use serde_json::{Map, Value as Json};
use sha2::Digest as _;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::{BTreeSet, HashMap};

/// Lengths of the beginnings that are listed; others are looked for among the next shorter one's.
const LENGTHS: [usize; 6] = [1, 2, 3, 4, 6, 8];
/// The same for identifiers, which have few letters in front and many digits.
const IDENTIFIER_LENGTHS: [usize; 5] = [1, 2, 4, 6, 8];
/// Few doctors have many studies: short beginnings do.
const REFERRING_CHARS_MAX: usize = 4;

const PLACE: &str = "listing a study";

/// Whose list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ListOf<'a> {
    /// What an organisation owns.
    Own(&'a OrgId),
    /// What it has been granted.
    Granted(&'a OrgId),
}

/// What studies are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// Nothing: all of them.
    All,
    /// Beginnings of the patient name's parts, without spaces.
    Name,
    /// Beginnings of the referring physician's, the same way.
    Referring,
    PatientId,
    Accession,
    /// Beginnings of Patient ID and Accession Number, in lower case.
    Identifier,
    BirthDate,
    StudyId,
    Modality,
    SopClass,
    ProcedureStep,
    Procedure,
}

impl By {
    fn letter(self) -> u8 {
        match self {
            Self::All => b'*',
            Self::Name => b'n',
            Self::Referring => b'r',
            Self::PatientId => b'i',
            Self::Accession => b'a',
            Self::Identifier => b'x',
            Self::BirthDate => b'b',
            Self::StudyId => b'd',
            Self::Modality => b'm',
            Self::SopClass => b'c',
            Self::ProcedureStep => b's',
            Self::Procedure => b'q',
        }
    }
}

/// A key within a list.
pub(crate) type ListKey = (By, String);

/// The number that a list's rows with this key have.
pub(crate) fn entry(list: ListOf<'_>, (by, text): &ListKey) -> i64 {
    let (letter, organisation) = match list {
        ListOf::Own(organisation) => (b'o', organisation),
        ListOf::Granted(organisation) => (b'g', organisation),
    };
    let mut hash = sha2::Sha256::new();
    hash.update([letter]);
    hash.update(organisation.as_str());
    hash.update([0, by.letter()]);
    hash.update(text);
    let bytes: [u8; 32] = hash.finalize().into();
    i64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default())
}

/// The beginning of a person name's part by which it is listed: at most as many characters as there are lists for.
/// `None` when the text says nothing.
pub(crate) fn name_beginning(by: By, text: &str) -> Option<ListKey> {
    let max = if by == By::Referring { REFERRING_CHARS_MAX } else { usize::MAX };
    beginning(&text.replace(' ', ""), &LENGTHS, max).map(|text| (by, text))
}

/// The same of an identifier.
pub(crate) fn identifier_beginning(text: &str) -> Option<ListKey> {
    beginning(&text.to_lowercase(), &IDENTIFIER_LENGTHS, usize::MAX).map(|text| (By::Identifier, text))
}

fn beginning(text: &str, lengths: &[usize], chars_max: usize) -> Option<String> {
    let count = text.chars().count().min(chars_max);
    let length = lengths.iter().rev().find(|length| **length <= count)?;
    Some(text.chars().take(*length).collect())
}

/// A study's moment as a number of 14 digits; 0 without a date.
pub(crate) fn moment_number(moment: &str) -> i64 {
    format!("{moment:0<14}").parse().unwrap_or(0)
}

/// What a study is listed by, and the forms of its names.
#[derive(Default)]
pub(crate) struct Listed {
    keys: BTreeSet<ListKey>,
    forms: BTreeSet<String>,
}

impl Listed {
    /// Of what describes a study.
    pub fn new(facts: &Facts<'_>) -> Self {
        let mut listed = Self::default();
        listed.keys.insert((By::All, String::new()));
        listed.names(By::Name, ["P", "p"], facts.patient_names);
        listed.names(By::Referring, ["R", "r"], facts.referring_names);
        for (by, text) in [
            (By::PatientId, facts.patient_id),
            (By::Accession, facts.accession_number),
            (By::BirthDate, facts.patient_birth_date),
            (By::StudyId, facts.dicom_study_id),
        ] {
            listed.add(by, text);
        }
        for text in [facts.patient_id, facts.accession_number] {
            let text = text.to_lowercase();
            let count = text.chars().count();
            listed.keys.extend(
                IDENTIFIER_LENGTHS
                    .iter()
                    .filter(|length| **length <= count)
                    .map(|length| (By::Identifier, text.chars().take(*length).collect())),
            );
        }
        listed
    }

    /// One more key; nothing when the text is empty.
    pub fn add(&mut self, by: By, text: &str) {
        if !text.is_empty() {
            self.keys.insert((by, clean(text)));
        }
    }

    fn names(&mut self, by: By, [whole, part]: [&str; 2], groups: &[String]) {
        let NameKeys { whole: wholes, parts } = names::keys(groups.iter().map(String::as_str));
        let chars_max = if by == By::Referring { REFERRING_CHARS_MAX } else { usize::MAX };
        for text in &parts {
            let compact: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
            for length in LENGTHS.iter().filter(|length| **length <= compact.len().min(chars_max)) {
                self.keys.insert((by, compact.iter().take(*length).collect()));
            }
            let letter = if wholes.contains(text) { whole } else { part };
            self.forms.insert(clean(&format!("{letter}{text}")));
        }
    }

    /// The forms as the index keeps them.
    pub fn forms_text(&self) -> String {
        serde_json::to_string(&self.forms).unwrap_or_else(|_| "[]".to_owned())
    }

    fn entries(&self, list: ListOf<'_>) -> Vec<i64> {
        self.keys.iter().map(|key| entry(list, key)).collect()
    }
}

/// What describes a study, for its lists.
pub(crate) struct Facts<'a> {
    pub patient_names: &'a [String],
    pub referring_names: &'a [String],
    pub patient_id: &'a str,
    pub patient_birth_date: &'a str,
    pub accession_number: &'a str,
    pub dicom_study_id: &'a str,
}

/// Where a study stands in lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub study_id: i64,
    pub owner: &'a OrgId,
    pub moment: &'a str,
}

/// Puts a study that is new into its owner's lists: one statement.
pub(crate) async fn insert_new(
    connection: &mut AnyConnection,
    db: &Database,
    place: Place<'_>,
    listed: &Listed,
) -> Result<(), StorageError> {
    insert(connection, db, place, &listed.entries(ListOf::Own(place.owner))).await
}

/// Adds keys to the lists of everybody who sees a study: one statement if nobody but the owner does, and a look at who
/// does.
pub(crate) async fn add(
    connection: &mut AnyConnection,
    db: &Database,
    place: Place<'_>,
    listed: &Listed,
) -> Result<(), StorageError> {
    let mut entries = listed.entries(ListOf::Own(place.owner));
    for grantee in grantees(connection, place.study_id).await? {
        entries.extend(listed.entries(ListOf::Granted(&grantee)));
    }
    insert(connection, db, place, &entries).await
}

/// Puts a study into the lists of an organisation that it has just been granted to.
pub(crate) async fn grant(
    connection: &mut AnyConnection,
    db: &Database,
    study_id: i64,
    grantee: &OrgId,
) -> Result<(), StorageError> {
    let Some(study) = read(connection, study_id).await? else { return Ok(()) };
    insert(connection, db, study.place(study_id), &study.listed.entries(ListOf::Granted(grantee))).await
}

/// Takes it out again.
pub(crate) async fn withdraw(
    connection: &mut AnyConnection,
    db: &Database,
    study_id: i64,
    grantee: &OrgId,
) -> Result<(), StorageError> {
    let Some(study) = read(connection, study_id).await? else { return Ok(()) };
    delete(connection, db, study.place(study_id), &study.listed.entries(ListOf::Granted(grantee))).await
}

/// Puts a study into all lists that it belongs to, and writes the forms of its names, from its row as it is now: after
/// the row has been changed.
pub(crate) async fn list(
    connection: &mut AnyConnection,
    db: &Database,
    study_id: i64,
) -> Result<(), StorageError> {
    let Some(study) = read(connection, study_id).await? else { return Ok(()) };
    sqlx::query("UPDATE study SET name_forms = $1 WHERE id = $2")
        .bind(study.listed.forms_text())
        .bind(study_id)
        .execute(&mut *connection)
        .await
        .map_err(at(PLACE))?;
    add(connection, db, study.place(study_id), &study.listed).await
}

/// Takes a study out of all lists, by its row as it is now: before the row is changed or deleted.
pub(crate) async fn unlist(
    connection: &mut AnyConnection,
    db: &Database,
    study_id: i64,
) -> Result<(), StorageError> {
    let Some(study) = read(connection, study_id).await? else { return Ok(()) };
    let mut entries = study.listed.entries(ListOf::Own(&study.owner));
    for grantee in grantees(connection, study_id).await? {
        entries.extend(study.listed.entries(ListOf::Granted(&grantee)));
    }
    delete(connection, db, study.place(study_id), &entries).await
}

async fn grantees(connection: &mut AnyConnection, study_id: i64) -> Result<Vec<OrgId>, StorageError> {
    let rows = sqlx::query("SELECT grantee FROM study_grant WHERE study_id = $1")
        .bind(study_id)
        .fetch_all(connection)
        .await
        .map_err(at(PLACE))?;
    rows.iter()
        .map(|row| {
            let text: String = row.try_get(0).map_err(at(PLACE))?;
            OrgId::parse(&text).map_err(|_| StorageError::Corrupt("a grantee in the index"))
        })
        .collect()
}

/// Numbers of a list go through one value, so that the statement is always the same.
fn entries_text(entries: &[i64]) -> String {
    serde_json::to_string(entries).unwrap_or_else(|_| "[]".to_owned())
}

async fn insert(
    connection: &mut AnyConnection,
    db: &Database,
    place: Place<'_>,
    entries: &[i64],
) -> Result<(), StorageError> {
    let text = match db.dialect {
        Dialect::Sqlite => {
            "INSERT INTO study_listing (entry, moment, study_id) \
             SELECT j.value, $2, $3 FROM json_each($1) AS j WHERE true ON CONFLICT DO NOTHING"
        }
        Dialect::Postgres => {
            "INSERT INTO study_listing (entry, moment, study_id) \
             SELECT j.value::bigint, $2, $3 FROM json_array_elements_text($1::json) AS j(value) \
             ON CONFLICT DO NOTHING"
        }
    };
    write(connection, text, place, entries).await
}

async fn delete(
    connection: &mut AnyConnection,
    db: &Database,
    place: Place<'_>,
    entries: &[i64],
) -> Result<(), StorageError> {
    let text = match db.dialect {
        Dialect::Sqlite => {
            "DELETE FROM study_listing WHERE entry IN (SELECT j.value FROM json_each($1) AS j) \
             AND moment = $2 AND study_id = $3"
        }
        Dialect::Postgres => {
            "DELETE FROM study_listing WHERE entry IN \
             (SELECT j.value::bigint FROM json_array_elements_text($1::json) AS j(value)) \
             AND moment = $2 AND study_id = $3"
        }
    };
    write(connection, text, place, entries).await
}

async fn write(
    connection: &mut AnyConnection,
    text: &'static str,
    place: Place<'_>,
    entries: &[i64],
) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    sqlx::query(text)
        .bind(entries_text(entries))
        .bind(moment_number(place.moment))
        .bind(place.study_id)
        .execute(connection)
        .await
        .map_err(at(PLACE))?;
    Ok(())
}

const STUDY_COLUMNS: &str = "owner, moment, patient_id, patient_birth_date, accession_number, dicom_study_id, \
     attributes, modalities, sop_classes";

/// A study as its row describes it.
struct StudyRow {
    owner: OrgId,
    moment: String,
    listed: Listed,
}

impl StudyRow {
    fn place(&self, study_id: i64) -> Place<'_> {
        Place { study_id, owner: &self.owner, moment: &self.moment }
    }
}

async fn read(connection: &mut AnyConnection, study_id: i64) -> Result<Option<StudyRow>, StorageError> {
    let row = sqlx::query(sql(format!("SELECT {STUDY_COLUMNS} FROM study WHERE id = $1")))
        .bind(study_id)
        .fetch_optional(&mut *connection)
        .await
        .map_err(at(PLACE))?;
    let Some(row) = row else { return Ok(None) };
    let mut study = study_row(&row, 0)?;
    let steps = sqlx::query(
        "SELECT t.step_id, t.procedure_id FROM series e JOIN series_step t ON t.series_id = e.id WHERE e.study_id = $1",
    )
    .bind(study_id)
    .fetch_all(&mut *connection)
    .await
    .map_err(at(PLACE))?;
    for step in steps {
        study.listed.add(By::ProcedureStep, &step.try_get::<String, _>(0).map_err(at(PLACE))?);
        study.listed.add(By::Procedure, &step.try_get::<String, _>(1).map_err(at(PLACE))?);
    }
    Ok(Some(study))
}

/// A study from [`STUDY_COLUMNS`], without its series' steps.
fn study_row(row: &AnyRow, first: usize) -> Result<StudyRow, StorageError> {
    let text = |i: usize| row.try_get::<String, _>(first + i).map_err(at(PLACE));
    let all: Map<String, Json> =
        serde_json::from_str(&text(6)?).map_err(|_| StorageError::Corrupt("attributes in the index"))?;
    let mut listed = Listed::new(&Facts {
        patient_names: &names(&all, "00100010"),
        referring_names: &names(&all, "00080090"),
        patient_id: &text(2)?,
        patient_birth_date: &text(3)?,
        accession_number: &text(4)?,
        dicom_study_id: &text(5)?,
    });
    for (by, joined) in [(By::Modality, text(7)?), (By::SopClass, text(8)?)] {
        for value in crate::index::split(&joined) {
            listed.add(by, &value);
        }
    }
    let owner = OrgId::parse(&text(0)?).map_err(|_| StorageError::Corrupt("an owner in the index"))?;
    Ok(StudyRow { owner, moment: text(1)?, listed })
}

/// An item of a series' Request Attributes Sequence, with when the performed procedure step began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub start_date: String,
    pub start_time: String,
    pub step_id: String,
    pub procedure_id: String,
}

/// Items of one series that are kept at most.
const STEPS_MAX: usize = 100;

/// What a series' attributes (DICOM JSON text) say of its steps; most say nothing, which costs no parsing.
pub(crate) fn steps(series_attributes: &str) -> Vec<Step> {
    if !["00400275", "00400244"].iter().any(|tag| series_attributes.contains(tag)) {
        return Vec::new();
    }
    let Ok(all) = serde_json::from_str::<Map<String, Json>>(series_attributes) else { return Vec::new() };
    let start = Step {
        start_date: digits(&attributes::text(&all, "00400244")),
        start_time: time_digits(&attributes::text(&all, "00400245")),
        ..Step::default()
    };
    let items = all.get("00400275").and_then(|a| a.get("Value")).and_then(Json::as_array);
    let mut steps: Vec<Step> = items
        .into_iter()
        .flatten()
        .filter_map(Json::as_object)
        .take(STEPS_MAX)
        .map(|item| Step {
            step_id: attributes::text(item, "00400009"),
            procedure_id: attributes::text(item, "00401001"),
            ..start.clone()
        })
        .collect();
    if steps.is_empty() {
        steps.push(start);
    }
    steps.retain(|step| *step != Step::default());
    steps
}

/// Keeps the steps of a series, and lists its study by them.
pub(crate) async fn insert_steps(
    connection: &mut AnyConnection,
    db: &Database,
    place: Place<'_>,
    series_id: i64,
    steps: &[Step],
) -> Result<(), StorageError> {
    let mut listed = Listed::default();
    for (item_no, step) in (0_i64..).zip(steps) {
        sqlx::query(
            "INSERT INTO series_step (series_id, item_no, start_date, start_time, step_id, procedure_id) \
             VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT DO NOTHING",
        )
        .bind(series_id)
        .bind(item_no)
        .bind(step.start_date.as_str())
        .bind(step.start_time.as_str())
        .bind(step.step_id.as_str())
        .bind(step.procedure_id.as_str())
        .execute(&mut *connection)
        .await
        .map_err(at(PLACE))?;
        listed.add(By::ProcedureStep, &step.step_id);
        listed.add(By::Procedure, &step.procedure_id);
    }
    add(connection, db, place, &listed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str) -> Listed {
        Listed::new(&Facts {
            patient_names: &[name.to_owned()],
            referring_names: &[],
            patient_id: "P0012",
            patient_birth_date: "",
            accession_number: "",
            dicom_study_id: "",
        })
    }

    #[test]
    fn whatever_begins_a_part_of_a_name_is_listed_or_its_own_beginning_is() {
        let listed = listed("张三丰");
        for word in ["张", "张三丰", "三丰", "z", "zhang", "zhangs", "zhangsanfeng", "sanf", "zsf", "fen"]
        {
            let key = name_beginning(By::Name, word).unwrap();
            assert!(listed.keys.contains(&key), "{word}: {key:?}");
        }
        assert_eq!(name_beginning(By::Name, "zhang"), Some((By::Name, "zhan".to_owned())));
        assert_eq!(name_beginning(By::Name, " "), None);
        assert_eq!(name_beginning(By::Referring, "wangxiao"), Some((By::Referring, "wang".to_owned())));
        assert!(listed.keys.contains(&identifier_beginning("p00").unwrap()));
    }

    #[test]
    fn lists_of_two_organisations_have_nothing_in_common() {
        let key = (By::PatientId, "P1".to_owned());
        let (town, city) = (OrgId::parse("town").unwrap(), OrgId::parse("city").unwrap());
        let entries = [
            entry(ListOf::Own(&town), &key),
            entry(ListOf::Granted(&town), &key),
            entry(ListOf::Own(&city), &key),
            entry(ListOf::Own(&town), &(By::Accession, "P1".to_owned())),
        ];
        for (i, entry) in entries.iter().enumerate() {
            assert!(!entries[..i].contains(entry), "{entries:?}");
        }
    }

    #[test]
    fn moments_are_numbers_in_the_order_of_time() {
        assert_eq!(moment_number("20260102"), 20_260_102_000_000);
        assert_eq!(moment_number("202601021011"), 20_260_102_101_100);
        assert_eq!(moment_number(""), 0);
    }

    #[test]
    fn steps_come_one_for_each_item_with_the_beginning_of_the_performed_one() {
        let text = r#"{"00400244":{"vr":"DA","Value":["20260101"]},"00400275":{"vr":"SQ","Value":[
            {"00400009":{"vr":"SH","Value":["S1"]}},{"00401001":{"vr":"SH","Value":["R2"]}}]}}"#;
        let found = steps(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].step_id.as_str(), found[0].start_date.as_str()), ("S1", "20260101"));
        assert_eq!(found[1].procedure_id, "R2");
        assert!(steps(r#"{"00080060":{"vr":"CS","Value":["CT"]}}"#).is_empty());
    }
}
