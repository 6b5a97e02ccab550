//! Debian's Orthanc as a peer, both ways: it stores, searches and retrieves here, and this node there.

use crate::corrections::files_in;
use crate::support::node::Org;
use crate::support::programs::dcmtk;
use crate::support::serving::free_port;
use crate::support::{Client, Ct, Node, Part10, wait_for};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const PLUGIN: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

/// An Orthanc that knows a node and is known to it as a device of the township hospital; it ends with the test.
struct Orthanc {
    child: Child,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Orthanc {
    /// A port that was free may be somebody else's by the time that it listens: then it ends, and others are tried.
    fn start(node: &Node) -> Self {
        (0..3).find_map(|_| Self::try_start(node)).expect("Orthanc listens; its words are in orthanc.log")
    }

    /// None if it ended instead of listening.
    fn try_start(node: &Node) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let (dicom, http) = (free_port(), free_port());
        let token = node.organisation(Org::Township)["token"].as_str().expect("a token");
        let config = json!({
            "StorageDirectory": folder.path().join("db"),
            "IndexDirectory": folder.path().join("db"),
            "DicomAet": "ORTHANC1",
            "DicomPort": dicom,
            "HttpPort": http,
            "RemoteAccessAllowed": false,
            "AuthenticationEnabled": false,
            "DefaultEncoding": "Utf8",
            "StorageCompression": false,
            "SaveJobs": false,
            "Plugins": [PLUGIN],
            "DicomModalities": {"farsight": ["FARSIGHT", "127.0.0.1", node.dicom_port()]},
            "DicomWeb": {"Servers": {"farsight": {
                "Url": format!("{}/dicom-web/", node.base_url()),
                "HttpHeaders": {"Authorization": format!("Bearer {token}")},
            }}},
        });
        let path = folder.path().join("orthanc.json");
        std::fs::write(&path, config.to_string()).expect("a configuration");
        let log = std::fs::File::create(crate::support::artefacts().join("orthanc.log")).expect("a log");
        let mut child = Command::new("Orthanc")
            .arg(&path)
            .env("TCP_NODELAY", "1")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Orthanc; scripts/setup.sh test installs it");
        for port in [dicom, http] {
            let listens = wait_for("Orthanc listens or ends", PATIENCE, || {
                let ended = child.try_wait().expect("a child").is_some();
                let open = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
                (ended || open).then_some(!ended)
            });
            if !listens {
                return None;
            }
        }
        let contact = format!("127.0.0.1:{dicom}");
        let org = node.id_of(Org::Township);
        node.command(&["ae", "add", "ORTHANC1", "--org", org, "--contact", &contact]).expect_success();
        Some(Self { child, client: Client::new(&format!("http://127.0.0.1:{http}")), _folder: folder })
    }

    /// Puts a file into it; its own identifier.
    fn upload(&self, file: &Part10) -> String {
        let answer =
            self.client.post_bytes("/instances", "application/dicom", file.bytes.clone()).expect(200);
        answer.json()["ID"].as_str().expect("an identifier").to_owned()
    }

    /// The data sets that it has of a study.
    fn data_sets(&self, study: &str) -> Vec<Part10> {
        let find = json!({"Level": "Instance", "Query": {"StudyInstanceUID": study}});
        let found = self.client.post("/tools/find", &find).expect(200).json();
        let ids = found.as_array().expect("a list").clone();
        ids.iter()
            .map(|id| {
                let path = format!("/instances/{}/file", id.as_str().expect("an identifier"));
                Part10::parse(self.client.get(&path).expect(200).body)
            })
            .collect()
    }
}

impl Drop for Orthanc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kept(node: &Node, ct: &Ct) -> bool {
    let whole = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let answer = node.machine(Org::Township).get_as(&ct.path(), whole);
    answer.status == 200 && Part10::parse(answer.parts()[0].1.clone()).sha256() == ct.file().sha256()
}

fn send(node: &Node, folder: &Path, images: &[Ct]) {
    let paths: Vec<PathBuf> =
        images.iter().map(|ct| ct.file().write(folder, &format!("{}.dcm", ct.instance))).collect();
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    dcmtk(node, "storescu", &[&["--"][..], &paths].concat()).expect_success();
}

