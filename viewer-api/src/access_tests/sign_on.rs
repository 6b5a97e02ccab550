//! Single sign-on with a provider that says what a test has it say. The real one is asked in `tests/browser`.

use super::{House, PASSWORD, house_with};
use crate::outside::{CalledFor, Fetched, NotReached, Outside};
use crate::{LoginRules, SignOnConfig};
use access::sign_on::SignOn;
use access::{Invitation, Role, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use time::{Duration, OffsetDateTime};

const ORIGIN: &str = "https://reading.example.org";
const ISSUER: &str = "https://id.example.org";
const CALLBACK: &str = "/api/v1/session/sign-on/callback";

/// What the provider will say, and what it was asked.
#[derive(Default)]
struct Play {
    claims: Json,
    key: u8,
    asked: Vec<HashMap<String, String>>,
    codes: Vec<String>,
}

#[derive(Clone, Default)]
struct FakeProvider(Arc<Mutex<Play>>);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed + 1; 32]).unwrap()
}

fn jwt(claims: &Json, seed: u8) -> String {
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT", "kid": "k"})), part(claims));
    let signature: Signature = key(seed).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

impl FakeProvider {
    fn answer(&self, request: &http::Request<Vec<u8>>) -> (u16, Json) {
        let mut play = self.0.lock().unwrap();
        match request.uri().path() {
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/auth"),
                    "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/jwks"),
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                }),
            ),
            "/jwks" => {
                let point = key(0).verifying_key().to_sec1_point(false);
                let point = point.as_bytes();
                let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
                let jwk = json!({
                    "kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256",
                    "x": part(1..33), "y": part(33..65),
                });
                (200, json!({"keys": [jwk]}))
            }
            "/token" => {
                let body: HashMap<String, String> =
                    form_urlencoded::parse(request.body()).into_owned().collect();
                let code = body["code"].clone();
                play.asked.push(body);
                if play.codes.contains(&code) {
                    return (400, json!({"error": "invalid_grant"}));
                }
                play.codes.push(code);
                let token = jwt(&play.claims, play.key);
                (200, json!({"access_token": "a", "token_type": "Bearer", "id_token": token}))
            }
            _ => (404, json!({})),
        }
    }
}

impl Outside for FakeProvider {
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetched<'_> {
        let (status, body) = self.answer(&request);
        Box::pin(async move {
            http::Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(body.to_string().into_bytes())
                .map_err(|error| NotReached(error.to_string()))
        })
    }

    fn is_internal<'a>(
        &'a self,
        _: CalledFor,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move { url.contains("internal") })
    }
}

async fn here(provider: &FakeProvider) -> House {
    let config = SignOnConfig {
        name: "市医联体".into(),
        issuer: ISSUER.into(),
        client_id: "farsight".into(),
        client_secret: Some(access::Secret::new("client secret".into())),
        second_factor_amr: vec!["mfa".into()],
        second_factor_acr: Vec::new(),
    };
    house_with(LoginRules::default(), ORIGIN, Some((Arc::new(provider.clone()), config))).await
}

/// Somebody on the way to the provider: what their browser keeps, and what they were sent with.
struct Away {
    cookie: String,
    sent: HashMap<String, String>,
}

async fn go(house: &House) -> Away {
    let (status, headers, _) = house.raw("", "GET", "/api/v1/session/sign-on").await;
    assert_eq!(status, 303);
    away(&headers["location"], &headers["set-cookie"])
}

fn away(url: &str, set_cookie: &str) -> Away {
    let query = url.strip_prefix("https://id.example.org/auth?").unwrap();
    Away {
        cookie: set_cookie.split(';').next().unwrap().to_owned(),
        sent: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
    }
}

fn good(away: &Away) -> Json {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    json!({
        "iss": ISSUER, "aud": "farsight", "sub": "staff-7", "nonce": away.sent["nonce"],
        "iat": now, "exp": now + 300,
    })
}

