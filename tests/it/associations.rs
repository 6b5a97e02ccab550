//! Who may call the program, with DCMTK as the caller: `farsight ae`, user identity, DICOM over TLS from a
//! configuration file.

use crate::support::node::{Org, farsight};
use crate::support::programs::{Done, dcmtk, run};
use crate::support::serving::{Serving, certificates, free_port};
use crate::support::{Ct, Node};

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

#[test]
fn a_configured_node_serves_dicom_over_tls_to_whom_it_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path(), &["node", "ct"]);
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
    let mut serving = Serving::start(folder.path());
    serving.wait_for_port(tls);

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
