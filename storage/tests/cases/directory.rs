//! Organisations, people, devices, tokens, sessions, agreements, and files kept for them.

use crate::Fixture;
use crate::support::build::{org, scope};
use access::{
    Device, Organisation, OrganisationKind, Person, Right, Role, SecondFactor, Secret, Session, Token,
};
use model::{AeTitle, PersonId, Scope, TokenId};
use storage::{Storage, StorageError};
use time::{Duration, OffsetDateTime};

fn person(login: &str) -> Person {
    Person {
        id: PersonId::new(),
        login: login.into(),
        name: "王医生".into(),
        title: "主任医师".into(),
        organisation: org("town"),
        roles: vec![Role::Requester],
        password_hash: "$argon2id$x".into(),
        is_disabled: false,
        credential: None,
        memberships: Vec::new(),
        subspecialties: Vec::new(),
    }
}

pub async fn the_directory_knows_people_tokens_and_sessions(f: &Fixture) {
    let s = &f.storage;
    let node = Scope::node("test");
    let town = Organisation::new(org("town"), "乡镇卫生院", OrganisationKind::Hospital);
    s.put_organisation(&node, &town).await.expect("written");
    assert_eq!(s.organisation(&town.id).await, Ok(town.clone()));
    assert_eq!(s.organisations().await, Ok(vec![town]));
    assert_eq!(s.organisation(&org("none")).await, Err(StorageError::NotFound));

    let mut wang = person("Wang");
    s.put_person(&node, &wang).await.expect("written");
    assert_eq!(s.person_by_login("wANG").await, Ok(wang.clone()));
    assert_eq!(s.put_person(&node, &person("WANG")).await, Err(StorageError::Conflict("login")));
    assert_eq!(s.people(&scope("town"), &org("town")).await, Ok(vec![wang.clone()]));
    assert_eq!(s.people(&scope("city"), &org("town")).await, Ok(vec![]));

    let ae_title = AeTitle::parse("TOWN").expect("a title");
    let device = Device::new(ae_title.clone(), org("town"), vec![Right::Store]);
    s.put_device(&node, &device).await.expect("written");
    s.put_device(&node, &device).await.expect("written again");
    let stolen = Device { organisation: org("city"), ..device.clone() };
    assert_eq!(s.put_device(&node, &stolen).await, Err(StorageError::Conflict("ae_title")));
    assert_eq!(s.device(&ae_title).await, Ok(device.clone()));
    assert_eq!(s.devices(&scope("town")).await, Ok(vec![device]));
    assert_eq!(s.devices(&scope("city")).await, Ok(vec![]));

    let now = OffsetDateTime::now_utc();
    let secret = Secret::random().expect("a secret");
    let id = TokenId::parse("t1").expect("an id");
    let new = Token::new(id, secret.sha256(), org("town"), vec![Right::Search]);
    let token = |expires_at| Token { expires_at, ..new.clone() };
    s.put_token(&node, &token(None)).await.expect("written");
    let caller = s.caller_by_token(&secret, None, None).await.expect("a caller");
    assert!(caller.may(Right::Search) && !caller.may(Right::Store));
    assert_eq!(caller.organisation(), &org("town"));
    s.put_token(&node, &token(Some(now))).await.expect("written");
    assert!(s.caller_by_token(&secret, None, None).await.is_err());
    assert!(s.caller_by_token(&Secret::new("other".into()), None, None).await.is_err());

    let begun = Session::begin(secret.sha256(), wang.id.clone(), now, Duration::ZERO);
    let session = |expires_at| Session { expires_at, ..begun.clone() };
    s.put_session(&session(now + Duration::hours(1))).await.expect("written");
    let caller = s.caller_by_session(&secret, None).await.expect("a caller");
    assert_eq!(caller.as_person(), Some(&wang));
    let (both, nobody) = ([wang.id.clone(), PersonId::new()], std::collections::HashSet::new());
    assert_eq!(s.sessions_of_all(&both).await.expect("read").len(), 1);
    assert_eq!(s.with_second_factor(&both).await, Ok(nobody));
    let mut factor = SecondFactor::enrol(wang.id.clone()).expect("randomness");
    s.put_second_factor(&node, &factor, "enrolled").await.expect("written");
    assert!(s.with_second_factor(&both).await.expect("read").is_empty(), "it is not confirmed");
    factor.is_confirmed = true;
    s.put_second_factor(&node, &factor, "confirmed").await.expect("written");
    assert_eq!(
        s.with_second_factor(&both).await.expect("read").into_iter().collect::<Vec<_>>(),
        [wang.id.clone()]
    );
    s.end_session(&secret).await.expect("ended");
    s.end_session(&secret).await.expect("ended twice is ended");
    assert!(s.sessions_of_all(&both).await.expect("read").is_empty());
    assert!(s.caller_by_session(&secret, None).await.is_err());
    s.put_session(&session(now + Duration::hours(1))).await.expect("written");
    assert!(s.caller_by_session(&secret, None).await.is_ok());
    wang.is_disabled = true;
    s.put_person(&node, &wang).await.expect("written");
    assert!(s.caller_by_session(&secret, None).await.is_err());
    wang.is_disabled = false;
    s.put_person(&node, &wang).await.expect("written");
    let again = s.put_session(&session(now)).await;
    assert!(matches!(again, Err(StorageError::Conflict(_))), "a session begins once: {again:?}");
    s.amend_session(&begun.secret_sha256, |s| s.expires_at = now).await.expect("written");
    assert!(s.caller_by_session(&secret, None).await.is_err(), "it has expired");
    s.end_session(&secret).await.expect("ended");
    let gone = s.amend_session(&begun.secret_sha256, |s| s.expires_at = now + Duration::hours(1)).await;
    assert_eq!(gone, Err(StorageError::NotFound), "what has ended does not come back");
    many_sessions_end(s, &begun).await;
}

