//! Accounts: who makes them, who may touch whose, what ends them; second factors; sessions.

use super::{PASSWORD, house};
use crate::LoginRules;
use access::{Factors, Membership, Role};
use model::{OrgId, PersonId, Scope};
use serde_json::{Value as Json, json};
use time::Duration;

#[tokio::test]
async fn an_administrator_makes_an_account_and_the_person_sets_a_password_once() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("city", Role::Administrator).await;
    let new = json!({"organisation": "township", "login": "Li.Min", "name": "李敏", "roles": ["requester"]});
    let made = house.ask(&admin, "POST", "/api/v1/admin/people", &new).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(
        house.ask(&admin, "POST", "/api/v1/admin/people", &new).await.status,
        409,
        "the login is taken"
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.log_in("li.min", "", None).await.status, 401, "no password is not an empty one");

    let invite = format!("/api/v1/admin/people/{id}/invitation");
    let first = house.ask(&admin, "POST", &invite, &Json::Null).await.json();
    let second = house.ask(&admin, "POST", &invite, &Json::Null).await.json();
    let secret = |link: &Json| link["link"].as_str().unwrap().split_once("/join#").unwrap().1.to_owned();
    let take = async |secret: &str, password: &str| {
        let body = json!({"secret": secret, "password": password});
        house.ask("", "POST", "/api/v1/invitations/take", &body).await.status
    };
    assert_eq!(take(&secret(&first), PASSWORD).await, 404, "a later invitation takes its place");
    assert_eq!(take(&secret(&second), "12345678").await, 422);
    let look = json!({"secret": secret(&second)});
    let seen = house.ask("", "POST", "/api/v1/invitations/look", &look).await.json();
    assert_eq!((&seen["login"], &seen["organisation"]), (&json!("li.min"), &json!("township")));
    assert_eq!(take(&secret(&second), PASSWORD).await, 204);
    assert_eq!(take(&secret(&second), "another pass 9").await, 404, "it works once");
    assert_eq!(house.log_in("LI.MIN", PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn no_call_gives_or_takes_an_office_or_touches_its_holder() {
    let house = house(LoginRules::default()).await;
    let offices = [Role::Administrator, Role::SecurityOfficer, Role::Auditor];
    let mut holders = Vec::new();
    for role in offices {
        let login = format!("{role:?}");
        let person = house.person(&login, "city", &[role]).await;
        holders.push((person.clone(), house.session(&person, Duration::ZERO).await));
    }
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    for (_, cookie) in &holders {
        for (target, _) in &holders {
            let at = |end: &str| format!("/api/v1/admin/people/{}{end}", target.id);
            let particulars = json!({"name": "x"});
            for (method, path, body) in [
                ("PUT", at(""), particulars.clone()),
                ("PUT", at("/roles"), json!({"roles": ["reader"]})),
                ("PUT", at("/roles"), json!({"roles": ["auditor"]})),
                ("POST", at("/invitation"), Json::Null),
                ("POST", at("/disable"), Json::Null),
                ("POST", at("/enable"), Json::Null),
                ("DELETE", at("/sessions"), Json::Null),
                ("DELETE", at("/second-factor"), Json::Null),
            ] {
                let answer = house.ask(cookie, method, &path, &body).await;
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
            }
        }
        for office in ["administrator", "security_officer", "auditor"] {
            let path = format!("/api/v1/admin/people/{}/roles", doctor.id);
            let answer = house.ask(cookie, "PUT", &path, &json!({"roles": [office]})).await;
            assert_eq!(answer.status, 403, "{office}: {}", answer.body);
            let new = json!({"organisation": "city", "login": "new", "name": "新", "roles": [office]});
            assert_eq!(house.ask(cookie, "POST", "/api/v1/admin/people", &new).await.status, 403);
            let also = json!({"name": "x", "memberships": [{"organisation": "township", "roles": [office]}]});
            let path = format!("/api/v1/admin/people/{}", doctor.id);
            assert_eq!(house.ask(cookie, "PUT", &path, &also).await.status, 403);
        }
    }
    for (holder, _) in holders {
        assert_eq!(house.storage.person(&holder.id).await.unwrap(), holder);
    }
}

#[tokio::test]
async fn who_is_of_another_alliance_does_not_exist() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("other", Role::Administrator).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    for path in [format!("/api/v1/admin/people/{}", doctor.id), "/api/v1/admin/people/nobody".to_owned()] {
        let answer = house.ask(&admin, "PUT", &path, &json!({"name": "x"})).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found".to_owned()));
    }
    let list = house.ask(&admin, "GET", "/api/v1/admin/people?organisation=township", &Json::Null).await;
    assert_eq!(list.status, 404);
    assert_eq!(
        house.ask(&admin, "GET", "/api/v1/admin/agreements", &Json::Null).await.json()["agreements"],
        json!([])
    );
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_comes_back_with_its_password() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("city", Role::Administrator).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let studies = async || house.ask(&cookie, "GET", "/api/v1/studies", &Json::Null).await.status;
    assert_eq!(studies().await, 200);
    let at = |act: &str| format!("/api/v1/admin/people/{}/{act}", doctor.id);
    assert_eq!(house.ask(&admin, "POST", &at("disable"), &Json::Null).await.status, 200);
    assert_eq!(studies().await, 401);
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 401);
    assert_eq!(house.ask(&admin, "POST", &at("enable"), &Json::Null).await.status, 200);
    assert_eq!(studies().await, 401, "its sessions are gone for good");
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn what_gives_rights_asks_for_a_fresh_proof() {
    let house = house(LoginRules::default()).await;
    let person = house.person("admin", "city", &[Role::Administrator]).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let stale = house.session(&person, Duration::minutes(6)).await;
    let path = format!("/api/v1/admin/people/{}/roles", doctor.id);
    let roles = json!({"roles": ["requester", "uploader"]});
    let refused = house.ask(&stale, "PUT", &path, &roles).await;
    assert_eq!((refused.status, refused.problem()), (403, "proof-needed".to_owned()));
    let prove = async |password: &str| {
        house.ask(&stale, "POST", "/api/v1/session/proof", &json!({"password": password})).await.status
    };
    assert_eq!(prove("wrong password").await, 403);
    assert_eq!(house.ask(&stale, "PUT", &path, &roles).await.status, 403);
    assert_eq!(prove(PASSWORD).await, 204);
    assert_eq!(house.ask(&stale, "PUT", &path, &roles).await.status, 200);
}

/// What an authenticator shows that was given this secret (base32), so many steps of 30 seconds from now.
fn code(secret: &str, steps: i64) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String =
        secret.chars().map(|c| format!("{:05b}", letters.find(c).unwrap())).collect::<Vec<_>>().concat();
    let bytes: Vec<u8> = (0..20).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).unwrap()).collect();
    let key: [u8; 20] = bytes.try_into().unwrap();
    let at = time::OffsetDateTime::now_utc() + Duration::seconds(30 * steps);
    totp_rs::Builder::new().with_secret(key).build().unwrap().generate(at.unix_timestamp() as u64).to_string()
}

