//! A house with people: a township hospital that asks, a centre with two readers and a reviewer, and somebody else.

use access::agreement::Turnaround;
use access::{
    Agreement, Caller, ConsultKind, Credential, Organisation, OrganisationKind, Person, Role, Secret,
    Signatures, Urgency,
};
use consult::authorities::{Answer, Authorities, NoAnswer, OwnAuthorities};
use consult::report::ReportDraft;
use consult::revocation::Question;
use consult::{
    CertificateAuthority, ConsultConfig, ConsultError, ConsultService, ConsultView, Fonts, Keystore,
    NewConsult, Printer, TimeStamps,
};
use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{Limits, OrgId, PersonId, Scope, Uid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::{Arrival, Storage, StorageConfig, Via};
use time::OffsetDateTime;
use time::macros::{datetime, offset};

pub const NOW: OffsetDateTime = datetime!(2026-11-23 6:40 UTC);
pub const CENTRE: &str = "清河市人民医院远程诊断中心";
pub const STUDY: &str = "1.2.3.4";

/// Authorities that can be out of reach, and say what a test wants of revocation.
pub struct Reach {
    own: OwnAuthorities,
    pub is_down: AtomicBool,
    /// The revocation list (DER) in place of the authority's own, which is empty.
    pub list: std::sync::Mutex<Option<Vec<u8>>>,
}

impl Authorities for Reach {
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_> {
        if self.is_down.load(Ordering::SeqCst) {
            return Box::pin(async { Err(NoAnswer("down".into())) });
        }
        self.own.time_stamp(request)
    }

    fn fetch(&self, question: Question) -> Answer<'_> {
        if let Some(list) = self.list.lock().unwrap().clone() {
            return Box::pin(async { Ok(list) });
        }
        self.own.fetch(question)
    }
}

pub struct House {
    pub reach: Arc<Reach>,
    _directory: tempfile::TempDir,
    pub storage: Storage,
    pub service: ConsultService,
    pub anchors: String,
    pub authority: CertificateAuthority,
    printer: Arc<Printer>,
    config: ConsultConfig,
    pub doctor: Caller,
    pub readers: [Caller; 2],
    pub reviewer: Caller,
    pub stranger: Caller,
}

pub fn org(id: &str) -> OrgId {
    OrgId::parse(id).unwrap()
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub async fn house(signatures: Signatures) -> House {
    let directory = tempfile::tempdir().unwrap();
    let config = StorageConfig::sqlite(directory.path(), Limits::default());
    let storage = Storage::open(config).await.unwrap();
    let node = Scope::node("test");
    for (id, name, kind) in [
        ("township", "清河镇卫生院", OrganisationKind::Hospital),
        ("city", CENTRE, OrganisationKind::Centre),
        ("other", "别的医院", OrganisationKind::Hospital),
    ] {
        let value = Organisation::new(org(id), name, kind);
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
        trust_anchors_pem: None,
        awaits: None,
        proposed: None,
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
            credential: Some(
                Credential::parse("110310000012345", "", vec!["CT".into()], "2026-01-01", "2030-12-31")
                    .unwrap(),
            ),
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        };
        storage.put_person(&node, &person).await.unwrap();
        if organisation == "city" {
            let key = authority.issue(name, CENTRE, NOW).unwrap();
            keystore.install(&node, &person.id, key, secret("签名口令 2026")).await.unwrap();
        }
        callers.push(Caller::person(&person, None));
    }
    let anchors = authority.anchor_pem().unwrap();
    let config = ConsultConfig {
        utc_offset: offset!(+8),
        trust_anchors_pem: anchors.clone(),
        verify_url: "http://127.0.0.1:8080/verify".into(),
        lease: std::time::Duration::from_secs(900),
        quiet: consult::arriving::QUIET,
        // The authority's clock stands still, the tests' moments are hours apart, and the jobs' clock is the real one.
        time_stamps: TimeStamps::Required {
            anchors_pem: anchors.clone(),
            policy: None,
            clock_difference_max: time::Duration::weeks(5200),
        },
    };
    let own = OwnAuthorities::new(authority.clone(), || NOW).unwrap();
    let reach = Arc::new(Reach { own, is_down: AtomicBool::new(false), list: std::sync::Mutex::new(None) });
    let printer = Arc::new(Printer::new(&Fonts::default()).unwrap());
    let service = ConsultService::new(storage.clone(), printer.clone(), config.clone(), reach.clone());
    let mut callers = callers.into_iter();
    let mut next = || callers.next().unwrap();
    let (doctor, wang, chen, reviewer, stranger) = (next(), next(), next(), next(), next());
    for n in 1..=2 {
        store(&storage, doctor.scope(), n).await;
    }
    House {
        reach,
        _directory: directory,
        storage,
        service,
        anchors,
        authority,
        printer,
        config,
        doctor,
        readers: [wang, chen],
        reviewer,
        stranger,
    }
}

pub async fn store(storage: &Storage, scope: &Scope, n: u32) {
    store_in(storage, scope, STUDY, "P001", n).await;
}

/// An image of another study, or of another patient.
pub async fn store_in(storage: &Storage, scope: &Scope, study: &str, patient: &str, n: u32) {
    store_series(storage, scope, [study, &format!("{study}.1")], patient, n).await;
}

