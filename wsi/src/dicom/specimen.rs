//! What is on the glass: the Specimen module (PS3.3 §C.7.6.22) and, of its preparation, the stain (PS3.16 TID 8003).

use super::{Context, code, text};
use dataset::{Dataset, VR, tags};

/// Substances of stains that departments name by letters: SNOMED CT codes of PS3.16 CID 8112.
const STAINS: [(&str, &[(&str, &str)]); 3] = [
    ("HE", &[("12710003", "hematoxylin stain"), ("36879007", "water soluble eosin stain")]),
    ("H&E", &[("12710003", "hematoxylin stain"), ("36879007", "water soluble eosin stain")]),
    ("PAS", &[("104210008", "hematoxylin and eosin stain and periodic acid Schiff stain")]),
];

/// Container and specimen.
pub(super) fn put(d: &mut Dataset, context: &Context) {
    text(d, tags::CONTAINER_IDENTIFIER, VR::LO, &context.container);
    d.put_items(tags::ISSUER_OF_THE_CONTAINER_IDENTIFIER_SEQUENCE, Vec::new());
    d.put_items(tags::CONTAINER_TYPE_CODE_SEQUENCE, vec![code("433466003", "SCT", "Microscope slide")]);
    let mut item = Dataset::new();
    let specimen = context.specimen.as_ref().unwrap_or(&context.container);
    text(&mut item, tags::SPECIMEN_IDENTIFIER, VR::LO, specimen);
    text(&mut item, tags::SPECIMEN_UID, VR::UI, context.uid("specimen").as_str());
    item.put_items(tags::ISSUER_OF_THE_SPECIMEN_IDENTIFIER_SEQUENCE, Vec::new());
    let words = [context.block.as_str(), context.stain.as_str()];
    let description = super::line(&words.join(" "), 64);
    if !description.is_empty() {
        text(&mut item, tags::SPECIMEN_SHORT_DESCRIPTION, VR::LO, &description);
    }
    item.put_items(
        tags::SPECIMEN_PREPARATION_SEQUENCE,
        staining(&context.stain, specimen).into_iter().collect(),
    );
    d.put_items(tags::SPECIMEN_DESCRIPTION_SEQUENCE, vec![item]);
}

/// The step in which the section was stained; `None` when nobody says with what.
fn staining(stain: &str, specimen: &str) -> Option<Dataset> {
    if stain.is_empty() {
        return None;
    }
    let mut items = vec![
        said("TEXT", code("121041", "DCM", "Specimen Identifier"), Said::Text(specimen)),
        said(
            "CODE",
            code("111701", "DCM", "Processing type"),
            Said::Code(code("127790008", "SCT", "Staining")),
        ),
    ];
    let using = || code("424361007", "SCT", "Using substance");
    match STAINS.iter().find(|(name, _)| name.eq_ignore_ascii_case(stain)) {
        Some((_, substances)) => items.extend(
            substances
                .iter()
                .map(|(value, meaning)| said("CODE", using(), Said::Code(code(value, "SCT", meaning)))),
        ),
        None => items.push(said("TEXT", using(), Said::Text(stain))),
    }
    let mut step = Dataset::new();
    step.put_items(tags::SPECIMEN_PREPARATION_STEP_CONTENT_ITEM_SEQUENCE, items);
    Some(step)
}

enum Said<'a> {
    Text(&'a str),
    Code(Dataset),
}

/// One content item (PS3.3 §10.2).
fn said(kind: &str, name: Dataset, value: Said<'_>) -> Dataset {
    let mut item = Dataset::new();
    text(&mut item, tags::VALUE_TYPE, VR::CS, kind);
    item.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![name]);
    match value {
        Said::Text(value) => text(&mut item, tags::TEXT_VALUE, VR::UT, value),
        Said::Code(value) => item.put_items(tags::CONCEPT_CODE_SEQUENCE, vec![value]),
    }
    item
}
