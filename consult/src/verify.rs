//! Judging a report offline: separate verdicts on what was signed, by whom, on what evidence.

use crate::certificate::{self, PathFault};
use crate::cms::{self, Commitment, SignatureCheck};
use crate::pdf::Signed;
use crate::report::{CanonicalReport, Status};
use crate::{ConsultError, Printer, extract};
use model::Sha256;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_cert::Certificate;

/// One finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Checked, and in order.
    Good,
    /// Checked, and not in order.
    Bad,
    /// Could not be checked.
    Unknown,
    /// There is nothing to check.
    NotPresent,
}

/// One finding with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The finding.
    pub result: Judgement,
    /// Why, for people, in Chinese.
    pub detail: String,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerVerdict {
    /// Common name of the certificate.
    pub name: String,
    /// `reader` or `reviewer`.
    pub role: String,
    /// Organisation of the certificate.
    pub organisation: String,
    /// Signing time as the signer claims it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub signed_at: Option<OffsetDateTime>,
    /// Distinguished name, RFC 4514.
    pub certificate_subject: String,
    /// Whether the certificate says that it is a test.
    pub test_certificate: bool,
}

/// The whole judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The bytes are the ones that were signed, by all who had to sign.
    pub integrity: Finding,
    /// The certificates lead to a trust anchor and were valid when signed.
    pub chain: Finding,
    /// The images in evidence are the ones that the report names.
    pub evidence: Finding,
    /// No later version has taken the report's place.
    pub superseded: Finding,
    /// RFC 3161 time stamp.
    pub time_stamp: Finding,
    /// The printed page is the one that belongs to the signed text; `not_present` when no PDF was given.
    pub page: Finding,
    /// Who signed.
    pub signers: Vec<SignerVerdict>,
    /// Nothing is bad; integrity and chain are good.
    pub ok: bool,
}

/// SHA-256 of an instance's data set, looked up by SOP Instance UID; `None` when it is not at hand.
pub type EvidenceLookup<'a> = dyn Fn(&str) -> Option<Sha256> + 'a;

/// What somebody brought to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The canonical JSON.
    pub canonical: Vec<u8>,
    /// Detached CMS signatures, DER, in any order.
    pub signatures: Vec<Vec<u8>>,
    /// The PDF that they were in.
    pub pdf: Option<Vec<u8>>,
    /// The key images' pictures that were in it.
    pub pictures: Vec<Vec<u8>>,
}

impl Brought {
    /// Takes a file apart: a PDF with attachments, or the canonical JSON itself. Signatures given apart are added.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `report` when it is a PDF without a report.
    pub fn from_file(report: Vec<u8>, signatures: Vec<Vec<u8>>) -> Result<Self, ConsultError> {
        if !report.starts_with(b"%PDF-") {
            return Ok(Self { canonical: report, signatures, pdf: None, pictures: Vec::new() });
        }
        let attached = extract::extract_from_pdf(&report)
            .map_err(|why| ConsultError::Invalid { field: "report", why })?;
        let mut all = attached.signatures;
        all.extend(signatures);
        all.dedup();
        Ok(Self {
            canonical: attached.canonical,
            signatures: all,
            pdf: Some(report),
            pictures: attached.pictures,
        })
    }

    /// The reader's and the reviewer's signature, as far as they are there.
    fn signed(&self) -> Option<Signed<'_>> {
        let role = |der: &&Vec<u8>| cms::check(der, &self.canonical).map(|check| check.commitment);
        let reader = self.signatures.iter().find(|s| role(s) == Ok(Commitment::Reader))?;
        let reviewer = self.signatures.iter().find(|s| matches!(role(s), Ok(Commitment::Reviewer { .. })));
        let reviewer = reviewer.map(Vec::as_slice);
        Some(Signed { canonical: &self.canonical, reader, reviewer, pictures: &self.pictures })
    }
}

/// What is known besides what was brought. Everything may be missing: then the finding is unknown.
#[derive(Default)]
pub struct Context<'a> {
    /// Trust anchors, PEM.
    pub anchors_pem: &'a str,
    /// Whether a later version has taken its place; `None` when nobody here knows.
    pub is_superseded: Option<bool>,
    /// The instances at hand.
    pub evidence: Option<&'a EvidenceLookup<'a>>,
    /// To make the page again.
    pub printer: Option<&'a Printer>,
    /// SHA-256 of the page as it was made, from the node that made it.
    pub page_sha256: Option<Sha256>,
}

