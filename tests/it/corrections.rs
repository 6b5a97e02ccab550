//! Studies put right, as DCMTK and a browser see them, over REST and from the command line.

use crate::support::node::{Org, program};
use crate::support::programs::{dcmtk, finish, run};
use crate::support::{Answer, Client, Ct, Node, Part10};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const PASSWORD: &str = "an archivist's password";
const WHOLE: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";

/// Logs in as an archivist of the township hospital, who is made first.
pub fn archivist(node: &Node, login: &str) -> Client {
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    let mut command = Command::new(program());
    command
        .args(["user", "add", login, "档案员", "--roles", "archivist", "--org", node.id_of(Org::Township)])
        .arg("--data")
        .arg(node.data())
        .stdin(std::fs::File::open(&password).expect("the file"));
    finish(command).expect_success();
    Client::logged_in(node.base_url(), login, PASSWORD)
}

fn store(node: &Node, folder: &Path, images: &[Ct]) {
    let paths: Vec<PathBuf> =
        images.iter().map(|ct| ct.file().write(folder, &format!("{}.dcm", ct.instance))).collect();
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    dcmtk(node, "storescu", &[&["--"][..], &paths].concat()).expect_success();
}

pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect()
}

/// How many studies findscu finds.
fn found(node: &Node, key: &str) -> usize {
    let answers = tempfile::tempdir().expect("a folder");
    let directory = answers.path().to_str().expect("UTF-8");
    let keys = ["-S", "-X", "-od", directory, "-k", "QueryRetrieveLevel=STUDY", "-k", key];
    dcmtk(node, "findscu", &keys).expect_success();
    files_in(answers.path()).len()
}

/// The files that getscu gets of a study.
fn got(node: &Node, study: &str) -> Vec<Part10> {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().to_str().expect("UTF-8");
    let key = format!("StudyInstanceUID={study}");
    let keys = ["-S", "-od", directory, "-k", "QueryRetrieveLevel=STUDY", "-k", &key];
    dcmtk(node, "getscu", &keys).expect_success();
    files_in(folder.path()).iter().map(|path| Part10::parse(std::fs::read(path).expect("a file"))).collect()
}

/// The file that WADO-RS gives.
fn retrieved(node: &Node, ct: &Ct) -> Part10 {
    let answer = node.machine(Org::Township).get_as(&ct.path(), WHOLE).expect(200);
    let [(_, bytes)] = &answer.parts()[..] else { panic!("one part") };
    Part10::parse(bytes.clone())
}

/// As dcmdump prints it.
fn dump(file: &Part10) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file.write(folder.path(), "one.dcm");
    run("dcmdump", &[path.to_str().expect("UTF-8")]).expect_success().stdout
}

/// Of this patient, derived from another's, with the pixels of the image as they came.
#[track_caller]
fn assert_coerced(file: &Part10, ct: &Ct, patient: &str) {
    let text = dump(file);
    // At the top level, where dcmdump indents nothing, the new one stands, and below it what it was.
    let line = text.lines().find(|line| line.starts_with("(0010,0020)")).expect("a Patient ID");
    assert!(line.contains(&format!("[{patient}]")), "{text}");
    assert!(text.contains("(0400,0561)") && text.contains(&format!("[{}]", ct.patient_id)), "{text}");
    assert!(file.data_set().ends_with(&ct.pixels()), "the pixels are as they came");
}

fn reason(code: &str) -> Json {
    json!({"code": code, "text": "two numbers for one person"})
}

pub fn correct(client: &Client, correction: &Json) -> Answer {
    client.post("/api/v1/corrections", &json!({"correction": correction, "reason": reason("quality")}))
}

#[track_caller]
pub fn made(answer: Answer) -> String {
    answer.expect(201).json()["id"].as_str().expect("an identifier").to_owned()
}

#[track_caller]
pub fn undo(client: &Client, id: &str) {
    let undone = client.post(&format!("/api/v1/corrections/{id}/undo"), &reason("other")).expect(200).json();
    assert_eq!(undone["state"], "undone");
}

fn merge(from: &Ct, into: &Ct) -> Json {
    json!({"kind": "merge", "from": {"id": from.patient_id}, "into": {"id": into.patient_id}})
}

