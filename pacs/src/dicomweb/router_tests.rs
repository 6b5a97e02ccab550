//! The router as a client sees it, over a temporary storage; one test for each fault that was found.

#[allow(dead_code, reason = "made for the storage's own tests")]
#[path = "../../../storage/tests/support/build.rs"]
pub(super) mod build;

use access::{Caller, Right, Secret, Token};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use build::{CT, Instance};
use dataset::{TransferSyntax, VR, part10, tags};
use http_body_util::BodyExt as _;
use model::{Limits, OrgId, TokenId, Uid};
use serde_json::Value as Json;
use storage::{Storage, StorageConfig};
use tower::ServiceExt as _;

pub(super) struct House {
    pub router: Router,
    pub storage: Storage,
    pub _directory: tempfile::TempDir,
}

pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) const ALL: [Right; 3] = [Right::Store, Right::Search, Right::Retrieve];

impl House {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        Self { router: super::router(storage.clone(), "http://node"), storage, _directory: directory }
    }

    pub async fn send(&self, caller: Option<&[Right]>, request: Request<Body>) -> Answer {
        let mut request = request;
        if let Some(rights) = caller {
            let secret = Secret::new("x".into()).sha256();
            let township = OrgId::parse("township").unwrap();
            let token = Token::new(TokenId::new(), secret, township, rights.to_vec());
            request.extensions_mut().insert(Caller::token(&token, None));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, accept: &str) -> Answer {
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        self.send(Some(&ALL), request).await
    }

    pub async fn store(&self, path: &str, files: &[Vec<u8>]) -> Answer {
        self.store_body(path, [body_of(files), b"\r\n--b--\r\n".to_vec()].concat()).await
    }

    pub async fn store_body(&self, path: &str, body: Vec<u8>) -> Answer {
        let content_type = "multipart/related; type=\"application/dicom\"; boundary=b";
        // As a connection brings it.
        let pieces: Vec<_> =
            body.chunks(64 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let request = Request::post(path).header(header::CONTENT_TYPE, content_type).body(body).unwrap();
        self.send(Some(&ALL), request).await
    }
}

fn body_of(files: &[Vec<u8>]) -> Vec<u8> {
    let part =
        |file: &Vec<u8>| [b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n".as_slice(), file].concat();
    files.iter().flat_map(part).collect()
}

pub(super) fn file(instance: &Instance, syntax: &str, dataset: Vec<u8>) -> Vec<u8> {
    let syntax = TransferSyntax::parse(syntax).unwrap();
    [part10::head(&syntax, &Uid::parse(CT).unwrap(), &instance.instance_uid()), dataset].concat()
}

pub(super) fn plain(instance: &Instance) -> Vec<u8> {
    file(instance, TransferSyntax::EXPLICIT_LITTLE, instance.bytes())
}

pub(super) const INSTANCE: &str = "/studies/1.2.3.1/series/1.2.3.1.1/instances/1.2.3.1.1.1";

#[tokio::test]
async fn what_is_stored_below_another_organisation_is_refused() {
    let house = House::new().await;
    let files = [plain(&Instance::default())];
    assert_eq!(house.store("/orgs/city/studies", &files).await.status, StatusCode::FORBIDDEN);
    let own = house.store("/orgs/township/studies", &files).await;
    assert_eq!(own.status, StatusCode::OK);
    assert_eq!(own.json()["00081190"]["Value"][0], "http://node/dicom-web/orgs/township/studies/1.2.3.1");
    let found = house.get("/orgs/township/studies", "*/*").await.json();
    assert_eq!(found[0]["00081190"]["Value"][0], "http://node/dicom-web/orgs/township/studies/1.2.3.1");
}

#[tokio::test]
async fn an_instance_that_is_kept_apart_is_a_warning() {
    let house = House::new().await;
    assert_eq!(house.store("/studies", &[plain(&Instance::default())]).await.status, StatusCode::OK);
    assert_eq!(house.store("/studies", &[plain(&Instance::default())]).await.status, StatusCode::OK);
    let other = house.store("/studies", &[plain(&Instance { seed: 9, ..Instance::default() })]).await;
    assert_eq!(other.status, StatusCode::ACCEPTED);
    assert_eq!(other.json()["00081199"]["Value"][0]["00081196"]["Value"][0], 0xB000);
}

#[tokio::test]
async fn a_failed_instance_is_named() {
    let house = House::new().await;
    let bad = Instance { number: 2, ..Instance::default() };
    let mut cut = plain(&bad);
    cut.truncate(cut.len() - 700);
    let answer = house.store("/studies", &[plain(&Instance::default()), cut]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let failed = &answer.json()["00081198"]["Value"][0];
    assert_eq!(failed["00081150"]["Value"][0], CT);
    assert_eq!(failed["00081155"]["Value"][0], bad.instance_uid().as_str());
    assert_eq!(failed["00081197"]["Value"][0], 0xC000);
}

#[tokio::test]
async fn what_came_before_a_broken_part_is_answered_for() {
    let house = House::new().await;
    let mut body = body_of(&[plain(&Instance::default())]);
    body.extend_from_slice(b"\r\n--b\r\nContent-Type: appli");
    let answer = house.store_body("/studies", body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json()["00081199"]["Value"][0]["00081155"]["Value"][0], "1.2.3.1.1.1");
    assert_eq!(house.store_body("/studies", b"--b\r\nConte".to_vec()).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_route_asks_for_its_right() {
    let house = House::new().await;
    house.store("/studies", &[plain(&Instance::default())]).await;
    let study = "/studies/1.2.3.1";
    for prefix in ["", "/orgs/township"] {
        for path in ["/studies".to_owned(), "/series".into(), "/instances".into(), format!("{study}/series")]
        {
            let get = || Request::get(format!("{prefix}{path}")).body(Body::empty()).unwrap();
            let answer = house.send(Some(&[Right::Store, Right::Retrieve]), get()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(house.send(None, get()).await.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        let bulk = format!("{INSTANCE}/bulkdata/7FE00010");
        for path in ["", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/frames/1/rendered"]
            .map(|end| format!("{INSTANCE}{end}"))
            .into_iter()
            .chain([study.to_owned(), format!("{study}/metadata"), format!("{study}/thumbnail"), bulk])
        {
            let get = || Request::get(format!("{prefix}{path}")).body(Body::empty()).unwrap();
            let answer = house.send(Some(&[Right::Store, Right::Search]), get()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            let nobody = house.send(None, get()).await;
            assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(nobody.header(header::WWW_AUTHENTICATE), "Bearer");
            assert_eq!(house.send(Some(&ALL), get()).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn who_accepts_nothing_gets_nothing() {
    let house = House::new().await;
    house.store("/studies", &[plain(&Instance::default())]).await;
    for end in ["", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/bulkdata/7FE00010"] {
        let answer = house.get(&format!("{INSTANCE}{end}"), "*/*;q=0").await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{end}");
    }
}

#[tokio::test]
async fn no_stored_object_can_forge_parts() {
    let house = House::new().await;
    house.store("/studies", &[plain(&Instance::default())]).await;
    let path = format!("{INSTANCE}/frames/1");
    let accept = "multipart/related; type=application/octet-stream; transfer-syntax=*";
    let (first, second) = (house.get(&path, accept).await, house.get(&path, accept).await);
    assert_ne!(first.header(header::CONTENT_TYPE), second.header(header::CONTENT_TYPE));
    assert_eq!(first.header(header::ETAG), second.header(header::ETAG));
}

#[tokio::test]
async fn a_single_part_is_sent_by_range() {
    let house = House::new().await;
    let file = plain(&Instance::default());
    house.store("/studies", std::slice::from_ref(&file)).await;
    let ranged = |range: &str| {
        Request::get(INSTANCE)
            .header(header::ACCEPT, "application/dicom; transfer-syntax=*")
            .header(header::RANGE, range)
            .body(Body::empty())
            .unwrap()
    };
    let piece = house.send(Some(&ALL), ranged("bytes=128-131")).await;
    assert_eq!((piece.status, piece.body.as_slice()), (StatusCode::PARTIAL_CONTENT, b"DICM".as_slice()));
    assert_eq!(piece.header(header::CONTENT_RANGE), format!("bytes 128-131/{}", file.len()));
    let whole = house.get(INSTANCE, "application/dicom; transfer-syntax=*").await;
    assert_eq!((whole.status, whole.body), (StatusCode::OK, file));
    let outside = house.send(Some(&ALL), ranged("bytes=99999999-")).await;
    assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn the_pixels_of_an_icon_are_not_the_pixels_of_the_image() {
    let house = House::new().await;
    let instance = Instance::default();
    let mut icon = dataset::Dataset::new();
    icon.put_bytes(tags::PIXEL_DATA, VR::OB, vec![7; 16]);
    let mut with_icon = instance.dataset();
    with_icon.put_items(tags::ICON_IMAGE_SEQUENCE, vec![icon]);
    // The plain form's end is what the encapsulated form has behind its data set.
    let rle = TransferSyntax::parse(TransferSyntax::RLE).unwrap();
    let plain_head = dataset::write::to_bytes(&instance.dataset(), &rle).len();
    let mut bytes = dataset::write::to_bytes(&with_icon, &rle);
    bytes.extend_from_slice(&instance.encapsulated(1)[plain_head..]);
    let stored = house.store("/studies", &[file(&instance, TransferSyntax::RLE, bytes)]).await;
    assert_eq!(stored.status, StatusCode::OK, "{}", String::from_utf8_lossy(&stored.body));
    let answer = house.get(&format!("{INSTANCE}/bulkdata/00880200/1/7FE00010"), "*/*").await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, vec![7; 16]));
    let own = house.get(&format!("{INSTANCE}/bulkdata/7FE00010"), "*/*").await;
    assert!(own.header(header::CONTENT_TYPE).starts_with("multipart/related"));
}

#[tokio::test]
async fn deflated_pixels_come_inflated() {
    use std::io::Write as _;
    let house = House::new().await;
    let instance = Instance::default();
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflater.write_all(&instance.bytes()).unwrap();
    let stored = house
        .store("/studies", &[file(&instance, TransferSyntax::DEFLATED, deflater.finish().unwrap())])
        .await;
    assert_eq!(stored.status, StatusCode::OK);
    let answer = house.get(&format!("{INSTANCE}/bulkdata/7FE00010"), "*/*").await;
    assert_eq!(answer.status, StatusCode::OK);
    let has = |frame: &[u8]| answer.body.windows(frame.len()).any(|window| window == frame);
    assert!(has(&instance.frame(0)) && has(&instance.frame(1)));
}

#[tokio::test]
async fn a_deletion_needs_a_right_and_a_reason() {
    let house = House::new().await;
    house.store("/studies", &[plain(&Instance::default())]).await;
    let delete = |path: &str| Request::delete(path).body(Body::empty()).unwrap();
    let with_reason = "/studies/1.2.3.1?reason=expired&code=retention_expired";
    assert_eq!(house.send(Some(&ALL), delete(with_reason)).await.status, StatusCode::FORBIDDEN);
    let may = [Right::Delete];
    assert_eq!(house.send(Some(&may), delete("/studies/1.2.3.1")).await.status, StatusCode::BAD_REQUEST);
    let elsewhere = delete("/orgs/city/studies/1.2.3.1?reason=x");
    assert_eq!(house.send(Some(&may), elsewhere).await.status, StatusCode::FORBIDDEN);
    let never = delete("/studies/1.2.9?reason=x");
    assert_eq!(house.send(Some(&may), never).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/studies/1.2.3.1/metadata", "*/*").await.status, StatusCode::OK);
    let request = Request::delete("/studies/1.2.3.1").header("farsight-reason", "%E8%BF%87%E6%9C%9F");
    let deleted = house.send(Some(&may), request.body(Body::empty()).unwrap()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get("/studies/1.2.3.1/metadata", "*/*").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_consult_has_as_evidence_is_not_deleted() {
    let house = House::new().await;
    house.store("/studies", &[plain(&Instance::default())]).await;
    let owner = OrgId::parse("township").unwrap();
    let grant = storage::Grant {
        owner,
        study: Uid::parse("1.2.3.1").unwrap(),
        grantee: OrgId::parse("city").unwrap(),
        consult: model::ConsultId::parse("c1").unwrap(),
    };
    let grants = vec![storage::GrantChange::Give(grant)];
    let change = storage::Change { grants, ..storage::Change::default() };
    house.storage.apply(&model::Scope::node("test"), change).await.unwrap();
    for path in ["/studies/1.2.3.1", INSTANCE] {
        let request = Request::delete(format!("{path}?reason=x")).body(Body::empty()).unwrap();
        let refused = house.send(Some(&[Right::Delete]), request).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        assert_eq!(refused.json()["type"], "/problems/conflict");
    }
    assert_eq!(house.get("/studies/1.2.3.1/metadata", "*/*").await.status, StatusCode::OK);
}
