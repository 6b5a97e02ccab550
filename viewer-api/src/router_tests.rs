//! The router as somebody sees it who logs in, over a temporary storage; one test for each fault that was found.

use crate::ApiState;
use crate::routes::router;
use access::{Organisation, OrganisationKind, Person, Role, Secret};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use consult::authorities::NoAuthorities;
use consult::{ConsultConfig, ConsultService, Fonts, Printer, TimeStamps};
use model::{Limits, OrgId, PersonId, Scope};
use std::sync::Arc;
use storage::{Storage, StorageConfig};
use tower::ServiceExt as _;

const PASSWORD: &str = "a good password";

async fn house(directory: &tempfile::TempDir, people: &[(&str, Role)]) -> Router {
    house_with_origins(directory, people, &[]).await
}

async fn house_with_origins(
    directory: &tempfile::TempDir,
    people: &[(&str, Role)],
    origins: &[&str],
) -> Router {
    let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
    let storage = Storage::open(config).await.unwrap();
    let node = Scope::node("test");
    let organisation = OrgId::parse("township").unwrap();
    let township = Organisation::new(organisation.clone(), "卫生院", OrganisationKind::Hospital);
    storage.put_organisation(&node, &township).await.unwrap();
    for (login, role) in people {
        let person = Person {
            id: PersonId::new(),
            login: (*login).to_owned(),
            name: (*login).to_owned(),
            title: String::new(),
            organisation: organisation.clone(),
            roles: vec![*role],
            password_hash: access::password::hash(&Secret::new(PASSWORD.into())).unwrap(),
            is_disabled: false,
            credential: None,
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        };
        storage.put_person(&node, &person).await.unwrap();
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
    let ohif = Some(directory.path().join("ohif")).filter(|folder| folder.is_dir());
    let state = ApiState::new(storage, consults, "http://node".into(), Arc::new(Vec::new)).with_ohif(ohif);
    router(state.with_cors_origins(origins.iter().map(|&origin| origin.to_owned()).collect()))
}

async fn log_in(router: &Router, login: &str) -> String {
    let body = serde_json::json!({"login": login, "password": PASSWORD}).to_string();
    let request = Request::post("/api/v1/session").body(Body::from(body)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    // The browser's own cookie comes along.
    let mut cookies = response.headers().get_all(header::SET_COOKIE).iter().map(|one| one.to_str().unwrap());
    let session = cookies.find(|one| one.starts_with(crate::auth::SESSION_COOKIE)).unwrap();
    session.split(';').next().unwrap().to_owned()
}

async fn status(router: &Router, cookie: &str, path: &str) -> StatusCode {
    let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn who_looks_after_the_node_sees_no_consults() {
    let directory = tempfile::tempdir().unwrap();
    let people = [
        ("admin", Role::Administrator),
        ("security", Role::SecurityOfficer),
        ("auditor", Role::Auditor),
        ("doctor", Role::Requester),
    ];
    let router = house(&directory, &people).await;
    let consult = "/api/v1/consults/01a2077e-2f43-74a0-8029-0ef7c3507664";
    for (login, _) in people {
        let cookie = log_in(&router, login).await;
        let (list, one) = if login == "doctor" {
            (StatusCode::OK, StatusCode::NOT_FOUND)
        } else {
            (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
        };
        assert_eq!(status(&router, &cookie, "/api/v1/consults").await, list, "{login}");
        for end in
            ["", "/report/preview", "/report.pdf", "/report.json", "/report.p7s", "/chain.pem", "/verify"]
        {
            assert_eq!(status(&router, &cookie, &format!("{consult}{end}")).await, one, "{login} {end}");
        }
    }
}

#[tokio::test]
async fn another_site_logs_nobody_in_and_a_long_login_is_only_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let router = house(&directory, &[("doctor", Role::Requester)]).await;
    let good = serde_json::json!({"login": "doctor", "password": PASSWORD}).to_string();
    let request = Request::post("/api/v1/session")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(good))
        .unwrap();
    assert_eq!(router.clone().oneshot(request).await.unwrap().status(), StatusCode::FORBIDDEN);
    for (length, answer) in [(6_000, StatusCode::UNAUTHORIZED), (100_000, StatusCode::PAYLOAD_TOO_LARGE)] {
        let long =
            serde_json::json!({"login": "a".repeat(length), "password": "b".repeat(length)}).to_string();
        let request = Request::post("/api/v1/session").body(Body::from(long)).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), answer, "{length}");
    }
}

