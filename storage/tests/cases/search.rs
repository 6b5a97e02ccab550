//! Finding studies, series and instances.

use crate::Fixture;
use crate::support::build::{CT, Instance, org, scope, store};
use model::{ConsultId, Key, Level, Limits, Matching, Query};
use storage::{Change, Grant, GrantChange, Row, Storage, StorageConfig};

/// Numbers of the studies that match, in the order of the answer.
async fn found(f: &Fixture, query: &Query) -> Vec<u32> {
    let page = f.storage.search(&scope("town"), query).await.unwrap_or_else(|e| panic!("{query:?}: {e}"));
    page.rows
        .iter()
        .map(|row| {
            let uid = row.attributes.first_text(dataset::tags::STUDY_INSTANCE_UID).expect("a UID");
            uid.rsplit('.').next().and_then(|n| n.parse().ok()).expect("a number")
        })
        .collect()
}

pub async fn what_came_last_is_on_top_however_old_it_is(f: &Fixture) {
    for (study, date) in (1..).zip(["20260303", "20190101", "20260101"]) {
        store(&f.storage, "town", &Instance { study, date, ..Instance::default() }).await;
    }
    let foreign = Instance { study: 4, date: "20260404", ..Instance::default() };
    store(&f.storage, "city", &foreign).await;
    let (owner, grantee) = (org("city"), org("town"));
    let consult = ConsultId::parse("c1").expect("an id");
    let give = GrantChange::Give(Grant { owner, study: foreign.study_uid(), grantee, consult });
    f.storage.apply(&scope("city"), Change { grants: vec![give], ..Change::default() }).await.expect("given");
    // What comes later of a study that is there does not move it.
    store(&f.storage, "town", &Instance { study: 1, number: 2, date: "20260303", ..Instance::default() })
        .await;

    let newest = async |limit| {
        let page = f.storage.newest_arrivals(&scope("town"), limit).await.expect("a page");
        let uid = |row: &Row| row.attributes.first_text(dataset::tags::STUDY_INSTANCE_UID).expect("a UID");
        (page.rows.iter().map(uid).collect::<Vec<_>>(), page.more)
    };
    let all = ["1.2.3.3", "1.2.3.2", "1.2.3.1"].map(String::from);
    assert_eq!(newest(9).await, (all.to_vec(), false));
    assert_eq!(newest(3).await, (all.to_vec(), false));
    assert_eq!(newest(2).await, (all[..2].to_vec(), true));
    assert!(f.storage.newest_arrivals(&scope("village"), 9).await.expect("a page").rows.is_empty());
}