#[test]
fn a_merged_patient_is_the_other_for_dcmtk_until_it_is_undone() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-merge");
    let (wrong, right) = (Ct::new().named("Zhang^San"), Ct::new().named("Li^Si"));
    store(node, folder.path(), &[wrong.clone(), right.clone()]);
    let (old, new) = (format!("PatientID={}", wrong.patient_id), format!("PatientID={}", right.patient_id));
    assert_eq!((found(node, &old), found(node, &new)), (1, 1));

    let id = made(correct(&client, &merge(&wrong, &right)));
    assert_eq!((found(node, &old), found(node, &new)), (0, 2));
    let files = got(node, &wrong.study);
    assert_eq!(files.len(), 1);
    assert_coerced(&files[0], &wrong, &right.patient_id);
    assert_coerced(&retrieved(node, &wrong), &wrong, &right.patient_id);

    let other_study =
        Ct { study: right.study.clone() + "1", series: right.series.clone() + "1", ..wrong.clone() };
    let late = Ct { instance: format!("{}1", &right.instance), seed: 7, ..other_study };
    store(node, folder.path(), std::slice::from_ref(&late));
    assert_eq!((found(node, &old), found(node, &new)), (0, 3), "what comes later follows");
    assert_coerced(&retrieved(node, &late), &late, &right.patient_id);

    undo(&client, &id);
    assert_eq!((found(node, &old), found(node, &new)), (2, 1));
    for ct in [&wrong, &late] {
        assert_eq!(retrieved(node, ct).sha256(), ct.file().sha256(), "as it was acquired");
    }
}

#[test]
fn what_is_hidden_is_gone_for_every_door_and_comes_back() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-hide");
    let ct = Ct::new();
    store(node, folder.path(), std::slice::from_ref(&ct));
    let key = format!("StudyInstanceUID={}", ct.study);
    let machine = node.machine(Org::Township);
    let doors = || {
        let qido = machine.get(&format!("/dicom-web/studies?StudyInstanceUID={}", ct.study));
        let qido =
            if qido.status == 204 { 0 } else { qido.expect(200).json().as_array().map_or(0, Vec::len) };
        let uri = format!(
            "/wado?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}&contentType=application/dicom",
            ct.study, ct.series, ct.instance
        );
        let list = format!("/api/v1/studies/{}/{}", node.id_of(Org::Township), ct.study);
        let wado = [machine.get_as(&ct.path(), WHOLE).status, machine.get(&uri).status];
        (found(node, &key), qido, wado, node.person("township").get(&list).status)
    };
    assert_eq!(doors(), (1, 1, [200, 200], 200));
    let id = made(correct(&client, &json!({"kind": "hide", "study": ct.study})));
    assert_eq!(doors(), (0, 0, [404, 404], 404));
    undo(&client, &id);
    assert_eq!(doors(), (1, 1, [200, 200], 200));
    assert_eq!(retrieved(node, &ct).sha256(), ct.file().sha256());
}

#[test]
fn what_is_deleted_is_gone_and_may_be_stored_again() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-delete");
    let ct = Ct::new();
    store(node, folder.path(), std::slice::from_ref(&ct));
    let key = format!("StudyInstanceUID={}", ct.study);
    let study = format!("/dicom-web/studies/{}?reason=expired", ct.study);
    node.machine(Org::Township).delete(&study).expect_problem(403, "forbidden");
    client.delete(&study).expect(204);
    assert_eq!(found(node, &key), 0);
    node.machine(Org::Township).get_as(&ct.path(), WHOLE).expect_problem(404, "not-found");
    client.delete(&study).expect_problem(404, "not-found");
    store(node, folder.path(), std::slice::from_ref(&ct));
    assert_eq!(found(node, &key), 1);
    assert_eq!(retrieved(node, &ct).sha256(), ct.file().sha256());
}

