//! Corrections: what they show, what follows them, and that taking one back leaves no trace.

use crate::Fixture;
use crate::support::build::{Instance, org, scope, store, uid};
use dataset::scan::scan;
use dataset::{Dataset, TransferSyntax, part10, tags};
use model::{ConsultId, Key, Level, Limits, Matching, Query, Scope};
use serde_json::{Value as Json, json};
use storage::correct::Target;
use storage::read::MetadataForm;
use storage::{
    AuditAction, Change, Correction, Grant, GrantChange, MetadataBody, PatientKey, Reason, ReasonCode,
    Storage, StorageError,
};

fn why() -> Reason {
    Reason { code: ReasonCode::WrongIdentity, text: "the wrong patient was chosen".into() }
}

fn patient(id: &str) -> PatientKey {
    PatientKey { id: id.into(), issuer: String::new() }
}

/// A study of another patient than the builder's.
fn other() -> Instance {
    Instance {
        study: 2,
        name: "Li^Si=李^四",
        patient_id: "P002",
        accession: "B1",
        seed: 9,
        ..Instance::default()
    }
}

async fn find(storage: &Storage, key: Key, value: &str) -> Vec<Json> {
    let matching = match key {
        Key::PatientName => Matching::Fuzzy(value.into()),
        _ => Matching::Single(value.into()),
    };
    let query = Query::new(Level::Study, 100).with(key, matching);
    let page = storage.search(&scope("town"), &query).await.expect("a page");
    page.rows.into_iter().map(|row| row.attributes.tree()["0020000D"]["Value"][0].clone()).collect()
}

async fn metadata(storage: &Storage, instance: &Instance, study: &str) -> Json {
    let sop = instance.instance_uid();
    let body = storage
        .metadata(&scope("town"), &uid(study), None, Some(&sop), MetadataForm::Plain)
        .await
        .expect("some");
    let MetadataBody::Plain(text) = body else { panic!("not plain") };
    serde_json::from_slice::<Json>(&text).expect("JSON")[0].clone()
}

/// The data set as others get it, and the file's bytes as they are kept.
async fn handed_out(storage: &Storage, instance: &Instance, study: &str) -> (Dataset, Vec<u8>) {
    let found = storage.instances(&scope("town"), &uid(study), None, Some(&instance.instance_uid())).await;
    let found = found.expect("found").remove(0);
    let handout = storage.handout(&found).await.expect("handed out");
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < handout.file_length() {
        let at = bytes.len() as u64;
        bytes.extend_from_slice(
            &storage.read_handout(&handout, at..handout.file_length()).await.expect("bytes"),
        );
    }
    let (meta, rest) = part10::HeadReader::new().feed(&bytes).expect("a head").expect("whole");
    assert_eq!(meta.transfer_syntax, TransferSyntax::explicit_little());
    let kept = storage.read(&found, 0..found.file_length()).await.expect("bytes");
    (scan(&rest, &meta.transfer_syntax, &Limits::default()).expect("a data set").dataset, kept.to_vec())
}

pub(super) async fn is_sound(f: &Fixture) {
    let report = f.storage.fsck(&|_, _| {}).await.expect("checked");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(f.storage.audit_verify().await.expect("walked").broken_at, None);
}