/// Judges a report offline. Takes milliseconds of CPU: call it off the async threads.
#[must_use]
pub fn verify(brought: &Brought, context: &Context<'_>) -> Verdict {
    let report = CanonicalReport::from_bytes(&brought.canonical);
    let mut checks = Vec::new();
    let mut broken = 0_usize;
    for signature in &brought.signatures {
        match cms::check(signature, &brought.canonical) {
            Ok(check) => checks.push(check),
            Err(_) => broken += 1,
        }
    }
    let integrity = match &report {
        Ok(report) if broken == 0 => integrity(report, &checks),
        Ok(_) => bad("签名文件已损坏，或不是本格式的签名"),
        Err(error) => bad(&format!("报告原文已损坏，或不是规范格式：{error}")),
    };
    let chain = chain(&checks, context.anchors_pem);
    let evidence = match &report {
        Ok(report) => evidence(report, context.evidence),
        Err(_) => unknown("报告原文无法读取"),
    };
    let superseded = match context.is_superseded {
        Some(false) => good("是当前版本"),
        Some(true) => bad("已被新版本取代"),
        None => unknown("离线无法得知是否有新版本"),
    };
    let page = page(brought, report.as_ref().ok(), context);
    let findings = [&integrity, &chain, &evidence, &superseded, &page];
    let none_bad = findings.iter().all(|finding| finding.result != Judgement::Bad);
    let ok = none_bad
        && integrity.result == Judgement::Good
        && chain.result == Judgement::Good
        && page.result != Judgement::Unknown;
    Verdict {
        integrity,
        chain,
        evidence,
        superseded,
        time_stamp: Finding {
            result: Judgement::NotPresent,
            detail: "没有时间戳；签名时间由签名人声明".into(),
        },
        page,
        signers: checks.iter().map(signer).collect(),
        ok,
    }
}

fn integrity(report: &CanonicalReport, checks: &[SignatureCheck]) -> Finding {
    if checks.is_empty() {
        return Finding { result: Judgement::NotPresent, detail: "没有签名".into() };
    }
    if checks.iter().any(|check| !check.is_content_same) {
        return bad("报告内容与签名时不同：已被改动");
    }
    if checks.iter().any(|check| !check.is_signature_valid) {
        return bad("签名无效");
    }
    let (readers, reviewers): (Vec<_>, Vec<_>) =
        checks.iter().partition(|check| check.commitment == Commitment::Reader);
    let [reader] = readers.as_slice() else {
        return match readers.is_empty() {
            true => unknown("缺少报告医师的签名"),
            false => bad("报告医师的签名不止一个"),
        };
    };
    let belongs = |check: &SignatureCheck| certificate::organisation(&check.signer) == report.reading.name;
    if certificate::common_name(&reader.signer) != report.reader.name || !belongs(reader) {
        return bad("签名人不是报告上的报告医师");
    }
    match reviewers.as_slice() {
        [] if report.status == Status::Final => good("内容与签名时相同，签名有效"),
        [] => unknown("初步报告：缺少审核医师的签名"),
        [reviewer] => {
            let covers = Commitment::Reviewer { reader_signature: reader.signature.clone() };
            if reviewer.commitment != covers {
                bad("审核医师的签名不是针对这一报告医师签名的")
            } else if reviewer.signer == reader.signer || !belongs(reviewer) {
                bad("审核医师与报告医师相同，或不属于诊断中心")
            } else {
                good("内容与签名时相同，两个签名均有效")
            }
        }
        _ => bad("审核医师的签名不止一个"),
    }
}

