//! Rejection notes (IHE IOCM): received from pydicom through storescu, made here and judged by dciodvfy.

use crate::corrections::{archivist, correct, files_in, made, undo};
use crate::support::node::Org;
use crate::support::programs::{dcmtk, finish, python, run};
use crate::support::{Ct, Node, Part10, wait_for};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";

fn send(node: &Node, files: &[PathBuf]) {
    let paths: Vec<&str> = files.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    dcmtk(node, "storescu", &[&["-R", "--"][..], &paths].concat()).expect_success();
}

/// A Key Object Selection by pydicom that rejects files.
fn note(folder: &Path, name: &str, code: &str, files: &[PathBuf]) -> PathBuf {
    let path = folder.join(name);
    let mut command = python();
    command.arg("make_rejection.py").arg(code).arg(&path).args(files);
    finish(command).expect_success();
    path
}

/// What QIDO-RS lists of a study: SOP Class and SOP Instance UIDs.
fn listed(node: &Node, study: &str) -> Vec<(String, String)> {
    let answer = node.machine(Org::Township).get(&format!("/dicom-web/studies/{study}/instances"));
    if answer.status != 200 {
        return Vec::new();
    }
    let text = |row: &Json, tag: &str| row[tag]["Value"][0].as_str().expect("a UID").to_owned();
    let rows = answer.json();
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| (text(row, "00080016"), text(row, "00080018"))).collect()
}

fn images(node: &Node, study: &str) -> Vec<String> {
    let mut uids: Vec<String> = listed(node, study)
        .into_iter()
        .filter(|(class, _)| class != KEY_OBJECT_SELECTION)
        .map(|(_, uid)| uid)
        .collect();
    uids.sort();
    uids
}

/// How many instances findscu finds of a series.
fn found(node: &Node, ct: &Ct) -> usize {
    let answers = tempfile::tempdir().expect("a folder");
    let keys = [
        "-S",
        "-X",
        "-od",
        answers.path().to_str().expect("UTF-8"),
        "-k",
        "QueryRetrieveLevel=IMAGE",
        "-k",
        &format!("StudyInstanceUID={}", ct.study),
        "-k",
        &format!("SeriesInstanceUID={}", ct.series),
        "-k",
        "SOPInstanceUID",
    ];
    dcmtk(node, "findscu", &keys).expect_success();
    files_in(answers.path()).len()
}

/// storescp, ended with the test.
struct Destination {
    child: Child,
    folder: tempfile::TempDir,
}

impl Destination {
    fn start(node: &Node, title: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let child = Command::new("storescp")
            .args(["-aet", title, "+B", "-od", folder.path().to_str().expect("UTF-8"), &port.to_string()])
            .env("TCP_NODELAY", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("storescp");
        let contact = format!("127.0.0.1:{port}");
        let org = node.id_of(Org::Township);
        node.command(&["ae", "add", title, "--org", org, "--contact", &contact]).expect_success();
        wait_for("storescp listens", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { child, folder }
    }

    fn received(&self) -> usize {
        files_in(self.folder.path()).len()
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_received_note_hides_images_for_every_door_until_it_is_rejected_itself() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let series = Ct::new().series_of(3);
    let study = series[0].study.as_str();
    let files: Vec<PathBuf> =
        series.iter().map(|ct| ct.file().write(folder.path(), &format!("{}.dcm", ct.number))).collect();
    // The note comes before the last image that it rejects.
    send(node, &files[..2]);
    let first = note(folder.path(), "quality.dcm", "113001", &[files[0].clone(), files[2].clone()]);
    send(node, std::slice::from_ref(&first));
    send(node, &files[2..]);
    assert_eq!(images(node, study), [series[1].instance.clone()]);
    assert_eq!(found(node, &series[0]), 1);
    node.machine(Org::Township).get(&series[0].path()).expect_problem(404, "not-found");
    let destination = Destination::start(node, "REJECTDEST");
    let study_key = format!("StudyInstanceUID={study}");
    let keys = ["-S", "-aem", "REJECTDEST", "-k", "QueryRetrieveLevel=STUDY", "-k", &study_key];
    dcmtk(node, "movescu", &keys).expect_success();
    assert_eq!(destination.received(), 2, "an image and the note");

    let client = archivist(node, "archivist-notes");
    let list = client.get(&format!("/api/v1/corrections?study={study}")).expect(200).json();
    let correction = &list["corrections"][0];
    assert_eq!(correction["reason"]["code"], "quality", "{list}");
    assert_eq!((&correction["state"], &correction["made_by"]), (&json!("active"), &json!("ae:TOWNSHIP")));
    assert_eq!(correction["correction"]["kind"], "hide");

    let second = note(folder.path(), "mistake.dcm", "113001", std::slice::from_ref(&first));
    send(node, std::slice::from_ref(&second));
    assert_eq!(images(node, study).len(), 3);
    assert_eq!(found(node, &series[0]), 3);
    let id = correction["id"].as_str().expect("an identifier");
    let list = client.get(&format!("/api/v1/corrections?study={study}")).expect(200).json();
    let state = list["corrections"].as_array().expect("a list").iter().find(|c| c["id"] == id);
    assert_eq!(state.expect("the first")["state"], "suspended");
}

#[test]
fn each_title_of_iocm_rejects_and_others_do_not() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-titles");
    for (code, is_rejection) in
        [("113001", true), ("113037", true), ("113038", true), ("113039", true), ("113000", false)]
    {
        let ct = Ct::new();
        let file = ct.file().write(folder.path(), &format!("{code}.dcm"));
        send(node, std::slice::from_ref(&file));
        let note = note(folder.path(), &format!("{code}-note.dcm"), code, &[file]);
        send(node, &[note]);
        assert_eq!(images(node, &ct.study).is_empty(), is_rejection, "{code}");
        assert_eq!(listed(node, &ct.study).is_empty(), is_rejection, "{code}: nor is the note alone shown");
        let list = client.get(&format!("/api/v1/corrections?study={}", ct.study)).expect(200).json();
        if is_rejection {
            let id = list["corrections"][0]["id"].as_str().expect("an identifier");
            undo(&client, id);
            assert_eq!(listed(node, &ct.study).len(), 1, "{code}: the image, and not what rejected it");
        } else {
            assert_eq!(list["corrections"], json!([]));
        }
    }
}

#[test]
fn a_note_of_another_organisation_hides_nothing() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let ct = Ct::new();
    let file = ct.file().write(folder.path(), "one.dcm");
    send(node, std::slice::from_ref(&file));
    let note = std::fs::read(note(folder.path(), "note.dcm", "113037", &[file])).expect("a file");
    node.machine(Org::City).stow(&[note]).expect(200);
    assert_eq!(images(node, &ct.study), [ct.instance]);
}

/// An image whose study description the rule of this test asks for.
fn described(ct: Ct) -> (Ct, Part10) {
    let mut data_set = ct.data_set().bytes;
    let at = data_set.windows(12).position(|w| w == "胸部平扫".as_bytes()).expect("a description");
    data_set[at..at + 12].copy_from_slice("拒收平扫".as_bytes());
    let file = Part10::new(&ct.instance, data_set);
    (ct, file)
}

#[test]
fn what_is_rejected_here_is_told_in_a_sound_note_that_goes_where_the_images_went() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-own-notes");
    let destination = Destination::start(node, "NOTEDEST");
    let series = Ct::new().series_of(2);
    let org = node.id_of(Org::Township);
    let rule =
        ["forward", "rules", "set", "notes", "--org", org, "--to", "NOTEDEST", "--description", "*拒收*"];
    node.command(&rule).expect_success();
    let files: Vec<PathBuf> = series
        .iter()
        .map(|ct| described(ct.clone()).1.write(folder.path(), &format!("{}.dcm", ct.number)))
        .collect();
    send(node, &files);
    wait_for("the images are forwarded", Duration::from_secs(30), || {
        (destination.received() == 2).then_some(())
    });

