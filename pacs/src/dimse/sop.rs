//! What this node serves: SOP classes (PS3.4) and transfer syntaxes (PS3.5 §10).

use access::Right;
use dicom_core::dictionary::UidDictionary as _;
use dicom_dictionary_std::StandardSopClassDictionary;
use model::Uid;

/// Verification SOP Class (PS3.4 §A.4).
pub(crate) const VERIFICATION: &str = "1.2.840.10008.1.1";
/// Patient Root Query/Retrieve Information Model – FIND (PS3.4 §C.6.1).
pub(crate) const PATIENT_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.1.1";
/// Study Root Query/Retrieve Information Model – FIND (PS3.4 §C.6.2).
pub(crate) const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
/// Patient Root Query/Retrieve Information Model – MOVE.
pub(crate) const PATIENT_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.1.2";
/// Study Root Query/Retrieve Information Model – MOVE.
pub(crate) const STUDY_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
/// Patient Root Query/Retrieve Information Model – GET.
pub(crate) const PATIENT_ROOT_GET: &str = "1.2.840.10008.5.1.4.1.2.1.3";
/// Study Root Query/Retrieve Information Model – GET.
pub(crate) const STUDY_ROOT_GET: &str = "1.2.840.10008.5.1.4.1.2.2.3";
/// Storage Commitment Push Model SOP Class (PS3.4 §J.3).
pub(crate) const STORAGE_COMMITMENT: &str = "1.2.840.10008.1.20.1";
/// The well-known instance of it (PS3.4 §J.3.5).
pub(crate) const STORAGE_COMMITMENT_INSTANCE: &str = "1.2.840.10008.1.20.1.1";
/// Modality Worklist Information Model – FIND (PS3.4 §K.6.1).
pub(crate) const MODALITY_WORKLIST: &str = "1.2.840.10008.5.1.4.31";

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
    /// C-MOVE in the Patient Root model.
    PatientRootMove,
    /// C-MOVE in the Study Root model.
    StudyRootMove,
    /// C-GET in the Patient Root model.
    PatientRootGet,
    /// C-GET in the Study Root model.
    StudyRootGet,
    /// N-ACTION and N-EVENT-REPORT of Storage Commitment.
    StorageCommitment,
    /// C-FIND in the Modality Worklist model.
    ModalityWorklist,
}

impl Service {
    /// The right that a caller needs; none for an echo.
    pub(crate) fn right(self) -> Option<Right> {
        match self {
            Self::Verification => None,
            Self::Storage => Some(Right::Store),
            Self::PatientRootFind | Self::StudyRootFind | Self::ModalityWorklist => Some(Right::Search),
            Self::PatientRootMove | Self::StudyRootMove | Self::PatientRootGet | Self::StudyRootGet => {
                Some(Right::Retrieve)
            }
            Self::StorageCommitment => Some(Right::Store),
        }
    }

    /// A short word for log and audit.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Storage => "storage",
            Self::PatientRootFind | Self::StudyRootFind => "query",
            Self::PatientRootMove | Self::StudyRootMove | Self::PatientRootGet | Self::StudyRootGet => {
                "retrieval"
            }
            Self::StorageCommitment => "commitment",
            Self::ModalityWorklist => "worklist",
        }
    }
}