/// Where the node sends somebody on who comes back like this, and the session that they have then.
async fn come_back(house: &House, cookie: &str, query: &str) -> (String, Option<String>) {
    let (status, headers, body) = house.raw(cookie, "GET", &format!("{CALLBACK}?{query}")).await;
    assert_eq!(status, 200, "{body}");
    let to = body.split("url=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let session = headers.get("set-cookie").filter(|c| c.contains("farsight_session=")).cloned();
    (to, session)
}

async fn bound(house: &House, login: &str) -> access::Person {
    let doctor = house.person(login, "city", &[Role::Reader]).await;
    let bound_at = OffsetDateTime::now_utc();
    let sign_on =
        SignOn { person: doctor.id.clone(), issuer: ISSUER.into(), subject: "staff-7".into(), bound_at };
    house.storage.bind_sign_on(&model::Scope::node("test"), &sign_on).await.unwrap();
    doctor
}

#[tokio::test]
async fn a_bound_account_logs_in_and_an_unbound_one_gets_nothing() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    let ways = house.ask("", "GET", "/api/v1/session/ways", &Json::Null).await.json();
    assert_eq!(ways["sign_on"], "市医联体");
    let first = go(&house).await;
    assert_eq!(first.sent["redirect_uri"], format!("{ORIGIN}{CALLBACK}"));
    assert_eq!((&first.sent["code_challenge_method"][..], &first.sent["scope"][..]), ("S256", "openid"));
    provider.0.lock().unwrap().claims = good(&first);
    let state = format!("code=1&state={}", first.sent["state"]);
    assert_eq!(come_back(&house, &first.cookie, &state).await, ("/?sign_on=unknown".to_owned(), None));
    assert!(provider.0.lock().unwrap().asked[0].contains_key("code_verifier"));

    bound(&house, "doctor").await;
    let second = go(&house).await;
    provider.0.lock().unwrap().claims = good(&second);
    let state = format!("code=2&state={}&iss={ISSUER}", second.sent["state"]);
    let (to, session) = come_back(&house, &second.cookie, &state).await;
    assert_eq!((to.as_str(), session.is_some()), ("/", true));
}

#[tokio::test]
async fn what_cannot_be_believed_logs_nobody_in() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    bound(&house, "doctor").await;
    let past = OffsetDateTime::now_utc().unix_timestamp() - 3600;
    type Forge<'a> = dyn Fn(&mut Json) + 'a;
    let forgeries: [(&str, &Forge<'_>); 8] = [
        ("another's nonce", &|claims| claims["nonce"] = json!("another")),
        ("no nonce", &|claims| claims["nonce"] = Json::Null),
        ("for another client", &|claims| claims["aud"] = json!("another")),
        ("for others, too", &|claims| claims["aud"] = json!(["farsight", "another"])),
        ("of another issuer", &|claims| claims["iss"] = json!("https://evil.example.org")),
        ("expired", &|claims| claims["exp"] = json!(past)),
        ("for whom another was authorised", &|claims| {
            claims["aud"] = json!(["farsight"]);
            claims["azp"] = json!("another");
        }),
        ("of nobody", &|claims| claims["sub"] = json!("")),
    ];
    for (number, (what, forge)) in forgeries.into_iter().enumerate() {
        let away = go(&house).await;
        let mut claims = good(&away);
        forge(&mut claims);
        provider.0.lock().unwrap().claims = claims;
        let query = format!("code=f{number}&state={}", away.sent["state"]);
        let (to, session) = come_back(&house, &away.cookie, &query).await;
        assert!(to.starts_with("/?sign_on=") && session.is_none(), "{what}: {to}");
    }
    let away = go(&house).await;
    {
        let mut play = provider.0.lock().unwrap();
        play.claims = good(&away);
        play.key = 1;
    }
    let query = format!("code=k&state={}", away.sent["state"]);
    assert_eq!(come_back(&house, &away.cookie, &query).await.0, "/?sign_on=refused", "another's key");
}