fn hashes(mut files: Vec<String>) -> Vec<String> {
    files.sort();
    files
}

#[test]
fn orthanc_stores_searches_and_retrieves_here_and_we_there() {
    let node = Node::start("orthanc");
    let (orthanc, folder) = (Orthanc::start(&node), tempfile::tempdir().expect("a folder"));

    // It sends by C-STORE and by STOW-RS.
    let (stored, stowed) = (Ct::new(), Ct::new());
    let id = orthanc.upload(&stored.file());
    orthanc.client.post("/modalities/farsight/store", &json!([id])).expect(200);
    assert!(kept(&node, &stored), "by C-STORE");
    let id = orthanc.upload(&stowed.file());
    let stow = json!({"Resources": [id], "Synchronous": true});
    orthanc.client.post("/dicom-web/servers/farsight/stow", &stow).expect(200);
    assert!(kept(&node, &stowed), "by STOW-RS");

    // It searches and has what it found sent to itself.
    let ours = Ct::new().named("Ou^YangFeng=欧^阳锋").series_of(3);
    send(&node, folder.path(), &ours);
    for name in ["Ou*", "欧*"] {
        let query = json!({"Level": "Study", "Query": {"PatientName": name, "StudyDate": "20261101-20261130",
            "StudyDescription": ""}});
        let found = orthanc.client.post("/modalities/farsight/query", &query).expect(200).json();
        let id = found["ID"].as_str().expect("an identifier");
        let answers =
            orthanc.client.get(&format!("/queries/{id}/answers?expand&simplify")).expect(200).json();
        let answers = answers.as_array().expect("a list");
        assert_eq!(answers.len(), 1, "{name}");
        assert_eq!(answers[0]["StudyInstanceUID"], json!(ours[0].study));
        assert_eq!(answers[0]["PatientName"], "Ou^YangFeng=欧^阳锋");
        assert_eq!(answers[0]["StudyDescription"], "胸部平扫");
        let retrieve = format!("/queries/{id}/answers/0/retrieve");
        orthanc.client.post_bytes(&retrieve, "text/plain", b"ORTHANC1".to_vec()).expect(200);
    }
    let came = orthanc.data_sets(&ours[0].study);
    assert_eq!(
        hashes(came.iter().map(Part10::sha256).collect()),
        hashes(ours.iter().map(|ct| ct.file().sha256()).collect()),
        "bit for bit"
    );

    // What arrives here is forwarded to it.
    let org = node.id_of(Org::Township);
    let rule = ["forward", "rules", "set", "all", "--org", org, "--to", "ORTHANC1", "--modality", "CT"];
    node.command(&rule).expect_success();
    let forwarded = Ct::new().series_of(2);
    send(&node, folder.path(), &forwarded);
    wait_for("it is forwarded", PATIENCE, || {
        (orthanc.data_sets(&forwarded[0].study).len() == forwarded.len()).then_some(())
    });

    // We search there, and bring what is there here, by C-GET and by C-MOVE.
    let theirs = [Ct::new(), Ct::new()];
    for ct in &theirs {
        orthanc.upload(&ct.file());
        let key = format!("PatientID={}", ct.patient_id);
        let found = node.command(&["remote", "find", "ORTHANC1", "-k", &key, "-k", "PatientName"]);
        let row: Json = serde_json::from_str(found.expect_success().stdout.trim()).expect("one row");
        assert_eq!(row["0020000D"]["Value"][0], json!(ct.study));
        assert_eq!(row["00100010"]["Value"][0]["Ideographic"], "张^三", "{row}");
    }
    for (ct, method) in theirs.iter().zip(["get", "move"]) {
        let done = node.command(&["remote", "get", "ORTHANC1", "--study", &ct.study, "--method", method]);
        assert!(done.expect_success().stdout.starts_with("1 instances came"), "{method}");
        assert!(kept(&node, ct), "{method}");
    }
    assert_eq!(files_in(folder.path()).len(), ours.len() + forwarded.len());
}
