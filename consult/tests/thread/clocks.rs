//! Clocks that ring at 50, 80 and 100 % of the agreed time: once each, also after a restart, and not while data are awaited.

use crate::house::{House, NOW, house};
use access::Signatures;
use consult::clock::{Escalation, TOPIC};
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
    assert_eq!(told.iter().map(|event| event.tell.len()).collect::<Vec<_>>(), [1, 2, 3]);
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
