//! Records, their versions, keys and who sees them.

use crate::Fixture;
use crate::support::build::{org, scope};
use model::{OrgId, Scope};
use serde_json::json;
use storage::{Change, Expected, Order, Put, RecordQuery, StorageError};

fn put(id: &str, expected: Expected, visible_to: &[OrgId]) -> Put {
    Put {
        kind: "consult",
        id: id.into(),
        expected,
        body: json!({"文": "字\u{0}", "id": id}),
        keys: vec![("state", "open".into())],
        unique: vec![],
        sort: 0,
        visible_to: visible_to.to_vec(),
    }
}

fn puts(puts: Vec<Put>) -> Change {
    Change { puts, ..Change::default() }
}

pub async fn versions_and_unique_keys_conflict(f: &Fixture) {
    let s = &f.storage;
    let town = scope("town");
    let to = [org("town")];
    s.apply(&town, puts(vec![put("a", Expected::Absent, &to)])).await.expect("created");
    for (expected, result) in [
        (Expected::Absent, Err(StorageError::Conflict("version"))),
        (Expected::Version(2), Err(StorageError::Conflict("version"))),
        (Expected::Version(1), Ok(())),
        (Expected::Version(1), Err(StorageError::Conflict("version"))),
        (Expected::Anything, Ok(())),
    ] {
        assert_eq!(s.apply(&town, puts(vec![put("a", expected, &to)])).await, result, "{expected:?}");
    }
    let mut ids: Vec<String> = (0..1200).map(|n| format!("none{n}")).collect();
    ids.push("a".to_owned());
    let there = s.records_by_id(&town, "consult", &ids).await.expect("read");
    assert_eq!(there.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(s.records_by_id(&scope("city"), "consult", &ids).await, Ok(Vec::new()), "it is not theirs");
    let record = s.record(&town, "consult", "a").await.expect("it is there");
    assert_eq!((record.version, record.body), (3, json!({"文": "字\u{0}", "id": "a"})));
    assert_eq!(
        s.apply(&town, puts(vec![put("none", Expected::Version(1), &to)])).await,
        Err(StorageError::NotFound)
    );

    let unique =
        |id: &str| Put { unique: vec![("login", "zhang".into())], ..put(id, Expected::Anything, &to) };
    s.apply(&town, puts(vec![unique("u1")])).await.expect("the first");
    // All or nothing: the good half of a change that fails is not there.
    let change = puts(vec![put("good", Expected::Absent, &to), unique("u2")]);
    assert_eq!(s.apply(&town, change).await, Err(StorageError::Conflict("login")));
    assert_eq!(s.record(&town, "consult", "good").await, Err(StorageError::NotFound));
    s.apply(&town, puts(vec![unique("u1")])).await.expect("its own again");
    let removes = Change { removes: vec![("consult", "u1".into())], ..Change::default() };
    s.apply(&town, removes.clone()).await.expect("removed");
    assert_eq!(s.apply(&town, removes).await, Err(StorageError::NotFound));
    s.apply(&town, puts(vec![unique("u2")])).await.expect("free again");
}

pub async fn of_two_claims_one_wins(f: &Fixture) {
    let to = [org("town")];
    for round in 0..20 {
        let id = format!("r{round}");
        f.storage.apply(&scope("town"), puts(vec![put(&id, Expected::Absent, &to)])).await.expect("created");
        let claims: Vec<_> = (0..2)
            .map(|_| {
                let (storage, id) = (f.storage.clone(), id.clone());
                tokio::spawn(async move {
                    let claim = puts(vec![put(&id, Expected::Version(1), &[org("town")])]);
                    storage.apply(&scope("town"), claim).await
                })
            })
            .collect();
        let mut results = Vec::new();
        for claim in claims {
            results.push(claim.await.expect("it answers"));
        }
        results.sort_by_key(|r| r.is_err());
        assert_eq!(results, [Ok(()), Err(StorageError::Conflict("version"))]);
    }
}

pub async fn records_are_seen_by_those_they_are_for(f: &Fixture) {
    let s = &f.storage;
    let both = [org("town"), org("city")];
    for (i, (id, to)) in
        [("a", &both[..]), ("b", &both[..1]), ("c", &both[1..]), ("d", &[])].into_iter().enumerate()
    {
        let state = if i % 2 == 0 { "open" } else { "closed" };
        let put =
            Put { sort: 10 - i as i64, keys: vec![("state", state.into())], ..put(id, Expected::Absent, to) };
        s.apply(&Scope::node("test"), puts(vec![put])).await.expect("created");
    }
    let ids = |scope: Scope, query: RecordQuery| async move {
        assert_eq!(s.count(&scope, &query).await.expect("a count") as usize, {
            let all = RecordQuery { limit: 100, offset: 0, ..query.clone() };
            s.records(&scope, &all).await.expect("records").len()
        });
        let records = s.records(&scope, &query).await.expect("records");
        records.into_iter().map(|r| r.id).collect::<Vec<_>>().join("")
    };
    let all = || RecordQuery::new("consult");
    assert_eq!(ids(Scope::node("test"), all()).await, "dcba");
    assert_eq!(ids(scope("town"), all()).await, "ba");
    assert_eq!(ids(scope("city"), RecordQuery { order: Order::Descending, ..all() }).await, "ac");
    assert_eq!(ids(scope("third"), all()).await, "");
    assert_eq!(ids(scope("city"), all().with("state", "open")).await, "ca");
    assert_eq!(ids(Scope::node("test"), RecordQuery { limit: 2, offset: 1, ..all() }).await, "cb");
    assert_eq!(ids(Scope::node("test"), RecordQuery { sort_below: Some(9), ..all() }).await, "dc");
    for order in [Order::Ascending, Order::Descending] {
        let listed = RecordQuery { order, ..all() };
        let whole = s.records(&Scope::node("test"), &listed).await.expect("the list");
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = RecordQuery { limit: 2, after, ..listed.clone() };
            let page = s.records(&Scope::node("test"), &page).await.expect("a page");
            after = page.last().map(|last| (last.sort, last.id.clone()));
            paged.extend(page);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(paged, whole, "pages behind one another are the list");
    }
    let either = RecordQuery { keys: vec![("state", vec!["open".into(), "closed".into()])], ..all() };
    assert_eq!(ids(scope("town"), either).await, "ba");
    let none = RecordQuery { keys: vec![("state", vec![])], ..all() };
    assert_eq!(ids(scope("town"), none).await, "");
    // Out of sight is out of reach.
    assert_eq!(s.record(&scope("town"), "consult", "c").await, Err(StorageError::NotFound));
    let change = puts(vec![put("c", Expected::Version(1), &both)]);
    assert_eq!(s.apply(&scope("town"), change).await, Err(StorageError::NotFound));
    let removes = Change { removes: vec![("consult", "c".into())], ..Change::default() };
    assert_eq!(s.apply(&scope("town"), removes).await, Err(StorageError::NotFound));
}
