//! A real slide: imported by passthrough, served as tiles, its label kept from others.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Client, Node, run, sample, wait_for};
use base64::Engine as _;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;
use ureq::http::HeaderMap;

/// The node with the CMU slide that most tests share; and the slide.
fn imported() -> &'static (Node, Json) {
    static NODE: OnceLock<(Node, Json)> = OnceLock::new();
    NODE.get_or_init(|| import("slides"))
}

/// A node of one's own with the CMU slide; and the slide.
fn import(name: &str) -> (Node, Json) {
    let node = Node::start(name);
    let slide = sample("demo/slides/CMU-1-Small-Region.svs");
    let owner = node.id_of(Org::Township);
    let patient = ["--patient-name", "李秀英", "--patient-id", "QH20260017"];
    let slide = slide.to_str().expect("UTF-8");
    node.command(&[&["import", slide, "--org", owner][..], &patient].concat()).expect_success();
    let slides = node.person("township").get("/api/v1/slides").expect(200).json();
    let slide = slides["slides"][0].clone();
    assert_eq!(slide["source"], "CMU-1-Small-Region.svs");
    (node, slide)
}

fn tile(slide: &Json, place: &str) -> String {
    format!("/api/v1/slides/{}/tiles/{place}", slide["id"].as_str().expect("an id"))
}

#[test]
fn a_slide_says_what_it_is_and_how_it_was_kept() {
    let (_, slide) = imported();
    assert_eq!((&slide["width"], &slide["height"]), (&2220.into(), &2967.into()));
    assert_eq!((&slide["objective"], &slide["grade"]), (&Json::from(20.0), &"A".into()));
    assert!((slide["mpp_um"]["x"].as_f64().expect("a scale") - 0.499).abs() < 1e-3);
    let report = &slide["grade_report"];
    assert!(report["tiles_checked"].as_u64() > Some(0));
    assert_eq!(report["tiles_checked"], report["tiles_equal"]);
    assert_eq!(report["generations"], 0);
    assert_eq!(slide["patient_name"], "李秀英");
}

#[test]
fn a_tile_is_a_jpeg_that_may_be_kept_for_good() {
    let (node, slide) = imported();
    let person = node.person("township");
    let answer = person.get(&tile(slide, "0/0/0")).expect(200);
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert!(answer.body.starts_with(b"\xFF\xD8"));
    let end = answer.body.iter().rposition(|byte| *byte != 0).expect("bytes");
    assert_eq!(
        answer.body[end - 1..=end],
        [0xFF, 0xD9],
        "EOI, and at most the padding of the fragment after it"
    );
    assert!(answer.header("cache-control").contains("immutable"), "{}", answer.header("cache-control"));
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with('"'), "a strong ETag: {etag}");
    let again = person.with_header("If-None-Match", &etag).get(&tile(slide, "0/0/0")).expect(304);
    assert!(again.body.is_empty());
}

/// A plain request for a tile goes another way through the node than one that says in which form it is wanted.
#[test]
fn both_ways_of_a_tile_answer_alike() {
    let (node, slide) = imported();
    let plain = tile(slide, "0/1/1");
    let round = format!("{plain}?as=stored");
    for client in [node.person("township"), node.machine(Org::Township)] {
        let expected = client.get(&round).expect(200);
        let seen = client.get(&plain).expect(200);
        assert_eq!(seen.body, expected.body);
        for name in expected.headers().keys().filter(|name| *name != "date") {
            assert_eq!(seen.headers().get(name), expected.headers().get(name), "{name}");
        }
        assert_eq!(seen.headers().len(), expected.headers().len());
        let known = client.with_header("If-None-Match", expected.header("etag"));
        let (seen, expected) = (known.get(&plain).expect(304), known.get(&round).expect(304));
        let names = |headers: &HeaderMap| headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(seen.headers()), names(expected.headers()));
    }
    Client::new(node.base_url()).get(&plain).expect_problem(401, "unauthenticated");
    let other = format!("{plain}?rev={}", "0".repeat(16));
    assert_eq!(node.person("township").get(&other).status, 404);
}

#[test]
fn a_tile_outside_is_not_found() {
    let (node, slide) = imported();
    let person = node.person("township");
    let level = &slide["levels"][0];
    let (across, down) = (&level["tiles_x"], &level["tiles_y"]);
    for place in
        [format!("0/{across}/0"), format!("0/0/{down}"), "99/0/0".into(), "0/4294967295/4294967295".into()]
    {
        person.get(&tile(slide, &place)).expect_problem(404, "not-found");
    }
    for place in ["0/-1/0", "0/0/99999999999999999999"] {
        let status = person.get(&tile(slide, place)).status;
        assert!(status == 404 || status == 400, "{place}: {status}");
    }
}

