//! Reports on their way into other people's systems, and what comes back from there.

use crate::house::{House, NOW, STUDY, house, org};
use access::{Caller, Person, Role, Signatures};
use consult::delivery::{DeliveryState, JOB, Problem, RouteWish, Sent};
use consult::export::{Exported, Form};
use consult::{AmendmentKind, AmendmentNote, ConsultError, ConsultView, State};
use dataset::{TransferSyntax, part10};
use model::{PersonId, Scope, Uid};
use serde_json::json;
use std::time::Duration;
use storage::{Arrival, Change, Claim, Expected, JobOutcome, Put, RecordQuery, Via};

async fn delivered(house: &House) -> ConsultView {
    house.signed(&house.claimed().await, "右肺结节，良性。", NOW).await
}

/// What the township's archive does that sends on whatever it is sent.
async fn comes_back(house: &House, file: &Exported) {
    let (syntax, (class, instance)) =
        (TransferSyntax::explicit_little(), file.instance.clone().expect("a DICOM file"));
    let arrival = Arrival {
        owner: org("township"),
        via: Via::Import,
        declared: Some((class.clone(), instance.clone())),
    };
    let data_set = &file.bytes[part10::head(&syntax, &class, &instance).len()..];
    let mut sink = house.storage.sink(house.doctor.scope(), arrival, syntax).await.unwrap();
    sink.write(data_set).await.unwrap();
    sink.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_comes_back_is_no_late_image_and_blocks_no_amendment() {
    let house = house(Signatures::Single).await;
    let (service, doctor, wang) = (&house.service, &house.doctor, &house.readers[0]);
    let done = delivered(&house).await;
    let id = &done.consult.id;
    for form in [Form::Sr, Form::Pdf] {
        comes_back(&house, &service.report_form(doctor, id, form, None).await.unwrap()).await;
    }
    let there = house.storage.instances(doctor.scope(), &Uid::parse(STUDY).unwrap(), None, None).await;
    assert_eq!(there.unwrap().len(), 4, "kept like anything else");

    let note = AmendmentNote { kind: AmendmentKind::Correction, reason: "左右写反".into() };
    let open = service.amend(wang, id, done.version, note, NOW).await.unwrap();
    assert_eq!(service.late_images(wang, id).await.unwrap(), []);
    let nothing = service.accept_images(wang, id, open.version, NOW).await;
    assert!(matches!(nothing, Err(ConsultError::Invalid { field: "evidence", .. })), "{nothing:?}");
    crate::house::store(&house.storage, doctor.scope(), 3).await;
    let late = service.late_images(wang, id).await.unwrap();
    assert_eq!(late.iter().map(|series| series.instances).collect::<Vec<_>>(), [1], "an image still counts");
    let grown = service.accept_images(wang, id, open.version, NOW).await.unwrap();
    assert_eq!(grown.consult.evidence.len(), 3);
    assert_eq!(house.signed(&grown, "左肺结节，良性。", NOW).await.consult.state, State::Delivered);
}

/// An administrator of the requesting hospital.
fn administrator() -> Caller {
    Caller::person(
        &Person {
            id: PersonId::parse("sun").unwrap(),
            login: "sun".into(),
            name: "孙工".into(),
            title: String::new(),
            organisation: org("township"),
            roles: vec![Role::Administrator],
            password_hash: String::new(),
            is_disabled: false,
            credential: None,
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        },
        None,
    )
}

/// Somebody exchanges the page behind the program's back.
async fn exchange_page(house: &House, mut page: Vec<u8>) {
    let node = Scope::node("test");
    let at = page.len() / 2;
    page[at] ^= 1;
    let sha256 = house.storage.put_blob(&node, &org("city"), &page).await.unwrap();
    let record = house.storage.records(&node, &RecordQuery::new("report")).await.unwrap().remove(0);
    let mut body = record.body.clone();
    body["pdf_sha256"] = json!(sha256);
    let put = Put {
        kind: "report",
        id: record.id,
        expected: Expected::Version(record.version),
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![org("township"), org("city")],
    };
    house.storage.apply(&node, Change { puts: vec![put], ..Change::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_does_not_verify_is_not_sent() {
    let house = house(Signatures::Single).await;
    let (service, doctor, sun) = (&house.service, &house.doctor, administrator());
    let wish = RouteWish {
        name: "院内 DICOMweb".into(),
        method: "stow".into(),
        ae_title: None,
        url: Some("http://127.0.0.1:9/dicom-web".into()),
        token: None,
        forms: vec![Form::Sr, Form::Pdf],
    };
    service.put_return_route(&sun, &org("township"), "web", wish).await.unwrap();
    // Whoever reads the outbox for the first time begins at its end.
    service.plan_deliveries(NOW).await.unwrap();
    let sound = delivered(&house).await.consult.id;
    service.plan_deliveries(NOW).await.unwrap();
    let claim = house.storage.claim_jobs(JOB, 1, Duration::from_secs(60)).await.unwrap().expect("a job");
    let parcel = service.begin_delivery(&claim.jobs[0], NOW).await.unwrap().expect("a sound report leaves");
    assert_eq!(parcel.files.iter().map(|file| file.form).collect::<Vec<_>>(), [Form::Sr, Form::Pdf]);
    let outcome = service.end_delivery(&parcel, Sent::Delivered, NOW).await.unwrap();
    house.storage.finish_jobs(&claim, vec![(claim.jobs[0].id, outcome)]).await.unwrap();

    let page = service.report_file(doctor, &sound, consult::ReportPart::Pdf, None).await.unwrap();
    exchange_page(&house, page).await;
    let owed = service.send_again(doctor, &sound, &parcel.delivery.id, NOW).await.unwrap();
    assert_eq!(owed.state, DeliveryState::Waiting);
    let claim = house.storage.claim_jobs(JOB, 1, Duration::from_secs(60)).await.unwrap().expect("a job");
    assert_eq!(service.begin_delivery(&claim.jobs[0], NOW).await.unwrap(), None, "nothing leaves");
    let failed = service.deliveries(doctor, &sound).await.unwrap().remove(0);
    assert_eq!((failed.state, failed.problem), (DeliveryState::Failed, Some(Problem::Unsound)));
    assert_eq!(failed.delivered_at, Some(NOW), "what went out before stays said");
    assert_eq!(service.failures(&sun).await.unwrap().deliveries, [failed]);
}

/// A DICOMweb service of the hospital as a route, from now on.
async fn web_route(house: &House, id: &str) {
    let wish = RouteWish {
        name: format!("院内 DICOMweb {id}"),
        method: "stow".into(),
        ae_title: None,
        url: Some("http://127.0.0.1:9/dicom-web".into()),
        token: None,
        forms: vec![Form::Sr],
    };
    house.service.put_return_route(&administrator(), &org("township"), id, wish).await.unwrap();
    // Whoever reads the outbox for the first time begins at its end.
    house.service.plan_deliveries(NOW).await.unwrap();
}

async fn claimed_job(house: &House) -> Option<Claim> {
    house.storage.claim_jobs(JOB, 1, Duration::from_secs(60)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_asked_for_while_its_attempt_begins_is_not_lost() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    web_route(&house, "web").await;
    let id = delivered(&house).await.consult.id;
    service.plan_deliveries(NOW).await.unwrap();
    let delivery = service.deliveries(doctor, &id).await.unwrap().remove(0);
    let claim = claimed_job(&house).await.expect("a job");
    let (begun, asked) = tokio::join!(
        service.begin_delivery(&claim.jobs[0], NOW),
        service.send_again(doctor, &id, &delivery.id, NOW)
    );
    // Whoever was first: with nothing to send, the job would end and the delivery wait for ever.
    assert!(matches!(begun, Ok(Some(_)) | Err(ConsultError::Unavailable)), "{begun:?} {asked:?}");
    let parcel = service.begin_delivery(&claim.jobs[0], NOW).await.unwrap().expect("it leaves");

    // Two who end one attempt: the job of neither is done.
    let broken = || Sent::Again(Problem::Broken, String::new());
    let (one, other) = tokio::join!(
        service.end_delivery(&parcel, broken(), NOW),
        service.end_delivery(&parcel, broken(), NOW)
    );
    for outcome in [one, other, service.end_delivery(&parcel, broken(), NOW).await] {
        assert!(matches!(outcome, Ok(JobOutcome::Again(..))), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_without_a_job_gets_one_when_it_is_asked_for() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    web_route(&house, "web").await;
    let id = delivered(&house).await.consult.id;
    service.plan_deliveries(NOW).await.unwrap();
    let delivery = service.deliveries(doctor, &id).await.unwrap().remove(0);
    service.send_again(doctor, &id, &delivery.id, NOW).await.unwrap();
    let claim = claimed_job(&house).await.expect("a job");
    house.storage.finish_jobs(&claim, vec![(claim.jobs[0].id, JobOutcome::Done)]).await.unwrap();
    assert!(claimed_job(&house).await.is_none(), "it has one job, however often it was asked for");

    service.send_again(doctor, &id, &delivery.id, NOW).await.unwrap();
    let claim = claimed_job(&house).await.expect("a job again");
    assert!(service.begin_delivery(&claim.jobs[0], NOW).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_carries_what_is_signed_after_it_was_made_and_nothing_older() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    web_route(&house, "web").await;
    let done = delivered(&house).await;
    let id = &done.consult.id;
    service.plan_deliveries(NOW).await.unwrap();
    web_route(&house, "later").await;
    let asked = service.ask_back(doctor, id, done.version, "多大？", NOW).await.unwrap();
    assert_eq!(asked.consult.state, State::Delivered);
    service.plan_deliveries(NOW).await.unwrap();
    let owed = service.deliveries(doctor, id).await.unwrap();
    assert_eq!(owed.iter().map(|one| one.route.as_str()).collect::<Vec<_>>(), ["web"]);
}
