//! Patients across hospitals: what is linked by rule, what people decide, and that nobody learns of what they may not see.

use crate::Fixture;
use crate::support::build::{Instance, org, scope, store, store_as, uid};
use dataset::{TransferSyntax, VR};
use model::{ConsultId, Key, Level, Matching, Query};
use storage::patients::{PairView, PersonView, Sign};
use storage::{
    Change, Correction, Expected, Grant, GrantChange, PatientKey, Put, Reason, ReasonCode, Storage,
    StorageError,
};

/// 公民身份号码 of the builder's birth date.
const CITIZEN: &str = "110101196002290027";

async fn settle(storage: &Storage) {
    while storage.settle_patients().await.expect("settled") {}
}

/// Of `town`: 张三 as P001; of `city`: Zhang San as C77.
fn of_town() -> Instance {
    Instance::default()
}

fn of_city() -> Instance {
    Instance {
        study: 7,
        name: "San^Zhang",
        patient_id: "C77",
        accession: "C1",
        seed: 7,
        ..Instance::default()
    }
}

async fn store_with_number(storage: &Storage, owner: &str, instance: &Instance) {
    let mut dataset = instance.dataset();
    dataset.put_text(dataset::Tag(0x0010, 0x1000), VR::LO, CITIZEN);
    let bytes = dataset::write::to_bytes(&dataset, &TransferSyntax::explicit_little());
    store_as(storage, owner, instance, &bytes, TransferSyntax::EXPLICIT_LITTLE).await.expect("it is stored");
}

fn grant(owner: &str, instance: &Instance, grantee: &str) -> Grant {
    let consult = ConsultId::parse("c1").expect("an id");
    Grant { owner: org(owner), study: instance.study_uid(), grantee: org(grantee), consult }
}

async fn give(storage: &Storage, owner: &str, instance: &Instance, grantee: &str) {
    let grants = vec![GrantChange::Give(grant(owner, instance, grantee))];
    storage.apply(&scope(owner), Change { grants, ..Change::default() }).await.expect("granted");
}

async fn withdraw(storage: &Storage, owner: &str, instance: &Instance, grantee: &str) {
    let grants = vec![GrantChange::Withdraw(grant(owner, instance, grantee))];
    storage.apply(&scope(owner), Change { grants, ..Change::default() }).await.expect("withdrawn");
}

async fn found(storage: &Storage, viewer: &str, patient_id: &str) -> PersonView {
    let query = Query::new(Level::Study, 50).with(Key::PatientId, Matching::Single(patient_id.into()));
    let (mut people, _) = storage.people_found(&scope(viewer), &query, 10).await.expect("people");
    assert_eq!(people.len(), 1, "{patient_id} for {viewer}");
    people.remove(0)
}

fn ids(person: &PersonView) -> Vec<&str> {
    person.identities.iter().map(|one| one.patient_id.as_str()).collect()
}

async fn open(storage: &Storage, viewer: &str) -> Vec<PairView> {
    storage.open_pairs(&scope(viewer), 0, 10).await.expect("pairs")
}