pub async fn a_merged_patient_is_found_shown_and_handed_out_as_the_other(f: &Fixture) {
    let s = &f.storage;
    let (one, two) = (Instance::default(), other());
    store(s, "town", &one).await;
    store(s, "town", &two).await;
    let (_, before) = handed_out(s, &two, "1.2.3.2").await;
    let merge = Correction::Merge { from: patient("P002"), into: patient("P001") };
    // For another organisation none of it is there.
    assert_eq!(
        s.correct(&scope("city"), &org("town"), merge.clone(), why()).await,
        Err(StorageError::NotFound)
    );
    assert_eq!(
        s.correct(&scope("city"), &org("city"), merge.clone(), why()).await,
        Err(StorageError::NotFound)
    );
    let made = s.correct(&scope("town"), &org("town"), merge.clone(), why()).await.expect("made");

    assert_eq!(find(s, Key::PatientId, "P001").await.len(), 2);
    assert!(find(s, Key::PatientId, "P002").await.is_empty());
    assert_eq!(find(s, Key::PatientName, "zs").await.len(), 2);
    assert!(find(s, Key::PatientName, "李").await.is_empty());
    let shown = metadata(s, &two, "1.2.3.2").await;
    assert_eq!(shown["00100020"]["Value"][0], "P001");
    let original = &shown["04000561"]["Value"][0]["04000550"]["Value"][0];
    assert_eq!(original["00100020"]["Value"][0], "P002");
    let (seen, after) = handed_out(s, &two, "1.2.3.2").await;
    assert_eq!(seen.text(tags::PATIENT_NAME).as_deref(), Some("Zhang^San=张^三"));
    assert_eq!(seen.text(tags::ACCESSION_NUMBER).as_deref(), Some("B1"), "the study's own");
    assert_eq!(before, after, "what is kept never changes");

    // What comes later follows: to the same study, and as a new study of the vanished patient.
    store(s, "town", &Instance { number: 2, ..other() }).await;
    let late = Instance { study: 3, ..other() };
    store(s, "town", &late).await;
    assert_eq!(find(s, Key::PatientId, "P001").await.len(), 3);
    assert_eq!(metadata(s, &late, "1.2.3.3").await["00100020"]["Value"][0], "P001");
    let back = Correction::Merge { from: patient("P001"), into: patient("P002") };
    assert!(s.correct(&scope("town"), &org("town"), back, why()).await.is_err(), "nobody is P002 any longer");
    is_sound(f).await;

    s.undo_correction(&scope("town"), &org("town"), &made.id, why()).await.expect("undone");
    assert_eq!(find(s, Key::PatientId, "P002").await.len(), 2);
    assert_eq!(find(s, Key::PatientName, "李").await.len(), 2);
    assert!(metadata(s, &two, "1.2.3.2").await.get("04000561").is_none());
    let again = s.undo_correction(&scope("town"), &org("town"), &made.id, why()).await;
    assert!(matches!(again, Err(StorageError::Conflict(_))));
    is_sound(f).await;
}

pub async fn a_study_has_its_identity_corrected_and_linked(f: &Fixture) {
    let s = &f.storage;
    store(s, "town", &Instance::default()).await;
    store(s, "town", &other()).await;
    let correction = |attributes: Json| Correction::Identity {
        study: uid("1.2.3.1"),
        attributes: attributes.as_object().expect("an object").clone(),
    };
    let (town, owner) = (scope("town"), org("town"));
    for bad in [json!({}), json!({"0020000D": {"vr": "UI"}}), json!({"7FE00010": {"vr": "OW"}})] {
        let refused = s.correct(&town, &owner, correction(bad), why()).await;
        assert!(matches!(refused, Err(StorageError::Refused(_))), "{refused:?}");
    }
    let silent = Reason { code: ReasonCode::Other, text: " ".into() };
    let attributes =
        json!({"00080050": {"vr": "SH", "Value": ["C7"]}, "00080020": {"vr": "DA", "Value": ["20250101"]}});
    assert!(s.correct(&town, &owner, correction(attributes.clone()), silent).await.is_err());
    let made = s.correct(&town, &owner, correction(attributes), why()).await.expect("made");
    assert_eq!(find(s, Key::AccessionNumber, "C7").await, ["1.2.3.1"]);
    assert_eq!(find(s, Key::StudyDate, "20250101").await, ["1.2.3.1"]);
    let link = Correction::Link { one: patient("P001"), other: patient("P002") };
    let linked = s.correct(&town, &owner, link, why()).await.expect("made");
    let shown = metadata(s, &other(), "1.2.3.2").await;
    assert_eq!(shown["00101002"]["Value"][0]["00100020"]["Value"][0], "P001");
    let (seen, _) = handed_out(s, &Instance::default(), "1.2.3.1").await;
    assert_eq!(
        seen.items(tags::OTHER_PATIENT_I_DS_SEQUENCE)[0].text(tags::PATIENT_ID).as_deref(),
        Some("P002")
    );
    for id in [made.id, linked.id] {
        s.undo_correction(&town, &owner, &id, why()).await.expect("undone");
    }
    assert_eq!(find(s, Key::AccessionNumber, "A2001").await, ["1.2.3.1"]);
    assert_eq!(s.corrections(&town, &owner, None, (10, 0)).await.expect("listed").len(), 2);
    assert_eq!(s.corrections(&town, &owner, Some(&uid("1.2.3.1")), (10, 0)).await.expect("listed").len(), 1);
    let events = s.audit_events(&town, None, 100).await.expect("events");
    assert_eq!(events.iter().filter(|e| e.entry.action == AuditAction::Correct).count(), 6);
    is_sound(f).await;
}