#[tokio::test]
async fn a_role_that_takes_a_second_factor_opens_nothing_before_one_is_bound() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house(rules).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let get = async |path: &str| house.ask(&cookie, "GET", path, &Json::Null).await;
    assert_eq!(get("/api/v1/session").await.json()["must_enrol_second_factor"], json!(true));
    assert_eq!(get("/api/v1/studies").await.problem(), "second-factor-needed");
    assert_eq!(get("/dicom-web/studies").await.status, 401);
    let post = async |path: &str, body: Json| house.ask(&cookie, "POST", path, &body).await;
    let enrolled = post("/api/v1/session/second-factor", Json::Null).await.json();
    assert!(enrolled["qr_svg"].as_str().unwrap().contains("<svg"));
    let confirm = "/api/v1/session/second-factor/confirm";
    assert_eq!(post(confirm, json!({"code": "000000"})).await.problem(), "code-refused");
    let secret = enrolled["secret"].as_str().unwrap();
    let first = code(secret, -1);
    let confirmed = post(confirm, json!({"code": first})).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(get("/api/v1/studies").await.status, 200);

    assert_eq!(house.log_in("doctor", PASSWORD, None).await.problem(), "code-needed");
    assert_eq!(house.log_in("doctor", "wrong password", Some(&first)).await.problem(), "unauthenticated");
    assert_eq!(house.log_in("doctor", PASSWORD, Some(&first)).await.problem(), "code-refused", "a replay");
    let next = code(secret, 0);
    let at_once = tokio::join!(
        house.log_in("doctor", PASSWORD, Some(&next)),
        house.log_in("doctor", PASSWORD, Some(&next))
    );
    let mut statuses = [at_once.0.status, at_once.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "of two with one code, one gets in");
    let recovery = confirmed.json()["recovery_codes"][0].as_str().unwrap().to_owned();
    assert_eq!(house.log_in("doctor", PASSWORD, Some(&recovery)).await.status, 200);
    assert_eq!(house.log_in("doctor", PASSWORD, Some(&recovery)).await.status, 401, "each works once");
}

