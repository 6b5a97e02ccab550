//! Measurements on images, of which some do not stay.

use crate::house::{House, NOW, STUDY, house, org};
use access::Signatures;
use consult::ConsultError;
use consult::measurements::{MeasuredValue, Measurement, MeasurementKind, Quantity, Sheet, Unit};
use dataset::{Dataset, part10, scan, tags};
use model::{Limits, Uid};
use serde_json::Map;
use storage::correct::Target;
use storage::{Reason, ReasonCode};
use time::OffsetDateTime;
use time::macros::datetime;

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

/// A length on the image of this number.
fn length(n: u32) -> Measurement {
    Measurement {
        id: uid(&format!("2.25.{n}")),
        kind: MeasurementKind::Length,
        series: uid(&format!("{STUDY}.1")),
        instance: uid(&format!("{STUDY}.1.{n}")),
        frame: 1,
        points: vec![[1.5, 1.5], [11.5, 1.5]],
        values: vec![MeasuredValue { quantity: Quantity::Length, value: 7.1, unit: Unit::Millimetre }],
        text: String::new(),
    }
}

async fn save(house: &House, version: i64, measurements: Vec<Measurement>) -> Result<Sheet, ConsultError> {
    let (doctor, owner, study) = (&house.doctor, org("township"), uid(STUDY));
    house.service.save_measurements(doctor, &owner, &study, version, measurements, NOW).await
}

async fn exported(house: &House, at: OffsetDateTime) -> Result<Dataset, ConsultError> {
    let (doctor, owner, study) = (&house.doctor, org("township"), uid(STUDY));
    let file = house.service.measurements_as_dicom(doctor, &owner, &study, &Map::new(), at).await?;
    let (meta, set) = part10::HeadReader::new().feed(&file).unwrap().unwrap();
    Ok(scan::scan(&set, &meta.transfer_syntax, &Limits::default()).unwrap().dataset)
}

async fn delete(house: &House, n: u32) {
    let target = Target { study: uid(STUDY), series: None, instance: Some(uid(&format!("{STUDY}.1.{n}"))) };
    let why = Reason { code: ReasonCode::Other, text: "误传".into() };
    house.storage.delete(house.doctor.scope(), &org("township"), target, why).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_gone_keeps_no_other_measurement_from_being_saved() {
    let house = house(Signatures::Single).await;
    save(&house, 0, vec![length(1)]).await.unwrap();
    delete(&house, 1).await;
    let saved = save(&house, 1, vec![length(1), length(2)]).await.unwrap();
    assert_eq!(saved.measurements, [length(1), length(2)]);

    let changed = Measurement { text: "结节".into(), ..length(1) };
    for new in [changed, length(3)] {
        let refused = save(&house, 2, vec![new, length(2)]).await;
        assert!(matches!(refused, Err(ConsultError::Invalid { field: "instance", .. })), "{refused:?}");
    }

    let evidence = |document: &Dataset| {
        let study = &document.items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)[0];
        let series = &study.items(tags::REFERENCED_SERIES_SEQUENCE)[0];
        let images = series.items(tags::REFERENCED_SOP_SEQUENCE).iter();
        images.filter_map(|image| image.text(tags::REFERENCED_SOP_INSTANCE_UID)).collect::<Vec<_>>()
    };
    assert_eq!(evidence(&exported(&house, NOW).await.unwrap()), [format!("{STUDY}.1.2")]);
    save(&house, 2, vec![length(1)]).await.unwrap();
    let nothing = exported(&house, NOW).await;
    assert!(matches!(nothing, Err(ConsultError::Invalid { field: "measurements", .. })), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exported_measurements_have_the_time_of_the_house_and_say_which_it_is() {
    let house = house(Signatures::Single).await;
    save(&house, 0, vec![length(1)]).await.unwrap();
    let document = exported(&house, datetime!(2026-11-23 17:05 UTC)).await.unwrap();
    let said = [tags::CONTENT_DATE, tags::CONTENT_TIME, tags::TIMEZONE_OFFSET_FROM_UTC];
    assert_eq!(said.map(|tag| document.text(tag).unwrap()), ["20261124", "010500", "+0800"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_nobody_can_have_read_is_stale() {
    let house = house(Signatures::Single).await;
    assert_eq!(save(&house, i64::MAX, vec![length(1)]).await.err(), Some(ConsultError::Stale));
}
