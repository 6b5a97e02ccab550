//! The ways beside the straight one, over HTTP: waiting for data, from hand to hand, late images, an amended report.

use crate::consult::{Case, act, path, sign};
use crate::support::dicom::new_uid;
use crate::support::node::{Org, work_folder};
use crate::support::{Answer, Client, Ct, Node, run, wait_for};
use crate::uploads::{begin, finish, over, patch, tus};
use serde_json::{Value as Json, json};
use std::time::Duration;

fn say(person: &Client, consult: &Json, step: &str, words: &str) -> Answer {
    person.post(&path(consult, &format!("/{step}")), &json!({"version": consult["version"], "reason": words}))
}

fn allowed(consult: &Json) -> Vec<&str> {
    consult["allowed"].as_array().expect("what is allowed").iter().filter_map(Json::as_str).collect()
}

/// An identifier of the demonstration's people.
fn id_of(login: &str) -> String {
    format!("demo-{login}")
}

#[test]
fn data_are_asked_for_and_sent_and_the_time_is_reported_apart() {
    let case = Case::new();
    let (reader, consult) = case.written();
    say(&reader, &consult, "request-data", "").expect_problem(422, "invalid");
    let waits = say(&reader, &consult, "request-data", "请补传薄层").expect(200).json();
    assert_eq!((&waits["state"], &waits["wanted"]), (&json!("awaiting_data"), &json!("请补传薄层")));
    let seen = case.township.get(&path(&waits, "")).expect(200).json();
    assert_eq!(allowed(&seen), ["attach", "resume", "cancel"]);
    let due = seen["due_at"].clone();
    let goes_on = say(&case.township, &seen, "resume", "已补传").expect(200).json();
    assert_eq!(goes_on["state"], "reading");
    assert!(goes_on["due_at"].as_str() > due.as_str(), "{} is after {due}", goes_on["due_at"]);
    assert!(goes_on["waited_ms"].as_i64().expect("a number") > 0);
    assert_eq!(goes_on["waits"][0]["answer"], "已补传");
    // The words are still there, and whoever had it has it.
    let again = reader.get(&path(&waits, "")).expect(200).json();
    assert_eq!(again["report"]["diagnosis"], case.report()["diagnosis"]);
    assert!(allowed(&again).contains(&"sign"));
}

#[test]
fn a_case_is_assigned_handed_over_and_declined() {
    let case = Case::new();
    let consult = case.submitted();
    let (coordinator, reader, reader2) =
        (case.node.person("coordinator"), case.node.person("reader"), case.node.person("reader2"));
    let candidates = coordinator.get(&path(&consult, "/candidates")).expect(200).json();
    let names: Vec<_> =
        candidates["candidates"].as_array().expect("people").iter().map(|c| &c["id"]).collect();
    assert!(
        names.contains(&&json!(id_of("reader"))) && !names.contains(&&json!(id_of("reviewer"))),
        "{names:?}"
    );
    reader.get(&path(&consult, "/candidates")).expect_problem(403, "forbidden");
    case.township.get(&path(&consult, "/candidates")).expect_problem(403, "forbidden");

    let assign = |person: &Client, consult: &Json, to: &str| {
        person.post(&path(consult, "/assign"), &json!({"version": consult["version"], "person": to}))
    };
    let problem = assign(&reader, &consult, &id_of("reader2")).expect_problem(403, "forbidden").json();
    assert!(problem["detail"].as_str().expect("words").contains("调度"), "{problem}");
    let problem = assign(&coordinator, &consult, &id_of("township")).expect_problem(422, "invalid").json();
    assert_eq!(problem["field"], "person");
    let given = assign(&coordinator, &consult, &id_of("reader")).expect(200).json();
    assert_eq!((&given["state"], &given["reader"]["id"]), (&json!("assigned"), &json!(id_of("reader"))));
    let taken = act(&reader2, &given, "claim").expect_problem(409, "conflict").json();
    assert!(taken["detail"].as_str().expect("words").contains("王建国"), "{taken}");
    let reading = act(&reader, &given, "claim").expect(200).json();
    reader.post(&path(&reading, "/lease"), &json!({})).expect(200);
    reader2.post(&path(&reading, "/lease"), &json!({})).expect_problem(409, "conflict");
    let over = assign(&reader, &reading, &id_of("reader2")).expect(200).json();
    let declined = say(&reader2, &over, "decline", "不是我的专业").expect(200).json();
    assert_eq!((&declined["state"], &declined["reader"]), (&json!("accepted"), &json!(null)));
    let seen = case.township.get(&path(&declined, "")).expect(200).json();
    assert!(!seen["timeline"].to_string().contains("不是我的专业"), "{}", seen["timeline"]);
}