pub async fn a_near_match_waits_for_whoever_sees_both(f: &Fixture) {
    let s = &f.storage;
    store(s, "town", &of_town()).await;
    store(s, "city", &of_city()).await;
    settle(s).await;
    assert!(
        open(s, "town").await.is_empty() && open(s, "city").await.is_empty(),
        "each sees their own alone"
    );
    assert_eq!(ids(&found(s, "city", "C77").await), ["C77"]);

    give(s, "town", &of_town(), "city").await;
    let pair = open(s, "city").await.remove(0);
    assert_eq!(pair.signs, [Sign::NamePinyin, Sign::BirthDate, Sign::Sex]);
    assert!(open(s, "town").await.is_empty());
    let (one, other) = (pair.one.id.as_str(), pair.other.id.as_str());
    let both = (one, other);

    // Whoever does not see both can neither decide nor tell whether there is such a patient.
    let made_up = "0".repeat(32);
    for pair in [both, (one, &made_up)] {
        let refused = s.decide_patients(&scope("town"), pair, true, 0, "").await;
        assert_eq!(refused, Err(StorageError::NotFound));
    }
    s.decide_patients(&scope("city"), both, true, pair.last_act, "same 身份证 shown").await.expect("linked");
    assert!(open(s, "city").await.is_empty());
    let person = found(s, "city", "P001").await;
    assert_eq!(ids(&person), ["P001", "C77"]);
    assert!(person.links[0].is_decided);
    assert_eq!(ids(&found(s, "town", "P001").await), ["P001"], "the owner sees no more than before");

    let acts = s.pair_acts(&scope("city"), None, 10).await.expect("acts");
    assert_eq!((acts.len(), acts[0].kind.as_str(), acts[0].can_undo), (1, "linked", true));
    assert_eq!(
        (acts[0].organisation.as_ref(), acts[0].reason.as_str()),
        (Some(&org("city")), "same 身份证 shown")
    );
    assert!(s.pair_acts(&scope("town"), None, 10).await.expect("acts").is_empty());
    let refused = s.undo_patients(&scope("town"), acts[0].seq, "").await;
    assert_eq!(refused, Err(StorageError::NotFound));

    // A grant that ends takes the link out of sight, and a new one brings it back.
    withdraw(s, "town", &of_town(), "city").await;
    assert_eq!(ids(&found(s, "city", "C77").await), ["C77"]);
    give(s, "town", &of_town(), "city").await;
    assert_eq!(ids(&found(s, "city", "C77").await), ["C77", "P001"]);

    // Undone, it is as it was before; twice it cannot be.
    s.undo_patients(&scope("city"), acts[0].seq, "").await.expect("undone");
    settle(s).await;
    let again = open(s, "city").await.remove(0);
    assert_eq!(
        (again.one.id.as_str(), again.other.id.as_str(), again.signs),
        (one, other, pair.signs.clone())
    );
    assert_eq!(ids(&found(s, "city", "C77").await), ["C77"]);
    assert!(matches!(s.undo_patients(&scope("city"), acts[0].seq, "").await, Err(StorageError::Conflict(_))));
}

pub async fn an_exact_identifier_links_until_a_person_says_otherwise(f: &Fixture) {
    let s = &f.storage;
    store_with_number(s, "town", &of_town()).await;
    store_with_number(s, "city", &of_city()).await;
    give(s, "town", &of_town(), "city").await;
    settle(s).await;
    let person = found(s, "city", "C77").await;
    assert_eq!(ids(&person), ["C77", "P001"]);
    assert!(!person.links[0].is_decided, "by rule");
    assert_eq!(ids(&found(s, "town", "P001").await), ["P001"]);

    let (one, other) = (person.identities[0].id.clone(), person.identities[1].id.clone());
    let pair = s.pair(&scope("city"), &one, &other).await.expect("a pair");
    assert_eq!(pair.signs, [Sign::CitizenNumber, Sign::NamePinyin, Sign::BirthDate, Sign::Sex]);
    s.decide_patients(&scope("city"), (&one, &other), false, pair.last_act, "").await.expect("apart");
    let late = s.decide_patients(&scope("city"), (&one, &other), true, pair.last_act, "").await;
    assert!(matches!(late, Err(StorageError::Conflict(_))), "decided since it was seen");

    // What comes later does not ask again, and a rebuilt index has not forgotten.
    store_with_number(s, "town", &Instance { study: 3, accession: "A3", ..of_town() }).await;
    settle(s).await;
    f.tamper("UPDATE study SET identity = '', identity_stale = 1").await;
    f.tamper("DELETE FROM patient_key").await;
    settle(s).await;
    assert_eq!(ids(&found(s, "city", "C77").await), ["C77"]);
    assert!(open(s, "city").await.is_empty());

    let act = s.pair_acts(&scope("city"), None, 1).await.expect("acts").remove(0);
    s.undo_patients(&scope("city"), act.seq, "").await.expect("undone");
    settle(s).await;
    let person = found(s, "city", "C77").await;
    assert_eq!(ids(&person), ["C77", "P001"]);
    assert!(!person.links[0].is_decided, "the rule's link again");
}