    let hide = json!({"kind": "hide", "study": series[0].study, "instances": [series[0].instance]});
    let id = made(correct(&client, &hide));
    let made_here = wait_for("a note", Duration::from_secs(30), || {
        listed(node, &series[0].study).into_iter().find(|(class, _)| class == KEY_OBJECT_SELECTION)
    });
    let path = format!("/dicom-web/studies/{}/series?Modality=KO", series[0].study);
    let rows = node.machine(Org::Township).get(&path).expect(200).json();
    let note_series = rows[0]["0020000E"]["Value"][0].as_str().expect("a UID").to_owned();
    let path =
        format!("/dicom-web/studies/{}/series/{note_series}/instances/{}", series[0].study, made_here.1);
    let whole = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let answer = node.machine(Org::Township).get_as(&path, whole).expect(200);
    let file = folder.path().join("note.dcm");
    std::fs::write(&file, &answer.parts()[0].1).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let done = run("dciodvfy", &[file]);
    let complaints: Vec<_> =
        done.stderr.lines().filter(|line| line.starts_with("Error") || line.starts_with("Warning")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let text = run("dsrdump", &[file]).expect_success().stdout;
    assert!(text.contains("Rejected for Quality Reasons"), "{text}");
    let dump = run("dcmdump", &[file]).expect_success().stdout;
    assert!(dump.contains(&series[0].instance) && !dump.contains(&series[1].instance), "{dump}");
    wait_for("the note is forwarded", Duration::from_secs(30), || {
        (destination.received() == 3).then_some(())
    });

    // A rejected study is not shown as a note alone; whoever has a copy is told nevertheless.
    let rest = made(correct(&client, &json!({"kind": "hide", "study": series[0].study})));
    wait_for("it is told", Duration::from_secs(30), || (destination.received() == 4).then_some(()));
    assert!(listed(node, &series[0].study).is_empty());
    // Nor is a note from elsewhere that leaves nothing, and it is told as well.
    let wrong = described(Ct::new());
    let image = wrong.1.write(folder.path(), "wrong.dcm");
    send(node, std::slice::from_ref(&image));
    wait_for("the image is forwarded", Duration::from_secs(30), || {
        (destination.received() == 5).then_some(())
    });
    send(node, &[note(folder.path(), "wrong-note.dcm", "113038", &[image])]);
    assert!(listed(node, &wrong.0.study).is_empty());
    wait_for("it is told", Duration::from_secs(30), || (destination.received() == 6).then_some(()));

    undo(&client, &rest);
    undo(&client, &id);
    assert_eq!(listed(node, &series[0].study).len(), 2, "the images, and no note");
}