#[test]
fn the_command_line_corrects_beside_a_running_node() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let org = node.id_of(Org::Township);
    let (wrong, right) = (Ct::new().named("Zhang^San"), Ct::new().named("Li^Si"));
    store(node, folder.path(), &[wrong.clone(), right.clone()]);
    // The node has read it before: what it remembers must not be what it shows afterwards.
    assert_eq!(retrieved(node, &wrong).sha256(), wrong.file().sha256());
    let why = ["--org", org, "--reason", "two numbers for one person", "--code", "wrong_identity"];
    let study = |arguments: &[&str]| node.command(&[&["study"][..], arguments, &why].concat());

    let done = study(&["correct", &merge(&wrong, &right).to_string()]).expect_success();
    let (id, rest) = done.stdout.split_once('\t').expect("an identifier first");
    assert!(rest.starts_with("active\twrong_identity\t"), "{rest}");
    assert_coerced(&retrieved(node, &wrong), &wrong, &right.patient_id);
    let list = node.command(&["study", "corrections", "--org", org]).expect_success().stdout;
    assert!(list.contains(id), "{list}");
    study(&["restore", id]).expect_success();
    study(&["restore", id]).expect_failure();
    assert_eq!(retrieved(node, &wrong).sha256(), wrong.file().sha256());

    let hidden = study(&["hide", &wrong.study, "--instance", &wrong.instance]).expect_success().stdout;
    node.machine(Org::Township).get_as(&wrong.path(), WHOLE).expect(404);
    study(&["restore", hidden.split('\t').next().expect("an identifier")]).expect_success();
    retrieved(node, &wrong);

    study(&["delete", &wrong.study]).expect_success();
    node.machine(Org::Township).get_as(&wrong.path(), WHOLE).expect(404);
    study(&["delete", &wrong.study]).expect_failure();
    study(&["correct", "{\"kind\":\"merge\"}"]).expect_failure();
}

#[test]
fn corrections_are_the_archivists_of_the_own_organisation() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-rights");
    let (own, elsewhere) = (Ct::new(), Ct::new());
    store(node, folder.path(), std::slice::from_ref(&own));
    node.machine(Org::City).stow(&[elsewhere.file()]).expect(200);
    let hide = |ct: &Ct| json!({"kind": "hide", "study": ct.study});

    for login in ["township", "uploader", "reader", "coordinator", "admin", "security", "auditor"] {
        let person = node.person(login);
        correct(&person, &hide(&own)).expect_problem(403, "forbidden");
        person.get("/api/v1/corrections").expect_problem(403, "forbidden");
        person.post("/api/v1/corrections/x/undo", &reason("other")).expect_problem(403, "forbidden");
    }
    node.nobody().get("/api/v1/corrections").expect_problem(401, "unauthenticated");
    correct(&client, &hide(&elsewhere)).expect_problem(404, "not-found");
    correct(&client, &hide(&Ct::new())).expect_problem(404, "not-found");
    client.post("/api/v1/corrections/x/undo", &reason("other")).expect_problem(404, "not-found");
    correct(&client, &json!({"kind": "delete", "study": own.study})).expect_problem(422, "invalid");

    let id = made(correct(&client, &hide(&own)));
    let listed = |study: &str| {
        let list = client.get(&format!("/api/v1/corrections?study={study}")).expect(200).json();
        list["corrections"].as_array().expect("a list").clone()
    };
    assert_eq!(listed(&own.study).len(), 1);
    assert_eq!(
        (&listed(&own.study)[0]["id"], &listed(&own.study)[0]["state"]),
        (&json!(id), &json!("active"))
    );
    assert!(listed(&elsewhere.study).is_empty());
    undo(&client, &id);
    let again = client.post(&format!("/api/v1/corrections/{id}/undo"), &reason("other"));
    again.expect_problem(409, "conflict");
}

#[test]
fn what_is_kept_apart_is_listed_for_its_owner_only() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let first = Ct::new();
    let other = Ct { seed: 99, ..first.clone() };
    store(node, folder.path(), std::slice::from_ref(&first));
    store(node, folder.path(), std::slice::from_ref(&other));
    let apart = format!("/api/v1/studies/{}/apart", first.study);
    let list = node.person("township").get(&apart).expect(200).json();
    assert_eq!(list["instances"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["instances"][0]["sha256"], other.file().sha256());
    assert_eq!(list["instances"][0]["sop_instance_uid"], first.instance);
    let elsewhere = node.person("coordinator").get(&apart).expect(200).json();
    assert_eq!(elsewhere["instances"], json!([]));
    node.person("admin").get(&apart).expect_problem(403, "forbidden");
}

