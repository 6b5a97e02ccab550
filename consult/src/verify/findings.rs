//! The findings, one function each.

use super::checked::Checked;
use super::{Brought, Context, EvidenceLookup, Finding, Judgement, Unread};
use crate::certificate::{self, PathFault, Purpose};
use crate::cms::{self, Commitment};
use crate::pades::Coverage;
use crate::report::{CanonicalReport, Status};
use crate::revocation::{self, RevocationData, Standing};
use crate::timestamp::TimeStampFault;
use time::OffsetDateTime;
use x509_cert::Certificate;

/// The bytes are the ones that were signed, by all who had to sign.
pub(super) fn integrity(report: &CanonicalReport, signed: &[Checked], unread: Unread) -> Finding {
    if unread.is_broken {
        return bad(
            "签名文件已损坏，或不是本格式的签名",
            "the signature file is damaged, or not of this kind",
        );
    }
    if unread.is_unknown {
        return unknown(
            "有签名使用了本程序不支持的算法（如国密 SM2），无法核对",
            "a signature is made with an algorithm that this program does not know (such as SM2)",
        );
    }
    if signed.is_empty() {
        return not_present("没有签名", "no signature");
    }
    if signed.iter().any(|one| !one.check.is_content_same) {
        return bad(
            "报告内容与签名时不同：已被改动",
            "the report is not as it was signed: it has been changed",
        );
    }
    if signed.iter().any(|one| !one.check.is_signature_valid) {
        return bad("签名无效", "the signature does not hold");
    }
    let (readers, reviewers): (Vec<_>, Vec<_>) =
        signed.iter().partition(|one| one.check.commitment == Commitment::Reader);
    let [reader] = readers.as_slice() else {
        return match readers.is_empty() {
            true => unknown("缺少报告医师的签名", "the reading physician's signature is missing"),
            false => bad("报告医师的签名不止一个", "more than one signature of a reading physician"),
        };
    };
    match reviewers.as_slice() {
        [] if report.status == Status::Final => {
            good("内容与签名时相同，签名有效", "as it was signed; the signature holds")
        }
        [] => unknown(
            "初步报告：缺少审核医师的签名",
            "preliminary: the reviewing physician's signature is missing",
        ),
        [reviewer] if !reviewer.covers(reader) => bad(
            "审核医师的签名不是针对这一报告医师签名的",
            "the reviewing physician signed another reading physician's signature",
        ),
        [_] => good("内容与签名时相同，两个签名均有效", "as it was signed; both signatures hold"),
        _ => bad("审核医师的签名不止一个", "more than one signature of a reviewing physician"),
    }
}

/// The certificates are of the people and the institution that the report names.
pub(super) fn credential(report: &CanonicalReport, signed: &[Checked]) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书", "no signer's certificate");
    }
    let mut reader: Option<&Certificate> = None;
    for one in signed {
        let signer = &one.check.signer;
        let name = certificate::common_name(signer);
        if certificate::organisation(signer) != report.reading.name {
            return bad(
                &format!("{name}：证书不属于报告上的诊断中心"),
                &format!("{name}: the certificate is not of the report's reading centre"),
            );
        }
        if one.check.commitment == Commitment::Reader {
            if name != report.reader.name {
                return bad(
                    "签名人不是报告上的报告医师",
                    "the signer is not the reading physician of the report",
                );
            }
            reader = Some(signer);
        }
    }
    let is_same = |one: &&Checked| {
        one.check.commitment != Commitment::Reader
            && reader.is_some_and(|reader| certificate::is_same_person(&one.check.signer, reader))
    };
    if signed.iter().find(is_same).is_some() {
        return bad("审核医师与报告医师相同", "reviewing and reading physician are the same person");
    }
    if signed.iter().any(|one| certificate::is_test(&one.check.signer)) {
        return good(
            "签名人与报告所列相同；是测试证书，无法律效力",
            "the signers are those of the report; test certificates, without legal effect",
        );
    }
    good("签名人与报告所列相同", "the signers are those of the report")
}

