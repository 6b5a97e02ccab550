//! Numbers of all organisations: for who oversees at the organisation that runs the node, and for nobody else.

use super::{House, house, house_of};
use crate::{ApiState, LoginRules};
use access::Role;
use model::{OrgId, Scope};
use serde_json::{Value as Json, json};
use storage::{Change, Expected, Put};

const PERIOD: &str = "by=requesting&from=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z";

/// What is counted of a consult in which neither `city` nor anybody else but the two has a part.
async fn fact(house: &House, id: &str, requesting: &str, reading: &str) {
    let body = json!({
        "kind": "diagnosis", "urgency": "urgent", "state": "closed", "modality": "CT",
        "requesting": {"id": requesting, "name": requesting}, "reading": {"id": reading, "name": reading},
        "reader": null, "submitted_at": "2026-11-01T08:00:00Z", "delivered_at": "2026-11-01T09:00:00Z",
        "due_at": "2026-11-01T10:00:00Z", "waited_ms": 0, "amendments": 0, "grades": [],
    });
    let put = Put {
        kind: "consult_fact",
        id: id.to_owned(),
        expected: Expected::Absent,
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 1_793_520_000_000,
        visible_to: [requesting, reading].map(|id| OrgId::parse(id).unwrap()).to_vec(),
    };
    let change = Change { puts: vec![put], ..Change::default() };
    house.storage.apply(&Scope::node("test"), change).await.unwrap();
}

async fn ask(house: &House, cookie: &str, path: &str) -> (u16, Json) {
    let answer = house.ask(cookie, "GET", path, &Json::Null).await;
    (answer.status, answer.json())
}

fn asked(rows: &Json) -> Vec<(&str, u64)> {
    let rows = rows["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["key"].as_str().unwrap(), row["asked"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn the_office_of_the_alliance_sees_numbers_of_all_and_others_only_their_own() {
    let city = |state: ApiState| state.with_node_organisation(OrgId::parse("city").ok());
    let house = house_of(LoginRules::default(), "http://node", city).await;
    fact(&house, "c1", "township", "other").await;
    fact(&house, "c2", "other", "other").await;
    let own = format!("/api/v1/statistics?{PERIOD}");
    let all = format!("{own}&alliance=true");
    for role in [Role::Regulator, Role::QualityControl] {
        let office = house.cookie("city", role).await;
        assert_eq!(asked(&ask(&house, &office, &own).await.1), [], "{role:?}: city has no part in them");
        assert_eq!(asked(&ask(&house, &office, &all).await.1), [("other", 1), ("township", 1)]);
        let of = format!("{all}&organisation=township");
        assert_eq!(asked(&ask(&house, &office, &of).await.1), [("township", 1)]);
        let (_, known) = ask(&house, &office, "/api/v1/statistics/alliance").await;
        let ids = |one: &Json| one["id"].as_str().unwrap().to_owned();
        let ids: Vec<_> = known["organisations"].as_array().unwrap().iter().map(ids).collect();
        assert_eq!(ids.len(), 3, "{known}");
        let answer =
            house.ask(&office, "GET", &all.replace("statistics?", "statistics.csv?"), &Json::Null).await;
        assert!(answer.status == 200 && answer.body.contains("township"), "{}", answer.body);
        // Numbers, and nothing behind them.
        assert_eq!(asked_consults(&house, &office).await, 0);
    }
    for (organisation, role) in [
        ("city", Role::Coordinator),
        ("city", Role::Requester),
        ("township", Role::Regulator),
        ("other", Role::QualityControl),
    ] {
        let cookie = house.cookie(organisation, role).await;
        let (status, _) = ask(&house, &cookie, &all).await;
        assert_eq!(status, 403, "{role:?} of {organisation}");
        let (status, known) = ask(&house, &cookie, "/api/v1/statistics/alliance").await;
        assert_eq!((status, &known["organisations"]), (200, &json!([])), "{role:?} of {organisation}");
    }
}

/// Consults that a person can list: of who may not even search, none.
async fn asked_consults(house: &House, cookie: &str) -> usize {
    let (_, page) = ask(house, cookie, "/api/v1/consults").await;
    page["consults"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn where_several_look_after_themselves_and_none_is_named_nobody_sees_all() {
    let house = house(LoginRules::default()).await;
    let cookie = house.cookie("city", Role::Regulator).await;
    let (status, _) = ask(&house, &cookie, &format!("/api/v1/statistics?{PERIOD}&alliance=true")).await;
    assert_eq!(status, 403);
}
