//! What this node serves: SOP classes (PS3.4) and transfer syntaxes (PS3.5 §10).

use dicom_core::dictionary::UidDictionary as _;
use dicom_dictionary_std::StandardSopClassDictionary;

/// Verification SOP Class (PS3.4 §A.4).
pub(crate) const VERIFICATION: &str = "1.2.840.10008.1.1";
/// Patient Root Query/Retrieve Information Model – FIND (PS3.4 §C.6.1).
pub(crate) const PATIENT_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.1.1";
/// Study Root Query/Retrieve Information Model – FIND (PS3.4 §C.6.2).
pub(crate) const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";

/// A service that an abstract syntax asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    /// C-ECHO.
    Verification,
    /// C-STORE.
    Storage,
    /// C-FIND in the Patient Root model.
    PatientRootFind,
    /// C-FIND in the Study Root model.
    StudyRootFind,
}

/// Storage classes of objects that belong to no patient and no study (PS3.4 Annex GG); the index has no place for them.
const NON_PATIENT: [&str; 9] = [
    "1.2.840.10008.5.1.4.38.1",
    "1.2.840.10008.5.1.4.39.1",
    "1.2.840.10008.5.1.4.43.1",
    "1.2.840.10008.5.1.4.44.1",
    "1.2.840.10008.5.1.4.45.1",
    "1.2.840.10008.5.1.4.1.1.200.1",
    "1.2.840.10008.5.1.4.1.1.200.3",
    "1.2.840.10008.5.1.4.1.1.200.7",
    "1.2.840.10008.5.1.4.1.1.201.1",
];

/// The service of an abstract syntax; `None` when it is not served.
pub(crate) fn service(abstract_syntax: &str) -> Option<Service> {
    match abstract_syntax {
        VERIFICATION => Some(Service::Verification),
        PATIENT_ROOT_FIND => Some(Service::PatientRootFind),
        STUDY_ROOT_FIND => Some(Service::StudyRootFind),
        uid if is_storage(uid) => Some(Service::Storage),
        _ => None,
    }
}

/// Whether it is a standard composite storage SOP class, retired ones included.
fn is_storage(uid: &str) -> bool {
    // Keywords end in Storage, StorageForPresentation, StorageForProcessing, StorageRetired or StorageTrial, as PS3.6
    // Table A-1 has it; Storage Commitment is another service, and a DICOMDIR is for media.
    const ENDS: [&str; 5] =
        ["Storage", "StorageForPresentation", "StorageForProcessing", "StorageRetired", "StorageTrial"];
    let Some(entry) = StandardSopClassDictionary.by_uid(uid) else { return false };
    ENDS.iter().any(|end| entry.alias.ends_with(end))
        && entry.alias != "MediaStorageDirectoryStorage"
        && !NON_PATIENT.contains(&uid)
}

const IMPLICIT_LITTLE: &str = dataset::TransferSyntax::IMPLICIT_LITTLE;
const EXPLICIT_LITTLE: &str = dataset::TransferSyntax::EXPLICIT_LITTLE;
const EXPLICIT_BIG: &str = dataset::TransferSyntax::EXPLICIT_BIG;

/// The transfer syntaxes of PS3.6 Table A-1 in which a data set can be kept as it comes, without their common root:
/// all but references to pixels elsewhere (JPIP), real-time video (SMPTE ST 2110), and encodings that are no data sets
/// (MIME, XML, Papyrus).
#[rustfmt::skip]
const STORABLE: [&str; 53] = [
    "", ".1", ".1.98", ".1.99", ".2", ".5", ".8.1",
    ".4.50", ".4.51", ".4.52", ".4.53", ".4.54", ".4.55", ".4.56", ".4.57", ".4.58", ".4.59", ".4.60", ".4.61",
    ".4.62", ".4.63", ".4.64", ".4.65", ".4.66", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".4.92", ".4.93",
    ".4.100", ".4.100.1", ".4.101", ".4.101.1", ".4.102", ".4.102.1", ".4.103", ".4.103.1", ".4.104", ".4.104.1",
    ".4.105", ".4.105.1", ".4.106", ".4.106.1", ".4.107", ".4.108",
    ".4.110", ".4.111", ".4.112", ".4.201", ".4.202", ".4.203",
];

