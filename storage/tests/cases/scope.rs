//! Who sees what.

use crate::Fixture;
use crate::support::build::{Instance, org, scope, store, uid};
use dataset::{TransferSyntax, VR, tags, write};
use model::{ConsultId, Key, Level, Query, Scope};
use std::time::Duration;
use storage::read::MetadataForm;
use storage::{
    Arrival, Change, Correction, Grant, GrantChange, MetadataBody, Reason, ReasonCode, Storage, StorageError,
    Via,
};

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

/// VL Whole Slide Microscopy Image Storage.
const WHOLE_SLIDE: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";

async fn store_slide_image(storage: &Storage, image: &Instance, flavor: &str, label_in_image: &str) {
    let mut dataset = image.dataset();
    dataset.put_text(tags::SOP_CLASS_UID, VR::UI, WHOLE_SLIDE);
    dataset.put_text(tags::IMAGE_TYPE, VR::CS, &format!("ORIGINAL\\PRIMARY\\{flavor}\\NONE"));
    dataset.put_text(tags::SPECIMEN_LABEL_IN_IMAGE, VR::CS, label_in_image);
    let pixels: Vec<u8> = (0..image.frames).flat_map(|frame| image.frame(frame)).collect();
    dataset.put_bytes(tags::PIXEL_DATA, VR::OW, pixels);
    let syntax = TransferSyntax::explicit_little();
    let arrival = Arrival { owner: org("town"), via: Via::Dimse, declared: None };
    let mut sink = storage.sink(&scope("town"), arrival, syntax.clone()).await.expect("a sink");
    sink.write(&write::to_bytes(&dataset, &syntax)).await.expect("taken");
    sink.commit().await.expect("stored");
}

fn slide_image(study: u32, series: u32, number: u32) -> Instance {
    Instance { study, series, number, modality: "SM", ..Instance::default() }
}

/// A slide with its labels, a series of nothing but a label, and a study of nothing but labels; all granted to the city.
/// The first is the only one that shows no label.
async fn store_labels(storage: &Storage) -> Vec<Instance> {
    let images = [
        (slide_image(1, 1, 2), "VOLUME", "NO"),
        (slide_image(1, 1, 1), "LABEL", "YES"),
        (slide_image(1, 1, 3), "overview", "NO"),
        (slide_image(1, 1, 4), "VOLUME", "YES"),
        (slide_image(1, 2, 1), "LABEL", ""),
        (slide_image(2, 1, 1), "LABEL", "YES"),
        (slide_image(2, 1, 2), "OVERVIEW", "YES"),
    ];
    for (image, flavor, label_in_image) in &images {
        store_slide_image(storage, image, flavor, label_in_image).await;
    }
    for study in ["1.2.3.1", "1.2.3.2"] {
        let (owner, grantee) = (org("town"), org("city"));
        let consult = ConsultId::parse("c1").expect("an id");
        let grant = Grant { owner, study: uid(study), grantee, consult };
        let change = Change { grants: vec![GrantChange::Give(grant)], ..Change::default() };
        storage.apply(&scope("town"), change).await.expect("given");
    }
    images.into_iter().map(|(image, ..)| image).collect()
}

/// SOP Instance UIDs of what somebody sees, asked in every way there is; all ways must agree.
async fn seen_images(storage: &Storage, scope: &Scope, images: &[Instance]) -> Vec<String> {
    let mut seen = Vec::new();
    for image in images {
        let (study, series, sop) = (image.study_uid(), image.series_uid(), image.instance_uid());
        let mut ways = vec![
            storage.instance(scope, &study, &series, &sop).await.is_ok(),
            storage.instances(scope, &study, None, Some(&sop)).await.is_ok(),
            storage.metadata(scope, &study, None, Some(&sop), MetadataForm::Plain).await.is_ok(),
            storage.metadata(scope, &study, Some(&series), Some(&sop), MetadataForm::Gzip).await.is_ok(),
        ];
        for series in [None, Some(&series)] {
            let listed = storage.instances(scope, &study, series, None).await.unwrap_or_default();
            ways.push(listed.iter().any(|found| *found.instance() == sop));
            for form in [MetadataForm::Plain, MetadataForm::Gzip] {
                let text = match storage.metadata(scope, &study, series, None, form).await {
                    Ok(MetadataBody::Plain(text)) => text.to_vec(),
                    Ok(MetadataBody::Gzip(gzip)) => {
                        let mut text = Vec::new();
                        let mut decoder = flate2::read::GzDecoder::new(&gzip[..]);
                        std::io::Read::read_to_end(&mut decoder, &mut text).expect("gzip");
                        text
                    }
                    Err(_) => b"[]".to_vec(),
                };
                let all: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("JSON");
                ways.push(all.iter().any(|one| one["00080018"]["Value"][0] == sop.as_str()));
            }
        }
        let by_study = Query::new(Level::Instance, 100).with_value(Key::StudyInstanceUid, study.as_str());
        let by_patient = Query::new(Level::Instance, 100).with_value(Key::PatientId, image.patient_id);
        let by_uid = Query::new(Level::Instance, 100).with_value(Key::SopInstanceUid, sop.as_str());
        for query in [by_study, by_patient, by_uid] {
            let page = storage.search(scope, &query).await.expect("a page");
            ways.push(
                page.rows.iter().any(|row| row.attributes.tree()["00080018"]["Value"][0] == sop.as_str()),
            );
        }
        assert!(ways.iter().all(|way| *way == ways[0]), "{sop}: {ways:?}");
        if ways[0] {
            seen.push(sop.to_string());
        }
    }
    seen
}

