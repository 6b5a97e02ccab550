//! Regions and notes on a slide: who sees whose, who changes what, what is refused, and what other programs read.

use crate::support::node::{Org, farsight};
use crate::support::programs::{finish, python};
use crate::support::{Answer, Client, Node, run, sample, wait_for};
use serde_json::{Value as Json, json};
use sha2::Digest as _;
use std::sync::OnceLock;
use std::time::Duration;

/// A node with the CMU slide, which the reading centre has been asked about; the slide; the consult.
fn asked() -> &'static (Node, Json, Json) {
    static NODE: OnceLock<(Node, Json, Json)> = OnceLock::new();
    NODE.get_or_init(|| {
        let (node, slide) = import("slide-notes");
        let consult = ask(&node, &slide);
        (node, slide, consult)
    })
}

fn import(name: &str) -> (Node, Json) {
    let node = Node::start(name);
    let file = sample("demo/slides/CMU-1-Small-Region.svs");
    let owner = node.id_of(Org::Township);
    let import = ["import", file.to_str().expect("UTF-8"), "--org", owner, "--patient-name", "李秀英"];
    node.command(&import).expect_success();
    let slides = node.person("township").get("/api/v1/slides").expect(200).json();
    let slide = slides["slides"][0].clone();
    (node, slide)
}

