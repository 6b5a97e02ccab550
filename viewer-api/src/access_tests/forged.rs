//! Cookies and tokens that nobody gave out: each is as good as none, and none says more than another.

use super::{PASSWORD, house};
use crate::LoginRules;
use access::{Role, Secret, Session};
use serde_json::Value as Json;
use time::Duration;

#[tokio::test]
async fn forged_cookies_and_tokens_are_as_good_as_none() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let good = house.session(&doctor, Duration::ZERO).await;
    let secret = good.split_once('=').unwrap().1.to_owned();
    assert_eq!(house.ask(&good, "GET", "/api/v1/studies", &Json::Null).await.status, 200);
    let expired = house.session(&doctor, Duration::hours(13)).await;
    let hash = Secret::new(secret.clone()).sha256().to_string();
    let flipped: String = secret.chars().rev().collect();
    let orphan = Secret::random().unwrap();
    let nobody = model::PersonId::parse("nobody").unwrap();
    let now = time::OffsetDateTime::now_utc();
    let session = Session::begin(orphan.sha256(), nobody, now, Duration::hours(1));
    house.storage.put_session(&session).await.unwrap();

    let cookies = [
        String::new(),
        "farsight_session=".to_owned(),
        "farsight_session=x".to_owned(),
        expired,
        format!("farsight_session={hash}"),
        format!("farsight_session={flipped}"),
        format!("farsight_session={secret}="),
        format!("farsight_session={}", &secret[..42]),
        format!("farsight_session={}", secret.to_lowercase()),
        format!("farsight_session=\"{secret}"),
        format!("Farsight_Session={secret}"),
        format!("farsight={secret}"),
        format!("farsight_session={}", orphan.expose()),
        "farsight_session=' OR 1=1 --".to_owned(),
        format!("farsight_session={}", "A".repeat(8000)),
        "farsight_session=%00".to_owned(),
        format!("farsight_session={}", doctor.id),
    ];
    for cookie in &cookies {
        for path in ["/api/v1/studies", "/dicom-web/studies", "/api/v1/sessions"] {
            let answer = house.ask(cookie, "GET", path, &Json::Null).await;
            assert_eq!(answer.status, 401, "{path} with {cookie:.60}");
            assert!(!answer.body.contains(&secret) && !answer.body.contains("doctor"));
        }
    }
    let tokens = [
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        // A session is no token.
        format!("Bearer {secret}"),
        format!("Bearer {hash}"),
        "Bearer null".to_owned(),
        "Bearer undefined".to_owned(),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJkb2N0b3IifQ.".to_owned(),
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkb2N0b3IiLCJyb2xlIjoiYWRtaW4ifQ.AAAA".to_owned(),
        format!("Bearer {}", "A".repeat(8000)),
        "Bearer ' OR 1=1 --".to_owned(),
        format!("bearer\t{secret}"),
    ];
    for token in &tokens {
        // A bad token is refused even beside a good cookie: whoever sends one means it.
        let headers = [("authorization", token.as_str())];
        let status = house.send(&headers, "GET", "/api/v1/studies", String::new()).await.status;
        assert_eq!(status, 401, "{token:.60}");
    }
    // And the good one still is.
    assert_eq!(house.ask(&good, "GET", "/api/v1/studies", &Json::Null).await.status, 200);
}

#[tokio::test]
async fn guesses_stop_after_ten_and_tell_nothing() {
    let house = house(LoginRules::default()).await;
    let disabled = house.person("disabled", "city", &[Role::Reader]).await;
    let node = model::Scope::node("test");
    house.storage.amend_person(&node, &disabled.id, "", |p| p.is_disabled = true).await.unwrap();
    house.person("doctor", "city", &[Role::Reader]).await;
    let shape = async |login: &str, password: &str| {
        let answer = house.log_in(login, password, None).await;
        let mut body = answer.json();
        body["instance"] = Json::Null;
        (answer.status, body)
    };
    let known = shape("doctor", "wrong password").await;
    assert_eq!(known.0, 401);
    assert_eq!(shape("nobody", "wrong password").await, known);
    assert_eq!(shape("disabled", PASSWORD).await, known);
    let mut statuses = Vec::new();
    for number in 0..12 {
        statuses.push(house.log_in("doctor", &format!("guess number {number}"), None).await.status);
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        9,
        "ten with the one before: {statuses:?}"
    );
    assert_eq!(house.log_in("doctor", PASSWORD, None).await.status, 429, "the right one has to wait, too");
}
