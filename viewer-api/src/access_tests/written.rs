//! Guesses, what is written over what was seen, for whom a page is, and under whom it is filed.

use super::{PASSWORD, house};
use crate::LoginRules;
use access::{Membership, Role};
use model::{OrgId, Scope};
use serde_json::{Value as Json, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use storage::{AuditAction, AuditOutcome};
use time::Duration;

/// One guess from an address.
async fn guess(house: &super::House, login: &str, address: Ipv4Addr) -> u16 {
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use tower::ServiceExt as _;
    let body = json!({"login": login, "password": "wrong password"}).to_string();
    let peer = ConnectInfo(SocketAddr::new(IpAddr::V4(address), 1234));
    let request = http::Request::post("/api/v1/session").extension(peer).body(Body::from(body)).unwrap();
    house.router.clone().oneshot(request).await.unwrap().status().as_u16()
}

/// Passwords and codes that the node has looked at.
async fn looked_at(house: &super::House) -> u64 {
    let metrics = house.ask("", "GET", "/metrics", &Json::Null).await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("farsight_proofs_checked_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn of_a_thousand_guesses_few_are_looked_at_and_no_more_for_who_is_there() {
    let house = house(LoginRules::default()).await;
    house.person("doctor", "city", &[Role::Reader]).await;
    let mut work = Vec::new();
    for login in ["doctor", "nobody"] {
        let before = looked_at(&house).await;
        // From many places: ten each until the account as a whole is braked.
        for number in 0..500_u16 {
            let address = Ipv4Addr::new(203, 0, 113, (number / 20) as u8);
            assert!(matches!(guess(&house, login, address).await, 401 | 429));
        }
        work.push(looked_at(&house).await - before);
    }
    assert_eq!(work[0], work[1], "the same work, whether there is such an account or not");
    assert!(work[0] <= 100, "{work:?} of 500 each");
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 429, "a stranger has to wait");
}

#[tokio::test]
async fn nobody_locks_out_somebody_whose_browser_is_known() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let browser = access::Secret::random().unwrap();
    house.storage.know_browser(&browser, &doctor.id).await.unwrap();
    for number in 0..120_u8 {
        guess(&house, "doctor", Ipv4Addr::new(203, 0, 113, number)).await;
    }
    let body = json!({"login": "doctor", "password": PASSWORD}).to_string();
    assert_eq!(house.send(&[], "POST", "/api/v1/session", body.clone()).await.status, 429);
    let cookie = format!("farsight_browser={}", browser.expose());
    let known = house.send(&[("cookie", cookie.as_str())], "POST", "/api/v1/session", body).await;
    assert_eq!(known.status, 200, "{}", known.body);
}

#[tokio::test]
async fn what_somebody_else_has_changed_is_not_written_over() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("city", Role::Administrator).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let path = format!("/api/v1/admin/people/{}", doctor.id);
    let put = async |path: &str, etag: &str, body: Json| {
        let etag = format!("\"{etag}\"");
        let headers = [("cookie", admin.as_str()), ("if-match", etag.as_str())];
        house.send(&headers, "PUT", path, body.to_string()).await
    };
    let first = put(&path, &doctor.tag(), json!({"name": "李敏"})).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let late = put(&path, &doctor.tag(), json!({"name": "李民"})).await;
    assert_eq!((late.status, late.problem()), (412, "stale".to_owned()));
    let roles = format!("{path}/roles");
    assert_eq!(put(&roles, &doctor.tag(), json!({"roles": ["uploader"]})).await.status, 412);
    let etag = first.json()["etag"].as_str().unwrap().to_owned();
    assert_eq!(put(&roles, &etag, json!({"roles": ["uploader"]})).await.status, 200);
    let kept = house.storage.person(&doctor.id).await.unwrap();
    assert_eq!((kept.name.as_str(), kept.roles), ("李敏", vec![Role::Uploader]));

    let list = house.ask(&admin, "GET", "/api/v1/admin/organisations", &Json::Null).await.json();
    let town = list["organisations"].as_array().unwrap().iter().find(|o| o["id"] == "township").unwrap();
    let etag = town["etag"].as_str().unwrap();
    let path = "/api/v1/admin/organisations/township";
    let body = json!({"name": "清河镇卫生院", "kind": "hospital"});
    assert_eq!(put(path, etag, body.clone()).await.status, 200);
    assert_eq!(put(path, etag, body).await.status, 412);
}