fn is_storable(transfer_syntax: &str) -> bool {
    transfer_syntax.strip_prefix("1.2.840.10008.1.2").is_some_and(|rest| STORABLE.contains(&rest))
}

/// The transfer syntax that is accepted for a service, of those proposed; `None` when there is none.
///
/// For storage the proposer's order says what it has, so the first is taken that can be kept, but big endian only when
/// little endian was not offered, and implicit VR only when explicit VR was not: it loses the value representations.
pub(crate) fn choose_transfer_syntax(service: Service, proposed: &[String]) -> Option<&str> {
    let rank = |uid: &str| match (service, uid) {
        (_, IMPLICIT_LITTLE) => Some(2),
        (_, EXPLICIT_LITTLE) => Some(0),
        (Service::Storage, EXPLICIT_BIG) => Some(3),
        (Service::Storage, uid) if is_storable(uid) => Some(0),
        _ => None,
    };
    let ranked = proposed.iter().filter_map(|uid| Some((rank(uid)?, uid.as_str())));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, uid)| uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_class_is_served_and_nothing_without_a_study() {
        let served = [
            "1.2.840.10008.5.1.4.1.1.2",      // CT
            "1.2.840.10008.5.1.4.1.1.1.2",    // Digital Mammography, for presentation
            "1.2.840.10008.5.1.4.1.1.1.2.1",  // and for processing
            "1.2.840.10008.5.1.4.1.1.77.1.6", // VL Whole Slide Microscopy
            "1.2.840.10008.5.1.4.1.1.66.4",   // Segmentation
            "1.2.840.10008.5.1.4.1.1.88.33",  // Comprehensive SR
            "1.2.840.10008.5.1.4.1.1.104.1",  // Encapsulated PDF
            "1.2.840.10008.5.1.4.1.1.3",      // Ultrasound multi-frame, retired
            "1.2.840.10008.5.1.4.1.1.200.2",  // CT performed procedure protocol
        ];
        for uid in served {
            assert_eq!(service(uid), Some(Service::Storage), "{uid}");
        }
        let not_served = [
            "1.2.840.10008.1.20.1",         // Storage Commitment
            "1.2.840.10008.1.3.10",         // DICOMDIR
            "1.2.840.10008.5.1.4.38.1",     // Hanging protocol
            "1.2.840.10008.5.1.4.1.2.2.2",  // Study Root MOVE
            "1.2.826.0.1.3680043.9.9999.1", // private
            "",
        ];
        for uid in not_served {
            assert_eq!(service(uid), None, "{uid}");
        }
    }

    #[test]
    fn the_proposers_order_counts_but_implicit_and_big_endian_come_last() {
        let chosen = |service, proposed: &[&str]| {
            let proposed: Vec<String> = proposed.iter().map(|&uid| uid.to_owned()).collect();
            choose_transfer_syntax(service, &proposed).map(str::to_owned)
        };
        let (storage, find) = (Service::Storage, Service::StudyRootFind);
        let jpeg = "1.2.840.10008.1.2.4.70";
        assert_eq!(chosen(storage, &[jpeg, EXPLICIT_LITTLE, IMPLICIT_LITTLE]).as_deref(), Some(jpeg));
        assert_eq!(chosen(storage, &[EXPLICIT_LITTLE, jpeg]).as_deref(), Some(EXPLICIT_LITTLE));
        assert_eq!(chosen(storage, &[IMPLICIT_LITTLE, EXPLICIT_LITTLE]).as_deref(), Some(EXPLICIT_LITTLE));
        assert_eq!(chosen(storage, &[EXPLICIT_BIG, IMPLICIT_LITTLE]).as_deref(), Some(IMPLICIT_LITTLE));
        assert_eq!(chosen(storage, &[EXPLICIT_BIG]).as_deref(), Some(EXPLICIT_BIG));
        assert_eq!(chosen(storage, &["1.2.840.10008.1.2.4.94"]), None, "JPIP");
        assert_eq!(chosen(storage, &["1.2.3"]), None, "private");
        assert_eq!(chosen(find, &[jpeg, IMPLICIT_LITTLE]).as_deref(), Some(IMPLICIT_LITTLE));
        assert_eq!(chosen(find, &[EXPLICIT_BIG]), None);
    }
}