fn chain(checks: &[SignatureCheck], anchors_pem: &str) -> Finding {
    if checks.is_empty() {
        return Finding { result: Judgement::NotPresent, detail: "没有签名证书".into() };
    }
    let anchors: Vec<Certificate> = match certificate::from_pem(anchors_pem) {
        Ok(anchors) if !anchors.is_empty() => anchors,
        _ => return unknown("没有给出可用的信任锚"),
    };
    for check in checks {
        let fault = match certificate::follow(&check.signer, &check.others, &anchors, check.signed_at) {
            Ok(()) => continue,
            Err(fault) => fault,
        };
        let name = certificate::common_name(&check.signer);
        let why = match fault {
            PathFault::NoIssuer => "证书不是由受信任的机构签发",
            PathFault::BadSignature => "证书链上的签名无效",
            PathFault::NotValidThen => "签名时证书不在有效期内",
            PathFault::NotAllowed => "证书不允许用于签名或签发",
            PathFault::TooLong => "证书链过长",
            PathFault::UnknownAlgorithm => return unknown(&format!("{name}：证书使用了本程序不支持的算法")),
        };
        return bad(&format!("{name}：{why}"));
    }
    let is_test = checks.iter().any(|check| certificate::is_test(&check.signer));
    good(if is_test {
        "证书链到信任锚；是测试证书，无法律效力"
    } else {
        "证书链到信任锚，签名时有效（未查吊销）"
    })
}

fn evidence(report: &CanonicalReport, lookup: Option<&EvidenceLookup<'_>>) -> Finding {
    let total = report.evidence.len();
    if total == 0 {
        return Finding { result: Judgement::NotPresent, detail: "报告没有列出图像".into() };
    }
    let Some(lookup) = lookup else {
        return unknown(&format!("报告列出 {total} 个图像实例；手头没有图像可比对"));
    };
    let mut missing = 0_usize;
    let mut changed = 0_usize;
    for item in &report.evidence {
        match lookup(item.instance.as_str()) {
            None => missing += 1,
            Some(found) if found != item.sha256 => changed += 1,
            Some(_) => {}
        }
    }
    match (changed, missing) {
        (0, 0) => good(&format!("{total} 个图像实例均与报告所列相同")),
        (0, missing) => unknown(&format!("{total} 个图像实例中有 {missing} 个不在手头")),
        (changed, _) => bad(&format!("{total} 个图像实例中有 {changed} 个与报告所列不同")),
    }
}

/// The printed page is made again from what is attached; with the same fonts it must be the same bytes. With other fonts
/// nothing can be said of the page, only of the attached text.
fn page(brought: &Brought, report: Option<&CanonicalReport>, context: &Context<'_>) -> Finding {
    let Some(pdf) = &brought.pdf else {
        return Finding { result: Judgement::NotPresent, detail: "没有 PDF".into() };
    };
    if context.page_sha256.is_some_and(|known| known == cms::sha256(pdf)) {
        return good("PDF 与签发时逐字节相同");
    }
    let key_images = report.map_or(&[][..], |report| &report.key_images);
    if key_images.iter().any(|image| image.picture(&brought.pictures).is_none()) {
        return bad("PDF 中的关键图像缺失，或与报告原文所列的不同");
    }
    let Some(printer) = context.printer else {
        return unknown("没有字体，无法重新排版比对；请以附件中的原文为准");
    };
    match brought.signed().map(|signed| printer.render(&signed)) {
        Some(Ok(again)) if again == *pdf => good("按附件原文重新排版，逐字节相同"),
        Some(Ok(_)) => {
            unknown("与按原文重新排版的结果不同：页面可能被改动，或字体版本不同；请以附件中的原文为准")
        }
        Some(Err(_)) | None => unknown("无法按附件原文重新排版；请以附件中的原文为准"),
    }
}

fn signer(check: &SignatureCheck) -> SignerVerdict {
    SignerVerdict {
        name: certificate::common_name(&check.signer),
        role: match check.commitment {
            Commitment::Reader => "reader".to_owned(),
            Commitment::Reviewer { .. } => "reviewer".to_owned(),
        },
        organisation: certificate::organisation(&check.signer),
        signed_at: Some(check.signed_at),
        certificate_subject: certificate::subject(&check.signer),
        test_certificate: certificate::is_test(&check.signer),
    }
}

fn finding(result: Judgement, detail: &str) -> Finding {
    Finding { result, detail: detail.to_owned() }
}

