//! Orders in a file: JSON (one, or an array of them), or a DICOM data set of the Modality Worklist model. Pure.

use super::{BadOrder, Wish, from_data_set};
use dataset::{Dataset, TransferSyntax};
use model::Limits;

/// Bytes of a file of orders at most.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why a file holds no orders. Never quotes the file, which names patients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// It begins like JSON and is none, or not of orders.
    #[error("not the JSON of orders, at line {line} column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A worklist data set that is no order.
    #[error(transparent)]
    Order(#[from] BadOrder),
    /// Something else.
    #[error("neither the JSON of orders nor a DICOM worklist file")]
    Neither,
    /// Over [`FILE_BYTES_MAX`].
    #[error("the file is too long to hold orders")]
    TooLong,
}

/// The orders in a file.
///
/// # Errors
/// [`BadFile`].
pub fn from_file(bytes: &[u8], limits: &Limits) -> Result<Vec<Wish>, BadFile> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(BadFile::TooLong);
    }
    let json = |error: serde_json::Error| BadFile::Json { line: error.line(), column: error.column() };
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice(bytes).map_err(json),
        Some(b'{') => Ok(vec![serde_json::from_slice(bytes).map_err(json)?]),
        _ => Ok(vec![from_data_set(&data_set(bytes, limits).ok_or(BadFile::Neither)?)?]),
    }
}

/// The data set of a DICOM file, with file meta information or without. One without any element is none.
fn data_set(bytes: &[u8], limits: &Limits) -> Option<Dataset> {
    let read = |bytes: &[u8], syntax: &TransferSyntax| {
        let found = dataset::scan::scan(bytes, syntax, limits).ok()?;
        (!found.dataset.elements().is_empty()).then_some(found.dataset)
    };
    if let Ok(Some((meta, rest))) = dataset::part10::HeadReader::new().feed(bytes) {
        return read(&rest, &meta.transfer_syntax);
    }
    [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::IMPLICIT_LITTLE]
        .into_iter()
        .find_map(|syntax| read(bytes, &TransferSyntax::parse(syntax).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::order::tests::wish;
    use super::*;

    #[test]
    fn orders_come_as_one_as_many_and_as_a_worklist_file() {
        let limits = Limits::default();
        let one = serde_json::to_vec(&wish()).unwrap();
        assert_eq!(from_file(&one, &limits), Ok(vec![wish()]));
        let many = serde_json::to_vec(&vec![wish(), wish()]).unwrap();
        assert_eq!(from_file(&many, &limits).unwrap().len(), 2);
        let order = super::super::Order {
            id: "1".into(),
            organisation: model::OrgId::parse("township").unwrap(),
            state: super::super::OrderState::Scheduled,
            study: wish().study_instance_uid.unwrap(),
            placed_at_ms: 0,
            arrived_at_ms: None,
            wish: wish(),
        };
        let data_set = super::super::dicom::data_set(&order, "ISO_IR 192");
        let syntax = TransferSyntax::parse(TransferSyntax::EXPLICIT_LITTLE).unwrap();
        let bytes = dataset::write::to_bytes(&data_set, &syntax);
        assert_eq!(from_file(&bytes, &limits).unwrap()[0].patient.name, wish().patient.name);
    }

    #[test]
    fn what_is_no_order_is_refused_without_a_word_of_it() {
        let check = |bytes: &[u8]| from_file(bytes, &Limits::default()).unwrap_err();
        assert_eq!(check(b"{\n \"patient\": \"Zhang\"}"), BadFile::Json { line: 2, column: 19 });
        assert_eq!(check(b"PK\x03\x04"), BadFile::Neither);
        assert_eq!(check(b""), BadFile::Neither);
    }
}