#[test]
fn what_cannot_be_done_now_says_so_in_both_languages() {
    let case = Case::new();
    let consult = case.submitted();
    let problem = act(&case.township, &consult, "acknowledge").expect_problem(409, "wrong-state").json();
    let words = problem["detail"].as_str().expect("words");
    assert!(words.contains("已受理") && words.contains("accepted"), "{words}");
}

#[test]
fn images_that_arrive_later_are_taken_in_before_anything_is_signed() {
    let case = Case::new();
    let (reader, consult) = case.written();
    let first = case.images[0].clone();
    let late = Ct { number: 9, instance: format!("{}9", first.instance), ..first };
    case.node.machine(Org::Township).stow(&[late.file()]).expect(200);
    let news = reader.get(&path(&consult, "/late-images")).expect(200).json();
    assert_eq!(news["series"][0]["instances"], 1, "{news}");
    let refused = sign(&reader, &consult, &case.passphrase()).expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "evidence");
    let grown = act(&reader, &consult, "accept-images").expect(200).json();
    assert_eq!(grown["evidence"].as_array().expect("evidence").len(), 4);
    assert_eq!(grown["evidence_updates"][0]["version"], 2);
    assert_eq!(reader.get(&path(&grown, "/late-images")).expect(200).json()["series"], json!([]));
    sign(&reader, &grown, &case.passphrase()).expect(200);
}

#[test]
fn series_that_are_left_out_of_the_question_are_no_evidence() {
    let first = Ct::new();
    let second = Ct { series: new_uid(), ..first.clone() };
    let images = [first.clone().series_of(2), second.clone().series_of(3)].concat();
    let case = Case::about(images);
    let ask = |left_out: Json| {
        let mut request = case.request();
        request["left_out_series"] = left_out;
        case.township.post("/api/v1/consults", &request)
    };
    for wrong in [json!([first.series, second.series]), json!([new_uid()]), json!(["not a UID"])] {
        assert_eq!(ask(wrong).expect_problem(422, "invalid").json()["field"], "left_out_series");
    }
    let draft = ask(json!([second.series])).expect(201).json();
    let kept = case.township.get(&path(&draft, "")).expect(200).json();
    assert_eq!(kept["left_out_series"], json!([second.series]));
    let asked = act(&case.township, &draft, "submit").expect(200).json();
    let mut frozen: Vec<_> =
        asked["evidence"].as_array().expect("evidence").iter().map(|item| &item["sha256"]).collect();
    let mut sent: Vec<_> = case.images[..2].iter().map(|ct| json!(ct.file().sha256())).collect();
    frozen.sort_by_key(ToString::to_string);
    sent.sort_by_key(ToString::to_string);
    assert_eq!(frozen, sent.iter().collect::<Vec<_>>());

    // The study is seen whole; what arrives of the series that was left out asks for nothing, another series does.
    let reader = case.node.person("reader");
    let reading = act(&reader, &asked, "claim").expect(200).json();
    assert_eq!(reading["left_out_series"], json!([second.series]));
    let of_second = Ct { instance: new_uid(), number: 9, ..second.clone() };
    let of_third = Ct { series: new_uid(), instance: new_uid(), ..first.clone() };
    let late = || reader.get(&path(&reading, "/late-images")).expect(200).json()["series"].clone();
    case.node.machine(Org::Township).stow(&[of_second.file()]).expect(200);
    assert_eq!(late(), json!([]));
    case.node.machine(Org::Township).stow(&[of_third.file()]).expect(200);
    assert_eq!(late()[0]["series_instance_uid"], json!(of_third.series));
    let grown = act(&reader, &reading, "accept-images").expect(200).json();

    let save = |displayed: &str| {
        let mut report = case.report();
        report["displayed"] = json!([displayed]);
        reader.put(&path(&grown, "/report"), &json!({"version": grown["version"], "report": report}))
    };
    save(&case.images[2].instance).expect_problem(422, "invalid");
    let saved = save(&case.images[0].instance).expect(200).json();
    sign(&reader, &saved, &case.passphrase()).expect(200);

    let report = case.township.get(&path(&grown, "/report.json")).expect(200).json();
    let mut series: Vec<_> =
        report["evidence"].as_array().expect("evidence").iter().map(|item| &item["series"]).collect();
    series.dedup();
    assert_eq!(report["evidence"].as_array().expect("evidence").len(), 3);
    assert!(!series.contains(&&json!(second.series)), "{series:?}");
    let verdict = case.township.get(&path(&grown, "/verify")).expect(200).json();
    assert_eq!((&verdict["ok"], &verdict["evidence"]["result"]), (&json!(true), &json!("good")), "{verdict}");
}

