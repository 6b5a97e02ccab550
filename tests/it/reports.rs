//! Reports by templates: what is filled, refused, signed, printed and verified; templates and phrases of an organisation.

use crate::consult::{Case, path, sign};
use crate::support::dicom::{Part10, new_uid};
use crate::support::node::{Org, farsight};
use crate::support::programs::{finish, python};
use crate::support::{Client, Ct, Node, run, sample};
use serde_json::{Value as Json, json};

/// A lung nodule by its template, without what is required.
fn nodule(case: &Case) -> Json {
    let mut report = case.report();
    report["template"] = json!("lung-nodule");
    report["template_version"] = json!(1);
    report["values"] = json!({"density": ["part_solid"], "long_mm": ["12.5"], "lung_rads": ["4B"]});
    report
}

fn save(reader: &Client, consult: &mut Json, report: &Json) -> crate::support::Answer {
    let body = json!({"version": consult["version"], "report": report});
    let saved = reader.put(&path(consult, "/report"), &body);
    if saved.status == 200 {
        consult["version"] = saved.json()["version"].clone();
    }
    saved
}

fn pages_and_text(pdf: &[u8]) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.pdf");
    std::fs::write(&file, pdf).expect("a file");
    let name = file.to_str().expect("UTF-8");
    let text = run("pdftotext", &["-layout", name, "-"]).expect_success().stdout.replace([' ', '\n'], "");
    let facts = run("pdfinfo", &[name]).expect_success().stdout;
    let pages = facts.lines().find(|line| line.starts_with("Pages:")).expect("pages").to_owned();
    (pages.replace("Pages:", "").trim().to_owned(), text)
}

#[test]
fn a_report_by_a_template_is_refused_until_it_is_filled_then_signed_and_verified() {
    let case = Case::new();
    let (reader, mut consult) = case.written();
    let mut report = nodule(&case);
    save(&reader, &mut consult, &report).expect(200);

    let preview = reader.get(&path(&consult, "/report/preview")).expect(200).json();
    assert_eq!(preview["missing"], json!(["values.lobe"]));
    let body = json!({
        "version": consult["version"], "canonical_sha256": preview["canonical_sha256"], "passphrase": case.passphrase(),
    });
    let refused = reader.post(&path(&consult, "/sign"), &body).expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "values.lobe");

    report["values"]["lobe"] = json!(["heart"]);
    let refused = save(&reader, &mut consult, &report).expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "values");
    report["values"]["lobe"] = json!(["rul"]);
    save(&reader, &mut consult, &report).expect(200);

    let draft = reader.get(&path(&consult, "/report/draft.pdf")).expect(200);
    let (pages, text) = pages_and_text(&draft.body);
    assert_eq!(pages, "1", "a short report is one page");
    assert!(text.contains("未签发") && text.contains("长径12.5mm"), "{text}");
    case.township.get(&path(&consult, "/report/draft.pdf")).expect_problem(404, "not-found");
    case.node.person("reader2").get(&path(&consult, "/report/draft.pdf")).expect_problem(404, "not-found");

    let signed = sign(&reader, &consult, &case.passphrase()).expect(200).json();
    reader.get(&path(&signed, "/report/draft.pdf")).expect_problem(404, "not-found");
    let canonical = case.township.get(&path(&signed, "/report.json")).expect(200).json();
    let structured = &canonical["structured"];
    assert_eq!((&structured["template"], &structured["version"]), (&json!("lung-nodule"), &json!(1)));
    let long =
        structured["fields"].as_array().expect("fields").iter().find(|field| field["key"] == "long_mm");
    assert_eq!(
        long.expect("the long axis"),
        &json!({
            "key": "long_mm", "section": "findings", "label": "长径", "values": ["12.5"], "text": "12.5 mm", "unit": "mm",
        })
    );
    // Who asked sees the words without seeing the template.
    let seen = case.township.get(&path(&signed, "")).expect(200).json();
    assert_eq!(seen["report"]["structured"]["fields"], structured["fields"]);
    let pdf = case.township.get(&path(&signed, "/report.pdf")).expect(200).body;
    let (pages, text) = pages_and_text(&pdf);
    assert_eq!(pages, "1");
    for words in ["部位右肺上叶", "密度部分实性", "长径12.5mm", "4B类"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    assert!(!text.contains("草稿"), "{text}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.pdf");
    std::fs::write(&file, pdf).expect("a file");
    let anchors = case.node.demo()["trust_anchors"].as_str().expect("trust anchors");
    farsight(&["verify", file.to_str().expect("UTF-8"), "--trust", anchors]).expect_success();
}

