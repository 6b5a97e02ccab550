//! Several people on one case: assignment by rule, opinions of experts, second opinions.

use crate::house::{House, NOW, house, question, report, secret};
use crate::workflow::PNG;
use access::{Caller, Signatures, Urgency};
use consult::amendment::{AmendmentKind, AmendmentNote};
use consult::assignment::{Duty, Facts, Outcome, Rule, Target};
use consult::critical::NewFinding;
use consult::message::NewMessage;
use consult::opinion::{Ending, NewRequest, Sight};
use consult::report::CanonicalReport;
use consult::second::{Agreement, FirstReport, NewSecond};
use consult::state::{Pending, When, Who};
use consult::template::Template;
use consult::{Action, ConsultError, ConsultView, ListQuery, NewConsult, ReportPart, State, Tab};
use model::{ConsultId, OrgId, PersonId};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use time::Duration;

fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

fn to_people(name: &str, words: &[&str], people: &[&str]) -> Rule {
    Rule {
        name: name.into(),
        modalities: vec!["CT".into()],
        body_parts: Vec::new(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        kinds: Vec::new(),
        urgencies: Vec::new(),
        requesting: Vec::new(),
        languages: Vec::new(),
        subspecialties: Vec::new(),
        to: Target::People { people: people.iter().map(|id| person(id)).collect() },
        is_paused: false,
    }
}

fn ask(people: &[&str], sight: Sight) -> NewRequest {
    let people = people.iter().map(|id| person(id)).collect();
    NewRequest { people, question: "能否手术？".into(), sight }
}

fn why(reason: &str) -> AmendmentNote {
    AmendmentNote { kind: AmendmentKind::Correction, reason: reason.into() }
}

fn finding(words: &str) -> NewFinding {
    NewFinding { finding: words.into(), ..NewFinding::default() }
}

async fn sign(house: &House, id: &ConsultId, version: i64) -> Result<ConsultView, ConsultError> {
    let reader = &house.readers[0];
    let hash = house.service.preview(reader, id).await.unwrap().canonical_sha256;
    house.service.sign(reader, id, version, &hash, secret("签名口令 2026"), NOW).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_gives_a_case_to_whoever_is_on_duty_and_has_least_to_do() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen], coordinator) = (&house.service, &house.readers, &house.reviewer);
    let refused = service.put_assignment_rules(wang, 0, Vec::new()).await;
    assert!(matches!(refused, Err(ConsultError::Forbidden(_))), "{refused:?}");
    let stranger = to_people("外人", &[], &["nobody"]);
    let refused = service.put_assignment_rules(coordinator, 0, vec![stranger]).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "rules", .. })), "{refused:?}");

    let rules =
        vec![to_people("乳腺", &["乳腺"], &["wang"]), to_people("胸部", &["胸部"], &["wang", "chen"])];
    let kept = service.put_assignment_rules(coordinator, 0, rules.clone()).await.unwrap();
    assert_eq!(service.assignment_rules(coordinator).await.unwrap(), kept);
    assert_eq!(service.put_assignment_rules(coordinator, 0, rules).await, Err(ConsultError::Stale));

    let first = house.asked().await;
    assert_eq!(first.consult.state, State::Assigned);
    let second = house.asked().await;
    let reader = |view: &ConsultView| view.consult.reader.as_ref().unwrap().id.to_string();
    assert_eq!((reader(&first).as_str(), reader(&second).as_str()), ("chen", "wang"), "the load decides");
    let seen = service.get(coordinator, &first.consult.id).await.unwrap().consult;
    let last = seen.timeline.last().unwrap();
    assert_eq!((last.note.as_str(), last.by.is_none()), ("规则“胸部” → 陈晓", true));
    let seen = service.get(&house.doctor, &first.consult.id).await.unwrap().consult;
    assert_eq!(seen.timeline.last().unwrap().note, "", "how the centre assigns is its own");

    let refused = service.set_duty(wang, &person("chen"), Duty::Off).await;
    assert!(matches!(refused, Err(ConsultError::Forbidden(_))), "{refused:?}");
    assert_eq!(service.set_duty(chen, &person("chen"), Duty::Off).await.unwrap().duty, Duty::Off);
    assert_eq!(service.duties(chen).await.unwrap().len(), 1);
    let third = house.asked().await;
    assert_eq!(reader(&third), "wang", "who is off duty is passed over");
    service.set_duty(coordinator, &person("wang"), Duty::Off).await.unwrap();
    let refused = service.set_duty(coordinator, &person("li"), Duty::Off).await;
    assert_eq!(refused, Err(ConsultError::NotFound));
    let facts = Facts::from(&third.consult);
    let trial = service.try_assignment(coordinator, &facts, None, NOW).await.unwrap();
    let outcomes: Vec<_> = trial.outcomes.iter().map(|(_, outcome)| *outcome).collect();
    assert_eq!((trial.rule, outcomes), (None, vec![Outcome::Words, Outcome::Nobody]));
    let fourth = house.asked().await;
    assert_eq!((fourth.consult.state, fourth.consult.reader), (State::Accepted, None), "the pool");
}