fn ask(node: &Node, slide: &Json) -> Json {
    let township = node.person("township");
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "routine",
        "slide_id": slide["id"],
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": slide["study_instance_uid"]},
        "question": "是否异型增生？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    township.post(&submit, &json!({"version": draft["version"]})).expect(200).json()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

fn at(slide: &Json, rest: &str) -> String {
    format!("/api/v1/slides/{}/{rest}", slide["id"].as_str().expect("an id"))
}

fn rectangle(text: &str) -> Json {
    json!({
        "kind": "rectangle", "class": "tumour", "text": text,
        "points": [[100.25, 200.5], [400.25, 200.5], [400.25, 500.5], [100.25, 500.5]],
    })
}

fn draw(person: &Client, slide: &Json, body: &Json) -> Json {
    person.post(&at(slide, "annotations"), body).expect(201).json()
}

fn listed(person: &Client, slide: &Json) -> Vec<Json> {
    let list = person.get(&at(slide, "annotations")).expect(200).json();
    list["annotations"].as_array().expect("a list").clone()
}

fn texts(person: &Client, slide: &Json) -> Vec<String> {
    listed(person, slide).iter().map(|one| one["text"].as_str().expect("text").to_owned()).collect()
}

/// A call on one annotation with the version that was read.
fn on(person: &Client, annotation: &Json) -> Client {
    person.clone().with_header("If-Match", &format!("\"{}\"", annotation["version"]))
}

fn path(slide: &Json, annotation: &Json) -> String {
    at(slide, &format!("annotations/{}", annotation["id"].as_str().expect("an id")))
}

#[test]
fn a_region_is_kept_as_it_was_drawn_by_whom_and_for_whom() {
    let (node, slide, consult) = asked();
    let pathologist = node.person("pathologist");
    let mut body = rectangle("可疑\n<script>alert(1)</script>\u{202E}");
    body["consult"] = consult["id"].clone();
    let drawn = draw(&pathologist, slide, &body);
    assert_eq!(drawn["points"], body["points"], "to the fraction of a pixel");
    assert_eq!(
        drawn["text"], "可疑\n<script>alert(1)</script>",
        "text stays text; what turns writing is gone"
    );
    assert_eq!((&drawn["class"], &drawn["colour"]), (&json!("tumour"), &json!("#ef4444")));
    assert_eq!(drawn["own"], true);
    let author = &drawn["author"];
    let me = pathologist.get("/api/v1/session").expect(200).json();
    assert_eq!((&author["id"], &author["name"]), (&me["person"]["id"], &me["person"]["name"]));
    assert_eq!(author["organisation"]["id"], node.id_of(Org::City));
    assert_eq!(author["on_behalf"]["number"], consult["number"]);
    assert_eq!(author["on_behalf"]["organisation"]["id"], node.id_of(Org::Township));

    // The hospital that asked sees it, with its author, and cannot touch it.
    let township = node.person("township");
    let seen =
        listed(&township, slide).into_iter().find(|one| one["id"] == drawn["id"]).expect("it is there");
    assert_eq!((&seen["own"], &seen["author"]["name"]), (&json!(false), &author["name"]));
    on(&township, &seen).put(&path(slide, &seen), &rectangle("x")).expect_problem(403, "forbidden");
    on(&township, &seen).delete(&path(slide, &seen)).expect_problem(403, "forbidden");
}

#[test]
fn a_change_keeps_the_version_before_and_never_overwrites_what_was_not_read() {
    let (node, slide, _) = asked();
    let township = node.person("township");
    let first = draw(&township, slide, &rectangle("一"));
    let address = path(slide, &first);
    let second = on(&township, &first).put(&address, &rectangle("二")).expect(200).json();
    assert_eq!(second["version"], 2);
    township.put(&address, &rectangle("三")).expect_problem(428, "precondition-required");
    on(&township, &first).put(&address, &rectangle("三")).expect_problem(412, "stale");
    on(&township, &first).delete(&address).expect_problem(412, "stale");
    for strange in ["2", "*", "\"two\"", "W/\"2\"", "\"\""] {
        let person = township.clone().with_header("If-Match", strange);
        person.put(&address, &rectangle("三")).expect_problem(412, "stale");
    }
    let versions = township.get(&format!("{address}/versions")).expect(200).json();
    let texts: Vec<_> =
        versions["annotations"].as_array().expect("a list").iter().map(|v| &v["text"]).collect();
    assert_eq!(texts, ["二", "一"]);

    assert_eq!(on(&township, &second).delete(&address).status, 204);
    assert!(!listed(&township, slide).iter().any(|one| one["id"] == first["id"]));
    on(&township, &second).delete(&address).expect_problem(404, "not-found");
    on(&township, &second).put(&address, &rectangle("四")).expect_problem(404, "not-found");
    let versions = township.get(&format!("{address}/versions")).expect(200).json();
    assert_eq!(versions["annotations"].as_array().map(Vec::len), Some(3), "a deletion is a mark");
}

#[test]
fn two_who_write_at_once_lose_nothing() {
    let (node, slide) = import("slide-notes-at-once");
    let people: Vec<_> = (0..4).map(|_| node.person("township")).collect();
    std::thread::scope(|scope| {
        for (n, person) in people.iter().enumerate() {
            let slide = &slide;
            scope.spawn(move || {
                for m in 0..5 {
                    draw(person, slide, &rectangle(&format!("{n}.{m}")));
                }
            });
        }
    });
    assert_eq!(listed(&people[0], &slide).len(), 20);

    let one = &listed(&people[0], &slide)[0];
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = |person: &Client| {
            let (person, address) = (on(person, one), path(&slide, one));
            scope.spawn(move || person.put(&address, &rectangle("mine")).status)
        };
        let waiting: Vec<_> = people.iter().map(ask).collect();
        waiting.into_iter().map(|answer| answer.join().expect("an answer")).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 412).count(), 3, "{answers:?}");
}

