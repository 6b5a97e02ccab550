//! Builders for tests: a consult about a chest CT between a township hospital and a city's reading centre.

use crate::ca::{CertificateAuthority, IssuedKey, TEST_NOTICE};
use crate::certificate;
use crate::cms::{self, Commitment, Form, SigningIdentity};
use crate::critical::Finding;
use crate::key_image::frame::FrameKeyImage;
use crate::key_image::slide::SlideKeyImage;
use crate::mark::{Mark, MarkKind};
use crate::pades::{self, Dss, Field, SignerNote};
use crate::pdf::{Printer, Signer, ToPrint};
use crate::record::{Consult, Evidence, Named, PatientBlock, StudyBlock};
use crate::report::{CanonicalReport, Circumstances, Physician, ReportDraft};
use crate::signing_key::SigningKey;
use crate::slide_grades::NamedSlides;
use crate::state::{Acceptance, State};
use crate::timestamp::{self, TimeStampAuthority};
use access::{Signatures, Urgency};
use model::{ConsultId, OrgId, PersonId, Sha256, SlideId, Uid};
use time::OffsetDateTime;
use time::macros::{datetime, offset};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 6:40 UTC);
pub(crate) const SIGNED_AT: OffsetDateTime = datetime!(2026-11-23 6:45 UTC);

pub(crate) fn consult(signatures: Signatures) -> Consult {
    let requesting = Named { id: OrgId::parse("township").unwrap(), name: "清河镇卫生院".into() };
    let reading =
        Named { id: OrgId::parse("city").unwrap(), name: "清河市人民医院远程诊断中心".into() };
    let patient = PatientBlock {
        name: "张三".into(),
        id: "P20261120".into(),
        sex: "M".into(),
        birth_date: "19680305".into(),
        age: "58岁".into(),
    };
    let study = StudyBlock {
        org: OrgId::parse("township").unwrap(),
        study_instance_uid: Uid::parse("1.2.3.4").unwrap(),
        description: "胸部CT平扫".into(),
        modalities: vec!["CT".into()],
        study_date: "20261120".into(),
        study_time: "093015".into(),
        accession_number: "CT261120018".into(),
    };
    let doctor = Named { id: PersonId::parse("li").unwrap(), name: "李医师".into() };
    Consult {
        id: ConsultId::parse("0199-consult").unwrap(),
        number: "YX20261123-0007".into(),
        urgency: Urgency::Urgent,
        state: State::Reading,
        question: "右肺上叶结节，性质？是否需要手术？".into(),
        history: "体检发现右肺结节1周，无咳嗽、咯血。吸烟史30年。".into(),
        consent: true,
        submitted_at: Some(NOW),
        due_at: Some(NOW + time::Duration::hours(2)),
        agreement: Some("a".into()),
        signatures,
        acceptance: Acceptance::Automatic,
        reader: Some(Named { id: PersonId::parse("wang").unwrap(), name: "王建国".into() }),
        evidence: (1..=3u8)
            .map(|n| Evidence {
                study_instance_uid: Uid::parse("1.2.3.4").unwrap(),
                series_instance_uid: Uid::parse("1.2.3.4.1").unwrap(),
                sop_instance_uid: Uid::parse(&format!("1.2.3.4.1.{n}")).unwrap(),
                sha256: Sha256([n; 32]),
                fidelity: None,
            })
            .collect(),
        report: Some(draft()),
        reported_at: Some(NOW),
        ..crate::submit::blank([requesting, reading], patient, study, doctor, NOW)
    }
}

pub(crate) fn draft() -> ReportDraft {
    ReportDraft {
        findings: "胸廓对称，气管居中。右肺上叶尖段见一混合磨玻璃结节，大小约 12 mm × 9 mm（第45层），边缘见短毛刺，\
                   邻近胸膜轻度牵拉，实性成分约 4 mm。余肺野清晰，未见明确实变影。\n\
                   纵隔内未见明显肿大淋巴结。心影大小、形态正常。双侧胸腔未见积液。"
            .into(),
        diagnosis: "1. 右肺上叶尖段混合磨玻璃结节，考虑微浸润性腺癌可能大（Lung-RADS 4B）。\n2. 余双肺未见明显异常。".into(),
        recommendation: "建议胸外科就诊，行增强CT或PET-CT进一步评估；可考虑多学科会诊。".into(),
        template: Some("ct-chest".into()),
        displayed: vec![Uid::parse("1.2.3.4.1.1").unwrap(), Uid::parse("1.2.3.4.1.2").unwrap()],
        ..ReportDraft::default()
    }
}

