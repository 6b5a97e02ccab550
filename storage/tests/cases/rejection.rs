//! Rejection notes: Key Object Selections that hide what they refer to (IHE RAD TF-1 §33).

use super::correct::is_sound;
use crate::Fixture;
use crate::support::build::{Instance, org, scope, store, uid};
use dataset::{Dataset, TransferSyntax, VR, tags, write};
use model::{ConsultId, Uid};
use storage::{
    Arrival, AuditOutcome, Change, Correction, Grant, GrantChange, Outcome, Reason, ReasonCode, Storage,
    StorageError, Via,
};

const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";

fn why() -> Reason {
    Reason { code: ReasonCode::Other, text: "it was good".into() }
}

fn put(tag: dataset::Tag, vr: VR, text: &str) -> Dataset {
    let mut one = Dataset::new();
    one.put_text(tag, vr, text);
    one
}

/// A note in the builder's study; rejects instances as (study, series, instance).
fn note(uid: &str, references: &[(String, String, String)]) -> Dataset {
    let mut title = put(tags::CODE_VALUE, VR::SH, "113037");
    title.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM");
    let evidence = references.iter().map(|(study, series, instance)| {
        let mut of_series = put(tags::SERIES_INSTANCE_UID, VR::UI, series);
        of_series.put_items(
            tags::REFERENCED_SOP_SEQUENCE,
            vec![put(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance)],
        );
        let mut of_study = put(tags::STUDY_INSTANCE_UID, VR::UI, study);
        of_study.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![of_series]);
        of_study
    });
    let mut note = Instance::default().dataset();
    for tag in [tags::ROWS, tags::COLUMNS, tags::BITS_ALLOCATED, tags::SAMPLES_PER_PIXEL] {
        note.remove(tag);
    }
    note.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![title]);
    note.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, evidence.collect());
    note.put_text(tags::SOP_CLASS_UID, VR::UI, KEY_OBJECT_SELECTION);
    note.put_text(tags::SOP_INSTANCE_UID, VR::UI, uid);
    note.put_text(tags::SERIES_INSTANCE_UID, VR::UI, &format!("{uid}.0"));
    note.put_text(tags::MODALITY, VR::CS, "KO");
    note
}

fn rejects(instance: &Instance) -> (String, String, String) {
    (instance.study_uid().to_string(), instance.series_uid().to_string(), instance.instance_uid().to_string())
}

fn rejects_note(note: &str) -> (String, String, String) {
    ("1.2.3.1".into(), format!("{note}.0"), note.into())
}

async fn send(storage: &Storage, owner: &str, note: &Dataset) -> Outcome {
    let arrival = Arrival { owner: org(owner), via: Via::Dimse, declared: None };
    let syntax = TransferSyntax::explicit_little();
    let bytes = write::to_bytes(note, &syntax);
    let mut sink = storage.sink(&scope(owner), arrival, syntax).await.expect("a sink");
    sink.write(&bytes).await.expect("taken");
    sink.commit().await.expect("stored").outcome
}

/// SOP Instance UIDs that are shown of the builder's study, sorted.
async fn shown(storage: &Storage) -> Vec<String> {
    match storage.instances(&scope("town"), &uid("1.2.3.1"), None, None).await {
        Ok(found) => {
            let mut uids: Vec<String> = found.iter().map(|one| one.instance().to_string()).collect();
            uids.sort();
            uids
        }
        Err(StorageError::NotFound) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

async fn states(storage: &Storage) -> Vec<(String, Option<Uid>)> {
    let all = storage.corrections(&scope("town"), &org("town"), None, (100, 0)).await.expect("listed");
    all.into_iter().rev().map(|record| (record.state, record.note)).collect()
}

pub async fn a_rejection_note_hides_what_is_here_and_what_comes_later(f: &Fixture) {
    let s = &f.storage;
    let (one, two) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    let late = Instance { series: 2, ..Instance::default() };
    store(s, "town", &one).await;
    store(s, "town", &two).await;
    let sent = note("1.9.1", &[rejects(&one), rejects(&late)]);
    // Of another organisation it hides nothing here.
    assert_eq!(send(s, "city", &sent).await, Outcome::Stored);
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.2.3.1.1.2"]);

    assert_eq!(send(s, "town", &sent).await, Outcome::Stored);
    assert_eq!(send(s, "town", &sent).await, Outcome::AlreadyThere);
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1"]);
    store(s, "town", &late).await;
    assert_eq!(store(s, "town", &one).await.outcome, Outcome::AlreadyThere);
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1"]);
    let all = s.corrections(&scope("town"), &org("town"), None, (100, 0)).await.expect("listed");
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].reason.code, all[0].note.clone()), (ReasonCode::PatientSafety, Some(uid("1.9.1"))));
    assert_eq!(all[0].made_by, "person:town-person");
    is_sound(f).await;

    s.undo_correction(&scope("town"), &org("town"), &all[0].id, why()).await.expect("undone");
    let back = ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.2.3.1.2.1"];
    assert_eq!(shown(s).await, back, "the note is withdrawn");
    assert_eq!(send(s, "town", &sent).await, Outcome::AlreadyThere);
    assert_eq!(shown(s).await, back, "and does not come back by being sent again");
    is_sound(f).await;
}

