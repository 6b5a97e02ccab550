//! Consults: the workflow's states, reports, signatures and their verification.
//!
//! Floor 4 of the house. The core modules are pure: [`state`] is a table, [`report`] makes canonical bytes, [`cms`]
//! signs and checks them, [`verify`] judges offline what anyone brings, [`export`] makes other systems' forms of them. [`service`] joins them to `storage` records.
//! This crate knows nothing of HTTP, DIMSE or SQL.

pub mod algorithm;
pub mod amendment;
pub mod arriving;
pub mod assignment;
pub mod attachment;
pub mod authorities;
mod blocks;
pub mod ca;
pub mod certificate;
pub mod clock;
pub mod cms;
pub mod critical;
pub mod delivery;
pub mod error;
pub mod export;
pub mod extract;
pub mod fidelity;
pub mod follow_up;
mod fonts;
pub mod key_image;
pub mod keystore;
pub mod late_images;
pub mod lease;
pub mod list;
pub mod mark;
pub mod measurements;
pub mod message;
pub mod notify;
mod once;
pub mod opinion;
pub mod own_key;
pub mod pades;
pub mod pdf;
pub mod phone;
pub mod phrases;
pub mod pkcs12;
pub mod prior_reports;
pub mod quality;
pub mod record;
pub mod registered_key;
pub mod report;
pub mod revocation;
pub mod second;
pub mod service;
pub mod signing;
pub mod signing_key;
pub mod slide_grades;
pub mod state;
pub mod statistics;
mod structure;
pub mod submit;
pub mod template;
#[cfg(test)]
mod testing;
pub mod timestamp;
pub mod verify;
pub mod waiting;
pub mod wrapped;

pub use amendment::{AmendmentKind, AmendmentNote};
pub use authorities::{Authorities, TimeStamps};
pub use ca::CertificateAuthority;
pub use error::ConsultError;
pub use key_image::KeyImage;
pub use keystore::Keystore;
pub use list::{Counts, ListQuery, Listing, Tab};
pub use pdf::{Fonts, PdfError, Printer};
pub use record::{
    Consult, ConsultView, Evidence, KeyPlace, Named, PatientBlock, ReportVersion, SlideNote, StudyBlock,
    TimelineEntry,
};
pub use report::{Preview, ReportDraft};
pub use service::{Candidate, ConsultConfig, ConsultService, NewConsult, ReportPart};
pub use slide_grades::KnownSlides;
pub use state::{Action, State};
pub use verify::{Judgement, SignerVerdict, Verdict};
