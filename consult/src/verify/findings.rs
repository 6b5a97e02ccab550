//! The findings, one function each.

use super::checked::Checked;
use super::{Brought, Context, EvidenceLookup, Finding, Judgement};
use crate::certificate::{self, PathFault, Purpose};
use crate::cms::{self, Commitment};
use crate::pades::Coverage;
use crate::report::{CanonicalReport, Status};
use crate::revocation::{self, RevocationData, Standing};
use crate::timestamp::TimeStampFault;
use time::OffsetDateTime;
use x509_cert::Certificate;

/// The bytes are the ones that were signed, by all who had to sign.
pub(super) fn integrity(report: &CanonicalReport, signed: &[Checked], broken: usize) -> Finding {
    if broken > 0 {
        return bad("签名文件已损坏，或不是本格式的签名");
    }
    if signed.is_empty() {
        return not_present("没有签名");
    }
    if signed.iter().any(|one| !one.check.is_content_same) {
        return bad("报告内容与签名时不同：已被改动");
    }
    if signed.iter().any(|one| !one.check.is_signature_valid) {
        return bad("签名无效");
    }
    let (readers, reviewers): (Vec<_>, Vec<_>) =
        signed.iter().partition(|one| one.check.commitment == Commitment::Reader);
    let [reader] = readers.as_slice() else {
        return match readers.is_empty() {
            true => unknown("缺少报告医师的签名"),
            false => bad("报告医师的签名不止一个"),
        };
    };
    match reviewers.as_slice() {
        [] if report.status == Status::Final => good("内容与签名时相同，签名有效"),
        [] => unknown("初步报告：缺少审核医师的签名"),
        [reviewer] if !reviewer.covers(reader) => bad("审核医师的签名不是针对这一报告医师签名的"),
        [_] => good("内容与签名时相同，两个签名均有效"),
        _ => bad("审核医师的签名不止一个"),
    }
}

/// The certificates are of the people and the institution that the report names.
pub(super) fn credential(report: &CanonicalReport, signed: &[Checked]) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书");
    }
    let mut reader: Option<&Certificate> = None;
    for one in signed {
        let signer = &one.check.signer;
        let name = certificate::common_name(signer);
        if certificate::organisation(signer) != report.reading.name {
            return bad(&format!("{name}：证书不属于报告上的诊断中心"));
        }
        if one.check.commitment == Commitment::Reader {
            if name != report.reader.name {
                return bad("签名人不是报告上的报告医师");
            }
            reader = Some(signer);
        }
    }
    let is_same =
        |one: &&Checked| one.check.commitment != Commitment::Reader && Some(&one.check.signer) == reader;
    if signed.iter().find(is_same).is_some() {
        return bad("审核医师与报告医师相同");
    }
    if signed.iter().any(|one| certificate::is_test(&one.check.signer)) {
        return good("签名人与报告所列相同；是测试证书，无法律效力");
    }
    good("签名人与报告所列相同")
}

/// What the signatures of a PDF cover of it.
pub(super) fn coverage(brought: &Brought, context: &Context<'_>) -> Finding {
    let Some(page) = &brought.page else { return not_present("没有 PDF") };
    if brought_changed_pictures(brought) {
        return bad("PDF 中的关键图像缺失，或与报告原文所列的不同");
    }
    match &page.signatures {
        Some(signatures) => match signatures.coverage {
            Coverage::Whole => good("签名覆盖整个文件"),
            Coverage::Appended => bad("最后一个签名之后，文件又被追加了内容"),
            Coverage::Changed => bad("两次签名之间，文件的其他内容被改动"),
            Coverage::Broken => bad("签名没有覆盖整个文件"),
        },
        None if context.page_sha256 == Some(cms::sha256(&page.pdf)) => good("PDF 与签发时逐字节相同"),
        None => unknown("PDF 本身没有签名，只有其中的原文有；请以原文为准"),
    }
}

fn brought_changed_pictures(brought: &Brought) -> bool {
    CanonicalReport::from_bytes(&brought.canonical)
        .is_ok_and(|report| report.key_images.iter().any(|image| image.picture(&brought.pictures).is_none()))
}

