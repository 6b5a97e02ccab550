//! Critical findings, messages and notices, over HTTP as the people of both organisations.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Asked, Client, Line, Node, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(15);

fn raise(asked: &Asked, reader: &Client, finding: &str) -> Json {
    reader.post(&asked.path("/critical"), &json!({"finding": finding})).expect(201).json()
}

fn acknowledge(asked: &Asked, person: &Client, n: u32, body: &Json) -> crate::support::Answer {
    person.post(&asked.path(&format!("/critical/{n}/acknowledge")), body)
}

fn open_alarms(person: &Client) -> Vec<String> {
    let open = person.get("/api/v1/critical").expect(200).json();
    let number = |one: &Json| one["number"].as_str().expect("a number").to_owned();
    open["consults"].as_array().expect("consults").iter().map(number).collect()
}

fn notices(person: &Client) -> Vec<(String, String)> {
    let list = person.get("/api/v1/notices").expect(200).json();
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    list["notices"]
        .as_array()
        .expect("notices")
        .iter()
        .map(|n| (text(&n["what"]), text(&n["number"])))
        .collect()
}

#[test]
fn an_alarm_stands_until_it_is_read_back_and_six_things_are_kept() {
    let node = Node::shared();
    let (reader, township) = (node.person("reader"), node.person("township"));
    let asked = Asked::new(node);
    let mut line = Line::open(&township, None);
    let raised = raise(&asked, &reader, "张力性气胸");
    assert_eq!(raised["findings"][0]["acknowledged"], Json::Null);
    line.hear_of("critical", &asked.id);
    assert!(open_alarms(&township).contains(&asked.number));
    let tab = |tab: &str| township.get(&format!("/api/v1/consults?tab={tab}&limit=200")).expect(200).json();
    let is_listed = |list: &Json| {
        list["consults"].as_array().expect("consults").iter().any(|one| one["id"] == asked.id.as_str())
    };
    assert!(is_listed(&tab("critical")));
    assert!(tab("critical")["counts"]["critical"].as_u64() >= Some(1));

    for (person, body, status, kind) in [
        (&township, json!({"read_back": "  "}), 422, "invalid"),
        (&township, json!({"read_back": "收到", "how": "telephone", "received_by": "张"}), 403, "forbidden"),
        (&reader, json!({"read_back": "收到"}), 403, "forbidden"),
        (&reader, json!({"read_back": "收到", "how": "telephone"}), 422, "invalid"),
    ] {
        acknowledge(&asked, person, 1, &body).expect_problem(status, kind);
    }
    acknowledge(&asked, &township, 7, &json!({"read_back": "收到"})).expect_problem(404, "not-found");
    let body = json!({"read_back": "右侧张力性气胸，立即穿刺减压"});
    let received = acknowledge(&asked, &township, 1, &body).expect(200).json();
    let finding = &received["findings"][0];
    let receipt = &finding["acknowledged"];
    assert_eq!(finding["finding"], "张力性气胸");
    assert_eq!(finding["told_by"], node.account("reader")["name"]);
    assert_eq!(receipt["received_by"], node.account("township")["name"]);
    assert_eq!((&receipt["how"], &receipt["read_back"]), (&json!("system"), &body["read_back"]));
    for time in [&finding["found_at"], &finding["told_at"], &receipt["received_at"]] {
        assert!(time.as_str().is_some_and(|text| text.contains('T')), "{finding}");
    }
    assert!(finding["waited_s"].as_i64().is_some_and(|seconds| (0..60).contains(&seconds)));
    // The reader sees what was understood.
    let seen = reader.get(&asked.path("/critical")).expect(200).json();
    assert_eq!(seen["findings"][0]["acknowledged"]["read_back"], body["read_back"]);
    assert!(!open_alarms(&township).contains(&asked.number));
    assert!(!is_listed(&tab("critical")));
    let other = json!({"read_back": "收到"});
    let again = acknowledge(&asked, &township, 1, &other).expect_problem(409, "conflict");
    assert!(again.text().contains(node.account("township")["name"].as_str().expect("a name")));
}

