//! Passkeys, with an authenticator made of software.

use super::authenticator::Authenticator;
use super::{House, PASSWORD, house_at};
use crate::LoginRules;
use access::{Factors, Role};
use serde_json::{Value as Json, json};
use time::Duration;

const ORIGIN: &str = "https://reading.example.org";

async fn here() -> House {
    house_at(LoginRules::default(), ORIGIN).await
}

/// Registers a passkey in a session.
async fn register(house: &House, cookie: &str) -> Authenticator {
    let mut authenticator = Authenticator::new(ORIGIN);
    let options = house.ask(cookie, "POST", "/api/v1/session/passkeys/begin", &Json::Null).await;
    assert_eq!(options.status, 200, "{}", options.body);
    // Else browsers pass over every authenticator that lacks credProtect.
    assert_ne!(options.json()["extensions"]["enforceCredentialProtectionPolicy"], json!(true));
    let credential = authenticator.create(&options.json());
    let body = json!({"name": "门诊电脑", "credential": credential});
    let made = house.ask(cookie, "POST", "/api/v1/session/passkeys", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = house.ask(cookie, "POST", "/api/v1/session/passkeys", &body).await;
    assert_eq!(again.problem(), "passkey-refused", "a challenge is good once");
    authenticator
}

async fn challenge(house: &House) -> Json {
    house.ask("", "POST", "/api/v1/session/passkey/begin", &Json::Null).await.json()
}

async fn log_in(house: &House, credential: Json) -> super::Answer {
    house.ask("", "POST", "/api/v1/session/passkey", &json!({"credential": credential})).await
}

#[tokio::test]
async fn a_passkey_logs_in_alone_and_the_password_alone_does_not_any_more() {
    let house = here().await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let (stolen, cookie) =
        (house.session(&doctor, Duration::ZERO).await, house.session(&doctor, Duration::ZERO).await);
    let mut authenticator = register(&house, &cookie).await;
    assert_eq!(house.ask(&stolen, "GET", "/api/v1/session", &Json::Null).await.status, 401);
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.problem(), "passkey-needed");
    assert_eq!(house.log_in("doctor", "wrong password", None).await.problem(), "unauthenticated");

    let asked = challenge(&house).await;
    let answer = authenticator.get(&asked);
    let entered = log_in(&house, answer.clone()).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(entered.json()["person"]["login"], "doctor");
    assert_eq!(log_in(&house, answer).await.problem(), "passkey-refused", "a replay");
    let sessions = house.storage.sessions_of(&doctor.id).await.unwrap();
    assert!(sessions.iter().all(|session| session.factors == Factors::Passkey), "{sessions:?}");

    let list = house.ask(&cookie, "GET", "/api/v1/session/passkeys", &Json::Null).await.json();
    assert_eq!(
        (&list["domain"], &list["passkeys"][0]["name"]),
        (&json!("reading.example.org"), &json!("门诊电脑"))
    );
    assert!(list["passkeys"][0]["last_used_at"].is_string());
    let path = format!("/api/v1/session/passkeys/{}", list["passkeys"][0]["id"].as_str().unwrap());
    let other = house.cookie("city", Role::Reviewer).await;
    assert_eq!(house.ask(&other, "DELETE", &path, &Json::Null).await.status, 404, "it is not theirs");
    assert_eq!(house.ask(&cookie, "DELETE", &path, &Json::Null).await.status, 204);
    let gone = log_in(&house, authenticator.get(&challenge(&house).await)).await;
    assert_eq!(gone.problem(), "passkey-refused");
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn an_answer_that_does_not_prove_it_is_refused() {
    let house = here().await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let mut good = register(&house, &cookie).await;
    assert_eq!(log_in(&house, good.get(&challenge(&house).await)).await.status, 200);

    let made_up = json!({"challenge": "AAAAAAAAAAAAAAAAAAAAAA"});
    assert_eq!(log_in(&house, good.get(&made_up)).await.problem(), "passkey-refused", "nobody asked that");
    let asked = challenge(&house).await;
    good.origin = "https://reading.example.org.evil.example".into();
    assert_eq!(log_in(&house, good.get(&asked)).await.problem(), "passkey-refused", "another site's page");
    good.origin = ORIGIN.into();
    good.verifies = false;
    let asked = challenge(&house).await;
    assert_eq!(log_in(&house, good.get(&asked)).await.problem(), "passkey-refused", "nobody's finger");
    good.verifies = true;
    let mut forged = good.get(&challenge(&house).await);
    let data = forged["response"]["authenticatorData"].as_str().unwrap().to_owned();
    forged["response"]["signature"] = json!(data);
    assert_eq!(log_in(&house, forged).await.problem(), "passkey-refused", "no signature");
    assert_eq!(log_in(&house, good.get(&challenge(&house).await)).await.status, 200, "it is still good");
    let asked = challenge(&house).await;
    let copied = good.answer(&asked["challenge"]);
    assert_eq!(log_in(&house, copied).await.problem(), "passkey-refused", "its counter stands still: a copy");
    let nonsense = log_in(&house, json!({"id": "x"})).await;
    assert_eq!((nonsense.status, nonsense.problem()), (422, "invalid".to_owned()));
    let amend = |person: &mut access::Person| person.is_disabled = true;
    house.storage.amend_person(&model::Scope::node("test"), &doctor.id, "", amend).await.unwrap();
    assert_eq!(log_in(&house, good.get(&challenge(&house).await)).await.problem(), "passkey-refused");
}

#[tokio::test]
async fn a_passkey_is_a_fresh_proof_of_its_holder_alone() {
    let house = here().await;
    let admin = house.person("admin", "city", &[Role::Administrator]).await;
    let other = house.person("other", "city", &[Role::Reader]).await;
    let own = house.session(&admin, Duration::ZERO).await;
    let mut authenticator = register(&house, &own).await;
    let mut others = register(&house, &house.session(&other, Duration::ZERO).await).await;
    let stale = house.session(&admin, Duration::minutes(6)).await;
    let path = format!("/api/v1/admin/people/{}/disable", other.id);
    assert_eq!(house.ask(&stale, "POST", &path, &Json::Null).await.problem(), "proof-needed");
    let prove = async |credential: Json| {
        let body = json!({"credential": credential});
        house.ask(&stale, "POST", "/api/v1/session/proof/passkey", &body).await.status
    };
    let password = json!({"password": PASSWORD});
    assert_eq!(house.ask(&stale, "POST", "/api/v1/session/proof", &password).await.status, 422);
    assert_eq!(prove(others.get(&challenge(&house).await)).await, 403, "somebody else's");
    assert_eq!(prove(authenticator.get(&challenge(&house).await)).await, 204);
    assert_eq!(house.ask(&stale, "POST", &path, &Json::Null).await.status, 200);
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_that_a_role_takes_and_an_officer_takes_it_off() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house_at(rules, ORIGIN).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let studies = async || house.ask(&cookie, "GET", "/api/v1/studies", &Json::Null).await.status;
    assert_eq!(studies().await, 403);
    register(&house, &cookie).await;
    assert_eq!(studies().await, 200);
    let officer = house.cookie("city", Role::SecurityOfficer).await;
    let path = format!("/api/v1/admin/people/{}/second-factor", doctor.id);
    assert_eq!(house.ask(&officer, "DELETE", &path, &Json::Null).await.status, 204);
    assert_eq!(studies().await, 401, "its sessions have ended");
    assert!(house.storage.passkeys_of(&doctor.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn there_are_none_at_a_bare_address() {
    let house = house_at(LoginRules::default(), "https://10.0.0.1").await;
    let cookie = house.cookie("city", Role::Reader).await;
    let list = house.ask(&cookie, "GET", "/api/v1/session/passkeys", &Json::Null).await.json();
    assert_eq!(list["domain"], Json::Null);
    let begun = house.ask("", "POST", "/api/v1/session/passkey/begin", &Json::Null).await;
    assert_eq!(begun.status, 403);
}

fn is(factors: Factors) -> impl Fn(&mut access::Session) {
    move |session| session.factors = factors
}

async fn in_session(house: &House, doctor: &access::Person, factors: Factors) -> String {
    let cookie = house.session(doctor, Duration::ZERO).await;
    let secret = access::Secret::new(cookie.split_once('=').unwrap().1.to_owned());
    house.storage.amend_session(&secret.sha256(), is(factors)).await.unwrap();
    cookie
}

async fn confirmed_code(house: &House, doctor: &access::Person) {
    let mut factor = access::SecondFactor::enrol(doctor.id.clone()).unwrap();
    factor.is_confirmed = true;
    house.storage.put_second_factor(&model::Scope::node("test"), &factor, "").await.unwrap();
}

#[tokio::test]
async fn who_takes_one_of_two_second_factors_off_still_has_the_other() {
    let rules = LoginRules { second_factor_roles: vec![Role::Reader], ..LoginRules::default() };
    let house = house_at(rules, ORIGIN).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let get = async |path: &str| house.ask(&cookie, "GET", path, &Json::Null).await;
    let remove = async |path: &str| house.ask(&cookie, "DELETE", path, &Json::Null).await.status;
    let passkey = async || {
        let list = get("/api/v1/session/passkeys").await.json();
        format!("/api/v1/session/passkeys/{}", list["passkeys"][0]["id"].as_str().unwrap())
    };
    let code = "/api/v1/session/second-factor";
    register(&house, &cookie).await;
    confirmed_code(&house, &doctor).await;
    assert_eq!(remove(&passkey().await).await, 204);
    assert_eq!(get("/api/v1/studies").await.status, 200, "the code is left");

    register(&house, &cookie).await;
    assert_eq!(remove(code).await, 204);
    assert_eq!(get("/api/v1/studies").await.status, 200, "the passkey is left");
    assert_eq!(remove(&passkey().await).await, 204);
    assert_eq!(get("/api/v1/studies").await.problem(), "second-factor-needed", "nothing is left");
}

#[tokio::test]
async fn a_first_passkey_ends_sessions_of_the_password_whatever_the_session_that_registers_it() {
    let house = here().await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let stolen = house.session(&doctor, Duration::ZERO).await;
    let own = in_session(&house, &doctor, Factors::SingleSignOnTwice).await;
    register(&house, &own).await;
    assert_eq!(house.ask(&stolen, "GET", "/api/v1/session", &Json::Null).await.status, 401);
    // A further one ends nothing: the password alone has not logged in since.
    let other = in_session(&house, &doctor, Factors::Passkey).await;
    register(&house, &own).await;
    assert_eq!(house.ask(&other, "GET", "/api/v1/session", &Json::Null).await.status, 200);
}

#[tokio::test]
async fn wrong_answers_are_counted_where_they_are_given() {
    let house = here().await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let mut authenticator = register(&house, &cookie).await;
    let place = Some(std::net::IpAddr::from([203, 0, 113, 5]));
    let ask = async |cookie: &str, path: &str, body: &Json| {
        let headers = [("cookie", cookie)];
        house.send_from(place, &headers, "POST", path, body.to_string()).await
    };
    let wrong = json!({"credential": authenticator.get(&json!({"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}))});
    let (prove, begin) = ("/api/v1/session/proof/passkey", "/api/v1/session/passkey/begin");
    let mut refused = 0;
    while ask(&cookie, prove, &wrong).await.status != 429 {
        refused += 1;
        assert!(refused < 50, "a session is one place");
    }
    assert_eq!(house.audited("too many attempts").await, 1);
    assert_eq!(ask("", begin, &Json::Null).await.status, 200, "the hospital logs in");

    for _ in 0..50 {
        assert_eq!(ask("", "/api/v1/session/passkey", &wrong).await.problem(), "passkey-refused");
    }
    assert_eq!(ask("", begin, &Json::Null).await.status, 429);
    assert_eq!(house.audited("too many attempts").await, 2, "whichever call is the first to be refused");
    let other = house.session(&doctor, Duration::ZERO).await;
    let asked = challenge(&house).await;
    let good = json!({"credential": authenticator.get(&asked)});
    assert_eq!(ask(&other, prove, &good).await.status, 204, "who is logged in goes on");
}
