//! Guarded reading of DICOM: elements, character sets, DICOM JSON and the frame index, from bytes that may be hostile.
//!
//! Floor 2 of the house. Nothing here recurses over input, and memory is bounded by [`model::Limits`], never by a
//! declared length. This crate knows nothing of network, disk or tenants.

pub mod charset;
pub mod deidentify;
pub mod dictionary;
pub mod element;
pub mod frames;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod json;
pub mod names;
pub mod part10;
pub mod pixels;
pub mod rendering;
pub mod rewrite;
pub mod scan;
pub mod study;
pub mod syntax;
#[cfg(test)]
mod testing;
pub mod write;
pub mod xml;

pub use dicom_core::{Tag, VR};
pub use dicom_dictionary_std::tags;
pub use element::{Dataset, Element, Value};
pub use frames::{FrameIndex, Span};
pub use pixels::PixelDescription;
pub use rendering::Rendering;
pub use scan::{Scanned, Scanner};
pub use syntax::TransferSyntax;

/// Why a data set was refused. Carries positions and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not DICOM, or not what its file meta information says.
    #[error("not a DICOM data set: {0}")]
    NotDicom(&'static str),
    /// It ends before it should.
    #[error("the data set is truncated at byte {0}")]
    Truncated(u64),
    /// A rule of PS3.5 is broken at this byte.
    #[error("the data set breaks a rule at byte {at}: {why}")]
    Malformed {
        /// Byte offset in the data set.
        at: u64,
        /// The rule.
        why: &'static str,
    },
    /// It is larger or deeper than the node's limits allow.
    #[error("the data set is over a limit: {0}")]
    OverLimit(&'static str),
    /// An attribute that the index needs is missing or invalid.
    #[error("a required attribute is missing or invalid: {0}")]
    MissingAttribute(&'static str),
    /// It belongs to no patient and no study (PS3.4 Annex GG): the index has no place for it.
    #[error("objects of this SOP class belong to no patient and no study, and are not kept")]
    WithoutPatient,
}