#[test]
fn a_consult_is_not_closed_while_an_alarm_stands() {
    let node = Node::shared();
    let (reader, township) = (node.person("reader"), node.person("township"));
    let asked = Asked::new(node);
    asked.signed(node);
    raise(&asked, &reader, "意外恶性肿瘤");
    raise(&asked, &reader, "急性肺动脉栓塞");
    let seen = asked.seen_by(&township);
    assert_eq!(seen["open_criticals"], 2);
    assert!(!seen["allowed"].as_array().is_some_and(|all| all.contains(&json!("acknowledge"))), "{seen}");
    asked.act(&township, "acknowledge").expect_problem(409, "wrong-state");
    acknowledge(&asked, &township, 1, &json!({"read_back": "收到，已联系家属"})).expect(200);
    asked.act(&township, "acknowledge").expect_problem(409, "wrong-state");
    let told = json!({"read_back": "肺栓塞，转ICU", "how": "telephone", "received_by": "值班护士张"});
    acknowledge(&asked, &reader, 2, &told).expect(200);
    assert_eq!(asked.act(&township, "acknowledge").expect(200).json()["state"], "closed");
    // What is found later is told all the same.
    raise(&asked, &reader, "消化道穿孔");
    acknowledge(&asked, &township, 3, &json!({"read_back": "急诊手术"})).expect(200);
}

fn withdraw(asked: &Asked, person: &Client, n: u32, reason: &str) -> crate::support::Answer {
    person.post(&asked.path(&format!("/critical/{n}/withdraw")), &json!({"reason": reason}))
}

