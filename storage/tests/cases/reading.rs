//! Frames and metadata.

use crate::Fixture;
use crate::support::build::{CT, Instance, org, scope, store, store_as};
use dataset::TransferSyntax;
use std::io::{Read as _, Write as _};
use storage::correct::Target;
use storage::read::MetadataForm;
use storage::{Correction, InstanceRef, MetadataBody, Reason, ReasonCode, StorageError};

async fn reference(f: &Fixture, instance: &Instance) -> InstanceRef {
    let (study, series, sop) = (instance.study_uid(), instance.series_uid(), instance.instance_uid());
    f.storage.instance(&scope("town"), &study, &series, &sop).await.expect("it is there")
}

async fn check_frames(f: &Fixture, instance: &Instance) {
    let there = reference(f, instance).await;
    assert_eq!(there.frame_count(), instance.frames);
    for frame in 0..instance.frames {
        // A fragment of odd length is impossible, so frames are equal to the byte.
        let bytes = f.storage.frame(&there, frame).await.unwrap_or_else(|e| panic!("frame {frame}: {e}"));
        assert_eq!(bytes, instance.frame(frame), "frame {frame}");
    }
    assert_eq!(f.storage.frame(&there, instance.frames).await, Err(StorageError::NotFound));
}

/// Its data set, deflated.
fn deflate(instance: &Instance) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(&instance.bytes()).expect("deflated");
    let mut bytes = deflate.finish().expect("deflated");
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

pub async fn frames_are_the_bytes_that_came(f: &Fixture) {
    let native = Instance { number: 1, frames: 3, ..Instance::default() };
    store(&f.storage, "town", &native).await;
    check_frames(f, &native).await;
    // More frames than one row of the index holds, whole and in three fragments each.
    for (number, fragments) in [(2, 1), (3, 3)] {
        let instance = Instance { number, frames: 9000, rows: 1, ..Instance::default() };
        let bytes = instance.encapsulated(fragments);
        store_as(&f.storage, "town", &instance, &bytes, TransferSyntax::RLE).await.expect("it is stored");
        check_frames(f, &instance).await;
    }
    let deflated = Instance { number: 4, frames: 5, rows: 4000, ..Instance::default() };
    let bytes = deflate(&deflated);
    store_as(&f.storage, "town", &deflated, &bytes, TransferSyntax::DEFLATED).await.expect("it is stored");
    check_frames(f, &deflated).await;
    assert!(f.storage.fsck(&|_, _| ()).await.expect("fsck").findings.is_empty());

    // What is damaged is not handed out.
    let there = reference(f, &native).await;
    let length = there.file_length();
    assert_eq!(f.storage.read(&there, 0..length + 1).await, Err(StorageError::NotFound));
    assert_eq!(f.storage.read(&there, length..length).await.expect("nothing").len(), 0);
}