/// An image of any series.
pub async fn store_series(
    storage: &Storage,
    scope: &Scope,
    [study, series]: [&str; 2],
    patient: &str,
    n: u32,
) {
    let mut set = Dataset::new();
    let class = "1.2.840.10008.5.1.4.1.1.2";
    let instance = format!("{series}.{n}");
    set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, instance.as_str()),
        (tags::STUDY_INSTANCE_UID, VR::UI, study),
        (tags::SERIES_INSTANCE_UID, VR::UI, series),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PATIENT_NAME, VR::PN, "Zhang^San=张^三"),
        (tags::PATIENT_ID, VR::LO, patient),
        (tags::STUDY_DATE, VR::DA, "20261120"),
        (tags::STUDY_DESCRIPTION, VR::LO, "胸部CT平扫"),
    ] {
        set.put_text(tag, vr, value);
    }
    // One grey pixel.
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    for (tag, number) in [
        (tags::SAMPLES_PER_PIXEL, 1_u16),
        (tags::ROWS, 1),
        (tags::COLUMNS, 1),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 12),
        (tags::HIGH_BIT, 11),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        set.put_bytes(tag, VR::US, number.to_le_bytes().to_vec());
    }
    set.put_bytes(tags::PIXEL_DATA, VR::OW, vec![0, 8]);
    let arrival = Arrival {
        owner: org("township"),
        via: Via::Import,
        declared: Some((Uid::parse(class).unwrap(), Uid::parse(&instance).unwrap())),
    };
    let mut sink = storage.sink(scope, arrival, TransferSyntax::explicit_little()).await.unwrap();
    sink.write(&to_bytes(&set, &TransferSyntax::explicit_little())).await.unwrap();
    sink.commit().await.unwrap();
}

pub fn question() -> NewConsult {
    NewConsult {
        once: None,
        reading_organisation: org("city"),
        kind: ConsultKind::Diagnosis,
        urgency: Urgency::Urgent,
        study_org: org("township"),
        study_instance_uid: Uid::parse(STUDY).unwrap(),
        priors: Vec::new(),
        left_out_series: Vec::new(),
        slide: None,
        question: "右肺结节性质？".into(),
        history: "体检发现1周".into(),
        consent: true,
    }
}

pub fn report() -> ReportDraft {
    ReportDraft {
        findings: "右肺上叶见一结节，约 12 mm。".into(),
        diagnosis: "右肺上叶结节，考虑微浸润性腺癌。".into(),
        recommendation: "建议胸外科就诊。".into(),
        displayed: vec![Uid::parse("1.2.3.4.1.1").unwrap()],
        ..ReportDraft::default()
    }
}

impl House {
    /// Another service over the same storage.
    pub fn again(&self) -> ConsultService {
        let (storage, printer) = (self.storage.clone(), self.printer.clone());
        ConsultService::new(storage, printer, self.config.clone(), self.reach.clone())
    }

    /// Gives the first reader another key, issued then by some authority; gives the certificate, DER.
    pub async fn key_of(&self, authority: &CertificateAuthority, issued_at: OffsetDateTime) -> Vec<u8> {
        let key = authority.issue("王建国", CENTRE, issued_at).unwrap();
        let certificate = key.chain[0].clone();
        let reader = self.readers[0].as_person().unwrap();
        Keystore::new(self.storage.clone())
            .install(&Scope::node("test"), &reader.id, key, secret("签名口令 2026"))
            .await
            .unwrap();
        certificate
    }

    /// The first reader tries to sign what they have claimed.
    pub async fn try_to_sign(
        &self,
        view: &ConsultView,
        at: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (reader, id) = (&self.readers[0], &view.consult.id);
        let before = self.service.get(reader, id).await.unwrap();
        let saved = self.service.save_report(reader, id, before.version, report(), at).await.unwrap();
        let hash = self.service.preview(reader, id).await.unwrap().canonical_sha256;
        self.service.sign(reader, id, saved.version, &hash, secret("签名口令 2026"), at).await
    }

    /// Quality control of the centre.
    pub async fn overseer(&self) -> Caller {
        let person = Person {
            id: PersonId::parse("sun").unwrap(),
            login: "sun".into(),
            name: "孙质控".into(),
            title: String::new(),
            organisation: org("city"),
            roles: vec![Role::QualityControl],
            password_hash: String::new(),
            is_disabled: false,
            credential: None,
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        };
        self.storage.put_person(&Scope::node("test"), &person).await.unwrap();
        Caller::person(&person, None)
    }

    /// Sent: in the pool.
    pub async fn asked(&self) -> ConsultView {
        let draft = self.service.create(&self.doctor, question(), NOW).await.unwrap();
        self.service.submit(&self.doctor, &draft.consult.id, draft.version, NOW).await.unwrap()
    }

    /// Claimed by the first reader.
    pub async fn claimed(&self) -> ConsultView {
        let asked = self.asked().await;
        self.service.claim(&self.readers[0], &asked.consult.id, asked.version, NOW).await.unwrap()
    }

    /// Written and signed by the first reader as it stands, with this diagnosis.
    pub async fn signed(&self, view: &ConsultView, diagnosis: &str, at: OffsetDateTime) -> ConsultView {
        let (reader, id) = (&self.readers[0], &view.consult.id);
        let report = ReportDraft { diagnosis: diagnosis.into(), ..report() };
        let saved = self.service.save_report(reader, id, view.version, report, at).await.unwrap();
        let hash = self.service.preview(reader, id).await.unwrap().canonical_sha256;
        let passphrase = secret("签名口令 2026");
        self.service.sign(reader, id, saved.version, &hash, passphrase, at).await.unwrap()
    }

    /// Signed second by the reviewer.
    pub async fn reviewed(&self, view: &ConsultView, at: OffsetDateTime) -> ConsultView {
        let id = &view.consult.id;
        let hash = self.service.preview(&self.reviewer, id).await.unwrap().canonical_sha256;
        let passphrase = secret("签名口令 2026");
        self.service.review(&self.reviewer, id, view.version, &hash, passphrase, at).await.unwrap()
    }
}
