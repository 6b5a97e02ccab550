//! Somebody who acts for two organisations: what is theirs alone is theirs in both.

use crate::house::{House, NOW, STUDY, house, org};
use access::{Caller, Membership, Role, Signatures};
use consult::ConsultError;
use consult::measurements::{Measurement, MeasurementKind};
use consult::message::NewMessage;
use consult::notify::MailSettings;
use consult::phrases::{Phrase, PhraseOwner};
use model::Uid;

/// The doctor who asks, and the same as they read at the centre.
fn both(house: &House) -> [Caller; 2] {
    let mut person = house.doctor.as_person().unwrap().clone();
    person.memberships = vec![Membership { organisation: org("city"), roles: vec![Role::Reader] }];
    [org("township"), org("city")]
        .map(|organisation| Caller::person(&person.acting_for(&organisation).unwrap(), None))
}

#[tokio::test(flavor = "multi_thread")]
async fn phrases_and_the_address_for_mail_are_changed_for_whomever_one_acts() {
    let house = house(Signatures::Single).await;
    let service = &house.service;
    let phrase = |text: &str| Phrase { abbreviation: "jj".into(), title: String::new(), text: text.into() };
    let mut version = 0;
    for (caller, words) in both(&house).iter().zip(["结节", "结节，建议随访"]) {
        let kept =
            service.put_phrases(caller, PhraseOwner::Person, vec![phrase(words)], version).await.unwrap();
        assert_eq!(kept.phrases, [phrase(words)]);
        version = kept.version;
        let settings = MailSettings { address: format!("li{version}@hospital.example.org") };
        service.put_mail_settings(caller, settings.clone()).await.unwrap();
        assert_eq!(service.mail_settings(caller).await.unwrap(), settings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_one_has_read_are_read_for_both_sides() {
    let house = house(Signatures::Single).await;
    let (service, [wang, _]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let [asking, reading] = both(&house);
    let say = async |text: &str| {
        let new = NewMessage { text: text.into(), ..NewMessage::default() };
        service.send_message(wang, id, new, NOW).await.unwrap()
    };
    say("请补充病史。").await;
    service.read_messages(&asking, id, 1).await.unwrap();
    say("另请补充旧片。").await;
    service.read_messages(&reading, id, 2).await.unwrap();
    for caller in [&asking, &reading] {
        assert_eq!(service.messages(caller, id, None, 9).await.unwrap().read, 2);
        assert!(service.unread_messages(caller).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_measures_for_two_organisations_has_a_sheet_for_each() {
    let house = house(Signatures::Single).await;
    house.claimed().await;
    let (owner, study) = (org("township"), Uid::parse(STUDY).unwrap());
    let probe = |n: u32| Measurement {
        id: Uid::parse(&format!("2.25.{n}")).unwrap(),
        kind: MeasurementKind::Probe,
        series: Uid::parse(&format!("{STUDY}.1")).unwrap(),
        instance: Uid::parse(&format!("{STUDY}.1.1")).unwrap(),
        frame: 1,
        points: vec![[1.0, 1.0]],
        values: Vec::new(),
        text: String::new(),
    };
    let save = async |caller, version, n| {
        house.service.save_measurements(caller, &owner, &study, version, vec![probe(n)], NOW).await
    };
    let [asking, reading] = &both(&house);
    for (caller, version, n) in [(asking, 0, 1), (reading, 0, 2), (asking, 1, 3), (reading, 1, 4)] {
        assert_eq!(save(caller, version, n).await.unwrap().version, version + 1);
    }
    assert!(matches!(save(reading, 1, 5).await, Err(ConsultError::Stale)));
    for (caller, own) in [(asking, 3), (reading, 4)] {
        let sheets = house.service.measurements(caller, &owner, &study).await.unwrap();
        assert_eq!(sheets.len(), 2);
        let theirs = sheets.into_iter().filter(|sheet| sheet.is_of(caller)).map(|sheet| sheet.measurements);
        assert_eq!(theirs.collect::<Vec<_>>(), [[probe(own)]]);
    }
}
