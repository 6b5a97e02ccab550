//! Reports that wait for their time stamps.

use crate::house::{NOW, house, question, report, secret};
use access::Signatures;
use consult::{ConsultError, Judgement, ReportPart, State};
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_time_stamp_a_report_waits_and_is_not_delivered() {
    let house = house(Signatures::Double).await;
    let (service, doctor, [wang, _]) = (&house.service, &house.doctor, &house.readers);
    let passphrase = || secret("签名口令 2026");
    house.reach.is_down.store(true, Ordering::SeqCst);
    let draft = service.create(doctor, question(), NOW).await.unwrap();
    let id = draft.consult.id.clone();
    let asked = service.submit(doctor, &id, draft.version, NOW).await.unwrap();
    let claimed = service.claim(wang, &id, asked.version, NOW).await.unwrap();
    let saved = service.save_report(wang, &id, claimed.version, report(), NOW).await.unwrap();
    let hash = service.preview(wang, &id).await.unwrap().canonical_sha256;
    let signed = service.sign(wang, &id, saved.version, &hash, passphrase(), NOW).await.unwrap();
    let current = |view: &consult::ConsultView| view.consult.current_version().unwrap().clone();
    assert!(current(&signed).pending_time_stamp && signed.consult.state == State::Preliminary);
    let early = service.review(&house.reviewer, &id, signed.version, &hash, passphrase(), NOW).await;
    assert_eq!(early, Err(ConsultError::AwaitingTimeStamp));

    // The reader's is there by the time the reviewer signs; then the authority is away again.
    house.reach.is_down.store(false, Ordering::SeqCst);
    service.stamp_report(&current(&signed).record, NOW).await.unwrap();
    house.reach.is_down.store(true, Ordering::SeqCst);
    let signed = service.get(&house.reviewer, &id).await.unwrap();
    assert!(!current(&signed).pending_time_stamp);
    let done = service.review(&house.reviewer, &id, signed.version, &hash, passphrase(), NOW).await.unwrap();
    assert_eq!((done.consult.state, current(&done).pending_time_stamp), (State::Final, true));
    let theirs = service.get(doctor, &id).await.unwrap();
    assert!(theirs.consult.report.is_none() && theirs.consult.versions.is_empty());
    let refused = service.report_file(doctor, &id, ReportPart::Pdf, None).await;
    assert_eq!(refused, Err(ConsultError::NotFound));
    let waiting = service.verify_stored(wang, &id).await.unwrap();
    assert_eq!(waiting.time_stamp.result, Judgement::NotPresent);

    // The job sees to it by itself, and only once.
    house.reach.is_down.store(false, Ordering::SeqCst);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = service.clone();
    let worker = tokio::spawn(async move { worker.run_time_stamps(async { stopped.await.unwrap() }).await });
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let theirs = loop {
        let theirs = service.get(doctor, &id).await.unwrap();
        if theirs.consult.state == State::Delivered {
            break theirs;
        }
        assert!(std::time::Instant::now() < end, "{:?}", theirs.consult.state);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    stop.send(()).unwrap();
    worker.await.unwrap();
    let delivered = theirs.consult.timeline.iter().filter(|entry| entry.state == State::Delivered).count();
    assert_eq!(delivered, 1);
    let verdict = service.verify_stored(doctor, &id).await.unwrap();
    assert!(verdict.ok && verdict.time_stamp.result == Judgement::Good, "{verdict:?}");
    assert!(verdict.signers.iter().all(|signer| signer.time_stamped));
}