#[test]
fn an_earlier_report_is_shown_and_named_in_the_next() {
    let case = Case::new();
    let first = case.signed();
    // The same study is asked about again: the same patient.
    let (reader, mut consult) = case.written();
    let priors = reader.get(&path(&consult, "/prior-reports")).expect(200).json();
    let prior =
        priors["reports"].as_array().expect("reports").iter().find(|one| one["consult_id"] == first["id"]);
    let prior = prior.expect("the first report");
    assert_eq!((&prior["number"], &prior["version"]), (&first["number"], &json!(1)));
    assert!(prior["findings"].as_str().expect("findings").contains("实性结节"));

    let mut report = case.report();
    report["compared"] = json!([{"consult_id": consult["id"]}]);
    let refused = save(&reader, &mut consult, &report).expect_problem(422, "invalid").json();
    assert_eq!(refused["field"], "compared");
    report["compared"] = json!([prior]);
    save(&reader, &mut consult, &report).expect(200);
    let signed = sign(&reader, &consult, &case.passphrase()).expect(200).json();
    let canonical = case.township.get(&path(&signed, "/report.json")).expect(200).json();
    assert_eq!(canonical["compared"][0]["number"], first["number"]);
    assert_eq!(canonical["compared"][0]["canonical_sha256"], prior["canonical_sha256"]);
    let pdf = case.township.get(&path(&signed, "/report.pdf")).expect(200).body;
    let (_, text) = pages_and_text(&pdf);
    assert!(
        text.contains("对照既往报告") && text.contains(first["number"].as_str().expect("a number")),
        "{text}"
    );
}

#[test]
fn an_organisation_writes_publishes_and_withdraws_a_template() {
    let node = Node::shared();
    let (keeper, reader) = (node.person("coordinator"), node.person("reader"));
    let id = {
        let uid = crate::support::dicom::new_uid().replace('.', "");
        format!("t{}", &uid[uid.len() - 20..])
    };
    let at = |rest: &str| format!("/api/v1/templates/{id}{rest}");
    let section = |key: &str, title: &str| json!({"key": key, "title": {"zh": title}});
    let template = |title: &str| {
        json!({
            "title": {"zh": title}, "kind": "radiology", "modalities": ["CT"],
            "sections": [section("findings", "影像所见"), section("diagnosis", "诊断意见")],
        })
    };
    let put = |person: &Client, seen: i64, title: &str| {
        person.put(&at(""), &json!({"record_version": seen, "template": template(title)}))
    };
    put(&reader, 0, "甲").expect_problem(403, "forbidden");
    let kept = put(&keeper, 0, "甲").expect(200).json();
    assert_eq!((&kept["version"], &kept["origin"]), (&json!(0), &json!("organisation")));
    put(&keeper, 0, "乙").expect_problem(412, "stale");
    reader.get(&at("/editions/1")).expect_problem(404, "not-found");

    let seen = |answer: &Json| answer["record_version"].as_i64().expect("a version");
    let published = keeper.post(&at("/publish"), &json!({"record_version": seen(&kept)})).expect(200).json();
    assert_eq!(published["version"], 1);
    let changed = put(&keeper, seen(&published), "乙").expect(200).json();
    let second = keeper.post(&at("/publish"), &json!({"record_version": seen(&changed)})).expect(200).json();
    assert_eq!(
        reader.get(&at("/editions/1")).expect(200).json()["title"]["zh"],
        "甲",
        "an edition never changes"
    );
    assert_eq!(reader.get(&at("/editions/2")).expect(200).json()["title"]["zh"], "乙");
    let withdrawn =
        keeper.post(&at("/withdraw"), &json!({"record_version": seen(&second)})).expect(200).json();
    assert_eq!(withdrawn["withdrawn"], true);
    reader.get(&at("/editions/1")).expect(200);
    let list = reader.get("/api/v1/templates").expect(200).json();
    let listed = list["templates"].as_array().expect("a list").iter().find(|one| one["id"] == id.as_str());
    assert_eq!(listed.expect("it is listed")["withdrawn"], true);

    // Another organisation has its own.
    node.person("township").get(&at("")).expect_problem(404, "not-found");
    let refused =
        keeper.put("/api/v1/templates/ct-chest", &json!({"record_version": 0, "template": template("丙")}));
    assert_eq!(refused.expect_problem(422, "invalid").json()["field"], "id");
    let mut broken = template("丁");
    broken["sections"] = json!([section("findings", "影像所见")]);
    let refused = keeper.put(&at(""), &json!({"record_version": seen(&withdrawn), "template": broken}));
    assert_eq!(refused.expect_problem(422, "invalid").json()["field"], "sections");
    node.id_of(Org::City);
}

