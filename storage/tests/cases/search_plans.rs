//! Searches over an index of some size: the plans that they keep to, and how far those look that no list holds.

use crate::Fixture;
use crate::support::build::scope;
use crate::support::population::{self, Cast};
use model::{Key, Level, Limits, Matching, Query, Scope};
use storage::{Storage, StorageConfig};

fn is_postgres(f: &Fixture) -> bool {
    f.url.starts_with("postgres")
}

/// Fills the index, and opens it: 40,000 studies for PostgreSQL, whose planner goes by sizes; SQLite's does not.
async fn filled(f: &Fixture) -> Storage {
    let cast = Cast { owner: "city", grantee: "centre" };
    population::fill(&f.url, 4000, &cast).await.expect("filled");
    let storage = f.open_again().await;
    if is_postgres(f) {
        population::multiply_by_ten(&f.url).await.expect("multiplied");
    }
    storage
}

fn year(query: Query) -> Query {
    let range = Matching::Range { from: Some("20180101".into()), to: Some("20181231".into()) };
    query.with(Key::StudyDate, range)
}

fn list(key: Key, matching: Matching) -> Query {
    Query::new(Level::Study, 50).with(key, matching)
}

fn fuzzy(text: &str) -> Matching {
    Matching::Fuzzy(text.into())
}

fn wild(text: &str) -> Matching {
    Matching::Wildcard(text.into())
}

/// What must be fast at any size.
fn fast() -> Vec<Query> {
    let of_study = |level| Query::new(level, 50).with_value(Key::StudyInstanceUid, "1.2.826.0.1.7");
    vec![
        Query::new(Level::Study, 50),
        Query::new(Level::Patient, 50),
        year(Query::new(Level::Study, 50)),
        list(Key::PatientId, Matching::Single("P0000007".into())),
        list(Key::AccessionNumber, Matching::Single("A0000000007".into())),
        list(Key::PatientName, wild("Zhang*")),
        list(Key::PatientName, wild("Zhuge*")),
        list(Key::PatientName, wild("张*")),
        list(Key::PatientName, fuzzy("张伟")),
        list(Key::PatientName, fuzzy("zw")),
        year(list(Key::ModalitiesInStudy, Matching::Single("CT".into()))),
        year(list(Key::ModalitiesInStudy, Matching::Single("XA".into()))),
        list(Key::Anything, fuzzy("zhang")),
        year(list(Key::PatientName, fuzzy("wang")).with_value(Key::ModalitiesInStudy, "XA")),
        of_study(Level::Study),
        of_study(Level::Series),
        of_study(Level::Instance),
    ]
}

