//! Retrieval, worklist, forwarding and other nodes, with DCMTK's programs as the peers.

use crate::fixture::{Node, PATIENCE, STUDY, ae, encoded, files, image, instance, loopback_config};
use access::{Contact, Device, Right};
use model::{Actor, OrgId, Scope};
use pacs::forward::{ForwardRule, RuleState};
use pacs::orders::{OrderState, Wish};
use pacs::remote::{Method, Retrieval};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

pub const STORE: [&str; 4] = ["-aet", "CT1", "-aec", "FARSIGHT"];

pub fn town() -> OrgId {
    OrgId::parse("township").unwrap()
}

pub fn scope() -> Scope {
    Scope::organisation(Actor::node("test"), town())
}

/// A device that may do everything, and where it listens.
pub async fn device(node: &Node, title: &str, organisation: &str, port: Option<u16>) {
    let rights = vec![Right::Store, Right::Search, Right::Retrieve];
    let mut device = Device::new(ae(title), OrgId::parse(organisation).unwrap(), rights);
    device.contact = port.map(|port| Contact::from(std::net::SocketAddr::from(([127, 0, 0, 1], port))));
    node.storage.put_device(&Scope::node("test"), &device).await.unwrap();
}

/// A port below those that the system gives away by itself, another one at each call: nobody takes it before the
/// program that is to listen there.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A program that listens; it ends with the test.
struct Listener {
    _process: Child,
}

impl Listener {
    async fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        let mut command = Command::new(program);
        command.env("TCP_NODELAY", "1").args(arguments).kill_on_drop(true);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("{program} is needed: {error}"));
        until("it listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        Self { _process: process }
    }

    /// storescp, which writes what it gets bit for bit.
    async fn storescp(title: &str, port: u16, directory: &Path, more: &[&str]) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let (directory, port_text) = (directory.to_str().unwrap(), port.to_string());
        let arguments = [&["-aet", title, "+B", "-od", directory][..], more, &[port_text.as_str()]].concat();
        Self::start("storescp", &arguments, port).await
    }
}

/// storescp of a title, with its files in a directory.
pub async fn storescp(title: &str, port: u16, directory: &Path) -> impl Sized {
    Listener::storescp(title, port, directory, &[]).await
}

pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn files_in(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Whether a received file holds exactly the data set that was sent.
pub fn holds(file: &Path, number: u32) -> bool {
    std::fs::read(file).unwrap().ends_with(&encoded(&image(number)))
}

async fn stored(count: u32) -> Node {
    let node = Node::start().await;
    let files = files(node.directory.path(), count);
    let (code, text) = node.dcmtk("storescu", &STORE, &files).await;
    assert_eq!(code, 0, "{text}");
    node
}

pub async fn movescu(node: &Node, calling: &str, destination: &str, keys: &[&str]) -> (i32, String) {
    let mut arguments = vec!["-d", "-S", "-aet", calling, "-aec", "FARSIGHT", "-aem", destination];
    for key in keys {
        arguments.extend(["-k", key]);
    }
    node.dcmtk("movescu", &arguments, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c_move_sends_every_level_bit_for_bit() {
    let node = stored(4).await;
    let (port, received) = (free_port(), node.directory.path().join("received"));
    device(&node, "READER", "township", None).await;
    device(&node, "DEST", "township", Some(port)).await;
    let _peer = Listener::storescp("DEST", port, &received, &[]).await;
    let study = format!("StudyInstanceUID={STUDY}");
    let series = format!("SeriesInstanceUID={STUDY}.1");
    let list = format!("SOPInstanceUID={}\\{}", instance(2), instance(3));
    for (keys, count) in [
        (vec!["QueryRetrieveLevel=STUDY", &study], 4),
        (vec!["QueryRetrieveLevel=SERIES", &study, &series], 4),
        (vec!["QueryRetrieveLevel=IMAGE", &study, &series, &list], 2),
        (vec!["QueryRetrieveLevel=STUDY", "StudyInstanceUID=1.2.3.999"], 0),
    ] {
        for file in files_in(&received) {
            std::fs::remove_file(file).unwrap();
        }
        let (code, text) = movescu(&node, "READER", "DEST", &keys).await;
        assert_eq!(code, 0, "{text}");
        assert_eq!(files_in(&received).len(), count, "{keys:?}: {text}");
        for file in files_in(&received) {
            assert!((1..=4).any(|number| holds(&file, number)));
        }
    }
}

/// `+xi`: the peer takes Implicit VR Little Endian and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn c_move_writes_anew_what_the_peer_does_not_take_as_it_is_kept() {
    let node = stored(2).await;
    let (port, received) = (free_port(), node.directory.path().join("received"));
    device(&node, "READER", "township", None).await;
    device(&node, "DEST", "township", Some(port)).await;
    let _peer = Listener::storescp("DEST", port, &received, &["+xi"]).await;
    let study = format!("StudyInstanceUID={STUDY}");
    let (code, text) = movescu(&node, "READER", "DEST", &["QueryRetrieveLevel=STUDY", &study]).await;
    assert_eq!(code, 0, "{text}");
    let implicit = dataset::TransferSyntax::parse(dataset::TransferSyntax::IMPLICIT_LITTLE).unwrap();
    let expected = |number| dataset::write::to_bytes(&image(number), &implicit);
    let got = files_in(&received);
    assert_eq!(got.len(), 2);
    for file in got {
        let bytes = std::fs::read(file).unwrap();
        assert!((1..=2).any(|number| bytes.ends_with(&expected(number))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_move_tells_unknown_destinations_and_what_failed() {
    let node = stored(2).await;
    let (port, received) = (free_port(), node.directory.path().join("received"));
    device(&node, "READER", "township", None).await;
    device(&node, "DEST", "township", Some(port)).await;
    device(&node, "THEIRS", "city", Some(port)).await;
    device(&node, "MUTE", "township", None).await;
    let study = format!("StudyInstanceUID={STUDY}");
    let keys = ["QueryRetrieveLevel=STUDY", &study];
    for destination in ["NOBODY", "THEIRS", "MUTE"] {
        let (_, text) = movescu(&node, "READER", destination, &keys).await;
        assert!(text.contains("0xa801"), "{destination}: {text}");
    }
    let (_, text) = movescu(&node, "READER", "DEST", &keys).await;
    assert!(text.contains("0xa702"), "nobody listens there: {text}");
    let _peer = Listener::storescp("DEST", port, &received, &[]).await;
    let (_, text) = movescu(&node, "CITY", "THEIRS", &keys).await;
    assert!(text.contains("0x0124"), "CITY may not retrieve: {text}");
    device(&node, "CITY", "city", None).await;
    let (code, text) = movescu(&node, "CITY", "THEIRS", &keys).await;
    assert!(code == 0 && files_in(&received).is_empty(), "another's study is not there: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c_get_brings_everything_back_over_the_same_association() {
    let node = stored(3).await;
    device(&node, "READER", "township", None).await;
    let received = node.directory.path().join("received");
    std::fs::create_dir(&received).unwrap();
    let study = format!("StudyInstanceUID={STUDY}");
    let arguments = [
        "-v",
        "-S",
        "-aet",
        "READER",
        "-aec",
        "FARSIGHT",
        "+B",
        "-od",
        received.to_str().unwrap(),
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        &study,
    ];
    let (code, text) = node.dcmtk("getscu", &arguments, &[]).await;
    assert_eq!(code, 0, "{text}");
    let got = files_in(&received);
    assert_eq!(got.len(), 3, "{text}");
    assert!(got.iter().all(|file| (1..=3).any(|number| holds(file, number))));
    let patient = ["-P", "-aet", "READER", "-aec", "FARSIGHT", "-od", received.to_str().unwrap()];
    let keys = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=P001"];
    let (code, text) = node.dcmtk("getscu", &[&patient[..], &keys[..]].concat(), &[]).await;
    assert_eq!(code, 0, "{text}");
}

pub fn wish(accession: &str, name: &str, modality: &str, day: &str) -> Wish {
    serde_json::from_value(json!({
        "patient": {"id": format!("P-{accession}"), "name": name, "sex": "M"},
        "accession_number": accession,
        "procedure": {"description": "头颅平扫"},
        "step": {"modality": modality, "station_ae_title": "CT1", "start_date": day, "start_time": "0930"},
    }))
    .unwrap()
}

/// findscu -W; each answer as dcmdump prints it.
async fn worklist(node: &Node, calling: &str, keys: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec!["-W", "-X", "-aet", calling, "-aec", "FARSIGHT"];
    arguments.extend(["-od", directory.path().to_str().unwrap()]);
    for key in keys {
        arguments.extend(["-k", key]);
    }
    let (code, text) = node.dcmtk("findscu", &arguments, &[]).await;
    assert_eq!(code, 0, "{text}");
    let mut answers = Vec::new();
    for file in files_in(directory.path()) {
        let dump = Command::new("dcmdump").arg(file).output().await.unwrap();
        answers.push(String::from_utf8_lossy(&dump.stdout).into_owned());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modality_finds_its_worklist() {
    let node = Node::start().await;
    for (accession, name, modality, day) in [
        ("A1", "Zhang^San=张^三", "CT", "20261125"),
        ("A2", "Li^Si=李^四", "MR", "20261125"),
        ("A3", "Wang^Wu", "CT", "20261201"),
    ] {
        pacs::orders::place(&node.storage, &scope(), &town(), wish(accession, name, modality, day))
            .await
            .unwrap();
    }
    let step = "ScheduledProcedureStepSequence[0]";
    let modality = format!("{step}.Modality=CT");
    let today = format!("{step}.ScheduledProcedureStepStartDate=20261125");
    let month = format!("{step}.ScheduledProcedureStepStartDate=20261101-20261130");
    let open = format!("{step}.ScheduledProcedureStepStartDate=20261126-");
    let asked = ["PatientName", "AccessionNumber", "StudyInstanceUID"];
    let find = async |keys: &[&str]| worklist(&node, "CT1", &[&asked[..], keys].concat()).await.len();
    assert_eq!(find(&[&modality]).await, 2);
    assert_eq!(find(&[&modality, &today]).await, 1);
    assert_eq!(find(&[&month]).await, 2);
    assert_eq!(find(&[&open]).await, 1);
    assert_eq!(find(&["AccessionNumber=A?"]).await, 3);
    let found =
        worklist(&node, "CT1", &["SpecificCharacterSet=ISO_IR 192", "PatientName=张*", "AccessionNumber"])
            .await;
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("张^三") && found[0].contains("[A1]"), "{}", found[0]);
    assert!(worklist(&node, "CITY", &asked).await.is_empty(), "another organisation's orders are not there");
}

pub fn background(node: &Node) -> tokio::task::JoinHandle<()> {
    let config = loopback_config(model::Limits::default());
    tokio::spawn(pacs::forward::run(node.storage.clone(), config, std::future::pending()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_marked_when_its_study_arrives() {
    let node = Node::start().await;
    let work = background(&node);
    let mut mine = wish("A001", "Zhang^San", "CT", "20260102");
    mine.patient.id = "P001".into();
    let other = Wish { patient: access_patient("P999"), ..wish("A001", "Li^Si", "CT", "20260102") };
    let placed = pacs::orders::place(&node.storage, &scope(), &town(), mine).await.unwrap();
    let pacs::orders::Placed::New(order) = placed else { panic!("a new order") };
    let placed = pacs::orders::place(&node.storage, &scope(), &OrgId::parse("city").unwrap(), other).await;
    drop(placed);
    until("the outbox is read", async || node.storage.outbox_cursor("dispatch").await.is_ok()).await;
    let files = files(node.directory.path(), 1);
    node.dcmtk("storescu", &STORE, &files).await;
    until("it has arrived", async || {
        let order = pacs::orders::one(&node.storage, &scope(), &order.id).await.unwrap();
        order.state == OrderState::Arrived && order.arrived_at_ms.is_some()
    })
    .await;
    assert!(worklist(&node, "CT1", &["AccessionNumber"]).await.is_empty(), "it is off the worklist");
    work.abort();
}

fn access_patient(id: &str) -> pacs::orders::Patient {
    serde_json::from_value(json!({"id": id, "name": "Li^Si"})).unwrap()
}

pub fn rule(destination: &str) -> ForwardRule {
    ForwardRule {
        id: "ct".into(),
        sources: vec![ae("CT1")],
        modalities: vec!["CT".into()],
        description: String::new(),
        destination: ae(destination),
        state: RuleState::Active,
    }
}

/// What is stored while the destination is away reaches it when it is back: all of it, bit for bit.
#[tokio::test(flavor = "multi_thread")]
async fn forwarding_waits_for_its_destination_and_loses_nothing() {
    let node = Node::start().await;
    let (port, received) = (free_port(), node.directory.path().join("received"));
    device(&node, "ARCHIVE", "township", Some(port)).await;
    device(&node, "THEIRS", "city", Some(port)).await;
    pacs::forward::put_rule(&node.storage, &scope(), &rule("THEIRS")).await.unwrap_err();
    pacs::forward::put_rule(&node.storage, &scope(), &rule("ARCHIVE")).await.unwrap();
    let work = background(&node);
    until("the outbox is read", async || node.storage.outbox_cursor("dispatch").await.is_ok()).await;
    let sent = files(node.directory.path(), 6);
    let (code, text) = node.dcmtk("storescu", &STORE, &sent).await;
    assert_eq!(code, 0, "{text}");
    let queue = async || node.storage.jobs(&scope(), pacs::forward::JOB, None, 100, 0).await.unwrap();
    until("the first attempt fails", async || {
        let jobs = queue().await;
        jobs.len() == 6 && jobs[0].attempts > 0
    })
    .await;
    let jobs = queue().await;
    assert_eq!(jobs.len(), 6);
    assert!(jobs[0].problem.contains("cannot be reached"), "{}", jobs[0].problem);
    assert!(jobs[1..].iter().all(|job| job.attempts == 0), "the rest waits behind it");
    work.abort();

    let _peer = Listener::storescp("ARCHIVE", port, &received, &[]).await;
    node.storage.retry_jobs(&scope(), pacs::forward::JOB, storage::Which::All).await.unwrap();
    let work = background(&node);
    until("the queue is empty", async || queue().await.is_empty()).await;
    let got = files_in(&received);
    assert_eq!(got.len(), 6);
    assert!(got.iter().all(|file| (1..=6).any(|number| holds(file, number))));
    work.abort();
}

/// An archive of DCMTK with these images, which knows this node.
async fn dcmqrscp(node: &Node, sent: &[PathBuf]) -> (Listener, u16) {
    let (port, root) = (free_port(), node.directory.path().join("qr"));
    std::fs::create_dir_all(root.join("db")).unwrap();
    let ours = node.address.port();
    let config = format!(
        "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\n\
         farsight = (FARSIGHT, 127.0.0.1, {ours})\nHostTable END\nVendorTable BEGIN\nVendorTable END\n\
         AETable BEGIN\nARCHIVE {} RW (200, 1024mb) ANY\nAETable END\n",
        root.join("db").display()
    );
    std::fs::write(root.join("dcmqrscp.cfg"), config).unwrap();
    let config = root.join("dcmqrscp.cfg");
    let listener = Listener::start("dcmqrscp", &["-c", config.to_str().unwrap()], port).await;
    let mut command = Command::new("storescu");
    command.env("TCP_NODELAY", "1").args(["-aec", "ARCHIVE", "127.0.0.1", &port.to_string()]).args(sent);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (listener, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_is_searched_and_its_studies_brought_here() {
    let node = Node::start().await;
    let (_archive, port) = dcmqrscp(&node, &files(node.directory.path(), 3)).await;
    device(&node, "ARCHIVE", "township", Some(port)).await;
    let config = loopback_config(model::Limits::default());
    let (storage, scope, archive) = (&node.storage, scope(), ae("ARCHIVE"));
    pacs::remote::echo(storage, &config, &scope, &archive).await.unwrap();
    let elsewhere = Scope::organisation(Actor::node("test"), OrgId::parse("city").unwrap());
    let refused = pacs::remote::echo(storage, &config, &elsewhere, &archive).await;
    assert_eq!(refused, Err(pacs::remote::RemoteError::NotFound), "another organisation's node is not there");

    let keys = json!({"00100020": {"vr": "LO", "Value": ["P001"]}, "0020000D": {"vr": "UI"}});
    let found =
        pacs::remote::find(storage, &config, &scope, &archive, keys.as_object().unwrap(), 10).await.unwrap();
    assert_eq!((found.rows.len(), found.more), (1, false));
    assert_eq!(found.rows[0]["0020000D"]["Value"][0], STUDY);

    let study = model::Uid::parse(STUDY).unwrap();
    for method in [Method::Get, Method::Move] {
        let retrieval = Retrieval { study: study.clone(), series: None, instance: None, method };
        let done = pacs::remote::retrieve(storage, &config, &scope, &archive, &retrieval).await.unwrap();
        assert_eq!((done.completed, done.failed), (3, 0), "{method:?}");
        let kept = storage.instances(&scope, &study, None, None).await.unwrap();
        assert_eq!(kept.len(), 3);
        assert_eq!(kept[0].owner(), &town());
    }
}
