//! Who is told, and what leaves the application, from the step on a case to the job that carries it.

use crate::house::{House, NOW, house, org};
use access::{Membership, Person, Role, Signatures};
use consult::ConsultView;
use consult::critical::{How, NewFinding, Receipt};
use consult::message::NewMessage;
use consult::notify::{MAIL_JOB, MailSettings, Outgoing, WEBHOOK_JOB, What};
use model::Scope;
use std::time::Duration as StdDuration;
use storage::JobOutcome;
use time::Duration;

/// What waits to be sent of a kind: by lane.
async fn to_send(house: &House, kind: &'static str) -> Vec<(String, What)> {
    let mut sent = Vec::new();
    while let Some(claim) = house.storage.claim_jobs(kind, 1, StdDuration::from_secs(60)).await.unwrap() {
        for job in &claim.jobs {
            let outgoing: Outgoing = serde_json::from_value(job.body.clone()).unwrap();
            sent.push((job.lane.clone(), outgoing.what));
            house.storage.finish_jobs(&claim, vec![(job.id, JobOutcome::Done)]).await.unwrap();
        }
    }
    sent
}

async fn person(
    house: &House,
    login: &str,
    home: &str,
    roles: &[Role],
    member_of: Option<(&str, Role)>,
) -> access::Caller {
    let mut person = Person::new(login, login, org(home), roles.to_vec());
    let membership = |(organisation, role)| Membership { organisation: org(organisation), roles: vec![role] };
    person.memberships.extend(member_of.map(membership));
    house.storage.put_person(&Scope::node("test"), &person).await.unwrap();
    access::Caller::person(&person, None)
}

async fn found(house: &House, view: &ConsultView) {
    let new = NewFinding { finding: "张力性气胸".into(), ..NewFinding::default() };
    house.service.raise_critical(&house.readers[0], &view.consult.id, new, NOW).await.unwrap();
}

async fn heard(house: &House, caller: &access::Caller) -> Vec<What> {
    let inbox = house.service.notices(caller, 50).await.unwrap();
    inbox.notices.into_iter().map(|notice| notice.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_acts_for_a_hospital_is_told_and_only_the_hospitals_of_the_case_are() {
    let house = house(Signatures::Single).await;
    // From now on.
    house.service.notify(NOW).await.unwrap();
    let visiting =
        person(&house, "gu", "other", &[Role::Uploader], Some(("township", Role::Requester))).await;
    let wrong_role =
        person(&house, "sun", "other", &[Role::Requester], Some(("township", Role::Uploader))).await;
    let address = MailSettings { address: "gu@other.example.org".into() };
    house.service.put_mail_settings(&visiting, address).await.unwrap();
    for home in ["township", "other"] {
        let admin = person(&house, &format!("admin-{home}"), home, &[Role::Administrator], None).await;
        house.service.put_webhook(&admin, "https://his.example.org/in").await.unwrap();
    }
    let view = house.claimed().await;
    found(&house, &view).await;
    house.service.notify(NOW).await.unwrap();
    assert_eq!(heard(&house, &visiting).await, [What::Critical]);
    assert_eq!(heard(&house, &wrong_role).await, []);
    let me = visiting.as_person().unwrap().id.to_string();
    assert_eq!(to_send(&house, MAIL_JOB).await, [(me, What::Critical)]);
    assert_eq!(to_send(&house, WEBHOOK_JOB).await, [("township/critical".to_owned(), What::Critical)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_have_come_before_the_finding_was_entered_but_not_before_it_was_made() {
    let house = house(Signatures::Single).await;
    let view = house.claimed().await;
    let (reader, id) = (&house.readers[0], &view.consult.id);
    let later = NOW + Duration::hours(2);
    let new = |at| NewFinding { once: None, finding: "张力性气胸".into(), found_at: Some(at) };
    let early = house.service.raise_critical(reader, id, new(NOW - Duration::days(1)), later).await;
    assert!(matches!(early, Err(consult::ConsultError::Invalid { field: "found_at", .. })), "{early:?}");
    house.service.raise_critical(reader, id, new(NOW + Duration::hours(1)), later).await.unwrap();
    let receipt = |at| Receipt {
        read_back: "立即穿刺".into(),
        how: How::Telephone,
        received_by: "李敏".into(),
        received_at: Some(at),
    };
    let before = house.service.acknowledge_critical(reader, id, 1, receipt(NOW), later).await;
    assert!(matches!(before, Err(consult::ConsultError::Invalid { field: "received_at", .. })), "{before:?}");
    let called_at = NOW + Duration::minutes(65);
    let kept = house.service.acknowledge_critical(reader, id, 1, receipt(called_at), later).await.unwrap();
    assert_eq!(kept.findings[0].acknowledged.as_ref().unwrap().received_at, called_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_before_somebody_reads_reaches_the_coordinator_and_then_the_reader() {
    let house = house(Signatures::Single).await;
    house.service.notify(NOW).await.unwrap();
    let asked = house.asked().await;
    let id = &asked.consult.id;
    let words = NewMessage { text: "请尽快".into(), ..NewMessage::default() };
    house.service.send_message(&house.doctor, id, words, NOW).await.unwrap();
    house.service.notify(NOW).await.unwrap();
    assert!(heard(&house, &house.reviewer).await.contains(&What::Message));
    assert_eq!(house.service.unread_messages(&house.readers[0]).await.unwrap(), []);
    house.service.claim(&house.readers[0], id, asked.version, NOW).await.unwrap();
    let unread = house.service.unread_messages(&house.readers[0]).await.unwrap();
    assert_eq!((unread.len(), unread[0].unread), (1, 1));
}