#[tokio::test]
async fn a_fault_in_query_or_path_is_a_problem_document() {
    let directory = tempfile::tempdir().unwrap();
    let router = house(&directory, &[("doctor", Role::Requester)]).await;
    let cookie = log_in(&router, "doctor").await;
    for (path, status) in [("/api/v1/studies?limit=abc", 422), ("/api/v1/studies/%ff/1.2", 404)] {
        let request = Request::get(path).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_use_dicomweb_only_where_they_are_named() {
    let ask = async |router: &Router, method: &str, path: &str, origin: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization");
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (text(header::ACCESS_CONTROL_ALLOW_ORIGIN), text(header::ACCESS_CONTROL_ALLOW_CREDENTIALS))
    };
    let (ours, other) = ("https://viewer.example.org", "https://evil.example.org");
    let directory = tempfile::tempdir().unwrap();
    let named = house_with_origins(&directory, &[], &[ours]).await;
    let allowed = (Some(ours.to_owned()), Some("true".to_owned()));
    for path in ["/dicom-web/studies", "/wado?requestType=WADO"] {
        assert_eq!(ask(&named, "OPTIONS", path, ours).await, allowed, "{path}");
        assert_eq!(ask(&named, "GET", path, ours).await, allowed, "{path}");
        assert_eq!(ask(&named, "OPTIONS", path, other).await.0, None, "{path}");
    }
    assert_eq!(ask(&named, "OPTIONS", "/api/v1/studies", ours).await.0, None);
    let directory = tempfile::tempdir().unwrap();
    let nobody = house(&directory, &[]).await;
    assert_eq!(ask(&nobody, "OPTIONS", "/dicom-web/studies", ours).await, (None, None));
    let directory = tempfile::tempdir().unwrap();
    let anybody = house_with_origins(&directory, &[], &["*"]).await;
    let without_cookies = (Some("*".to_owned()), None);
    assert_eq!(ask(&anybody, "GET", "/dicom-web/studies", other).await, without_cookies);
}

#[tokio::test]
async fn ohif_is_for_those_who_see_images_under_a_policy_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("ohif/3.13.2-1");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("app.js"), "script").unwrap();
    std::fs::write(directory.path().join("ohif/index.html"), "page").unwrap();
    std::fs::write(directory.path().join("secret"), "not for the web").unwrap();
    let router = house(&directory, &[("doctor", Role::Requester), ("admin", Role::Administrator)]).await;
    let ask = async |cookie: &str, path: &str| {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let text = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (caching, policy) = (text(header::CACHE_CONTROL), text(header::CONTENT_SECURITY_POLICY));
        (response.status().as_u16(), caching, policy)
    };
    let doctor = log_in(&router, "doctor").await;
    for page in ["/ohif", "/ohif/", "/ohif/viewer?StudyInstanceUIDs=1.2"] {
        assert_eq!(ask("", page).await.0, 303, "{page}");
        let (status, caching, policy) = ask(&doctor, page).await;
        assert_eq!((status, caching.as_str()), (200, "no-cache"), "{page}");
        assert!(policy.contains("'unsafe-eval'") && policy.contains("default-src 'self'"), "{policy}");
    }
    let asset = "/ohif/3.13.2-1/app.js";
    assert_eq!(ask("", asset).await.0, 401);
    let (status, caching, _) = ask(&doctor, asset).await;
    assert!(status == 200 && caching.contains("immutable"), "{status} {caching}");
    for missing in
        ["/ohif/3.13.2-1/other.js", "/ohif/3.13.2-1/../../secret", "/ohif/3.13.2-1/%2e%2e/%2e%2e/secret"]
    {
        let status = ask(&doctor, missing).await.0;
        assert!(status == 404, "{missing}: {status}");
    }
    assert_eq!(ask(&log_in(&router, "admin").await, "/ohif/").await.0, 403);
    let (_, _, policy) = ask(&doctor, "/api/v1/session").await;
    assert!(!policy.contains("'unsafe-eval'"), "only there: {policy}");
}

/// Whatever is written into a page by mistake is not run: scripts come as files of this node, or not at all.
#[tokio::test]
async fn no_page_runs_a_script_that_is_written_into_it() {
    let directory = tempfile::tempdir().unwrap();
    let router = house(&directory, &[("doctor", Role::Requester)]).await;
    let cookie = log_in(&router, "doctor").await;
    for page in ["/", "/cases/1", "/verify", "/api/docs", "/api/v1/session", "/ohif"] {
        let request = Request::get(page).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let scripts = policy.split(';').find_map(|rule| rule.trim().strip_prefix("script-src ")).unwrap();
        let allowed: Vec<&str> = scripts.split(' ').collect();
        assert!(allowed.contains(&"'self'"), "{page}: {policy}");
        for loose in ["'unsafe-inline'", "*", "data:", "http:", "https:"] {
            assert!(!allowed.contains(&loose), "{page}: {policy}");
        }
        assert!(
            policy.contains("base-uri 'none'") && policy.contains("object-src 'self'"),
            "{page}: {policy}"
        );
    }
}
