//! The ways beside the straight one: waiting for data, from hand to hand, leases, amending, asking back.

use crate::house::{House, NOW, STUDY, house, org, question, secret, store_series};
use access::Signatures;
use consult::critical::NewFinding;
use consult::quality::Grade;
use consult::report::CanonicalReport;
use consult::slide_grades::SlidesSoon;
use consult::state::{When, Who};
use consult::statistics::{By, Period};
use consult::{
    Action, AmendmentKind, AmendmentNote, ConsultError, ConsultView, Judgement, KnownSlides, ListQuery,
    NewConsult, ReportPart, SlideNote, State, Tab,
};
use model::{OrgId, PersonId, Scope, SlideId, Uid};
use std::sync::{Arc, Mutex};
use time::Duration;

fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

fn correction(reason: &str) -> AmendmentNote {
    AmendmentNote { kind: AmendmentKind::Correction, reason: reason.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_data_are_awaited_the_clock_stands_and_the_requester_is_told_what_is_wanted() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let (asked_at, sent_at) = (NOW + Duration::minutes(10), NOW + Duration::minutes(100));
    let empty = service.request_data(wang, id, claimed.version, " ", asked_at).await;
    assert!(matches!(empty, Err(ConsultError::Invalid { field: "reason", .. })), "{empty:?}");
    let other = service.request_data(chen, id, claimed.version, "请补薄层", asked_at).await;
    let whose: &[Who] = &[Who::Holder, Who::Coordinator];
    assert_eq!(other, Err(ConsultError::NotYours { whose, action: Action::RequestData }));
    let waits = service.request_data(wang, id, claimed.version, "请补薄层", asked_at).await.unwrap();
    assert_eq!(waits.consult.state, State::AwaitingData);
    assert!(!waits.consult.is_overdue(sent_at));

    let seen = service.get(doctor, id).await.unwrap();
    assert_eq!(seen.consult.waits[0].wanted, "请补薄层");
    assert_eq!(seen.allowed, [Action::Attach, Action::Resume, Action::Cancel]);
    let tab = ListQuery { tab: Tab::Awaiting, limit: 10, ..ListQuery::default() };
    assert_eq!(service.list(doctor, &tab, sent_at).await.unwrap().consults.len(), 1);

    let goes_on = service.resume(doctor, id, seen.version, "已补传", sent_at).await.unwrap();
    assert_eq!(goes_on.consult.state, State::Reading);
    assert_eq!(goes_on.consult.reader.as_ref().unwrap().id, person("wang"));
    assert_eq!(goes_on.consult.due_at, Some(NOW + Duration::minutes(60 + 90)));
    assert_eq!(goes_on.consult.waited_ms(sent_at), 90 * 60 * 1000);
    assert_eq!(goes_on.consult.waits[0].answer, "已补传");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_hand_to_hand_with_what_was_written() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen], coordinator) = (&house.service, &house.readers, &house.reviewer);
    let asked = house.asked().await;
    let id = &asked.consult.id;

    for nobody in ["zhao", "li", "nobody", "no-such-person"] {
        let refused = service.assign(coordinator, id, asked.version, &person(nobody), "", NOW).await;
        assert!(
            matches!(refused, Err(ConsultError::Invalid { field: "person", .. })),
            "{nobody}: {refused:?}"
        );
    }
    let candidates = service.candidates(coordinator, id, NOW).await.unwrap();
    assert_eq!(candidates.len(), 2);
    let given = service.assign(coordinator, id, asked.version, &person("wang"), "胸部组", NOW).await.unwrap();
    assert_eq!(given.consult.state, State::Assigned);
    let taken = service.claim(chen, id, given.version, NOW).await;
    let told = matches!(&taken, Err(ConsultError::Conflict { holder: Some(name), .. }) if name == "王建国");
    assert!(told, "{taken:?}");
    let mine = ListQuery { tab: Tab::Mine, limit: 10, ..ListQuery::default() };
    assert_eq!(service.list(wang, &mine, NOW).await.unwrap().consults.len(), 1);

    let reading = service.claim(wang, id, given.version, NOW).await.unwrap();
    let saved = service.save_report(wang, id, reading.version, crate::house::report(), NOW).await.unwrap();
    let over = service.assign(wang, id, saved.version, &person("chen"), "下班", NOW).await.unwrap();
    assert_eq!((over.consult.state, over.consult.reader.unwrap().id), (State::Assigned, person("chen")));
    let kept = over.consult.report.unwrap();
    assert_eq!((kept.findings.is_empty(), kept.displayed.len()), (false, 0));
    let declined = service.decline(chen, id, over.version, "不熟悉", NOW).await.unwrap();
    assert_eq!((declined.consult.state, declined.consult.reader), (State::Accepted, None));
    assert_eq!(declined.consult.timeline.last().unwrap().note, "不熟悉");
    // What the centre says among its own people is not for the requester.
    let seen = service.get(&house.doctor, id).await.unwrap();
    assert!(seen.consult.timeline.iter().all(|entry| entry.note.is_empty()), "{:?}", seen.consult.timeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_runs_out_puts_the_case_back_and_keeps_every_word() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let minutes = |n: i64| NOW + Duration::minutes(n);
    let saved =
        service.save_report(wang, id, claimed.version, crate::house::report(), minutes(5)).await.unwrap();
    assert_eq!(service.end_leases(minutes(16)).await.unwrap(), 0, "saving has renewed it");
    let lease = service.renew_lease(wang, id, minutes(18)).await.unwrap();
    assert_eq!(lease.until, minutes(33));
    assert_eq!(service.get(wang, id).await.unwrap().version, saved.version, "renewing changes no version");
    assert!(matches!(service.renew_lease(chen, id, minutes(18)).await, Err(ConsultError::Conflict { .. })));
    assert_eq!(service.end_leases(minutes(32)).await.unwrap(), 0);

    assert_eq!(service.end_leases(minutes(34)).await.unwrap(), 1);
    assert_eq!(service.end_leases(minutes(34)).await.unwrap(), 0, "once");
    let free = service.get(chen, id).await.unwrap();
    assert_eq!((free.consult.state, free.consult.reader), (State::Accepted, None));
    assert_eq!(free.consult.timeline.last().unwrap().by, None);
    assert_eq!(free.consult.report.as_ref().unwrap().findings, crate::house::report().findings);
    let lost = service.save_report(wang, id, free.version, crate::house::report(), minutes(35)).await;
    assert!(matches!(lost, Err(ConsultError::WrongState { .. } | ConsultError::NotYours { .. })), "{lost:?}");
    let next = service.claim(chen, id, free.version, minutes(35)).await.unwrap();
    assert_eq!(next.consult.report.unwrap().displayed, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_a_new_version_that_says_why_and_the_old_one_stays_readable() {
    for signatures in [Signatures::Single, Signatures::Double] {
        let house = house(signatures).await;
        let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
        let finish = async |view: ConsultView| match signatures {
            Signatures::Single => view,
            Signatures::Double => house.reviewed(&view, NOW).await,
        };
        let first = finish(house.signed(&house.claimed().await, "右肺结节，良性。", NOW).await).await;
        let id = &first.consult.id;
        assert_eq!(first.consult.state, State::Delivered);
        let one = service.report_file(doctor, id, ReportPart::Json, None).await.unwrap();
        let one_pdf = service.report_file(doctor, id, ReportPart::Pdf, None).await.unwrap();

        // Two open it at once: one wins, the other is told.
        let later = NOW + Duration::hours(5);
        let (a, b) = tokio::join!(
            service.amend(wang, id, first.version, correction("左右写反"), later),
            service.amend(&house.reviewer, id, first.version, correction("左右写反"), later)
        );
        let (open, lost) = match (a, b) {
            (Ok(open), lost) | (lost, Ok(open)) => (open, lost),
            both => panic!("nobody won: {both:?}"),
        };
        assert!(matches!(lost, Err(ConsultError::Conflict { holder: Some(_), .. })), "{lost:?}");
        assert_eq!(open.consult.state, State::Amending);
        assert!(!open.consult.is_overdue(later), "an amendment has no clock");

        // Meanwhile the requester sees what was delivered, not what is being written.
        let report =
            consult::report::ReportDraft { diagnosis: "左肺结节。".into(), ..crate::house::report() };
        let saved = service.save_report(wang, id, open.version, report, later).await.unwrap();
        let seen = service.get(doctor, id).await.unwrap().consult;
        assert_eq!(seen.report.unwrap().diagnosis, "右肺结节，良性。");
        assert_eq!(service.report_file(doctor, id, ReportPart::Json, None).await.unwrap(), one);
        assert!(service.verify_upload(one_pdf.clone(), Vec::new()).await.unwrap().ok);

        let mut signed = house.signed(&saved, "左肺结节，良性。", later).await;
        if signatures == Signatures::Double {
            assert_eq!(signed.consult.state, State::Preliminary);
            assert_eq!(service.report_file(doctor, id, ReportPart::Json, None).await.unwrap(), one);
            assert!(!service.get(doctor, id).await.unwrap().allowed.contains(&Action::Cancel));
            // The reviewer sends it back once: to the amendment, not to a first report.
            let back =
                service.return_to_reader(&house.reviewer, id, signed.version, "再核对", later).await.unwrap();
            assert_eq!(back.consult.state, State::Amending);
            let notes = |view: &ConsultView| view.consult.timeline.iter().any(|entry| entry.note == "再核对");
            assert!(notes(&back) && !notes(&service.get(doctor, id).await.unwrap()));
            signed = house.signed(&back, "左肺结节，良性。", later).await;
        }
        let second = finish(signed).await;
        assert_eq!(second.consult.state, State::Delivered);

        let two = service.report_file(doctor, id, ReportPart::Json, None).await.unwrap();
        let (before, after) =
            (CanonicalReport::from_bytes(&one).unwrap(), CanonicalReport::from_bytes(&two).unwrap());
        assert_eq!((before.version, after.version), (1, 2));
        assert_eq!(after.amendment, Some(correction("左右写反")));
        assert_eq!((before.amendment, before.previous_sha256), (None, None));
        assert_eq!(after.previous_sha256.unwrap(), first.consult.versions.last().unwrap().canonical_sha256);
        let kept = service.report_file(doctor, id, ReportPart::Json, Some(1)).await.unwrap();
        assert_eq!(kept, one, "the old version stays readable");
        let versions = service.get(doctor, id).await.unwrap().consult.versions;
        assert_eq!(
            versions.iter().map(|v| (v.version, v.superseded)).collect::<Vec<_>>(),
            [(1, true), (2, false)]
        );
        let old = service.verify_upload(one_pdf, Vec::new()).await.unwrap();
        assert_eq!(old.superseded.result, Judgement::Bad, "{old:?}");
        assert!(service.verify_stored(doctor, id).await.unwrap().ok);
        let pdf = service.report_file(doctor, id, ReportPart::Pdf, None).await.unwrap();
        let public = service.verify_upload(pdf, Vec::new()).await.unwrap();
        assert!(public.ok, "{public:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_amendment_leaves_everything_as_it_was() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let first = house.signed(&house.claimed().await, "右肺结节，良性。", NOW).await;
    let id = &first.consult.id;
    let closed = service.acknowledge(doctor, id, first.version, NOW).await.unwrap();
    let open = service.amend(wang, id, closed.version, correction("误读"), NOW).await.unwrap();
    let changed = consult::report::ReportDraft::default();
    let saved = service.save_report(wang, id, open.version, changed, NOW).await.unwrap();
    let left = service.abandon(wang, id, saved.version, NOW).await.unwrap();
    assert_eq!((left.consult.state, &left.consult.report), (State::Closed, &first.consult.report));
    assert_eq!(left.consult.reported_at, first.consult.reported_at);
    assert_eq!(left.consult.amendment, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_sign_at_once_make_one_report() {
    let house = house(Signatures::Single).await;
    let (service, [wang, _]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let saved = service.save_report(wang, id, claimed.version, crate::house::report(), NOW).await.unwrap();
    let hash = service.preview(wang, id).await.unwrap().canonical_sha256;
    let sign = || service.sign(wang, id, saved.version, &hash, secret("签名口令 2026"), NOW);
    let (a, b) = tokio::join!(sign(), sign());
    assert_ne!(a.is_ok(), b.is_ok(), "{a:?} {b:?}");
    let lost = a.err().or(b.err()).unwrap();
    assert!(matches!(lost, ConsultError::Conflict { holder: Some(_), .. }), "{lost:?}");
    assert_eq!(service.get(wang, id).await.unwrap().consult.versions.len(), 1);
}

async fn delivered(house: &House) -> ConsultView {
    house.signed(&house.claimed().await, "右肺结节，良性。", NOW).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_the_report_comes_back_to_the_reader_and_is_answered() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let done = delivered(&house).await;
    let id = &done.consult.id;
    let nothing = service.answer(wang, id, done.version, "答", NOW).await;
    assert!(matches!(nothing, Err(ConsultError::NotNow { why: When::Question(_), .. })), "{nothing:?}");
    let closed = service.acknowledge(doctor, id, done.version, NOW).await.unwrap();
    let mine = ListQuery { tab: Tab::Mine, limit: 10, ..ListQuery::default() };
    assert_eq!(service.list(wang, &mine, NOW).await.unwrap().consults.len(), 0);

    let asked = service.ask_back(doctor, id, closed.version, "多久复查？", NOW).await.unwrap();
    assert_eq!(asked.consult.state, State::Delivered);
    assert_eq!(service.list(wang, &mine, NOW).await.unwrap().consults.len(), 1, "it waits for the reader");
    let other = service.answer(chen, id, asked.version, "三个月", NOW).await;
    assert!(matches!(other, Err(ConsultError::NotYours { .. })), "{other:?}");
    let answered = service.answer(wang, id, asked.version, "三个月", NOW).await.unwrap();
    assert_eq!(answered.consult.questions[0].answer.as_ref().unwrap().text, "三个月");
    let seen = service.get(doctor, id).await.unwrap();
    assert_eq!(seen.consult.questions[0].answer.as_ref().unwrap().text, "三个月");
    assert_eq!(service.list(wang, &mine, NOW).await.unwrap().consults.len(), 0);
    // 远程诊断 is not decided by the requester.
    let decided = service.record_decision(doctor, id, seen.version, "手术", NOW).await;
    assert!(matches!(decided, Err(ConsultError::NotNow { why: When::Kind(_), .. })), "{decided:?}");

    // Closed over an open question, it is still answered.
    let asked = service.ask_back(doctor, id, seen.version, "要增强吗？", NOW).await.unwrap();
    let closed = service.acknowledge(doctor, id, asked.version, NOW).await.unwrap();
    let answered = service.answer(wang, id, closed.version, "不用", NOW).await.unwrap();
    assert_eq!(answered.consult.state, State::Closed);
    assert_eq!(answered.consult.questions[1].answer.as_ref().unwrap().text, "不用");
}

/// A small PNG: one grey pixel.
pub const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0xd, 0xa, 0x1a, 0xa, 0x0, 0x0, 0x0, 0xd, 0x49, 0x48, 0x44, 0x52, 0x0, 0x0, 0x0,
    0x1, 0x0, 0x0, 0x0, 0x1, 0x8, 0x0, 0x0, 0x0, 0x0, 0x3a, 0x7e, 0x9b, 0x55, 0x0, 0x0, 0x0, 0xa, 0x49, 0x44,
    0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0x0, 0x0, 0x0, 0x82, 0x0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x0, 0x0,
    0x0, 0x0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_evidence_and_seen_by_the_centre_only_while_it_may() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let draft = service.create(doctor, crate::house::question(), NOW).await.unwrap();
    let id = &draft.consult.id;
    let refused = service.attach(doctor, id, draft.version, "x.pdf", b"MZ".to_vec(), NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "attachment", .. })), "{refused:?}");
    let with = service.attach(doctor, id, draft.version, "外院/报告.png", PNG.to_vec(), NOW).await.unwrap();
    let kept = with.consult.attachments[0].clone();
    assert_eq!((kept.name.as_str(), kept.bytes), ("报告.png", PNG.len() as u64));
    assert_eq!(service.attachment(wang, id, &kept.sha256).await.err(), Some(ConsultError::NotFound));

    let asked = service.submit(doctor, id, with.version, NOW).await.unwrap();
    assert_eq!(service.attachment(wang, id, &kept.sha256).await.unwrap().1, PNG);
    assert_eq!(
        service.attachment(&house.stranger, id, &kept.sha256).await.err(),
        Some(ConsultError::NotFound)
    );
    let claimed = service.claim(wang, id, asked.version, NOW).await.unwrap();
    let mine = service.attach(wang, id, claimed.version, "x.png", PNG.to_vec(), NOW).await;
    assert!(matches!(mine, Err(ConsultError::WrongState { .. })), "{mine:?}");
    let done = house.signed(&claimed, "右肺结节。", NOW).await;
    let json = service.report_file(wang, id, ReportPart::Json, None).await.unwrap();
    let signed = CanonicalReport::from_bytes(&json).unwrap();
    assert_eq!(signed.attachments[0].sha256, kept.sha256);
    assert!(service.verify_stored(doctor, id).await.unwrap().ok);
    assert!(service.attachment(doctor, id, &kept.sha256).await.is_ok());
    drop(done);

    let again = house.asked().await;
    let other = &again.consult.id;
    let waits = service.request_data(&house.reviewer, other, again.version, "出院小结", NOW).await.unwrap();
    let sent = service.attach(doctor, other, waits.version, "小结.png", PNG.to_vec(), NOW).await.unwrap();
    let rejected = service.reject(&house.reviewer, other, sent.version, "资料不全", NOW).await.unwrap();
    assert_eq!(rejected.consult.attachments, []);
    assert_eq!(service.attachment(wang, other, &kept.sha256).await.err(), Some(ConsultError::NotFound));
    assert!(service.attachment(doctor, other, &kept.sha256).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_arrive_later_are_taken_in_before_anything_is_signed() {
    let house = house(Signatures::Single).await;
    let (service, [wang, _]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    assert_eq!(service.late_images(wang, id).await.unwrap(), []);
    let nothing = service.accept_images(wang, id, claimed.version, NOW).await;
    assert!(matches!(nothing, Err(ConsultError::Invalid { field: "evidence", .. })), "{nothing:?}");
    crate::house::store(&house.storage, house.doctor.scope(), 3).await;
    assert_eq!(service.late_images(wang, id).await.unwrap()[0].instances, 1);
    let saved = service.save_report(wang, id, claimed.version, crate::house::report(), NOW).await.unwrap();
    let hash = service.preview(wang, id).await.unwrap().canonical_sha256;
    let refused = service.sign(wang, id, saved.version, &hash, secret("签名口令 2026"), NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "evidence", .. })), "{refused:?}");
    let grown = service.accept_images(wang, id, saved.version, NOW).await.unwrap();
    assert_eq!((grown.consult.evidence.len(), grown.consult.evidence_version()), (3, 2));
    let stale = service.sign(wang, id, grown.version, &hash, secret("签名口令 2026"), NOW).await;
    assert_eq!(stale, Err(ConsultError::Stale), "what was displayed rested on less");
    house.signed(&grown, "右肺结节。", NOW).await;
}

/// Slides of every study, as a test says.
struct There(Mutex<Vec<SlideNote>>);

impl KnownSlides for There {
    fn of_study<'a>(&'a self, _: &'a Scope, _: &'a OrgId, _: &'a Uid) -> SlidesSoon<'a> {
        Box::pin(std::future::ready(Ok(self.0.lock().unwrap().clone())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slide_that_arrived_after_the_question_was_written_is_named_with_the_grade_that_it_has_when_signed()
{
    let house = house(Signatures::Single).await;
    let wang = &house.readers[0];
    let slide = |n: u32, grade: &str, series: &str| SlideNote {
        id: SlideId::parse(&format!("slide-{n}")).unwrap(),
        grade: grade.into(),
        name: format!("{n} HE"),
        series: Some(Uid::parse(series).unwrap()),
    };
    let there = Arc::new(There(Mutex::new(vec![slide(1, "C", "1.2.3.4.1")])));
    let service = house.service.clone().with_slides(there.clone());
    let asked = NewConsult { slide: Some(slide(1, "C", "1.2.3.4.1")), ..question() };
    let draft = service.create(&house.doctor, asked, NOW).await.unwrap();
    store_series(&house.storage, house.doctor.scope(), [STUDY, "1.2.3.4.2"], "P001", 1).await;
    let id = &draft.consult.id;
    let asked = service.submit(&house.doctor, id, draft.version, NOW).await.unwrap();
    let claimed = service.claim(wang, id, asked.version, NOW).await.unwrap();
    service.save_report(wang, id, claimed.version, crate::house::report(), NOW).await.unwrap();
    // The third has come since, and is in no evidence.
    *there.0.lock().unwrap() =
        vec![slide(1, "A", "1.2.3.4.1"), slide(2, "B", "1.2.3.4.2"), slide(3, "A", "1.2.3.4.7")];
    let signed = service.preview(wang, id).await.unwrap().canonical;
    assert_eq!(signed["slide"]["grade"], "A");
    let named: Vec<_> =
        signed["slides"].as_array().unwrap().iter().map(|one| (&one["name"], &one["grade"])).collect();
    assert_eq!(named, [(&"1 HE".into(), &"A".into()), (&"2 HE".into(), &"B".into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_over_images_that_arrived_before_the_second_signature() {
    let house = house(Signatures::Double).await;
    let (service, [wang, _], reviewer) = (&house.service, &house.readers, &house.reviewer);
    let signed = house.signed(&house.claimed().await, "右肺结节。", NOW).await;
    let id = &signed.consult.id;
    crate::house::store(&house.storage, house.doctor.scope(), 3).await;
    let hash = service.preview(reviewer, id).await.unwrap().canonical_sha256;
    let refused = service.review(reviewer, id, signed.version, &hash, secret("签名口令 2026"), NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "evidence", .. })), "{refused:?}");
    let version = service.get(reviewer, id).await.unwrap().version;
    let back = service.return_to_reader(reviewer, id, version, "新到图像", NOW).await.unwrap();
    let saved = service.save_report(wang, id, back.version, crate::house::report(), NOW).await.unwrap();
    let grown = service.accept_images(wang, id, saved.version, NOW).await.unwrap();
    let again = house.signed(&grown, "右肺结节。", NOW).await;
    assert_eq!(house.reviewed(&again, NOW).await.consult.state, State::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_while_amending_stays_in_the_centre_and_with_whose_report_it_is() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen], reviewer) =
        (&house.service, &house.doctor, &house.readers, &house.reviewer);
    let done = delivered(&house).await;
    let id = &done.consult.id;
    let graded = service.grade(reviewer, id, done.version, Grade::MostlyMajor, "漏诊", NOW).await.unwrap();
    let open = service.amend(wang, id, graded.version, correction("左右写反"), NOW).await.unwrap();
    let handed =
        service.assign(reviewer, id, open.version, &person("chen"), "王医师漏诊", NOW).await.unwrap();
    let seen = service.get(doctor, id).await.unwrap();
    assert!(seen.consult.timeline.iter().all(|entry| !entry.note.contains("漏诊")), "{seen:?}");
    assert!(seen.consult.timeline.iter().any(|entry| entry.note == "左右写反"));

    // Abandoned or not, who wrote the first version answers for it.
    let report = crate::house::report();
    let saved = service.save_report(chen, id, handed.version, report, NOW).await.unwrap();
    let hash = service.preview(chen, id).await.unwrap().canonical_sha256;
    let signed = service.sign(chen, id, saved.version, &hash, secret("签名口令 2026"), NOW).await.unwrap();
    let other = service.respond(chen, id, signed.version, "不是我的", NOW).await;
    assert!(matches!(other, Err(ConsultError::NotYours { .. })), "{other:?}");
    let both = service.grade(wang, id, signed.version, Grade::Concurs, "", NOW).await;
    assert!(matches!(both, Err(ConsultError::Forbidden(_))), "{both:?}");
    let answered = service.respond(wang, id, signed.version, "同意", NOW).await.unwrap();
    assert!(answered.consult.quality[0].response.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_report_cannot_print_is_told_to_whoever_wrote_it() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    let strange = consult::NewConsult { question: "结节\u{1FAE0}？".into(), ..crate::house::question() };
    let draft = service.create(doctor, strange, NOW).await.unwrap();
    let id = &draft.consult.id;
    let refused = service.submit(doctor, id, draft.version, NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "question", .. })), "{refused:?}");
    let with = service.attach(doctor, id, draft.version, "\u{1FAE0}.png", PNG.to_vec(), NOW).await.unwrap();
    assert_eq!(with.consult.attachments[0].name, "□.png");
    crate::house::store_in(&house.storage, doctor.scope(), "1.2.3.9", "P009", 1).await;
    let study_instance_uid = model::Uid::parse("1.2.3.9").unwrap();
    let other = consult::NewConsult { study_instance_uid, ..crate::house::question() };
    let edited = service.edit(doctor, id, with.version, other, NOW).await.unwrap();
    assert_eq!(edited.consult.attachments, [], "another patient's papers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discrepancy_comes_back_to_the_reader_and_the_requester_sees_none_of_it() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _], reviewer) =
        (&house.service, &house.doctor, &house.readers, &house.reviewer);
    let done = delivered(&house).await;
    let id = &done.consult.id;
    let own = service.grade(wang, id, done.version, Grade::Concurs, "", NOW).await;
    assert!(matches!(own, Err(ConsultError::Forbidden(_))), "nobody grades themselves: {own:?}");
    for (grade, comment, field) in
        [(Grade::MajorDiscordance, "切缘", "grade"), (Grade::MostlyMajor, " ", "comment")]
    {
        let refused = service.grade(reviewer, id, done.version, grade, comment, NOW).await;
        assert!(matches!(refused, Err(ConsultError::Invalid { field: f, .. }) if f == field), "{refused:?}");
    }
    let graded =
        service.grade(reviewer, id, done.version, Grade::MostlyMajor, "漏诊左肺下叶结节", NOW).await.unwrap();
    assert_eq!(graded.consult.state, State::Delivered);
    let mine = ListQuery { tab: Tab::Mine, limit: 10, ..ListQuery::default() };
    let back = service.list(wang, &mine, NOW).await.unwrap().consults;
    assert!(back[0].allowed.contains(&Action::Respond), "{:?}", back[0].allowed);
    let seen = service.get(doctor, id).await.unwrap();
    assert_eq!((seen.consult.quality.len(), seen.consult.timeline.len()), (0, done.consult.timeline.len()));
    let answered = service.respond(wang, id, graded.version, "同意，已补充报告", NOW).await.unwrap();
    assert_eq!(answered.consult.quality[0].response.as_ref().unwrap().text, "同意，已补充报告");
    assert_eq!(service.list(wang, &mine, NOW).await.unwrap().consults.len(), 0);
    let again = service.respond(wang, id, answered.version, "再说", NOW).await;
    assert!(matches!(again, Err(ConsultError::NotNow { why: When::Discrepancy(_), .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_count_what_each_side_may_see() {
    let house = house(Signatures::Single).await;
    let service = &house.service;
    let first = house.signed(&house.claimed().await, "右肺结节。", NOW + Duration::minutes(25)).await;
    service.grade(&house.reviewer, &first.consult.id, first.version, Grade::Concurs, "", NOW).await.unwrap();
    let second = house.asked().await;
    service.cancel(&house.doctor, &second.consult.id, second.version, "误发", NOW).await.unwrap();
    house.asked().await;
    let period = Period { from: NOW - Duration::days(1), until: NOW + Duration::days(1) };
    let late = NOW + Duration::hours(2);
    let of = async |caller, by| service.statistics(caller, by, period, late).await;
    let rows = of(&house.reviewer, By::Requesting).await.unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.name.as_str(), row.asked, row.delivered, row.open), ("清河镇卫生院", 3, 1, 1));
    assert_eq!((row.cancelled, row.late, row.median_min, row.graded), (1, 1, Some(25), 1));
    let theirs = of(&house.doctor, By::Reading).await.unwrap();
    assert_eq!((theirs[0].asked, theirs[0].graded), (3, 0));
    assert_eq!(of(&house.stranger, By::Month).await.unwrap(), []);
    assert!(matches!(of(&house.readers[1], By::Month).await, Err(ConsultError::Forbidden(_))));
    let all = async |caller, of: Option<&str>| {
        let of = of.map(org);
        service.alliance_statistics(caller, of.as_ref(), By::Requesting, period, late).await
    };
    let office = house.overseer().await;
    assert_eq!(all(&office, None).await.unwrap()[0].asked, 3);
    assert_eq!(all(&office, Some("city")).await.unwrap()[0].graded, 1);
    assert_eq!(all(&office, Some("other")).await.unwrap(), []);
    assert!(matches!(all(&house.reviewer, None).await, Err(ConsultError::Forbidden(_))));
    let before = Period { from: NOW - Duration::days(9), until: NOW };
    assert_eq!(service.statistics(&house.reviewer, By::Month, before, late).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_one_organisation_count_its_critical_findings_and_nobody_elses() {
    let house = house(Signatures::Single).await;
    let (service, [wang, _]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let new = NewFinding { finding: "张力性气胸".into(), ..NewFinding::default() };
    service.raise_critical(wang, id, new.clone(), NOW).await.unwrap();
    service.raise_critical(wang, id, new, NOW + Duration::minutes(10)).await.unwrap();
    house.asked().await;
    let late = NOW + Duration::minutes(30);
    let period = Period { from: NOW, until: late };
    let office = house.overseer().await;
    for of in ["township", "city"] {
        let of = Some(org(of));
        let rows =
            service.alliance_statistics(&office, of.as_ref(), By::Reading, period, late).await.unwrap();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        let critical = (row.critical, row.critical_median_min, row.critical_longest_min);
        assert_eq!((row.asked, critical), (2, (2, Some(20), Some(30))));
    }
    let other = org("other");
    let none = service.alliance_statistics(&office, Some(&other), By::Reading, period, late).await;
    assert_eq!(none.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_studies_of_the_same_patient_come_along_and_go_again() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let (earlier, others) = ("1.2.3.5", "1.2.3.6");
    crate::house::store_in(&house.storage, doctor.scope(), earlier, "P001", 1).await;
    crate::house::store_in(&house.storage, doctor.scope(), others, "P002", 1).await;
    let uid = |text: &str| model::Uid::parse(text).unwrap();
    let with = |priors: Vec<model::Uid>| consult::NewConsult { priors, ..crate::house::question() };
    for wrong in [others, "9.9.9"] {
        let refused = service.create(doctor, with(vec![uid(wrong)]), NOW).await;
        assert!(
            matches!(refused, Err(ConsultError::Invalid { field: "priors", .. })),
            "{wrong}: {refused:?}"
        );
    }
    let twice = with(vec![uid(earlier), uid(earlier), uid(crate::house::STUDY)]);
    let draft = service.create(doctor, twice, NOW).await.unwrap();
    let id = &draft.consult.id;
    assert_eq!(draft.consult.priors.len(), 1);
    let seen = async || house.storage.instances(wang.scope(), &uid(earlier), None, None).await.is_ok();
    assert!(!seen().await);
    let asked = service.submit(doctor, id, draft.version, NOW).await.unwrap();
    assert!(seen().await);
    assert_eq!(asked.consult.evidence.len(), 3);
    let claimed = service.claim(wang, id, asked.version, NOW).await.unwrap();
    house.signed(&claimed, "右肺结节，较前无变化。", NOW).await;
    let json = service.report_file(wang, id, ReportPart::Json, None).await.unwrap();
    let report = CanonicalReport::from_bytes(&json).unwrap();
    assert_eq!((report.priors.len(), report.evidence.len()), (1, 3));
    let verdict = service.verify_stored(doctor, id).await.unwrap();
    assert_eq!((verdict.ok, verdict.evidence.result), (true, Judgement::Good), "{verdict:?}");

    let draft = service.create(doctor, with(vec![uid(earlier)]), NOW).await.unwrap();
    let asked = service.submit(doctor, &draft.consult.id, draft.version, NOW).await.unwrap();
    service.cancel(doctor, &draft.consult.id, asked.version, "误发", NOW).await.unwrap();
    assert!(seen().await, "the other consult still needs it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_who_changes_the_text_becomes_its_author_and_another_reviews() {
    let house = house(Signatures::Double).await;
    let (service, doctor, [wang, chen], zhao) =
        (&house.service, &house.doctor, &house.readers, &house.reviewer);
    let sign = async |reader: &access::Caller, view: &ConsultView, diagnosis: &str| {
        let report = consult::report::ReportDraft { diagnosis: diagnosis.into(), ..crate::house::report() };
        let id = &view.consult.id;
        let saved = service.save_report(reader, id, view.version, report, NOW).await.unwrap();
        let hash = service.preview(reader, id).await.unwrap().canonical_sha256;
        service.sign(reader, id, saved.version, &hash, secret("签名口令 2026"), NOW).await.unwrap()
    };
    let asked = house.asked().await;
    let id = &asked.consult.id;
    let claimed = service.claim(chen, id, asked.version, NOW).await.unwrap();
    let first = sign(chen, &claimed, "右肺结节，良性。").await;
    let hash = service.preview(wang, id).await.unwrap().canonical_sha256;

    let refused = service.take_over(zhao, id, first.version, "", NOW).await;
    assert!(matches!(refused, Err(ConsultError::Forbidden(_))), "zhao may not read: {refused:?}");
    assert!(!service.get(zhao, id).await.unwrap().allowed.contains(&Action::TakeOver));
    let refused = service.take_over(chen, id, first.version, "", NOW).await;
    assert!(matches!(refused, Err(ConsultError::NotYours { .. })), "{refused:?}");
    assert!(service.get(wang, id).await.unwrap().allowed.contains(&Action::TakeOver));

    let taken = service.take_over(wang, id, first.version, "分型有误", NOW).await.unwrap();
    assert_eq!((taken.consult.state, taken.consult.reader.unwrap().id), (State::Reading, person("wang")));
    let draft = taken.consult.report.unwrap();
    assert_eq!((draft.diagnosis.as_str(), draft.displayed), ("右肺结节，良性。", Vec::new()));
    let kept = &taken.consult.versions;
    assert_eq!((kept.len(), kept[0].superseded, kept[0].signers[0].name.as_str()), (1, true, "陈晓"));
    assert_eq!(taken.consult.timeline.last().unwrap().note, "陈晓 → 王建国：分型有误");
    let lease = service.renew_lease(wang, id, NOW).await.unwrap();
    assert_eq!(lease.holder, Some(person("wang")));
    // The requester learns that somebody reads, not what the centre says among its own people.
    let theirs = service.get(doctor, id).await.unwrap().consult;
    assert!(theirs.timeline.iter().all(|entry| entry.note.is_empty()), "{:?}", theirs.timeline);
    // The signature that was dropped is reviewed by nobody any more.
    let late = service.review(zhao, id, taken.version, &hash, secret("签名口令 2026"), NOW).await;
    assert!(matches!(late, Err(ConsultError::WrongState { .. })), "{late:?}");

    let view = service.get(wang, id).await.unwrap();
    let signed = sign(wang, &view, "右肺结节，微浸润性腺癌可能。").await;
    let hash = service.preview(wang, id).await.unwrap().canonical_sha256;
    let own = service.review(wang, id, signed.version, &hash, secret("签名口令 2026"), NOW).await;
    assert!(matches!(own, Err(ConsultError::NotYours { .. })), "nobody reviews himself: {own:?}");
    let done = house.reviewed(&signed, NOW).await;
    assert_eq!(done.consult.state, State::Delivered);
    let json = service.report_file(doctor, id, ReportPart::Json, None).await.unwrap();
    let report = CanonicalReport::from_bytes(&json).unwrap();
    assert_eq!(
        (report.reader.name.as_str(), report.diagnosis.as_str()),
        ("王建国", "右肺结节，微浸润性腺癌可能。")
    );
    assert!(service.verify_stored(doctor, id).await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_not_sent_within_the_quiet_period_after_the_last_image() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    let (township, study) = (org("township"), Uid::parse(STUDY).unwrap());
    let last_ms = house.storage.study_arrival(&township, &study).await.unwrap().last_ms.unwrap();
    let after = |ms: i64| model::time_text::from_unix_ms(last_ms + ms);
    let left =
        async |ms: i64| service.arriving(&township, &study, after(ms)).await.unwrap().map(|d| d.as_millis());
    assert_eq!(left(0).await, Some(10_000));
    assert_eq!(left(9_999).await, Some(1));
    assert_eq!(left(10_000).await, None);
    assert_eq!(left(-1).await, None, "a clock that was set back holds nobody up");

    let draft = service.create(doctor, crate::house::question(), after(0)).await.unwrap();
    let early = service.submit(doctor, &draft.consult.id, draft.version, after(3_000)).await;
    assert!(matches!(early, Err(ConsultError::Invalid { field: "study", .. })), "{early:?}");
    let kept = service.get(doctor, &draft.consult.id).await.unwrap();
    assert_eq!((kept.consult.state, kept.version), (State::Draft, draft.version));
    service.submit(doctor, &draft.consult.id, draft.version, NOW).await.unwrap();
}
