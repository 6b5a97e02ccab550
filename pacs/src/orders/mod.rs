//! Orders: what has been asked of a modality and is to be done; records of an organisation, shown to its modalities as
//! Modality Worklist (PS3.4 Annex K), and marked as arrived when their study comes.

mod book;
mod dicom;
mod file;
mod matching;
mod order;
mod preview;

pub use book::{OrderFilter, OrderPage, PlaceError, Placed, arrival, cancel, one, page, place};
pub use dicom::from_data_set;
pub use file::{BadFile, FILE_BYTES_MAX, from_file};
pub(crate) use matching::{Worklist, glob};
pub use order::{BadOrder, Code, Order, OrderState, Patient, Procedure, Step, Wish};
pub use preview::{AskError, ask};
