//! DICOM over TLS (PS3.15 §B.12) with DCMTK and OpenSSL on the other side.

use crate::fixture::{Node, PATIENCE, Peer, ae, dcmtk, files, loopback_config, request};
use crate::services::{device, files_in, free_port, holds, rule, scope, until};
use model::{Limits, Sha256};
use pacs::dimse::tls::certificate_sha256;
use pacs::dimse::{ClientCertificates, DimseConfig, TlsAcceptance, TlsListen, TlsRequest};
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// Two authorities made by OpenSSL: `ca` of the hospital with `node`, `ct` and `mr`, and `other` with `stranger`.
struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    async fn make() -> Self {
        let all = Self { directory: tempfile::tempdir().unwrap() };
        for authority in ["ca", "other"] {
            let subject = format!("/CN={authority}");
            let out = (all.text(&format!("{authority}.key")), all.text(&format!("{authority}.pem")));
            let head = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
            openssl(
                &[&head[..], &["-days", "30", "-subj", &subject, "-keyout", &out.0, "-out", &out.1]].concat(),
            )
            .await;
        }
        for (name, authority) in [("node", "ca"), ("ct", "ca"), ("mr", "ca"), ("stranger", "other")] {
            all.issue(name, authority).await;
        }
        all
    }

    async fn issue(&self, name: &str, authority: &str) {
        let [key, csr, pem, extensions] =
            ["key", "csr", "pem", "ext"].map(|ext| self.text(&format!("{name}.{ext}")));
        std::fs::write(&extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
        let subject = format!("/CN={name}");
        // RSA as most modalities have.
        openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &csr])
            .await;
        let (ca, ca_key) = (self.text(&format!("{authority}.pem")), self.text(&format!("{authority}.key")));
        let head = ["x509", "-req", "-in", &csr, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
        openssl(&[&head[..], &["-days", "30", "-extfile", &extensions, "-out", &pem]].concat()).await;
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn text(&self, file: &str) -> String {
        self.path(file).to_str().unwrap().to_owned()
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    fn fingerprint(&self, name: &str) -> Sha256 {
        certificate_sha256(&self.read(&format!("{name}.pem"))).unwrap()
    }

    fn acceptance(&self, asked: ClientCertificates) -> TlsAcceptance {
        let authority = self.read("ca.pem");
        TlsAcceptance::new(&self.read("node.pem"), &self.read("node.key"), Some(&authority), asked).unwrap()
    }

    async fn node(&self, asked: ClientCertificates) -> Node {
        self.node_with(asked, Limits::default()).await
    }

    async fn node_with(&self, asked: ClientCertificates, limits: Limits) -> Node {
        let acceptance = self.acceptance(asked);
        let tls = Some(TlsListen { address: "127.0.0.1:0".parse().unwrap(), acceptance });
        Node::with_config(DimseConfig { tls, ..loopback_config(limits) }).await
    }

    /// Has an authority sign a list of those that it no longer vouches for.
    async fn revoke(&self, authority: &str, names: &[&str]) {
        let config = format!(
            "[ca]\ndefault_ca = a\n[a]\ndatabase = {0}/{authority}.db\ncrlnumber = {0}/{authority}.number\n\
             default_md = sha256\ndefault_crl_days = 30\n[crl]\nauthorityKeyIdentifier = keyid\n",
            self.directory.path().display()
        );
        let file = self.text(&format!("{authority}.cnf"));
        std::fs::write(&file, config).unwrap();
        for (name, text) in [("db", ""), ("number", "01\n")] {
            let path = self.path(&format!("{authority}.{name}"));
            if !path.exists() {
                std::fs::write(path, text).unwrap();
            }
        }
        let (ca, key) = (self.text(&format!("{authority}.pem")), self.text(&format!("{authority}.key")));
        let head = ["ca", "-config", &file, "-cert", &ca, "-keyfile", &key];
        for name in names {
            openssl(&[&head[..], &["-revoke", &self.text(&format!("{name}.pem"))]].concat()).await;
        }
        let out = self.text(&format!("{authority}.crl"));
        openssl(&[&head[..], &["-gencrl", "-crlexts", "crl", "-out", &out]].concat()).await;
    }

    /// DCMTK's options for a certificate, verifying ours against an authority.
    fn options(&self, name: &str, authority: &str) -> Vec<String> {
        let (key, pem) = (self.text(&format!("{name}.key")), self.text(&format!("{name}.pem")));
        let trusted = self.text(&format!("{authority}.pem"));
        ["+tls", &key, &pem, "+cf", &trusted].map(str::to_owned).to_vec()
    }
}

async fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().await.expect("openssl is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a program of DCMTK over TLS as CT1.
async fn run(node: &Node, program: &str, options: &[String], files: &[PathBuf]) -> (i32, String) {
    let mut arguments = vec!["-v", "-aet", "CT1", "-aec", "FARSIGHT"];
    arguments.extend(options.iter().map(String::as_str));
    dcmtk(program, &arguments, node.tls_address.unwrap(), files).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dcmtk_stores_over_tls_with_a_certificate() {
    let certificates = Certificates::make().await;
    let node = certificates.node(ClientCertificates::Required).await;
    let options = certificates.options("ct", "ca");
    let (code, text) = run(&node, "echoscu", &options, &[]).await;
    assert_eq!(code, 0, "{text}");
    let (code, text) = run(&node, "storescu", &options, &files(node.directory.path(), 3)).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(node.counters.instances_stored.get(), 3);
}

/// Waits until the audit chain has the refusal: with TLS 1.3 a client knows of it before that.
async fn refused(node: &Node, why: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !node.refusals().await.iter().any(|detail| detail == why) {
        assert!(std::time::Instant::now() < deadline, "{why} in {:?}", node.refusals().await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_or_with_another_authoritys_there_is_no_association() {
    let certificates = Certificates::make().await;
    let node = certificates.node(ClientCertificates::Required).await;
    let anonymous = ["--anonymous-tls", "+cf", &certificates.text("ca.pem")].map(str::to_owned);
    for options in [anonymous.to_vec(), certificates.options("stranger", "ca")] {
        let (code, text) = run(&node, "echoscu", &options, &[]).await;
        assert_ne!(code, 0, "{options:?}: {text}");
    }
    for why in ["tls-client-certificate-required", "tls-client-certificate-not-trusted"] {
        refused(&node, why).await;
    }
    assert_eq!(node.counters.tls_handshakes_failed.get(), 2);
    assert_eq!(node.counters.associations_accepted.get(), 0);

    let (code, text) = run(&node, "echoscu", &certificates.options("ct", "other"), &[]).await;
    assert_ne!(code, 0, "a client that does not trust us: {text}");
    assert_eq!(
        run(&node, "echoscu", &certificates.options("ct", "ca"), &[]).await.0,
        0,
        "the next is served"
    );
}

/// Whoever is revoked while the node runs is let in no longer; whoever is not, still is.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_without_a_restart() {
    let certificates = Certificates::make().await;
    certificates.revoke("ca", &["mr"]).await;
    let der = certificates.text("ca.der");
    openssl(&["crl", "-in", &certificates.text("ca.crl"), "-outform", "DER", "-out", &der]).await;
    let plain = certificates.acceptance(ClientCertificates::Required);
    let missing = plain.clone().with_revocation_lists(vec![certificates.path("none.crl")]);
    assert!(matches!(missing, Err(pacs::dimse::TlsError::RevocationList(_))));
    let broken = plain.clone().with_revocation_lists(vec![certificates.path("ca.pem")]);
    assert!(broken.is_err(), "a certificate is no list");
    let acceptance = plain.with_revocation_lists(vec![PathBuf::from(&der)]).unwrap();
    let tls = Some(TlsListen { address: "127.0.0.1:0".parse().unwrap(), acceptance });
    let config = DimseConfig { tls, ..loopback_config(Limits::default()) };
    let node = Node::with_config(config).await;
    let (ct, mr) = (certificates.options("ct", "ca"), certificates.options("mr", "ca"));
    let (code, text) = run(&node, "echoscu", &ct, &[]).await;
    assert_eq!(code, 0, "{text}");
    let (code, text) = run(&node, "echoscu", &mr, &[]).await;
    assert_ne!(code, 0, "{text}");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-tls1_2", "-connect", &node.tls_address.unwrap().to_string()]);
    command.args(["-cert", &certificates.text("mr.pem"), "-key", &certificates.text("mr.key")]);
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("certificate revoked"), "the alert says why: {text}");
    refused(&node, "tls-client-certificate-revoked").await;

    // What cannot be read changes nothing; what can, holds.
    std::fs::write(&der, b"rubbish").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5_200)).await;
    assert_ne!(run(&node, "echoscu", &mr, &[]).await.0, 0);
    assert_eq!(run(&node, "echoscu", &ct, &[]).await.0, 0);
    certificates.revoke("ca", &["ct"]).await;
    std::fs::copy(certificates.path("ca.crl"), &der).unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while run(&node, "echoscu", &ct, &[]).await.0 == 0 {
        assert!(std::time::Instant::now() < deadline, "a new list holds within seconds");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// An authority that has published no list vouches for nobody, once lists are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_without_a_list_vouches_for_nobody() {
    let certificates = Certificates::make().await;
    certificates.revoke("other", &[]).await;
    let acceptance = certificates
        .acceptance(ClientCertificates::Required)
        .with_revocation_lists(vec![certificates.path("other.crl")])
        .unwrap();
    let tls = Some(TlsListen { address: "127.0.0.1:0".parse().unwrap(), acceptance });
    let config = DimseConfig { tls, ..loopback_config(Limits::default()) };
    let node = Node::with_config(config).await;
    assert_ne!(run(&node, "echoscu", &certificates.options("ct", "ca"), &[]).await.0, 0);
    refused(&node, "tls-client-certificate-without-revocation-list").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_tls_is_served_where_it_is_allowed() {
    let certificates = Certificates::make().await;
    let options = ["--anonymous-tls", "+cf", &certificates.text("ca.pem")].map(str::to_owned);
    for asked in [ClientCertificates::Optional, ClientCertificates::None] {
        let node = certificates.node(asked).await;
        let (code, text) = run(&node, "storescu", &options, &files(node.directory.path(), 1)).await;
        assert_eq!(code, 0, "{asked:?}: {text}");
    }
    let node = certificates.node(ClientCertificates::Optional).await;
    let (code, text) = run(&node, "echoscu", &certificates.options("stranger", "ca"), &[]).await;
    assert_ne!(code, 0, "what is shown must be good, shown freely or not: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devices_certificate_is_checked_on_the_association() {
    let certificates = Certificates::make().await;
    let node = certificates.node(ClientCertificates::Optional).await;
    node.set_ct1(|ct1| ct1.certificate_sha256 = Some(certificates.fingerprint("ct"))).await;
    let (code, text) = run(&node, "echoscu", &certificates.options("ct", "ca"), &[]).await;
    assert_eq!(code, 0, "{text}");
    let anonymous = ["--anonymous-tls", "+cf", &certificates.text("ca.pem")].map(str::to_owned);
    for options in [certificates.options("mr", "ca"), anonymous.to_vec()] {
        let (code, text) = run(&node, "echoscu", &options, &[]).await;
        assert!(code != 0 && text.contains("Calling AE Title Not Recognized"), "{text}");
    }
    let mut refusals = node.refusals().await;
    refusals.sort();
    assert_eq!(refusals, ["certificate-of-another", "certificate-required"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_bcp_195_are_spoken_and_no_older_one() {
    let certificates = Certificates::make().await;
    let node = certificates.node(ClientCertificates::None).await;
    let address = node.tls_address.unwrap().to_string();
    for (version, is_spoken) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address, version, "-CAfile", &certificates.text("ca.pem")]);
        command.args(["-verify_return_error", "-cipher", "ALL:@SECLEVEL=0"]).stdin(Stdio::null());
        let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            text.contains("Verify return code: 0 (ok)") && output.status.success(),
            is_spoken,
            "{version} {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_ends_in_time_and_costs_nobody_else() {
    let certificates = Certificates::make().await;
    let limits = Limits { artim_timeout_ms: 300, ..Limits::default() };
    let node = certificates.node_with(ClientCertificates::None, limits).await;
    let address = node.tls_address.unwrap();
    let mut plain = Peer::connect(address).await;
    plain.send(&request("CT1", &["1.2.840.10008.1.1"]).encode()).await;
    assert_ne!(plain.receive().await.map(|(kind, _)| kind), Some(2), "no association without TLS");
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0, "a handshake that never begins");
    let begun = TcpStream::connect(address).await.unwrap();
    let (mut begun, mut rest) = (begun, [0; 16]);
    begun.write_all(&[0x16, 3, 1, 2]).await.unwrap();
    assert_eq!(begun.read(&mut rest).await.unwrap_or(0), 0, "a handshake that never ends");
    let anonymous = ["--anonymous-tls", "+cf", &certificates.text("ca.pem")].map(str::to_owned);
    let (code, text) = run(&node, "echoscu", &anonymous, &[]).await;
    assert_eq!(code, 0, "{text}");
}

/// A C-ECHO server of DCMTK's that takes only the hospital's certificates.
async fn storescp(certificates: &Certificates, name: &str) -> (tokio::process::Child, u16) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut command = Command::new("storescp");
    command.args(certificates.options(name, "ca")).arg("--ignore").arg(free.to_string());
    let child = command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", free)).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "storescp listens in time");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    (child, free)
}

#[tokio::test(flavor = "multi_thread")]
async fn as_requestor_we_show_our_certificate_and_check_theirs() {
    let certificates = Certificates::make().await;
    let (_child, port) = storescp(&certificates, "mr").await;
    let (chain, key) = (certificates.read("node.pem"), certificates.read("node.key"));
    let read = |authority: &str| certificates.read(authority);
    let own = Some((&chain[..], &key[..]));
    let known = TlsRequest::new(Some(&read("ca.pem")), own).unwrap();
    let foreign = TlsRequest::new(Some(&read("other.pem")), own).unwrap();
    let (theirs, another) = (certificates.fingerprint("mr"), certificates.fingerprint("ct"));
    for (what, request, host, pinned, is_reached) in [
        ("their authority", &known, "127.0.0.1", None, true),
        ("their name", &known, "localhost", None, true),
        ("another name", &known, "archive.example.org", None, false),
        ("another authority", &foreign, "127.0.0.1", None, false),
        ("a known certificate", &foreign, "archive.example.org", Some(theirs), true),
        ("another certificate", &known, "127.0.0.1", Some(another), false),
    ] {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let connected = request.connect(stream, host, pinned).await;
        assert_eq!(connected.is_ok(), is_reached, "{what}: {:?}", connected.err());
    }
    let unknown = TlsRequest::new(None, own).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert!(
        unknown.connect(stream, "127.0.0.1", None).await.is_err(),
        "without authorities nobody is trusted"
    );
}

/// A destination over TLS that is not who it should be gets nothing; the queue says so and waits.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forwarded_to_a_peer_with_the_wrong_certificate() {
    let certificates = Certificates::make().await;
    let node = certificates.node(ClientCertificates::Optional).await;
    let received = node.directory.path().join("received");
    std::fs::create_dir(&received).unwrap();
    let port = free_port();
    let mut command = Command::new("storescp");
    command.args(certificates.options("mr", "ca")).args(["-aet", "ARCHIVE", "+B", "-od"]).arg(&received);
    command.arg(port.to_string()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let _archive = command.spawn().expect("storescp of DCMTK is needed");
    until("it listens", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;

    device(&node, "ARCHIVE", "township", Some(port)).await;
    let contact = async |host: &str, certificate: Option<Sha256>| {
        let mut archive = node.storage.device(&ae("ARCHIVE")).await.unwrap();
        archive.contact = Some(access::Contact {
            host: host.to_owned(),
            port,
            transport: access::Transport::Tls,
            certificate_sha256: certificate,
        });
        node.storage.put_device(&model::Scope::node("test"), &archive).await.unwrap();
    };
    let (chain, key) = (certificates.read("node.pem"), certificates.read("node.key"));
    let own = Some((&chain[..], &key[..]));
    let authority = |name: &str| TlsRequest::new(Some(&certificates.read(name)), own).unwrap();
    let config = |request: TlsRequest| DimseConfig {
        tls_request: Some(request),
        ..loopback_config(Limits::default())
    };
    // By C-ECHO, which says at once what is wrong.
    for (what, request, host, pinned, is_reached) in [
        ("its authority and address", authority("ca.pem"), "127.0.0.1", None, true),
        ("its authority and name", authority("ca.pem"), "localhost", None, true),
        ("an authority that is not its own", authority("other.pem"), "127.0.0.1", None, false),
        ("its certificate", authority("other.pem"), "127.0.0.1", Some("mr"), true),
        ("another's certificate", authority("ca.pem"), "127.0.0.1", Some("ct"), false),
    ] {
        contact(host, pinned.map(|name| certificates.fingerprint(name))).await;
        let echo = pacs::remote::echo(&node.storage, &config(request), &scope(), &ae("ARCHIVE")).await;
        assert_eq!(echo.is_ok(), is_reached, "{what}: {echo:?}");
    }

    pacs::forward::put_rule(&node.storage, &scope(), &rule("ARCHIVE")).await.unwrap();
    contact("127.0.0.1", Some(certificates.fingerprint("ct"))).await;
    let config = config(authority("ca.pem"));
    let work = tokio::spawn(pacs::forward::run(node.storage.clone(), config, std::future::pending()));
    let (code, text) = dcmtk(
        "storescu",
        &["-aet", "CT1", "-aec", "FARSIGHT"],
        node.address,
        &files(node.directory.path(), 2),
    )
    .await;
    assert_eq!(code, 0, "{text}");
    let queue = async || node.storage.jobs(&scope(), pacs::forward::JOB, None, 100, 0).await.unwrap();
    until("the first attempt fails", async || {
        let jobs = queue().await;
        jobs.len() == 2 && jobs[0].attempts > 0
    })
    .await;
    let jobs = queue().await;
    assert_eq!(jobs.len(), 2);
    assert!(jobs[0].problem.contains("TLS"), "{}", jobs[0].problem);
    assert!(files_in(&received).is_empty());

    contact("127.0.0.1", Some(certificates.fingerprint("mr"))).await;
    node.storage.retry_jobs(&scope(), pacs::forward::JOB, storage::Which::All).await.unwrap();
    until("the queue is empty", async || queue().await.is_empty()).await;
    let got = files_in(&received);
    assert!(got.len() == 2 && got.iter().all(|file| (1..=2).any(|number| holds(file, number))));
    work.abort();
}

#[tokio::test]
async fn certificates_and_keys_that_do_not_fit_are_refused_at_the_start() {
    let certificates = Certificates::make().await;
    let read = |file: &str| certificates.read(file);
    let required = ClientCertificates::Required;
    let accept = |pem: &[u8], key: &[u8], authority: Option<&[u8]>| {
        TlsAcceptance::new(pem, key, authority, required).map(|_| ()).unwrap_err()
    };
    use pacs::dimse::TlsError as E;
    let (node, key, ca) = (read("node.pem"), read("node.key"), read("ca.pem"));
    assert_eq!(accept(&node, &read("ct.key"), Some(&ca)), E::PrivateKey);
    assert_eq!(accept(&node, &node, Some(&ca)), E::PrivateKey);
    assert_eq!(accept(&key, &key, Some(&ca)), E::Certificate("certificate file"));
    assert_eq!(accept(&node, &key, Some(b"")), E::Certificate("client_ca file"));
    assert_eq!(accept(&node, &key, None), E::NoClientAuthority);
}
