//! Whoever asks may leave series out of the question: they are no evidence, and neither is what arrives of them later.

use crate::house::{House, NOW, STUDY, house, question, store_series};
use access::Signatures;
use consult::report::CanonicalReport;
use consult::second::{FirstReport, NewSecond};
use consult::{ConsultError, ConsultView, Evidence, Judgement, NewConsult, ReportPart, State};
use model::Uid;

const FIRST: &str = "1.2.3.4.1";
const SECOND: &str = "1.2.3.4.2";

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

fn without(series: &[&str]) -> NewConsult {
    NewConsult { left_out_series: series.iter().map(|text| uid(text)).collect(), ..question() }
}

async fn arrives(house: &House, series: &str, n: u32) {
    store_series(&house.storage, house.doctor.scope(), [STUDY, series], "P001", n).await;
}

/// A study of two series: two images, and one.
async fn two_series() -> House {
    let house = house(Signatures::Single).await;
    arrives(&house, SECOND, 1).await;
    house
}

fn series_of(evidence: &[Evidence]) -> Vec<String> {
    let mut all: Vec<_> = evidence.iter().map(|item| item.series_instance_uid.to_string()).collect();
    all.sort();
    all
}

fn refused(answer: Result<ConsultView, ConsultError>) -> &'static str {
    match answer {
        Err(ConsultError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_is_no_evidence_and_asks_for_nothing_when_more_of_it_arrives() {
    let house = two_series().await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let draft = service.create(doctor, without(&[SECOND, SECOND]), NOW).await.unwrap();
    assert_eq!(draft.consult.left_out_series, [uid(SECOND)], "a draft keeps the choice");
    let id = &draft.consult.id;
    let asked = service.submit(doctor, id, draft.version, NOW).await.unwrap();
    assert_eq!(series_of(&asked.consult.evidence), [FIRST, FIRST]);
    let said = asked.consult.timeline.iter().any(|entry| entry.note.contains("未纳入 1 个序列"));
    assert!(said, "{:?}", asked.consult.timeline);

    let claimed = service.claim(wang, id, asked.version, NOW).await.unwrap();
    arrives(&house, SECOND, 2).await;
    assert_eq!(service.late_images(wang, id).await.unwrap(), []);
    arrives(&house, "1.2.3.4.3", 1).await;
    let late = service.late_images(wang, id).await.unwrap();
    let late: Vec<_> = late.iter().map(|one| (one.series.to_string(), one.instances)).collect();
    assert_eq!(late, [("1.2.3.4.3".to_owned(), 1)], "a new series still asks");
    assert_eq!(refused(house.try_to_sign(&claimed, NOW).await), "evidence");
    let before = service.get(wang, id).await.unwrap();
    let grown = service.accept_images(wang, id, before.version, NOW).await.unwrap();
    assert_eq!(series_of(&grown.consult.evidence), [FIRST, FIRST, "1.2.3.4.3"]);

    let signed = house.signed(&grown, "右肺结节，良性。", NOW).await;
    assert_eq!(signed.consult.state, State::Delivered);
    let json = service.report_file(wang, id, ReportPart::Json, None).await.unwrap();
    let report = CanonicalReport::from_bytes(&json).unwrap();
    assert!(report.evidence.iter().all(|item| item.series != uid(SECOND)), "{:?}", report.evidence);
    let verdict = service.verify_stored(doctor, id).await.unwrap();
    assert_eq!((verdict.ok, verdict.evidence.result), (true, Judgement::Good), "{verdict:?}");

    let second = NewSecond {
        once: None,
        reading: asked.consult.reading.id.clone(),
        urgency: asked.consult.urgency,
        question: String::new(),
        first: FirstReport::Hidden,
    };
    let second = service.ask_second_opinion(doctor, id, signed.version, second, NOW).await.unwrap();
    assert_eq!(second.consult.evidence, signed.consult.evidence);
    arrives(&house, SECOND, 3).await;
    assert_eq!(service.late_images(&house.readers[1], &second.consult.id).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_at_all_and_no_such_series_are_refused_by_the_name_of_the_field() {
    let house = two_series().await;
    let (service, doctor) = (&house.service, &house.doctor);
    for wrong in [&[FIRST, SECOND][..], &["1.2.3.4.9"], &["1.2.3.5.1"]] {
        assert_eq!(
            refused(service.create(doctor, without(wrong), NOW).await),
            "left_out_series",
            "{wrong:?}"
        );
    }
    let draft = service.create(doctor, question(), NOW).await.unwrap();
    let id = &draft.consult.id;
    let edited = service.edit(doctor, id, draft.version, without(&["9.9"]), NOW).await;
    assert_eq!(refused(edited), "left_out_series");
    let edited = service.edit(doctor, id, draft.version, without(&[FIRST]), NOW).await.unwrap();
    let again = service.edit(doctor, id, edited.version, question(), NOW).await.unwrap();
    assert_eq!(again.consult.left_out_series, [], "all of it again");
    let asked = service.submit(doctor, id, again.version, NOW).await.unwrap();
    assert_eq!(series_of(&asked.consult.evidence), [FIRST, FIRST, SECOND]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_the_question_is_written_is_part_of_it() {
    let house = two_series().await;
    let (service, doctor) = (&house.service, &house.doctor);
    let draft = service.create(doctor, without(&[FIRST]), NOW).await.unwrap();
    arrives(&house, "1.2.3.4.3", 1).await;
    let asked = service.submit(doctor, &draft.consult.id, draft.version, NOW).await.unwrap();
    assert_eq!(series_of(&asked.consult.evidence), [SECOND, "1.2.3.4.3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_the_choice_means_all() {
    let house = two_series().await;
    let asked = house.asked().await.consult;
    let kept = serde_json::to_value(&asked).unwrap();
    assert!(kept.get("left_out_series").is_none(), "records look as they did");
    let read: consult::Consult = serde_json::from_value(kept).unwrap();
    assert_eq!((read.left_out_series.len(), read.evidence.len()), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_of_another_study_is_no_series_of_this_one() {
    let house = two_series().await;
    let (service, doctor) = (&house.service, &house.doctor);
    let draft = service.create(doctor, without(&[SECOND]), NOW).await.unwrap();
    crate::house::store_in(&house.storage, doctor.scope(), "1.2.3.5", "P001", 1).await;
    let other = NewConsult { study_instance_uid: uid("1.2.3.5"), ..without(&[SECOND]) };
    let edited = service.edit(doctor, &draft.consult.id, draft.version, other, NOW).await;
    assert_eq!(refused(edited), "left_out_series");
}