fn good(detail: &str) -> Finding {
    finding(Judgement::Good, detail)
}

fn bad(detail: &str) -> Finding {
    finding(Judgement::Bad, detail)
}

fn unknown(detail: &str) -> Finding {
    finding(Judgement::Unknown, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::Fonts;
    use crate::report::ReportDraft;
    use crate::testing::{NOW, Signers, canonical, canonical_of, consult, draft, key_image, run};
    use access::Signatures;

    fn brought(signers: &Signers, signatures: Signatures) -> Brought {
        let canonical = canonical(&consult(signatures));
        let reader = signers.read(&canonical);
        let mut all = vec![reader.clone()];
        if signatures == Signatures::Double {
            all.push(signers.review(&canonical, &reader));
        }
        Brought { canonical, signatures: all, pdf: None, pictures: Vec::new() }
    }

    fn judge(brought: &Brought, anchors: &str) -> Verdict {
        verify(brought, &Context { anchors_pem: anchors, ..Context::default() })
    }

    #[test]
    fn a_signed_report_is_good_with_one_signature_or_two() {
        let signers = Signers::new();
        for signatures in [Signatures::Single, Signatures::Double] {
            let verdict = judge(&brought(&signers, signatures), &signers.anchors());
            assert!(verdict.ok, "{verdict:?}");
            assert!(verdict.signers.iter().all(|signer| signer.test_certificate));
            assert_eq!(verdict.time_stamp.result, Judgement::NotPresent);
            assert_eq!(verdict.evidence.result, Judgement::Unknown);
        }
    }

    #[test]
    fn what_is_missing_or_foreign_is_not_good() {
        let signers = Signers::new();
        let anchors = signers.anchors();
        let whole = brought(&signers, Signatures::Double);
        let only = |n: usize| Brought { signatures: vec![whole.signatures[n].clone()], ..whole.clone() };
        let preliminary = judge(&only(0), &anchors);
        assert_eq!((preliminary.integrity.result, preliminary.ok), (Judgement::Unknown, false));
        assert_eq!(judge(&only(1), &anchors).integrity.result, Judgement::Unknown);
        let unsigned = Brought { signatures: Vec::new(), ..whole.clone() };
        assert_eq!(judge(&unsigned, &anchors).integrity.result, Judgement::NotPresent);
        // The same names from another authority; another person of the same authority.
        let foreign = brought(&Signers::new(), Signatures::Single);
        assert_eq!(judge(&foreign, &anchors).chain.result, Judgement::Bad);
        assert_eq!(judge(&whole, "").chain.result, Judgement::Unknown);
        let other = signers.authority.issue("别人", "清河市人民医院远程诊断中心", NOW).unwrap();
        let signature = crate::testing::sign(&other, "", &whole.canonical, &Commitment::Reader);
        let forged = Brought { signatures: vec![signature], ..whole.clone() };
        assert_eq!(judge(&forged, &anchors).integrity.result, Judgement::Bad);
        // The reviewer's signature covers one reader's signature, not any.
        let again = Brought {
            signatures: vec![signers.read(b"other"), whole.signatures[1].clone()],
            ..whole.clone()
        };
        assert_eq!(judge(&again, &anchors).integrity.result, Judgement::Bad);
        let superseded = Context { anchors_pem: &anchors, is_superseded: Some(true), ..Context::default() };
        assert!(!verify(&whole, &superseded).ok);
    }

    #[test]
    fn evidence_is_compared_with_what_is_at_hand() {
        let signers = Signers::new();
        let whole = brought(&signers, Signatures::Single);
        let right = |uid: &str| uid.rsplit('.').next()?.parse().ok().map(|n: u8| Sha256([n; 32]));
        let wrong = |_: &str| Some(Sha256([9; 32]));
        let partly = |uid: &str| (uid != "1.2.3.4.1.2").then(|| right(uid)).flatten();
        let found = |lookup: &EvidenceLookup<'_>| {
            let context =
                Context { anchors_pem: &signers.anchors(), evidence: Some(lookup), ..Context::default() };
            verify(&whole, &context).evidence.result
        };
        assert_eq!(found(&right), Judgement::Good);
        assert_eq!(found(&wrong), Judgement::Bad);
        assert_eq!(found(&partly), Judgement::Unknown);
    }

    #[test]
    fn no_byte_of_report_or_signatures_can_be_changed() {
        let signers = Signers::new();
        let anchors = signers.anchors();
        let whole = brought(&signers, Signatures::Double);
        for at in (0..whole.canonical.len()).step_by(7) {
            let mut changed = whole.clone();
            changed.canonical[at] ^= 1 << (at % 8);
            assert!(!judge(&changed, &anchors).ok, "byte {at} of the report");
        }
        for n in 0..2 {
            for at in 0..whole.signatures[n].len() {
                let mut changed = whole.clone();
                changed.signatures[n][at] ^= 1 << (at % 8);
                assert!(!judge(&changed, &anchors).ok, "byte {at} of signature {n}");
            }
        }
    }

    #[test]
    fn the_pictures_on_a_page_are_the_ones_that_were_signed() {
        let signers = Signers::new();
        let anchors = signers.anchors();
        let (image, picture) = key_image();
        let draft = ReportDraft { key_images: vec![image], ..draft() };
        let canonical = canonical_of(&consult(Signatures::Single), &draft);
        let reader = signers.read(&canonical);
        let printer = Printer::new(&Fonts::default()).unwrap();
        let render = |pictures: &[Vec<u8>]| {
            printer.render(&Signed { canonical: &canonical, reader: &reader, reviewer: None, pictures })
        };
        let pdf = render(std::slice::from_ref(&picture)).unwrap();
        let taken = Brought::from_file(pdf.clone(), Vec::new()).unwrap();
        assert_eq!(taken.pictures, std::slice::from_ref(&picture));
        let context = Context { anchors_pem: &anchors, printer: Some(&printer), ..Context::default() };
        let verdict = verify(&taken, &context);
        assert!(verdict.ok && verdict.page.result == Judgement::Good, "{verdict:?}");
        let mut other = picture.clone();
        let last = other.len() - 20;
        other[last] ^= 1;
        for pictures in [vec![], vec![other]] {
            assert!(render(&pictures).is_err());
            let verdict = verify(&Brought { pictures, ..taken.clone() }, &context);
            assert_eq!((verdict.page.result, verdict.ok), (Judgement::Bad, false));
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pdf").display().to_string();
        std::fs::write(&path, &pdf).unwrap();
        run("qpdf", &["--check", &path]).unwrap();
        let text = run("pdftotext", &["-layout", &path, "-"]).unwrap();
        for word in ["关键图像", "可疑腺体", "812 × 609 µm", "200 µm"] {
            assert!(text.replace(' ', "").contains(&word.replace(' ', "")), "{word} in\n{text}");
        }
        assert!(run("pdfimages", &["-list", &path]).unwrap().contains("480   360"));
    }

    #[test]
    fn the_page_is_made_again_and_compared() {
        let signers = Signers::new();
        let anchors = signers.anchors();
        let whole = brought(&signers, Signatures::Double);
        let printer = Printer::new(&Fonts::default()).unwrap();
        let pdf = printer.render(&whole.signed().unwrap()).unwrap();
        let from_pdf = |bytes: &[u8]| Brought::from_file(bytes.to_vec(), Vec::new());
        let taken = from_pdf(&pdf).unwrap();
        assert_eq!((&taken.canonical, taken.signatures.len()), (&whole.canonical, 2));
        let context = Context { anchors_pem: &anchors, printer: Some(&printer), ..Context::default() };
        let verdict = verify(&taken, &context);
        assert!(verdict.ok && verdict.page.result == Judgement::Good, "{verdict:?}");
        for at in (0..pdf.len()).step_by(pdf.len() / 40) {
            let mut changed = pdf.clone();
            changed[at] ^= 1;
            let is_ok = from_pdf(&changed).is_ok_and(|taken| verify(&taken, &context).ok);
            assert!(!is_ok, "byte {at} of the page");
        }
        assert!(from_pdf(b"%PDF-1.7 not much").is_err());
        let without_fonts = Context { anchors_pem: &anchors, ..Context::default() };
        assert_eq!(verify(&taken, &without_fonts).page.result, Judgement::Unknown);
    }
}
