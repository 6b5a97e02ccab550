//! DIMSE with DCMTK as the peer: verification, storage, queries.

use crate::support::node::{Org, farsight};
use crate::support::programs::{dcmtk, dcmtk_as, finish, run};
use crate::support::{Ct, Node, Part10, sample};
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(images: &[Ct], folder: &Path) -> Vec<PathBuf> {
    images.iter().map(|ct| ct.file().write(folder, &format!("{}.dcm", ct.instance))).collect()
}

/// storescu; its output names each status.
fn store(node: &Node, files: &[PathBuf]) -> String {
    let paths: Vec<&str> = files.iter().map(|p| p.to_str().expect("UTF-8")).collect();
    dcmtk(node, "storescu", &[&["-v", "--"][..], &paths].concat()).expect_success().output()
}

/// findscu with keys such as `PatientName=张*`, in UTF-8; each answer as dcmdump prints it.
fn find(node: &Node, keys: &[&str]) -> Vec<String> {
    let answers = folder();
    let directory = answers.path().to_str().expect("UTF-8");
    let mut arguments = vec!["-S", "-X", "-od", directory, "-k", "SpecificCharacterSet=ISO_IR 192"];
    for key in keys {
        arguments.extend(["-k", key]);
    }
    dcmtk(node, "findscu", &arguments).expect_success();
    let mut files: Vec<_> =
        std::fs::read_dir(answers.path()).expect("answers").flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| run("dcmdump", &[f.to_str().expect("UTF-8")]).expect_success().stdout).collect()
}

#[test]
fn echo_is_answered() {
    dcmtk(Node::shared(), "echoscu", &[]).expect_success();
}

#[test]
fn the_programs_own_echo_is_answered_too() {
    let address = format!("127.0.0.1:{}", Node::shared().dicom_port());
    let done =
        farsight(&["echo", &address, "--calling", "TOWNSHIP", "--called", "FARSIGHT"]).expect_success();
    assert!(done.stdout.contains("answered"), "{}", done.stdout);
}

#[test]
fn a_series_is_stored_and_each_image_comes_back_byte_for_byte() {
    let (node, files) = (Node::shared(), folder());
    let images = Ct::new().series_of(5);
    let output = store(node, &write(&images, files.path()));
    assert_eq!(
        output.matches("0x0000: Success").count() + output.matches("(Success)").count(),
        5,
        "{output}"
    );
    for ct in &images {
        let answer = node
            .machine(Org::Township)
            .get_as(&ct.path(), "multipart/related; type=\"application/dicom\"; transfer-syntax=*")
            .expect(200);
        let [(_, bytes)] = &answer.parts()[..] else { panic!("one part") };
        assert_eq!(Part10::parse(bytes.clone()).sha256(), ct.file().sha256());
    }
}

#[test]
fn a_real_ct_is_stored_and_found() {
    let path = sample("demo/dicom/ct-head/693_UNCR.dcm");
    let dump = run("dcmdump", &["+P", "0020,000d", path.to_str().expect("UTF-8")]).expect_success().stdout;
    let study = dump.split(['[', ']']).nth(1).expect("a UID");
    store(Node::shared(), std::slice::from_ref(&path));
    let found = find(
        Node::shared(),
        &["QueryRetrieveLevel=STUDY", &format!("StudyInstanceUID={study}"), "ModalitiesInStudy"],
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("CS [CT"), "{}", found[0]);
}

#[test]
fn sending_again_changes_nothing() {
    let (node, files) = (Node::shared(), folder());
    let images = Ct::new().series_of(3);
    let paths = write(&images, files.path());
    store(node, &paths);
    let path = format!("/api/v1/studies/{}/{}", node.id_of(Org::Township), images[0].study);
    let before = node.person("township").get(&path).expect(200).json();
    store(node, &paths);
    let after = node.person("township").get(&path).expect(200).json();
    assert_eq!(before, after);
    assert_eq!(after["instance_count"], 3);
}

#[test]
fn the_same_uid_with_other_content_is_kept_apart_and_flagged() {
    let (node, files) = (Node::shared(), folder());
    let first = Ct::new();
    let other = Ct { seed: 99, ..first.clone() };
    store(node, &[first.file().write(files.path(), "first.dcm")]);
    store(node, &[other.file().write(files.path(), "other.dcm")]);

    let answer =
        node.machine(Org::Township).get_as(&first.path(), "multipart/related; type=\"application/dicom\"");
    let parts = answer.expect(200).parts();
    assert_eq!(Part10::parse(parts[0].1.clone()).sha256(), first.file().sha256(), "the first stays");
    let path = format!("/api/v1/studies/{}/{}", node.id_of(Org::Township), first.study);
    let study = node.person("township").get(&path).expect(200).json();
    assert_eq!(study["flags"], serde_json::json!(["conflict"]));
    assert_eq!(study["instance_count"], 1);
}