pub async fn nobody_is_linked_through_what_they_do_not_see(f: &Fixture) {
    let s = &f.storage;
    // The town knows one person twice, which only the city's study says.
    let second = Instance {
        study: 2,
        name: "Zhang^Shan=张^珊",
        patient_id: "P002",
        accession: "A2",
        seed: 3,
        ..Instance::default()
    };
    store(s, "town", &of_town()).await;
    store(s, "town", &second).await;
    store(s, "city", &of_city()).await;
    settle(s).await;
    give(s, "town", &of_town(), "city").await;
    give(s, "town", &second, "city").await;
    let id = |person: PersonView| person.identities[0].id.clone();
    let (a, b, c) = (
        id(found(s, "city", "P001").await),
        id(found(s, "city", "P002").await),
        id(found(s, "city", "C77").await),
    );
    let city = scope("city");
    for other in [&a, &b] {
        let seen = s.pair(&city, &c, other).await.expect("a pair").last_act;
        s.decide_patients(&city, (&c, other), true, seen, "").await.expect("linked");
    }
    assert_eq!(found(s, "city", "P001").await.identities.len(), 3);
    assert_eq!(ids(&found(s, "town", "P001").await), ["P001"]);

    // Records count as sight where they are asked for: the city took part in a consult on P001.
    let put = Put {
        kind: "consult",
        id: "1".into(),
        expected: Expected::Absent,
        body: serde_json::json!({}),
        sort: 0,
        keys: vec![("patient", "town/P001".into())],
        unique: vec![],
        visible_to: vec![org("city")],
    };
    s.apply(&scope("town"), Change { puts: vec![put], ..Change::default() }).await.expect("a record");
    for study in [&of_town(), &second] {
        withdraw(s, "town", study, "city").await;
    }
    let of = org("city");
    let linked = s.linked_patients(&city, (&of, "C77"), ("consult", "patient")).await.expect("patients");
    assert_eq!(linked, [(org("town"), "P001".to_owned())]);
    let linked = s.linked_patients(&scope("town"), (&org("town"), "P001"), ("consult", "patient")).await;
    assert_eq!(linked.expect("patients"), []);
}

pub async fn an_identity_follows_corrections(f: &Fixture) {
    let s = &f.storage;
    let wrong = Instance {
        study: 2,
        name: "Li^Si=李^四",
        patient_id: "P009",
        accession: "A9",
        seed: 5,
        ..Instance::default()
    };
    store(s, "town", &of_town()).await;
    store(s, "town", &wrong).await;
    store(s, "city", &of_city()).await;
    give(s, "town", &of_town(), "city").await;
    give(s, "town", &wrong, "city").await;
    settle(s).await;
    assert_eq!(open(s, "city").await.len(), 1);
    let merge = Correction::Merge {
        from: PatientKey { id: "P001".into(), issuer: String::new() },
        into: PatientKey { id: "P009".into(), issuer: String::new() },
    };
    let why = || Reason { code: ReasonCode::WrongIdentity, text: "it was 李四".into() };
    let made = s.correct(&scope("town"), &org("town"), merge, why()).await.expect("merged");
    settle(s).await;
    assert!(open(s, "city").await.is_empty(), "nobody is called Zhang San there now");
    let person = found(s, "town", "P009").await;
    let studies = s.studies_of_identities(&scope("town"), &[person.identities[0].id.clone()]).await;
    let studies: Vec<_> = studies.expect("studies").into_iter().map(|study| study.study).collect();
    assert_eq!(studies.len(), 2);
    assert!(studies.contains(&uid("1.2.3.1")));
    s.undo_correction(&scope("town"), &org("town"), &made.id, why()).await.expect("undone");
    settle(s).await;
    assert_eq!(open(s, "city").await.len(), 1);

    // What is hidden is nobody's.
    let hide = Correction::Hide { study: uid("1.2.3.1"), series: vec![], instances: vec![] };
    withdraw(s, "town", &of_town(), "city").await;
    s.correct(&scope("town"), &org("town"), hide, why()).await.expect("hidden");
    settle(s).await;
    let query = Query::new(Level::Study, 50).with(Key::PatientId, Matching::Single("P001".into()));
    assert!(s.people_found(&scope("town"), &query, 10).await.expect("people").0.is_empty());
}
