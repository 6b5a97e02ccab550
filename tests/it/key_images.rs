//! Images of radiology in a report: made from the stored bits as their reader saw them, printed, signed, listed for other
//! systems; and nothing of another case.

use crate::consult::{Case, act, path, sign};
use crate::support::node::{Org, farsight};
use crate::support::programs::{finish, python};
use crate::support::{Answer, Client, Ct, run};
use serde_json::{Value as Json, json};

/// A case about images of so many rows, claimed by the demonstration's reader.
fn claimed(case: &Case) -> (Client, Json) {
    let reader = case.node.person("reader");
    let consult = act(&reader, &case.submitted(), "claim").expect(200).json();
    (reader, consult)
}

fn choice(instance: &str, change: Json) -> Json {
    let mut choice = json!({
        "id": uuid(), "instance": instance, "frame": 1, "window_centre": "1800", "window_width": "3000",
        "rotation_deg": "90", "mirrored": true, "inverted": true, "name": "右肺上叶结节",
        "picture_width": 64, "picture_height": 64,
        "marks": [{"kind": "line", "points": [[8, 8], [40, 8]], "label": "16 mm"}],
    });
    let changed = choice.as_object_mut().expect("an object");
    changed.extend(change.as_object().expect("an object").clone());
    choice
}

fn uuid() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("0199aaaa-0000-7000-8000-{:012x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn save(case: &Case, reader: &Client, consult: &mut Json, key_images: &Json) -> Answer {
    let mut report = case.report();
    report["key_images"] = key_images.clone();
    let answer =
        reader.put(&path(consult, "/report"), &json!({"version": consult["version"], "report": report}));
    if answer.status == 200 {
        consult["version"] = answer.json()["version"].clone();
    }
    answer
}

/// The picture of a key image, held against the image's own pixels.
fn judged(reader: &Client, consult: &Json, image: &Ct, kept: &Json) -> Vec<u8> {
    let hash = kept["picture_sha256"].as_str().expect("a hash");
    let picture = reader.get(&path(consult, &format!("/report/pictures/{hash}"))).expect(200).body;
    let folder = tempfile::tempdir().expect("a folder");
    let mut judge = python();
    judge.arg("judge_key_image.py");
    for (name, bytes) in [("image.dcm", &image.file().bytes), ("picture.jpg", &picture)] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("a file");
        judge.arg(file);
    }
    judge.arg(kept.to_string());
    finish(judge).expect_success();
    picture
}

fn field_of(answer: Answer) -> Json {
    answer.expect_problem(422, "invalid").json()["field"].clone()
}

