//! A DIMSE server on a temporary storage, a study to send, DCMTK, and a scripted peer that knows only bytes.

use access::{Device, Organisation, OrganisationKind, Person, Reach, Right, Role, Secret};
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{AeTitle, Limits, OrgId, PersonId, Scope, Uid};
use pacs::dimse::pdu::{AssociateAc, AssociateRq, ProposedContext};
use pacs::dimse::{Counters, DimseConfig, Server};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::{AuditAction, AuditOutcome, Storage, StorageConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const VERIFICATION: &str = "1.2.840.10008.1.1";
pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
pub const STUDY: &str = "1.2.826.0.1.3680043.10.1.1";

/// Long enough for a busy machine; nothing waits that long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn ae(text: &str) -> AeTitle {
    AeTitle::parse(text).unwrap()
}

/// A node that calls peers on this machine, as tests have them.
pub fn loopback_config(limits: Limits) -> DimseConfig {
    DimseConfig { reach: Reach::new(Reach::loopback()), ..DimseConfig::new(ae("FARSIGHT"), limits) }
}

/// A running node: CT1 of the township may store and search, LOOKER of it may only search, CITY belongs to another
/// organisation; the person `doctor` has the password `a good password`.
pub struct Node {
    pub address: SocketAddr,
    pub tls_address: Option<SocketAddr>,
    pub storage: Storage,
    pub counters: Arc<Counters>,
    pub directory: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Node {
    pub async fn start() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        Self::with_config(loopback_config(limits)).await
    }

    pub async fn with_config(config: DimseConfig) -> Self {
        let limits = config.limits.clone();
        let directory = tempfile::tempdir().unwrap();
        let kept = StorageConfig::sqlite(directory.path().join("data"), limits);
        let storage = Storage::open(kept).await.unwrap();
        let node = Scope::node("test");
        for (id, title, rights) in [
            ("township", "CT1", vec![Right::Store, Right::Search]),
            ("township", "LOOKER", vec![Right::Search]),
            ("city", "CITY", vec![Right::Store, Right::Search]),
        ] {
            let organisation = OrgId::parse(id).unwrap();
            let kind = OrganisationKind::Hospital;
            let value = Organisation::new(organisation.clone(), id, kind);
            storage.put_organisation(&node, &value).await.unwrap();
            storage.put_device(&node, &Device::new(ae(title), organisation, rights)).await.unwrap();
        }
        let doctor = Person {
            id: PersonId::new(),
            login: "doctor".to_owned(),
            name: "医生".to_owned(),
            title: String::new(),
            organisation: OrgId::parse("township").unwrap(),
            roles: vec![Role::Uploader],
            password_hash: access::password::hash(&Secret::new("a good password".to_owned())).unwrap(),
            is_disabled: false,
            credential: None,
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        };
        storage.put_person(&node, &doctor).await.unwrap();
        let config = DimseConfig { shutdown_grace_ms: 5_000, ..config };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), config, storage.clone()).await.unwrap();
        let (address, tls_address) = (server.local_addr(), server.tls_addr());
        let counters = server.counters();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, tls_address, storage, counters, directory, stop: Some(stop), task: Some(task) }
    }

    /// Shuts the server down and waits for it.
    pub async fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        tokio::time::timeout(PATIENCE, self.task.take().unwrap()).await.unwrap().unwrap();
    }

    /// Runs a program of DCMTK against the node; the exit code and everything that it printed.
    pub async fn dcmtk(&self, program: &str, arguments: &[&str], files: &[PathBuf]) -> (i32, String) {
        dcmtk(program, arguments, self.address, files).await
    }

    /// Refused logins on the audit chain, by their detail.
    pub async fn refusals(&self) -> Vec<String> {
        let events = self.storage.audit_events(&Scope::node("test"), None, 100).await.unwrap();
        let is_refused = |event: &&storage::AuditEvent| {
            event.entry.action == AuditAction::Login && event.entry.outcome == AuditOutcome::Refused
        };
        events.iter().filter(is_refused).map(|event| event.entry.detail.clone()).collect()
    }

    /// Changes what the node knows of CT1.
    pub async fn set_ct1(&self, change: impl FnOnce(&mut Device)) {
        let mut device = self.storage.device(&ae("CT1")).await.unwrap();
        change(&mut device);
        self.storage.put_device(&Scope::node("test"), &device).await.unwrap();
    }

    /// A peer that has an association as `calling` with these abstract syntaxes, contexts 1, 3, 5 …
    pub async fn associate(&self, calling: &str, abstract_syntaxes: &[&str]) -> Peer {
        let mut peer = Peer::connect(self.address).await;
        let (kind, body) = peer.request(&request(calling, abstract_syntaxes)).await;
        assert_eq!(kind, 2, "an A-ASSOCIATE-AC and not {body:?}");
        AssociateAc::decode(&body).unwrap();
        peer
    }
}