#[test]
fn the_label_is_its_own_hospitals_and_the_slide_is_nobody_elses() {
    let (node, slide) = imported();
    let id = slide["id"].as_str().expect("an id");
    for kind in ["label", "overview"] {
        let path = format!("/api/v1/slides/{id}/associated/{kind}");
        assert!(node.person("township").get(&path).expect(200).header("content-type").starts_with("image/"));
        node.person("reader").get(&path).expect_problem(404, "not-found");
    }
    node.person("reader").get(&format!("/api/v1/slides/{id}")).expect_problem(404, "not-found");
    node.person("reader").get(&tile(slide, "0/0/0")).expect_problem(404, "not-found");
    assert_eq!(node.person("reader").get("/api/v1/slides").expect(200).json()["slides"], json!([]));

    // Asked about the slide, the reading centre sees it; who it is from, as the label says, is not for its eyes.
    let township = node.person("township");
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "frozen", "slide_id": id,
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": slide["study_instance_uid"]},
        "question": "切缘是否干净？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    township.post(&submit, &json!({"version": draft["version"]})).expect(200);
    let seen = node.person("reader").get(&format!("/api/v1/slides/{id}")).expect(200).json();
    assert_eq!((&seen["has_label"], &seen["has_overview"]), (&json!(false), &json!(false)));
    node.person("reader").get(&tile(slide, "0/0/0")).expect(200);
    for kind in ["label", "overview"] {
        let path = format!("/api/v1/slides/{id}/associated/{kind}");
        node.person("reader").get(&path).expect_problem(404, "not-found");
        node.machine(Org::City).get(&path).expect_problem(404, "not-found");
    }
    let path = "/dicom-web/instances?includefield=00080008&limit=500";
    let all = node.machine(Org::City).get(path).expect(200).json();
    let types = all.as_array().expect("instances").iter().map(|i| i["00080008"]["Value"].to_string());
    let types: Vec<_> = types.collect();
    assert!(types.iter().any(|t| t.contains("VOLUME")), "{types:?}");
    assert!(!types.iter().any(|t| t.contains("LABEL") || t.contains("OVERVIEW")), "{types:?}");
}

