//! Who sees what.

use crate::Fixture;
use crate::support::build::{Instance, org, scope, store};
use model::{ConsultId, Key, Level, Query, Scope};
use std::time::Duration;
use storage::read::MetadataForm;
use storage::{Change, Grant, GrantChange, Storage, StorageError};

/// Whether a study is there for somebody, asked in every way there is.
async fn sees(storage: &Storage, scope: &Scope, instance: &Instance) -> bool {
    let (study, series, sop) = (instance.study_uid(), instance.series_uid(), instance.instance_uid());
    let mut answers = vec![
        storage.instances(scope, &study, None, None).await.map(|_| ()),
        storage.instances(scope, &study, Some(&series), None).await.map(|_| ()),
        storage.instance(scope, &study, &series, &sop).await.map(|_| ()),
        storage.metadata(scope, &study, None, None, MetadataForm::Gzip).await.map(|_| ()),
        storage.metadata(scope, &study, None, Some(&sop), MetadataForm::Plain).await.map(|_| ()),
    ];
    for level in [Level::Study, Level::Series, Level::Instance] {
        let by_uid = Query::new(level, 10).with_value(Key::StudyInstanceUid, study.as_str());
        let by_name = by_uid.clone().with(Key::Anything, model::Matching::Fuzzy("zs".into()));
        for query in [by_uid, by_name] {
            let page = storage.search(scope, &query).await.expect("a page");
            answers.push(if page.rows.is_empty() { Err(StorageError::NotFound) } else { Ok(()) });
        }
    }
    let first = answers[0].clone();
    assert!(answers.iter().all(|a| *a == first), "{answers:?}");
    assert!(matches!(first, Ok(()) | Err(StorageError::NotFound)));
    first.is_ok()
}

pub async fn other_organisations_see_nothing_until_granted(f: &Fixture) {
    let instance = Instance::default();
    store(&f.storage, "town", &instance).await;
    let s = &f.storage;
    let city_of = |owner: &str| scope("city").owned_by(org(owner));
    let grant = |consult: &str| Grant {
        owner: org("town"),
        study: instance.study_uid(),
        grantee: org("city"),
        consult: ConsultId::parse(consult).expect("an id"),
    };
    let change = |grant| Change { grants: vec![grant], ..Change::default() };

    assert!(sees(s, &scope("town"), &instance).await);
    assert!(sees(s, &Scope::node("test"), &instance).await);
    assert!(!sees(s, &scope("city"), &instance).await);
    assert!(!sees(s, &city_of("town"), &instance).await);

    // Only the owner gives.
    let give = change(GrantChange::Give(grant("c1")));
    assert_eq!(s.apply(&scope("city"), give.clone()).await, Err(StorageError::NotFound));
    assert!(!sees(s, &scope("city"), &instance).await);
    s.apply(&scope("town"), give).await.expect("given");
    s.apply(&scope("town"), change(GrantChange::Give(grant("c2")))).await.expect("given again");
    assert!(sees(s, &scope("city"), &instance).await);
    assert!(sees(s, &city_of("town"), &instance).await);
    assert!(!sees(s, &city_of("city"), &instance).await);
    assert!(!sees(s, &scope("third"), &instance).await);

    // Seen as long as one consult needs it.
    s.apply(&scope("town"), change(GrantChange::Withdraw(grant("c1")))).await.expect("withdrawn");
    assert!(sees(s, &scope("city"), &instance).await);
    s.apply(&scope("city"), change(GrantChange::Withdraw(grant("c2")))).await.expect("withdrawn");
    assert!(!sees(s, &scope("city"), &instance).await);
    assert!(sees(s, &scope("town"), &instance).await);

    // The same UID of its own comes before another's.
    s.apply(&scope("town"), change(GrantChange::Give(grant("c3")))).await.expect("given");
    let own = Instance { seed: 77, ..instance.clone() };
    store(s, "city", &own).await;
    let found = s.instances(&scope("city"), &instance.study_uid(), None, None).await.expect("found");
    assert_eq!(found.iter().map(|i| i.owner().clone()).collect::<Vec<_>>(), [org("city")]);
    let found = s.instances(&city_of("town"), &instance.study_uid(), None, None).await.expect("found");
    assert_eq!(found.iter().map(|i| i.owner().clone()).collect::<Vec<_>>(), [org("town")]);
}

pub async fn a_grant_that_is_withdrawn_is_forgotten_also_when_nobody_waits_for_it(f: &Fixture) {
    let (s, one) = (&f.storage, Instance::default());
    store(s, "town", &one).await;
    let grant = Grant {
        owner: org("town"),
        study: one.study_uid(),
        grantee: org("city"),
        consult: ConsultId::parse("c1").expect("an id"),
    };
    let change = |grant| Change { grants: vec![grant], ..Change::default() };
    s.apply(&scope("town"), change(GrantChange::Give(grant.clone()))).await.expect("given");
    let (study, series, sop) = (one.study_uid(), one.series_uid(), one.instance_uid());
    let look_up = async || s.instance(&scope("city"), &study, &series, &sop).await.map(|_| ());
    assert_eq!(look_up().await, Ok(()));
    // Who asks for it goes away when it has been handed in.
    let _ =
        tokio::time::timeout(Duration::ZERO, s.apply(&scope("town"), change(GrantChange::Withdraw(grant))))
            .await;
    s.apply(&scope("town"), Change::default()).await.expect("what was handed in before is committed");
    assert_eq!(look_up().await, Err(StorageError::NotFound));
}