/// Runs a program of DCMTK against an address; the exit code and everything that it printed.
pub async fn dcmtk(
    program: &str,
    arguments: &[&str],
    address: SocketAddr,
    files: &[PathBuf],
) -> (i32, String) {
    let mut command = tokio::process::Command::new(program);
    command.env("TCP_NODELAY", "1").kill_on_drop(true).args(arguments);
    command.arg("127.0.0.1").arg(address.port().to_string()).args(files);
    let output = tokio::time::timeout(PATIENCE * 2, command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("{program} of DCMTK is needed: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// An A-ASSOCIATE-RQ in Explicit VR Little Endian.
pub fn request(calling: &str, abstract_syntaxes: &[&str]) -> AssociateRq {
    let contexts =
        abstract_syntaxes.iter().zip((1..).step_by(2)).map(|(abstract_syntax, id)| ProposedContext {
            id,
            abstract_syntax: (*abstract_syntax).to_owned(),
            transfer_syntaxes: vec![TransferSyntax::EXPLICIT_LITTLE.to_owned()],
        });
    AssociateRq {
        protocol_version: 1,
        called: pacs::dimse::pdu::padded(&ae("FARSIGHT")),
        calling: pacs::dimse::pdu::padded(&ae(calling)),
        application_context: "1.2.840.10008.3.1.1.1".to_owned(),
        contexts: contexts.collect(),
        pdu_bytes_max: 16_384,
        user_identity: None,
        extended: Vec::new(),
        roles: Vec::new(),
        implementation_version: "SCRIPTED".to_owned(),
    }
}

/// A peer that sends whatever bytes it is told to.
pub struct Peer {
    stream: TcpStream,
}

impl Peer {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Over a transport that is there.
    pub fn over(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Sends no more, and still reads.
    pub async fn shut(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Sends; whether the node still takes it.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next PDU: type and body; `None` when the node has closed.
    pub async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0; 6];
        let read = tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut header)).await;
        read.expect("an answer in time").ok()?;
        let length = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((header[0], body))
    }

    pub async fn request(&mut self, rq: &AssociateRq) -> (u8, Vec<u8>) {
        self.send(&rq.encode()).await;
        self.receive().await.unwrap()
    }

    /// Reads responses until one with a command whose status is not pending; the statuses, and the largest PDU.
    pub async fn statuses(&mut self) -> (Vec<u16>, usize) {
        let (mut statuses, mut largest, mut command) = (Vec::new(), 0, Vec::new());
        loop {
            let Some((kind, body)) = self.receive().await else { panic!("closed after {statuses:x?}") };
            assert_eq!(kind, 4, "a P-DATA-TF and not {body:?}");
            largest = largest.max(body.len());
            if body[5] & 1 == 1 {
                command.extend_from_slice(&body[6..]);
            }
            if body[5] & 3 == 3 {
                let status = us(&command, 0x0900).unwrap();
                command.clear();
                statuses.push(status);
                if status & 0xFF00 != 0xFF00 {
                    return (statuses, largest);
                }
            }
        }
    }
}

/// A value of VR US of an encoded command set.
fn us(command: &[u8], element: u16) -> Option<u16> {
    let mut rest = command;
    while rest.len() >= 8 {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        if rest[2..4] == element.to_le_bytes() {
            return Some(u16::from_le_bytes(rest[8..10].try_into().unwrap()));
        }
        rest = &rest[8 + length..];
    }
    None
}

/// A P-DATA-TF with one PDV; `control` 1 is a command, 2 is the last fragment.
pub fn pdata(context: u8, control: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    let mut pdu = vec![4, 0];
    pdu.extend((length + 6).to_be_bytes());
    pdu.extend((length + 2).to_be_bytes());
    pdu.extend([context, control]);
    pdu.extend(bytes);
    pdu
}

/// A command set from elements of group 0000.
pub fn command(elements: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (element, value) in elements {
        bytes.extend([0, 0]);
        bytes.extend(element.to_le_bytes());
        let padded = value.len() + value.len() % 2;
        bytes.extend((padded as u32).to_le_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len() + padded - value.len(), 0);
    }
    bytes
}

/// A request's command set: field, SOP class, SOP instance.
pub fn dimse(field: u16, class: &str, instance: Option<&str>) -> Vec<u8> {
    let (field, message) = (field.to_le_bytes(), 1_u16.to_le_bytes());
    let data_set_type = if field == 0x30_u16.to_le_bytes() { 0x0101_u16 } else { 0 }.to_le_bytes();
    let mut elements: Vec<(u16, &[u8])> = vec![
        (0x0002, class.as_bytes()),
        (0x0100, &field),
        (0x0110, &message),
        (0x0700, &[0, 0]),
        (0x0800, &data_set_type),
    ];
    if let Some(instance) = instance {
        elements.push((0x1000, instance.as_bytes()));
    }
    command(&elements)
}

/// A small CT image of the study, named 张^三 in GB18030 or UTF-8 by its number.
pub fn image(number: u32) -> Dataset {
    let charset = if number.is_multiple_of(2) { "GB18030" } else { "ISO_IR 192" };
    let mut image = Dataset::new();
    image.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, charset);
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, CT),
        (tags::SOP_INSTANCE_UID, VR::UI, &instance(number)),
        (tags::STUDY_DATE, VR::DA, "20260102"),
        (tags::STUDY_TIME, VR::TM, "101500"),
        (tags::ACCESSION_NUMBER, VR::SH, "A001"),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PATIENT_ID, VR::LO, "P001"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19700101"),
        (tags::PATIENT_SEX, VR::CS, "M"),
        (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
        (tags::SERIES_INSTANCE_UID, VR::UI, &format!("{STUDY}.1")),
        (tags::SERIES_NUMBER, VR::IS, "1"),
        (tags::INSTANCE_NUMBER, VR::IS, &number.to_string()),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    ] {
        image.put_text(tag, vr, text);
    }
    let name = "Zhang^San=张^三";
    let name = if number.is_multiple_of(2) {
        b"Zhang^San=\xD5\xC5^\xC8\xFD".to_vec()
    } else {
        name.as_bytes().to_vec()
    };
    image.put(bytes_element(tags::PATIENT_NAME, VR::PN, name));
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, 64),
        (tags::COLUMNS, 64),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 12),
        (tags::HIGH_BIT, 11),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        image.put_u16(tag, &[value]);
    }
    let pixels = (0..64 * 64).flat_map(|i: u32| (((i * number) & 0xFFF) as u16).to_le_bytes()).collect();
    image.put(bytes_element(tags::PIXEL_DATA, VR::OW, pixels));
    image
}

pub fn instance(number: u32) -> String {
    format!("{STUDY}.1.{number}")
}

fn bytes_element(tag: dataset::Tag, vr: VR, mut bytes: Vec<u8>) -> dataset::Element {
    if bytes.len() % 2 == 1 {
        bytes.push(b' ');
    }
    dataset::Element { tag, vr, value: dataset::Value::Bytes(bytes.into()) }
}

/// The data set's bytes in Explicit VR Little Endian.
pub fn encoded(dataset: &Dataset) -> Vec<u8> {
    dataset::write::to_bytes(dataset, &TransferSyntax::explicit_little())
}

/// Part 10 files of images `1..=count` in a directory.
pub fn files(directory: &Path, count: u32) -> Vec<PathBuf> {
    (1..=count)
        .map(|number| {
            let uid = |text: &str| Uid::parse(text).unwrap();
            let head =
                dataset::part10::head(&TransferSyntax::explicit_little(), &uid(CT), &uid(&instance(number)));
            let path = directory.join(format!("{number}.dcm"));
            std::fs::write(&path, [head, encoded(&image(number))].concat()).unwrap();
            path
        })
        .collect()
}