#[test]
fn another_hospital_finds_nothing_wherever_it_looks() {
    let (node, slide) = import("slide-notes-others");
    let drawn = draw(&node.person("township"), &slide, &rectangle("私"));
    let reader = node.person("reader");
    let nobodys = json!({"id": "0199aaaa-0000-7000-8000-000000000000"});
    for rest in ["annotations", "annotations.geojson", "annotations.dcm", "coverage", "bookmarks"] {
        let theirs = reader.get(&at(&slide, rest)).expect_problem(404, "not-found").json();
        let none = reader.get(&at(&nobodys, rest)).expect_problem(404, "not-found").json();
        assert_eq!((&theirs["title"], &theirs["detail"]), (&none["title"], &none["detail"]), "{rest}");
    }
    reader.post(&at(&slide, "annotations"), &rectangle("x")).expect_problem(404, "not-found");
    reader.post(&at(&slide, "seen"), &json!({})).expect_problem(404, "not-found");
    on(&reader, &drawn).put(&path(&slide, &drawn), &rectangle("x")).expect_problem(404, "not-found");
    on(&reader, &drawn).delete(&path(&slide, &drawn)).expect_problem(404, "not-found");
    reader.get(&format!("{}/versions", path(&slide, &drawn))).expect_problem(404, "not-found");
    // Once asked they see it; when the question is withdrawn, no longer.
    let consult = ask(&node, &slide);
    assert_eq!(texts(&reader, &slide), ["私"]);
    let cancel = format!("/api/v1/consults/{}/cancel", consult["id"].as_str().expect("an id"));
    let reason = json!({"version": consult["version"], "reason": "误送"});
    node.person("township").post(&cancel, &reason).expect(200);
    wait_for("the grant to end", Duration::from_secs(20), || {
        (reader.get(&at(&slide, "annotations")).status == 404).then_some(())
    });
    // A consult about something else is no consult to draw within.
    let mut body = rectangle("x");
    body["consult"] = json!("no-such-consult");
    let problem =
        node.person("township").post(&at(&slide, "annotations"), &body).expect_problem(422, "invalid");
    assert_eq!(problem.json()["field"], "consult");
}

#[test]
fn who_keeps_a_node_in_order_and_machines_do_not_draw() {
    let (node, slide, _) = asked();
    for person in ["archivist", "coordinator"] {
        node.person(person).post(&at(slide, "annotations"), &rectangle("x")).expect_problem(403, "forbidden");
    }
    let machine = node.machine(Org::Township);
    machine.post(&at(slide, "annotations"), &rectangle("x")).expect_problem(403, "forbidden");
    machine.post(&at(slide, "seen"), &json!({})).expect_problem(403, "forbidden");
    node.nobody().get(&at(slide, "annotations")).expect_problem(401, "unauthenticated");
}

#[test]
fn what_is_no_region_is_refused_and_leaves_nothing() {
    let (node, slide) = import("slide-notes-hostile");
    let township = node.person("township");
    let with = |field: &str, value: Json| {
        let mut body = rectangle("x");
        body[field] = value;
        township.post(&at(&slide, "annotations"), &body)
    };
    let refused = |answer: Answer, field: &str| {
        assert_eq!(answer.expect_problem(422, "invalid").json()["field"], field);
    };
    refused(with("points", json!([])), "points");
    refused(with("points", json!([[1, 2], [3, 4], [5, 6], [700, 8]])), "points");
    refused(with("points", json!([[1e9, 2], [1e9, 4], [1e9, 6], [1e9, 8]])), "points");
    refused(with("points", json!([[1, 2, 3]])), "body");
    refused(with("points", json!([[null, 2]])), "body");
    refused(with("kind", json!("star")), "body");
    refused(with("class", json!("../../etc")), "body");
    refused(with("colour", json!("red;}</style>")), "body");
    refused(with("surprise", json!(1)), "body");
    refused(with("text", json!("字".repeat(100_000))), "text");
    let many: Vec<_> = (0..10_001).map(|n| json!([f64::from(n % 2000), 5.5])).collect();
    let polygon = json!({"kind": "polygon", "points": many});
    refused(township.post(&at(&slide, "annotations"), &polygon), "points");
    let huge: Vec<_> = (0..400_000).map(|n| json!([n % 2000, 5])).collect();
    let huge = json!({"kind": "polygon", "points": huge});
    township.post(&at(&slide, "annotations"), &huge).expect_problem(413, "too-large");
    let deep = "[".repeat(100_000).into_bytes();
    township
        .post_bytes(&at(&slide, "annotations.geojson"), "application/json", deep)
        .expect_problem(422, "invalid");
    assert!(listed(&township, &slide).is_empty());
}