/// PDF by DCMTK, in the study that is corrected.
fn document(folder: &Path, ct: &Ct) -> PathBuf {
    let (pdf, file) = (folder.join("report.pdf"), folder.join("report.dcm"));
    let text = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n\
                trailer<</Root 1 0 R>>\n%%EOF\n";
    std::fs::write(&pdf, text).expect("a file");
    let beside = ct.file().write(folder, "beside.dcm");
    let path = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    run("pdf2dcm", &["+st", &path(&beside), &path(&pdf), &path(&file)]).expect_success();
    file
}

#[test]
fn a_correction_says_what_it_cannot_reach() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let client = archivist(node, "archivist-inside");
    let (wrong, right) = (Ct::new().named("Zhang^San"), Ct::new().named("Li^Si"));
    store(node, folder.path(), &[wrong.clone(), right.clone()]);
    let plain = correct(&client, &merge(&right, &wrong)).expect(201).json();
    assert_eq!((&plain["identity_inside"], &plain["warning"]), (&json!(0), &Json::Null));
    undo(&client, plain["id"].as_str().expect("an identifier"));

    let pdf = document(folder.path(), &wrong);
    dcmtk(node, "storescu", &["-R", "--", pdf.to_str().expect("UTF-8")]).expect_success();
    let burned = Ct { instance: wrong.instance.clone() + "1", ..wrong.clone() };
    let burned_in = [&burned.data_set().bytes[..], &[]].concat();
    let at = burned_in.windows(4).position(|w| w == [0x28, 0, 0x50, 0x10]).expect("Window Center");
    let mut data_set = burned_in[..at].to_vec();
    data_set.extend(crate::support::dicom::Elements::default().text(0x0028_0301, "CS", "YES").bytes);
    data_set.extend(&burned_in[at..]);
    node.machine(Org::Township).stow(&[Part10::new(&burned.instance, data_set)]).expect(200);

    let made = correct(&client, &merge(&wrong, &right)).expect(201).json();
    assert_eq!(made["identity_inside"], 2, "{made}");
    let warning = made["warning"].as_str().expect("words");
    assert!(warning.contains("2 objects carry identity") && warning.contains("2 个对象"), "{warning}");
    let why = ["--org", node.id_of(Org::Township), "--reason", "two numbers for one person"];
    let study = |arguments: &[&str]| node.command(&[&["study"][..], arguments, &why].concat());
    study(&["restore", made["id"].as_str().expect("an identifier")]).expect_success();
    let done = study(&["correct", &merge(&wrong, &right).to_string()]).expect_success();
    assert!(done.stderr.contains("2 objects carry identity"), "{}", done.output());
}

#[test]
fn a_token_may_correct_and_delete_when_it_is_said_so() {
    let (node, folder) = (Node::shared(), tempfile::tempdir().expect("a folder"));
    let ct = Ct::new();
    store(node, folder.path(), std::slice::from_ref(&ct));
    let org = node.id_of(Org::Township);
    let token = |rights: &str| {
        let done = node.command(&["token", "add", "--org", org, "--rights", rights]).expect_success();
        Client::with_token(node.base_url(), done.stdout.trim())
    };
    let hide = json!({"kind": "hide", "study": ct.study});
    correct(&token("store,search,retrieve"), &hide).expect_problem(403, "forbidden");
    let corrector = token("search,correct");
    let id = made(correct(&corrector, &hide));
    undo(&corrector, &id);
    let study = format!("/dicom-web/studies/{}?reason=expired", ct.study);
    corrector.delete(&study).expect_problem(403, "forbidden");
    token("search,delete").delete(&study).expect(204);
    for rights in ["administer", "everything"] {
        node.command(&["token", "add", "--org", org, "--rights", rights]).expect_failure();
    }
}

#[test]
fn an_object_without_a_patient_is_refused_as_what_it_is() {
    let node = Node::shared();
    let hanging = crate::support::dicom::Elements::default()
        .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.38.1")
        .text(0x0008_0018, "UI", "1.2.3.38");
    let answer = node.machine(Org::Township).stow(&[Part10::new("1.2.3.38", hanging.bytes)]).expect(409);
    let reason = &answer.json()["00081198"]["Value"][0]["00081197"]["Value"][0];
    assert_eq!(reason, 0x0122, "SOP class not supported");
}
