//! Fuzz targets of the upper layer and of DIMSE.

use super::command::{COMMAND_BYTES_MAX, Command};
use super::identifier::Find;
use super::negotiate::{self, Extension, FindExtensions};
use super::pdu::{AssociateAc, AssociateRq};
use super::sop::{Service, StoragePolicy};
use super::wire::{FragmentEnd, FragmentKind, Received, Wire};
use crate::orders::Worklist;
use dataset::TransferSyntax;
use dataset::scan::scan;
use model::{AeTitle, Limits};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The body of an A-ASSOCIATE-RQ or -AC: read, answered, written, read again.
///
/// # Panics
/// When what is written is read as something else.
pub fn associate(input: &[u8]) {
    /// Type, reserved, length.
    const PDU_HEADER_BYTES: usize = 6;
    if let Ok(rq) = AssociateRq::decode(input) {
        let written = rq.encode();
        let mut again = AssociateRq::decode(&written[PDU_HEADER_BYTES..]).expect("our own PDU");
        // We write our own name there.
        again.implementation_version.clone_from(&rq.implementation_version);
        assert_eq!(again, rq);
        if let Ok(title) = AeTitle::parse("FARSIGHT") {
            let _ = negotiate::titles(&rq, &title);
        }
        let policy = StoragePolicy::new(&[], &[], &[]).expect("an empty policy");
        if let Ok((ac, agreed)) = negotiate::answer(&rq, &policy, 1 << 18, 128, false) {
            assert!(agreed.pdu_bytes_max <= 1 << 18);
            assert!(agreed.contexts.keys().all(|id| id % 2 == 1), "{:?}", agreed.contexts);
            let read = AssociateAc::decode(&ac.encode()[PDU_HEADER_BYTES..]).expect("our own answer");
            assert_eq!((read.contexts, read.roles), (ac.contexts, ac.roles));
        }
    }
    if let Ok(ac) = AssociateAc::decode(input) {
        let again = AssociateAc::decode(&ac.encode()[PDU_HEADER_BYTES..]).expect("our own PDU");
        assert_eq!((again.contexts, again.roles), (ac.contexts, ac.roles));
    }
}

/// What a peer sends after the association stands: the first byte is the length of the pieces that the transport
/// brings.
///
/// # Panics
/// When pieces matter, or a command is written as another.
pub fn p_data(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let whole = received(bytes, bytes.len().max(1));
    let pieces = received(bytes, usize::from(*piece) + 1);
    assert_eq!(whole, pieces);
    let taken: usize = whole.iter().map(|(.., bytes)| bytes.len()).sum();
    assert!(taken <= bytes.len());
    for (_, kind, bytes) in whole {
        if kind == Some(FragmentKind::Command)
            && let Ok(command) = Command::decode(&bytes)
        {
            let written = command.encode();
            assert_eq!(Command::decode(&written).expect("our own command").encode(), written);
            Command::decode(&command.response(0).encode()).expect("our own response");
        }
    }
}

/// Every command, data set and other PDU, put together: presentation context (or PDU type), kind, bytes.
fn received(bytes: &[u8], piece: usize) -> Vec<(u8, Option<FragmentKind>, Vec<u8>)> {
    let stream = Pieces { bytes, piece };
    let mut all = Vec::new();
    crate::fuzzing::run(async {
        let mut wire = Wire::new(stream, 1 << 14, Duration::from_secs(3600));
        let mut open: Vec<u8> = Vec::new();
        while let Ok(received) = wire.next().await {
            match received {
                Received::Pdu(kind, body) => all.push((kind as u8, None, body)),
                Received::Fragment(fragment) => {
                    open.extend_from_slice(fragment.bytes);
                    if fragment.end == FragmentEnd::Last || open.len() > COMMAND_BYTES_MAX {
                        all.push((fragment.context, Some(fragment.kind), std::mem::take(&mut open)));
                    }
                }
            }
        }
    });
    all
}

/// A transport that brings bytes in pieces and takes everything.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.bytes.split_at(self.bytes.len().min(self.piece).min(to.remaining()));
        to.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The identifier of a C-FIND: the first byte chooses information model, extensions and transfer syntax.
///
/// # Panics
/// Never, as far as is known.
pub fn identifier(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let syntax =
        if choice & 1 == 0 { TransferSyntax::IMPLICIT_LITTLE } else { TransferSyntax::EXPLICIT_LITTLE };
    let syntax = TransferSyntax::parse(syntax).expect("a constant UID");
    let Ok(scanned) = scan(bytes, &syntax, &Limits::default()) else { return };
    let extension = |bit: u8| if choice & bit == 0 { Extension::Off } else { Extension::On };
    let extensions =
        FindExtensions { relational: extension(2), date_time: extension(4), fuzzy: extension(8) };
    let service = if choice & 16 == 0 { Service::StudyRootFind } else { Service::PatientRootFind };
    if let Ok(find) = Find::parse(service, extensions, &scanned.dataset) {
        let mut row = storage::Attributes::default();
        let name = [serde_json::json!({"Alphabetic": "Zhang^San", "Ideographic": "张^三"})];
        row.put(dataset::tags::PATIENT_NAME, &serde_json::json!({"vr": "PN", "Value": name}));
        let answer = find.answer(&row, &AeTitle::parse("FARSIGHT").expect("a title"));
        let bytes = dataset::write::to_bytes(&answer, &syntax);
        scan(&bytes, &syntax, &Limits::default()).expect("our own answer");
    }
    let _ = Worklist::parse(&scanned.dataset);
}