#[test]
fn a_slide_takes_so_many_annotations_and_no_more() {
    let (node, slide) = import("slide-notes-full");
    let township = node.person("township");
    let point = |n: u32| json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [n % 2000, n / 2]}, "properties": {}});
    let file = Json::Array((0..1000).map(point).collect());
    let answer = township.post(&at(&slide, "annotations.geojson"), &file).expect(200).json();
    assert_eq!(answer["annotations"].as_array().map(Vec::len), Some(1000));
    let full = township.post(&at(&slide, "annotations"), &rectangle("x")).expect_problem(422, "invalid");
    assert_eq!(full.json()["field"], "slide");
    let first = &answer["annotations"][0];
    assert_eq!(on(&township, first).delete(&path(&slide, first)).status, 204);
    draw(&township, &slide, &rectangle("there is room again"));
}

#[test]
fn asking_again_is_cheap_and_tells_what_others_have_drawn() {
    let (node, slide, _) = asked();
    let (township, pathologist) = (node.person("township"), node.person("pathologist"));
    draw(&township, slide, &rectangle("先"));
    let first = pathologist.get(&at(slide, "annotations")).expect(200);
    let again = pathologist.clone().with_header("If-None-Match", first.header("etag"));
    let unchanged = || again.get(&at(slide, "annotations")).status;
    // Others draw on this slide, too.
    let drawn = draw(&township, slide, &rectangle("后"));
    assert_eq!(unchanged(), 200);
    assert!(listed(&pathologist, slide).iter().any(|one| one["id"] == drawn["id"]));
}

#[test]
fn drawing_changing_and_deleting_is_on_the_audit_chain_without_words() {
    let (node, slide) = import("slide-notes-audit");
    ask(&node, &slide);
    let pathologist = node.person("pathologist");
    let drawn = draw(&pathologist, &slide, &rectangle("秘密的话"));
    let changed =
        on(&pathologist, &drawn).put(&path(&slide, &drawn), &rectangle("更秘密")).expect(200).json();
    assert_eq!(on(&pathologist, &changed).delete(&path(&slide, &changed)).status, 204);
    pathologist.post(&at(&slide, "seen"), &json!({})).expect(200);
    pathologist.get(&at(&slide, "annotations.geojson")).expect(200);
    // The auditor reads the centre's chain; what the hospital did is on its own.
    let events = node.person("auditor").get("/api/v1/audit?limit=50").expect(200).json();
    let object = format!("annotation/{}", drawn["id"].as_str().expect("an id"));
    let events = events["events"].as_array().expect("events");
    let of: Vec<_> =
        events.iter().filter(|event| event["object"] == object).map(|event| &event["action"]).collect();
    assert_eq!(of, ["delete", "change", "change"]);
    let slide_object = format!("slide/{}", slide["id"].as_str().expect("an id"));
    let of_slide = |action: &str| events.iter().any(|e| e["object"] == slide_object && e["action"] == action);
    assert!(of_slide("read") && of_slide("export"));
    assert!(!Json::from(events.clone()).to_string().contains("秘密"));
}

