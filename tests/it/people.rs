//! A node without the demonstration: the operator appoints three people, these make hospitals, people and an agreement, and a
//! township doctor asks.

use crate::support::node::{Org, farsight, program};
use crate::support::serving::free_port;
use crate::support::{Client, Ct, Done, Node, wait_for};
use serde_json::{Value as Json, json};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PASSWORD: &str = "quiet heron 31";
/// By when what another process of the node has changed must show.
const WITHIN: Duration = Duration::from_secs(5);

/// A node by `serve`, and its folder.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    serving: Option<Child>,
    base: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(serving) = &mut self.serving {
            let _ = serving.kill();
            let _ = serving.wait();
        }
    }
}

impl Site {
    pub(crate) fn new(access: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (http, dicom) = (free_port(), free_port());
        let config = format!(
            "[storage]\ndirectory = {:?}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[dicom]\nlisten = \
             \"127.0.0.1:{dicom}\"\n[consult]\nquiet_s = 0\n[access]\n{access}\n",
            folder.path().join("data")
        );
        std::fs::write(folder.path().join("farsight.toml"), config).expect("a configuration");
        Self { folder, serving: None, base: format!("http://127.0.0.1:{http}") }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("farsight.toml")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Done {
        farsight(&[arguments, &["--config", self.config().to_str().expect("UTF-8")]].concat())
    }

    pub(crate) fn serve(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let mut serve = Command::new(program());
        serve.args(["serve", "--config"]).arg(self.config()).stdout(Stdio::null()).stderr(log);
        self.serving = Some(serve.spawn().expect("the program starts"));
        let address = self.base.trim_start_matches("http://").to_owned();
        wait_for("the node listens", Duration::from_secs(60), || TcpStream::connect(&address).ok());
    }

    /// An account by the command line, which prints the link of an invitation; then logged in.
    pub(crate) fn appointed(&self, login: &str, org: &str, role: &str) -> Client {
        let add = ["user", "add", login, login, "--org", org, "--roles", role, "--invite"];
        let link = self.command(&add).expect_success().stdout;
        self.join(login, link.trim())
    }

    fn join(&self, login: &str, link: &str) -> Client {
        let (page, secret) = link.split_once('#').expect("a link with a secret");
        assert_eq!(page, format!("{}/join", self.base));
        let nobody = Client::new(&self.base);
        nobody.post("/api/v1/invitations/take", &json!({"secret": secret, "password": PASSWORD})).expect(204);
        Client::logged_in(&self.base, login, PASSWORD)
    }
}

#[test]
fn three_people_make_a_node_on_which_a_township_doctor_asks() {
    let mut site = Site::new("");
    site.command(&["org", "add", "city", "市医院诊断中心", "--kind", "centre"]).expect_success();
    for mixed in ["administrator,reader", "administrator,auditor"] {
        let add = ["user", "add", "both", "两职", "--org", "city", "--roles", mixed, "--invite"];
        let refused = site.command(&add).expect_failure();
        assert!(refused.stderr.contains("office"), "{}", refused.stderr);
    }
    site.serve();
    let admin = site.appointed("admin", "city", "administrator");
    let auditor = site.appointed("auditor", "city", "auditor");

    let hospital = json!({"id": "qinghe", "name": "清河镇卫生院", "kind": "hospital"});
    admin.post("/api/v1/admin/organisations", &hospital).expect(201);
    let doctor = json!({
        "organisation": "qinghe", "login": "li", "name": "李敏", "roles": ["requester", "uploader"],
    });
    let made = admin.post("/api/v1/admin/people", &doctor).expect(201).json();
    let id = made["id"].as_str().expect("an id");
    let invitation =
        admin.post(&format!("/api/v1/admin/people/{id}/invitation"), &json!({})).expect(200).json();
    let doctor = site.join("li", invitation["link"].as_str().expect("a link"));

    let ct = Ct::new();
    doctor.post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes).expect(201);
    let question = json!({
        "reading_organisation": "city", "kind": "diagnosis", "urgency": "urgent", "question": "结节性质？",
        "history": "体检发现", "consent": true, "study": {"org": "qinghe", "study_instance_uid": ct.study},
    });
    let draft = doctor.post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    let version = json!({"version": draft["version"]});
    assert_eq!(doctor.post(&submit, &version).expect_problem(422, "invalid").json()["field"], "agreement");

    let listed = |org: &str| site.command(&["agreement", "list", "--org", org]).expect_success().stdout;
    let terms = json!({
        "requesting": "qinghe", "reading": "city", "kinds": ["diagnosis"], "modalities": ["CT"],
        "turnarounds": [{"urgency": "urgent", "turnaround_min": 120}], "signatures": "double",
        "auto_accept": true, "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
    });
    admin.post("/api/v1/admin/agreements", &terms).expect(201);
    assert!(listed("qinghe").contains("qinghe asks city") && listed("city").contains("urgent=120"));
    let sent = doctor.post(&submit, &version).expect(200).json();
    assert_eq!(sent["state"], "accepted", "{sent}");