/// Lines of a plan are indented by how deep they stand.
fn depth(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

/// The lines below a line.
fn below(plan: &[String], at: usize) -> impl Iterator<Item = &str> {
    let own = depth(&plan[at]);
    plan[at + 1..].iter().take_while(move |line| depth(line) > own).map(String::as_str)
}

fn check_sqlite(plan: &[String], what: &str) {
    for (at, line) in plan.iter().enumerate() {
        let text = line.trim();
        // Rows of a sub-select are few: what it holds is cut. Forms of one name come as a table.
        let is_few = ["SCAN x", "SCAN y", "SCAN a", "SCAN u", "SCAN f", "SCAN (", "SCAN CONSTANT"];
        assert!(
            !text.starts_with("SCAN") || is_few.iter().any(|few| text.starts_with(few)),
            "{what} reads all of a table: {line}\n{}",
            plan.join("\n")
        );
        if text.starts_with("SEARCH k") {
            assert!(text.contains("PRIMARY KEY (entry=?"), "{what}: {line}");
        }
        // What is sorted are the cut lists, never a list: a sort stands beside `SCAN`, not beside `SEARCH k`.
        if text.starts_with("USE TEMP B-TREE FOR ORDER BY") {
            let own = depth(line);
            let beside = plan[..at].iter().rev().take_while(|line| depth(line) >= own);
            let is_list =
                beside.filter(|line| depth(line) == own).any(|line| line.trim().starts_with("SEARCH k"));
            assert!(!is_list, "{what} sorts a list:\n{}", plan.join("\n"));
        }
    }
}

fn check_postgres(plan: &[String], what: &str) {
    for (at, line) in plan.iter().enumerate() {
        let fails = |why: &str| panic!("{what} {why}: {line}\n{}", plan.join("\n"));
        for table in ["study_listing", "study", "series", "instance", "study_grant"] {
            if line.contains(&format!("Seq Scan on {table} ")) {
                fails("reads all of a table");
            }
        }
        if line.contains("Hash Join") || line.contains("Merge Join") || line.contains("Bitmap") {
            fails("reads more than it needs");
        }
        if line.contains("on study_listing") && !line.contains("Backward using study_listing_pkey") {
            fails("does not read its list newest first");
        }
        // What is sorted are the cut lists, never a list.
        if line.contains("Sort  (") {
            let mut lists = below(plan, at).filter(|line| line.contains("on study_listing"));
            let is_cut = below(plan, at).any(|line| line.contains("Limit  ("));
            if lists.next().is_some() && !is_cut {
                fails("sorts a list");
            }
        }
    }
}

pub async fn searches_keep_to_their_plans(f: &Fixture) {
    let storage = filled(f).await;
    let city = || model::OrgId::parse("city").expect("an organisation");
    let scopes: [Scope; 4] =
        [scope("city"), scope("centre"), scope("city").owned_by(city()), scope("centre").owned_by(city())];
    for query in fast() {
        for scope in &scopes {
            let plan = storage.explain(scope, &query).await.expect("a plan");
            let what = format!("{query:?} {:?}", scope.reach);
            match is_postgres(f) {
                true => check_postgres(&plan, &what),
                false => check_sqlite(&plan, &what),
            }
        }
    }
    if is_postgres(f) {
        the_shorter_list_drives(&storage).await;
    }
    what_no_list_holds_is_looked_for_so_far(&storage, f).await;
    storage.close().await;
}

async fn the_shorter_list_drives(storage: &Storage) {
    for (name, modality, expected) in [
        ("wang", "XA", "way 2 of 2, short"),
        ("zhuge", "CT", "way 1 of 2, short"),
        ("wang", "CT", "way 1 of 2"),
    ] {
        let query = list(Key::PatientName, fuzzy(name)).with_value(Key::ModalitiesInStudy, modality);
        let plan = storage.explain(&scope("city"), &query).await.expect("a plan");
        assert!(plan[0].starts_with(expected), "{name} {modality}: {}", plan[0]);
    }
}

async fn what_no_list_holds_is_looked_for_so_far(storage: &Storage, f: &Fixture) {
    let uid = |row: &storage::Row| row.attributes.first_text(dataset::tags::STUDY_INSTANCE_UID);
    // Ten of the oldest studies, by the end of their accession numbers.
    let old = Query { limit: 1000, ..list(Key::AccessionNumber, wild("*00000?7")) };
    let all = storage.search(&Scope::node("test"), &old).await.expect("a page");
    let expected: Vec<_> = all.rows.iter().filter(|row| row.owner.as_str() == "city").map(uid).collect();
    assert!(!expected.is_empty());
    let page = storage.search(&scope("city"), &old).await.expect("a page");
    assert_eq!((page.rows.iter().map(uid).collect::<Vec<_>>(), page.looked_at), (expected, None));

    let limits = Limits { search_studies_max: 500, ..Limits::default() };
    let small = Storage::open(StorageConfig { limits, ..f.config.clone() }).await.expect("it opens");
    for viewer in ["city", "centre"] {
        let page = small.search(&scope(viewer), &old).await.expect("a page");
        assert_eq!((page.rows.len(), page.looked_at), (0, Some(500)), "{viewer}");
        // A page that is full is a whole answer.
        let many = list(Key::StudyDescription, wild("*EST*"));
        let page = small.search(&scope(viewer), &many).await.expect("a page");
        assert_eq!((page.rows.len(), page.looked_at, page.more), (50, None, true), "{viewer}");
        // Of the studies within some dates all are looked at when they are few.
        let day = Matching::Range { from: Some("20180301".into()), to: Some("20180302".into()) };
        let page = small.search(&scope(viewer), &many.with(Key::StudyDate, day)).await.expect("a page");
        assert_eq!(page.looked_at, None, "{viewer}");
    }
    small.close().await;
}
