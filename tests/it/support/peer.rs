//! A DICOM peer that sends whatever bytes it is told (PS3.8 §9.3, PS3.7 §9.3), so that it can break every rule.

use super::dicom::EXPLICIT_VR_LITTLE_ENDIAN;
use super::node::Node;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Study Root Query/Retrieve Information Model – FIND.
pub const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
/// Study Root Query/Retrieve Information Model – MOVE.
pub const STUDY_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
/// Verification.
pub const VERIFICATION: &str = "1.2.840.10008.1.1";

/// Command fields (PS3.7 §E.1).
pub mod command {
    /// C-STORE-RQ.
    pub const STORE: u16 = 0x0001;
    /// C-FIND-RQ.
    pub const FIND: u16 = 0x0020;
    /// C-MOVE-RQ.
    pub const MOVE: u16 = 0x0021;
    /// C-ECHO-RQ.
    pub const ECHO: u16 = 0x0030;
}

const P_DATA: u8 = 4;
const ABORT: u8 = 7;
const LAST_COMMAND: u8 = 3;
const LAST_DATA: u8 = 2;

/// A connection as the township hospital's modality.
pub struct Peer {
    stream: TcpStream,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The final response's Status (0000,0900), and how many pending ones came before it.
    Status(u16, usize),
    /// A-ABORT.
    Aborted,
    /// The transport is gone.
    Closed,
}

impl Peer {
    /// A transport without an association.
    pub fn connect(node: &Node) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", node.dicom_port())).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
        stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a time limit");
        Self { stream }
    }

    /// An association for these (abstract syntax, transfer syntax) under the contexts 1, 3, 5…
    pub fn associate(node: &Node, contexts: &[(&str, &str)]) -> Self {
        let mut peer = Self::connect(node);
        peer.send(&associate_rq(contexts));
        let answer = peer.receive().expect("an answer");
        assert_eq!(answer.0, 2, "A-ASSOCIATE-AC, not {answer:?}");
        peer
    }

    /// Bytes as they are. A node that has closed already does not mind.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Bytes as they are; whether the node still takes them.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more comes.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// The next PDU's type and body, `None` when the transport is gone.
    pub fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 6];
        self.read(&mut head)?;
        let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize;
        assert!(length < 1 << 20, "a PDU of {length} bytes");
        let mut body = vec![0; length];
        self.read(&mut body)?;
        Some((head[0], body))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the node hangs");
                None
            }
        }
    }

    /// A message with its data set in PDVs of at most 16 KB.
    pub fn message(&mut self, context: u8, command: &[u8], data: &[u8]) -> End {
        self.send(&pdata(context, LAST_COMMAND, command));
        let count = data.chunks(16_000).count();
        for (at, piece) in data.chunks(16_000).enumerate() {
            self.send(&pdata(context, if at + 1 == count { LAST_DATA } else { 0 }, piece));
        }
        self.end()
    }

    /// Reads up to the final response, the abort, or the end.
    pub fn end(&mut self) -> End {
        let mut pending = 0;
        loop {
            match self.receive() {
                None => return End::Closed,
                Some((ABORT, _)) => return End::Aborted,
                Some((P_DATA, body)) => match status(&body) {
                    Some(0xFF00 | 0xFF01) => pending += 1,
                    Some(status) => return End::Status(status, pending),
                    None => {}
                },
                Some(other) => panic!("an unexpected PDU: {other:?}"),
            }
        }
    }
}

/// A-ASSOCIATE-RQ as TOWNSHIP for FARSIGHT.
pub fn associate_rq(contexts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(b"FARSIGHT        TOWNSHIP        ");
    body.extend([0; 32]);
    body.extend(item(0x10, b"1.2.840.10008.3.1.1.1"));
    for (at, (abstract_syntax, syntax)) in (0..).zip(contexts) {
        let mut context = vec![at * 2 + 1, 0, 0, 0];
        context.extend(item(0x30, abstract_syntax.as_bytes()));
        context.extend(item(0x40, syntax.as_bytes()));
        body.extend(item(0x20, &context));
    }
    body.extend(item(
        0x50,
        &[0x51, 0, 0, 4, 0, 0, 0x40, 0, 0x52, 0, 0, 6, b'2', b'.', b'2', b'5', b'.', b'1'],
    ));
    pdu(1, &body)
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend(u16::try_from(body.len()).expect("a short item").to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A PDU of this type.
pub fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend(u32::try_from(body.len()).expect("a short PDU").to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A P-DATA-TF with one PDV; `control` is its message control header (PS3.8 §E.2).
pub fn pdata(context: u8, control: u8, bytes: &[u8]) -> Vec<u8> {
    let mut pdv = u32::try_from(bytes.len() + 2).expect("a short PDV").to_be_bytes().to_vec();
    pdv.extend([context, control]);
    pdv.extend_from_slice(bytes);
    pdu(P_DATA, &pdv)
}

/// A command set of group 0000 in Implicit VR Little Endian, with its length in front (PS3.7 §6.3.1).
pub fn command_set(elements: &[(u16, &[u8])]) -> Vec<u8> {
    let mut rest = Vec::new();
    for (element, value) in elements {
        let padded = value.len().next_multiple_of(2);
        rest.extend([0, 0]);
        rest.extend(element.to_le_bytes());
        rest.extend(u32::try_from(padded).expect("a short value").to_le_bytes());
        rest.extend_from_slice(value);
        rest.resize(rest.len() + padded - value.len(), 0);
    }
    let mut bytes = vec![0, 0, 0, 0, 4, 0, 0, 0];
    bytes.extend(u32::try_from(rest.len()).expect("a short command").to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// The usual request: SOP class, command field, message 1, with or without more elements; they ascend.
pub fn request(sop_class: &str, field: u16, more: &[(u16, &[u8])]) -> Vec<u8> {
    let (field, message, low) = (field.to_le_bytes(), 1_u16.to_le_bytes(), 0_u16.to_le_bytes());
    let data_set_type = if field == command::ECHO.to_le_bytes() { [0x01, 0x01] } else { [0, 0] };
    let mut elements: Vec<(u16, &[u8])> = vec![
        (0x0002, sop_class.as_bytes()),
        (0x0100, &field),
        (0x0110, &message),
        (0x0700, &low),
        (0x0800, &data_set_type),
    ];
    elements.extend_from_slice(more);
    elements.sort_by_key(|(element, _)| *element);
    command_set(&elements)
}

/// Status (0000,0900) of a command in the PDVs of a P-DATA-TF, `None` for a data set.
fn status(body: &[u8]) -> Option<u16> {
    let command = body.get(6..).filter(|_| body.get(5).is_some_and(|control| control & 1 == 1))?;
    let at = command.windows(8).position(|w| w == [0, 0, 0x00, 0x09, 2, 0, 0, 0])?;
    Some(u16::from_le_bytes([*command.get(at + 8)?, *command.get(at + 9)?]))
}

/// The one context for this abstract syntax in Explicit VR Little Endian.
pub fn explicit(abstract_syntax: &str) -> [(&str, &str); 1] {
    [(abstract_syntax, EXPLICIT_VR_LITTLE_ENDIAN)]
}