#[test]
fn an_image_with_its_window_is_printed_signed_and_listed_for_other_systems() {
    let images = Ct::new().sized(64).series_of(3);
    let case = Case::about(images);
    let (reader, mut consult) = claimed(&case);
    let image = &case.images[1];
    let two = json!([
        choice(&image.instance, json!({})),
        choice(
            &case.images[2].instance,
            json!({"name": "", "rotation_deg": "0", "mirrored": false, "marks": []})
        ),
    ]);
    let saved = save(&case, &reader, &mut consult, &two).expect(200).json();
    let kept = saved["report"]["key_images"].clone();
    let first = &kept[0];
    assert_eq!((&first["series_description"], &first["instance_number"]), (&json!("肺窗"), &json!("2")));
    assert_eq!(
        (&first["picture_width"], &first["frames"], &first["study"]),
        (&json!(64), &json!(1), &json!(case.study()))
    );

    // What came is sent back with other words and in another order: the pictures stay.
    let mut again = json!([kept[1], kept[0]]);
    again[1]["name"] = json!("右肺上叶结节，边缘光滑");
    let saved = save(&case, &reader, &mut consult, &again).expect(200).json();
    let kept = saved["report"]["key_images"].clone();
    assert_eq!(kept[1]["picture_sha256"], first["picture_sha256"]);
    assert_eq!(
        (&kept[1]["name"], &kept[1]["made_at"]),
        (&json!("右肺上叶结节，边缘光滑"), &first["made_at"])
    );

    let shown =
        path(&consult, &format!("/report/pictures/{}", kept[1]["picture_sha256"].as_str().expect("a hash")));
    case.township.get(&shown).expect_problem(404, "not-found");
    let picture = judged(&reader, &consult, image, &kept[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };

    sign(&reader, &consult, &case.passphrase()).expect(200);
    let pdf = file("report.pdf", &reader.get(&path(&consult, "/report.pdf")).expect(200).body);
    run("qpdf", &["--check", &pdf]).expect_success();
    assert!(run("pdfimages", &["-list", &pdf]).expect_success().stdout.contains("64    64"));
    let text = run("pdftotext", &["-layout", &pdf, "-"]).expect_success().stdout.replace(' ', "");
    for word in
        ["关键图像", "边缘光滑", "窗宽3000窗位1800", "反相，旋转90°，镜像", "16mm", "CT序列1肺窗图像3"]
    {
        assert!(text.contains(word), "{word} in {text}");
    }
    let out = folder.path().join("out.jpg");
    run("pdfdetach", &["-savefile", "picture-2.jpg", "-o", out.to_str().expect("UTF-8"), &pdf])
        .expect_success();
    assert_eq!(std::fs::read(out).expect("a file"), picture, "the page carries the picture that was shown");
    let anchors = case.node.demo()["trust_anchors"].as_str().expect("a path");
    farsight(&["verify", &pdf, "--trust", anchors]).expect_success();

    for form in ["kos", "sr"] {
        let bytes = case.township.get(&path(&consult, &format!("/report-{form}.dcm"))).expect(200).body;
        let name = file(form, &bytes);
        let said = run("dciodvfy", &[&name]).output();
        assert!(!said.lines().any(|line| line.starts_with("Error")), "{form}: {said}");
        let dump = run("dsrdump", &["+U8", "+Pl", &name]).expect_success().stdout;
        assert!(dump.contains("边缘光滑"), "{form}: {dump}");
        let raw = run("dcmdump", &["+L", &name]).expect_success().stdout;
        assert!(raw.contains(&image.instance) && raw.contains(&case.images[2].instance), "{form}");
    }
}

/// An image whose least value is white is inverted when that is black: as its reader had it, and not twice.
#[test]
fn an_image_with_low_values_in_white_is_inverted_once() {
    let case = Case::about(Ct::new().sized(64).low_white().series_of(1));
    let (reader, mut consult) = claimed(&case);
    let image = &case.images[0];
    let both =
        [false, true].map(|inverted| choice(&image.instance, json!({"inverted": inverted, "marks": []})));
    let saved = save(&case, &reader, &mut consult, &json!(both)).expect(200).json();
    let kept = &saved["report"]["key_images"];
    assert_eq!((&kept[0]["inverted"], &kept[1]["inverted"]), (&json!(false), &json!(true)));
    let pictures = [&kept[0], &kept[1]].map(|one| judged(&reader, &consult, image, one));
    assert_ne!(pictures[0], pictures[1]);

    sign(&reader, &consult, &case.passphrase()).expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let pdf = folder.path().join("report.pdf");
    std::fs::write(&pdf, reader.get(&path(&consult, "/report.pdf")).expect(200).body).expect("a file");
    let text = run("pdftotext", &["-layout", pdf.to_str().expect("UTF-8"), "-"]).expect_success().stdout;
    assert_eq!(text.matches("反相").count(), 1, "{text}");
}

#[test]
fn a_prior_that_is_part_of_the_question_gives_key_images_and_another_does_not() {
    let case = Case::about(Ct::new().sized(64).series_of(1));
    let of_same_patient = |study_date: &str| Ct {
        patient_id: case.images[0].patient_id.clone(),
        study_date: study_date.into(),
        ..Ct::new().sized(64)
    };
    let [taken, left] = ["20250302", "20240110"].map(of_same_patient);
    case.node.machine(Org::Township).stow(&[taken.file(), left.file()]).expect(200);
    let mut request = case.request();
    request["priors"] = json!([taken.study]);
    let draft = case.township.post("/api/v1/consults", &request).expect(201).json();
    let sent = act(&case.township, &draft, "submit").expect(200).json();
    let reader = case.node.person("reader");
    let mut consult = act(&reader, &sent, "claim").expect(200).json();

    let answer = save(&case, &reader, &mut consult, &json!([choice(&left.instance, json!({}))]));
    assert_eq!(field_of(answer), json!("key_images.instance"));
    let two =
        json!([choice(&taken.instance, json!({})), choice(&case.images[0].instance, json!({"name": "今"}))]);
    let saved = save(&case, &reader, &mut consult, &two).expect(200).json();
    let kept = &saved["report"]["key_images"];
    assert_eq!((&kept[0]["study"], &kept[1]["study"]), (&json!(taken.study), &json!(case.study())));
    judged(&reader, &consult, &taken, &kept[0]);

    sign(&reader, &consult, &case.passphrase()).expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    for form in ["kos", "sr"] {
        let file = folder.path().join(form);
        let bytes = case.township.get(&path(&consult, &format!("/report-{form}.dcm"))).expect(200).body;
        std::fs::write(&file, bytes).expect("a file");
        let file = file.to_str().expect("UTF-8").to_owned();
        let said = run("dciodvfy", &[&file]).output();
        assert!(!said.lines().any(|line| line.starts_with("Error")), "{form}: {said}");
        let raw = run("dcmdump", &["+L", &file]).expect_success().stdout;
        assert!(raw.contains(&taken.study) && raw.contains(&taken.instance), "{form} names the prior: {raw}");
        assert!(!raw.contains(&left.instance), "{form}");
    }
}

#[test]
fn nothing_of_another_case_and_nothing_that_is_not_there_gets_into_a_report() {
    let case = Case::new();
    let (reader, mut consult) = claimed(&case);
    let other = Ct::new();
    case.node.machine(Org::Township).stow(&[other.file()]).expect(200);
    // The centre's own study is within the reader's reach, and in nobody's question.
    let own = Ct::new();
    case.node.machine(Org::City).stow(&[own.file()]).expect(200);
    let instance = case.images[0].instance.clone();
    let mut refused = |choices: Json, field: &str| {
        let answer = save(&case, &reader, &mut consult, &choices);
        assert_eq!(field_of(answer), json!(field), "{choices}");
    };
    refused(json!([choice(&other.instance, json!({}))]), "key_images.instance");
    refused(json!([choice(&own.instance, json!({}))]), "key_images.instance");
    refused(json!([choice("1.2.3.4.5", json!({}))]), "key_images.instance");
    refused(json!([choice(&instance, json!({"frame": 2}))]), "key_images.frame");
    refused(json!([choice(&instance, json!({"frame": 0}))]), "key_images.frame");
    refused(json!([choice(&instance, json!({"window_width": "0"}))]), "key_images.window_width");
    refused(json!([choice(&instance, json!({"rotation_deg": "45"}))]), "key_images.rotation_deg");
    refused(json!([choice(&instance, json!({"picture_width": 9000}))]), "key_images.picture_width");
    refused(
        json!([choice(&instance, json!({"marks": [{"kind": "line", "points": []}]}))]),
        "key_images.marks",
    );
    refused(json!([choice(&instance, json!({"name": "字".repeat(201)}))]), "key_images.name");
    refused(json!([choice(&instance, json!({"id": "x"}))]), "key_images.id");
    let twice = choice(&instance, json!({}));
    refused(json!([twice, twice]), "key_images");
    refused(json!((0..9).map(|_| choice(&instance, json!({}))).collect::<Vec<_>>()), "key_images");

    let body =
        json!({"version": consult["version"], "report": {"key_images": [choice(&instance, json!({}))]}});
    case.township.put(&path(&consult, "/report"), &body).expect_problem(403, "forbidden");
    case.node.person("pathologist").put(&path(&consult, "/report"), &body).expect_problem(403, "forbidden");
}
