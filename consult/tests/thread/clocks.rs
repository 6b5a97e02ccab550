//! Clocks that ring at 50, 80 and 100 % of the agreed time: once each, also after a restart, and not while data are awaited.

use crate::house::{House, NOW, house};
use access::{Caller, Signatures};
use consult::assignment::{Duty, Plan, ShiftKind};
use consult::clock::{Escalation, TOPIC};
use consult::critical::NewFinding;
use consult::notify::What;
use model::PersonId;
use time::Duration;

/// What the outbox tells of clocks, from the beginning.
async fn told(house: &House) -> Vec<Escalation> {
    let events = house.storage.outbox_events(0, 1000).await.unwrap();
    let of_clocks = events.into_iter().filter(|event| event.topic == TOPIC);
    of_clocks.map(|event| serde_json::from_value(event.body).unwrap()).collect()
}

async fn percents(house: &House) -> Vec<u8> {
    told(house).await.into_iter().map(|event| event.percent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_share_is_told_once_to_whoever_can_move_it() {
    let house = house(Signatures::Single).await;
    let claimed = house.claimed().await;
    let rings = async |minute: i64| house.service.escalate(NOW + Duration::minutes(minute)).await.unwrap();
    assert_eq!((rings(29).await, rings(30).await, rings(31).await), (0, 1, 0));
    assert_eq!((rings(47).await, rings(48).await, rings(49).await), (0, 1, 0));
    // Another service over the same storage, as after a restart: nothing is told again.
    let again = house.again();
    assert_eq!(again.escalate(NOW + Duration::minutes(49)).await.unwrap(), 0);
    assert_eq!((rings(60).await, rings(61).await, rings(1000).await), (1, 0, 0));
    let told = told(&house).await;
    assert_eq!(told.iter().map(|event| event.percent).collect::<Vec<_>>(), [50, 80, 100]);
    assert!(told.iter().all(|event| event.consult == claimed.consult.id));
    assert_eq!(told.iter().map(|event| event.tell.len()).collect::<Vec<_>>(), [1, 2, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_down_tells_the_latest_and_two_that_look_at_once_tell_it_once() {
    let house = house(Signatures::Single).await;
    house.asked().await;
    let again = house.again();
    let late = NOW + Duration::minutes(55);
    let (a, b) = tokio::join!(house.service.escalate(late), again.escalate(late));
    assert_eq!(a.unwrap() + b.unwrap(), 1);
    assert_eq!(percents(&house).await, [80]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_stands_while_data_are_awaited_and_after_the_report() {
    let house = house(Signatures::Single).await;
    let (service, wang) = (&house.service, &house.readers[0]);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let minutes = |n: i64| NOW + Duration::minutes(n);
    let waits = service.request_data(wang, id, claimed.version, "薄层", minutes(20)).await.unwrap();
    assert_eq!(service.escalate(minutes(40)).await.unwrap(), 0);
    assert_eq!(service.escalate(minutes(100)).await.unwrap(), 0);
    let on = service.resume(&house.doctor, id, waits.version, "", minutes(120)).await.unwrap();
    // 20 minutes were used: half of the hour is over ten minutes later.
    assert_eq!(service.escalate(minutes(129)).await.unwrap(), 0);
    assert_eq!(service.escalate(minutes(130)).await.unwrap(), 1);
    house.signed(&on, "右肺结节。", minutes(131)).await;
    assert_eq!(service.escalate(minutes(1000)).await.unwrap(), 0);
    assert_eq!(percents(&house).await, [50]);
}

/// Notices of this kind that a person has.
async fn heard(house: &House, caller: &Caller, what: What) -> usize {
    let inbox = house.service.notices(caller, 50).await.unwrap();
    inbox.notices.iter().filter(|notice| notice.what == what).count()
}

async fn plan(house: &House, of: &str, kind: ShiftKind, hours: [i64; 2]) {
    let [from, until] = hours.map(|h| NOW + Duration::hours(h));
    let of = PersonId::parse(of).unwrap();
    house.service.plan_shift(&house.reviewer, &of, Plan { kind, from, until }, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_the_pool_is_told_to_who_is_on_duty_and_when_it_is_late_to_who_is_on_call() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen]) = (&house.service, &house.readers);
    // From now on.
    service.notify(NOW).await.unwrap();
    service.set_duty(&house.reviewer, &PersonId::parse("chen").unwrap(), Duty::Off).await.unwrap();
    plan(&house, "chen", ShiftKind::OnCall, [0, 8]).await;
    service.turn_shifts(NOW + Duration::minutes(1)).await.unwrap();
    house.asked().await;
    let at = async |minute: i64| {
        service.escalate(NOW + Duration::minutes(minute)).await.unwrap();
        service.notify(NOW + Duration::minutes(minute)).await.unwrap();
    };
    at(30).await;
    assert_eq!((heard(&house, wang, What::Clock50).await, heard(&house, chen, What::Clock50).await), (1, 0));
    at(48).await;
    assert_eq!(heard(&house, chen, What::Clock80).await, 0);
    at(60).await;
    assert_eq!(
        (heard(&house, wang, What::Clock100).await, heard(&house, chen, What::Clock100).await),
        (1, 1)
    );
    // Being on call has put nobody on duty.
    let duties = service.duties(&house.reviewer).await.unwrap();
    let off: Vec<_> =
        duties.iter().filter(|one| one.duty == Duty::Off).map(|one| one.person.id.as_str()).collect();
    assert_eq!(off, ["chen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_on_duty_everybody_who_reads_is_told() {
    let house = house(Signatures::Single).await;
    house.service.notify(NOW).await.unwrap();
    for reader in ["wang", "chen"] {
        house.service.set_duty(&house.reviewer, &PersonId::parse(reader).unwrap(), Duty::Off).await.unwrap();
    }
    house.asked().await;
    house.service.escalate(NOW + Duration::minutes(30)).await.unwrap();
    house.service.notify(NOW + Duration::minutes(30)).await.unwrap();
    for reader in &house.readers {
        assert_eq!(heard(&house, reader, What::Clock50).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_finding_that_the_coordinators_do_not_get_answered_goes_to_who_is_on_call() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen]) = (&house.service, &house.readers);
    // From now on.
    service.notify(NOW).await.unwrap();
    plan(&house, "chen", ShiftKind::OnCall, [0, 8]).await;
    let claimed = house.claimed().await;
    let new = NewFinding { finding: "张力性气胸".into(), ..NewFinding::default() };
    service.raise_critical(wang, &claimed.consult.id, new, NOW).await.unwrap();
    let at = async |minute: i64| {
        service.remind_critical(NOW + Duration::minutes(minute)).await.unwrap();
        service.notify(NOW + Duration::minutes(minute)).await.unwrap();
    };
    at(15).await;
    let coordinator = &house.reviewer;
    assert_eq!(heard(&house, coordinator, What::CriticalUnanswered).await, 1);
    assert_eq!(heard(&house, chen, What::CriticalUnanswered).await, 0);
    at(20).await;
    assert_eq!(heard(&house, chen, What::CriticalUnanswered).await, 1);
    let seen = service.critical(wang, &claimed.consult.id).await.unwrap();
    assert_eq!(seen.findings[0].called_at, Some(NOW + Duration::minutes(20)));
}