pub async fn a_rebuilt_index_obeys_the_rejection_notes_that_are_kept(f: &Fixture) {
    let s = &f.storage;
    let (one, two) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    store(s, "town", &one).await;
    store(s, "town", &two).await;
    send(s, "town", &note("1.9.1", &[rejects(&one)])).await;
    super::segment::lose_the_index(f).await;
    f.tamper("DELETE FROM correction_target").await;
    f.tamper("DELETE FROM correction").await;
    s.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1"]);
    let all = s.corrections(&scope("town"), &org("town"), None, (100, 0)).await.expect("listed");
    assert_eq!((all.len(), all[0].made_by.as_str()), (1, "person:town-person"));
    is_sound(f).await;
}

pub async fn a_rejection_note_that_is_rejected_has_no_effect(f: &Fixture) {
    let s = &f.storage;
    let (one, two) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    store(s, "town", &one).await;
    store(s, "town", &two).await;
    send(s, "town", &note("1.9.1", &[rejects(&one)])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1"]);
    send(s, "town", &note("1.9.2", &[rejects_note("1.9.1")])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.9.2"]);
    let hidden = s.hidden(&scope("town"), &org("town"), None).await.expect("listed");
    assert_eq!(hidden.iter().map(|one| one.series.as_str()).collect::<Vec<_>>(), ["1.9.1.0"]);
    // What rejects the second lets the first reject again.
    send(s, "town", &note("1.9.3", &[rejects_note("1.9.2")])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1", "1.9.3"]);
    let note_state = |uid_text: &str, state: &str| (state.to_owned(), Some(uid(uid_text)));
    assert_eq!(
        states(s).await,
        [note_state("1.9.1", "active"), note_state("1.9.2", "suspended"), note_state("1.9.3", "active")]
    );
    // By hand, the first note's series.
    let hide = Correction::Hide { study: uid("1.2.3.1"), series: vec![uid("1.9.1.0")], instances: vec![] };
    let hidden = s.correct(&scope("town"), &org("town"), hide, why()).await.expect("hidden");
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.9.3"]);
    s.undo_correction(&scope("town"), &org("town"), &hidden.id, why()).await.expect("undone");
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1", "1.9.3"]);
    // One that comes after the note that rejects it.
    send(s, "town", &note("1.9.4", &[rejects_note("1.9.5")])).await;
    send(s, "town", &note("1.9.5", &[rejects(&two)])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1", "1.9.3", "1.9.4"]);
    is_sound(f).await;
}

pub async fn a_study_of_which_only_a_note_is_left_is_not_shown(f: &Fixture) {
    let s = &f.storage;
    let (one, late) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    // Before anything of the study is here.
    send(s, "town", &note("1.9.1", &[rejects(&one)])).await;
    assert!(shown(s).await.is_empty());
    store(s, "town", &one).await;
    assert!(shown(s).await.is_empty());
    is_sound(f).await;
    store(s, "town", &late).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.2"]);
    // By hand, of the only instance that is left.
    let (town, owner) = (scope("town"), org("town"));
    let hide =
        Correction::Hide { study: uid("1.2.3.1"), series: vec![], instances: vec![late.instance_uid()] };
    let hidden = s.correct(&town, &owner, hide, why()).await.expect("hidden");
    s.name_note(&town, &owner, &hidden.id, uid("1.9.2")).await.expect("named");
    send(s, "town", &note("1.9.2", &[rejects(&late)])).await;
    assert!(shown(s).await.is_empty());
    s.rejection_note(&owner, &uid("1.2.3.1"), &uid("1.9.2")).await.expect("to be sent to others");
    // The notes themselves are not among what somebody might bring back.
    let listed = async || {
        let all = s.hidden(&town, &owner, Some(&uid("1.2.3.1"))).await.expect("listed");
        all.into_iter().map(|one| (one.series, one.instance_count)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [("1.2.3.1.1".to_owned(), 2)]);
    s.undo_correction(&town, &owner, &hidden.id, why()).await.expect("undone");
    assert_eq!(shown(s).await, ["1.2.3.1.1.2"]);
    assert_eq!(listed().await, [("1.2.3.1.1".to_owned(), 1)]);
    assert!(s.rejection_note(&owner, &uid("1.2.3.1"), &uid("1.9.2")).await.is_err());
    is_sound(f).await;
}

pub async fn rejection_notes_in_a_circle_come_to_rest(f: &Fixture) {
    let s = &f.storage;
    store(s, "town", &Instance::default()).await;
    for (one, other) in [("1.9.1", "1.9.2"), ("1.9.2", "1.9.3"), ("1.9.3", "1.9.1"), ("1.9.4", "1.9.4")] {
        assert_eq!(send(s, "town", &note(one, &[rejects_note(other)])).await, Outcome::Stored);
    }
    assert!(shown(s).await.contains(&"1.2.3.1.1.1".to_owned()));
    is_sound(f).await;
}

pub async fn a_rejection_note_does_not_empty_a_study_that_is_evidence(f: &Fixture) {
    let s = &f.storage;
    let one = Instance::default();
    store(s, "town", &one).await;
    let grant = Grant {
        owner: org("town"),
        study: uid("1.2.3.1"),
        grantee: org("city"),
        consult: ConsultId::parse("c1").expect("an id"),
    };
    let change = Change { grants: vec![GrantChange::Give(grant)], ..Change::default() };
    s.apply(&scope("town"), change).await.expect("given");
    // The note is in another study: nothing would be left of this one.
    let mut elsewhere = note("1.9.1", &[rejects(&one)]);
    elsewhere.put_text(tags::STUDY_INSTANCE_UID, VR::UI, "1.9");
    assert_eq!(send(s, "town", &elsewhere).await, Outcome::Stored);
    assert_eq!(shown(s).await, ["1.2.3.1.1.1"]);
    // Nor is anything left of it when only notes are, this one or one that was refused before.
    send(s, "town", &note("1.9.2", &[rejects(&one)])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.9.2"]);
    send(s, "town", &note("1.9.3", &[rejects(&one)])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.9.2", "1.9.3"]);
    // A part may go, and the rest may not after it.
    let two = Instance { number: 2, ..Instance::default() };
    store(s, "town", &two).await;
    send(s, "town", &note("1.9.4", &[rejects(&two)])).await;
    send(s, "town", &note("1.9.5", &[rejects(&one)])).await;
    let left = ["1.2.3.1.1.1", "1.9.2", "1.9.3", "1.9.4", "1.9.5"];
    assert_eq!(shown(s).await, left);
    // Nor by hand.
    let hide =
        Correction::Hide { study: uid("1.2.3.1"), series: vec![], instances: vec![one.instance_uid()] };
    let by_hand = s.correct(&scope("town"), &org("town"), hide, why()).await;
    assert!(matches!(by_hand, Err(StorageError::Conflict(_))), "{by_hand:?}");
    assert_eq!(shown(s).await, left);
    let refused = s.audit_events(&scope("town"), None, 100).await.expect("events");
    assert!(refused.iter().any(|event| event.entry.outcome == AuditOutcome::Refused
        && event.entry.object == "study/1.2.3.1"
        && event.entry.detail.contains("evidence")));
    is_sound(f).await;
}

pub async fn what_is_rejected_is_told_for_a_note_and_the_note_follows_it(f: &Fixture) {
    let s = &f.storage;
    let (town, owner) = (scope("town"), org("town"));
    let (one, two) = (Instance::default(), Instance { number: 2, ..Instance::default() });
    store(s, "town", &one).await;
    store(s, "town", &two).await;
    let hide =
        Correction::Hide { study: uid("1.2.3.1"), series: vec![], instances: vec![one.instance_uid()] };
    let record = s.correct(&town, &owner, hide, why()).await.expect("hidden");
    let rejected = s.rejected(&record).await.expect("something");
    assert_eq!(rejected.attributes["00100020"]["Value"][0], "P001");
    let uids: Vec<_> = rejected.instances.iter().map(|one| one.instance.clone()).collect();
    assert_eq!(uids, [one.instance_uid()]);
    assert!(rejected.instances[0].has_pixels && rejected.instances[0].modality == "CT");

    s.name_note(&town, &owner, &record.id, uid("1.9.1")).await.expect("named");
    s.name_note(&town, &owner, &record.id, uid("1.9.1")).await.expect("named again");
    s.name_note(&town, &owner, &record.id, uid("1.9.2")).await.unwrap_err();
    send(s, "town", &note("1.9.1", &[rejects(&one)])).await;
    assert_eq!(states(s).await.len(), 1, "the node's own note makes no correction of its own");
    assert_eq!(shown(s).await, ["1.2.3.1.1.2", "1.9.1"]);
    s.rejection_note(&owner, &uid("1.2.3.1"), &uid("1.9.1")).await.expect("found");
    assert!(s.rejection_note(&org("city"), &uid("1.2.3.1"), &uid("1.9.1")).await.is_err());
    // The node's own note, rejected by another system, gives way.
    send(s, "town", &note("1.9.7", &[rejects_note("1.9.1")])).await;
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.9.7"]);
    s.undo_correction(&town, &owner, &record.id, why()).await.expect("undone, suspended or not");
    assert_eq!(shown(s).await, ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.9.7"]);
    is_sound(f).await;
}