#[tokio::test]
async fn an_agreement_that_holds_goes_on_until_a_change_is_agreed_to() {
    let house = house(LoginRules::default()).await;
    let (ours, theirs) =
        (house.cookie("city", Role::Administrator).await, house.cookie("other", Role::Administrator).await);
    let terms = |signatures: &str| {
        json!({
            "requesting": "other", "reading": "city", "kinds": ["diagnosis"], "modalities": ["CT"],
            "turnarounds": [{"urgency": "urgent", "turnaround_min": 60}], "signatures": signatures,
            "auto_accept": true, "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
        })
    };
    let made = house.ask(&theirs, "POST", "/api/v1/admin/agreements", &terms("single")).await.json();
    let path = format!("/api/v1/admin/agreements/{}", made["id"].as_str().unwrap());
    let confirm = async |cookie: &str, etag: &Json| {
        let etag = format!("\"{}\"", etag.as_str().unwrap());
        let headers = [("cookie", cookie), ("if-match", etag.as_str())];
        house.send(&headers, "POST", &format!("{path}/confirm"), String::new()).await
    };
    assert_eq!(confirm(&ours, &made["etag"]).await.json()["is_valid"], json!(true));
    let proposed = house.ask(&ours, "PUT", &path, &terms("double")).await.json();
    assert_eq!(
        (&proposed["is_valid"], &proposed["signatures"], &proposed["proposed"]["signatures"]),
        (&json!(true), &json!("single"), &json!("double"))
    );
    assert_eq!(proposed["awaits"], "other");
    assert_eq!(confirm(&ours, &proposed["etag"]).await.status, 409, "it is the other side's to agree");
    let proposal = format!("{path}/proposal");
    let declined = house.ask(&theirs, "DELETE", &proposal, &Json::Null).await.json();
    assert_eq!((&declined["is_valid"], &declined["proposed"]), (&json!(true), &Json::Null));
    assert_eq!(house.ask(&theirs, "DELETE", &proposal, &Json::Null).await.status, 409);
    let again = house.ask(&ours, "PUT", &path, &terms("double")).await.json();
    assert_eq!(confirm(&theirs, &declined["etag"]).await.status, 412);
    let now = confirm(&theirs, &again["etag"]).await.json();
    assert_eq!((&now["signatures"], &now["proposed"]), (&json!("double"), &Json::Null));
}

#[tokio::test]
async fn the_authorities_of_an_agreement_are_checked_and_agreed_to_by_both() {
    let house = house(LoginRules::default()).await;
    let (ours, theirs) =
        (house.cookie("city", Role::Administrator).await, house.cookie("other", Role::Administrator).await);
    let authority =
        consult::CertificateAuthority::create("双方的根证书", time::OffsetDateTime::now_utc()).unwrap();
    let anchor = authority.anchor_pem().unwrap();
    let terms = |anchors: &str| {
        json!({
            "requesting": "other", "reading": "city", "kinds": ["diagnosis"], "modalities": ["CT"],
            "turnarounds": [{"urgency": "urgent", "turnaround_min": 60}], "signatures": "single",
            "auto_accept": true, "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
            "trust_anchors_pem": anchors,
        })
    };
    let agreements = "/api/v1/admin/agreements";
    let person =
        authority.issue("王建国", "市医院诊断中心", time::OffsetDateTime::now_utc()).unwrap().chain.remove(0);
    let person = consult::certificate::from_der(&person).unwrap();
    let person = String::from_utf8(consult::certificate::to_pem(&[person]).unwrap()).unwrap();
    let key = authority.to_pem().unwrap();
    for wrong in ["no certificate", &anchor[..200], &person, &key, &anchor.repeat(17)] {
        let refused = house.ask(&ours, "POST", agreements, &terms(wrong)).await;
        assert_eq!(
            (refused.status, refused.json()["field"].clone()),
            (422, json!("trust_anchors_pem")),
            "{wrong}"
        );
    }
    let made = house.ask(&theirs, "POST", agreements, &terms("")).await.json();
    assert_eq!((&made["trust_anchors_pem"], &made["trust_anchors"]), (&Json::Null, &json!([])));
    let path = format!("{agreements}/{}", made["id"].as_str().unwrap());
    let confirm = async |cookie: &str, etag: &Json| {
        let etag = format!("\"{}\"", etag.as_str().unwrap());
        let headers = [("cookie", cookie), ("if-match", etag.as_str())];
        house.send(&headers, "POST", &format!("{path}/confirm"), String::new()).await.json()
    };
    confirm(&ours, &made["etag"]).await;
    let proposed = house.ask(&theirs, "PUT", &path, &terms(&anchor)).await.json();
    assert_eq!(proposed["trust_anchors"], json!([]), "nothing is trusted before the other side agrees");
    let shown = &proposed["proposed"]["trust_anchors"][0];
    assert!(shown["subject"].as_str().unwrap().contains("双方的根证书"), "{shown}");
    let note = consult::certificate::notes(&anchor).remove(0);
    assert_eq!(shown["sha256"], note.sha256.to_string());
    let now = confirm(&ours, &proposed["etag"]).await;
    assert_eq!((&now["trust_anchors_pem"], &now["trust_anchors"][0]), (&json!(anchor), shown));
}