/// The service of an abstract syntax of the standard; `None` when it is not served.
pub(crate) fn service(abstract_syntax: &str) -> Option<Service> {
    match abstract_syntax {
        VERIFICATION => Some(Service::Verification),
        PATIENT_ROOT_FIND => Some(Service::PatientRootFind),
        STUDY_ROOT_FIND => Some(Service::StudyRootFind),
        PATIENT_ROOT_MOVE => Some(Service::PatientRootMove),
        STUDY_ROOT_MOVE => Some(Service::StudyRootMove),
        PATIENT_ROOT_GET => Some(Service::PatientRootGet),
        STUDY_ROOT_GET => Some(Service::StudyRootGet),
        STORAGE_COMMITMENT => Some(Service::StorageCommitment),
        MODALITY_WORKLIST => Some(Service::ModalityWorklist),
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
        && !dataset::dictionary::is_without_patient(uid)
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

/// What a node's configuration says about storage beyond the standard (`[dicom]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoragePolicy {
    sop_classes: Vec<Uid>,
    transfer_syntaxes: Vec<Uid>,
    preferred_transfer_syntaxes: Vec<Uid>,
}

/// Why a UID cannot be in a [`StoragePolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no UID.
    #[error("`{0}` is not a UID")]
    NotAUid(String),
    /// A SOP class of another service.
    #[error("{0} is a SOP class of another service than storage")]
    NotStorage(Uid),
    /// A transfer syntax that is no data set, or holds no pixels but a reference to them.
    #[error("{0} is a transfer syntax that cannot be kept as it comes")]
    NotStorable(Uid),
}

impl StoragePolicy {
    /// From UIDs: SOP classes (private ones, or of a later edition of the standard) that are stored as well; transfer
    /// syntaxes that are kept as well, all of them encapsulated (PS3.5 §A.4: Explicit VR Little Endian around); and
    /// transfer syntaxes that are chosen before others, in this order, when a presentation context proposes them.
    ///
    /// # Errors
    /// [`PolicyError`], with the UID that cannot be.
    pub fn new(
        sop_classes: &[String],
        transfer_syntaxes: &[String],
        preferred_transfer_syntaxes: &[String],
    ) -> Result<Self, PolicyError> {
        let parse = |texts: &[String]| -> Result<Vec<Uid>, PolicyError> {
            let uid = |text: &String| Uid::parse(text).map_err(|_| PolicyError::NotAUid(text.clone()));
            texts.iter().map(uid).collect()
        };
        let policy = Self {
            sop_classes: parse(sop_classes)?,
            transfer_syntaxes: parse(transfer_syntaxes)?,
            preferred_transfer_syntaxes: parse(preferred_transfer_syntaxes)?,
        };
        let is_other = |class: &&Uid| service(class.as_str()).is_some_and(|s| s != Service::Storage);
        if let Some(class) = policy.sop_classes.iter().find(is_other) {
            return Err(PolicyError::NotStorage(class.clone()));
        }
        let is_reserved =
            |uid: &&Uid| uid.as_str().starts_with("1.2.840.10008.1.2") && !is_storable(uid.as_str());
        if let Some(uid) = policy.transfer_syntaxes.iter().find(is_reserved) {
            return Err(PolicyError::NotStorable(uid.clone()));
        }
        match policy.preferred_transfer_syntaxes.iter().find(|uid| !policy.keeps(uid.as_str())) {
            Some(uid) => Err(PolicyError::NotStorable(uid.clone())),
            None => Ok(policy),
        }
    }

    /// The service of an abstract syntax; `None` when it is not served.
    pub(crate) fn service(&self, abstract_syntax: &str) -> Option<Service> {
        let is_added = || self.sop_classes.iter().any(|class| class.as_str() == abstract_syntax);
        service(abstract_syntax).or_else(|| is_added().then_some(Service::Storage))
    }

    fn keeps(&self, transfer_syntax: &str) -> bool {
        is_storable(transfer_syntax)
            || self.transfer_syntaxes.iter().any(|uid| uid.as_str() == transfer_syntax)
    }

