//! With which certificates nobody signs, and whom an agreement trusts.

use crate::house::{CENTRE, House, NOW, house};
use access::{Agreement, Signatures};
use consult::{CertificateAuthority, ConsultError, Judgement, ReportPart, State};
use model::Scope;
use time::{Duration, OffsetDateTime};

const YEAR: Duration = Duration::days(365);

async fn refused(house: &House, why: &str, at: OffsetDateTime) {
    let view = house.claimed().await;
    match house.try_to_sign(&view, at).await {
        Err(ConsultError::Forbidden(said)) => assert!(said.contains(why), "{said}"),
        other => panic!("{why}: {other:?}"),
    }
    let after = house.service.get(&house.readers[0], &view.consult.id).await.unwrap().consult;
    assert_eq!((after.state, after.versions.len()), (State::Reading, 0), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_with_a_certificate_that_is_expired_or_not_yet_valid() {
    let house = house(Signatures::Single).await;
    for (issued_at, is_good) in
        [(NOW - YEAR, true), (NOW - YEAR * 2 - Duration::days(1), false), (NOW + Duration::days(1), false)]
    {
        house.key_of(&house.authority, issued_at).await;
        if is_good {
            let view = house.claimed().await;
            assert_eq!(house.try_to_sign(&view, NOW).await.unwrap().consult.state, State::Delivered);
        } else {
            refused(&house, "不在有效期内", NOW).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_with_a_certificate_of_an_authority_that_is_not_trusted() {
    let house = house(Signatures::Single).await;
    // Of the same name: only the key tells them apart.
    let stranger = CertificateAuthority::create("远见演示根证书", NOW).unwrap();
    house.key_of(&stranger, NOW).await;
    refused(&house, "签名无效", NOW).await;
    house.key_of(&CertificateAuthority::create("别的根证书", NOW).unwrap(), NOW).await;
    refused(&house, "不是由受信任的机构签发", NOW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_with_a_certificate_that_is_revoked() {
    let house = house(Signatures::Single).await;
    let certificate = house.key_of(&house.authority, NOW - Duration::days(9)).await;
    let revoked = |since| house.authority.revocation_list(&[(certificate.as_slice(), since)], NOW).unwrap();
    *house.reach.list.lock().unwrap() = Some(revoked(NOW - Duration::days(1)));
    refused(&house, "已被吊销", NOW).await;
    // Somebody else's is no business of theirs.
    let other = house.authority.issue("别人", CENTRE, NOW).unwrap().chain.remove(0);
    let list = house.authority.revocation_list(&[(other.as_slice(), NOW - Duration::days(1))], NOW).unwrap();
    *house.reach.list.lock().unwrap() = Some(list);
    let view = house.claimed().await;
    assert_eq!(house.try_to_sign(&view, NOW).await.unwrap().consult.state, State::Delivered);
}

/// The agreement of the house with authorities of its own.
async fn agree_on(house: &House, trust_anchors_pem: Option<String>) {
    let (storage, node) = (&house.storage, Scope::node("test"));
    let agreement = storage.agreement("agreement-1").await.unwrap();
    storage.put_agreement(&node, &Agreement { trust_anchors_pem, ..agreement }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_agreement_names_authorities_only_they_count_for_its_reports() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    let theirs = CertificateAuthority::create("双方约定的根证书", NOW).unwrap();
    let anchors = theirs.anchor_pem().unwrap();
    let asked_before = house.claimed().await;
    agree_on(&house, Some(anchors.clone())).await;
    // The node trusts the reader's certificate, the agreement does not.
    refused(&house, "不是由受信任的机构签发", NOW).await;
    // What was sent before keeps what was agreed then.
    let before = house.try_to_sign(&asked_before, NOW).await.unwrap();
    assert_eq!(before.consult.state, State::Delivered);
    assert!(service.verify_stored(doctor, &before.consult.id).await.unwrap().ok);

    house.key_of(&theirs, NOW).await;
    let signed = house.try_to_sign(&house.claimed().await, NOW).await.unwrap();
    let id = &signed.consult.id;
    assert_eq!(signed.consult.state, State::Delivered);
    let verdict = service.verify_stored(doctor, id).await.unwrap();
    assert!(verdict.ok, "{verdict:?}");
    let pdf = service.report_file(doctor, id, ReportPart::Pdf, None).await.unwrap();
    assert!(service.verify_upload(pdf, Vec::new()).await.unwrap().ok, "a stranger brings it");
    let chain = service.report_file(doctor, id, ReportPart::Chain, None).await.unwrap();
    assert!(String::from_utf8(chain).unwrap().contains(anchors.trim()));

    // Without authorities of its own the node's count again, and the other key does not sign.
    agree_on(&house, None).await;
    refused(&house, "不是由受信任的机构签发", NOW).await;
    let verdict = service.verify_stored(doctor, id).await.unwrap();
    assert_eq!(
        (verdict.chain.result, verdict.ok),
        (Judgement::Good, true),
        "as it was agreed when it was sent"
    );
}