pub async fn what_another_process_deletes_is_not_read_as_zeros(f: &Fixture) {
    let plain = Instance { number: 1, frames: 2, ..Instance::default() };
    let fragmented = Instance { number: 2, frames: 2, ..Instance::default() };
    let deflated = Instance { number: 3, frames: 2, ..Instance::default() };
    let unread = Instance { number: 4, frames: 2, ..Instance::default() };
    let rest = Instance { number: 5, ..Instance::default() };
    store(&f.storage, "town", &plain).await;
    store(&f.storage, "town", &unread).await;
    let bytes = fragmented.encapsulated(3);
    store_as(&f.storage, "town", &fragmented, &bytes, TransferSyntax::RLE).await.expect("it is stored");
    let bytes = deflate(&deflated);
    store_as(&f.storage, "town", &deflated, &bytes, TransferSyntax::DEFLATED).await.expect("it is stored");
    store(&f.storage, "town", &rest).await;
    let instances = [&plain, &fragmented, &deflated];
    let mut seen = Vec::new();
    for instance in instances {
        let there = reference(f, instance).await;
        assert_eq!(f.storage.frame(&there, 0).await.expect("a frame"), instance.frame(0));
        seen.push(there);
    }
    // Not even where its frames are is known.
    seen.push(reference(f, &unread).await);
    let other = f.open_again().await;
    for instance in instances.into_iter().chain([&unread]) {
        let target = Target {
            study: instance.study_uid(),
            series: Some(instance.series_uid()),
            instance: Some(instance.instance_uid()),
        };
        let why = Reason { code: ReasonCode::Other, text: "sent by mistake".into() };
        other.delete(&scope("town"), &org("town"), target, why).await.expect("deleted");
    }
    for there in &seen {
        let what = there.instance();
        assert_eq!(f.storage.frame(there, 0).await, Err(StorageError::NotFound), "{what}");
        assert_eq!(f.storage.frame(there, 1).await, Err(StorageError::NotFound), "{what}");
        assert_eq!(
            f.storage.read(there, 0..there.file_length()).await,
            Err(StorageError::NotFound),
            "{what}"
        );
    }
    let there = reference(f, &rest).await;
    assert_eq!(f.storage.frame(&there, 0).await.expect("a frame"), rest.frame(0));
    // What the index still names is damage, not a deletion.
    let (study, series, sop) = (rest.study_uid(), rest.series_uid(), rest.instance_uid());
    std::fs::rename(f.config.directory.join("segments"), f.config.directory.join("lost")).expect("moved");
    let fresh = f.open_again().await;
    let there = fresh.instance(&scope("town"), &study, &series, &sop).await.expect("in the index");
    assert!(matches!(fresh.frame(&there, 0).await, Err(StorageError::Corrupt(_))));
}

pub async fn the_middle_image_is_found(f: &Fixture) {
    let of = Instance::default();
    let (study, series) = (of.study_uid(), of.series_uid());
    let middle = async |series| f.storage.middle_image(&scope("town"), &study, series).await;
    assert_eq!(middle(None).await.err(), Some(StorageError::NotFound));
    // Without pixels, as a report is.
    let report = Instance { series: 9, ..Instance::default() };
    let bytes = dataset::write::to_bytes(&report.dataset(), &TransferSyntax::explicit_little());
    store_as(&f.storage, "town", &report, &bytes, TransferSyntax::EXPLICIT_LITTLE).await.expect("stored");
    assert!(middle(None).await.expect("the study is there").is_none());
    for number in [10, 1, 3, 2, 9] {
        store(&f.storage, "town", &Instance { number, ..Instance::default() }).await;
    }
    store(&f.storage, "town", &Instance { series: 2, ..Instance::default() }).await;
    let number =
        async |series| middle(series).await.expect("found").map(|image| image.instance().to_string());
    // 1 2 3 9 10 of the first series, then one of the second.
    assert_eq!(number(Some(&series)).await.as_deref(), Some("1.2.3.1.1.3"));
    assert_eq!(number(None).await.as_deref(), Some("1.2.3.1.1.9"));
    assert_eq!(number(Some(&report.series_uid())).await, None);
    let stranger = f.storage.middle_image(&scope("other"), &study, None).await;
    assert_eq!(stranger.err(), Some(StorageError::NotFound));
}

pub async fn metadata_is_one_gzip_member(f: &Fixture) {
    for number in [3, 1, 2] {
        store(&f.storage, "town", &Instance { number, ..Instance::default() }).await;
    }
    store(&f.storage, "town", &Instance { series: 2, number: 1, ..Instance::default() }).await;
    let of = Instance::default();
    let (study, series, sop) = (of.study_uid(), of.series_uid(), of.instance_uid());
    for (series, instance, count) in
        [(None, None, 4), (Some(&series), None, 3), (Some(&series), Some(&sop), 1)]
    {
        let town = scope("town");
        let body = |form| f.storage.metadata(&town, &study, series, instance, form);
        let Ok(MetadataBody::Plain(plain)) = body(MetadataForm::Plain).await else { panic!("plain") };
        let Ok(MetadataBody::Gzip(gzip)) = body(MetadataForm::Gzip).await else { panic!("gzip") };
        let mut member = flate2::bufread::GzDecoder::new(&gzip[..]);
        let mut text = Vec::new();
        member.read_to_end(&mut text).expect("one sound member");
        assert_eq!(text, plain);
        assert!(member.into_inner().is_empty(), "nothing follows the member");
        let json: serde_json::Value = serde_json::from_slice(&plain).expect("JSON");
        let all = json.as_array().expect("an array");
        assert_eq!(all.len(), count);
        let numbers: Vec<_> = all.iter().map(|i| i["00200013"]["Value"][0].as_i64()).collect();
        assert!(numbers[..count.min(3)].is_sorted());
        assert_eq!(all[0]["00100010"]["Value"][0]["Ideographic"], "张^三");
        assert_eq!(
            all[0]["7FE00010"]["BulkDataURI"],
            format!(
                "/dicom-web/studies/{study}/series/{}/instances/{sop}/bulkdata/7FE00010",
                of.series_uid()
            )
        );
    }
}