#[test]
fn what_was_seen_is_a_persons_own_and_adds_up() {
    let (node, slide) = import("slide-notes-seen");
    let township = node.person("township");
    let never = township.get(&at(&slide, "coverage")).expect(200).json();
    assert_eq!((&never["first_at"], &never["openings"]), (&Json::Null, &json!(0)));
    let opened = township.post(&at(&slide, "seen"), &json!({})).expect(200).json();
    assert_eq!(opened["openings"], 1);
    let cells =
        opened["grid"]["columns"].as_u64().expect("columns") * opened["grid"]["rows"].as_u64().expect("rows");
    let bytes = cells.div_ceil(8) as usize;
    let bits = |first: u8, last: u8| {
        use base64::Engine as _;
        let mut bytes = vec![0; bytes];
        bytes[0] = first;
        let at = bytes.len() - 2;
        bytes[at] = last;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let none = bits(0, 0);
    let send = |steps: [&String; 5]| township.post(&at(&slide, "coverage"), &json!({"steps": steps}));
    send([&bits(0b1, 0), &none, &none, &none, &none]).expect(200);
    send([&none, &none, &bits(0, 0b10), &none, &none]).expect(200);
    send([&none, &none, &bits(0, 0b10), &none, &none]).expect(200);
    let seen = township.get(&at(&slide, "coverage")).expect(200).json();
    let count =
        |step: usize| (seen["steps"][step]["share"].as_f64().expect("a share") * cells as f64).round() as u64;
    assert_eq!([0, 1, 2, 3, 4].map(count), [1, 1, 2, 2, 2], "the same news twice changes nothing");
    let short = "AAAA".to_owned();
    let problem = send([&short, &none, &none, &none, &none]).expect_problem(422, "invalid").json();
    assert_eq!(problem["field"], "steps");
    ask(&node, &slide);
    let others = node.person("reader").get(&at(&slide, "coverage")).expect(200).json();
    assert_eq!(others["first_at"], Json::Null, "it is each person's own");
}

#[test]
fn who_acts_for_two_organisations_has_seen_for_both_and_draws_for_each() {
    let (node, slide) = import("slide-notes-two");
    ask(&node, &slide);
    node.let_act_for("reader", node.id_of(Org::Township), "requester");
    let reader = node.person("reader");
    let act_for = |org: Org| {
        reader.put("/api/v1/session/acting-for", &json!({"organisation": node.id_of(org)})).expect(200);
    };
    for (org, openings) in [(Org::City, 1), (Org::Township, 2), (Org::City, 3)] {
        act_for(org);
        assert_eq!(reader.post(&at(&slide, "seen"), &json!({})).expect(200).json()["openings"], openings);
    }
    let drawn = draw(&reader, &slide, &rectangle("为中心"));
    let change = || on(&reader, &drawn).put(&path(&slide, &drawn), &rectangle("改"));
    act_for(Org::Township);
    assert_eq!(listed(&reader, &slide)[0]["own"], false);
    change().expect_problem(403, "forbidden");
    act_for(Org::City);
    assert_eq!(listed(&reader, &slide)[0]["own"], true);
    change().expect(200);
}

/// One of each kind, with fractions; some outside the others' class.
fn of_every_kind(person: &Client, slide: &Json) -> Vec<Json> {
    [
        json!({"kind": "point", "points": [[1000.5, 900.25]], "class": "mitosis", "text": "核分裂象"}),
        json!({"kind": "line", "points": [[10.0, 20.0], [30.55, 40.0], [50.0, 20.01]], "class": "margin"}),
        json!({"kind": "polygon", "points": [[500, 500], [700, 520.5], [600.25, 800]], "text": "浸润？"}),
        rectangle("肿瘤"),
        json!({"kind": "rectangle", "points": [[1500, 1500], [1600, 1600], [1500, 1700], [1400, 1600]]}),
        json!({"kind": "ellipse", "points": [[100, 2000], [300, 2000], [200, 1950], [200, 2050]], "class": "necrosis"}),
        json!({"kind": "ellipse", "points": [[1000, 2000], [1200, 2200], [1150, 2050], [1050, 2150]]}),
    ]
    .iter()
    .map(|body| draw(person, slide, body))
    .collect()
}

#[test]
fn geojson_goes_out_and_comes_back_as_it_was() {
    let (node, slide) = import("slide-notes-geojson");
    let township = node.person("township");
    let drawn = of_every_kind(&township, &slide);
    let answer = township.get(&at(&slide, "annotations.geojson")).expect(200);
    assert_eq!(answer.header("content-type"), "application/geo+json");
    let file = answer.json();
    assert_eq!(file["type"], "FeatureCollection");
    let features = file["features"].as_array().expect("features");
    assert_eq!(features[3]["geometry"]["coordinates"][0][0], json!([100.25, 200.5]), "pixels of level 0");
    assert_eq!(features[3]["properties"]["classification"]["name"], "Tumor");
    assert_eq!(features[3]["properties"]["metadata"]["ANNOTATION_DESCRIPTION"], "肿瘤");
    assert_eq!(features[5]["geometry"]["isEllipse"], true);

    let pathologist = {
        ask(&node, &slide);
        node.person("pathologist")
    };
    let imported = pathologist.post(&at(&slide, "annotations.geojson"), &file).expect(200).json();
    assert_eq!(imported["refused"], json!([]));
    for (one, back) in drawn.iter().zip(imported["annotations"].as_array().expect("a list")) {
        for field in ["kind", "points", "class", "colour", "text"] {
            assert_eq!(one[field], back[field], "{field} of {one}");
        }
        assert_eq!(
            back["author"]["organisation"]["id"],
            node.id_of(Org::City),
            "whoever imports answers for it"
        );
    }
    let outside = json!([{"type": "Feature", "geometry": {"type": "Point", "coordinates": [-5, 1e7]}}]);
    let answer = pathologist.post(&at(&slide, "annotations.geojson"), &outside).expect(200).json();
    assert_eq!(
        (answer["annotations"].as_array().map(Vec::len), &answer["refused"][0]["position"]),
        (Some(0), &json!(0))
    );
    for file in [json!({"type": "Topology"}), json!(1), json!("x")] {
        pathologist.post(&at(&slide, "annotations.geojson"), &file).expect_problem(422, "invalid");
    }
}

#[test]
fn dicom_annotations_are_what_others_read() {
    let (node, slide) = import("slide-notes-dicom");
    let township = node.person("township");
    let path = at(&slide, "annotations.dcm");
    township.get(&path).expect_problem(422, "invalid");
    let drawn = of_every_kind(&township, &slide);
    let answer = township.get(&path).expect(200);
    assert_eq!(answer.header("content-type"), "application/dicom");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("annotations.dcm");
    std::fs::write(&file, &answer.body).expect("a file");
    let said = run("dciodvfy", &[file.to_str().expect("UTF-8")]);
    // It looks for the coordinate type within each group, where the standard does not have it, and so takes every group
    // for one of three dimensions; what it then misses is not there, and must not be.
    let is_false = |line: &&str| line.contains("<CommonZCoordinateValue> = <>");
    let words = said.output();
    let errors: Vec<_> =
        words.lines().filter(|line| line.starts_with("Error")).filter(|l| !is_false(l)).collect();
    assert!(errors.is_empty(), "{errors:?}");

    let expected = folder.path().join("drawn.json");
    let level = &slide["levels"][0];
    let expected_json = json!({
        "annotations": drawn, "study": slide["study_instance_uid"], "instance": level["sop_instance_uid"],
        "patient_name": "李秀英",
    });
    std::fs::write(&expected, expected_json.to_string()).expect("a file");
    let arguments = [file.to_str().expect("UTF-8"), expected.to_str().expect("UTF-8")];
    let mut judge = python();
    judge.arg("read_annotations.py").args(arguments);
    finish(judge).expect_success();
}

/// A field of view of a window of this size on the middle of the slide.
fn view(width: u32, height: u32) -> Json {
    json!({
        "x": 1000.0, "y": 900.0, "zoom": 1.0, "rotation_deg": 0.0, "mirrored": false,
        "screen_width": width, "screen_height": height,
    })
}

fn bookmark(person: &Client, slide: &Json, name: &str, view: &Json) -> Json {
    person.post(&at(slide, "bookmarks"), &json!({"name": name, "view": view})).expect(201).json()
}

fn picture(person: &Client, slide: &Json, bookmark: &Json) -> Vec<u8> {
    let path = at(slide, &format!("bookmarks/{}/picture", bookmark["id"].as_str().expect("an id")));
    let answer = person.get(&path).expect(200);
    assert_eq!(answer.header("content-type"), "image/jpeg");
    answer.body
}

#[test]
fn a_bookmark_has_the_picture_that_was_on_the_screen() {
    let (node, slide, _) = asked();
    let township = node.person("township");
    let folder = tempfile::tempdir().expect("a folder");
    let keep = |name: &str, view: Json| {
        let made = bookmark(&township, slide, name, &view);
        let bytes = picture(&township, slide, &made);
        assert_eq!(made["picture"]["sha256"], sha256(&bytes), "named by its hash");
        std::fs::write(folder.path().join(name), bytes).expect("a file");
        made
    };
    let plain = keep("plain.jpg", view(600, 500));
    assert_eq!((&plain["picture"]["width"], &plain["picture"]["height"]), (&json!(600), &json!(500)));
    let with = |width, height, field: &str, value: Json| {
        let mut view = view(width, height);
        view[field] = value;
        view
    };
    keep("turned.jpg", with(500, 600, "rotation_deg", json!(90.0)));
    keep("mirrored.jpg", with(600, 500, "mirrored", json!(true)));
    keep("oblique.jpg", with(600, 500, "rotation_deg", json!(30.0)));
    keep("edge.jpg", with(600, 500, "x", json!(2200.0)));
    let source = sample("demo/slides/CMU-1-Small-Region.svs");
    let mut judge = python();
    judge.arg("judge_fields_of_view.py").arg(folder.path()).arg(source);
    finish(judge).expect_success();
}

#[test]
fn bookmarks_are_for_whom_notes_are_for_and_only_their_authors_change_them() {
    let (node, slide) = import("slide-notes-bookmarks");
    let (township, reader) = (node.person("township"), node.person("pathologist"));
    let made = bookmark(&township, &slide, "切缘", &view(600, 500));
    let address = at(&slide, &format!("bookmarks/{}", made["id"].as_str().expect("an id")));
    reader.get(&format!("{address}/picture")).expect_problem(404, "not-found");
    ask(&node, &slide);
    let list = reader.get(&at(&slide, "bookmarks")).expect(200).json();
    assert_eq!(
        (&list["bookmarks"][0]["name"], &list["bookmarks"][0]["own"]),
        (&json!("切缘"), &json!(false))
    );
    assert!(!picture(&reader, &slide, &made).is_empty());
    let name = json!({"name": "另一个"});
    on(&reader, &made).put(&address, &name).expect_problem(403, "forbidden");
    township.put(&address, &name).expect_problem(428, "precondition-required");
    let renamed = on(&township, &made).put(&address, &name).expect(200).json();
    assert_eq!((&renamed["name"], &renamed["version"]), (&name["name"], &json!(2)));
    on(&township, &made).delete(&address).expect_problem(412, "stale");
    assert_eq!(on(&township, &renamed).delete(&address).status, 204);
    assert_eq!(township.get(&at(&slide, "bookmarks")).expect(200).json()["bookmarks"], json!([]));

    for (field, value) in [
        ("zoom", json!(0)),
        ("zoom", json!(1e9)),
        ("x", json!(1e12)),
        ("screen_width", json!(-5)),
        ("screen_height", json!(1e7)),
        ("rotation_deg", json!(1e300)),
    ] {
        let mut view = view(600, 500);
        view[field] = value;
        let body = json!({"name": "x", "view": view});
        let problem = township.post(&at(&slide, "bookmarks"), &body).expect_problem(422, "invalid").json();
        assert_eq!(problem["field"], "view", "{field}");
    }
    for name in ["".to_owned(), "一\n二".to_owned(), "字".repeat(121)] {
        let body = json!({"name": name, "view": view(600, 500)});
        let problem = township.post(&at(&slide, "bookmarks"), &body).expect_problem(422, "invalid").json();
        assert_eq!(problem["field"], "name");
    }
    // All of the slide is a picture, too, and no larger one.
    let mut whole = view(2000, 2000);
    whole["zoom"] = json!(0.5);
    let whole = bookmark(&township, &slide, "全片", &whole);
    assert!(whole["picture"]["width"].as_u64() <= Some(1200), "{whole}");
}

#[test]
fn a_bookmark_in_a_report_is_signed_printed_and_verified() {
    let (node, slide) = import("slide-notes-report");
    let consult = ask(&node, &slide);
    let pathologist = node.person("pathologist");
    let case = |rest: &str| format!("/api/v1/consults/{}/{rest}", consult["id"].as_str().expect("an id"));
    let claimed =
        pathologist.post(&case("claim"), &json!({"version": consult["version"]})).expect(200).json();
    let made = bookmark(&pathologist, &slide, "可疑腺体", &view(600, 500));
    let report = |key_images: Json| {
        json!({
            "findings": "黏膜慢性炎。", "diagnosis": "慢性胃炎。", "recommendation": "", "template": null,
            "displayed": [], "key_images": key_images,
        })
    };
    let save = |version: &Json, key_images: Json| {
        pathologist.put(&case("report"), &json!({"version": version, "report": report(key_images)}))
    };
    let none = json!([{"slide": slide["id"], "bookmark": "0199aaaa-0000-7000-8000-000000000000"}]);
    assert_eq!(save(&claimed["version"], none).expect_problem(422, "invalid").json()["field"], "key_images");
    let many = json!(vec![json!({"slide": slide["id"], "bookmark": made["id"]}); 9]);
    save(&claimed["version"], many).expect_problem(422, "invalid");
    let twice = json!(vec![json!({"slide": slide["id"], "bookmark": made["id"]}); 2]);
    save(&claimed["version"], twice).expect_problem(422, "invalid");
    // What a client says of a picture besides which it is does not count.
    let chosen = json!([{"slide": slide["id"], "bookmark": made["id"], "picture_sha256": "00".repeat(32), "name": "x"}]);
    let saved = save(&claimed["version"], chosen).expect(200).json();
    let image = &saved["report"]["key_images"][0];
    assert_eq!(image["picture_sha256"], made["picture"]["sha256"]);
    assert_eq!(
        (&image["name"], &image["instance"]),
        (&json!("可疑腺体"), &made["picture"]["sop_instance_uid"])
    );
    assert_eq!(
        (&image["width_px"], &image["width_um"], &image["magnification"]),
        (&json!(600), &json!("299"), &json!("20"))
    );
    // Sent back as it came, it stays; and a bookmark that is deleted stays in the report that shows it.
    let address = at(&slide, &format!("bookmarks/{}", made["id"].as_str().expect("an id")));
    assert_eq!(on(&pathologist, &made).delete(&address).status, 204);
    let again = save(&saved["version"], saved["report"]["key_images"].clone()).expect(200).json();
    assert_eq!(again["report"]["key_images"], saved["report"]["key_images"]);

    let shown = case(&format!("report/pictures/{}", image["picture_sha256"].as_str().expect("a hash")));
    assert_eq!(pathologist.get(&shown).expect(200).header("content-type"), "image/jpeg");
    node.person("township").get(&shown).expect_problem(404, "not-found");
    let preview = pathologist.get(&case("report/preview")).expect(200).json();
    assert_eq!(preview["canonical"]["template"], "report-a4/10");
    assert_eq!(preview["canonical"]["key_images"][0]["picture_sha256"], image["picture_sha256"]);
    let signature = json!({
        "version": again["version"], "canonical_sha256": preview["canonical_sha256"],
        "passphrase": node.account("pathologist")["signing_passphrase"],
    });
    pathologist.post(&case("sign"), &signature).expect(200);

    let folder = tempfile::tempdir().expect("a folder");
    let pdf = pathologist.get(&case("report.pdf")).expect(200).body;
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, &pdf).expect("a file");
    let path = path.to_str().expect("UTF-8");
    run("qpdf", &["--check", path]).expect_success();
    assert!(run("pdfimages", &["-list", path]).expect_success().stdout.contains("600   500"));
    let text = run("pdftotext", &["-layout", path, "-"]).expect_success().stdout.replace(' ', "");
    for word in ["关键图像", "可疑腺体", "299×250µm", "20×"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let out = folder.path().join("picture.jpg");
    let out = out.to_str().expect("UTF-8");
    run("pdfdetach", &["-savefile", "picture-1.jpg", "-o", out, path]).expect_success();
    assert_eq!(sha256(&std::fs::read(out).expect("a file")), image["picture_sha256"]);
    let anchors = node.demo()["trust_anchors"].as_str().expect("a path");
    let verified = farsight(&["verify", path, "--trust", anchors]);
    verified.expect_success();
    let stored = pathologist.get(&case("verify")).expect(200).json();
    assert_eq!(stored["ok"], true, "{stored}");
}