/// Series and instances of each study, and instances of each series, as a search counts them; then of the patient
/// studies, series and instances.
async fn counts(storage: &Storage, scope: &Scope) -> (Vec<[u64; 2]>, Vec<u64>, Vec<[u64; 3]>) {
    let rows = async |level| {
        let query = Query::new(level, 100).with_value(Key::PatientId, "P001");
        storage.search(scope, &query).await.expect("a page").rows
    };
    let count =
        |row: &storage::Row, tag: &str| row.attributes.tree()[tag]["Value"][0].as_u64().expect("a count");
    let of = |rows: Vec<storage::Row>, tags: &[&str]| -> Vec<Vec<u64>> {
        let mut all: Vec<Vec<u64>> =
            rows.iter().map(|row| tags.iter().map(|tag| count(row, tag)).collect()).collect();
        all.sort();
        all
    };
    let studies = of(rows(Level::Study).await, &["00201206", "00201208"]);
    let series = of(rows(Level::Series).await, &["00201209"]);
    let patients = of(rows(Level::Patient).await, &["00201200", "00201202", "00201204"]);
    (
        studies.iter().map(|all| [all[0], all[1]]).collect(),
        series.concat(),
        patients.iter().map(|all| [all[0], all[1], all[2]]).collect(),
    )
}

pub async fn labels_of_slides_are_for_their_owners_people_with_the_right(f: &Fixture) {
    let s = &f.storage;
    let images = store_labels(s).await;
    let all: Vec<String> = images.iter().map(|image| image.instance_uid().to_string()).collect();
    let whole = (vec![[1, 2], [2, 5]], vec![1, 2, 4], vec![[2, 3, 7]]);
    for sees in [scope("town"), scope("town").owned_by(org("town")), Scope::node("test")] {
        assert_eq!(seen_images(s, &sees, &images).await, all, "{sees:?}");
        assert_eq!(counts(s, &sees).await, whole, "{sees:?}");
    }
    let without = (vec![[1, 1]], vec![1], vec![[1, 1, 1]]);
    let town = scope("town").without_labels();
    for sees in [
        town.clone(),
        town.owned_by(org("town")),
        scope("city"),
        scope("city").owned_by(org("town")),
        scope("city").without_labels(),
    ] {
        // One who sees them has just looked: what is remembered is theirs.
        s.instance(
            &scope("town"),
            &images[0].study_uid(),
            &images[0].series_uid(),
            &images[0].instance_uid(),
        )
        .await
        .expect("seen");
        assert_eq!(seen_images(s, &sees, &images).await, all[..1], "{sees:?}");
        assert_eq!(counts(s, &sees).await, without, "{sees:?}");
        let middle = s.middle_image(&sees, &images[0].study_uid(), None).await.expect("a study");
        assert_eq!(middle.expect("an image").instance().as_str(), all[0], "{sees:?}");
        let nothing = s.middle_image(&sees, &uid("1.2.3.2"), None).await.map(|_| ());
        assert_eq!(nothing, Err(StorageError::NotFound), "{sees:?}");
        // Not even by the way of a study that a label is in.
        let label = images[1].instance_uid();
        let query = Query::new(Level::Study, 10).with_value(Key::SopInstanceUid, label.as_str());
        assert!(s.search(&sees, &query).await.expect("a page").rows.is_empty(), "{sees:?}");
    }
}

pub async fn labels_that_were_indexed_before_are_told_apart(f: &Fixture) {
    let images = store_labels(&f.storage).await;
    f.tamper("UPDATE instance SET shows_label = 2").await;
    assert!(seen_images(&f.storage, &scope("city"), &images).await.is_empty(), "until it is known");
    let again = f.open_again().await;
    assert_eq!(seen_images(&again, &scope("city"), &images).await, [images[0].instance_uid().to_string()]);
    assert_eq!(seen_images(&again, &scope("town"), &images).await.len(), images.len());
    again.close().await;
}