pub async fn names_are_found_by_whatever_people_type(f: &Fixture) {
    let names =
        ["Zhang^San=张^三", "张三丰", "Li^Si=李^四", "WANG^XIAODONG", "欧阳^修", "O'Brien_50%^Pat", "单雄信"];
    for (i, name) in names.into_iter().enumerate() {
        let study = i as u32 + 1;
        let patient_id = ["P1", "P2", "P3", "P4", "P5", "P6", "P7"][i];
        store(
            &f.storage,
            "town",
            &Instance { study, name, patient_id, date: "20260101", time: "", ..Instance::default() },
        )
        .await;
    }
    let fuzzy = |text: &str| Matching::Fuzzy(text.into());
    let wild = |text: &str| Matching::Wildcard(text.into());
    let single = |text: &str| Matching::Single(text.into());
    let table: &[(Matching, &[u32])] = &[
        (fuzzy("张"), &[2, 1]),
        (fuzzy("张三"), &[2, 1]),
        (fuzzy("三丰"), &[2]),
        (fuzzy("张三丰"), &[2]),
        (fuzzy("zhang"), &[2, 1]),
        (fuzzy("zhangsan"), &[2, 1]),
        (fuzzy("ZHANG^SAN"), &[2, 1]),
        (fuzzy("zs"), &[2, 1]),
        (fuzzy("zsf"), &[2]),
        (fuzzy("xiaodong"), &[4]),
        (fuzzy("*xiao*"), &[4]),
        (fuzzy("ouyang"), &[5]),
        (fuzzy("oyx"), &[5]),
        (fuzzy("ｏｕｙａｎｇ"), &[5]),
        (fuzzy("shanxiongxin"), &[7]),
        (fuzzy("nobody"), &[]),
        (single("张三"), &[1]),
        (single("zhang^san"), &[1]),
        (single("Zhang^San=张^三"), &[1]),
        (single("zhang san"), &[1]),
        (single("ZHANGSAN"), &[1]),
        (single("zs"), &[1]),
        (single("张"), &[2, 1]),
        (single("zhang"), &[2, 1]),
        (wild("ZHANG*"), &[2, 1]),
        (wild("zhang^*"), &[2, 1]),
        (wild("*三*"), &[2, 1]),
        (wild("张?"), &[1]),
        (wild("*xiaodong"), &[4]),
        (wild("o'brien_*"), &[6]),
        (wild("o'brien?50%*"), &[6]),
        (wild("%*"), &[]),
        (wild("_ang*"), &[]),
        (wild("*"), &[7, 6, 5, 4, 3, 2, 1]),
        (single(""), &[7, 6, 5, 4, 3, 2, 1]),
    ];
    for (matching, expected) in table {
        let query = Query::new(Level::Study, 100).with(Key::PatientName, matching.clone());
        assert_eq!(found(f, &query).await, *expected, "{matching:?}");
    }
    for (text, expected) in [
        ("zs", vec![2, 1]),
        ("p3", vec![3]),
        ("A20", vec![7, 6, 5, 4, 3, 2, 1]),
        ("zhang P2", vec![2]),
        ("P", vec![7, 6, 5, 4, 3, 2, 1]),
    ] {
        let query = Query::new(Level::Study, 100).with(Key::Anything, Matching::Fuzzy(text.into()));
        assert_eq!(found(f, &query).await, expected, "{text}");
    }
    let doctor =
        Query::new(Level::Study, 100).with(Key::ReferringPhysicianName, Matching::Wildcard("王*".into()));
    assert_eq!(found(f, &doctor).await.len(), 7);
    let not_the_doctor = Query::new(Level::Study, 100).with(Key::PatientName, Matching::Fuzzy("医生".into()));
    assert_eq!(found(f, &not_the_doctor).await.len(), 0);
}