#[test]
fn an_unknown_calling_ae_title_is_rejected() {
    let done = dcmtk_as(Node::shared(), "NOBODY", "echoscu", &["-v"]).expect_failure();
    assert!(done.output().contains("Rejected"), "{}", done.output());
}

#[test]
fn an_unknown_called_ae_title_is_rejected() {
    let port = Node::shared().dicom_port().to_string();
    let done =
        run("echoscu", &["-v", "-aet", "TOWNSHIP", "-aec", "ELSEWHERE", "127.0.0.1", &port]).expect_failure();
    assert!(done.output().contains("Rejected"), "{}", done.output());
}

#[test]
fn every_level_is_found() {
    let (node, files) = (Node::shared(), folder());
    let images = Ct::new().series_of(3);
    store(node, &write(&images, files.path()));
    let study = format!("StudyInstanceUID={}", images[0].study);
    let series = format!("SeriesInstanceUID={}", images[0].series);

    let studies = find(
        node,
        &[
            "QueryRetrieveLevel=STUDY",
            &study,
            "PatientID",
            "ModalitiesInStudy",
            "NumberOfStudyRelatedInstances",
        ],
    );
    assert_eq!(studies.len(), 1);
    assert!(studies[0].contains(&images[0].patient_id) && studies[0].contains("IS [3"), "{}", studies[0]);
    let found = find(node, &["QueryRetrieveLevel=SERIES", &study, "SeriesInstanceUID", "Modality"]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(&images[0].series) && found[0].contains("CS [CT]"), "{}", found[0]);
    let found =
        find(node, &["QueryRetrieveLevel=IMAGE", &study, &series, "SOPInstanceUID", "InstanceNumber"]);
    assert_eq!(found.len(), 3);
}

#[test]
fn a_chinese_name_is_found_by_characters_and_by_letters() {
    let (node, files) = (Node::shared(), folder());
    let zhang = Ct::new().named("Zhang^San=张^三");
    let li = Ct::new().named("Li^XiuYing=李^秀英");
    store(node, &write(&[zhang.clone(), li.clone()], files.path()));
    for name in ["张*", "zhang*", "Zhang^San", "*三*"] {
        let found =
            find(node, &["QueryRetrieveLevel=STUDY", "StudyInstanceUID", &format!("PatientName={name}")]);
        let has = |ct: &Ct| found.iter().any(|answer| answer.contains(&ct.study));
        assert!(has(&zhang), "{name} finds 张三");
        assert!(!has(&li), "{name} does not find 李秀英");
    }
    let found = find(
        node,
        &["QueryRetrieveLevel=STUDY", "PatientName", &format!("StudyInstanceUID={}", zhang.study)],
    );
    assert!(found[0].contains("张^三"), "{}", found[0]);
}

#[test]
fn dates_are_found_by_range() {
    let (node, files) = (Node::shared(), folder());
    let ct = Ct { study_date: "19991231".into(), ..Ct::new() };
    store(node, &write(std::slice::from_ref(&ct), files.path()));
    for (range, count) in [
        ("19991231", 1),
        ("19991201-19991231", 1),
        ("-20000101", 1),
        ("20000101-20001231", 0),
        ("19991231-", 1),
    ] {
        let study = format!("StudyInstanceUID={}", ct.study);
        let found = find(node, &["QueryRetrieveLevel=STUDY", &study, &format!("StudyDate={range}")]);
        assert_eq!(found.len(), count, "{range}");
    }
}

#[test]
fn another_organisation_finds_nothing() {
    let (node, files) = (Node::shared(), folder());
    let ct = Ct::new();
    store(node, &write(std::slice::from_ref(&ct), files.path()));
    let directory = folder();
    let study = format!("StudyInstanceUID={}", ct.study);
    dcmtk_as(
        node,
        "CITYREAD",
        "findscu",
        &[
            "-S",
            "-X",
            "-od",
            directory.path().to_str().expect("UTF-8"),
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            &study,
        ],
    )
    .expect_success();
    assert_eq!(std::fs::read_dir(directory.path()).expect("answers").count(), 0);
}

#[test]
fn several_associations_at_once_lose_nothing() {
    let (node, files) = (Node::shared(), folder());
    let images = Ct::new().sized(64).series_of(40);
    let paths = write(&images, files.path());
    std::thread::scope(|scope| {
        for chunk in paths.chunks(10) {
            scope.spawn(move || store(node, chunk));
        }
    });
    let found = node.machine(Org::Township).get(&format!("/dicom-web/studies/{}/instances", images[0].study));
    assert_eq!(found.expect(200).json().as_array().map(Vec::len), Some(40));
}

#[test]
fn a_peer_that_says_nothing_is_let_go() {
    let node = Node::shared();
    let mut command = Command::new("timeout");
    command.args(["25", "bash", "-c", &format!("cat < /dev/tcp/127.0.0.1/{}", node.dicom_port())]);
    let done = finish(command);
    assert_ne!(done.status, Some(124), "the node closes a silent connection (ARTIM timer)");
    node.assert_alive();
}