#[test]
fn a_corrected_report_says_why_and_the_one_before_is_marked() {
    let case = Case::new();
    let first = case.signed();
    let reader = case.node.person("reader");
    let old_pdf = case.township.get(&path(&first, "/report.pdf")).expect(200).body;
    let amend = json!({"version": first["version"], "kind": "correction", "reason": "左右写反"});
    case.township.post(&path(&first, "/amend"), &amend).expect_problem(403, "forbidden");
    let open = reader.post(&path(&first, "/amend"), &amend).expect(200).json();
    assert_eq!(open["state"], "amending");
    let mut report = case.report();
    report["diagnosis"] = json!("左肺上叶实性结节。");
    let body = json!({"version": open["version"], "report": report});
    let saved = reader.put(&path(&open, "/report"), &body).expect(200).json();
    let seen = case.township.get(&path(&open, "")).expect(200).json();
    assert_eq!(seen["report"]["diagnosis"], case.report()["diagnosis"], "what was delivered");
    let done = sign(&reader, &saved, &case.passphrase()).expect(200).json();
    assert_eq!(done["state"], "delivered");

    let seen = case.township.get(&path(&done, "")).expect(200).json();
    let versions: Vec<_> = seen["versions"].as_array().expect("versions").iter().collect();
    assert_eq!(versions.iter().map(|v| &v["superseded"]).collect::<Vec<_>>(), [&json!(true), &json!(false)]);
    assert_eq!(case.township.get(&path(&done, "/report.pdf?v=1")).expect(200).body, old_pdf);
    let pdf = case.township.get(&path(&done, "/report.pdf")).expect(200).body;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.pdf");
    std::fs::write(&file, pdf).expect("a file");
    let text = run("pdftotext", &["-layout", file.to_str().expect("UTF-8"), "-"]).expect_success().stdout;
    let text: String = text.split_whitespace().collect();
    for words in ["更正报告", "左右写反", "第2版", "左肺上叶实性结节"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let verdict = case.township.get(&path(&done, "/verify")).expect(200).json();
    assert_eq!(verdict["ok"], true, "{verdict}");
}

#[test]
fn the_requester_asks_back_and_is_answered() {
    let case = Case::new();
    let done = case.signed();
    let reader = case.node.person("reader");
    let delivered = case.township.get(&path(&done, "")).expect(200).json();
    let asked = say(&case.township, &delivered, "ask-back", "多久复查？<script>").expect(200).json();
    let open = reader.get(&path(&asked, "")).expect(200).json();
    assert_eq!((&open["has_open_question"], allowed(&open).contains(&"answer")), (&json!(true), true));
    let answered = say(&reader, &open, "answer", "三个月").expect(200).json();
    assert_eq!(answered["questions"][0]["question"]["text"], "多久复查？<script>");
    assert_eq!(answered["questions"][0]["answer"]["text"], "三个月");
    say(&case.township, &answered, "record-decision", "手术").expect_problem(409, "wrong-state");
}

/// A PNG of one grey pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0xd, 0xa, 0x1a, 0xa, 0x0, 0x0, 0x0, 0xd, 0x49, 0x48, 0x44, 0x52, 0x0, 0x0, 0x0,
    0x1, 0x0, 0x0, 0x0, 0x1, 0x8, 0x0, 0x0, 0x0, 0x0, 0x3a, 0x7e, 0x9b, 0x55, 0x0, 0x0, 0x0, 0xa, 0x49, 0x44,
    0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0x0, 0x0, 0x0, 0x82, 0x0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x0, 0x0,
    0x0, 0x0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

#[test]
fn attachments_are_checked_seen_by_both_and_signed() {
    let case = Case::new();
    let draft = case.draft();
    let address = |consult: &Json, name: &str| {
        path(consult, &format!("/attachments?version={}&name={name}", consult["version"]))
    };
    let attach = |consult: &Json, name: &str, bytes: &[u8]| {
        case.township.post_bytes(&address(consult, name), "application/octet-stream", bytes.to_vec())
    };
    for (name, bytes) in
        [("a.pdf", &b"MZ\x90\x00"[..]), ("a.png", &PNG[..40]), ("a.pdf", b"%PDF-1.7 nothing")]
    {
        let problem = attach(&draft, name, bytes).expect_problem(422, "invalid").json();
        assert_eq!(problem["field"], "attachment");
    }
    attach(&draft, "a.png", &vec![0_u8; (16 << 20) + 1]).expect_problem(413, "too-large");
    let with = attach(&draft, "%E5%A4%96%E9%99%A2.png", PNG).expect(200).json();
    let attached = &with["attachments"][0];
    assert_eq!((&attached["name"], &attached["media_type"]), (&json!("外院.png"), &json!("image/png")));
    let file = path(&with, &format!("/attachments/{}", attached["sha256"].as_str().expect("a hash")));
    let reader = case.node.person("reader");
    reader.get(&file).expect_problem(404, "not-found");
    case.node.nobody().get(&file).expect(401);

    let asked = act(&case.township, &with, "submit").expect(200).json();
    let answer = reader.get(&file).expect(200);
    assert_eq!(answer.body, PNG);
    assert!(answer.header("content-security-policy").contains("sandbox"));
    let claimed = act(&reader, &asked, "claim").expect(200).json();
    let body = json!({"version": claimed["version"], "report": case.report()});
    let saved = reader.put(&path(&claimed, "/report"), &body).expect(200).json();
    let signed = sign(&reader, &saved, &case.passphrase()).expect(200).json();
    let canonical = case.township.get(&path(&signed, "/report.json")).expect(200).json();
    assert_eq!(canonical["attachments"][0]["sha256"], attached["sha256"]);
}

#[test]
fn reviews_stay_in_the_centre_and_statistics_count_them() {
    let case = Case::new();
    let done = case.signed();
    let (reader, reviewer) = (case.node.person("reader"), case.node.person("reviewer"));
    let body = json!({"version": done["version"], "grade": "3b", "comment": "漏诊左肺结节"});
    reader.post(&path(&done, "/grade"), &body).expect_problem(403, "forbidden");
    let graded = reviewer.post(&path(&done, "/grade"), &body).expect(200).json();
    assert_eq!(reader.get(&path(&done, "")).expect(200).json()["has_open_discrepancy"], true);
    let seen = case.township.get(&path(&done, "")).expect(200).json();
    assert_eq!((&seen["quality"], &seen["has_open_discrepancy"]), (&json!([]), &json!(false)));
    say(&reader, &graded, "respond", "同意").expect(200);

    let coordinator = case.node.person("coordinator");
    let query = "?by=requesting&from=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z";
    let rows = coordinator.get(&format!("/api/v1/statistics{query}")).expect(200).json();
    let row = &rows["rows"][0];
    assert_eq!(row["key"], json!(case.node.id_of(Org::Township)));
    let number = |name: &str| row[name].as_u64().expect("a number");
    assert!(number("asked") >= 1 && number("delivered") >= 1 && number("graded") >= 1, "{row}");
    let csv = coordinator.get(&format!("/api/v1/statistics.csv{query}")).expect(200);
    let text = String::from_utf8(csv.body).expect("UTF-8");
    assert!(text.contains("清河镇卫生院") && text.lines().count() >= 2, "{text}");
    reader.get(&format!("/api/v1/statistics{query}")).expect_problem(403, "forbidden");
    coordinator
        .get("/api/v1/statistics?by=month&from=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z")
        .expect_problem(422, "invalid");
}

#[test]
fn a_reader_who_is_gone_loses_the_case_and_no_word() {
    let data = crate::support::node::work_folder().join("lease");
    let node = Node::start_in("lease", &data, &["--no-samples", "--lease-s", "2"]);
    // Case keeps a node for good; this one ends with the tests.
    let case = Case::on(Box::leak(Box::new(node)));
    let (reader, consult) = case.written();
    let reader2 = case.node.person("reader2");
    let renewed = std::time::Instant::now();
    while renewed.elapsed() < Duration::from_secs(4) {
        reader.post(&path(&consult, "/lease"), &json!({})).expect(200);
        assert_eq!(reader2.get(&path(&consult, "")).expect(200).json()["state"], "reading");
        std::thread::sleep(Duration::from_millis(100));
    }
    let free = wait_for("the lease ends", Duration::from_secs(30), || {
        let seen = reader2.get(&path(&consult, "")).expect(200).json();
        (seen["state"] == "accepted").then_some(seen)
    });
    assert_eq!(
        (&free["reader"], &free["timeline"].as_array().expect("steps").last().expect("one")["by"]),
        (&json!(null), &json!(null))
    );
    let next = act(&reader2, &free, "claim").expect(200).json();
    assert_eq!(next["report"]["diagnosis"], case.report()["diagnosis"]);
    reader.post(&path(&consult, "/lease"), &json!({})).expect_problem(409, "conflict");
}

#[test]
fn a_reviewer_takes_a_preliminary_report_over_and_another_reviews_it() {
    let node = Node::start("take-over");
    let [township, city] = [Org::Township, Org::City].map(|org| node.id_of(org).to_owned());
    node.command(&["agreement", "end", "demo"]).expect_success();
    let double = ["--signatures", "double", "--auto-accept"];
    let sides = ["agreement", "add", "--requesting", &township, "--reading", &city];
    node.command(&[&sides[..], &double].concat()).expect_success();
    node.command(&["user", "set", "reader2", "--roles", "reader,reviewer"]).expect_success();
    let case = Case::on(&node);
    let (reader, consult) = case.written();
    let signed = sign(&reader, &consult, &case.passphrase()).expect(200).json();
    assert_eq!(signed["state"], "preliminary");

    let (second, reviewer) = (node.person("reader2"), node.person("reviewer"));
    let problem = say(&reviewer, &signed, "take-over", "").expect_problem(403, "forbidden").json();
    assert!(problem["detail"].as_str().expect("words").contains("may not read"), "{problem}");
    say(&reader, &signed, "take-over", "").expect_problem(403, "forbidden");
    say(&case.township, &signed, "take-over", "").expect_problem(403, "forbidden");
    let seen = second.get(&path(&signed, "")).expect(200).json();
    assert!(allowed(&seen).contains(&"take_over"), "{}", seen["allowed"]);
    let taken = say(&second, &seen, "take-over", "措辞需改").expect(200).json();
    assert_eq!((&taken["state"], &taken["reader"]["id"]), (&json!("reading"), &json!(id_of("reader2"))));
    assert_eq!(taken["report"]["diagnosis"], case.report()["diagnosis"]);
    let notices = wait_for("the earlier reader to be told", Duration::from_secs(30), || {
        let notices = reader.get("/api/v1/notices?limit=50").expect(200).json();
        notices.to_string().contains("taken_over").then_some(notices)
    });
    assert!(notices.to_string().contains(consult["id"].as_str().expect("an id")), "{notices}");
    // Whoever wrote it before writes no longer.
    let body = json!({"version": taken["version"], "report": case.report()});
    reader.put(&path(&taken, "/report"), &body).expect_problem(403, "forbidden");

    let mut report = case.report();
    report["diagnosis"] = json!("右肺上叶实性结节，不除外恶性。");
    let body = json!({"version": taken["version"], "report": report});
    let mut mine = taken.clone();
    mine["version"] = second.put(&path(&taken, "/report"), &body).expect(200).json()["version"].clone();
    let again = sign(&second, &mine, &node.account("reader2")["signing_passphrase"]).expect(200).json();
    assert_eq!(again["state"], "preliminary");
    let review = |person: &Client, login: &str| {
        let preview = person.get(&path(&again, "/report/preview")).expect(200).json();
        let body = json!({
            "version": again["version"], "canonical_sha256": preview["canonical_sha256"],
            "passphrase": node.account(login)["signing_passphrase"],
        });
        person.post(&path(&again, "/review"), &body)
    };
    review(&second, "reader2").expect_problem(403, "forbidden");
    let done = review(&reviewer, "reviewer").expect(200).json();
    assert_eq!(done["state"], "delivered");
    let signers = done["versions"].as_array().expect("versions").last().expect("one")["signers"].to_string();
    assert!(signers.contains("刘洋") && signers.contains("赵红") && !signers.contains("王建国"), "{signers}");
    let canonical = case.township.get(&path(&done, "/report.json")).expect(200).json();
    assert_eq!(canonical["reader"]["name"], "刘洋");
}

#[test]
fn a_question_waits_until_what_it_is_about_has_arrived() {
    let node = Node::start_in(
        "still-arriving",
        &work_folder().join("still-arriving"),
        &["--no-samples", "--quiet-s", "4"],
    );
    let case = Case::on(&node);
    let arriving = |person: &Client| {
        let at = format!("/api/v1/studies/{}/{}/arriving", node.id_of(Org::Township), case.study());
        person.get(&at)
    };
    let draft = case.draft();
    let refused = act(&case.township, &draft, "submit").expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "study", "{refused}");
    assert!(refused["detail"].as_str().expect("words").contains("still arriving"), "{refused}");
    assert_eq!(arriving(&case.township).expect(200).json()["is_arriving"], true);
    arriving(&node.person("reader")).expect_problem(404, "not-found");
    // The draft is as it was.
    assert_eq!(case.township.get(&path(&draft, "")).expect(200).json()["version"], draft["version"]);
    wait_for("the study to be quiet", Duration::from_secs(30), || {
        (arriving(&case.township).expect(200).json()["is_arriving"] == false).then_some(())
    });

    // A file of the study that comes in pieces, by somebody else.
    let first = case.images[0].clone();
    let more = Ct { number: 9, instance: format!("{}9", first.instance), ..first }.file().bytes;
    let uploader = tus(node.person("uploader"));
    let upload = begin(&uploader, "IM009", more.len());
    let most = more.len() - 100;
    patch(&uploader, &upload, 0, &more[..most]).expect(204);
    let state = arriving(&case.township).expect(200).json();
    assert_eq!((&state["is_arriving"], &state["uploads"]), (&json!(true), &json!(1)), "{state}");
    let refused = act(&case.township, &draft, "submit").expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "study", "{refused}");
    assert!(refused["detail"].as_str().expect("words").contains("uploaded"), "{refused}");
    // One of another study, and one that does not say, hold nothing up.
    let other = Ct::new().file().bytes;
    for bytes in [&other[..other.len() - 1], &b"no DICOM, and no name"[..]] {
        let upload = begin(&uploader, "x", bytes.len() + 1);
        patch(&uploader, &upload, 0, bytes).expect(204);
    }
    assert_eq!(arriving(&case.township).expect(200).json()["uploads"], 1);

    patch(&uploader, &upload, most, &more[most..]).expect(204);
    finish(&uploader, &upload, &more, &json!({}));
    assert_eq!(over(&uploader, &upload)["outcome"], "stored");
    wait_for("everything to have arrived", Duration::from_secs(30), || {
        (arriving(&case.township).expect(200).json()["is_arriving"] == false).then_some(())
    });
    let sent = act(&case.township, &draft, "submit").expect(200).json();
    assert_eq!(sent["evidence"].as_array().expect("evidence").len(), 4);
}