#[test]
fn a_finding_that_was_none_is_withdrawn_stays_on_record_and_holds_nothing_up() {
    let node = Node::shared();
    let [reader, other, reviewer, township] =
        ["reader", "reader2", "reviewer", "township"].map(|login| node.person(login));
    let asked = Asked::new(node);
    asked.signed(node);
    raise(&asked, &reader, "主动脉夹层");
    raise(&asked, &reader, "消化道穿孔");
    acknowledge(&asked, &township, 2, &json!({"read_back": "穿孔，准备手术"})).expect(200);
    asked.act(&township, "acknowledge").expect_problem(409, "wrong-state");
    let mut line = Line::open(&township, None);

    for (person, n, reason, status, kind) in [
        (&reader, 1, "  ", 422, "invalid"),
        (&other, 1, "看错了", 403, "forbidden"),
        (&township, 1, "看错了", 403, "forbidden"),
        (&reader, 9, "看错了", 404, "not-found"),
    ] {
        withdraw(&asked, person, n, reason).expect_problem(status, kind);
    }
    let may = |person: &Client| {
        person.get(&asked.path("/critical")).expect(200).json()["findings"][0]["may_withdraw"].clone()
    };
    assert_eq!([&reader, &other, &reviewer, &township].map(may), [true, false, true, false].map(Json::from));
    let seen = withdraw(&asked, &reader, 1, "看错患者").expect(200).json();
    line.hear_of("critical", &asked.id);
    let withdrawn = &seen["findings"][0]["withdrawn"];
    assert_eq!(
        (&withdrawn["reason"], &withdrawn["by"]),
        (&json!("看错患者"), &node.account("reader")["name"])
    );
    // By a reviewer, after it was received: what was received stays.
    let seen = withdraw(&asked, &reviewer, 2, "复阅为伪影").expect(200).json();
    assert_eq!(seen["findings"][1]["acknowledged"]["read_back"], "穿孔，准备手术");
    for finding in seen["findings"].as_array().expect("findings") {
        for field in ["finding", "found_at", "told_by", "told_at"] {
            assert!(finding[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {finding}");
        }
    }
    withdraw(&asked, &reader, 1, "再撤一次").expect_problem(409, "conflict");
    acknowledge(&asked, &township, 1, &json!({"read_back": "收到"})).expect_problem(409, "conflict");
    assert!(!open_alarms(&township).contains(&asked.number));
    assert_eq!(asked.seen_by(&township)["open_criticals"], 0);
    for (person, count) in [(&township, 2), (&reader, 1)] {
        wait_for("everybody who was told is told", SOON, || {
            let told = ("critical_withdrawn".to_owned(), asked.number.clone());
            (notices(person).iter().filter(|notice| **notice == told).count() == count).then_some(())
        });
    }
    assert_eq!(asked.act(&township, "acknowledge").expect(200).json()["state"], "closed");
}

#[test]
fn who_has_no_part_raises_nothing_and_sees_nothing() {
    let node = Node::shared();
    let (township, admin) = (node.person("township"), node.person("admin"));
    let (_, draft) = Asked::draft(node);
    let asked = Asked::new(node);
    let finding = json!({"finding": "气胸"});
    township.post(&asked.path("/critical"), &finding).expect_problem(403, "forbidden");
    node.person("coordinator").post(&asked.path("/critical"), &finding).expect_problem(403, "forbidden");
    node.machine(Org::City).post(&asked.path("/critical"), &finding).expect_problem(403, "forbidden");
    admin.get(&asked.path("/critical")).expect_problem(403, "forbidden");
    let draft = format!("/api/v1/consults/{}", draft["id"].as_str().expect("an id"));
    for rest in ["/critical", "/messages"] {
        node.person("reader").get(&format!("{draft}{rest}")).expect_problem(404, "not-found");
        node.person("reader")
            .get(&format!("/api/v1/consults/nothing{rest}"))
            .expect_problem(404, "not-found");
    }
    node.person("uploader").get(&asked.path("/messages")).expect_problem(403, "forbidden");
    node.nobody().get("/api/v1/critical").expect_problem(401, "unauthenticated");
    let reader = node.person("reader");
    reader.post(&asked.path("/critical"), &json!({"finding": ""})).expect_problem(422, "invalid");
    let later = json!({"finding": "气胸", "found_at": "2999-01-01T00:00:00Z"});
    reader.post(&asked.path("/critical"), &later).expect_problem(422, "invalid");
}

#[test]
fn two_who_read_back_at_once_are_one_receipt() {
    let node = Node::shared();
    let asked = Asked::new(node);
    raise(&asked, &node.person("reader"), "急性颅内出血");
    let people = [node.person("township"), node.person("township")];
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let tasks: Vec<_> = people
            .iter()
            .zip(["收到", "收到，马上手术"])
            .map(|(person, words)| {
                let asked = &asked;
                scope.spawn(move || acknowledge(asked, person, 1, &json!({"read_back": words})).status)
            })
            .collect();
        tasks.into_iter().map(|task| task.join().expect("an answer")).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

/// The answer to the first is lost on the line; whoever sent it does not know that it was kept.
#[test]
fn a_finding_that_is_sent_again_is_one_alarm_and_its_receipt_one_receipt() {
    let node = Node::shared();
    let (reader, township) = (node.person("reader"), node.person("township"));
    let asked = Asked::new(node);
    let found = json!({"finding": "张力性气胸", "once": Uuid::new_v4()});
    let path = asked.path("/critical");
    let first = reader.post(&path, &found).expect(201).json();
    let again = reader.post(&path, &found).expect(201).json();
    let one = |seen: &Json| {
        assert_eq!(seen["findings"].as_array().map(Vec::len), Some(1), "{seen}");
        let finding = &seen["findings"][0];
        (finding["n"].clone(), finding["told_at"].clone(), finding["alarms"].clone())
    };
    assert_eq!(one(&first), one(&again));
    for (body, field) in [
        (json!({"finding": "气胸", "once": found["once"]}), "once"),
        (json!({"finding": "气胸", "once": "1"}), "once"),
    ] {
        assert_eq!(reader.post(&path, &body).expect_problem(422, "invalid").json()["field"], field);
    }
    // Another person's identifier is another, and without one a finding is a finding.
    node.person("reader2").post(&path, &found).expect(201);
    assert_eq!(raise(&asked, &reader, "张力性气胸")["findings"].as_array().map(Vec::len), Some(3));

    let received =
        |answer: crate::support::Answer| answer.expect(200).json()["findings"][0]["acknowledged"].clone();
    let body = json!({"read_back": "立即穿刺减压"});
    let receipt = received(acknowledge(&asked, &township, 1, &body));
    assert_eq!(received(acknowledge(&asked, &township, 1, &body)), receipt);
    let told = json!({"read_back": "立即穿刺", "how": "telephone", "received_by": "值班护士张"});
    let written = |finding: usize, answer: crate::support::Answer| {
        answer.expect(200).json()["findings"][finding].clone()
    };
    let first = written(1, acknowledge(&asked, &reader, 2, &told))["acknowledged"].clone();
    assert_eq!(written(1, acknowledge(&asked, &reader, 2, &told))["acknowledged"], first);
    let first = written(2, withdraw(&asked, &reader, 3, "重复报告"))["withdrawn"].clone();
    assert_eq!(written(2, withdraw(&asked, &reader, 3, "重复报告"))["withdrawn"], first);
    let told = |what: &str| {
        let notice = (what.to_owned(), asked.number.clone());
        notices(&township).iter().filter(|one| **one == notice).count()
    };
    wait_for("the alarms are told", SOON, || (told("critical") == 3).then_some(()));
}

#[test]
fn an_organisation_says_what_is_critical_for_it() {
    let node = Node::start("critical-rules");
    let coordinator = node.person("coordinator");
    let rules = coordinator.get("/api/v1/critical/rules").expect(200).json();
    assert!(rules["items"].as_array().is_some_and(|items| items.len() > 5), "{rules}");
    let own =
        json!({"items": [{"name": "气胸", "name_en": "Pneumothorax"}], "repeat_min": 3, "escalate_min": 9});
    node.person("reader").put("/api/v1/critical/rules", &own).expect_problem(403, "forbidden");
    let wrong = json!({"items": [], "repeat_min": 0, "escalate_min": 9});
    let refused = coordinator.put("/api/v1/critical/rules", &wrong).expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "repeat_min");
    coordinator.put("/api/v1/critical/rules", &own).expect(200);
    assert_eq!(node.person("reader").get("/api/v1/critical/rules").expect(200).json(), own);
    let others = node.person("township").get("/api/v1/critical/rules").expect(200).json();
    assert_ne!(others, own, "another organisation's rules are its own");
}

/// Time passes for the node: what was told, was told so many minutes earlier.
fn let_time_pass(node: &Node, id: &str, minutes: i64) {
    let mut edit = python();
    let script = "import sqlite3, sys, json, datetime as d\n\
        c = sqlite3.connect(sys.argv[1], timeout=20)\n\
        (body,) = c.execute(\"SELECT body FROM record WHERE kind='critical' AND id=?\", (sys.argv[2],)).fetchone()\n\
        body = json.loads(body)\n\
        early = lambda t: (d.datetime.fromisoformat(t.replace('Z','+00:00').split('.')[0].replace('+00:00','')) \
        - d.timedelta(minutes=int(sys.argv[3]))).isoformat() + 'Z'\n\
        for f in body['findings']:\n    f['told_at'] = early(f['told_at']); f['last_alarm_at'] = early(f['last_alarm_at'])\n\
        c.execute(\"UPDATE record SET body=?, version=version+1 WHERE kind='critical' AND id=?\", (json.dumps(body), sys.argv[2]))\n\
        c.commit()";
    edit.args(["-c", script]).arg(node.data().join("index.sqlite")).args([id, &minutes.to_string()]);
    finish(edit).expect_success();
}

#[test]
fn an_alarm_that_nobody_answers_is_said_again_and_taken_to_the_coordinators() {
    let node = Node::start("critical-escalation");
    let (reader, township, coordinator) =
        (node.person("reader"), node.person("township"), node.person("coordinator"));
    let asked = Asked::new(&node);
    raise(&asked, &reader, "急性主动脉夹层");
    let finding = || township.get(&asked.path("/critical")).expect(200).json()["findings"][0].clone();
    let_time_pass(&node, &asked.id, 6);
    wait_for("said again", SOON, || (finding()["alarms"] == 2).then_some(()));
    assert_eq!(finding()["escalated_at"], Json::Null);
    assert!(!notices(&coordinator).iter().any(|(what, _)| what == "critical_unanswered"));
    let_time_pass(&node, &asked.id, 10);
    wait_for("escalated", SOON, || finding()["escalated_at"].is_string().then_some(()));
    let unanswered = ("critical_unanswered".to_owned(), asked.number.clone());
    wait_for("the coordinator is told", SOON, || notices(&coordinator).contains(&unanswered).then_some(()));
    acknowledge(&asked, &township, 1, &json!({"read_back": "立即转诊"})).expect(200);
    let answered = ("critical_acknowledged".to_owned(), asked.number.clone());
    wait_for("the reader is told", SOON, || notices(&reader).contains(&answered).then_some(()));
    let alarms = finding()["alarms"].clone();
    let_time_pass(&node, &asked.id, 60);
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(finding()["alarms"], alarms, "what was answered is not said again");
}

#[test]
fn messages_stay_as_they_were_written_and_are_counted_until_they_are_read() {
    let node = Node::shared();
    let (reader, township) = (node.person("reader"), node.person("township"));
    let asked = Asked::new(node);
    asked.act(&reader, "claim").expect(200);
    let long = "危".repeat(100_000);
    let texts = ["<script>alert(1)</script>", "\u{202E}从右到左\u{202C} 𠮷\u{1F600}", long.as_str()];
    let path = asked.path("/messages");
    for (n, text) in texts.iter().enumerate() {
        let written = township.post(&path, &json!({"text": text})).expect(201).json();
        assert_eq!((&written["n"], &written["text"]), (&json!(n + 1), &json!(text)));
    }
    let unread = |person: &Client| -> u64 {
        let all = person.get("/api/v1/messages/unread").expect(200).json();
        let own =
            all["consults"].as_array().expect("consults").iter().find(|c| c["consult"] == asked.id.as_str());
        own.map_or(0, |one| one["unread"].as_u64().expect("a number"))
    };
    assert_eq!((unread(&reader), unread(&township)), (3, 0));
    let seen = reader.get(&path).expect(200).json();
    let seen: Vec<&str> =
        seen["messages"].as_array().expect("messages").iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(seen, texts);
    reader.put(&format!("{path}/read"), &json!({"n": 2})).expect(204);
    assert_eq!(unread(&reader), 1);
    let reply = json!({
        "text": "见标记", "view": "/slides/s1?at=1,2&zoom=0.5",
        "marks": [{"on": "image", "instance": "1.2.3", "frame": 1, "x_px": 12.5, "y_px": 7.0, "label": "这里"}],
    });
    let written = reader.post(&path, &reply).expect(201).json();
    assert_eq!((&written["marks"], &written["view"]), (&reply["marks"], &reply["view"]));
    assert_eq!(unread(&township), 1);
    let page = reader.get(&format!("{path}?before=3&limit=1")).expect(200).json();
    assert_eq!(page["messages"][0]["n"], 2);

    for (body, field) in [
        (json!({"text": ""}), "text"),
        (json!({"text": format!("{long}!")}), "text"),
        (json!({"text": "x", "view": "https://evil.example.org/slides/s1"}), "view"),
        (
            json!({"text": "x", "marks": [{"on": "image", "instance": "1.2", "frame": 0, "x_px": 1, "y_px": 1}]}),
            "marks",
        ),
    ] {
        assert_eq!(reader.post(&path, &body).expect_problem(422, "invalid").json()["field"], field);
    }
}

/// The answer to the first is lost on the line; whoever sent it does not know that it was kept.
#[test]
fn a_message_that_is_sent_again_is_there_once() {
    let node = Node::shared();
    let (reader, township) = (node.person("reader"), node.person("township"));
    let asked = Asked::new(node);
    let path = asked.path("/messages");
    let message = json!({"text": "患者血压下降", "view": "/cases/0199", "once": Uuid::new_v4()});
    let first = township.post(&path, &message).expect(201).json();
    // Several at once, as when an impatient browser sends again.
    let answers: Vec<Json> = std::thread::scope(|scope| {
        let send = || township.post(&path, &message).expect(201).json();
        let tasks: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        tasks.into_iter().map(|task| task.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
    let fresh = json!({"text": "已转诊", "once": Uuid::new_v4()});
    let numbers: Vec<Json> = std::thread::scope(|scope| {
        let send = || township.post(&path, &fresh).expect(201).json()["n"].clone();
        let tasks: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        tasks.into_iter().map(|task| task.join().expect("an answer")).collect()
    });
    assert!(numbers.iter().all(|n| *n == 2), "{numbers:?}");
    for once in [json!({"text": "别的", "once": message["once"]}), json!({"text": "别的", "once": "x"})] {
        assert_eq!(township.post(&path, &once).expect_problem(422, "invalid").json()["field"], "once");
    }
    // An identifier is its sender's alone; without one, the same words twice are two messages.
    reader.post(&path, &message).expect(201);
    reader.post(&path, &json!({"text": "好"})).expect(201);
    reader.post(&path, &json!({"text": "好"})).expect(201);
    let all = reader.get(&path).expect(200).json();
    assert_eq!(all["count"], 5);
}

#[test]
fn many_who_write_at_once_lose_no_message() {
    let node = Node::shared();
    let asked = Asked::new(node);
    let people = [node.person("reader"), node.person("township")];
    std::thread::scope(|scope| {
        for (who, person) in people.iter().enumerate() {
            let asked = &asked;
            scope.spawn(move || {
                for n in 0..5 {
                    let text = format!("{who} {n}");
                    person.post(&asked.path("/messages"), &json!({"text": text})).expect(201);
                }
            });
        }
    });
    let all = people[0].get(&asked.path("/messages")).expect(200).json();
    let numbers: Vec<u64> =
        all["messages"].as_array().expect("messages").iter().filter_map(|m| m["n"].as_u64()).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<u64>>());
}

#[test]
fn each_is_told_once_of_what_concerns_them_also_after_a_crash() {
    let node = Node::start("notices");
    let asked = Asked::new(&node);
    asked.signed(&node);
    let report = ("report".to_owned(), asked.number.clone());
    let township = node.person("township");
    wait_for("the report is told", SOON, || notices(&township).contains(&report).then_some(()));
    // What happens right before a crash is told after it, and nothing twice.
    let reader = node.person("reader");
    raise(&asked, &reader, "张力性气胸");
    reader.post(&asked.path("/messages"), &json!({"text": "请尽快处理"})).expect(201);
    let node = node.restart();
    let township = node.person("township");
    let of = |what: &str| (what.to_owned(), asked.number.clone());
    wait_for("all is told", SOON, || {
        let told = notices(&township);
        [of("critical"), of("message")].iter().all(|one| told.contains(one)).then_some(())
    });
    let told = notices(&township);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(notices(&node.person("reader")).iter().all(|(what, _)| what != "critical" && what != "message"));
    assert!(notices(&node.person("uploader")).is_empty());

    let list = township.get("/api/v1/notices").expect(200).json();
    assert_eq!(list["unread"], 3);
    let id = list["notices"][0]["id"].as_str().expect("an id");
    node.person("reader")
        .post(&format!("/api/v1/notices/{id}/read"), &json!({}))
        .expect_problem(404, "not-found");
    township.post(&format!("/api/v1/notices/{id}/read"), &json!({})).expect(204);
    assert_eq!(township.get("/api/v1/notices").expect(200).json()["unread"], 2);
    township.post("/api/v1/notices/read", &json!({})).expect(204);
    assert_eq!(township.get("/api/v1/notices").expect(200).json()["unread"], 0);
}

#[test]
fn a_webhook_is_set_by_the_administrator_and_its_secret_shown_once() {
    let node = Node::start("webhook");
    let admin = node.person("admin");
    let url = json!({"url": "https://his.example.org/in"});
    node.person("reader").put("/api/v1/webhook", &url).expect_problem(403, "forbidden");
    admin.put("/api/v1/webhook", &json!({"url": "ftp://x"})).expect_problem(422, "invalid");
    let set = admin.put("/api/v1/webhook", &url).expect(200).json();
    assert!(set["secret"].as_str().is_some_and(|secret| secret.len() > 40));
    assert_eq!(admin.get("/api/v1/webhook").expect(200).json(), json!({"url": url["url"], "secret": null}));
    admin.put("/api/v1/webhook", &json!({"url": ""})).expect(200);
    assert_eq!(admin.get("/api/v1/webhook").expect(200).json()["url"], Json::Null);
    let address = json!({"address": "li@town.example.org\r\nBcc: x@y.z"});
    node.person("township").put("/api/v1/notices/mail", &address).expect_problem(422, "invalid");
}
