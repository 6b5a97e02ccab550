//! Emergency access: what it opens and for whom, that it tells nothing otherwise, and that its owner hears of it and ends it.

use super::matrix::{CANARY, STUDY, store};
use super::{Answer, House, house, house_of};
use crate::LoginRules;
use access::Role;
use model::Scope;
use serde_json::{Value as Json, json};
use time::Duration;

const REASON: &str = "昏迷患者急诊入院，需要既往影像";

async fn allow(house: &House, cookie: &str, is_allowed: bool) {
    let setting = json!({"is_allowed": is_allowed});
    assert_eq!(house.ask(cookie, "PUT", "/api/v1/emergency/setting", &setting).await.status, 200);
}

fn asked(number: &str) -> Json {
    json!({"organisation": "township", "by": "patient_id", "number": number, "reason": REASON})
}

async fn open(house: &House, cookie: &str, number: &str) -> Answer {
    house.ask(cookie, "POST", "/api/v1/emergency", &asked(number)).await
}

async fn get(house: &House, cookie: &str, path: &str) -> Answer {
    house.ask(cookie, "GET", path, &Json::Null).await
}

/// An answer without its opaque identifier.
fn shape(answer: &Answer) -> (u16, Json) {
    let mut body = answer.json();
    body["instance"] = Json::Null;
    (answer.status, body)
}

fn paths() -> [String; 2] {
    [format!("/api/v1/studies/township/{STUDY}"), format!("/dicom-web/studies/{STUDY}/metadata")]
}

/// The one instance of the study by WADO-URI (PS3.18 §9).
fn wado(study: &str) -> String {
    format!(
        "/wado?requestType=WADO&studyUID={study}&seriesUID=1.2.3.4.1&objectUID=1.2.3.4.1.1&contentType=application%2Fdicom"
    )
}