/// More sessions than one list has all end, and those that have run out are cleared away.
async fn many_sessions_end(s: &Storage, begun: &Session) {
    let node = Scope::node("test");
    let later = OffsetDateTime::now_utc() + Duration::hours(1);
    let mut last = Secret::random().expect("a secret");
    for _ in 0..1003 {
        last = Secret::random().expect("a secret");
        let session = Session { secret_sha256: last.sha256(), expires_at: later, ..begun.clone() };
        s.put_session(&session).await.expect("begun");
    }
    assert!(s.caller_by_session(&last, None).await.is_ok());
    assert_eq!(s.end_sessions(&node, &begun.person, None).await, Ok(1003));
    assert!(s.caller_by_session(&last, None).await.is_err());
}

pub async fn blobs_are_kept(f: &Fixture) {
    let s = &f.storage;
    let name = s.put_blob(&scope("town"), &org("town"), b"%PDF-").await.expect("kept");
    assert_eq!(s.put_blob(&scope("town"), &org("town"), b"%PDF-").await, Ok(name));
    assert_eq!(s.put_blob(&scope("city"), &org("town"), b"x").await, Err(StorageError::NotFound));
    assert_eq!(s.blob_length(&org("town"), &name).await, Ok(5));
    assert_eq!(s.read_blob(&org("town"), &name, 1..4).await.expect("read"), &b"PDF"[..]);
    assert_eq!(s.read_blob(&org("town"), &name, 1..6).await, Err(StorageError::NotFound));
    assert_eq!(s.blob_length(&org("city"), &name).await, Err(StorageError::NotFound));

    let source = f.config.directory.join("source.svs");
    std::fs::write(&source, vec![7; 3_000_000]).expect("a file");
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |bytes| told.lock().expect("a lock").push(bytes);
    for _ in 0..2 {
        let draft =
            s.draft_blob(std::fs::File::open(&source).expect("a file"), &progress).await.expect("read");
        assert_eq!(draft.length, 3_000_000);
        drop(draft);
    }
    let draft = s.draft_blob_here(&source, &progress).await.expect("read");
    let slide = s.keep_draft(&scope("town"), &org("town"), draft).await.expect("kept");
    assert!(source.is_file(), "it keeps its own name");
    let draft = s.draft_blob(std::fs::File::open(&source).expect("a file"), &progress).await.expect("read");
    assert_eq!(s.keep_draft(&scope("town"), &org("town"), draft).await, Ok(slide));
    assert_eq!(told.lock().expect("a lock").last(), Some(&3_000_000));
    assert_eq!(s.blob_length(&org("town"), &slide).await, Ok(3_000_000));
    assert!(s.fsck(&|_, _| ()).await.expect("fsck").findings.is_empty());
}
