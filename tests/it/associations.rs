//! Who may call the program, with DCMTK as the caller: `farsight ae`, user identity, DICOM over TLS from a
//! configuration file.

use crate::support::node::{Org, farsight, program};
use crate::support::programs::{Done, dcmtk, finish, run};
use crate::support::{Ct, Node, wait_for};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[test]
fn rules_of_an_ae_title_are_set_shown_and_kept() {
    let node = Node::start("ae-rules");
    let echo = || dcmtk(&node, "echoscu", &["-v"]);
    echo().expect_success();

    node.command(&["ae", "set", "TOWNSHIP", "--from", "10.20.0.0/16"]).expect_success();
    let rejected = echo().expect_failure();
    assert!(rejected.output().contains("Calling AE Title Not Recognized"), "{}", rejected.output());
    node.command(&["ae", "set", "TOWNSHIP", "--from", "10.20.0.0/16,127.0.0.1"]).expect_success();
    echo().expect_success();

    let shown = node.command(&["ae", "show", "TOWNSHIP"]).expect_success().stdout;
    assert!(shown.contains("10.20.0.0/16,127.0.0.1") && shown.contains("store,search,retrieve"), "{shown}");
    let listed = node.command(&["ae", "list"]).expect_success().stdout;
    assert!(
        listed.lines().any(|line| line.starts_with("TOWNSHIP\t") && line.contains("127.0.0.1")),
        "{listed}"
    );

    let known = node.command(&["ae", "add", "TOWNSHIP", "--org", node.id_of(Org::Township)]).expect_failure();
    assert!(known.stderr.contains("known already"), "{}", known.stderr);
    node.command(&["ae", "remove", "TOWNSHIP"]).expect_success();
    echo().expect_failure();
    node.command(&["ae", "add", "TOWNSHIP", "--org", node.id_of(Org::Township), "--rights", "search"])
        .expect_success();
    echo().expect_success();
    let folder = tempfile::tempdir().expect("a folder");
    let file = Ct::new().file().write(folder.path(), "ct.dcm");
    let refused = dcmtk(&node, "storescu", &["-v", "--", file.to_str().expect("UTF-8")]);
    assert!(refused.output().contains("0x124"), "{}", refused.output());
    node.command(&["audit", "verify"]).expect_success();
}

#[test]
fn a_user_identity_is_answered_and_a_wrong_passcode_refused() {
    let node = Node::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let file = Ct::new().file().write(folder.path(), "ct.dcm");
    let file = file.to_str().expect("UTF-8");
    let password = node.account("township")["password"].as_str().expect("a password");
    let store =
        |password| dcmtk(node, "storescu", &["-v", "-usr", "township", "-pwd", password, "-rsp", "--", file]);
    let accepted = store(password).expect_success();
    assert!(accepted.output().contains("Success"), "{}", accepted.output());
    let rejected = store("wrong").expect_failure();
    assert!(rejected.output().contains("Rejected"), "{}", rejected.output());
}

/// `farsight serve`, ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// An authority `ca`, and `node` and `ct` that it has certified.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        finish(command).expect_success();
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -days 30 -subj /CN=ca -keyout ca.key -out ca.pem"));
    std::fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
    for name in ["node", "ct"] {
        openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let ca = "-CA ca.pem -CAkey ca.key -CAcreateserial";
        openssl(&format!("x509 -req -in {name}.csr {ca} -days 30 -extfile ext -out {name}.pem"));
    }
}

#[test]
fn a_configured_node_serves_dicom_over_tls_to_whom_it_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let [http, plain, tls] = [free_port(), free_port(), free_port()];
    let config = format!(
        "[storage]\ndirectory = {:?}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[dicom]\nlisten = \"127.0.0.1:{plain}\"\n\
         [dicom.tls]\nlisten = \"0.0.0.0:{tls}\"\ncertificate = {:?}\nprivate_key = {:?}\nclient_ca = {:?}\n",
        path("data"),
        path("node.pem"),
        path("node.key"),
        path("ca.pem")
    );
    std::fs::write(path("farsight.toml"), config).expect("a configuration");
    let command = |arguments: &[&str]| -> Done {
        farsight(&[arguments, &["--config", &path("farsight.toml")]].concat())
    };
    command(&["config", "check"]).expect_success();
    command(&["org", "add", "township", "清河镇卫生院"]).expect_success();
    command(&["ae", "add", "CT1", "--org", "township", "--certificate", &path("ct.pem")]).expect_success();
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let mut serve = Command::new(program());
    serve.args(["serve", "--config", &path("farsight.toml")]).stdout(Stdio::null()).stderr(log);
    let _serving = Serving(serve.spawn().expect("the program starts"));
    wait_for("the node listens", Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", tls)).ok());

    let echo = |port: u16, options: &[&str]| {
        let port = port.to_string();
        run("echoscu", &[&["-v", "-aet", "CT1", "-aec", "FARSIGHT"], options, &["127.0.0.1", &port]].concat())
    };
    let (key, pem, ca) = (path("ct.key"), path("ct.pem"), path("ca.pem"));
    echo(tls, &["+tls", &key, &pem, "+cf", &ca]).expect_success();
    echo(tls, &["+tls", &path("node.key"), &path("node.pem"), "+cf", &ca]).expect_failure();
    echo(tls, &["--anonymous-tls", "+cf", &ca]).expect_failure();
    echo(plain, &[]).expect_failure();

    run("chmod", &["644", &path("node.key")]).expect_success();
    let open = command(&["config", "check"]).expect_failure();
    assert!(open.stderr.contains("chmod 600"), "{}", open.stderr);
}