#[tokio::test]
async fn who_has_yet_to_bind_a_second_factor_registers_and_forgets_no_certificate() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house(rules).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    for (method, body) in [("PUT", json!({"certificates": []})), ("DELETE", Json::Null)] {
        let refused = house.ask(&cookie, method, "/api/v1/session/signing-certificate", &body).await;
        assert_eq!((refused.status, refused.problem()), (403, "second-factor-needed".to_owned()), "{method}");
    }
    assert_eq!(house.audited("own_certificate unregistered").await, 0);
}

#[tokio::test]
async fn people_see_where_they_are_logged_in_and_end_it() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let other = house.person("other", "city", &[Role::Reader]).await;
    let cookies = [
        house.session(&doctor, Duration::hours(2)).await,
        house.session(&doctor, Duration::hours(1)).await,
        house.session(&doctor, Duration::ZERO).await,
    ];
    let theirs = house.session(&other, Duration::ZERO).await;
    let list = async |cookie: &str| house.ask(cookie, "GET", "/api/v1/sessions", &Json::Null).await.json();
    let sessions = list(&cookies[0]).await["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions.iter().map(|s| s["is_this"] == true).collect::<Vec<_>>(), [false, false, true]);
    let newest = format!("/api/v1/sessions/{}", sessions[0]["id"].as_str().unwrap());
    assert_eq!(
        house.ask(&theirs, "DELETE", &newest, &Json::Null).await.status,
        404,
        "it is not theirs to end"
    );
    assert_eq!(house.ask(&cookies[0], "DELETE", &newest, &Json::Null).await.status, 204);
    assert_eq!(house.ask(&cookies[2], "GET", "/api/v1/session", &Json::Null).await.status, 401);
    assert_eq!(house.ask(&cookies[0], "DELETE", "/api/v1/sessions", &Json::Null).await.status, 204);
    assert_eq!(house.ask(&cookies[1], "GET", "/api/v1/session", &Json::Null).await.status, 401);
    assert_eq!(list(&cookies[0]).await["sessions"].as_array().unwrap().len(), 1);

    let fourth = house.session(&doctor, Duration::ZERO).await;
    let new = json!({"current": PASSWORD, "password": "quite another 8"});
    assert_eq!(house.ask(&cookies[0], "PUT", "/api/v1/session/password", &new).await.status, 204);
    assert_eq!(house.ask(&fourth, "GET", "/api/v1/session", &Json::Null).await.status, 401);
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 401);
    assert_eq!(house.log_in("doctor", "quite another 8", None).await.status, 200);
}

