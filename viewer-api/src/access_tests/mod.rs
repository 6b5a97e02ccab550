//! Who gets what from the whole router: two hospitals, a centre, people in each role, over a temporary storage.

mod accounts;
mod alliance;
mod authenticator;
mod emergency;
mod forged;
mod matrix;
mod passkeys;
mod security;
mod sign_on;
mod store;
mod written;

use crate::outside::Outside;
use crate::routes::router;
use crate::{ApiState, LoginRules, SignOnConfig};
use access::{Credential, Organisation, OrganisationKind, Person, Role, Secret, Session};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use consult::authorities::NoAuthorities;
use consult::{ConsultConfig, ConsultService, Fonts, Printer, TimeStamps};
use http_body_util::BodyExt as _;
use model::{Limits, OrgId, Scope};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use storage::{Storage, StorageConfig};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;

pub const PASSWORD: &str = "tidal otter 47";

pub struct House {
    pub storage: Storage,
    pub router: Router,
    _directory: tempfile::TempDir,
}

pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The kind of problem that it tells of.
    pub fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// `city` looks after `township`; `other` is somebody else's.
pub async fn house(rules: LoginRules) -> House {
    house_at(rules, "http://node").await
}

/// The same, reached at an origin.
pub async fn house_at(rules: LoginRules, origin: &str) -> House {
    house_with(rules, origin, None).await
}

/// The same, with a provider of single sign-on.
pub async fn house_with(
    rules: LoginRules,
    origin: &str,
    sign_on: Option<(Arc<dyn Outside>, SignOnConfig)>,
) -> House {
    let set = |state: ApiState| match sign_on {
        Some((outside, config)) => state.with_outside(outside, Some(config)),
        None => state,
    };
    house_of(rules, origin, set).await
}

/// The same, with what is set of the interface's state.
pub async fn house_of(rules: LoginRules, origin: &str, set: impl FnOnce(ApiState) -> ApiState) -> House {
    let directory = tempfile::tempdir().unwrap();
    let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
    let storage = Storage::open(config).await.unwrap();
    let node = Scope::node("test");
    for (id, kind, by) in [
        ("city", OrganisationKind::Centre, None),
        ("township", OrganisationKind::Hospital, Some("city")),
        ("other", OrganisationKind::Hospital, None),
    ] {
        let looked_after_by = by.map(|id| OrgId::parse(id).unwrap());
        let organisation =
            Organisation { looked_after_by, ..Organisation::new(OrgId::parse(id).unwrap(), id, kind) };
        storage.put_organisation(&node, &organisation).await.unwrap();
    }
    let config = ConsultConfig {
        utc_offset: time::UtcOffset::UTC,
        trust_anchors_pem: String::new(),
        verify_url: String::new(),
        lease: std::time::Duration::from_secs(900),
        quiet: std::time::Duration::ZERO,
        time_stamps: TimeStamps::None,
    };
    let printer = Arc::new(Printer::new(&Fonts::default()).unwrap());
    let consults = ConsultService::new(storage.clone(), printer, config, Arc::new(NoAuthorities));
    let state = set(ApiState::new(storage.clone(), consults, origin.into(), Arc::new(Vec::new)));
    House { storage, router: router(state.with_login_rules(rules)), _directory: directory }
}

impl House {
    /// Somebody with a password, whose licence is for CT.
    pub async fn person(&self, login: &str, organisation: &str, roles: &[Role]) -> Person {
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let hash = HASH.get_or_init(|| access::password::hash(&Secret::new(PASSWORD.into())).unwrap());
        let licence = Credential::parse("110310000012345", "", vec!["CT".into()], "2026-01-01", "2049-12-31");
        let person = Person {
            password_hash: hash.clone(),
            credential: licence.ok(),
            ..Person::new(login, login, OrgId::parse(organisation).unwrap(), roles.to_vec())
        };
        self.storage.put_person(&Scope::node("test"), &person).await.unwrap();
        person
    }

    /// A cookie of a session that the person has begun so long ago.
    pub async fn session(&self, person: &Person, ago: Duration) -> String {
        let secret = Secret::random().unwrap();
        let begun = OffsetDateTime::now_utc() - ago;
        let session = Session::begin(secret.sha256(), person.id.clone(), begun, Duration::hours(12));
        self.storage.put_session(&session).await.unwrap();
        format!("farsight_session={}", secret.expose())
    }

    /// The cookie of somebody new in this role.
    pub async fn cookie(&self, organisation: &str, role: Role) -> String {
        let login = format!("{organisation}.{role:?}").to_lowercase();
        let person = self.person(&login, organisation, &[role]).await;
        self.session(&person, Duration::ZERO).await
    }

    pub async fn ask(&self, cookie: &str, method: &str, path: &str, body: &Json) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(&[(header::COOKIE.as_str(), cookie)], method, path, body).await
    }

    pub async fn send(&self, headers: &[(&str, &str)], method: &str, path: &str, body: String) -> Answer {
        self.send_from(None, headers, method, path, body).await
    }

    /// The same from an address.
    pub async fn send_from(
        &self,
        address: Option<IpAddr>,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: String,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-farsight", "1")
            .header("tus-resumable", "1.0.0");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = address {
            request = request.extension(ConnectInfo(SocketAddr::new(address, 50_000)));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Status, headers and body: of several cookies, the one that matters most.
    pub async fn raw(
        &self,
        cookie: &str,
        method: &str,
        path: &str,
    ) -> (u16, HashMap<String, String>, String) {
        self.raw_with(cookie, method, path, String::new()).await
    }

    /// The same with a body.
    pub async fn raw_with(
        &self,
        cookie: &str,
        method: &str,
        path: &str,
        body: String,
    ) -> (u16, HashMap<String, String>, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-farsight", "1")
            .header(header::COOKIE, cookie)
            .body(Body::from(body));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let mut headers = HashMap::<String, String>::new();
        for (name, value) in response.headers() {
            let value = value.to_str().unwrap_or_default().to_owned();
            let is_known =
                headers.get(name.as_str()).is_some_and(|known| known.contains("farsight_session="));
            if !is_known && !value.contains("farsight_browser=") {
                headers.insert(name.to_string(), value);
            }
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// How often something is on the audit chain.
    pub async fn audited(&self, detail: &str) -> usize {
        let events = self.storage.audit_events(&Scope::node("test"), None, 1000).await.unwrap();
        events.iter().filter(|event| event.entry.detail == detail).count()
    }

    pub async fn log_in(&self, login: &str, password: &str, code: Option<&str>) -> Answer {
        let body = json!({"login": login, "password": password, "code": code}).to_string();
        self.send(&[], "POST", "/api/v1/session", body).await
    }
}
