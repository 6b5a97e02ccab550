//! Lists of consults that are longer than what is read of them at once.

use crate::house::{House, NOW, house, org, question};
use access::Signatures;
use consult::record::KIND;
use consult::{ConsultError, ListQuery, Tab};
use model::Scope;
use std::collections::BTreeSet;
use storage::{Change, Expected, Put};

/// Writes so many drafts of the hospital; every ninetieth asks about something else.
async fn drafts(house: &House, count: usize) {
    let draft = house.service.create(&house.doctor, question(), NOW).await.unwrap();
    let node = Scope::node("test");
    let record = house.storage.record(&node, KIND, draft.consult.id.as_str()).await.unwrap();
    let put = |n: usize| {
        let mut body = record.body.clone();
        let id = format!("draft-{n:04}");
        body["id"] = id.clone().into();
        if n.is_multiple_of(90) {
            body["question"] = "肺栓塞？".into();
        }
        let (keys, unique, visible_to) = (Vec::new(), Vec::new(), vec![org("township")]);
        Put { kind: KIND, id, expected: Expected::Absent, body, keys, unique, sort: record.sort, visible_to }
    };
    let change = Change { puts: (0..count).map(put).collect(), ..Change::default() };
    house.storage.apply(&node, change).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_page_by_page_all_that_a_long_list_holds() {
    let house = house(Signatures::Single).await;
    drafts(&house, 450).await;
    let page = async |text: &str, cursor: Option<String>, offset| {
        let query =
            ListQuery { tab: Tab::All, text: text.into(), cursor, limit: 2, offset, ..ListQuery::default() };
        house.service.list(&house.doctor, &query, NOW).await
    };
    let (mut cursor, mut found, mut lengths) = (None, BTreeSet::new(), Vec::new());
    loop {
        let listing = page("肺栓塞", cursor, 0).await.unwrap();
        lengths.push(listing.consults.len());
        found.extend(listing.consults.into_iter().map(|view| view.consult.id.to_string()));
        assert_eq!(listing.more, listing.next.is_some());
        cursor = listing.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(lengths, [2, 2, 1]);
    assert_eq!(found, BTreeSet::from([0, 90, 180, 270, 360].map(|n| format!("draft-{n:04}"))));
    assert_eq!(page("肺栓塞", None, 4).await.unwrap().consults.len(), 1);
    assert_eq!(page("", None, 449).await.unwrap().consults.len(), 2);
    let all = ListQuery { tab: Tab::All, limit: 200, offset: 1, ..ListQuery::default() };
    let all = house.service.list(&house.doctor, &all, NOW).await.unwrap();
    let ids: BTreeSet<&str> = all.consults.iter().map(|view| view.consult.id.as_str()).collect();
    assert_eq!((ids.len(), all.more), (200, true));

    for wrong in ["", "1", "1.", "x.draft-0001", "9223372036854775808.draft-0001", "1.draft 1", "1.0.0"] {
        let refused = page("", Some(wrong.to_owned()), 0).await;
        assert!(matches!(refused, Err(ConsultError::Invalid { field: "cursor", .. })), "{wrong} {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_no_evidence_and_a_case_has() {
    let house = house(Signatures::Single).await;
    let asked = house.asked().await;
    let query = ListQuery { tab: Tab::All, limit: 9, ..ListQuery::default() };
    let listed = house.service.list(&house.doctor, &query, NOW).await.unwrap().consults.remove(0);
    let (listed, version) = (listed.consult, listed.version);
    assert_eq!((&listed.id, version, listed.evidence.len()), (&asked.consult.id, asked.version, 0));
    let case = house.service.get(&house.doctor, &listed.id).await.unwrap();
    assert_eq!(case.consult.evidence, asked.consult.evidence);
}