#[tokio::test]
async fn an_expert_chooses_for_whom_to_act() {
    let house = house(LoginRules::default()).await;
    let admin = house.cookie("city", Role::Administrator).await;
    let expert = house.person("expert", "city", &[Role::Reader]).await;
    let member =
        json!({"name": "专家", "memberships": [{"organisation": "township", "roles": ["requester"]}]});
    let path = format!("/api/v1/admin/people/{}", expert.id);
    assert_eq!(house.ask(&admin, "PUT", &path, &member).await.status, 200);
    let elsewhere =
        json!({"name": "专家", "memberships": [{"organisation": "other", "roles": ["requester"]}]});
    assert_eq!(
        house.ask(&admin, "PUT", &path, &elsewhere).await.status,
        404,
        "rights there are others' to give"
    );
    let cookie = house.session(&expert, Duration::ZERO).await;
    let act = async |organisation: &str| {
        let wish = json!({"organisation": organisation});
        house.ask(&cookie, "PUT", "/api/v1/session/acting-for", &wish).await
    };
    assert_eq!(act("other").await.status, 404);
    let me = act("township").await.json();
    assert_eq!((&me["organisation"]["id"], &me["roles"]), (&json!("township"), &json!(["requester"])));
    assert_eq!(
        house.ask(&cookie, "GET", "/api/v1/partners", &Json::Null).await.status,
        200,
        "as a requester"
    );
    assert_eq!(act("city").await.json()["roles"], json!(["reader"]));
    assert_eq!(house.ask(&cookie, "GET", "/api/v1/partners", &Json::Null).await.status, 403);
    act("township").await;
    house.ask(&admin, "PUT", &path, &json!({"name": "专家"})).await;
    assert_eq!(
        house.ask(&cookie, "GET", "/api/v1/session", &Json::Null).await.status,
        401,
        "no member any more"
    );
}

#[tokio::test]
async fn an_agreement_waits_for_the_other_side() {
    let house = house(LoginRules::default()).await;
    let (ours, theirs) =
        (house.cookie("city", Role::Administrator).await, house.cookie("other", Role::Administrator).await);
    let new = |requesting: &str, reading: &str| {
        json!({
            "requesting": requesting, "reading": reading, "kinds": ["diagnosis"], "modalities": ["CT"],
            "turnarounds": [{"urgency": "urgent", "turnaround_min": 60}], "signatures": "single",
            "auto_accept": true, "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
        })
    };
    let create =
        async |cookie: &str, body: Json| house.ask(cookie, "POST", "/api/v1/admin/agreements", &body).await;
    let both = create(&ours, new("township", "city")).await.json();
    assert_eq!(
        (&both["is_valid"], &both["awaits"]),
        (&json!(true), &Json::Null),
        "both are looked after by one"
    );
    assert_eq!(create(&theirs, new("township", "city")).await.status, 404, "neither side is theirs");
    let one = create(&theirs, new("other", "city")).await.json();
    assert_eq!((&one["is_valid"], &one["awaits"]), (&json!(false), &json!("city")));
    let confirm = format!("/api/v1/admin/agreements/{}/confirm", one["id"].as_str().unwrap());
    assert_eq!(house.ask(&theirs, "POST", &confirm, &Json::Null).await.status, 409, "not theirs to confirm");
    assert_eq!(
        house.ask(&ours, "POST", &confirm, &Json::Null).await.status,
        428,
        "what was seen is to be said"
    );
    let as_seen = async |etag: &Json| {
        let etag = format!("\"{}\"", etag.as_str().unwrap());
        let headers = [("cookie", ours.as_str()), ("if-match", etag.as_str())];
        house.send(&headers, "POST", &confirm, String::new()).await
    };
    let path = confirm.replace("/confirm", "");
    let mut other = new("other", "city");
    other["signatures"] = json!("double");
    let changed = house.ask(&theirs, "PUT", &path, &other).await.json();
    assert_eq!(as_seen(&one["etag"]).await.status, 412, "these are not the terms that were seen");
    assert_eq!(as_seen(&changed["etag"]).await.json()["is_valid"], json!(true));
    let end = confirm.replace("/confirm", "/end");
    let doctor = house.cookie("other", Role::Requester).await;
    let partners = async || house.ask(&doctor, "GET", "/api/v1/partners", &Json::Null).await.json();
    assert_eq!(partners().await["partners"].as_array().unwrap().len(), 1);
    assert_eq!(house.ask(&theirs, "POST", &end, &Json::Null).await.json()["is_valid"], json!(false));
    assert_eq!(partners().await["partners"], json!([]));
    assert_eq!(create(&ours, json!({"requesting": "city"})).await.status, 422);
}