pub async fn bulk_values_have_their_places(f: &Fixture) {
    // Over 1 MiB: also what is written while it arrives.
    let large = Instance { number: 1, frames: 40, rows: 1000, ..Instance::default() };
    store(&f.storage, "town", &large).await;
    let there = reference(f, &large).await;
    let place = f.storage.bulk_place(&there, "7FE00010").await.expect("asked").expect("known");
    let pixels: Vec<u8> = (0..large.frames).flat_map(|frame| large.frame(frame)).collect();
    assert_eq!(place.end - place.start, pixels.len() as u64);
    assert_eq!(f.storage.read(&there, place).await.expect("read"), pixels);
    // What is in the metadata itself has no place.
    assert_eq!(f.storage.bulk_place(&there, "00100010").await, Ok(None));

    // As versions before this stored.
    f.tamper("UPDATE instance_metadata SET bulk = ''").await;
    assert_eq!(f.open_again().await.bulk_place(&there, "7FE00010").await, Ok(None));
    // A damaged index leads nowhere outside the object.
    f.tamper("UPDATE instance_metadata SET bulk = '{\"7FE00010\":[4,99999999]}'").await;
    let answer = f.open_again().await.bulk_place(&there, "7FE00010").await;
    assert!(matches!(answer, Err(StorageError::Corrupt(_))), "{answer:?}");
}

pub async fn who_goes_through_a_series_finds_the_next_there(f: &Fixture) {
    let instances: Vec<_> =
        (1..=80).map(|number| Instance { number, frames: 1, ..Instance::default() }).collect();
    for instance in &instances {
        store(&f.storage, "town", instance).await;
    }
    reference(f, &instances[39]).await;
    reference(f, &instances[40]).await;
    f.tamper("UPDATE instance SET sop_class = '1.2.9'").await;
    let class = |there: InstanceRef| there.sop_class().to_string();
    for near in [9, 30, 50, 72] {
        let there = reference(f, &instances[near]).await;
        assert_eq!(f.storage.frame(&there, 0).await.expect("a frame"), instances[near].frame(0));
        assert_eq!(class(there), CT, "{near}");
    }
    for far in [2, 78] {
        assert_eq!(class(reference(f, &instances[far]).await), "1.2.9", "{far}");
    }

    // Another's eyes are looked through anew, and what is hidden is not there any more.
    let of = |instance: &Instance| (instance.study_uid(), instance.series_uid(), instance.instance_uid());
    let (study, series, sop) = of(&instances[50]);
    let other = f.storage.instance(&scope("city"), &study, &series, &sop).await;
    assert_eq!(other.map(|_| ()), Err(StorageError::NotFound));
    let hide = Correction::Hide { study: study.clone(), series: vec![], instances: vec![sop.clone()] };
    let why = Reason { code: ReasonCode::Quality, text: "motion".into() };
    f.storage.correct(&scope("town"), &org("town"), hide, why).await.expect("hidden");
    let gone = f.storage.instance(&scope("town"), &study, &series, &sop).await;
    assert_eq!(gone.map(|_| ()), Err(StorageError::NotFound));
}
