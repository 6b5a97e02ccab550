//! A question becomes a report on a real storage: asked, claimed by one of two, signed, reviewed, delivered, verified.

mod clocks;
mod deliveries;
mod house;
mod keys;
mod left_out;
mod lists;
mod measurements;
mod notices;
mod own_key;
mod stamps;
mod team;
mod two_houses;
mod workflow;

use access::{ConsultKind, Signatures, Urgency};
use consult::{Action, ConsultError, Judgement, ListQuery, NewConsult, ReportPart, State, Tab};
use house::{House, NOW, STUDY, house, org, question, report, secret};
use model::Uid;

fn openssl(house: &House, p7s: &[u8], content: &[u8]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let (p7s, content) = (path("report.p7s", p7s), path("report.json", content));
    let anchors = path("anchors.pem", house.anchors.as_bytes());
    let mut command = std::process::Command::new("openssl");
    command.args(["cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", &p7s]);
    command.args(["-content", &content, "-CAfile", &anchors, "-out", "/dev/null"]);
    command.output().unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_becomes_a_report_with_two_signatures() {
    let house = house(Signatures::Double).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let study = Uid::parse(STUDY).unwrap();

    // Nobody else sees the study, nor the draft.
    assert!(house.storage.instances(wang.scope(), &study, None, None).await.is_err());
    let draft = service.create(doctor, question(), NOW).await.unwrap();
    let id = draft.consult.id.clone();
    assert_eq!(draft.consult.number, "YX20261123-0001");
    assert_eq!(draft.consult.patient.name, "张三");
    assert_eq!(draft.allowed, [Action::Edit, Action::Attach, Action::Submit, Action::Cancel]);
    assert_eq!(service.get(wang, &id).await, Err(ConsultError::NotFound));

    let asked = service.submit(doctor, &id, draft.version, NOW).await.unwrap();
    assert_eq!((asked.consult.state, asked.consult.evidence.len()), (State::Accepted, 2));
    assert_eq!(asked.consult.due_at, Some(NOW + time::Duration::hours(1)));
    assert_eq!(house.storage.instances(wang.scope(), &study, None, None).await.unwrap().len(), 2);
    assert!(house.storage.instances(house.stranger.scope(), &study, None, None).await.is_err());
    assert_eq!(service.get(&house.stranger, &id).await, Err(ConsultError::NotFound));
    let pool = ListQuery { tab: Tab::Pool, limit: 10, ..ListQuery::default() };
    assert_eq!(service.list(wang, &pool, NOW).await.unwrap().consults.len(), 1);

    // Two claim at once: one wins, the other is told who has it.
    let (a, b) = tokio::join!(
        service.claim(wang, &id, asked.version, NOW),
        service.claim(chen, &id, asked.version, NOW)
    );
    let (won, lost) = match (a, b) {
        (Ok(won), lost) | (lost, Ok(won)) => (won, lost),
        both => panic!("nobody won: {both:?}"),
    };
    let holder = won.consult.reader.clone().unwrap();
    let told =
        matches!(&lost, Err(ConsultError::Conflict { holder: Some(name), .. }) if *name == holder.name);
    assert!(told, "{lost:?}");
    let (reader, other) = if holder.name == "王建国" { (wang, chen) } else { (chen, wang) };

    // Only the holder writes; an unfinished report is not signed.
    let passphrase = || secret("签名口令 2026");
    let refused = service.save_report(other, &id, won.version, report(), NOW).await;
    assert!(matches!(refused, Err(ConsultError::NotYours { .. })), "{refused:?}");
    let preview = service.preview(reader, &id).await.unwrap();
    assert_eq!(preview.missing, ["findings", "diagnosis"]);
    let refused = service.sign(reader, &id, won.version, &preview.canonical_sha256, passphrase(), NOW).await;
    assert_eq!(refused, Err(ConsultError::Missing(vec!["findings".into(), "diagnosis".into()])));
    let saved = service.save_report(reader, &id, won.version, report(), NOW).await.unwrap();
    let stale = service.sign(reader, &id, saved.version, &preview.canonical_sha256, passphrase(), NOW).await;
    assert_eq!(stale, Err(ConsultError::Stale));
    let preview = service.preview(reader, &id).await.unwrap();
    let hash = preview.canonical_sha256;
    let wrong = service.sign(reader, &id, saved.version, &hash, secret("wrong passphrase"), NOW).await;
    assert_eq!(wrong, Err(ConsultError::WrongPassphrase));
    let signed = service.sign(reader, &id, saved.version, &hash, passphrase(), NOW).await.unwrap();
    assert_eq!(signed.consult.state, State::Preliminary);

    // The requester does not see a preliminary report.
    let theirs = service.get(doctor, &id).await.unwrap();
    assert!(theirs.consult.report.is_none() && theirs.consult.versions.is_empty());
    let refused = service.report_file(doctor, &id, ReportPart::Json, None).await;
    assert_eq!(refused, Err(ConsultError::NotFound));

    // Returned, written again, signed again, reviewed.
    let back =
        service.return_to_reader(&house.reviewer, &id, signed.version, "请补充大小", NOW).await.unwrap();
    let saved =
        service.save_report(reader, &id, back.version, report(), NOW + time::Duration::MINUTE).await.unwrap();
    assert_eq!(saved.consult.state, State::Reading);
    let hash = service.preview(reader, &id).await.unwrap().canonical_sha256;
    let signed = service.sign(reader, &id, saved.version, &hash, passphrase(), NOW).await.unwrap();
    let reviewed = service.preview(&house.reviewer, &id).await.unwrap();
    assert_eq!(reviewed.canonical_sha256, hash);
    let own = service.review(reader, &id, signed.version, &hash, passphrase(), NOW).await;
    assert!(matches!(own, Err(ConsultError::NotYours { .. })), "the reader cannot review: {own:?}");
    let done = service.review(&house.reviewer, &id, signed.version, &hash, passphrase(), NOW).await.unwrap();
    assert_eq!(done.consult.state, State::Delivered);

    // The requester holds what anyone can verify.
    let file = async |part| service.report_file(doctor, &id, part, None).await.unwrap();
    let json = file(ReportPart::Json).await;
    assert_eq!(json, reviewed.bytes);
    for part in [ReportPart::ReaderSignature, ReportPart::ReviewerSignature] {
        let p7s = file(part).await;
        assert!(openssl(&house, &p7s, &json));
        let mut changed = json.clone();
        changed[50] ^= 1;
        assert!(!openssl(&house, &p7s, &changed));
    }
    let verdict = service.verify_stored(doctor, &id).await.unwrap();
    assert!(verdict.ok && verdict.evidence.result == Judgement::Good, "{verdict:?}");
    for finding in [&verdict.coverage, &verdict.revocation, &verdict.time_stamp] {
        assert_eq!(finding.result, Judgement::Good, "{finding:?}");
    }
    for finding in [&verdict.coverage, &verdict.revocation, &verdict.time_stamp] {
        assert_eq!(finding.result, Judgement::Good, "{finding:?}");
    }
    let pdf = file(ReportPart::Pdf).await;
    let public = service.verify_upload(pdf, Vec::new()).await.unwrap();
    assert!(public.ok && public.signers.len() == 2, "{public:?}");
    assert!(file(ReportPart::Chain).await.starts_with(b"-----BEGIN CERTIFICATE"));
    let answered = async |caller| {
        let asked = ListQuery { tab: Tab::Answered, limit: 10, ..ListQuery::default() };
        let listing = service.list(caller, &asked, NOW).await.unwrap();
        assert_eq!(listing.consults.len() as u64, listing.counts.answered);
        listing.counts.answered
    };
    assert_eq!((answered(doctor).await, answered(reader).await), (1, 0));
    let closed = service.acknowledge(doctor, &id, done.version, NOW).await.unwrap();
    assert_eq!(
        (closed.consult.state, closed.allowed),
        (State::Closed, vec![Action::AskBack, Action::SecondOpinion])
    );
    assert_eq!(answered(doctor).await, 0);
    assert_eq!(house.storage.audit_verify().await.unwrap().broken_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_checked_field_by_field_and_a_cancelled_one_is_seen_no_more() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    for (draft, expected) in [
        (NewConsult { question: " ".into(), ..question() }, "question"),
        (NewConsult { consent: false, ..question() }, "consent"),
        (NewConsult { kind: ConsultKind::Consultation, ..question() }, "agreement"),
        (NewConsult { urgency: Urgency::Frozen, ..question() }, "agreement"),
        (NewConsult { reading_organisation: org("other"), ..question() }, "agreement"),
    ] {
        let written = service.create(doctor, draft, NOW).await.unwrap();
        let refused = service.submit(doctor, &written.consult.id, written.version, NOW).await;
        assert!(
            matches!(refused, Err(ConsultError::Invalid { field, .. }) if field == expected),
            "{refused:?}"
        );
    }
    let unknown = NewConsult { study_instance_uid: Uid::parse("9.9").unwrap(), ..question() };
    let refused = service.create(doctor, unknown, NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "study", .. })), "{refused:?}");

    let written = service.create(doctor, question(), NOW).await.unwrap();
    let id = written.consult.id.clone();
    let asked = service.submit(doctor, &id, written.version, NOW).await.unwrap();
    let study = Uid::parse(STUDY).unwrap();
    assert!(house.storage.instances(wang.scope(), &study, None, None).await.is_ok());
    let late = NOW + time::Duration::hours(2);
    assert_eq!(
        service
            .list(doctor, &ListQuery { limit: 10, ..ListQuery::default() }, late)
            .await
            .unwrap()
            .counts
            .overdue,
        1
    );
    service.cancel(doctor, &id, asked.version, "误发", NOW).await.unwrap();
    assert!(house.storage.instances(wang.scope(), &study, None, None).await.is_err());
}