#[tokio::test]
async fn a_doctor_opens_one_patient_and_its_owner_hears_of_it_and_ends_it() {
    let house = house(LoginRules::default()).await;
    store(&house).await;
    let security = house.cookie("township", Role::SecurityOfficer).await;
    let doctor = house.cookie("other", Role::Reader).await;
    let colleague = house.cookie("other", Role::Reviewer).await;
    allow(&house, &security, true).await;
    let hospitals = get(&house, &doctor, "/api/v1/emergency/hospitals").await.json();
    assert_eq!(hospitals["organisations"][0]["id"], "township");
    let number = CANARY.to_owned();

    for path in paths() {
        assert_eq!(get(&house, &doctor, &path).await.status, 404, "{path}");
    }
    let opened = open(&house, &doctor, &number).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.json()["studies"][0]["study_instance_uid"], STUDY);
    for path in paths() {
        let seen = get(&house, &doctor, &path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(seen.body.contains(CANARY), "{path}");
        // It is theirs alone, to read.
        assert_eq!(get(&house, &colleague, &path).await.status, 404, "{path}");
    }
    assert_eq!(get(&house, &doctor, "/api/v1/studies").await.json()["studies"], json!([]), "in no list");
    let measured = json!({"version": 0, "measurements": []});
    let sheet = format!("/api/v1/studies/township/{STUDY}/measurements");
    assert_eq!(house.ask(&doctor, "PUT", &sheet, &measured).await.status, 404, "nothing is written by it");

    // The owner is told at once, and what was seen is marked on the chain.
    let notices = get(&house, &security, "/api/v1/notices").await.json();
    assert_eq!((&notices["unread"], &notices["notices"][0]["what"]), (&json!(1), &json!("emergency")));
    let queue = get(&house, &security, "/api/v1/emergency").await.json();
    let one = &queue["accesses"][0];
    assert_eq!(
        (&one["reason"], &one["verdict"], &one["is_ended"]),
        (&json!(REASON), &Json::Null, &json!(false))
    );
    assert!(!queue.to_string().contains(CANARY), "a security officer sees no patients");
    let id = one["id"].as_str().unwrap();
    let events = house.storage.audit_events(&Scope::node("test"), None, 500).await.unwrap();
    let viewer = format!("-e{id}");
    let by_it =
        events.iter().filter(|event| event.organisation.as_ref().is_some_and(|o| o.as_str() == viewer));
    assert!(by_it.count() > 0);
    let asked_for = events.iter().filter(|event| event.entry.detail == format!("emergency {id}"));
    assert_eq!(asked_for.count(), 2, "the access, and its study");

    // Nobody else reviews it; whoever finds it wrong ends it.
    let review = format!("/api/v1/emergency/{id}/review");
    let wrong = json!({"is_justified": false, "note": "患者不在急诊"});
    let elsewhere = house.cookie("city", Role::SecurityOfficer).await;
    assert_eq!(house.ask(&elsewhere, "POST", &review, &wrong).await.status, 404);
    assert_eq!(house.ask(&security, "POST", &review, &json!({"is_justified": false})).await.status, 422);
    let reviewed = house.ask(&security, "POST", &review, &wrong).await;
    assert_eq!((reviewed.status, &reviewed.json()["verdict"]), (200, &json!("unjustified")));
    assert_eq!(house.ask(&security, "POST", &review, &wrong).await.status, 409);
    for path in paths() {
        assert_eq!(get(&house, &doctor, &path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn wado_uri_is_open_for_what_was_opened_and_for_nothing_else() {
    let house = house(LoginRules::default()).await;
    store(&house).await;
    let security = house.cookie("township", Role::SecurityOfficer).await;
    let doctor = house.cookie("other", Role::Reader).await;
    let colleague = house.cookie("other", Role::Reviewer).await;
    allow(&house, &security, true).await;
    assert_eq!(get(&house, &doctor, &wado(STUDY)).await.status, 404);
    assert_eq!(open(&house, &doctor, CANARY).await.status, 201);
    let seen = get(&house, &doctor, &wado(STUDY)).await;
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains(CANARY));
    assert_eq!(get(&house, &colleague, &wado(STUDY)).await.status, 404);
    // What is named besides opens nothing: the instance is of one study.
    let twice = format!("{}&studyUID={STUDY}", wado("1.2.3.5"));
    assert_ne!(get(&house, &doctor, &twice.replace("1.2.3.4.1.1", "1.2.3.5.1.1")).await.status, 200);
}

#[tokio::test]
async fn it_ends_by_itself() {
    let lasts = std::time::Duration::from_secs(5);
    let house =
        house_of(LoginRules::default(), "http://node", |state| state.with_emergencies_lasting(lasts)).await;
    store(&house).await;
    let security = house.cookie("township", Role::SecurityOfficer).await;
    let doctor = house.cookie("other", Role::Reader).await;
    allow(&house, &security, true).await;
    let begun = std::time::Instant::now();
    let opened = open(&house, &doctor, CANARY).await.json();
    let id = opened["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&house, &doctor, &paths()[0]).await.status, 200);
    // A comparison with the clock: nobody has to do anything for it.
    while get(&house, &doctor, &paths()[0]).await.status == 200 {
        assert!(begun.elapsed() < 12 * lasts, "it does not end");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() >= lasts, "it ended early");
    for path in [&paths()[0], &paths()[1], &wado(STUDY)] {
        assert_eq!(get(&house, &doctor, path).await.status, 404, "{path}");
    }
    let mine = get(&house, &doctor, "/api/v1/emergency/mine").await.json();
    assert_eq!(mine["accesses"][0]["is_ended"], true);
    // Then its grants are taken away, once, and that is on the chain.
    let viewer = model::OrgId::parse(&format!("-e{id}")).unwrap();
    let viewer = Scope::organisation(model::Actor::node("test"), viewer);
    let study = model::Uid::parse(STUDY).unwrap();
    let granted =
        async || house.storage.instances(&viewer, &study, None, None).await.map_or(0, |all| all.len());
    assert_eq!(granted().await, 1);
    crate::emergency::end_emergencies(&house.storage).await.unwrap();
    crate::emergency::end_emergencies(&house.storage).await.unwrap();
    assert_eq!(granted().await, 0);
    assert_eq!(house.audited("ended").await, 1);
    // What has ended can still be judged.
    let review = format!("/api/v1/emergency/{id}/review");
    assert_eq!(house.ask(&security, "POST", &review, &json!({"is_justified": true})).await.status, 200);
}

#[tokio::test]
async fn it_lasts_an_hour_and_never_longer() {
    for longer in [None, Some(std::time::Duration::from_secs(86_400))] {
        let set = |state: crate::ApiState| match longer {
            Some(lasts) => state.with_emergencies_lasting(lasts),
            None => state,
        };
        let house = house_of(LoginRules::default(), "http://node", set).await;
        store(&house).await;
        let security = house.cookie("township", Role::SecurityOfficer).await;
        let doctor = house.cookie("other", Role::Reader).await;
        allow(&house, &security, true).await;
        let opened = open(&house, &doctor, CANARY).await.json();
        let until = model::time_text::parse_rfc3339(opened["until"].as_str().unwrap()).unwrap();
        let left = until - time::OffsetDateTime::now_utc();
        assert!(left > Duration::minutes(59) && left <= Duration::minutes(60), "{left}");
    }
}

#[tokio::test]
async fn what_is_refused_tells_nothing_and_guesses_are_few() {
    let house = house(LoginRules::default()).await;
    store(&house).await;
    let security = house.cookie("township", Role::SecurityOfficer).await;
    let doctor = house.cookie("other", Role::Requester).await;
    let number = CANARY.to_owned();

    let short = json!({"organisation": "township", "by": "accession", "number": "x", "reason": "急诊"});
    assert_eq!(house.ask(&doctor, "POST", "/api/v1/emergency", &short).await.status, 422);
    let not_allowed = open(&house, &doctor, &number).await;
    allow(&house, &security, true).await;
    let wrong_number = open(&house, &doctor, "nobody").await;
    let mut nowhere = asked(&number);
    nowhere["organisation"] = json!("nowhere");
    let nowhere = house.ask(&doctor, "POST", "/api/v1/emergency", &nowhere).await;
    let pattern = open(&house, &doctor, "*").await;
    assert_eq!(not_allowed.status, 404);
    for other in [&wrong_number, &nowhere, &pattern] {
        assert_eq!(shape(other), shape(&not_allowed));
    }
    assert_eq!(open(&house, &doctor, "nobody").await.status, 404);
    assert_eq!(open(&house, &doctor, &number).await.status, 429, "the right one comes too late");
    assert_eq!(get(&house, &doctor, &paths()[0]).await.status, 404);

    let person = house.person("late", "other", &[Role::Reader]).await;
    let stale = house.session(&person, Duration::hours(2)).await;
    assert_eq!(open(&house, &stale, &number).await.problem(), "proof-needed");
    let own = house.cookie("township", Role::Reader).await;
    assert_eq!(open(&house, &own, &number).await.status, 404, "one's own needs none");
}