#[tokio::test]
async fn a_page_of_one_organisation_does_nothing_for_another() {
    let house = house(LoginRules::default()).await;
    let expert = house.person("expert", "city", &[Role::Reader]).await;
    let member = Membership { organisation: OrgId::parse("township").unwrap(), roles: vec![Role::Requester] };
    let give = |p: &mut access::Person| p.memberships = vec![member.clone()];
    house.storage.amend_person(&Scope::node("test"), &expert.id, "", give).await.unwrap();
    let cookie = house.session(&expert, Duration::ZERO).await;
    let of_page = async |shown: &str, path: &str| {
        let headers = [("cookie", cookie.as_str()), ("x-farsight-organisation", shown)];
        house.send(&headers, "GET", path, String::new()).await
    };
    assert_eq!(of_page("city", "/api/v1/studies").await.status, 200);
    let wish = json!({"organisation": "township"});
    assert_eq!(house.ask(&cookie, "PUT", "/api/v1/session/acting-for", &wish).await.status, 200);
    let refused = of_page("city", "/api/v1/studies").await;
    assert_eq!((refused.status, refused.problem()), (409, "other-organisation-now".to_owned()));
    assert_eq!(of_page("city", "/api/v1/session").await.status, 200, "who one is can always be asked");
    assert_eq!(of_page("township", "/api/v1/studies").await.status, 200);
}

#[tokio::test]
async fn refusals_and_the_nodes_own_acts_are_filed_under_the_organisation_that_they_concern() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    house.log_in("doctor", "wrong password", None).await;
    house.log_in("nobody", "wrong password", None).await;
    let gain = |person: &mut access::Person| person.roles.push(Role::Uploader);
    house.storage.amend_person(&Scope::node("command line"), &doctor.id, "changed", gain).await.unwrap();
    let events = house.storage.audit_events(&Scope::node("test"), None, 1000).await.unwrap();
    let refused: Vec<_> = events
        .iter()
        .filter(|e| e.entry.action == AuditAction::Login && e.entry.outcome == AuditOutcome::Refused)
        .map(|e| (e.entry.object.clone(), e.organisation.as_ref().map(ToString::to_string)))
        .collect();
    assert!(refused.contains(&(format!("person/{}", doctor.id), Some("township".to_owned()))), "{refused:?}");
    assert!(refused.contains(&("person/".to_owned(), None)), "{refused:?}");
    let changed =
        events.iter().find(|e| e.entry.detail == "changed: roles requester -> requester,uploader").unwrap();
    assert_eq!(changed.organisation.as_ref().map(ToString::to_string).as_deref(), Some("township"));
    let auditor = house.cookie("township", Role::Auditor).await;
    let seen = house.ask(&auditor, "GET", "/api/v1/audit?action=login", &Json::Null).await;
    assert!(seen.body.contains(doctor.id.as_str()), "its own auditor sees it: {}", seen.body);
}

#[tokio::test]
async fn who_works_for_an_organisation_too_is_seen_there_and_has_no_open_invitation() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("city", Role::Administrator).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let path = format!("/api/v1/admin/people/{}", doctor.id);
    let link = house.ask(&admin, "POST", &format!("{path}/invitation"), &Json::Null).await.json();
    let secret = link["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let member = json!({"name": "李敏", "memberships": [{"organisation": "city", "roles": ["reader"]}]});
    assert_eq!(house.ask(&admin, "PUT", &path, &member).await.status, 200);
    let look = json!({"secret": secret});
    assert_eq!(house.ask("", "POST", "/api/v1/invitations/look", &look).await.status, 404);
    let list = house.ask(&admin, "GET", "/api/v1/admin/people?organisation=city", &Json::Null).await.json();
    let logins: Vec<_> = list["people"].as_array().unwrap().iter().map(|p| p["login"].clone()).collect();
    assert!(logins.contains(&json!("doctor")), "{logins:?}");
}

#[tokio::test]
async fn who_has_yet_to_bind_a_second_factor_acts_for_nobody() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house(rules).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let wish = json!({"organisation": "city"});
    let refused = house.ask(&cookie, "PUT", "/api/v1/session/acting-for", &wish).await;
    assert_eq!(refused.problem(), "second-factor-needed");
}
