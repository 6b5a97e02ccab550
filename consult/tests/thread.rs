//! A question becomes a report on a real storage: asked, claimed by one of two, signed, reviewed, delivered, verified.

use access::agreement::Turnaround;
use access::{
    Agreement, Caller, ConsultKind, Organisation, OrganisationKind, Person, Role, Secret, Signatures, Urgency,
};
use consult::report::ReportDraft;
use consult::{
    Action, CertificateAuthority, ConsultConfig, ConsultError, ConsultService, Fonts, Judgement, Keystore,
    ListQuery, NewConsult, Printer, ReportPart, State, Tab,
};
use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{Limits, OrgId, PersonId, Scope, Uid};
use std::sync::Arc;
use storage::{Arrival, Storage, StorageConfig, Via};
use time::OffsetDateTime;
use time::macros::{datetime, offset};

const NOW: OffsetDateTime = datetime!(2026-11-23 6:40 UTC);
const CENTRE: &str = "清河市人民医院远程诊断中心";
const STUDY: &str = "1.2.3.4";

struct House {
    _directory: tempfile::TempDir,
    storage: Storage,
    service: ConsultService,
    anchors: String,
    doctor: Caller,
    readers: [Caller; 2],
    reviewer: Caller,
    stranger: Caller,
}

fn org(id: &str) -> OrgId {
    OrgId::parse(id).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

async fn house(signatures: Signatures) -> House {
    let directory = tempfile::tempdir().unwrap();
    let config = StorageConfig::sqlite(directory.path(), Limits::default());
    let storage = Storage::open(config).await.unwrap();
    let node = Scope::node("test");
    for (id, name, kind) in [
        ("township", "清河镇卫生院", OrganisationKind::Hospital),
        ("city", CENTRE, OrganisationKind::Centre),
        ("other", "别的医院", OrganisationKind::Hospital),
    ] {
        let value = Organisation { id: org(id), name: name.into(), kind };
        storage.put_organisation(&node, &value).await.unwrap();
    }
    let agreement = Agreement {
        id: "agreement-1".into(),
        requesting: org("township"),
        reading: org("city"),
        kinds: vec![ConsultKind::Diagnosis],
        modalities: vec!["CT".into()],
        turnarounds: vec![Turnaround { urgency: Urgency::Urgent, turnaround_min: 60 }],
        signatures,
        auto_accept: true,
        valid_from: datetime!(2026-01-01 0:00 UTC),
        valid_until: datetime!(2027-01-01 0:00 UTC),
    };
    storage.put_agreement(&node, &agreement).await.unwrap();
    let authority = CertificateAuthority::create("远见演示根证书", NOW).unwrap();
    let keystore = Keystore::new(storage.clone());
    let mut callers = Vec::new();
    for (login, name, organisation, roles) in [
        ("li", "李医师", "township", vec![Role::Requester]),
        ("wang", "王建国", "city", vec![Role::Reader, Role::Reviewer]),
        ("chen", "陈晓", "city", vec![Role::Reader]),
        ("zhao", "赵敏", "city", vec![Role::Reviewer, Role::Coordinator]),
        ("nobody", "外人", "other", vec![Role::Requester, Role::Reader]),
    ] {
        let person = Person {
            id: PersonId::parse(login).unwrap(),
            login: login.into(),
            name: name.into(),
            title: "主任医师".into(),
            organisation: org(organisation),
            roles,
            password_hash: String::new(),
            is_disabled: false,
        };
        storage.put_person(&node, &person).await.unwrap();
        if organisation == "city" {
            let key = authority.issue(name, CENTRE, NOW).unwrap();
            keystore
                .install(&node, &person.id, &person.organisation, key, secret("签名口令 2026"))
                .await
                .unwrap();
        }
        callers.push(Caller::person(&person, None));
    }
    let anchors = authority.anchor_pem().unwrap();
    let config = ConsultConfig {
        utc_offset: offset!(+8),
        trust_anchors_pem: anchors.clone(),
        verify_url: "http://127.0.0.1:8080/verify".into(),
    };
    let printer = Arc::new(Printer::new(&Fonts::default()).unwrap());
    let service = ConsultService::new(storage.clone(), printer, config);
    let mut callers = callers.into_iter();
    let mut next = || callers.next().unwrap();
    let (doctor, wang, chen, reviewer, stranger) = (next(), next(), next(), next(), next());
    for n in 1..=2 {
        store(&storage, doctor.scope(), n).await;
    }
    House {
        _directory: directory,
        storage,
        service,
        anchors,
        doctor,
        readers: [wang, chen],
        reviewer,
        stranger,
    }
}

async fn store(storage: &Storage, scope: &Scope, n: u32) {
    let mut set = Dataset::new();
    let class = "1.2.840.10008.5.1.4.1.1.2";
    let instance = format!("{STUDY}.1.{n}");
    set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, instance.as_str()),
        (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4.1"),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PATIENT_NAME, VR::PN, "Zhang^San=张^三"),
        (tags::PATIENT_ID, VR::LO, "P001"),
        (tags::STUDY_DATE, VR::DA, "20261120"),
        (tags::STUDY_DESCRIPTION, VR::LO, "胸部CT平扫"),
    ] {
        set.put_text(tag, vr, value);
    }
    let arrival = Arrival {
        owner: org("township"),
        via: Via::Import,
        declared: Some((Uid::parse(class).unwrap(), Uid::parse(&instance).unwrap())),
    };
    let mut sink = storage.sink(scope, arrival, TransferSyntax::explicit_little()).await.unwrap();
    sink.write(&to_bytes(&set, &TransferSyntax::explicit_little())).await.unwrap();
    sink.commit().await.unwrap();
}

fn question() -> NewConsult {
    NewConsult {
        reading_organisation: org("city"),
        kind: ConsultKind::Diagnosis,
        urgency: Urgency::Urgent,
        study_org: org("township"),
        study_instance_uid: Uid::parse(STUDY).unwrap(),
        slide: None,
        question: "右肺结节性质？".into(),
        history: "体检发现1周".into(),
        consent: true,
    }
}

fn report() -> ReportDraft {
    ReportDraft {
        findings: "右肺上叶见一结节，约 12 mm。".into(),
        diagnosis: "右肺上叶结节，考虑微浸润性腺癌。".into(),
        recommendation: "建议胸外科就诊。".into(),
        template: None,
        displayed: vec![Uid::parse("1.2.3.4.1.1").unwrap()],
        key_images: Vec::new(),
    }
}

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
    assert_eq!(draft.allowed, [Action::Edit, Action::Submit, Action::Cancel]);
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
    assert!(matches!(refused, Err(ConsultError::Forbidden(_))), "{refused:?}");
    let preview = service.preview(reader, &id).await.unwrap();
    assert_eq!(preview.missing, ["findings", "diagnosis"]);
    let refused = service.sign(reader, &id, won.version, &preview.canonical_sha256, passphrase(), NOW).await;
    assert_eq!(refused, Err(ConsultError::Missing(vec!["findings", "diagnosis"])));
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
    assert!(matches!(own, Err(ConsultError::Forbidden(_))), "the reader cannot review: {own:?}");
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
    let pdf = file(ReportPart::Pdf).await;
    let public = service.verify_upload(pdf, Vec::new()).await.unwrap();
    assert!(public.ok && public.signers.len() == 2, "{public:?}");
    assert!(file(ReportPart::Chain).await.starts_with(b"-----BEGIN CERTIFICATE"));
    let closed = service.acknowledge(doctor, &id, done.version, NOW).await.unwrap();
    assert_eq!((closed.consult.state, closed.allowed), (State::Closed, vec![]));
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