    let reader = json!({
        "organisation": "city", "login": "wang", "name": "王建国", "roles": ["reader"],
        "credential": {
            "licence": "110310000012345", "modalities": ["CT"], "valid_from": "2026-01-01",
            "valid_until": "2049-12-31",
        },
    });
    let reader = admin.post("/api/v1/admin/people", &reader).expect(201).json();
    assert_eq!((&reader["has_signing_key"], &reader["has_password"]), (&json!(false), &json!(false)));
    let events = auditor.get("/api/v1/audit?action=administer&limit=1000").expect(200).json();
    let of = |detail: &str| {
        let all = events["events"].as_array().expect("events");
        all.iter().filter(|event| event["detail"].as_str().is_some_and(|d| d.starts_with(detail))).count()
    };
    assert_eq!(
        (of("created: roles  -> requester,uploader"), of("created: roles  -> reader")),
        (1, 1),
        "{events}"
    );
}

#[test]
fn what_the_command_line_takes_away_ends_within_five_seconds() {
    let node = Node::start("people-disable");
    let doctor = node.person("township");
    doctor.get("/api/v1/studies").expect(200);
    node.command(&["user", "disable", "township"]).expect_success();
    wait_for("the session to end", WITHIN, || (doctor.get("/api/v1/studies").status == 401).then_some(()));
    let credentials = json!({"login": "township", "password": node.account("township")["password"]});
    node.nobody().post("/api/v1/session", &credentials).expect_problem(401, "unauthenticated");
    node.command(&["user", "enable", "township"]).expect_success();
    wait_for("the account to be back", WITHIN, || {
        (node.nobody().post("/api/v1/session", &credentials).status == 200).then_some(())
    });

    let token = node.command(&["token", "add", "--org", node.id_of(Org::City), "--purpose", "gateway"]);
    let token = token.expect_success().stdout.trim().to_owned();
    let machine = Client::with_token(node.base_url(), &token);
    machine.get("/api/v1/studies").expect(200);
    let list = node.command(&["token", "list", "--org", node.id_of(Org::City)]).expect_success().stdout;
    let line = list.lines().find(|line| line.ends_with("gateway")).expect("the token is listed").to_owned();
    assert!(!list.contains(&token));
    node.command(&["token", "revoke", line.split('\t').next().expect("an id")]).expect_success();
    wait_for("the token to end", WITHIN, || (machine.get("/api/v1/studies").status == 401).then_some(()));
}

#[test]
fn a_demonstration_is_never_served_as_a_node() {
    let node = Node::start("people-demo");
    let site = Site::new("");
    let config =
        format!("[storage]\ndirectory = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n", node.data(), free_port());
    std::fs::write(site.config(), config).expect("a configuration");
    let refused = site.command(&["serve"]).expect_failure();
    assert!(refused.stderr.contains("holds a demonstration"), "{}", refused.stderr);
}

#[test]
fn the_three_offices_of_the_demonstration_open_what_is_theirs_alone() {
    let node = Node::shared();
    for (login, path, status) in [
        ("admin", "/api/v1/admin/people", 200),
        ("admin", "/api/v1/admin/tokens", 403),
        ("admin", "/api/v1/audit", 403),
        ("security", "/api/v1/admin/people", 200),
        ("security", "/api/v1/admin/tokens", 200),
        ("security", "/api/v1/audit", 403),
        ("auditor", "/api/v1/admin/people", 403),
        ("auditor", "/api/v1/audit", 200),
        ("reader", "/api/v1/admin/people", 403),
    ] {
        assert_eq!(node.person(login).get(path).status, status, "{login} {path}");
    }
    // The centre looks after the township.
    let people =
        node.person("admin").get(&format!("/api/v1/admin/people?organisation={}", node.id_of(Org::Township)));
    let people: Json = people.expect(200).json();
    assert!(people["people"].as_array().is_some_and(|all| all.iter().any(|one| one["login"] == "township")));
}

/// A body that is longer than any name must not end in the index.
#[test]
fn names_have_an_end_and_no_control_characters() {
    let admin = Node::shared().person("admin");
    let long = "长".repeat(65);
    for (field, value) in
        [("name", long.as_str()), ("name", "a\u{0}b"), ("name", "  "), ("login", "x y"), ("login", "<b>")]
    {
        let mut person =
            json!({"organisation": "city-centre", "login": "somebody", "name": "某人", "roles": ["reader"]});
        person[field] = json!(value);
        let refused = admin.post("/api/v1/admin/people", &person).expect_problem(422, "invalid").json();
        assert_eq!(refused["field"], field, "{value:?}");
    }
}