/// A lung nodule, filled into its template and compared with an earlier report.
pub(crate) fn nodule() -> ReportDraft {
    let value = |(key, value): (&str, &str)| (key.to_owned(), vec![value.to_owned()]);
    let exam = crate::report::Exam {
        study_instance_uid: Uid::parse("1.2.3.9").unwrap(),
        accession_number: "CT250302001".into(),
        modalities: vec!["CT".into()],
        description: "胸部CT平扫".into(),
        date: "20250302".into(),
        time: "101500".into(),
    };
    ReportDraft {
        findings: "余肺野清晰，未见明确实变影。".into(),
        template: Some("lung-nodule".into()),
        template_version: Some(1),
        values: [("lobe", "rul"), ("density", "part_solid"), ("long_mm", "12.5"), ("lung_rads", "4B")]
            .map(value)
            .into(),
        compared: vec![crate::prior_reports::ComparedReport {
            consult_id: ConsultId::parse("0188-earlier").unwrap(),
            number: "YX20250302-0003".into(),
            version: 1,
            canonical_sha256: Sha256([7; 32]),
            exam,
        }],
        ..draft()
    }
}

/// What pdftotext reads of a page, without spaces.
pub(crate) fn text_of(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.pdf").display().to_string();
    std::fs::write(&path, pdf).unwrap();
    if let Ok(kept) = std::env::var("CONSULT_KEEP_PDF") {
        std::fs::copy(&path, kept).unwrap();
    }
    run("pdftotext", &["-layout", &path, "-"]).unwrap().replace([' ', '\n'], "")
}

pub(crate) fn canonical(consult: &Consult) -> Vec<u8> {
    canonical_of(consult, &draft())
}

pub(crate) fn canonical_of(consult: &Consult, draft: &ReportDraft) -> Vec<u8> {
    canonical_with(consult, draft, &[])
}

pub(crate) fn canonical_with(consult: &Consult, draft: &ReportDraft, critical: &[Finding]) -> Vec<u8> {
    CanonicalReport::of(consult, draft, &around(consult, draft, critical)).to_bytes().unwrap()
}

/// Of slides, only the one that was asked about.
pub(crate) fn around<'a>(
    consult: &Consult,
    draft: &ReportDraft,
    critical: &'a [Finding],
) -> Circumstances<'a> {
    let template = draft.template_version.and_then(|version| {
        crate::template::builtin::edition(draft.template.as_deref().unwrap_or_default(), version)
    });
    Circumstances {
        template,
        critical,
        opinions: Vec::new(),
        slides: NamedSlides { one: consult.slide.clone(), all: Vec::new() },
        reader: Physician {
            id: PersonId::parse("wang").unwrap(),
            name: "王建国".into(),
            title: "主任医师".into(),
        },
        utc_offset: offset!(+8),
        notice: Some(TEST_NOTICE),
        verify_url: "http://127.0.0.1:8080/verify",
    }
}

/// A picture of a slide's part that a library would decode, and the key image that names it.
pub(crate) fn key_image() -> (SlideKeyImage, Vec<u8>) {
    let pixels: Vec<u8> =
        (0..480 * 360).flat_map(|n: u32| [(n % 480 / 2) as u8, 120, (n / 480 / 2) as u8]).collect();
    let picture = codec::encode_jpeg_rgb(&pixels, 480, 360, 90).unwrap();
    let image = SlideKeyImage {
        bookmark: "b1".into(),
        name: "可疑腺体".into(),
        slide: SlideId::parse("slide-1").unwrap(),
        series: Uid::parse("1.2.3.4.1").unwrap(),
        instance: Uid::parse("1.2.3.4.1.1").unwrap(),
        centre_x_px: 1000,
        centre_y_px: 800,
        width_px: 1624,
        height_px: 1218,
        rotation_deg: "15".into(),
        mirrored: false,
        width_um: Some("812".into()),
        height_um: Some("609".into()),
        calibrated_by: None,
        magnification: Some("20".into()),
        focal_plane: None,
        path: None,
        channels: None,
        channel_names: None,
        marks: Vec::new(),
        picture_sha256: cms::sha256(&picture),
        picture_width: 480,
        picture_height: 360,
        made_by: "王建国".into(),
        made_at: "2026-11-23T06:40:00Z".into(),
    };
    (image, picture)
}

/// A picture of a CT image with its window, and the key image that names it.
pub(crate) fn frame_key_image() -> (FrameKeyImage, Vec<u8>) {
    let pixels: Vec<u8> =
        (0..512 * 512).flat_map(|n: u32| [((n % 512 / 4 + n / 512 / 4) & 0xFF) as u8; 3]).collect();
    let picture = codec::encode_jpeg_rgb(&pixels, 512, 512, 90).unwrap();
    let image = FrameKeyImage {
        id: "0199aaaa-0000-7000-8000-000000000001".into(),
        name: "右肺上叶结节".into(),
        study: Uid::parse("1.2.3.4").unwrap(),
        series: Uid::parse("1.2.3.4.1").unwrap(),
        instance: Uid::parse("1.2.3.4.1.2").unwrap(),
        frame: 1,
        frames: 1,
        modality: "CT".into(),
        series_number: "2".into(),
        series_description: "肺窗".into(),
        instance_number: "17".into(),
        window_centre: Some("-600".into()),
        window_width: Some("1500".into()),
        inverted: false,
        rotation_deg: "0".into(),
        mirrored: false,
        picture_sha256: cms::sha256(&picture),
        picture_width: 512,
        picture_height: 512,
        marks: vec![Mark::new(MarkKind::Line, vec![[200, 200], [260, 200]], "8.2 mm").unwrap()],
        made_by: "王建国".into(),
        made_at: "2026-11-23T06:40:00Z".into(),
    };
    (image, picture)
}