#[tokio::test]
async fn a_token_shows_its_last_use_and_ends_when_it_is_revoked() {
    let house = house(LoginRules::default()).await;
    let officer = house.cookie("city", Role::SecurityOfficer).await;
    let new = json!({"organisation": "township", "purpose": "gateway", "rights": ["search"], "days": 30});
    let made = house.ask(&officer, "POST", "/api/v1/admin/tokens", &new).await.json();
    let (id, secret) = (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned());
    let bearer = format!("Bearer {secret}");
    let search = async || {
        house
            .send(&[("authorization", bearer.as_str())], "GET", "/api/v1/studies", String::new())
            .await
            .status
    };
    assert_eq!(search().await, 200);
    for wrong in [
        json!({"organisation": "other", "purpose": "x", "rights": ["search"], "days": 30}),
        json!({"organisation": "city", "purpose": "x", "rights": ["administer"], "days": 30}),
        json!({"organisation": "city", "purpose": "x", "rights": ["search"], "days": 366}),
        json!({"organisation": "city", "purpose": " ", "rights": ["search"], "days": 1}),
    ] {
        let status = house.ask(&officer, "POST", "/api/v1/admin/tokens", &wrong).await.status;
        assert!(matches!(status, 404 | 422), "{wrong}: {status}");
    }
    let listed = async || {
        let list =
            house.ask(&officer, "GET", "/api/v1/admin/tokens?organisation=township", &Json::Null).await;
        assert!(!list.body.contains(&secret), "the secret is shown once");
        list.json()["tokens"][0].clone()
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while listed().await["last_used_at"].is_null() {
        assert!(tokio::time::Instant::now() < deadline, "its use is written down");
        tokio::task::yield_now().await;
    }
    let path = format!("/api/v1/admin/tokens/{id}");
    assert_eq!(house.ask(&officer, "DELETE", &path, &Json::Null).await.status, 204);
    assert_eq!(search().await, 401);
    assert_eq!(listed().await["is_good"], json!(false));
}

#[tokio::test]
async fn what_is_done_to_accounts_is_on_the_chain_with_who_and_what_refusals_too() {
    let house = house(LoginRules::default()).await;
    let admin = house.person("admin", "city", &[Role::Administrator]).await;
    let auditor = house.person("auditor", "city", &[Role::Auditor]).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let cookie = house.session(&admin, Duration::ZERO).await;
    let at = |whom: &PersonId, act: &str| format!("/api/v1/admin/people/{whom}/{act}");
    house.ask(&cookie, "PUT", &at(&doctor.id, "roles"), &json!({"roles": ["uploader"]})).await;
    house.ask(&cookie, "POST", &at(&doctor.id, "disable"), &Json::Null).await;
    house.ask(&cookie, "POST", &at(&auditor.id, "disable"), &Json::Null).await;
    let events = house.storage.audit_events(&Scope::node("test"), None, 100).await.unwrap();
    let of = |detail: &str| {
        let event = events.iter().find(|event| event.entry.detail == detail);
        event.map(|event| (event.actor.id.clone(), event.entry.object.clone(), event.entry.outcome))
    };
    let by = |whom: &PersonId, outcome| Some((admin.id.to_string(), format!("person/{whom}"), outcome));
    assert_eq!(of("rights: roles requester -> uploader"), by(&doctor.id, storage::AuditOutcome::Success));
    assert_eq!(of("disabled"), by(&doctor.id, storage::AuditOutcome::Success));
    assert_eq!(of("Disable"), by(&auditor.id, storage::AuditOutcome::Refused));
}

#[tokio::test]
async fn an_auditor_finds_who_has_looked_at_a_patient() {
    let house = house(LoginRules::default()).await;
    super::matrix::store(&house).await;
    let auditor = house.cookie("township", Role::Auditor).await;
    let stranger = house.cookie("other", Role::Auditor).await;
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let study = format!("/api/v1/studies/township/{}", super::matrix::STUDY);
    assert_eq!(house.ask(&cookie, "GET", &study, &Json::Null).await.status, 200);
    let looked = async |who: &str, filter: &str| {
        let path = format!("/api/v1/audit?patient_id={}&action=read{filter}", super::matrix::CANARY);
        let answer = house.ask(who, "GET", &path, &Json::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.contains(super::matrix::CANARY), "no identity in the answer");
        answer.json()["events"].as_array().unwrap().clone()
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while looked(&auditor, "").await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "what was read is on the chain");
        tokio::task::yield_now().await;
    }
    let event = looked(&auditor, "&person=doctor").await[0].clone();
    assert_eq!((&event["actor_name"], &event["organisation"]), (&json!("doctor"), &json!("township")));
    assert_eq!(event["object"], json!(format!("study/{}", super::matrix::STUDY)));
    assert_eq!(looked(&auditor, "&person=nobody").await, Vec::<Json>::new());
    assert_eq!(looked(&auditor, "&until=2026-01-01T00:00:00Z").await, Vec::<Json>::new());
    assert_eq!(looked(&stranger, "").await, Vec::<Json>::new(), "another hospital's patient is nobody");
    let csv = house.ask(&auditor, "GET", "/api/v1/audit.csv", &Json::Null).await;
    assert!(csv.body.lines().count() > 2 && csv.body.contains("by patient"), "looking is on the chain, too");
    assert!(!csv.body.contains(super::matrix::CANARY));
    let wrong = house.ask(&auditor, "GET", "/api/v1/audit?from=yesterday", &Json::Null).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn nobody_gets_into_an_organisation_by_way_of_somebody_who_also_works_there() {
    let house = house(LoginRules::default()).await;
    let node = Scope::node("test");
    let doctor = house.person("doctor", "township", &[Role::Requester]).await;
    let membership = Membership { organisation: OrgId::parse("city").unwrap(), roles: vec![Role::Reader] };
    let give = |p: &mut access::Person| p.memberships = vec![membership.clone()];
    house.storage.amend_person(&node, &doctor.id, "", give).await.unwrap();
    let township = house.cookie("township", Role::Administrator).await;
    let security = house.cookie("township", Role::SecurityOfficer).await;
    let at = |end: &str| format!("/api/v1/admin/people/{}{end}", doctor.id);
    assert_eq!(house.ask(&township, "POST", &at("/invitation"), &Json::Null).await.status, 403);
    assert_eq!(house.ask(&security, "DELETE", &at("/second-factor"), &Json::Null).await.status, 403);
    let list = house.ask(&township, "GET", "/api/v1/admin/people", &Json::Null).await.json();
    let row = list["people"].as_array().unwrap().iter().find(|p| p["login"] == "doctor").unwrap().clone();
    assert!(!row["allowed"].as_array().unwrap().contains(&json!("invite")), "{row}");
    // The rest of the account stays theirs to look after, and what they did not give stays.
    for body in [json!({"name": "李敏", "memberships": row["memberships"]}), json!({"name": "李敏"})] {
        let changed = house.ask(&township, "PUT", &at(""), &body).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(
            house.storage.person(&doctor.id).await.unwrap().memberships,
            std::slice::from_ref(&membership)
        );
    }
    let more = json!({"name": "x", "memberships": [{"organisation": "city", "roles": ["reviewer"]}]});
    assert_eq!(house.ask(&township, "PUT", &at(""), &more).await.status, 404);
    let city = house.cookie("city", Role::Administrator).await;
    assert_eq!(house.ask(&city, "POST", &at("/invitation"), &Json::Null).await.status, 200);
    let gone = house.ask(&city, "PUT", &at(""), &json!({"name": "x"})).await;
    assert_eq!(gone.status, 200);
    assert!(house.storage.person(&doctor.id).await.unwrap().memberships.is_empty());
}

#[tokio::test]
async fn a_session_of_the_password_alone_neither_outlives_nor_undoes_a_second_factor() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let stolen = house.session(&doctor, Duration::ZERO).await;
    let own = house.session(&doctor, Duration::ZERO).await;
    let enrolled = house.ask(&own, "POST", "/api/v1/session/second-factor", &Json::Null).await.json();
    let secret = enrolled["secret"].as_str().unwrap().to_owned();
    let confirm = json!({"code": code(&secret, -1)});
    let confirmed = house.ask(&own, "POST", "/api/v1/session/second-factor/confirm", &confirm).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(house.ask(&stolen, "GET", "/api/v1/session", &Json::Null).await.status, 401);

    // One that slipped in while the factor was being confirmed.
    let late = house.session(&doctor, Duration::ZERO).await;
    let ask = async |method: &str, path: &str, body: &Json| house.ask(&late, method, path, body).await;
    let (factor, proof) = ("/api/v1/session/second-factor", "/api/v1/session/proof");
    assert_eq!(ask("DELETE", factor, &Json::Null).await.problem(), "proof-needed");
    let renew = format!("{factor}/recovery-codes");
    assert_eq!(ask("POST", &renew, &Json::Null).await.problem(), "proof-needed");
    assert_eq!(ask("POST", proof, &json!({"password": PASSWORD})).await.status, 422);
    assert_eq!(ask("DELETE", factor, &Json::Null).await.problem(), "proof-needed");
    assert_eq!(ask("POST", proof, &json!({"code": code(&secret, 0)})).await.status, 204);
    assert_eq!(ask("POST", &renew, &Json::Null).await.status, 200);
    let sessions = house.storage.sessions_of(&doctor.id).await.unwrap();
    assert!(sessions.iter().all(|session| session.factors == Factors::PasswordAndCode));
    assert_eq!(ask("DELETE", factor, &Json::Null).await.status, 204);
    assert_eq!(ask("POST", proof, &json!({"password": PASSWORD})).await.status, 204);
}