#[test]
fn phrases_are_ones_own_or_the_organisations() {
    let node = Node::start("phrases");
    let (reader, other, keeper) = (node.person("reader"), node.person("reader2"), node.person("coordinator"));
    let phrases = |version: i64, text: &str| json!({"version": version, "phrases": [{"abbreviation": "ZC", "title": "正常", "text": text}]});
    let kept = reader.put("/api/v1/phrases/own", &phrases(0, "双肺{部位}未见异常。")).expect(200).json();
    assert_eq!(kept["phrases"][0]["abbreviation"], "zc");
    reader.put("/api/v1/phrases/own", &phrases(0, "x")).expect_problem(412, "stale");
    reader.put("/api/v1/phrases/own", &phrases(1, "")).expect_problem(422, "invalid");
    reader.put("/api/v1/phrases/organisation", &phrases(0, "x")).expect_problem(403, "forbidden");
    keeper.put("/api/v1/phrases/organisation", &phrases(0, "机构的。")).expect(200);
    let seen = other.get("/api/v1/phrases").expect(200).json();
    assert_eq!(seen["own"]["phrases"], json!([]));
    assert_eq!(seen["organisation"]["phrases"][0]["text"], "机构的。");
    let elsewhere = node.person("township").get("/api/v1/phrases").expect(200).json();
    assert_eq!(elsewhere["organisation"]["phrases"], json!([]));
}

/// A real image of lossy JPEG (pydicom's sample), made another series of a study.
fn lossy_image(of: &Ct) -> Part10 {
    let script = "import sys, pydicom\n\
        d = pydicom.dcmread(sys.argv[1])\n\
        d.StudyInstanceUID, d.SeriesInstanceUID, d.SOPInstanceUID = sys.argv[2:5]\n\
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID\n\
        d.PatientName, d.PatientID, d.Modality, d.SeriesNumber = sys.argv[5], sys.argv[6], 'DX', 7\n\
        d.SpecificCharacterSet = 'ISO_IR 192'\n\
        d.save_as(sys.argv[7])";
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("lossy.dcm");
    let mut command = python();
    command.args(["-c", script]).arg(sample("syntaxes/JPGExtended.dcm"));
    command.args([&of.study, &new_uid(), &new_uid(), &of.patient_name, &of.patient_id]).arg(&out);
    finish(command).expect_success();
    Part10::parse(std::fs::read(out).expect("a file"))
}

#[test]
fn a_report_says_which_images_were_lossy_when_they_came() {
    let case = Case::new();
    let lossy = lossy_image(&case.images[0]);
    case.node.machine(Org::Township).stow(&[lossy]).expect(200);
    let (reader, consult) = case.written();
    let evidence = consult["evidence"].as_array().expect("evidence");
    assert_eq!(evidence.len(), 4);
    let preview = reader.get(&path(&consult, "/report/preview")).expect(200).json();
    let graded = preview["canonical"]["fidelity"].as_array().expect("by series").clone();
    let row = |fidelity: &str| {
        let one = graded.iter().find(|one| one["fidelity"] == fidelity).expect("a series");
        (one["modality"].clone(), one["number"].clone(), one["images"].clone())
    };
    assert_eq!(graded.len(), 2, "{graded:?}");
    assert_eq!(row("lossless"), (json!("CT"), json!("1"), json!(3)));
    assert_eq!(row("lossy"), (json!("DX"), json!("7"), json!(1)));

    let done = sign(&reader, &consult, &case.passphrase()).expect(200).json();
    let pdf = case.township.get(&path(&done, "/report.pdf")).expect(200).body;
    let (pages, text) = pages_and_text(&pdf);
    assert_eq!(pages, "1");
    for words in ["无损3幅（CT序列1）", "有损压缩（收到时已如此）1幅（DX序列7）"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let verdict = case.township.get(&path(&done, "/verify")).expect(200).json();
    assert_eq!(verdict["ok"], true, "{verdict}");
}