pub async fn every_key_filters(f: &Fixture) {
    let one = Instance::default();
    let two = Instance {
        study: 2,
        series: 7,
        number: 5,
        patient_id: "p_02",
        accession: "B7",
        date: "20260301",
        time: "2359",
        modality: "MR",
        description: "Head 50%",
        ..Instance::default()
    };
    store(&f.storage, "town", &one).await;
    store(&f.storage, "town", &two).await;
    store(&f.storage, "town", &Instance { series: 2, modality: "SR", number: 9, ..one.clone() }).await;
    let single = |text: &str| Matching::Single(text.into());
    let any = |all: &[&str]| Matching::AnyOf(all.iter().map(|t| (*t).to_owned()).collect());
    let wild = |text: &str| Matching::Wildcard(text.into());
    let range = |from: &str, to: &str| {
        let end = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        Matching::Range { from: end(from), to: end(to) }
    };
    let (study, series, sop) = (two.study_uid(), two.series_uid(), two.instance_uid());
    let table: &[(Key, Matching, &[u32])] = &[
        (Key::PatientId, single("p_02"), &[2]),
        (Key::PatientId, single("P_02"), &[]),
        (Key::PatientId, wild("p_*"), &[2]),
        (Key::PatientId, wild("P*"), &[1]),
        (Key::PatientId, any(&["p_02", "P001"]), &[2, 1]),
        (Key::PatientBirthDate, single("19600229"), &[2, 1]),
        (Key::PatientBirthDate, range("19610101", ""), &[]),
        (Key::PatientSex, single("F"), &[2, 1]),
        (Key::StudyInstanceUid, single(study.as_str()), &[2]),
        (Key::StudyInstanceUid, any(&[study.as_str(), "9.9"]), &[2]),
        (Key::StudyDate, single("20260102"), &[1]),
        (Key::StudyDate, single("2026.03.01"), &[2]),
        (Key::StudyDate, range("20260102", "20260301"), &[2, 1]),
        (Key::StudyDate, range("", "20260102"), &[1]),
        (Key::StudyDate, range("20260103", ""), &[2]),
        (Key::StudyDate, range("20260102101113", "20260301235900"), &[2]),
        (Key::StudyTime, range("1000", "12"), &[1]),
        (Key::StudyTime, range("23", ""), &[2]),
        (Key::AccessionNumber, single("B7"), &[2]),
        (Key::AccessionNumber, wild("*2001"), &[1]),
        (Key::StudyDescription, wild("*50%"), &[2]),
        (Key::StudyDescription, wild("头*"), &[1]),
        (Key::StudyId, single("x"), &[]),
        (Key::ModalitiesInStudy, single("MR"), &[2]),
        (Key::ModalitiesInStudy, single("SR"), &[1]),
        (Key::ModalitiesInStudy, any(&["SR", "CT", "MR"]), &[2, 1]),
        (Key::ModalitiesInStudy, wild("M*"), &[2]),
        (Key::SeriesInstanceUid, single(series.as_str()), &[2]),
        (Key::Modality, single("SR"), &[1]),
        (Key::SeriesNumber, single("7"), &[2]),
        (Key::SeriesNumber, single("x"), &[]),
        (Key::SeriesDescription, single("x"), &[]),
        (Key::BodyPartExamined, wild("*"), &[2, 1]),
        (Key::SopInstanceUid, single(sop.as_str()), &[2]),
        (Key::SopClassUid, single(CT), &[2, 1]),
        (Key::InstanceNumber, single("9"), &[1]),
    ];
    for (key, matching, expected) in table {
        let query = Query::new(Level::Study, 100).with(*key, matching.clone());
        assert_eq!(found(f, &query).await, *expected, "{key:?} {matching:?}");
    }
    // Both together, and at the other levels.
    let both = Query::new(Level::Study, 9)
        .with_value(Key::ModalitiesInStudy, "SR")
        .with_value(Key::PatientId, "P001");
    assert_eq!(found(f, &both).await, [1]);
    let of_one = |level| Query::new(level, 9).with_value(Key::StudyInstanceUid, one.study_uid().as_str());
    assert_eq!(found(f, &of_one(Level::Series)).await, [1, 1]);
    assert_eq!(found(f, &of_one(Level::Series).with_value(Key::Modality, "CT")).await, [1]);
    assert_eq!(found(f, &of_one(Level::Series).with_value(Key::InstanceNumber, "9")).await, [1]);
    assert_eq!(found(f, &of_one(Level::Instance).with_value(Key::InstanceNumber, "9")).await, [1]);
    let by_name = Query::new(Level::Instance, 9).with(Key::PatientName, Matching::Fuzzy("张".into()));
    assert_eq!(found(f, &by_name).await, [2, 1, 1]);

    let page = f.storage.search(&scope("town"), &of_one(Level::Study)).await.expect("a page");
    let row = &page.rows[0].attributes.tree();
    assert_eq!(row["00080061"]["Value"], serde_json::json!(["CT", "SR"]));
    assert_eq!(row["00080062"]["Value"], serde_json::json!([CT]));
    assert_eq!((&row["00201206"]["Value"][0], &row["00201208"]["Value"][0]), (&2.into(), &2.into()));
    assert_eq!(row["00100010"]["Value"][0]["Ideographic"], "张^三");
    let page = f.storage.search(&scope("town"), &of_one(Level::Instance)).await.expect("a page");
    let row = &page.rows[0].attributes.tree();
    assert_eq!(row["00280010"]["Value"][0], 16);
    assert_eq!(row["00083002"]["Value"][0], dataset::TransferSyntax::EXPLICIT_LITTLE);
    assert_eq!(row["00201209"]["Value"][0], 1);
    assert!(!row.contains_key("7FE00010"));
    assert!(row.keys().is_sorted());
}