pub async fn a_series_moves_to_another_study_with_what_comes_later(f: &Fixture) {
    let s = &f.storage;
    let strays = Instance { series: 2, modality: "MR", ..Instance::default() };
    for instance in [Instance::default(), strays.clone(), other()] {
        store(s, "town", &instance).await;
    }
    let (town, owner) = (scope("town"), org("town"));
    let correction = Correction::Move {
        study: uid("1.2.3.1"),
        series: vec![strays.series_uid()],
        to: uid("1.2.3.2"),
        attributes: serde_json::Map::new(),
    };
    let made = s.correct(&town, &owner, correction, why()).await.expect("made");
    let late = Instance { number: 2, ..strays.clone() };
    store(s, "town", &late).await;
    for instance in [&strays, &late] {
        let shown = metadata(s, instance, "1.2.3.2").await;
        assert_eq!(shown["00100020"]["Value"][0], "P002");
        assert_eq!(shown["0020000D"]["Value"][0], "1.2.3.2");
        assert!(
            shown["7FE00010"]["BulkDataURI"]
                .as_str()
                .expect("bulk")
                .starts_with("/dicom-web/studies/1.2.3.2/")
        );
        let (seen, _) = handed_out(s, instance, "1.2.3.2").await;
        assert_eq!(seen.text(tags::STUDY_INSTANCE_UID).as_deref(), Some("1.2.3.2"));
        assert_eq!(seen.text(tags::PATIENT_NAME).as_deref(), Some("Li^Si=李^四"));
        assert_eq!(seen.text(tags::ACCESSION_NUMBER).as_deref(), Some("B1"));
    }
    assert_eq!(find(s, Key::ModalitiesInStudy, "MR").await, ["1.2.3.2"]);
    is_sound(f).await;
    s.undo_correction(&town, &owner, &made.id, why()).await.expect("undone");
    assert_eq!(find(s, Key::ModalitiesInStudy, "MR").await, ["1.2.3.1"]);
    assert_eq!(metadata(s, &late, "1.2.3.1").await["00100020"]["Value"][0], "P001");
    is_sound(f).await;

    // All series go to a study that is made for them; the emptied one is made again.
    let correction = Correction::Move {
        study: uid("1.2.3.1"),
        series: vec![],
        to: uid("2.25.7"),
        attributes: json!({"00100020": {"vr": "LO", "Value": ["P009"]}}).as_object().expect("one").clone(),
    };
    let made = s.correct(&town, &owner, correction, why()).await.expect("made");
    assert_eq!(find(s, Key::PatientId, "P009").await, ["2.25.7"]);
    assert!(find(s, Key::StudyInstanceUid, "1.2.3.1").await.is_empty());
    store(s, "town", &Instance { series: 3, ..Instance::default() }).await;
    assert!(find(s, Key::StudyInstanceUid, "1.2.3.1").await.is_empty());
    s.undo_correction(&town, &owner, &made.id, why()).await.expect("undone");
    assert!(find(s, Key::PatientId, "P009").await.is_empty());
    assert_eq!(s.instances(&town, &uid("1.2.3.1"), None, None).await.expect("there").len(), 4);
    is_sound(f).await;
}

