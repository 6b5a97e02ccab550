//! HTTP over the node's own TLS: curl and OpenSSL are the other side.

use crate::support::node::farsight;
use crate::support::serving::{Serving, certificates, free_port};
use crate::support::{Done, run, wait_for};
use std::path::Path;
use std::time::Duration;

/// A configured node with `[http.tls]` in a folder that has its certificates.
struct Secured {
    folder: tempfile::TempDir,
    port: u16,
    _serving: Serving,
}

impl Secured {
    fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        certificates(folder.path(), &["node", "machine", "other"]);
        let path = |name: &str| folder.path().join(name);
        let [port, dicom] = [free_port(), free_port()];
        let config = format!(
            "[storage]\ndirectory = {:?}\n[http]\nlisten = \"0.0.0.0:{port}\"\n\
             public_url = \"https://read.example.org\"\n[http.tls]\ncertificate = {:?}\n\
             private_key = {:?}\nclient_ca = {:?}\n{more}\n[dicom]\nlisten = \"127.0.0.1:{dicom}\"\n",
            path("data"),
            path("node.pem"),
            path("node.key"),
            path("ca.pem")
        );
        std::fs::write(path("farsight.toml"), config).expect("a configuration");
        let mut serving = Serving::start(folder.path());
        serving.wait_for_port(port);
        Self { _serving: serving, folder, port }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Done {
        farsight(&[arguments, &["--config", &self.path("farsight.toml")]].concat())
    }

    /// What curl gets, with the head.
    fn get(&self, target: &str, options: &[&str]) -> Done {
        let (ca, url) = (self.path("ca.pem"), format!("https://127.0.0.1:{}{target}", self.port));
        run("curl", &[&["-sSi", "--cacert", &ca], options, &[&url]].concat())
    }
}

/// The status line of what curl has printed.
fn status(done: &Done) -> &str {
    done.stdout.lines().next().unwrap_or_default().trim_end()
}

#[test]
fn a_node_with_a_certificate_speaks_tls_and_nothing_else() {
    let node = Secured::start("");
    let page = node.get("/readyz", &[]).expect_success();
    assert_eq!(status(&page), "HTTP/2 200", "{}", page.stdout);
    assert!(page.stdout.contains("strict-transport-security: max-age=31536000"), "{}", page.stdout);
    assert_eq!(status(&node.get("/readyz", &["--http1.1"]).expect_success()), "HTTP/1.1 200 OK");
    node.get("/readyz", &["--tls-max", "1.2"]).expect_success();
    node.get("/readyz", &["--tls-max", "1.1"]).expect_failure();

    let plain = run("curl", &["-sS", "-m", "15", &format!("http://127.0.0.1:{}/readyz", node.port)]);
    assert!(plain.expect_failure().stdout.is_empty(), "nothing is said in the clear");
    let strangers = run("curl", &["-sS", &format!("https://127.0.0.1:{}/readyz", node.port)]);
    strangers.expect_failure();

    // The cookie of a session goes over TLS only.
    node.command(&["org", "add", "township", "清河镇卫生院"]).expect_success();
    let invited =
        node.command(&["user", "add", "li", "李", "--org", "township", "--roles", "requester", "--invite"]);
    let link = invited.expect_success().stdout;
    assert!(link.starts_with("https://read.example.org/join#"), "{link}");
}

#[test]
fn a_renewed_certificate_holds_without_a_restart() {
    let node = Secured::start("");
    let shown = || {
        let address = format!("127.0.0.1:{}", node.port);
        let out = run("openssl", &["s_client", "-connect", &address, "-CAfile", &node.path("ca.pem")]);
        // "CN = node" or, from OpenSSL 3.2 on, "CN=node".
        let subject = out.stdout.lines().find(|line| line.starts_with("subject=")).unwrap_or_default();
        subject.replace(' ', "")
    };
    assert_eq!(shown(), "subject=CN=node");
    // Half of it is no reason to stop serving.
    std::fs::copy(node.path("other.pem"), node.path("node.pem")).expect("a copy");
    wait_for("the node has looked", Duration::from_secs(60), || {
        (shown() == "subject=CN=node" && log_of(node.folder.path()).contains("stays in effect")).then_some(())
    });
    std::fs::copy(node.path("other.key"), node.path("node.key")).expect("a copy");
    wait_for("the other certificate is shown", Duration::from_secs(60), || {
        (shown() == "subject=CN=other").then_some(())
    });
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[test]
fn a_token_that_is_bound_to_a_certificate_is_worth_nothing_without_it() {
    let node = Secured::start("client_certificates = \"optional\"");
    node.command(&["org", "add", "township", "清河镇卫生院"]).expect_success();
    let token = |options: &[&str]| {
        let add = ["token", "add", "--org", "township", "--rights", "search"];
        node.command(&[&add, options].concat()).expect_success().stdout.trim().to_owned()
    };
    let bearer = |secret: &str| format!("Authorization: Bearer {secret}");
    let (bound, free) = (bearer(&token(&["--certificate", &node.path("machine.pem")])), bearer(&token(&[])));
    let shown = |name: &str| {
        [
            "--cert".to_owned(),
            node.path(&format!("{name}.pem")),
            "--key".to_owned(),
            node.path(&format!("{name}.key")),
        ]
    };
    let studies = |header: &str, certificate: Option<&str>| {
        let shown = certificate.map(shown).unwrap_or_default();
        let mut options = vec!["-H", header, "--http1.1"];
        options.extend(shown.iter().map(String::as_str).filter(|word| !word.is_empty()));
        status(&node.get("/dicom-web/studies", &options).expect_success()).to_owned()
    };
    assert_eq!(studies(&bound, Some("machine")), "HTTP/1.1 200 OK");
    assert_eq!(studies(&bound, Some("other")), "HTTP/1.1 401 Unauthorized");
    assert_eq!(studies(&bound, None), "HTTP/1.1 401 Unauthorized");
    assert_eq!(studies(&free, None), "HTTP/1.1 200 OK");
}

#[test]
fn who_must_show_a_certificate_gets_nothing_without_one() {
    let node = Secured::start("client_certificates = \"required\"");
    node.get("/readyz", &[]).expect_failure();
    let (pem, key) = (node.path("machine.pem"), node.path("machine.key"));
    node.get("/readyz", &["--cert", &pem, "--key", &key]).expect_success();
}