#[tokio::test(flavor = "multi_thread")]
async fn experts_write_apart_and_the_report_quotes_them() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen], zhao) =
        (&house.service, &house.doctor, &house.readers, &house.reviewer);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;

    let refused = service.ask_opinions(chen, id, ask(&["zhao"], Sight::Open), NOW).await;
    let whose: &[Who] = &[Who::Holder, Who::Coordinator];
    assert_eq!(refused, Err(ConsultError::NotYours { whose, action: Action::AskOpinion }));
    for (people, field) in
        [(&["wang"][..], "people"), (&["nobody"], "people"), (&["li"], "people"), (&[], "people")]
    {
        let refused = service.ask_opinions(wang, id, ask(people, Sight::Open), NOW).await;
        assert!(
            matches!(&refused, Err(ConsultError::Invalid { field: at, .. }) if *at == field),
            "{refused:?}"
        );
    }
    let silent = NewRequest { question: " ".into(), ..ask(&["zhao"], Sight::Open) };
    let refused = service.ask_opinions(wang, id, silent, NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "question", .. })), "{refused:?}");

    service.ask_opinions(wang, id, ask(&["zhao", "chen"], Sight::Blind), NOW).await.unwrap();
    let again = service.ask_opinions(wang, id, ask(&["zhao"], Sight::Open), NOW).await;
    assert!(matches!(again, Err(ConsultError::Invalid { field: "people", .. })), "{again:?}");
    let asked = ListQuery { tab: Tab::Opinion, limit: 10, ..ListQuery::default() };
    let listed = service.list(chen, &asked, NOW).await.unwrap();
    assert_eq!((listed.consults.len(), listed.counts.opinion), (1, 1));
    assert_eq!(service.list(doctor, &asked, NOW).await.unwrap().consults.len(), 0);
    let whom = service.get(doctor, id).await.unwrap().consult.open_opinions;
    assert_eq!(whom, [], "whom the centre asks is its own");

    // Nothing is signed meanwhile, and the version of the reader has not moved.
    let saved = service.save_report(wang, id, claimed.version, report(), NOW).await.unwrap();
    let why = When::Opinion(Pending::None);
    assert_eq!(
        sign(&house, id, saved.version).await,
        Err(ConsultError::NotNow { why, action: Action::Sign })
    );

    let n_of = |seen: &consult::opinion::Seen, who: &str| {
        seen.opinions.iter().find(|o| o.expert.id.as_str() == who).unwrap().n
    };
    let seen = service.opinions(wang, id).await.unwrap();
    let (of_chen, of_zhao) = (n_of(&seen, "chen"), n_of(&seen, "zhao"));
    service.save_opinion(chen, id, of_chen, "考虑可").await.unwrap();
    assert_eq!(service.save_opinion(zhao, id, of_chen, "x").await, Err(ConsultError::NotFound));
    assert_eq!(service.opinions(chen, id).await.unwrap().drafts, [(of_chen, "考虑可".to_owned())]);
    assert_eq!(service.opinions(wang, id).await.unwrap().drafts, []);
    let empty = service.give_opinion(chen, id, of_chen, " ", NOW).await;
    assert!(matches!(empty, Err(ConsultError::Invalid { field: "text", .. })), "{empty:?}");
    service.give_opinion(chen, id, of_chen, "可行肺段切除。", NOW).await.unwrap();
    let twice = service.give_opinion(chen, id, of_chen, "改口", NOW).await;
    let whose: &[Who] = &[Who::Expert];
    assert_eq!(twice, Err(ConsultError::NotYours { whose, action: Action::GiveOpinion }));
    let text_for = |seen: &consult::opinion::Seen| match &seen.opinions[(of_chen - 1) as usize].ending {
        Some(Ending::Given { text, .. }) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text_for(&service.opinions(zhao, id).await.unwrap()), "", "blind until the own is given");
    assert_eq!(text_for(&service.opinions(wang, id).await.unwrap()), "可行肺段切除。");
    assert_eq!(
        service.opinions(doctor, id).await.unwrap().opinions,
        [],
        "not the requester's before the report"
    );

    let refused = service.withdraw_opinion(wang, id, of_zhao, "", NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "reason", .. })), "{refused:?}");
    service.withdraw_opinion(wang, id, of_zhao, "出差", NOW + Duration::minutes(1)).await.unwrap();
    assert_eq!(text_for(&service.opinions(zhao, id).await.unwrap()), "可行肺段切除。");
    let signed = sign(&house, id, saved.version).await.unwrap();
    assert_eq!(signed.consult.state, State::Delivered);
    let canonical = service.report_file(doctor, id, ReportPart::Json, None).await.unwrap();
    let quoted = CanonicalReport::from_bytes(&canonical).unwrap().opinions;
    assert_eq!(quoted.len(), 1, "{quoted:?}");
    assert_eq!((quoted[0].expert.as_str(), quoted[0].text.as_str()), ("陈晓", "可行肺段切除。"));
    let late = service.ask_opinions(wang, id, ask(&["zhao"], Sight::Open), NOW).await;
    assert!(matches!(late, Err(ConsultError::WrongState { .. })), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_opinion_says_why_and_a_cancelled_question_ends_them_all() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen], zhao) = (&house.service, &house.readers, &house.reviewer);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    service.ask_opinions(zhao, id, ask(&["zhao", "chen"], Sight::Open), NOW).await.unwrap();
    let refused = service.decline_opinion(chen, id, 1, " ", NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "reason", .. })), "{refused:?}");
    let seen = service.decline_opinion(chen, id, 1, "不是我的专业", NOW).await.unwrap();
    let declined = Ending::Declined { reason: "不是我的专业".into(), at: NOW };
    assert_eq!(seen.opinions[0].ending, Some(declined));
    service.ask_opinions(wang, id, ask(&["chen"], Sight::Open), NOW).await.unwrap();

    let current = service.get(&house.doctor, id).await.unwrap();
    service.cancel(&house.doctor, id, current.version, "", NOW).await.unwrap();
    let seen = service.opinions(wang, id).await.unwrap();
    assert!(seen.opinions.iter().all(|opinion| !opinion.is_open()), "{seen:?}");
    let asked = ListQuery { tab: Tab::Opinion, limit: 10, ..ListQuery::default() };
    assert_eq!(service.list(zhao, &asked, NOW).await.unwrap().counts.opinion, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_that_comes_to_nothing_waits_for_no_opinion() {
    let house = house(Signatures::Single).await;
    let (service, [wang, chen]) = (&house.service, &house.readers);
    let claimed = house.claimed().await;
    let (id, signed) = (&claimed.consult.id, house.signed(&claimed, "考虑腺癌。", NOW).await);
    let opened = service.amend(wang, id, signed.version, why("结节漏报"), NOW).await.unwrap();
    service.ask_opinions(wang, id, ask(&["chen"], Sight::Open), NOW).await.unwrap();
    service.abandon(wang, id, opened.version, NOW).await.unwrap();
    let seen = service.opinions(wang, id).await.unwrap();
    assert!(seen.opinions.iter().all(|opinion| !opinion.is_open()), "{seen:?}");
    assert!(!service.get(chen, id).await.unwrap().allowed.contains(&Action::GiveOpinion));
}

/// Goes on with a future until it has waited so often; what comes of it if it ends before.
async fn go_on<F: Future>(mut future: Pin<&mut F>, waits: u32) -> Option<F::Output> {
    let mut waited = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_in_the_moment_in_which_a_question_is_cancelled() {
    let house = house(Signatures::Single).await;
    let (service, wang) = (&house.service, &house.readers[0]);
    for waits in 0..12 {
        for is_asked_first in [true, false] {
            let claimed = house.claimed().await;
            let id = &claimed.consult.id;
            let mut asked = pin!(service.ask_opinions(wang, id, ask(&["chen"], Sight::Open), NOW));
            let mut cancelled = pin!(service.cancel(&house.doctor, id, claimed.version, "", NOW));
            // One of the two happens as a whole while the other is under way.
            let cancelled = if is_asked_first {
                let done = go_on(asked.as_mut(), waits).await;
                let cancelled = cancelled.await;
                if done.is_none() {
                    let _ = asked.await;
                }
                cancelled
            } else {
                let done = go_on(cancelled.as_mut(), waits).await;
                let _ = asked.await;
                match done {
                    Some(cancelled) => cancelled,
                    None => cancelled.await,
                }
            };
            if cancelled.is_ok() {
                let seen = service.opinions(wang, id).await.unwrap();
                let is_open = seen.opinions.iter().any(|opinion| opinion.is_open());
                assert!(!is_open, "{waits} {is_asked_first}: {seen:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_in_the_moment_of_a_signature_makes_it_fail() {
    let house = house(Signatures::Single).await;
    let claimed = house.claimed().await;
    let (service, wang, id) = (&house.service, &house.readers[0], &claimed.consult.id);
    let saved = service.save_report(wang, id, claimed.version, report(), NOW).await.unwrap();
    for _ in 0..4 {
        let asked = service.ask_opinions(wang, id, ask(&["chen"], Sight::Open), NOW);
        let (asked, signed) = tokio::join!(asked, sign(&house, id, saved.version));
        let is_signed = signed.is_ok();
        assert!(is_signed != asked.is_ok(), "both or neither: {asked:?} {signed:?}");
        if is_signed {
            return;
        }
        let open = service.opinions(wang, id).await.unwrap();
        let n = open.opinions.last().unwrap().n;
        service.withdraw_opinion(wang, id, n, "再试", NOW).await.unwrap();
    }
}

fn second(reading: &str, first: FirstReport) -> NewSecond {
    NewSecond {
        once: None,
        reading: OrgId::parse(reading).unwrap(),
        urgency: Urgency::Urgent,
        question: String::new(),
        first,
    }
}

/// The answer was lost, and the first case has gone on before it is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_that_is_sent_again_is_asked_once_whatever_became_of_the_first() {
    let house = house(Signatures::Single).await;
    let (service, doctor) = (&house.service, &house.doctor);
    let claimed = house.claimed().await;
    let first = house.signed(&claimed, "考虑腺癌。", NOW).await;
    let id = &first.consult.id;
    let once = Some("0199aaaa-0000-4000-8000-00000000000c".to_owned());
    let ask = async |id: &ConsultId, version| {
        let new = NewSecond { once: once.clone(), ..second("city", FirstReport::Hidden) };
        service.ask_second_opinion(doctor, id, version, new, NOW).await
    };
    let asked = ask(id, first.version).await.unwrap();
    service.ask_back(doctor, id, first.version, "请问大小？", NOW).await.unwrap();
    assert_eq!(ask(id, first.version).await.unwrap(), asked);
    assert_eq!(service.second_opinions(doctor, id).await.unwrap().len(), 1);

    // Of another report it is another question, and a draft is none of it: neither is lost in silence.
    let other = house.signed(&house.claimed().await, "考虑炎症。", NOW).await;
    let refused = ask(&other.consult.id, other.version).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "once", .. })), "{refused:?}");
    let draft = NewConsult { once: once.clone(), ..question() };
    let refused = service.create(doctor, draft, NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "once", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_is_read_by_somebody_else_on_the_same_evidence() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    let early =
        service.ask_second_opinion(doctor, id, claimed.version, second("city", FirstReport::Hidden), NOW);
    assert!(matches!(early.await, Err(ConsultError::WrongState { .. })));
    let first = house.signed(&claimed, "考虑腺癌。", NOW).await;
    let refused =
        service.ask_second_opinion(wang, id, first.version, second("city", FirstReport::Hidden), NOW).await;
    assert!(matches!(refused, Err(ConsultError::NotYours { .. })), "{refused:?}");
    let nowhere = service
        .ask_second_opinion(doctor, id, first.version, second("other", FirstReport::Hidden), NOW)
        .await;
    assert!(matches!(nowhere, Err(ConsultError::Invalid { field: "agreement", .. })), "{nowhere:?}");

    let asked =
        service.ask_second_opinion(doctor, id, first.version, second("city", FirstReport::Hidden), NOW);
    let asked = asked.await.unwrap();
    let second_id = &asked.consult.id;
    assert_eq!(asked.consult.state, State::Accepted);
    assert_eq!(
        (&asked.consult.evidence, &asked.consult.question),
        (&first.consult.evidence, &first.consult.question)
    );
    let own = service.claim(wang, second_id, asked.version, NOW).await;
    assert!(matches!(own, Err(ConsultError::Forbidden(_))), "{own:?}");

    // Whoever reads it does not find the first report, by no way.
    assert!(service.get(chen, id).await.unwrap().consult.report.is_some());
    let reading = service.claim(chen, second_id, asked.version, NOW).await.unwrap();
    let kept = service.get(chen, id).await.unwrap().consult;
    assert_eq!((kept.report, kept.versions.len()), (None, 0));
    for part in [ReportPart::Pdf, ReportPart::Json] {
        assert_eq!(service.report_file(chen, id, part, None).await, Err(ConsultError::NotFound));
    }
    assert_eq!(service.preview(chen, id).await.map(|_| ()), Err(ConsultError::NotFound));
    assert!(service.prior_reports(chen, second_id).await.unwrap().is_empty());

    let saved = service.save_report(chen, second_id, reading.version, report(), NOW).await.unwrap();
    let hash = service.preview(chen, second_id).await.unwrap().canonical_sha256;
    let passphrase = secret("签名口令 2026");
    let done = service.sign(chen, second_id, saved.version, &hash, passphrase, NOW).await.unwrap();
    assert!(service.get(chen, id).await.unwrap().consult.report.is_some(), "afterwards they may");

    let seen = service.get(doctor, second_id).await.unwrap();
    assert!(seen.allowed.contains(&Action::Compare));
    let silent = service.compare(doctor, second_id, done.version, Agreement::Major, " ", NOW).await;
    assert!(matches!(silent, Err(ConsultError::Invalid { field: "reason", .. })), "{silent:?}");
    let other = service.compare(wang, second_id, done.version, Agreement::Agrees, "", NOW).await;
    assert!(matches!(other, Err(ConsultError::NotYours { .. })), "{other:?}");
    service.compare(doctor, second_id, done.version, Agreement::Minor, "大小不同", NOW).await.unwrap();
    let linked = service.second_opinions(doctor, id).await.unwrap();
    let comparison = linked[0].comparison.as_ref().unwrap();
    assert_eq!((linked.len(), comparison.agreement), (1, Agreement::Minor));
    assert!(
        !service.get(doctor, id).await.unwrap().allowed.contains(&Action::Compare),
        "the first is no second"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_unseen_finds_nothing_of_the_first_beside_its_report() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let claimed = house.claimed().await;
    let id = &claimed.consult.id;
    service.raise_critical(wang, id, finding("张力性气胸"), NOW).await.unwrap();
    let signed = house.signed(&claimed, "考虑腺癌。", NOW).await;
    let say = |text: &str| NewMessage { text: text.into(), ..NewMessage::default() };
    service.send_message(chen, id, say("请看右肺。"), NOW).await.unwrap();
    service.send_message(wang, id, say("考虑腺癌。"), NOW).await.unwrap();
    assert_eq!(service.unread_messages(chen).await.unwrap().len(), 1);
    let opened = service.amend(wang, id, signed.version, why("结节漏报"), NOW).await.unwrap();
    let first = service.abandon(wang, id, opened.version, NOW).await.unwrap();
    let asked =
        service.ask_second_opinion(doctor, id, first.version, second("city", FirstReport::Hidden), NOW);
    let asked = asked.await.unwrap();
    assert_eq!(service.critical(chen, id).await.unwrap().findings.len(), 1);
    let second_id = &asked.consult.id;
    let reading = service.claim(chen, second_id, asked.version, NOW).await.unwrap();

    let kept = service.get(chen, id).await.unwrap();
    assert!(kept.consult.timeline.iter().all(|entry| entry.note.is_empty()), "{:?}", kept.consult.timeline);
    assert_eq!((kept.allowed, kept.consult.open_criticals), (Vec::new(), 0));
    let refused = ConsultError::Forbidden(
        "您正在做这份报告的第二意见 / you are giving the second opinion on this report",
    );
    assert_eq!(service.messages(chen, id, None, 10).await.err(), Some(refused.clone()));
    assert_eq!(service.unread_messages(chen).await.unwrap().len(), 0);
    assert_eq!(service.amend(chen, id, first.version, why("x"), NOW).await.err(), Some(refused.clone()));
    let opened = service.amend(wang, id, first.version, why("结节漏报"), NOW).await.unwrap();
    service.ask_opinions(wang, id, ask(&["chen"], Sight::Open), NOW).await.unwrap();
    assert_eq!(service.get(chen, id).await.unwrap().allowed, []);
    assert_eq!(service.give_opinion(chen, id, 1, "同意。", NOW).await.err(), Some(refused));
    service.abandon(wang, id, opened.version, NOW).await.unwrap();
    assert_eq!(service.critical(chen, id).await.unwrap().findings, []);
    assert_eq!(service.open_critical(chen).await.unwrap(), []);
    assert_eq!(service.open_critical(wang).await.unwrap().len(), 1);

    let saved = service.save_report(chen, second_id, reading.version, report(), NOW).await.unwrap();
    let hash = service.preview(chen, second_id).await.unwrap().canonical_sha256;
    service.sign(chen, second_id, saved.version, &hash, secret("签名口令 2026"), NOW).await.unwrap();
    assert_eq!(service.messages(chen, id, None, 10).await.unwrap().messages.len(), 2, "afterwards they may");
    assert_eq!(service.critical(chen, id).await.unwrap().findings.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_centre_alarms_go_to_the_first_case_and_files_are_the_centres() {
    let house = house(Signatures::Single).await;
    let (service, doctor, [wang, chen]) = (&house.service, &house.doctor, &house.readers);
    let overseer = house.overseer().await;
    let draft = service.create(doctor, question(), NOW).await.unwrap();
    let id = &draft.consult.id;
    let letter = [PNG, &[0]].concat();
    let with_letter =
        service.attach(doctor, id, draft.version, "转诊单.png", letter.clone(), NOW).await.unwrap();
    let asked = service.submit(doctor, id, with_letter.version, NOW).await.unwrap();
    let claimed = service.claim(wang, id, asked.version, NOW).await.unwrap();
    service.raise_critical(wang, id, finding("张力性气胸"), NOW).await.unwrap();
    let first = house.signed(&claimed, "考虑腺癌。", NOW).await;
    let asked =
        service.ask_second_opinion(&overseer, id, first.version, second("city", FirstReport::Hidden), NOW);
    let asked = asked.await.unwrap();
    let second_id = &asked.consult.id;
    assert!(
        !service.get(wang, second_id).await.unwrap().allowed.contains(&Action::Claim),
        "signed the first"
    );
    let reading = service.claim(chen, second_id, asked.version, NOW).await.unwrap();

    let experts = service.experts(chen, second_id).await.unwrap();
    assert!(experts.iter().all(|expert| expert.person.id.as_str() != "wang"), "{experts:?}");
    let refused = service.ask_opinions(chen, second_id, ask(&["wang"], Sight::Open), NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "people", .. })), "{refused:?}");

    let refused = service.raise_critical(chen, second_id, finding("主动脉夹层"), NOW).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "finding", .. })), "{refused:?}");
    let raised = service.raise_critical(chen, id, finding("主动脉夹层"), NOW).await.unwrap().findings;
    assert_eq!(raised.iter().map(|one| one.finding.as_str()).collect::<Vec<_>>(), ["主动脉夹层"]);
    assert_eq!(service.critical(doctor, id).await.unwrap().open(), 2);

    let waits = service.request_data(chen, second_id, reading.version, "心电图", NOW).await.unwrap();
    let sent =
        service.attach(&overseer, second_id, waits.version, "心电图.png", PNG.to_vec(), NOW).await.unwrap();
    let mut read = Vec::new();
    for attachment in &sent.consult.attachments {
        read.push(service.attachment(chen, second_id, &attachment.sha256).await.unwrap().1);
    }
    assert_eq!(read, [letter.as_slice(), PNG], "of the hospital, and of the centre");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_printable_as_a_whole_and_read_once_it_is_published() {
    let house = house(Signatures::Single).await;
    let (service, reader, keeper) = (&house.service, &house.readers[0], &house.reviewer);
    let builtin = service.template_edition(keeper.organisation(), "lung-nodule", 1).await.unwrap();
    let mut template = Template { id: "own".into(), ..builtin };
    let label = std::mem::replace(&mut template.sections[0].title.zh, "所见\u{1FAE0}".into());
    let refused = service.put_template(keeper, template.clone(), 0).await;
    assert!(matches!(refused, Err(ConsultError::Invalid { field: "sections", .. })), "{refused:?}");
    template.sections[0].title.zh = label;

    let titles = async |caller: &Caller| {
        let all = service.templates(caller).await.unwrap();
        all.into_iter().filter(|one| one.id == "own").map(|one| one.title.zh).collect::<Vec<_>>()
    };
    let titled = |zh: &str| {
        let mut named = template.clone();
        named.title.zh = zh.into();
        named
    };
    let kept = service.put_template(keeper, titled("甲"), 0).await.unwrap().listed;
    assert_eq!((titles(keeper).await, titles(reader).await), (vec!["甲".to_owned()], Vec::new()));
    assert_eq!(service.template(reader, "own").await.err(), Some(ConsultError::NotFound));
    let published = service.publish_template(keeper, "own", kept.record_version, NOW).await.unwrap().listed;
    service.put_template(keeper, titled("乙"), published.record_version).await.unwrap();
    assert_eq!((titles(keeper).await, titles(reader).await), (vec!["乙".to_owned()], vec!["甲".to_owned()]));
    assert_eq!(service.template(reader, "own").await.unwrap().draft, None);
}
