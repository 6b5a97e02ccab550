//! DIMSE services (PS3.7) over the DICOM upper layer (PS3.8): as provider C-ECHO,
//! C-STORE, C-FIND, C-MOVE, C-GET, storage commitment and modality worklist; as user all but the last.
//!
//! An action from the outside in: [`server`] accepts the transport, [`wire`] makes PDUs of its bytes, [`negotiate`]
//! considers the association request, [`admission`] who may enter, [`association`] receives commands and hands them to [`store`] and [`find`].
//! [`pdu`], [`state`], [`negotiate`], [`command`], [`identifier`] and [`status`] know neither sockets nor clocks.
//!
//! The codec is ours and not `dicom-ul`'s: that one needs a PDU whole in memory, and offers no way to answer temporary
//! congestion, a user identity, or a duplicate context.

mod admission;
mod answer_charset;
mod association;
pub(crate) mod command;
pub(crate) mod commitment;
pub mod counters;
pub mod echo;
mod ending;
mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod get_scp;
mod identifier;
mod identity;
mod move_scp;
mod negotiate;
pub mod pdu;
pub(crate) mod requestor;
mod retrieve;
mod revocation;
pub(crate) mod scu;
mod seats;
pub mod server;
mod sop;
pub mod state;
mod status;
mod store;
pub mod tls;
pub(crate) mod transfer;
mod wire;
mod worklist;

pub use counters::Counters;
pub use echo::echo;
pub use requestor::RequestError;
pub use server::{DimseConfig, Server, TlsListen};
pub use sop::{PolicyError, StoragePolicy};
pub use tls::{ClientCertificates, TlsAcceptance, TlsError, TlsRequest};
