//! Exports that name nobody: asked for by the archivist, read by other people's programs.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Ct, Node};
use serde_json::{Value as Json, json};

/// The archivist's project, made by its interface.
fn project(node: &Node, options: &[&str]) -> String {
    let made = node.person("archivist").post(
        "/api/v1/deidentification/projects",
        &json!({"name": format!("课题 {options:?}"), "options": options}),
    );
    made.expect(201).json()["id"].as_str().expect("an id").to_owned()
}

fn read(archive: &std::path::Path, needles: &[&str]) -> Json {
    let mut command = python();
    command.arg("read_deidentified.py").arg(archive).args(needles);
    serde_json::from_str(&finish(command).expect_success().stdout).expect("JSON")
}

/// The same file with an element put in front of (0028,1050), and private ones in front of the pixels.
fn with_element(ct: &Ct, element: &[u8]) -> Vec<u8> {
    let file = ct.file();
    let bytes: &[u8] = file.as_ref();
    let place = |mark: &[u8]| bytes.windows(6).position(|w| w == mark).expect("it is there");
    let (window, pixels) = (place(b"\x28\x00\x50\x10DS"), place(b"\xE0\x7F\x10\x00OW"));
    [&bytes[..window], element, &bytes[window..pixels], PRIVATE, &bytes[pixels..]].concat()
}

const BURNED_IN: &[u8] = b"\x28\x00\x01\x03CS\x04\x00YES ";
const NOT_BURNED_IN: &[u8] = b"\x28\x00\x01\x03CS\x02\x00NO";
const PRIVATE: &[u8] = b"\x29\x00\x10\x00LO\x06\x00ZHANG \x29\x00\x01\x10LO\x06\x00Zhang ";

#[test]
fn an_export_names_nobody_and_is_the_same_person_each_time() {
    let node = Node::shared();
    let ct = Ct::new();
    let series = ct.clone().series_of(4);
    let mut files: Vec<Vec<u8>> =
        vec![with_element(&series[0], BURNED_IN), with_element(&series[1], NOT_BURNED_IN)];
    files.push(series[2].file().as_ref().to_vec());
    files.push(with_element(&series[3], NOT_BURNED_IN));
    node.machine(Org::Township).stow(&files).expect(200);
    let elsewhere = Ct::new();
    node.machine(Org::City).stow(&[elsewhere.file()]).expect(200);

    let id = project(node, &["retain_modified_dates"]);
    let archivist = node.person("archivist");
    let path = |what: &str| format!("/api/v1/deidentification/projects/{id}/{what}");
    let survey = archivist.post(&path("survey"), &json!({"studies": [ct.study]})).expect(200).json();
    let survey = &survey["studies"][0];
    assert_eq!(
        (&survey["instances"], &survey["unsaid"], &survey["burned_in"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let pseudonym = survey["pseudonym"].as_str().expect("a pseudonym");

    // Another hospital's study is not there; without a word why nothing goes out; a requester may not.
    let wish = |study: &str, reason: &str| json!({"studies": [study], "with_risky": false, "purpose": "research", "reason": reason});
    archivist.post(&path("survey"), &json!({"studies": [elsewhere.study]})).expect_problem(404, "not-found");
    archivist.post(&path("exports"), &wish(&elsewhere.study, "x")).expect_problem(404, "not-found");
    archivist.post(&path("exports"), &wish(&ct.study, " ")).expect_problem(422, "invalid");
    node.person("township").post(&path("exports"), &wish(&ct.study, "x")).expect_problem(403, "forbidden");

    let asked = archivist.post(&path("exports"), &wish(&ct.study, "肺结节课题 2026-17")).expect(201).json();
    let url = asked["url"].as_str().expect("an address");
    let answer = archivist.get(url).expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("export.zip");
    std::fs::write(&archive, &answer.body).expect("written");
    let needles = [
        "Zhang",
        "张",
        ct.patient_id.as_str(),
        ct.accession.as_str(),
        ct.study.as_str(),
        ct.series.as_str(),
        series[1].instance.as_str(),
        "19680301",
        "20261120",
        "胸部",
    ];
    let seen = read(&archive, &needles);
    assert_eq!(seen["found"], json!([]));
    let instances = seen["instances"].as_array().expect("instances");
    assert_eq!(instances.len(), 3);
    for one in instances {
        assert_eq!((&one["patient_id"], &one["patient_name"]), (&json!(pseudonym), &json!(pseudonym)));
        assert_eq!((&one["removed"], &one["temporal"]), (&json!("YES"), &json!("MODIFIED")));
        assert_eq!(one["codes"], json!(["113100", "113107"]));
        assert_eq!((&one["pixels"], &one["private"]), (&json!(16 * 16 * 2), &json!(0)));
        assert_eq!(one["instance"], one["meta_instance"]);
        assert_eq!(one["study"], instances[0]["study"]);
        let date = one["study_date"].as_str().expect("a date");
        assert!(date.len() == 8 && date < "20261120", "{date}");
    }
    assert_eq!(seen["manifest"]["studies"][0]["left_out"], json!({"burned_in": 1}));

    // Nobody else fetches it, and again it is the same person.
    node.person("reader").get(url).expect_problem(403, "forbidden");
    let again = archivist.get(url).expect(200);
    assert_eq!(again.body, answer.body, "the same export is the same bytes");
    let other = project(node, &["retain_full_dates"]);
    let survey = format!("/api/v1/deidentification/projects/{other}/survey");
    let survey = archivist.post(&survey, &json!({"studies": [ct.study]})).expect(200).json();
    assert_ne!(survey["studies"][0]["pseudonym"], json!(pseudonym), "projects have nothing in common");

    archivist.post(&path("close"), &Json::Null).expect(200);
    archivist.get(url).expect_problem(409, "wrong-state");
    let done = node.command(&["audit", "export", "--format", "atna-lines"]).expect_success();
    let about: Vec<&str> = done.stdout.lines().filter(|line| line.contains("110106")).collect();
    assert!(about.iter().any(|line| line.contains(&ct.study)), "{about:?}");
    assert!(!done.stdout.contains("Zhang"));
}

#[test]
fn the_command_line_exports_too() {
    let node = Node::start("deidentify-cli");
    let ct = Ct::new();
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.zip");
    let out = out.to_str().expect("UTF-8");
    let arguments = |option: &'static str| {
        vec![
            "export",
            "--org",
            node.id_of(Org::Township),
            "--deidentify",
            "教学",
            "--option",
            option,
            "--purpose",
            "teaching",
            "--reason",
            "第三章",
            "--out",
            out,
            &ct.study,
        ]
    };
    let done = node.command(&arguments("retain_patient_characteristics")).expect_success();
    assert!(done.stdout.contains("bytes"), "{}", done.output());
    let seen = read(out.as_ref(), &["Zhang", "张", &ct.patient_id, "19680301", "20261120"]);
    assert_eq!((&seen["found"], seen["instances"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    // It does not write over anything, and a project keeps its options.
    node.command(&arguments("retain_patient_characteristics")).expect_failure();
    std::fs::remove_file(out).expect("removed");
    let refused = node.command(&arguments("retain_uids")).expect_failure();
    assert!(refused.output().contains("other options"), "{}", refused.output());
}
