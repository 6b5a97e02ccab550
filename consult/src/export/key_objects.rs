//! The report's key images as a Key Object Selection (PS3.3 §A.35.4, PS3.16 TID 2010).

use super::content::{CONTAINS, image, observer, root, text};
use super::dicom::{Code, Referred, Series, begin, hierarchy, request};
use super::{Form, Source};
use crate::key_image::KeyImage;
use dataset::{Dataset, tags};
use std::collections::BTreeSet;

const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";

/// `None` without key images: a selection of nothing is none.
pub(super) fn document(source: &Source<'_>) -> Option<Dataset> {
    let report = source.report;
    let series = Series {
        kind: Form::Kos.word(),
        class: KEY_OBJECT_SELECTION,
        modality: "KO",
        number: "9003",
        description: "关键图像 Key images",
    };
    let mut seen = BTreeSet::new();
    let shown = report.key_images.iter().filter(|shown| seen.insert((shown.instance(), shown.frame())));
    let shown: Vec<_> =
        shown.filter_map(|shown| Some((shown, source.classes.get(shown.instance())?.as_str()))).collect();
    if shown.is_empty() {
        return None;
    }
    let referred = report.evidence.iter().filter_map(|one| {
        let (_, class) = shown.iter().find(|(shown, _)| *shown.instance() == one.instance)?;
        let (study, series, instance) = (one.study.as_str(), one.series.as_str(), one.instance.as_str());
        Some(Referred { study, series, class, instance })
    });
    let mut set = begin(source, &series);
    set.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    set.put_items(tags::REFERENCED_REQUEST_SEQUENCE, vec![request(source)]);
    set.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, hierarchy(referred));
    let mut parts = observer(&report.reader.name, &report.reading.name);
    let names: Vec<&str> =
        report.key_images.iter().map(KeyImage::name).filter(|name| !name.is_empty()).collect();
    let described = format!("{} {}", report.number, names.join("；"));
    parts.push(text(CONTAINS, Code("113012", "DCM", "Key Object Description"), described.trim()));
    parts.extend(shown.iter().map(|(shown, class)| image(CONTAINS, class, shown)));
    root(&mut set, Code("113002", "DCM", "For Referring Provider"), "2010", parts);
    Some(set)
}
