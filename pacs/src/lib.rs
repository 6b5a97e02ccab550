//! DICOM's network services: DIMSE and DICOMweb, forwarding and delivery to other nodes.
//!
//! Floor 4 of the house. Bytes from peers go straight to `storage`'s one ingest path; answers come from its index.
//! This crate must never know consults, reports or SQL: who may see what is decided by the [`model::Scope`] that an
//! authenticated [`access::Caller`] carries.

pub mod atna;
pub mod deidentify;
pub mod dicomweb;
pub mod dimse;
pub mod forward;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod orders;
pub mod reach;
pub mod remote;
mod seats;
pub mod send;
pub mod transcode;

mod keys;
mod rejection;