pub async fn series_are_found_where_corrections_have_put_them(f: &Fixture) {
    let s = &f.storage;
    let image = Instance::default();
    store(s, "town", &image).await;
    let series = [image.series_uid()];
    let studies = async |scope: Scope| -> Vec<(String, String)> {
        let found = s.whereabouts(&scope, &series).await.expect("found");
        let id = |found: &storage::Whereabouts| found.study_attributes["00100020"]["Value"][0].to_string();
        found.iter().map(|found| (found.study.to_string(), id(found))).collect()
    };
    let pair = |study: &str, id: &str| vec![(study.to_owned(), format!("\"{id}\""))];
    assert_eq!(studies(scope("town")).await, pair("1.2.3.1", "P001"));
    assert_eq!(studies(scope("city")).await, []);
    assert_eq!(s.acquired_in(&scope("town"), &[uid("1.2.3.1"), uid("1.7")]).await.expect("none"), []);
    let why = Reason { code: ReasonCode::WrongIdentity, text: "the wrong patient was chosen".into() };
    let attributes = serde_json::json!({"00100020": {"vr": "LO", "Value": ["P9"]}});
    let correction = Correction::Move {
        study: uid("1.2.3.1"),
        series: series.to_vec(),
        to: uid("1.7"),
        attributes: attributes.as_object().expect("an object").clone(),
    };
    s.correct(&scope("town"), &org("town"), correction, why).await.expect("moved");
    assert_eq!(studies(scope("town")).await, pair("1.7", "P9"));
    let from = s.acquired_in(&scope("town"), &[uid("1.7")]).await.expect("one");
    assert_eq!(from, [(org("town"), uid("1.2.3.1"))]);
}

pub async fn what_is_held_is_told_to_its_owner_alone(f: &Fixture) {
    let s = &f.storage;
    let image = Instance::default();
    let stored = store(s, "town", &image).await;
    let asked = [uid("1.2.3.404"), image.instance_uid()];
    let held = async |scope: &Scope| s.held(scope, &asked).await.expect("an answer");
    let found = held(&scope("town")).await;
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&one.instance, one.sha256), (&image.instance_uid(), stored.sha256));
    assert_eq!((&one.series, &one.study), (&image.series_uid(), &image.study_uid()));
    assert_eq!(s.held(&scope("town"), &[]).await.expect("an answer"), []);
    // Nor to one who has been granted the study.
    let grant = Grant {
        owner: org("town"),
        study: image.study_uid(),
        grantee: org("city"),
        consult: ConsultId::parse("c1").expect("an id"),
    };
    let change = |grant| Change { grants: vec![grant], ..Change::default() };
    s.apply(&scope("town"), change(GrantChange::Give(grant.clone()))).await.expect("granted");
    assert!(sees(s, &scope("city"), &image).await);
    assert_eq!(held(&scope("city")).await, []);
    assert_eq!(held(&Scope::node("test")).await, []);
    s.apply(&scope("town"), change(GrantChange::Withdraw(grant))).await.expect("withdrawn");
    // A study that was moved is told as it is now, and what is hidden is not held.
    let why = || Reason { code: ReasonCode::WrongIdentity, text: "the wrong patient was chosen".into() };
    let attributes = serde_json::json!({"00100020": {"vr": "LO", "Value": ["P9"]}});
    let correction = Correction::Move {
        study: image.study_uid(),
        series: vec![image.series_uid()],
        to: uid("1.7"),
        attributes: attributes.as_object().expect("an object").clone(),
    };
    s.correct(&scope("town"), &org("town"), correction, why()).await.expect("moved");
    assert_eq!(held(&scope("town")).await[0].study, uid("1.7"));
    let hide = Correction::Hide { study: uid("1.7"), series: vec![], instances: vec![] };
    s.correct(&scope("town"), &org("town"), hide, why()).await.expect("hidden");
    assert_eq!(held(&scope("town")).await, []);
}

pub async fn labels_are_held_for_who_may_see_them(f: &Fixture) {
    let images = store_labels(&f.storage).await;
    let uids: Vec<_> = images.iter().map(Instance::instance_uid).collect();
    let held = async |scope: &Scope| f.storage.held(scope, &uids).await.expect("an answer").len();
    assert_eq!(held(&scope("town")).await, images.len());
    assert_eq!(held(&scope("town").without_labels()).await, 1);
}