/// What the signatures of a PDF cover of it.
pub(super) fn coverage(brought: &Brought, context: &Context<'_>) -> Finding {
    let Some(page) = &brought.page else { return not_present("没有 PDF", "no PDF") };
    if brought_changed_pictures(brought) {
        return bad(
            "PDF 中的关键图像缺失，或与报告原文所列的不同",
            "key images are missing in the PDF, or are not those of the report",
        );
    }
    match &page.signatures {
        Some(signatures) => match signatures.coverage {
            Coverage::Whole => good("签名覆盖整个文件", "the signatures cover the whole file"),
            Coverage::Appended => bad(
                "最后一个签名之后，文件又被追加了内容",
                "something was added to the file after its last signature",
            ),
            Coverage::Changed => bad(
                "两次签名之间，文件的其他内容被改动",
                "something else in the file was changed between two signatures",
            ),
            Coverage::Broken => bad("签名没有覆盖整个文件", "the signatures do not cover the whole file"),
        },
        None if context.page_sha256 == Some(cms::sha256(&page.pdf)) => {
            good("PDF 与签发时逐字节相同", "byte for byte as it was issued")
        }
        None => unknown(
            "PDF 本身没有签名，只有其中的原文有；请以原文为准",
            "the PDF itself is not signed, only the report in it: that one counts",
        ),
    }
}

fn brought_changed_pictures(brought: &Brought) -> bool {
    CanonicalReport::from_bytes(&brought.canonical)
        .is_ok_and(|report| report.key_images.iter().any(|image| image.picture(&brought.pictures).is_none()))
}

/// The certificates lead to a trust anchor and were valid when signed.
pub(super) fn chain(signed: &[Checked], anchors: &[Certificate], now: OffsetDateTime) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书", "no signer's certificate");
    }
    if anchors.is_empty() {
        return unknown("没有给出可用的信任锚", "no trust anchor was given");
    }
    for one in signed {
        let name = certificate::common_name(&one.check.signer);
        let at = one.judged_at(now);
        match certificate::follow(&one.check.signer, &one.check.others, anchors, at, Purpose::Reports) {
            Ok(_) => {}
            Err(fault @ PathFault::UnknownAlgorithm) => {
                let (zh, en) = fault.words();
                return unknown(&format!("{name}：{zh}"), &format!("{name}: {en}"));
            }
            Err(fault) => {
                let (zh, en) = fault.words();
                return bad(&format!("{name}：{zh}"), &format!("{name}: {en}"));
            }
        }
    }
    good(
        "证书链到信任锚，签名时在有效期内",
        "the certificates lead to a trust anchor and were valid when signed",
    )
}

/// Nobody's certificate had been revoked when it was used.
pub(super) fn revocation(
    signed: &[Checked],
    anchors: &[Certificate],
    data: &RevocationData,
    now: OffsetDateTime,
) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书", "no signer's certificate");
    }
    let (mut later, mut unclear) = (None, None);
    for one in signed {
        let at = one.judged_at(now);
        let is_stamped = matches!(one.stamp, Some(Ok(_)));
        let check = &one.check;
        let path = certificate::follow(&check.signer, &check.others, anchors, at, Purpose::Reports);
        let Ok(path) = path else {
            return unknown(
                "证书链不完整，无法判断吊销状态",
                "no whole path of certificates: revocation cannot be judged",
            );
        };
        match revocation::judge_path(&path, data, at) {
            (Standing::Good { later: None }, _) => {}
            (Standing::Good { later: Some(since) } | Standing::Revoked { since }, name) if !is_stamped => {
                let since = day(since);
                return bad(
                    &format!("{name}：证书已被吊销（{since}），没有时间戳证明签名在此之前"),
                    &format!("{name}: revoked ({since}), and no time stamp says that it signed before"),
                );
            }
            (Standing::Good { later: Some(since) }, name) => later = Some((since, name)),
            (Standing::Unknown, name) => unclear = Some(name),
            (Standing::Revoked { since }, name) => {
                let since = day(since);
                return bad(
                    &format!("{name}：证书在签名之前已被吊销（{since}）"),
                    &format!("{name}: revoked before it signed ({since})"),
                );
            }
        }
    }
    match (unclear, later) {
        (Some(name), _) => unknown(
            &format!("{name}：没有签名时的吊销信息（CRL、OCSP）"),
            &format!("{name}: nothing is known of revocation when it signed (CRL, OCSP)"),
        ),
        (None, Some((since, name))) => {
            let since = day(since);
            good(
                &format!("{name}：证书在签名之后才被吊销（{since}），签名时有效"),
                &format!("{name}: revoked after it had signed ({since}), good then"),
            )
        }
        (None, None) => good("签名时证书未被吊销", "no certificate had been revoked when it was used"),
    }
}

fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}

/// RFC 3161: every signature existed at a moment that somebody else vouches for.
pub(super) fn time_stamp(signed: &[Checked], anchors: &[Certificate], data: &RevocationData) -> Finding {
    let mut last = None;
    for one in signed {
        match &one.stamp {
            None => {
                return not_present(
                    "没有时间戳；签名时间由签名人声明",
                    "no time stamp; the time is what the signer says",
                );
            }
            Some(Err(TimeStampFault::NotTrusted(PathFault::NoIssuer))) if anchors.is_empty() => {
                return unknown(
                    "没有给出时间戳机构的信任锚",
                    "no trust anchor of time-stamping authorities was given",
                );
            }
            Some(Err(fault)) => {
                let (zh, en) = fault.words();
                return bad(zh, en);
            }
            Some(Ok(stamp)) => {
                // The authority's own certificate; what nobody knows of it is not held against it.
                if let (Standing::Revoked { since }, name) =
                    revocation::judge_path(&stamp.path, data, stamp.at)
                {
                    let since = day(since);
                    return bad(
                        &format!("{name}：时间戳机构的证书在此之前已被吊销（{since}）"),
                        &format!(
                            "{name}: the time-stamping authority's certificate was revoked before ({since})"
                        ),
                    );
                }
                last = Some(stamp);
            }
        }
    }
    let Some(stamp) = last else { return not_present("没有签名", "no signature") };
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let at = stamp.at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
    let accuracy = |word: &str| stamp.accuracy_ms.map(|ms| format!("{word} {ms} ms")).unwrap_or_default();
    good(
        &format!("{}：{at}{}", stamp.authority, accuracy("，精度")),
        &format!("{}: {at}{}", stamp.authority, accuracy(", accuracy")),
    )
}

pub(super) fn evidence(report: &CanonicalReport, lookup: Option<&EvidenceLookup<'_>>) -> Finding {
    let total = report.evidence.len();
    if total == 0 {
        return not_present("报告没有列出图像", "the report names no images");
    }
    let Some(lookup) = lookup else {
        return unknown(
            &format!("报告列出 {total} 个图像实例；手头没有图像可比对"),
            &format!("the report names {total} instances; there are no images here to compare"),
        );
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
        (0, 0) => good(
            &format!("{total} 个图像实例均与报告所列相同"),
            &format!("all {total} instances are those that the report names"),
        ),
        (0, missing) => unknown(
            &format!("{total} 个图像实例中有 {missing} 个不在手头"),
            &format!("of {total} instances {missing} are not here"),
        ),
        (changed, _) => bad(
            &format!("{total} 个图像实例中有 {changed} 个与报告所列不同"),
            &format!("of {total} instances {changed} are not as the report names them"),
        ),
    }
}

fn finding(result: Judgement, zh: &str, en: &str) -> Finding {
    Finding { result, detail: zh.to_owned(), detail_en: en.to_owned() }
}

pub(super) fn good(zh: &str, en: &str) -> Finding {
    finding(Judgement::Good, zh, en)
}

pub(super) fn bad(zh: &str, en: &str) -> Finding {
    finding(Judgement::Bad, zh, en)
}

pub(super) fn unknown(zh: &str, en: &str) -> Finding {
    finding(Judgement::Unknown, zh, en)
}

pub(super) fn not_present(zh: &str, en: &str) -> Finding {
    finding(Judgement::NotPresent, zh, en)
}