#[tokio::test]
async fn an_appointment_leaves_nothing_to_whoever_prepared_the_account() {
    let house = house(LoginRules::default()).await;
    let node = Scope::node("test");
    let admin = house.cookie("city", Role::Administrator).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let path = format!("/api/v1/admin/people/{}/invitation", doctor.id);
    let link = house.ask(&admin, "POST", &path, &Json::Null).await.json();
    let secret = link["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let office = |p: &mut access::Person| p.roles = vec![Role::SecurityOfficer];
    house.storage.appoint(&node, &doctor.id, "", office).await.unwrap();
    let take = json!({"secret": secret, "password": PASSWORD});
    assert_eq!(house.ask("", "POST", "/api/v1/invitations/take", &take).await.status, 404);
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 401);
    assert_eq!(house.ask(&cookie, "GET", "/api/v1/session", &Json::Null).await.status, 401);
    let member = Membership { organisation: OrgId::parse("township").unwrap(), roles: vec![Role::Reader] };
    let both = |p: &mut access::Person| p.memberships = vec![member.clone()];
    assert!(
        house.storage.amend_person(&node, &doctor.id, "", both).await.is_err(),
        "an office does no other work"
    );
}

#[tokio::test]
async fn a_browser_that_two_share_is_known_to_both() {
    let house = house(LoginRules::default()).await;
    let day = house.person("day", "city", &[Role::Reader]).await;
    let night = house.person("night", "city", &[Role::Reader]).await;
    let browser = access::Secret::random().unwrap();
    let log_in = async |login: &str, browser: &str| {
        let cookie = format!("farsight_browser={browser}");
        let body = json!({"login": login, "password": PASSWORD}).to_string();
        house.send(&[("cookie", cookie.as_str())], "POST", "/api/v1/session", body).await.status
    };
    for login in ["day", "night", "day"] {
        assert_eq!(log_in(login, browser.expose()).await, 200);
    }
    assert!(house.storage.knows_browser(&browser, &day.id).await.unwrap());
    assert!(house.storage.knows_browser(&browser, &night.id).await.unwrap());
    let nobody = house.person("nobody", "city", &[Role::Reader]).await;
    assert!(!house.storage.knows_browser(&browser, &nobody.id).await.unwrap());
    // What is none of ours is not kept: anybody could have set it.
    assert_eq!(log_in("nobody", "x").await, 200);
    assert!(!house.storage.knows_browser(&access::Secret::new("x".into()), &nobody.id).await.unwrap());
}