#[test]
fn a_report_about_a_slide_prints_its_grade() {
    let (node, slide) = import("slides-report");
    let (township, pathologist) = (node.person("township"), node.person("pathologist"));
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "routine",
        "slide_id": slide["id"],
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": slide["study_instance_uid"]},
        "question": "是否异型增生？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let at = |rest: &str| format!("/api/v1/consults/{}/{rest}", draft["id"].as_str().expect("an id"));
    let on = |seen: &Json| json!({"version": seen["version"]});
    let submitted = township.post(&at("submit"), &on(&draft)).expect(200).json();
    let claimed = pathologist.post(&at("claim"), &on(&submitted)).expect(200).json();
    let report = json!({
        "findings": "黏膜慢性炎，腺体结构规则。", "diagnosis": "慢性胃炎，未见异型增生。", "recommendation": "",
        "template": null, "displayed": [],
    });
    let saved = json!({"version": claimed["version"], "report": report});
    let saved = pathologist.put(&at("report"), &saved).expect(200).json();
    let preview = pathologist.get(&at("report/preview")).expect(200).json();
    assert_eq!(preview["canonical"]["slide"]["grade"], "A");
    let signature = json!({
        "version": saved["version"], "canonical_sha256": preview["canonical_sha256"],
        "passphrase": node.account("pathologist")["signing_passphrase"],
    });
    pathologist.post(&at("sign"), &signature).expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let pdf = folder.path().join("report.pdf");
    std::fs::write(&pdf, township.get(&at("report.pdf")).expect(200).body).expect("a file");
    let text = run("pdftotext", &["-layout", pdf.to_str().expect("UTF-8"), "-"]).expect_success().stdout;
    let text: String = text.split_whitespace().collect();
    for words in ["李秀英", "未见异型增生", "无损等级A"] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn a_slide_that_arrives_between_writing_a_question_and_sending_it_is_named_with_its_grade() {
    let (node, slide) = import("slides-late");
    let (township, pathologist) = (node.person("township"), node.person("pathologist"));
    let study = slide["study_instance_uid"].as_str().expect("a UID");
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "routine",
        "slide_id": slide["id"], "study": {"org": node.id_of(Org::Township), "study_instance_uid": study},
        "question": "是否异型增生？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let at = |rest: &str| format!("/api/v1/consults/{}/{rest}", draft["id"].as_str().expect("an id"));
    let on = |seen: &Json| json!({"version": seen["version"]});

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("late.dcm");
    std::fs::copy(sample("slides/dicom-jpeg/CMU-1-Small-Region.dcm"), &file).expect("a copy");
    let of_study = format!("StudyInstanceUID={study}");
    let change = ["-nb", "-gse", "-gin", "-m", &of_study, "-m", "PatientID=QH20260017"];
    run("dcmodify", &[&change[..], &[file.to_str().expect("UTF-8")]].concat()).expect_success();
    node.machine(Org::Township).stow(&[std::fs::read(&file).expect("a file")]).expect(200);
    wait_for("the second slide", Duration::from_secs(30), || {
        let all = township.get("/api/v1/slides").expect(200).json();
        (all["slides"].as_array().expect("slides").len() == 2).then_some(())
    });

    let submitted = township.post(&at("submit"), &on(&draft)).expect(200).json();
    let claimed = pathologist.post(&at("claim"), &on(&submitted)).expect(200).json();
    let report = json!({"findings": "腺体结构规则。", "diagnosis": "未见异型增生。", "displayed": []});
    let saved = json!({"version": claimed["version"], "report": report});
    pathologist.put(&at("report"), &saved).expect(200);
    let preview = pathologist.get(&at("report/preview")).expect(200).json();
    let slides = preview["canonical"]["slides"].as_array().expect("slides");
    let grades: BTreeSet<&str> = slides.iter().filter_map(|slide| slide["grade"].as_str()).collect();
    assert_eq!(grades, BTreeSet::from(["A", "按接收原样（DICOM）"]), "{slides:?}");
}

/// David Clunie's dciodvfy judges each object that the import made.
#[test]
fn the_dicom_objects_are_sound() {
    let (node, slide) = imported();
    let uid = |key: &str| slide[key].as_str().expect("a UID");
    let path =
        format!("/dicom-web/studies/{}/series/{}", uid("study_instance_uid"), uid("series_instance_uid"));
    let machine = node.machine(Org::Township);
    let answer =
        machine.get_as(&path, "multipart/related; type=\"application/dicom\"; transfer-syntax=*").expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    for (number, (_, bytes)) in answer.parts().into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.dcm"));
        std::fs::write(&file, bytes).expect("a file");
        let done = run("dciodvfy", &[file.to_str().expect("UTF-8")]);
        let errors: Vec<_> = done.stderr.lines().filter(|line| line.starts_with("Error")).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_colour_profile_is_in_the_metadata_or_at_the_address_that_they_name() {
    let (node, slide) = imported();
    let uid = |key: &str| slide[key].as_str().expect("a UID");
    let series =
        format!("/dicom-web/studies/{}/series/{}", uid("study_instance_uid"), uid("series_instance_uid"));
    let machine = node.machine(Org::Township);
    let metadata = machine.get_as(&format!("{series}/metadata"), "application/dicom+json").expect(200).json();
    let profile = &metadata[0]["00480105"]["Value"][0]["00282000"];
    let bytes = if let Some(text) = profile["InlineBinary"].as_str() {
        base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
    } else {
        let answer = machine.get_as(profile["BulkDataURI"].as_str().expect("an address"), "*/*").expect(200);
        let is_multipart = answer.header("content-type").starts_with("multipart");
        if is_multipart { answer.parts().remove(0).1 } else { answer.body }
    };
    assert_eq!(bytes.get(36..40), Some(&b"acsp"[..]), "an ICC profile");
}

#[test]
fn importing_again_changes_nothing() {
    let (node, slide) = imported();
    let path = sample("demo/slides/CMU-1-Small-Region.svs");
    let before = node.person("township").get("/api/v1/slides").expect(200).json();
    let done = node.command(&["import", path.to_str().expect("UTF-8"), "--org", node.id_of(Org::Township)]);
    assert!(done.expect_success().stdout.contains("already there"));
    assert_eq!(node.person("township").get("/api/v1/slides").expect(200).json(), before);
    assert!(slide["id"].is_string());
}

#[test]
fn wsidicom_reads_the_slide_over_dicomweb_as_openslide_reads_the_file() {
    let (node, slide) = imported();
    let mut command = python();
    command.args(["wsi_regions.py", node.base_url()]);
    command.arg(node.organisation(Org::Township)["token"].as_str().expect("a token"));
    command.arg(slide["study_instance_uid"].as_str().expect("a study"));
    command.arg(slide["series_instance_uid"].as_str().expect("a series"));
    command.arg(sample("demo/slides/CMU-1-Small-Region.svs"));
    let done = finish(command).expect_success();
    assert!(done.stdout.contains("regions agree"), "{}", done.output());
}