#[tokio::test]
async fn a_state_counts_once_and_in_the_browser_that_it_was_given_to() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    bound(&house, "doctor").await;
    let (mine, theirs) = (go(&house).await, go(&house).await);
    provider.0.lock().unwrap().claims = good(&mine);
    let query = format!("code=1&state={}", mine.sent["state"]);
    for (what, cookie, query) in [
        ("in another browser", theirs.cookie.as_str(), query.as_str()),
        ("without the cookie", "", query.as_str()),
        ("without a state", mine.cookie.as_str(), "code=1"),
        ("made up", "farsight_sign_on=x", "code=1&state=x"),
    ] {
        assert_eq!(come_back(&house, cookie, query).await.0, "/?sign_on=refused", "{what}");
    }
    let other = format!("{query}&iss=https%3A%2F%2Fevil.example.org");
    assert_eq!(come_back(&house, &mine.cookie, &other).await.0, "/?sign_on=refused", "from another issuer");
    assert_eq!(come_back(&house, &mine.cookie, &query).await.0, "/?sign_on=refused", "a replay");
    let cancelled = go(&house).await;
    let query = format!("error=access_denied&state={}", cancelled.sent["state"]);
    assert_eq!(come_back(&house, &cancelled.cookie, &query).await.0, "/?sign_on=cancelled");
}

/// Pictures in a page of another site whose addresses are this node's: a whole hospital's browsers send such questions.
#[tokio::test]
async fn a_page_of_another_site_keeps_no_hospital_from_logging_in() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    house.person("doctor", "city", &[Role::Reader]).await;
    let hospital = Some(std::net::IpAddr::from([203, 0, 113, 5]));
    let path = format!("{CALLBACK}?code=1&state=x");
    for _ in 0..60 {
        assert_eq!(house.send_from(hospital, &[], "GET", &path, String::new()).await.status, 200);
    }
    let body = json!({"login": "doctor", "password": PASSWORD}).to_string();
    let entered = house.send_from(hospital, &[], "POST", "/api/v1/session", body).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(house.audited("single sign-on: state").await, 10, "it does not fill the audit chain either");

    let begin = "/api/v1/session/sign-on";
    let as_picture = [("sec-fetch-dest", "image"), ("sec-fetch-site", "cross-site")];
    for _ in 0..260 {
        assert_eq!(house.send_from(hospital, &as_picture, "GET", begin, String::new()).await.status, 403);
    }
    let as_page = [("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")];
    assert_eq!(house.send_from(hospital, &as_page, "GET", begin, String::new()).await.status, 303);
}

#[tokio::test]
async fn one_factor_elsewhere_is_no_way_around_the_second_here() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    let doctor = bound(&house, "doctor").await;
    let mut factor = access::SecondFactor::enrol(doctor.id.clone()).unwrap();
    factor.is_confirmed = true;
    house.storage.put_second_factor(&model::Scope::node("test"), &factor, "").await.unwrap();
    for (number, (amr, expected)) in
        [(json!(["pwd"]), "/?sign_on=second_factor"), (json!(["pwd", "mfa"]), "/")].into_iter().enumerate()
    {
        let away = go(&house).await;
        let mut claims = good(&away);
        claims["amr"] = amr;
        provider.0.lock().unwrap().claims = claims;
        let query = format!("code={number}&state={}", away.sent["state"]);
        assert_eq!(come_back(&house, &away.cookie, &query).await.0, expected);
    }
}

