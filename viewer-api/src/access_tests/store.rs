//! How the store is, is for the administrator of the organisation that runs the node; a coordinator's desk, for the coordinator's own
//! centre.

use super::house;
use crate::LoginRules;
use access::{Organisation, OrganisationKind, Role};
use model::{OrgId, Scope};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn only_administrators_of_who_runs_the_node_see_how_the_store_is() {
    let house = house(LoginRules::default()).await;
    let city = house.cookie("city", Role::Administrator).await;
    let township = house.cookie("township", Role::Administrator).await;
    let see = async |cookie: &str| house.ask(cookie, "GET", "/api/v1/admin/store", &Json::Null).await;
    // Two organisations look after themselves, and nobody has said which of them runs the node.
    assert_eq!(see(&city).await.status, 403);

    let looked_after_by = Some(OrgId::parse("city").unwrap());
    let other = Organisation::new(OrgId::parse("other").unwrap(), "other", OrganisationKind::Hospital);
    let other = Organisation { looked_after_by, ..other };
    house.storage.put_organisation(&Scope::node("test"), &other).await.unwrap();
    let seen = see(&city).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let store = seen.json();
    assert_eq!(store["index"]["kind"], "sqlite");
    assert!(store["disk"]["total_bytes"].as_u64().unwrap() > 0);
    let codes: Vec<&str> =
        store["warnings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"backup_never") && codes.contains(&"fsck_never"), "{codes:?}");
    assert_eq!(see(&township).await.status, 403, "it is looked after by another");
    assert_eq!(see(&house.cookie("city", Role::SecurityOfficer).await).await.status, 403);
}

#[tokio::test]
async fn shifts_are_planned_for_readers_of_the_own_centre() {
    let house = house(LoginRules::default()).await;
    let (city, other) =
        (house.cookie("city", Role::Coordinator).await, house.cookie("other", Role::Coordinator).await);
    let reader = house.person("wang", "city", &[Role::Reader]).await;
    let path = format!("/api/v1/duty/{}/shifts", reader.id);
    let shift = json!({"from": "2046-11-27T08:00:00Z", "until": "2046-11-27T16:00:00Z"});
    assert_eq!(house.ask(&other, "POST", &path, &shift).await.status, 404);
    assert_eq!(house.ask(&city, "POST", &path, &shift).await.status, 422, "twenty years ahead");

    let now = time::OffsetDateTime::now_utc();
    let at = |hours| model::time_text::rfc3339(now + time::Duration::hours(hours));
    let shift = json!({"from": at(10), "until": at(18)});
    let planned = house.ask(&city, "POST", &path, &shift).await;
    assert_eq!(planned.status, 201, "{}", planned.body);
    assert_eq!(house.ask(&city, "POST", &path, &shift).await.status, 422, "two at once");
    let overview = house.ask(&city, "GET", "/api/v1/duty/overview", &Json::Null).await.json();
    assert_eq!(overview["shifts"][0]["person"]["name"], "wang");
    assert_eq!(overview["people"][0]["cases"], json!([]));
    let empty = house.ask(&other, "GET", "/api/v1/duty/overview", &Json::Null).await.json();
    assert_eq!((&empty["shifts"], &empty["people"]), (&json!([]), &json!([])));

    let id = planned.json()["id"].as_str().unwrap().to_owned();
    let one = format!("{path}/{id}");
    assert_eq!(house.ask(&other, "DELETE", &one, &Json::Null).await.status, 404);
    assert_eq!(house.ask(&city, "DELETE", &one, &Json::Null).await.status, 204);
    assert_eq!(house.ask(&city, "DELETE", &one, &Json::Null).await.status, 404);
}
