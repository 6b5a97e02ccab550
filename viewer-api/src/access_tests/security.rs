//! The security officer's overview: what it counts, that it is of their own organisation alone, and who is told of the node.

use super::{House, PASSWORD, house, house_of};
use crate::{ApiState, LoginRules};
use access::agreement::Turnaround;
use access::{
    Agreement, ConsultKind, Contact, Credential, Device, Person, Right, Role, SecondFactor, Secret,
    Signatures, Token, Urgency,
};
use model::{AeTitle, OrgId, Scope, TokenId};
use serde_json::{Value as Json, json};
use time::{Duration, OffsetDateTime};

const PATH: &str = "/api/v1/security/overview";

fn org(id: &str) -> OrgId {
    OrgId::parse(id).unwrap()
}

async fn seen(house: &House, cookie: &str) -> Json {
    let answer = house.ask(cookie, "GET", PATH, &Json::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn licence_until(house: &House, person: &Person, day: OffsetDateTime) {
    let day = format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day());
    let credential = Credential::parse("110310000012345", "", vec!["CT".into()], "2026-01-01", &day).ok();
    assert!(credential.is_some(), "{day}");
    house.storage.put_person(&Scope::node("test"), &Person { credential, ..person.clone() }).await.unwrap();
}

async fn token(house: &House, id: &str, organisation: &str, expires_at: Option<OffsetDateTime>) {
    let secret = Secret::random().unwrap();
    let new =
        Token::new(TokenId::parse(id).unwrap(), secret.sha256(), org(organisation), vec![Right::Search]);
    let created_at = Some(OffsetDateTime::now_utc());
    let new = Token { expires_at, created_at, purpose: id.to_owned(), ..new };
    house.storage.put_token(&Scope::node("test"), &new).await.unwrap();
}

async fn agreement(house: &House, id: &str, reading: &str, until: OffsetDateTime) {
    let agreement = Agreement {
        id: id.to_owned(),
        requesting: org("township"),
        reading: org(reading),
        kinds: vec![ConsultKind::Diagnosis],
        modalities: Vec::new(),
        turnarounds: vec![Turnaround { urgency: Urgency::Urgent, turnaround_min: 60 }],
        signatures: Signatures::Single,
        auto_accept: true,
        valid_from: until - Duration::days(365),
        valid_until: until,
        trust_anchors_pem: None,
        awaits: None,
        proposed: None,
    };
    house.storage.put_agreement(&Scope::node("test"), &agreement).await.unwrap();
}

async fn device(house: &House, title: &str, organisation: &str, certificate: Option<model::Sha256>) {
    let contact: Contact = std::net::SocketAddr::from(([10, 1, 2, 3], 104)).into();
    let device = Device {
        certificate_sha256: certificate,
        contact: certificate.is_none().then_some(contact),
        ..Device::new(AeTitle::parse(title).unwrap(), org(organisation), vec![Right::Store])
    };
    house.storage.put_device(&Scope::node("test"), &device).await.unwrap();
}

#[tokio::test]
async fn it_counts_what_the_officers_own_organisation_has_and_nothing_of_others() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house(rules).await;
    let node = Scope::node("test");
    let officer = house.cookie("township", Role::SecurityOfficer).await;
    let now = OffsetDateTime::now_utc();

    let reader = house.person("wang", "township", &[Role::Reader]).await;
    let bound = house.person("li", "township", &[Role::Requester]).await;
    let mut factor = SecondFactor::enrol(bound.id.clone()).unwrap();
    factor.is_confirmed = true;
    house.storage.put_second_factor(&node, &factor, "enrolled").await.unwrap();
    let gone = house.person("gone", "township", &[Role::Reader]).await;
    house.storage.put_person(&node, &Person { is_disabled: true, ..gone }).await.unwrap();
    licence_until(&house, &reader, now + Duration::days(20)).await;
    house.session(&bound, Duration::ZERO).await;
    for _ in 0..3 {
        assert_eq!(house.log_in("wang", "not this one", None).await.status, 401);
    }
    token(&house, "endless", "township", None).await;
    token(&house, "ending", "township", Some(now + Duration::days(10))).await;
    token(&house, "good", "township", Some(now + Duration::days(300))).await;
    token(&house, "over", "township", Some(now - Duration::days(1))).await;
    agreement(&house, "soon", "city", now + Duration::days(5)).await;
    agreement(&house, "later", "other", now + Duration::days(200)).await;
    device(&house, "CT1", "township", None).await;
    device(&house, "MR1", "township", Some(model::Sha256([7; 32]))).await;
    // Of others, the same and more.
    let stranger = house.person("stranger", "other", &[Role::Reader]).await;
    licence_until(&house, &stranger, now + Duration::days(1)).await;
    house.session(&stranger, Duration::ZERO).await;
    assert_eq!(house.log_in("stranger", "not this one", None).await.status, 401);
    token(&house, "theirs", "other", None).await;
    device(&house, "THEIRS", "other", None).await;

    let seen = seen(&house, &officer).await;
    assert_eq!(seen["organisation"]["id"], "township");
    let accounts = &seen["accounts"];
    assert_eq!(
        (&accounts["active"], &accounts["with_second_factor"], &accounts["disabled"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let without = accounts["without_second_factor"].as_array().unwrap();
    let login = |line: &Json| line["login"].as_str().unwrap().to_owned();
    assert_eq!(without.iter().map(login).collect::<Vec<_>>(), ["township.securityofficer", "wang"]);
    assert_eq!(
        (&without[0]["takes_second_factor"], &without[1]["takes_second_factor"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(accounts["locked"], json!([]));
    assert_eq!((&seen["failed"]["count"], &seen["failed"]["lines"][0]["who"]), (&json!(3), &json!("wang")));
    assert_eq!(seen["failed"]["lines"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&seen["sessions"]["open"], seen["sessions"]["lines"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    let tokens = &seen["tokens"];
    assert_eq!((&tokens["good"], &tokens["to_look_at"]), (&json!(3), &json!(2)));
    assert_eq!((&tokens["lines"][0]["id"], &tokens["lines"][0]["why"]), (&json!("ending"), &json!("ending")));
    assert_eq!(
        (&tokens["lines"][1]["id"], &tokens["lines"][1]["why"]),
        (&json!("endless"), &json!("endless"))
    );
    let ending = &seen["people_ending"];
    assert_eq!((&ending["count"], &ending["lines"][0]["what"]), (&json!(1), &json!("licence")));
    assert_eq!(
        (&ending["lines"][0]["name"], &ending["lines"][0]["is_over"]),
        (&json!("wang"), &json!(false))
    );
    let agreements = &seen["agreements_ending"];
    assert_eq!((&agreements["count"], &agreements["lines"][0]["name"]), (&json!(1), &json!("city")));
    assert_eq!(seen["emergencies"], json!({"is_allowed": false, "waiting": 0, "oldest_at": null}));
    assert_eq!(seen["devices"]["without_tls"], 1);
    assert_eq!(
        seen["devices"]["lines"][0],
        json!({"ae_title": "CT1", "calls_plain": true, "is_called_plain": true, "from_anywhere": true})
    );
    assert_eq!(seen["node"], Json::Null, "township does not run the node");
    for word in ["stranger", "THEIRS", "theirs"] {
        assert!(!seen.to_string().contains(word), "{word}");
    }
    let events = house.storage.audit_events(&node, None, 100).await.unwrap();
    assert!(events.iter().any(|event| event.entry.object == "security"), "looking is on the chain");
}

#[tokio::test]
async fn whoever_runs_the_node_is_told_of_it() {
    let city = |state: ApiState| state.with_node_organisation(Some(org("city")));
    let house = house_of(LoginRules::default(), "http://node", city).await;
    let elsewhere = house.cookie("other", Role::SecurityOfficer).await;
    assert_eq!(seen(&house, &elsewhere).await["node"], Json::Null, "of another alliance");
    let officer = house.cookie("city", Role::SecurityOfficer).await;
    assert_eq!(house.log_in("nobody-at-all", PASSWORD, None).await.status, 401);
    let node = seen(&house, &officer).await["node"].clone();
    assert_eq!(node["unknown_names"], 1);
    assert!(node["audit"]["last_seq"].as_i64().unwrap() > 0);
    assert_eq!((&node["audit"]["head"], &node["audit"]["verified"]), (&Json::Null, &Json::Null));
    assert_eq!(node["ending"], json!({"count": 0, "lines": []}));
}

#[tokio::test]
async fn guesses_at_an_account_show_while_they_brake_it() {
    let house = house(LoginRules::default()).await;
    let officer = house.cookie("township", Role::SecurityOfficer).await;
    house.person("wang", "township", &[Role::Reader]).await;
    let body = json!({"login": "wang", "password": "not this one"}).to_string();
    for place in 1..=10 {
        for _ in 0..10 {
            let address = format!("203.0.113.{place}").parse().ok();
            house.send_from(address, &[], "POST", "/api/v1/session", body.clone()).await;
        }
    }
    let seen = seen(&house, &officer).await;
    assert_eq!(seen["accounts"]["locked"][0]["login"], "wang");
    let line = &seen["failed"]["lines"][0];
    assert_eq!((&line["who"], &line["count"]), (&json!("wang"), &json!(100)));
    assert_eq!(line["addresses"].as_array().unwrap().len(), 5, "a few of them");
}