#[tokio::test]
async fn its_holder_binds_an_account_after_a_fresh_proof_and_takes_it_off() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let path = "/api/v1/session/sign-on/binding";
    let stale = house.session(&doctor, Duration::minutes(6)).await;
    assert_eq!(house.ask(&stale, "POST", path, &Json::Null).await.problem(), "proof-needed");
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let (status, headers, body) = house.raw(&cookie, "POST", path).await;
    assert_eq!(status, 200, "{body}");
    let url: Json = serde_json::from_str(&body).unwrap();
    let gone = away(url["url"].as_str().unwrap(), &headers["set-cookie"]);
    provider.0.lock().unwrap().claims = good(&gone);
    let query = format!("code=1&state={}", gone.sent["state"]);
    assert_eq!(come_back(&house, &gone.cookie, &query).await.0, "/account?sign_on=bound");
    assert_eq!(house.ask(&cookie, "GET", path, &Json::Null).await.json()["is_bound"], json!(true));
    assert_eq!(house.ask(&cookie, "DELETE", path, &Json::Null).await.status, 204);
    assert_eq!(house.ask(&cookie, "GET", path, &Json::Null).await.json()["is_bound"], json!(false));
}

/// Somebody invited, and the secret of their link.
async fn invited(house: &House, login: &str) -> (access::Person, Secret) {
    let person =
        access::Person { password_hash: String::new(), ..house.person(login, "city", &[Role::Reader]).await };
    let (node, secret) = (model::Scope::node("test"), Secret::random().unwrap());
    house.storage.put_person(&node, &person).await.unwrap();
    let invitation = Invitation::new(secret.sha256(), person.id.clone(), OffsetDateTime::now_utc());
    house.storage.put_invitation(&node, &invitation).await.unwrap();
    (person, secret)
}

async fn go_to_join(house: &House, secret: &Secret) -> Away {
    let body = json!({"secret": secret.expose()}).to_string();
    let (status, headers, body) = house.raw_with("", "POST", "/api/v1/invitations/sign-on", body).await;
    assert_eq!(status, 200, "{body}");
    let url: Json = serde_json::from_str(&body).unwrap();
    away(url["url"].as_str().unwrap(), &headers["set-cookie"])
}

/// Comes back as this account at the provider, with this code.
async fn join(
    house: &House,
    provider: &FakeProvider,
    away: &Away,
    subject: &str,
    code: &str,
) -> (String, Option<String>) {
    let mut claims = good(away);
    claims["sub"] = json!(subject);
    provider.0.lock().unwrap().claims = claims;
    come_back(house, &away.cookie, &format!("code={code}&state={}", away.sent["state"])).await
}

#[tokio::test]
async fn who_is_invited_takes_it_up_at_the_provider_once_and_has_no_password() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    let (person, secret) = invited(&house, "new").await;
    let look = json!({"secret": "another"});
    assert_eq!(house.ask("", "POST", "/api/v1/invitations/sign-on", &look).await.problem(), "not-found");

    let (first, second) = (go_to_join(&house, &secret).await, go_to_join(&house, &secret).await);
    let (to, session) = join(&house, &provider, &first, "staff-9", "1").await;
    assert_eq!(to, "/");
    let cookie = session.unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(
        house.ask(&cookie, "GET", "/api/v1/session", &Json::Null).await.json()["person"]["login"],
        "new"
    );
    assert_eq!(house.audited("single sign-on bound by invitation").await, 1);
    assert_eq!(house.storage.person(&person.id).await.unwrap().password_hash, "");
    // The link is used up: for whoever was on the way with it, and for a password.
    let (to, session) = join(&house, &provider, &second, "staff-10", "2").await;
    assert_eq!((to.as_str(), session), ("/?sign_on=invitation_gone", None));
    let take = json!({"secret": secret.expose(), "password": "quiet heron 31"});
    assert_eq!(house.ask("", "POST", "/api/v1/invitations/take", &take).await.status, 404);

    let again = go(&house).await;
    let (to, session) = join(&house, &provider, &again, "staff-9", "3").await;
    assert_eq!((to.as_str(), session.is_some()), ("/", true), "from now on it logs in");
}

