//! The live line, as a WebSocket client of other people hears it.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Asked, Ct, Line, Node};
use serde_json::json;
use std::time::{Duration, Instant};

const A_WHILE: Duration = Duration::from_secs(2);

#[test]
fn only_a_person_at_a_page_of_this_node_opens_a_line() {
    let node = Node::shared();
    let own = node.base_url();
    let reader = node.person("reader");
    assert_eq!(Line::try_open(&node.nobody(), None, Some(own)).err(), Some(401));
    assert_eq!(Line::try_open(&reader, None, Some("https://evil.example.org")).err(), Some(403));
    assert_eq!(Line::try_open(&reader, None, None).err(), Some(403));
    assert_eq!(Line::try_open(&node.machine(Org::City), None, Some(own)).err(), Some(403));
    assert!(Line::try_open(&reader, None, Some(own)).is_ok());
    reader.with_header("Origin", own).get("/api/v1/live").expect_problem(400, "bad-request");
}

#[test]
fn each_hears_only_of_what_they_may_see() {
    let node = Node::start("live-scope");
    let (mut reader, mut township) =
        (Line::open(&node.person("reader"), None), Line::open(&node.person("township"), None));
    let (mut admin, mut uploader) =
        (Line::open(&node.person("admin"), None), Line::open(&node.person("uploader"), None));
    let (person, draft) = Asked::draft(&node);
    let id = draft["id"].as_str().expect("an id");
    township.hear_of("study", draft["study"]["study_instance_uid"].as_str().expect("a UID"));
    township.hear_of("consult", id);
    assert_eq!(reader.all(A_WHILE), Vec::<serde_json::Value>::new(), "a draft is nobody else's business");

    let path = format!("/api/v1/consults/{id}");
    person.post(&format!("{path}/submit"), &json!({"version": draft["version"]})).expect(200);
    assert_eq!(reader.hear_of("consult", id)["state"], "accepted");
    person.post(&format!("{path}/messages"), &json!({"text": "请尽快"})).expect(201);
    reader.hear_of("message", id);
    assert_eq!(admin.all(A_WHILE), Vec::<serde_json::Value>::new(), "administrators see no patients");
    let heard = uploader.all(A_WHILE);
    assert!(heard.iter().any(|word| word["what"] == "consult"), "{heard:?}");
    assert!(heard.iter().all(|word| word["what"] != "message"), "no part in what is said: {heard:?}");

    let elsewhere = Ct::new();
    node.machine(Org::City).stow(&[elsewhere.file()]).expect(200);
    reader.hear_of("study", &elsewhere.study);
    assert!(township.all(A_WHILE).iter().all(|word| word["id"] != elsewhere.study));
}

#[test]
fn who_comes_back_hears_what_was_missed_in_order_and_once() {
    let node = Node::start("live-cursor");
    let township = node.person("township");
    let asked = Asked::new(&node);
    let mut line = Line::open(&township, None);
    let write = |text: &str| township.post(&asked.path("/messages"), &json!({"text": text})).expect(201);
    write("一");
    let seq = line.hear_of("message", &asked.id)["seq"].as_i64().expect("a number");
    drop(line);
    for text in ["二", "三", "四"] {
        write(text);
    }
    let mut line = Line::open(&township, Some(seq));
    write("五");
    let heard: Vec<i64> = line
        .all(A_WHILE)
        .iter()
        .filter(|word| word["what"] == "message")
        .map(|word| word["seq"].as_i64().expect("a number"))
        .collect();
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert!(heard.is_sorted() && heard[0] > seq, "{heard:?}");

    let mut lost = Line::open(&township, Some(i64::MAX));
    assert_eq!(lost.hear(A_WHILE).expect("a word")["what"], "resync");
}

#[test]
fn a_line_ends_within_five_seconds_of_its_session() {
    let node = Node::start("live-end");
    let (first, second) = (node.person("reader"), node.person("reader2"));
    let (mut of_first, mut of_second) = (Line::open(&first, None), Line::open(&second, None));
    let began = Instant::now();
    first.delete("/api/v1/session").expect(204);
    assert_eq!(of_first.hear(Duration::from_secs(5)), Err(4001), "after {:?}", began.elapsed());

    // By another process, as an administrator's command is one.
    let mut disable = python();
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], timeout=20)\n\
        n = c.execute(\"UPDATE record SET body = json_set(body, '$.is_disabled', json('true')) \
        WHERE kind = 'person' AND id = 'demo-reader2'\").rowcount\n\
        c.commit(); assert n == 1";
    disable.args(["-c", script]).arg(node.data().join("index.sqlite"));
    let began = Instant::now();
    finish(disable).expect_success();
    assert_eq!(of_second.hear(Duration::from_secs(5)), Err(4001), "after {:?}", began.elapsed());
}

#[test]
fn a_client_that_talks_is_closed_and_one_person_has_so_many_lines() {
    let node = Node::start("live-limits");
    let reader = node.person("reader");
    let mut line = Line::open(&reader, None);
    for _ in 0..100 {
        if line.say("hello?").is_err() {
            break;
        }
    }
    assert!(matches!(line.hear(Duration::from_secs(5)), Err(1006 | 1008)));
    drop(line);

    let origin = node.base_url();
    let mut lines = Vec::new();
    let refused = (0..40).find_map(|_| match Line::try_open(&reader, None, Some(origin)) {
        Ok(line) => {
            lines.push(line);
            None
        }
        Err(status) => Some(status),
    });
    assert_eq!(refused, Some(503));
    assert!(lines.len() >= 15, "{}", lines.len());
    assert!(Line::try_open(&node.person("reader2"), None, Some(origin)).is_ok(), "others are not kept out");
    drop(lines);
    crate::support::wait_for("places become free", Duration::from_secs(30), || {
        Line::try_open(&reader, None, Some(origin)).ok()
    });
}