/// The caller as they would be with another licence.
fn licensed(caller: &access::Caller, modality: &str, until: &str) -> access::Caller {
    let licence =
        access::Credential::parse("110310000012345", "", vec![modality.into()], "2020-01-01", until);
    let person = caller.as_person().unwrap();
    access::Caller::person(&access::Person { credential: licence.ok(), ..person.clone() }, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_without_a_licence_for_what_was_examined() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let draft = service.create(doctor, question(), NOW).await.unwrap();
    let id = draft.consult.id.clone();
    let asked = service.submit(doctor, &id, draft.version, NOW).await.unwrap();
    let claimed = service.claim(wang, &id, asked.version, NOW).await.unwrap();
    let saved = service.save_report(wang, &id, claimed.version, report(), NOW).await.unwrap();
    let hash = service.preview(wang, &id).await.unwrap().canonical_sha256;
    let sign = async |caller: &access::Caller| {
        service
            .sign(caller, &id, saved.version, &hash, secret("签名口令 2026"), NOW)
            .await
            .map(|view| view.consult.state)
    };
    for (caller, fault) in [
        (licensed(wang, "CT", "2026-11-22"), access::CredentialFault::Expired),
        (licensed(wang, "SM", "2030-12-31"), access::CredentialFault::OutOfScope),
        (licensed(wang, "", "2030-12-31"), access::CredentialFault::None),
    ] {
        assert_eq!(sign(&caller).await, Err(ConsultError::Forbidden(fault.text())), "{fault:?}");
    }
    // The last day is a good one.
    assert!(sign(&licensed(wang, "CT", "2026-11-23")).await.is_ok());
}