pub async fn answers_come_in_pages_newest_first(f: &Fixture) {
    for (study, date) in [(1, "20260105"), (2, ""), (3, "20260107"), (4, "20260106"), (5, "20260106")] {
        store(&f.storage, "town", &Instance { study, date, ..Instance::default() }).await;
    }
    let expected = [3, 5, 4, 1, 2];
    for size in 1..=6_u32 {
        let mut all = Vec::new();
        loop {
            let query = Query { offset: all.len() as u32, ..Query::new(Level::Study, size) };
            let page = found(f, &query).await;
            let more = f.storage.search(&scope("town"), &query).await.expect("a page").more;
            all.extend(page);
            assert_eq!(more, all.len() < expected.len(), "{size} {all:?}");
            if !more {
                break;
            }
        }
        assert_eq!(all, expected, "{size}");
    }
}

pub async fn lists_of_an_older_edition_are_written_anew(f: &Fixture) {
    let one = Instance::default();
    store(&f.storage, "town", &one).await;
    let query = Query::new(Level::Study, 9).with(Key::PatientName, Matching::Fuzzy("zs".into()));
    f.tamper("DELETE FROM study_listing").await;
    f.tamper("UPDATE study SET name_forms = '[]'").await;
    assert_eq!(found(f, &query).await, [0_u32; 0]);
    f.tamper("UPDATE study_listing_edition SET edition = 0").await;
    f.open_again().await.close().await;
    assert_eq!(found(f, &query).await, [1]);
}

pub async fn a_page_lacks_nothing_newer_of_another_list(f: &Fixture) {
    // Six of its own within days, of which the oldest is an answer, and three granted ones of the year before.
    let own = ["20260120", "20260119", "20260118", "20260117", "20260116", "20260103"];
    for (study, date) in (1..).zip(own) {
        let description = if date == "20260103" { "an abc of it" } else { "nothing" };
        store(&f.storage, "town", &Instance { study, date, description, ..Instance::default() }).await;
    }
    for (study, date) in (11..).zip(["20250303", "20250202", "20250101"]) {
        let instance = Instance { study, date, description: "an abc of it", ..Instance::default() };
        store(&f.storage, "city", &instance).await;
        let (owner, grantee) = (org("city"), org("town"));
        let consult = ConsultId::parse("c1").expect("an id");
        let give = GrantChange::Give(Grant { owner, study: instance.study_uid(), grantee, consult });
        let change = Change { grants: vec![give], ..Change::default() };
        f.storage.apply(&scope("city"), change).await.expect("given");
    }
    let query = Query::new(Level::Study, 2).with(Key::StudyDescription, Matching::Wildcard("*abc*".into()));
    // Too few to reach it: no page of older ones without a word, nor with one. Then enough.
    let answers: [(u32, &[&str], Option<u32>); 2] = [(4, &[], Some(4)), (6, &["1.2.3.6", "1.2.3.11"], None)];
    for (search_studies_max, expected, looked_at) in answers {
        let limits = Limits { search_studies_max, ..Limits::default() };
        let storage = Storage::open(StorageConfig { limits, ..f.config.clone() }).await.expect("it opens");
        let page = storage.search(&scope("town"), &query).await.expect("a page");
        let uid = |row: &storage::Row| row.attributes.first_text(dataset::tags::STUDY_INSTANCE_UID);
        let found: Vec<String> = page.rows.iter().filter_map(uid).collect();
        assert_eq!(found, expected, "{search_studies_max}");
        assert_eq!(page.looked_at, looked_at, "{search_studies_max}");
        storage.close().await;
    }
}