pub async fn identity_that_a_correction_cannot_reach_is_counted(f: &Fixture) {
    let s = &f.storage;
    let owner = org("town");
    store(s, "town", &other()).await;
    // (SOP class, Burned In Annotation) of three that show who the patient is, and of three that do not.
    let with = [
        (crate::support::build::CT, Some("YES")),
        ("1.2.840.10008.5.1.4.1.1.104.1", None),
        ("1.2.840.10008.5.1.4.1.1.7.4", None),
        (crate::support::build::CT, None),
        (crate::support::build::CT, Some("NO")),
        ("1.2.840.10008.5.1.4.1.1.7", Some("NO")),
    ];
    for (number, (class, burned_in)) in (1..).zip(with) {
        let mut one = Instance { number, ..Instance::default() }.dataset();
        one.put_text(tags::SOP_CLASS_UID, dataset::VR::UI, class);
        if let Some(burned_in) = burned_in {
            one.put_text(tags::BURNED_IN_ANNOTATION, dataset::VR::CS, burned_in);
        }
        let syntax = TransferSyntax::explicit_little();
        let arrival = storage::Arrival { owner: owner.clone(), via: storage::Via::Dimse, declared: None };
        let mut sink = s.sink(&scope("town"), arrival, syntax.clone()).await.expect("a sink");
        sink.write(&dataset::write::to_bytes(&one, &syntax)).await.expect("taken");
        sink.commit().await.expect("stored");
    }
    let identity = |attributes: Json| Correction::Identity {
        study: uid("1.2.3.1"),
        attributes: attributes.as_object().expect("an object").clone(),
    };
    let name = json!({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Wu"}]}});
    let description = json!({"00081030": {"vr": "LO", "Value": ["chest"]}});
    let series = |number| Correction::Move {
        study: uid("1.2.3.1"),
        series: number,
        to: uid("1.7"),
        attributes: Default::default(),
    };
    for (correction, count) in [
        (identity(name), 3),
        (identity(description), 0),
        (Correction::Merge { from: patient("P001"), into: patient("P002") }, 3),
        (Correction::Merge { from: patient("P002"), into: patient("P001") }, 0),
        (Correction::Link { one: patient("P001"), other: patient("P002") }, 0),
        (series(vec![uid("1.2.3.1.1")]), 3),
    ] {
        let made = s.correct(&scope("town"), &owner, correction.clone(), why()).await.expect("made");
        assert_eq!(made.identity_inside, count, "{correction:?}");
        assert_eq!(
            made.warning().is_some_and(|w| w.contains("3 objects") && w.contains("3 个对象")),
            count == 3
        );
        s.undo_correction(&scope("town"), &owner, &made.id, why()).await.expect("undone");
    }
    is_sound(f).await;
}

pub async fn what_is_hidden_is_not_there_and_comes_back(f: &Fixture) {
    let s = &f.storage;
    let (first, second) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    store(s, "town", &first).await;
    store(s, "town", &second).await;
    let (town, owner) = (scope("town"), org("town"));
    let hide =
        |instances: Vec<model::Uid>| Correction::Hide { study: uid("1.2.3.1"), series: vec![], instances };
    let one = s.correct(&town, &owner, hide(vec![second.instance_uid()]), why()).await.expect("made");
    assert_eq!(s.instances(&town, &uid("1.2.3.1"), None, None).await.expect("one").len(), 1);
    // Sent again, it is stored already, and stays hidden.
    assert_eq!(store(s, "town", &second).await.outcome, storage::Outcome::AlreadyThere);
    assert_eq!(s.instances(&town, &uid("1.2.3.1"), None, None).await.expect("one").len(), 1);
    let all = s.correct(&town, &owner, hide(vec![]), why()).await.expect("made");
    store(s, "town", &Instance { series: 2, ..first.clone() }).await;
    for scope in [town.clone(), Scope::node("test")] {
        let gone = s.instances(&scope, &uid("1.2.3.1"), None, None).await;
        assert_eq!(gone.map(|_| ()), Err(StorageError::NotFound));
        let page = s.search(&scope, &Query::new(Level::Instance, 10)).await.expect("a page");
        assert!(page.rows.is_empty());
    }
    is_sound(f).await;
    s.undo_correction(&town, &owner, &all.id, why()).await.expect("undone");
    assert_eq!(s.instances(&town, &uid("1.2.3.1"), None, None).await.expect("two").len(), 2);
    s.undo_correction(&town, &owner, &one.id, why()).await.expect("undone");
    assert_eq!(s.instances(&town, &uid("1.2.3.1"), None, None).await.expect("three").len(), 3);
    assert_eq!(find(s, Key::PatientName, "zs").await, ["1.2.3.1"]);
    is_sound(f).await;
}

pub async fn what_is_deleted_is_gone_unless_it_is_evidence(f: &Fixture) {
    let s = &f.storage;
    let instance = Instance::default();
    store(s, "town", &instance).await;
    store(s, "town", &Instance { seed: 2, ..instance.clone() }).await;
    let (town, owner) = (scope("town"), org("town"));
    assert_eq!(s.apart(&town, &owner, &uid("1.2.3.1")).await.expect("listed").len(), 1);
    let target = Target { study: uid("1.2.3.1"), series: None, instance: None };
    let grant = Grant {
        owner: owner.clone(),
        study: uid("1.2.3.1"),
        grantee: org("city"),
        consult: ConsultId::parse("c1").expect("an id"),
    };
    let change = |grant| Change { grants: vec![grant], ..Change::default() };
    s.apply(&town, change(GrantChange::Give(grant.clone()))).await.expect("given");
    let held = s.delete(&town, &owner, target.clone(), why()).await;
    assert!(matches!(held, Err(StorageError::Conflict(_))), "{held:?}");
    let other = s.delete(&scope("city"), &owner, target.clone(), why()).await;
    assert_eq!(other.map(|_| ()), Err(StorageError::NotFound));
    s.apply(&town, change(GrantChange::Withdraw(grant))).await.expect("withdrawn");
    let done = s.delete(&town, &owner, target.clone(), why()).await.expect("deleted");
    assert_eq!(done.state, "done");
    assert!(find(s, Key::StudyInstanceUid, "1.2.3.1").await.is_empty());
    assert!(s.apart(&town, &owner, &uid("1.2.3.1")).await.expect("listed").is_empty());
    assert_eq!(f.tamper("DELETE FROM erasure").await, 0, "their bytes are gone");
    is_sound(f).await;
    let again = s.delete(&town, &owner, target, why()).await;
    assert_eq!(again.map(|_| ()), Err(StorageError::NotFound));
    assert!(s.undo_correction(&town, &owner, &done.id, why()).await.is_err());
    let tombstones = s.audit_events(&town, None, 100).await.expect("events");
    let tombstones = tombstones.iter().filter(|e| e.entry.object == "instance/1.2.3.1.1.1");
    assert_eq!(tombstones.filter(|e| e.entry.action == AuditAction::Delete).count(), 2);
    assert_eq!(store(s, "town", &instance).await.outcome, storage::Outcome::Stored);
    is_sound(f).await;
}

pub async fn a_store_during_a_large_deletion_is_answered(f: &Fixture) {
    let s = &f.storage;
    for number in 1..=150 {
        store(s, "town", &Instance { number, rows: 1, ..Instance::default() }).await;
    }
    let storage = s.clone();
    let deleting = tokio::spawn(async move {
        let target = Target { study: uid("1.2.3.1"), series: None, instance: None };
        storage.delete(&scope("town"), &org("town"), target, why()).await
    });
    let mut stored_meanwhile = 0;
    while !deleting.is_finished() {
        stored_meanwhile += 1;
        let late = Instance { study: 5, number: stored_meanwhile, rows: 1, ..Instance::default() };
        assert_eq!(store(s, "town", &late).await.outcome, storage::Outcome::Stored);
    }
    assert_eq!(deleting.await.expect("no panic").expect("deleted").state, "done");
    assert!(stored_meanwhile > 1, "{stored_meanwhile}");
    is_sound(f).await;
}