/// The certificates lead to a trust anchor and were valid when signed.
pub(super) fn chain(signed: &[Checked], anchors: &[Certificate], now: OffsetDateTime) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书");
    }
    if anchors.is_empty() {
        return unknown("没有给出可用的信任锚");
    }
    for one in signed {
        let name = certificate::common_name(&one.check.signer);
        let at = one.judged_at(now);
        match certificate::follow(&one.check.signer, &one.check.others, anchors, at, Purpose::Reports) {
            Ok(_) => {}
            Err(fault @ PathFault::UnknownAlgorithm) => {
                return unknown(&format!("{name}：{}", fault.words()));
            }
            Err(fault) => return bad(&format!("{name}：{}", fault.words())),
        }
    }
    good("证书链到信任锚，签名时在有效期内")
}

/// Nobody's certificate had been revoked when it was used.
pub(super) fn revocation(
    signed: &[Checked],
    anchors: &[Certificate],
    data: &RevocationData,
    now: OffsetDateTime,
) -> Finding {
    if signed.is_empty() {
        return not_present("没有签名证书");
    }
    let (mut later, mut unclear) = (None, None);
    for one in signed {
        let at = one.judged_at(now);
        let is_stamped = matches!(one.stamp, Some(Ok(_)));
        let check = &one.check;
        let path = certificate::follow(&check.signer, &check.others, anchors, at, Purpose::Reports);
        let Ok(path) = path else { return unknown("证书链不完整，无法判断吊销状态") };
        match revocation::judge_path(&path, data, at) {
            (Standing::Good { later: None }, _) => {}
            (Standing::Good { later: Some(since) } | Standing::Revoked { since }, name) if !is_stamped => {
                let since = day(since);
                return bad(&format!("{name}：证书已被吊销（{since}），没有时间戳证明签名在此之前"));
            }
            (Standing::Good { later: Some(since) }, name) => later = Some((since, name)),
            (Standing::Unknown, name) => unclear = Some(name),
            (Standing::Revoked { since }, name) => {
                return bad(&format!("{name}：证书在签名之前已被吊销（{}）", day(since)));
            }
        }
    }
    match (unclear, later) {
        (Some(name), _) => unknown(&format!("{name}：没有签名时的吊销信息（CRL、OCSP）")),
        (None, Some((since, name))) => {
            good(&format!("{name}：证书在签名之后才被吊销（{}），签名时有效", day(since)))
        }
        (None, None) => good("签名时证书未被吊销"),
    }
}

fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}

/// RFC 3161: every signature existed at a moment that somebody else vouches for.
pub(super) fn time_stamp(signed: &[Checked], anchors: &[Certificate]) -> Finding {
    let mut last = None;
    for one in signed {
        match &one.stamp {
            None => return not_present("没有时间戳；签名时间由签名人声明"),
            Some(Err(TimeStampFault::NotTrusted(PathFault::NoIssuer))) if anchors.is_empty() => {
                return unknown("没有给出时间戳机构的信任锚");
            }
            Some(Err(fault)) => return bad(fault.words()),
            Some(Ok(stamp)) => last = Some(stamp),
        }
    }
    let Some(stamp) = last else { return not_present("没有签名") };
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let at = stamp.at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
    let accuracy = stamp.accuracy_ms.map(|ms| format!("，精度 {ms} ms")).unwrap_or_default();
    good(&format!("{}：{at}{accuracy}", stamp.authority))
}

pub(super) fn evidence(report: &CanonicalReport, lookup: Option<&EvidenceLookup<'_>>) -> Finding {
    let total = report.evidence.len();
    if total == 0 {
        return not_present("报告没有列出图像");
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

fn finding(result: Judgement, detail: &str) -> Finding {
    Finding { result, detail: detail.to_owned() }
}

pub(super) fn good(detail: &str) -> Finding {
    finding(Judgement::Good, detail)
}

pub(super) fn bad(detail: &str) -> Finding {
    finding(Judgement::Bad, detail)
}

pub(super) fn unknown(detail: &str) -> Finding {
    finding(Judgement::Unknown, detail)
}

pub(super) fn not_present(detail: &str) -> Finding {
    finding(Judgement::NotPresent, detail)
}