#[tokio::test]
async fn an_invitation_is_taken_by_nobody_elses_account_and_by_no_less_than_the_account_takes() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    bound(&house, "doctor").await;
    let (person, secret) = invited(&house, "new").await;
    let away = go_to_join(&house, &secret).await;
    let (to, session) = join(&house, &provider, &away, "staff-7", "1").await;
    assert_eq!((to.as_str(), session), ("/?sign_on=taken", None), "it is the doctor's");

    let mut factor = access::SecondFactor::enrol(person.id.clone()).unwrap();
    factor.is_confirmed = true;
    house.storage.put_second_factor(&model::Scope::node("test"), &factor, "").await.unwrap();
    let away = go_to_join(&house, &secret).await;
    let (to, session) = join(&house, &provider, &away, "staff-9", "2").await;
    assert_eq!((to.as_str(), session), ("/?sign_on=second_factor", None));
    let look = json!({"secret": secret.expose()});
    assert_eq!(
        house.ask("", "POST", "/api/v1/invitations/look", &look).await.status,
        200,
        "it is open still"
    );
    house
        .storage
        .put_person(&model::Scope::node("test"), &access::Person { is_disabled: true, ..person })
        .await
        .unwrap();
    let begun = house.ask("", "POST", "/api/v1/invitations/sign-on", &look).await;
    assert_eq!(begun.problem(), "not-found", "of an account that is disabled");
}

/// Whoever took a link that was not theirs is out when its owner has taken another.
#[tokio::test]
async fn a_new_invitation_takes_off_what_was_bound_by_the_one_before() {
    let provider = FakeProvider::default();
    let house = here(&provider).await;
    let (person, secret) = invited(&house, "new").await;
    let away = go_to_join(&house, &secret).await;
    let (_, session) = join(&house, &provider, &away, "thief", "1").await;
    let thief = session.unwrap().split(';').next().unwrap().to_owned();
    let secret = Secret::random().unwrap();
    let invitation = Invitation::new(secret.sha256(), person.id.clone(), OffsetDateTime::now_utc());
    house.storage.put_invitation(&model::Scope::node("test"), &invitation).await.unwrap();
    let take = json!({"secret": secret.expose(), "password": "quiet heron 31"});
    assert_eq!(house.ask("", "POST", "/api/v1/invitations/take", &take).await.status, 204);
    assert_eq!(house.ask(&thief, "GET", "/api/v1/session", &Json::Null).await.status, 401);
    let again = go(&house).await;
    let (to, session) = join(&house, &provider, &again, "thief", "2").await;
    assert_eq!((to.as_str(), session), ("/?sign_on=unknown", None));
}

#[tokio::test]
async fn an_address_in_an_internal_network_is_refused_when_it_is_set() {
    let house = here(&FakeProvider::default()).await;
    let admin = house.person("admin", "city", &[Role::Administrator]).await;
    let cookie = house.session(&admin, Duration::ZERO).await;
    let doctor = house.person("doctor", "city", &[Role::Reader]).await;
    let doctor = house.session(&doctor, Duration::ZERO).await;
    let route = |host: &str| json!({"name": "x", "method": "stow", "url": format!("https://{host}/"), "forms": ["sr"]});
    let hook = |host: &str| json!({"url": format!("https://{host}/")});
    for (path, body) in
        [("/api/v1/webhook", &hook as &dyn Fn(&str) -> Json), ("/api/v1/return-routes/pacs", &route)]
    {
        assert_eq!(
            house.ask(&cookie, "PUT", path, &body("internal.example.org")).await.problem(),
            "invalid",
            "{path}"
        );
        assert_eq!(house.ask(&cookie, "PUT", path, &body("example.org")).await.status, 200, "{path}");
        // Whoever may not set one is not told what is internal.
        assert_eq!(
            house.ask(&doctor, "PUT", path, &body("internal.example.org")).await.problem(),
            "forbidden"
        );
    }
}