    /// The transfer syntax that is accepted for a service, of those proposed; `None` when there is none.
    ///
    /// For storage the proposer's order says what it has (PS3.8 §9.3.2.2.2 gives it no meaning, so a proposer is free to
    /// say it), and what it has is what was acquired: so the first is taken that can be kept. But not big endian (retired)
    /// if there is any other, and implicit VR only before that: it loses the value representations of private elements.
    /// What the configuration prefers comes before all.
    pub(crate) fn choose_transfer_syntax<'a>(
        &self,
        service: Service,
        proposed: &'a [String],
    ) -> Option<&'a str> {
        let preferred = |uid: &str| {
            self.preferred_transfer_syntaxes.iter().position(|preferred| preferred.as_str() == uid)
        };
        let last = self.preferred_transfer_syntaxes.len();
        let rank = |uid: &str| match (service, uid) {
            (Service::Storage, uid) if preferred(uid).is_some() => preferred(uid),
            (_, EXPLICIT_LITTLE) => Some(last),
            (_, IMPLICIT_LITTLE) => Some(last + 1),
            (Service::Storage, EXPLICIT_BIG) => Some(last + 2),
            (Service::Storage, uid) if self.keeps(uid) => Some(last),
            _ => None,
        };
        let ranked = proposed.iter().filter_map(|uid| Some((rank(uid)?, uid.as_str())));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, uid)| uid)
    }
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
            "1.2.840.10008.1.20.2",         // Storage Commitment, pull (retired)
            "1.2.840.10008.1.3.10",         // DICOMDIR
            "1.2.840.10008.5.1.4.38.1",     // Hanging protocol
            "1.2.840.10008.5.1.4.1.2.3.2",  // Patient/Study Only MOVE (retired)
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
            StoragePolicy::default().choose_transfer_syntax(service, &proposed).map(str::to_owned)
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

    fn policy(classes: &[&str], syntaxes: &[&str], preferred: &[&str]) -> Result<StoragePolicy, PolicyError> {
        let owned = |uids: &[&str]| uids.iter().map(|&uid| uid.to_owned()).collect::<Vec<_>>();
        StoragePolicy::new(&owned(classes), &owned(syntaxes), &owned(preferred))
    }

    #[test]
    fn private_classes_and_syntaxes_are_served_when_they_are_configured() {
        let (class, syntax) = ("1.2.826.0.1.3680043.9.9999.1", "1.2.826.0.1.3680043.9.9999.2");
        let policy = policy(&[class], &[syntax], &[]).unwrap();
        assert_eq!(policy.service(class), Some(Service::Storage));
        assert_eq!(policy.service(PATIENT_ROOT_FIND), Some(Service::PatientRootFind));
        assert_eq!(policy.choose_transfer_syntax(Service::Storage, &[syntax.to_owned()]), Some(syntax));
        assert_eq!(policy.choose_transfer_syntax(Service::StudyRootFind, &[syntax.to_owned()]), None);
        assert_eq!(StoragePolicy::default().service(class), None);
    }

    #[test]
    fn what_the_configuration_prefers_is_chosen_first() {
        let (rle, j2k) = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90");
        let policy = policy(&[], &[], &[j2k, rle]).unwrap();
        let proposed = [EXPLICIT_LITTLE, rle, j2k].map(str::to_owned);
        assert_eq!(policy.choose_transfer_syntax(Service::Storage, &proposed), Some(j2k));
        assert_eq!(policy.choose_transfer_syntax(Service::Storage, &proposed[..2]), Some(rle));
        assert_eq!(policy.choose_transfer_syntax(Service::Storage, &proposed[..1]), Some(EXPLICIT_LITTLE));
        assert_eq!(policy.choose_transfer_syntax(Service::StudyRootFind, &proposed), Some(EXPLICIT_LITTLE));
    }

    #[test]
    fn a_policy_that_cannot_be_kept_is_refused() {
        let jpip = "1.2.840.10008.1.2.4.94";
        let uid = |text: &str| Uid::parse(text).unwrap();
        assert_eq!(policy(&["GE"], &[], &[]), Err(PolicyError::NotAUid("GE".to_owned())));
        assert_eq!(policy(&[VERIFICATION], &[], &[]), Err(PolicyError::NotStorage(uid(VERIFICATION))));
        assert_eq!(policy(&[], &[jpip], &[]), Err(PolicyError::NotStorable(uid(jpip))));
        assert_eq!(policy(&[], &[], &["1.2.3"]), Err(PolicyError::NotStorable(uid("1.2.3"))));
    }
}