#[tokio::test]
async fn preferences_go_with_a_person_who_works_for_two_organisations() {
    let house = house(LoginRules::default()).await;
    let expert = house.person("expert", "city", &[Role::Reader]).await;
    let membership =
        Membership { organisation: OrgId::parse("township").unwrap(), roles: vec![Role::Reader] };
    let both = |person: &mut access::Person| person.memberships = vec![membership.clone()];
    house.storage.amend_person(&Scope::node("test"), &expert.id, "", both).await.unwrap();
    let cookie = house.session(&expert, Duration::ZERO).await;
    let path = "/api/v1/session/preferences";
    for (organisation, theme) in [("city", "dark"), ("township", "light"), ("city", "dark")] {
        let wish = json!({"organisation": organisation});
        assert_eq!(house.ask(&cookie, "PUT", "/api/v1/session/acting-for", &wish).await.status, 200);
        let kept = house.ask(&cookie, "PUT", path, &json!({"theme": theme})).await;
        assert_eq!(kept.status, 200, "{organisation}: {}", kept.body);
        assert_eq!(house.ask(&cookie, "GET", path, &Json::Null).await.json()["theme"], theme);
    }
    let events = house.storage.audit_events(&Scope::node("test"), None, 100).await.unwrap();
    let object = format!("preferences/{}", expert.id);
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.entry.object == object)
        .map(|event| (event.actor.id.as_str(), event.organisation.as_ref().map(OrgId::as_str)))
        .collect();
    let by = |organisation| (expert.id.as_str(), Some(organisation));
    assert_eq!(told.len(), 3);
    assert!(told.contains(&by("city")) && told.contains(&by("township")), "{told:?}");
}

#[tokio::test]
async fn how_an_account_stands_that_others_look_after_is_not_told() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "other", &[Role::Reader]).await;
    let membership = Membership { organisation: OrgId::parse("city").unwrap(), roles: vec![Role::Reader] };
    let also = |person: &mut access::Person| person.memberships = vec![membership.clone()];
    house.storage.amend_person(&Scope::node("test"), &doctor.id, "", also).await.unwrap();
    let row = async |organisation: &str| {
        let admin = house.cookie(organisation, Role::Administrator).await;
        let list = house.ask(&admin, "GET", "/api/v1/admin/people", &Json::Null).await.json();
        list["people"].as_array().unwrap().iter().find(|p| p["login"] == "doctor").unwrap().clone()
    };
    let theirs = row("city").await;
    assert_eq!((&theirs["etag"], &theirs["has_password"]), (&json!(""), &json!(false)), "{theirs}");
    let own = row("other").await;
    assert_eq!(own["has_password"], json!(true));
    assert_ne!(own["etag"], json!(""));
}