pub(crate) struct Signers {
    pub authority: CertificateAuthority,
    pub reader: IssuedKey,
    pub reviewer: IssuedKey,
}

impl Signers {
    pub(crate) fn new() -> Self {
        let authority = CertificateAuthority::create("远见演示根证书", NOW).unwrap();
        let reader = authority.issue("王建国", "清河市人民医院远程诊断中心", NOW).unwrap();
        let reviewer = authority.issue("赵敏", "清河市人民医院远程诊断中心", NOW).unwrap();
        Self { authority, reader, reviewer }
    }

    pub(crate) fn anchors(&self) -> String {
        self.authority.anchor_pem().unwrap()
    }

    pub(crate) fn read(&self, content: &[u8]) -> Vec<u8> {
        sign(&self.reader, "主任医师", content, &Commitment::Reader)
    }

    pub(crate) fn review(&self, content: &[u8], first: &[u8]) -> Vec<u8> {
        let reader_signature = cms::check(first, &[content], Form::Report).unwrap().signature;
        sign(&self.reviewer, "副主任医师", content, &Commitment::Reviewer { reader_signature })
    }

    /// A token of the authority's own time stamps on a signature value.
    fn token(&self, signature: &[u8]) -> Vec<u8> {
        let key = self.authority.issue_time_stamping("远见演示时间戳", NOW).unwrap();
        let tsa = TimeStampAuthority::new(&key).unwrap();
        let asked = timestamp::request(signature).unwrap();
        let answer = tsa.answer(&asked.request, SIGNED_AT).unwrap();
        let anchors = certificate::from_pem(&self.anchors()).unwrap();
        asked.token(&answer, &anchors, None).unwrap().0
    }

    pub(crate) fn stamped(&self, signature: &[u8], content: &[u8]) -> Vec<u8> {
        let value = cms::check(signature, &[content], Form::Report).unwrap().signature;
        cms::with_time_stamp(signature, &self.token(&value)).unwrap()
    }

    /// The reader's page, with time stamp and revocation list.
    pub(crate) fn read_page(&self, printer: &Printer, canonical: &[u8], pictures: &[Vec<u8>]) -> Vec<u8> {
        let reader = signer("王建国", SIGNED_AT);
        let printed = printer.render(&ToPrint { canonical, pictures, reader: &reader }).unwrap();
        let field = Field::Reader { place: printed.reader, reviewer: printed.reviewer };
        self.sign_page(&printed.pdf, &field, &self.reader, &Commitment::Reader)
    }

    /// The same with the reviewer's increment.
    pub(crate) fn review_page(&self, printer: &Printer, canonical: &[u8], first: &[u8]) -> Vec<u8> {
        let appearance = printer.reviewer(canonical, &signer("赵敏", SIGNED_AT)).unwrap();
        let field = Field::Reviewer { appearance: &appearance };
        self.sign_page(first, &field, &self.reviewer, &Commitment::Reviewer { reader_signature: Vec::new() })
    }

    fn sign_page(&self, pdf: &[u8], field: &Field<'_>, key: &IssuedKey, commitment: &Commitment) -> Vec<u8> {
        let name = certificate::common_name(&certificate::from_der(&key.chain[0]).unwrap());
        let dss = Dss {
            certificates: key.chain.clone(),
            ocsp: Vec::new(),
            crls: vec![self.authority.revocation_list(&[], NOW).unwrap()],
        };
        let prepared = pades::prepare(pdf, field, &SignerNote { name, at: SIGNED_AT }, &dss).unwrap();
        let signing_key = SigningKey::from_pkcs8(&key.key_pkcs8).unwrap();
        let identity = SigningIdentity { key: &signing_key, chain: &key.chain, title: "主任医师" };
        let content = prepared.content();
        let signed = cms::sign(&content, Form::Page, &identity, commitment, SIGNED_AT).unwrap();
        let value = cms::check(&signed, &content, Form::Page).unwrap().signature;
        let signed = cms::with_time_stamp(&signed, &self.token(&value)).unwrap();
        prepared.finish(&signed).unwrap()
    }
}

pub(crate) fn sign(key: &IssuedKey, title: &str, content: &[u8], commitment: &Commitment) -> Vec<u8> {
    let signing_key = SigningKey::from_pkcs8(&key.key_pkcs8).unwrap();
    let identity = SigningIdentity { key: &signing_key, chain: &key.chain, title };
    cms::sign(&[content], Form::Report, &identity, commitment, SIGNED_AT).unwrap()
}

/// A signer as printed.
pub(crate) fn signer(name: &str, at: OffsetDateTime) -> Signer {
    Signer {
        name: name.to_owned(),
        title: "主任医师".to_owned(),
        organisation: "清河市人民医院远程诊断中心".to_owned(),
        at,
        notice: Some(TEST_NOTICE),
        key: crate::record::KeyPlace::Own,
    }
}

/// Runs a tool that must be installed; its standard output when it says yes.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(tool).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
