//! Orders: what has been asked of a modality and is to be done; records of an organisation, shown to its modalities as
//! Modality Worklist (PS3.4 Annex K), and marked as arrived when their study comes.

mod book;
mod dicom;
mod matching;
mod order;

pub use book::{OrderFilter, OrderPage, PlaceError, Placed, arrival, cancel, one, page, place};
pub use dicom::from_data_set;
pub(crate) use matching::{Worklist, glob};
pub use order::{BadOrder, Code, Order, OrderState, Patient, Procedure, Step, Wish};
