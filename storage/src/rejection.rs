//! Key Object Selections that reject what they refer to (IHE RAD TF-1 §33, Imaging Object Change Management).

use crate::ReasonCode;
use dataset::{Dataset, tags};
use model::Uid;
use std::collections::BTreeMap;

/// Key Object Selection Document Storage.
pub(crate) const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";
/// References that are followed.
const REFERENCES_MAX: usize = 50_000;

/// What a rejection note rejects, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub code: ReasonCode,
    pub studies: Vec<RejectedStudy>,
}

/// What of one study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedStudy {
    pub study: Uid,
    /// Series that are referred to without naming any instance.
    pub series: Vec<Uid>,
    pub instances: Vec<Uid>,
}

impl Rejection {
    /// Reads the title (PS3.16 CID 7011) and the Current Requested Procedure Evidence Sequence (PS3.3 §C.17.6.2.1).
    /// `None` for whatever is no rejection note, or refers to nothing.
    pub fn of(sop_class: &Uid, dataset: &Dataset) -> Option<Self> {
        if sop_class.as_str() != KEY_OBJECT_SELECTION {
            return None;
        }
        let title = dataset.items(tags::CONCEPT_NAME_CODE_SEQUENCE).first()?;
        if title.text(tags::CODING_SCHEME_DESIGNATOR)?.trim() != "DCM" {
            return None;
        }
        let code = ReasonCode::of_dcm(title.text(tags::CODE_VALUE)?.trim())?;
        let mut studies: BTreeMap<Uid, RejectedStudy> = BTreeMap::new();
        let mut count = 0;
        for named in dataset.items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE) {
            let Some(study) = named.uid(tags::STUDY_INSTANCE_UID) else { continue };
            let rejected = studies.entry(study.clone()).or_insert_with(|| RejectedStudy {
                study,
                series: Vec::new(),
                instances: Vec::new(),
            });
            for series in named.items(tags::REFERENCED_SERIES_SEQUENCE) {
                let instances = series.items(tags::REFERENCED_SOP_SEQUENCE);
                count += instances.len().max(1);
                if count > REFERENCES_MAX {
                    tracing::warn!("a rejection note refers to more than {REFERENCES_MAX} instances");
                    return None;
                }
                if instances.is_empty() {
                    rejected.series.extend(series.uid(tags::SERIES_INSTANCE_UID));
                }
                rejected
                    .instances
                    .extend(instances.iter().filter_map(|item| item.uid(tags::REFERENCED_SOP_INSTANCE_UID)));
            }
        }
        studies.retain(|_, rejected| !rejected.series.is_empty() || !rejected.instances.is_empty());
        (!studies.is_empty()).then(|| Self { code, studies: studies.into_values().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::VR;

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    fn note(code: &str, scheme: &str) -> Dataset {
        let text = |tag, vr, value: &str| {
            let mut one = Dataset::new();
            one.put_text(tag, vr, value);
            one
        };
        let mut title = text(tags::CODE_VALUE, VR::SH, code);
        title.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
        let mut named = text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.1");
        let instance = |uid| text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, uid);
        named.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![instance("1.2.1.1"), instance("1.2.1.2")]);
        let whole = text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2");
        let mut study = text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2");
        study.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![named, whole]);
        let mut note = Dataset::new();
        note.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![title]);
        note.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![study]);
        note
    }

    #[test]
    fn titles_of_iocm_reject_what_they_refer_to() {
        let class = uid(KEY_OBJECT_SELECTION);
        let read = Rejection::of(&class, &note("113037", "DCM")).unwrap();
        assert_eq!(read.code, ReasonCode::PatientSafety);
        let expected = RejectedStudy {
            study: uid("1.2"),
            series: vec![uid("1.2.2")],
            instances: vec![uid("1.2.1.1"), uid("1.2.1.2")],
        };
        assert_eq!(read.studies, [expected]);
    }

    #[test]
    fn other_key_objects_reject_nothing() {
        let class = uid(KEY_OBJECT_SELECTION);
        // (113000, DCM, "Of Interest")
        assert_eq!(Rejection::of(&class, &note("113000", "DCM")), None);
        assert_eq!(Rejection::of(&class, &note("113001", "99LOCAL")), None);
        assert_eq!(Rejection::of(&uid("1.2.840.10008.5.1.4.1.1.2"), &note("113001", "DCM")), None);
        let mut empty = note("113001", "DCM");
        empty.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, Vec::new());
        assert_eq!(Rejection::of(&class, &empty), None);
    }
}
