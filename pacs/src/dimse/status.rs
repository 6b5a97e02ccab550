//! The one table from what storage says to DIMSE status (PS3.7 Annex C, PS3.4 §B.2.3 and §C.4.1.1.4).

use dataset::Refused;
use storage::StorageError;

/// 0000H.
pub(crate) const SUCCESS: u16 = 0x0000;
/// Pending: matches are continuing, all optional keys supported.
pub(crate) const PENDING: u16 = 0xFF00;
/// Pending: matches are continuing, one or more optional keys were not supported for existence or matching.
pub(crate) const PENDING_KEYS_UNSUPPORTED: u16 = 0xFF01;
/// Matching terminated due to a C-CANCEL.
pub(crate) const CANCELLED: u16 = 0xFE00;
/// Warning: sub-operations complete, one or more failed or had warnings (PS3.4 §C.4.2.1.5).
pub(crate) const SUBOPERATIONS_WITH_FAILURES: u16 = 0xB000;
/// Refused: out of resources, unable to perform sub-operations.
pub(crate) const UNABLE_TO_PERFORM_SUBOPERATIONS: u16 = 0xA702;
/// Refused: move destination unknown.
pub(crate) const MOVE_DESTINATION_UNKNOWN: u16 = 0xA801;
/// Failure: no such SOP instance (PS3.7 §C.5.9).
pub(crate) const NO_SUCH_OBJECT_INSTANCE: u16 = 0x0112;
/// Failure: no such action (PS3.7 §C.5.13).
pub(crate) const NO_SUCH_ACTION: u16 = 0x0123;
/// Failure: invalid argument value (PS3.7 §C.5.3).
pub(crate) const INVALID_ARGUMENT_VALUE: u16 = 0x0115;
/// Failure: class-instance conflict (PS3.7 §C.5.4).
pub(crate) const CLASS_INSTANCE_CONFLICT: u16 = 0x0119;
/// Refused: not authorised (PS3.7 §C.5.16).
pub(crate) const NOT_AUTHORISED: u16 = 0x0124;
/// Failure: processing failure (PS3.7 §C.5.21).
pub(crate) const PROCESSING_FAILURE: u16 = 0x0110;
/// Failure: SOP class not supported (PS3.7 §C.5.6).
pub(crate) const SOP_CLASS_NOT_SUPPORTED: u16 = 0x0122;
/// Failure: invalid SOP instance UID (PS3.7 §C.5.9).
pub(crate) const INVALID_OBJECT_INSTANCE: u16 = 0x0117;
/// Failure: unrecognised operation (PS3.7 §C.5.18).
pub(crate) const UNRECOGNISED_OPERATION: u16 = 0x0211;
/// Refused: out of resources.
pub(crate) const OUT_OF_RESOURCES: u16 = 0xA700;
/// Failure: the data set does not match the SOP class; the identifier does not match the SOP class.
pub(crate) const DOES_NOT_MATCH_SOP_CLASS: u16 = 0xA900;
/// Failure: cannot understand; unable to process.
pub(crate) const CANNOT_UNDERSTAND: u16 = 0xC000;

/// The status of a C-STORE that storage refused.
///
/// A sender repeats what was out of resources, and gives up on the rest: so only what may be different next time
/// is A700.
pub(crate) fn of_store(error: &StorageError) -> u16 {
    match error {
        StorageError::Refused(Refused::MissingAttribute(_)) => DOES_NOT_MATCH_SOP_CLASS,
        StorageError::Refused(Refused::WithoutPatient) => SOP_CLASS_NOT_SUPPORTED,
        StorageError::Refused(
            Refused::NotDicom(_) | Refused::Truncated(_) | Refused::Malformed { .. } | Refused::OverLimit(_),
        ) => CANNOT_UNDERSTAND,
        StorageError::OutOfResources(_) | StorageError::Unavailable(_) => OUT_OF_RESOURCES,
        StorageError::NotFound
        | StorageError::Conflict(_)
        | StorageError::Corrupt(_)
        | StorageError::Invalid { .. } => PROCESSING_FAILURE,
    }
}

/// The status of a C-FIND that storage did not answer.
pub(crate) fn of_find(error: &StorageError) -> u16 {
    match error {
        StorageError::OutOfResources(_) | StorageError::Unavailable(_) => OUT_OF_RESOURCES,
        StorageError::Refused(_)
        | StorageError::Invalid { .. }
        | StorageError::NotFound
        | StorageError::Conflict(_)
        | StorageError::Corrupt(_) => CANNOT_UNDERSTAND,
    }
}

/// The Error Comment (0000,0902): no details of the node's inside.
pub(crate) fn comment(error: &StorageError) -> String {
    match error {
        StorageError::Unavailable(_) => "temporarily unavailable".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_status() {
        let refused = StorageError::Refused;
        let table = [
            (refused(Refused::NotDicom("x")), 0xC000, 0xC000),
            (refused(Refused::Truncated(7)), 0xC000, 0xC000),
            (refused(Refused::Malformed { at: 7, why: "x" }), 0xC000, 0xC000),
            (refused(Refused::OverLimit("x")), 0xC000, 0xC000),
            (refused(Refused::MissingAttribute("x")), 0xA900, 0xC000),
            (refused(Refused::WithoutPatient), 0x0122, 0xC000),
            (StorageError::OutOfResources("disk"), 0xA700, 0xA700),
            (StorageError::Unavailable("secret path".into()), 0xA700, 0xA700),
            (StorageError::NotFound, 0x0110, 0xC000),
            (StorageError::Conflict("x"), 0x0110, 0xC000),
            (StorageError::Corrupt("x"), 0x0110, 0xC000),
        ];
        for (error, store, find) in table {
            assert_eq!(of_store(&error), store, "{error:?}");
            assert_eq!(of_find(&error), find, "{error:?}");
            assert!(!comment(&error).contains("secret"));
        }
    }
}
