//! Several people on one case, over HTTP: assignment by rule, opinions of experts, a second opinion, the inviter's decision.

use crate::consult::{Case, act, path, sign};
use crate::support::node::Org;
use crate::support::{Client, Ct, Node, run, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;

fn id_of(login: &str) -> String {
    format!("demo-{login}")
}

fn rule(name: &str, words: &[&str], people: &[&str]) -> Json {
    let people: Vec<_> = people.iter().map(|login| id_of(login)).collect();
    json!({"name": name, "modalities": ["CT"], "words": words, "to": {"who": "people", "people": people}})
}

#[test]
fn a_rule_gives_a_request_to_a_reader_who_is_on_duty() {
    // Rules are the whole centre's: other tests would find their cases taken.
    let node = Node::start("team");
    let case = Case::on(&node);
    let (coordinator, reader, reader2) =
        (node.person("coordinator"), node.person("reader"), node.person("reader2"));
    let rules = coordinator.get("/api/v1/assignment/rules").expect(200).json();
    assert_eq!(rules, json!({"version": 0, "rules": []}));
    reader.get("/api/v1/assignment/rules").expect_problem(403, "forbidden");
    let put = |version: i64, rules: &[Json]| {
        coordinator.put("/api/v1/assignment/rules", &json!({"version": version, "rules": rules}))
    };
    let problem = put(0, &[rule("", &[], &["reader"])]).expect_problem(422, "invalid").json();
    assert_eq!(problem["field"], "rules");
    put(0, &[rule("外人", &[], &["township"])]).expect_problem(422, "invalid");
    let both = [rule("乳腺", &["乳腺"], &["reader"]), rule("肺", &["肺"], &["reader2"])];
    assert_eq!(put(0, &both).expect(200).json()["version"], 1);
    put(0, &both).expect_problem(412, "stale");

    let facts = json!({"modalities": ["CT"], "question": "右肺结节性质？", "kind": "diagnosis", "urgency": "urgent",
        "requesting": node.id_of(Org::Township)});
    let trial = coordinator.post("/api/v1/assignment/try", &facts).expect(200).json();
    assert_eq!((&trial["rule"], &trial["person"]["id"]), (&json!("肺"), &json!(id_of("reader2"))));
    assert_eq!(trial["outcomes"][0]["outcome"], "words");

    let asked = case.submitted();
    let seen = coordinator.get(&path(&asked, "")).expect(200).json();
    assert_eq!((&seen["state"], &seen["reader"]["id"]), (&json!("assigned"), &json!(id_of("reader2"))));
    let note = seen["timeline"].as_array().and_then(|all| all.last()).map(|last| last["note"].clone());
    assert!(note.as_ref().and_then(Json::as_str).is_some_and(|note| note.contains("肺")), "{note:?}");
    assert!(
        !case.township.get(&path(&asked, "")).expect(200).json()["timeline"].to_string().contains("规则")
    );

    let duty = reader2
        .put(&format!("/api/v1/duty/{}", id_of("reader2")), &json!({"duty": "off"}))
        .expect(200)
        .json();
    assert_eq!(duty["duty"], "off");
    reader
        .put(&format!("/api/v1/duty/{}", id_of("reader2")), &json!({"duty": "on"}))
        .expect_problem(403, "forbidden");
    let pooled = case.submitted();
    assert_eq!(
        coordinator.get(&path(&pooled, "")).expect(200).json()["state"],
        "accepted",
        "nobody is on duty"
    );
    let people = coordinator.get("/api/v1/duty").expect(200).json();
    let off = people["people"].as_array().expect("people").iter().find(|one| one["duty"] == "off");
    assert_eq!(off.map(|one| one["id"].clone()), Some(json!(id_of("reader2"))));
}

#[test]
fn a_rule_finds_the_reader_by_the_body_part_and_the_subspecialty() {
    let node = Node::start("parts");
    let (admin, coordinator) = (node.person("admin"), node.person("coordinator"));
    let people = format!("/api/v1/admin/people?organisation={}", node.id_of(Org::City));
    let account = |login: &str| {
        let all = admin.get(&people).expect(200).json()["people"].clone();
        let found = all.as_array().expect("people").iter().find(|one| one["login"] == login).cloned();
        found.expect("an account")
    };
    let before = account("reader2");
    assert_eq!(before["subspecialties"], json!([]), "accounts of earlier releases have none");
    let know = |who: &Client, subspecialties: Json| {
        let mut particulars = json!({"subspecialties": subspecialties});
        for field in ["name", "title", "credential", "memberships"] {
            particulars[field] = before[field].clone();
        }
        who.put(&format!("/api/v1/admin/people/{}", id_of("reader2")), &particulars)
    };
    know(&coordinator, json!(["chest"])).expect_problem(403, "forbidden");
    know(&admin, json!(["胸部"])).expect_problem(422, "invalid");
    let after = know(&admin, json!(["neuro", "chest", "neuro"])).expect(200).json();
    assert_eq!(after["subspecialties"], json!(["neuro", "chest"]));
    assert_eq!(account("reader2")["subspecialties"], json!(["neuro", "chest"]));
    let duties = coordinator.get("/api/v1/duty").expect(200).json()["people"].clone();
    let knows = |login: &str| {
        let all = duties.as_array().expect("people").iter();
        all.clone().find(|one| one["id"] == id_of(login)).expect("a reader")["subspecialties"].clone()
    };
    assert_eq!((knows("reader2"), knows("reader")), (json!(["neuro", "chest"]), json!([])));

    let rule = |name: &str, parts: &[&str], known: &[&str]| {
        let to = json!({"who": "anyone"});
        json!({"name": name, "body_parts": parts, "subspecialties": known, "to": to})
    };
    let put = |version: i64, rules: &[Json]| {
        coordinator.put("/api/v1/assignment/rules", &json!({"version": version, "rules": rules}))
    };
    put(0, &[rule("部位", &["胸部"], &[])]).expect_problem(422, "invalid");
    put(0, &[rule("亚专业", &[], &["胸部"])]).expect_problem(422, "invalid");
    let rules = [rule("腹", &["abdomen"], &["abdomen"]), rule("胸", &["816094009"], &["chest"])];
    let kept = put(0, &rules).expect(200).json()["rules"].clone();
    assert_eq!((&kept[0]["body_parts"], &kept[1]["body_parts"]), (&json!(["ABDOMEN"]), &json!(["CHEST"])));

    let outcomes = |parts: &[&str]| {
        let facts = json!({"modalities": ["CT"], "body_parts": parts, "kind": "diagnosis", "urgency": "urgent",
            "requesting": node.id_of(Org::Township)});
        let trial = coordinator.post("/api/v1/assignment/try", &facts).expect(200).json();
        let said = |n: usize| trial["outcomes"][n]["outcome"].as_str().expect("a word").to_owned();
        [said(0), said(1)]
    };
    assert_eq!(outcomes(&["T-D3000"]), ["body_part", "takes"]);
    assert_eq!(outcomes(&["abdomen"]), ["subspecialty", "body_part"]);
    assert_eq!(outcomes(&[]), ["body_part", "body_part"]);

    for (image, reader) in [
        (Ct { body_part: "CHEST", ..Ct::new() }, json!(id_of("reader2"))),
        (Ct { body_part: "thorax", ..Ct::new() }, json!(id_of("reader2"))),
        (Ct { region: "51185008", ..Ct::new() }, json!(id_of("reader2"))),
        (Ct { body_part: "ABDOMEN", ..Ct::new() }, Json::Null),
        (Ct { body_part: "HEAD", ..Ct::new() }, Json::Null),
        (Ct::new(), Json::Null),
    ] {
        let words = format!("{image:?}");
        let asked = Case::with(&node, image.series_of(2)).submitted();
        let seen = coordinator.get(&path(&asked, "")).expect(200).json();
        let state = if reader.is_null() { "accepted" } else { "assigned" };
        assert_eq!((&seen["state"], &seen["reader"]["id"]), (&json!(state), &reader), "{words}");
    }
}

fn opinions(person: &Client, consult: &Json) -> Json {
    person.get(&path(consult, "/opinions")).expect(200).json()["opinions"].clone()
}

#[test]
fn experts_are_asked_and_the_signed_page_quotes_them() {
    let case = Case::new();
    let (reader, consult) = case.written();
    let (expert, reviewer) = (case.node.person("reader2"), case.node.person("reviewer"));
    let ask = |person: &Client, people: &[&str]| {
        let people: Vec<_> = people.iter().map(|login| id_of(login)).collect();
        let body = json!({"people": people, "question": "能否手术切除？", "sight": "blind"});
        person.post(&path(&consult, "/opinions"), &body)
    };
    ask(&case.township, &["reader2"]).expect_problem(403, "forbidden");
    assert_eq!(ask(&reader, &["township"]).expect_problem(422, "invalid").json()["field"], "people");
    let experts = reader.get(&path(&consult, "/experts")).expect(200).json();
    assert!(experts.to_string().contains(&id_of("reviewer")), "{experts}");
    ask(&reader, &["reader2", "reviewer"]).expect(201);
    let problem = sign(&reader, &consult, &case.passphrase()).expect_problem(409, "wrong-state").json();
    assert!(problem["detail"].as_str().expect("words").contains("专家"), "{problem}");
    let tab = expert.get("/api/v1/consults?tab=opinion&limit=200").expect(200).json();
    assert!(tab["consults"].to_string().contains(consult["id"].as_str().expect("an id")), "{tab}");

    let n_of = |login: &str| {
        let all = opinions(&reader, &consult);
        let mine =
            all.as_array().expect("a list").iter().find(|one| one["expert"]["id"] == id_of(login)).cloned();
        mine.expect("asked")["n"].as_u64().expect("a number")
    };
    let at = |login: &str, step: &str| path(&consult, &format!("/opinions/{}/{step}", n_of(login)));
    let words = json!({"text": "可行肺段切除，<script>alert(1)</script>术前完善肺功能。"});
    expert.put(&at("reader2", "draft"), &json!({"text": "可行"})).expect(204);
    let draft = opinions(&expert, &consult).to_string();
    assert!(draft.contains(r#""draft":"可行""#), "{draft}");
    assert!(!opinions(&reader, &consult).to_string().contains("可行"), "a draft is its author's");
    reviewer.put(&at("reader2", "draft"), &words).expect_problem(404, "not-found");
    let long = json!({"text": "长".repeat(20_001)});
    expert.post(&at("reader2", "give"), &long).expect_problem(422, "invalid");
    expert.post(&at("reader2", "give"), &words).expect(200);
    assert!(!opinions(&reviewer, &consult).to_string().contains("肺段"), "blind");
    assert_eq!(opinions(&case.township, &consult), json!([]));
    reader.post(&at("reviewer", "withdraw"), &json!({"reason": ""})).expect_problem(422, "invalid");
    reviewer.post(&at("reviewer", "decline"), &json!({"reason": "出差"})).expect(200);
    assert!(opinions(&reviewer, &consult).to_string().contains("肺段"));

    let done = sign(&reader, &consult, &case.passphrase()).expect(200).json();
    let canonical = case.township.get(&path(&done, "/report.json")).expect(200).json();
    let quoted = canonical["opinions"].as_array().expect("opinions");
    assert_eq!((quoted.len(), &quoted[0]["text"]), (1, &words["text"]));
    let pdf = case.township.get(&path(&done, "/report.pdf")).expect(200).body;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.pdf");
    std::fs::write(&file, pdf).expect("a file");
    let text = run("pdftotext", &["-layout", file.to_str().expect("UTF-8"), "-"]).expect_success().stdout;
    let text: String = text.split_whitespace().collect();
    for words in ["多学科会诊意见", "刘洋", "能否手术切除", "可行肺段切除", "<script>"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(case.township.get(&path(&done, "/verify")).expect(200).json()["ok"], true);
    // Notices are written after what they are about.
    wait_for("the notice of being asked", Duration::from_secs(60), || {
        let notices = expert.get("/api/v1/notices").expect(200).json();
        notices.to_string().contains("opinion_asked").then_some(())
    });
}

#[test]
fn a_second_opinion_is_independent_and_both_cases_say_how_far_they_agree() {
    let case = Case::new();
    let first = case.signed();
    let (reader, reader2) = (case.node.person("reader"), case.node.person("reader2"));
    let first = case.township.get(&path(&first, "")).expect(200).json();
    let ask = |how: &str| {
        let body = json!({"version": first["version"], "reading_organisation": case.node.id_of(Org::City),
            "urgency": "urgent", "first": how, "once": "0199aaaa-0000-4000-8000-00000000000b"});
        case.township.post(&path(&first, "/second-opinions"), &body)
    };
    let asked = ask("hidden").expect(201).json();
    // The answer was lost: it is asked once.
    assert_eq!(ask("hidden").expect(201).json(), asked);
    assert_eq!((&asked["evidence"], &asked["second_of"]["number"]), (&first["evidence"], &first["number"]));
    act(&reader, &asked, "claim").expect_problem(403, "forbidden");
    assert_eq!(
        reader2.get(&path(&first, "")).expect(200).json()["report"]["diagnosis"],
        case.report()["diagnosis"]
    );
    let claimed = act(&reader2, &asked, "claim").expect(200).json();
    assert_eq!(reader2.get(&path(&first, "")).expect(200).json()["report"], json!(null));
    for file in ["/report.pdf", "/report.json", "/report.p7s", "/report/preview"] {
        reader2.get(&path(&first, file)).expect_problem(404, "not-found");
    }
    let body = json!({"version": claimed["version"], "report": case.report()});
    let saved = reader2.put(&path(&claimed, "/report"), &body).expect(200).json();
    let passphrase = &case.node.account("reader2")["signing_passphrase"];
    let done = sign(&reader2, &saved, passphrase).expect(200).json();
    let seen = case.township.get(&path(&done, "")).expect(200).json();
    let compare = |agreement: &str, comment: &str| {
        let body = json!({"version": seen["version"], "agreement": agreement, "comment": comment});
        case.township.post(&path(&seen, "/compare"), &body)
    };
    assert_eq!(compare("major", "").expect_problem(422, "invalid").json()["field"], "reason");
    compare("minor", "大小描述不同").expect(200);
    let linked = case.township.get(&path(&first, "/second-opinions")).expect(200).json();
    let linked = &linked["consults"][0];
    assert_eq!((&linked["number"], &linked["comparison"]["agreement"]), (&seen["number"], &json!("minor")));
    assert_eq!(linked["diagnosis"], case.report()["diagnosis"]);
}

#[test]
fn the_inviter_decides_after_a_consultation() {
    let case = Case::new();
    let mut request = case.request();
    request["kind"] = json!("consultation");
    let draft = case.township.post("/api/v1/consults", &request).expect(201).json();
    let asked = act(&case.township, &draft, "submit").expect(200).json();
    let reader = case.node.person("reader");
    let claimed = act(&reader, &asked, "claim").expect(200).json();
    let body = json!({"version": claimed["version"], "report": case.report()});
    let saved = reader.put(&path(&claimed, "/report"), &body).expect(200).json();
    let done = sign(&reader, &saved, &case.passphrase()).expect(200).json();
    let seen = case.township.get(&path(&done, "")).expect(200).json();
    let decide = |consult: &Json, words: &str| {
        let body = json!({"version": consult["version"], "reason": words});
        case.township.post(&path(consult, "/record-decision"), &body)
    };
    decide(&seen, " ").expect_problem(422, "invalid");
    let closed = decide(&seen, "三个月后复查，暂不手术。").expect(200).json();
    assert_eq!(
        (&closed["state"], &closed["decision"]["text"]),
        (&json!("closed"), &json!("三个月后复查，暂不手术。"))
    );
    let theirs = reader.get(&path(&closed, "")).expect(200).json();
    assert_eq!(theirs["decision"]["text"], "三个月后复查，暂不手术。", "the centre sees what came of it");
}
