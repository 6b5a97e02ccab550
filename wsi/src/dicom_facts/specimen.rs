//! With what a section was stained, as the Specimen module says it (PS3.3 §C.7.6.22, PS3.16 TID 8003).

use super::Code;
use crate::dicom_json::{Element, Item, Scalar};
use serde::Deserialize;

/// Preparation steps, and what is said of each, that are looked at.
const STEPS_MAX: usize = 32;
/// Characters of the stain.
const STAIN_CHARS_MAX: usize = 64;
/// "Using substance" (SCT).
const USING_SUBSTANCE: &str = "424361007";

/// One specimen.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Specimen {
    #[serde(rename = "00400610")]
    preparation: Element<Item<Step>, STEPS_MAX>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    #[serde(rename = "00400612")]
    content: Element<Item<Content>, STEPS_MAX>,
}

/// A content item (PS3.3 §10.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    #[serde(rename = "0040A043")]
    name: Element<Item<Name>>,
    #[serde(rename = "0040A160")]
    text: Element<Scalar>,
    #[serde(rename = "0040A168")]
    code: Element<Item<Code>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    #[serde(rename = "00080100")]
    value: Element<Scalar>,
}

impl Specimen {
    /// The substances, in the order in which they are named; `None` when none is.
    pub fn stain(&self) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        for content in self.preparation.items().flat_map(|step| step.content.items()) {
            let is_substance =
                content.name.item().and_then(|name| name.value.text()) == Some(USING_SUBSTANCE);
            let coded = content.code.item().and_then(|code| code.meaning.text());
            let name = content.text.text().or(coded).map(str::trim).filter(|_| is_substance);
            names.extend(name.filter(|name| !name.is_empty() && !names.contains(name)));
        }
        let stain: String =
            names.join(" + ").chars().filter(|c| !c.is_control()).take(STAIN_CHARS_MAX).collect();
        (!stain.is_empty()).then_some(stain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(name: &str, value: serde_json::Value) -> serde_json::Value {
        let mut item =
            json!({"0040A043": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": [name]}}]}});
        item.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        item
    }

    fn check(items: &[serde_json::Value], expected: Option<&str>) {
        let step = json!({"00400612": {"vr": "SQ", "Value": items}});
        let specimen = json!({"00400610": {"vr": "SQ", "Value": [step]}});
        let specimen: Specimen = serde_json::from_value(specimen).unwrap();
        assert_eq!(specimen.stain().as_deref(), expected);
    }

    #[test]
    fn substances_are_the_stain_and_other_steps_are_not() {
        let coded = |meaning: &str| json!({"0040A168": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": [meaning]}}]}});
        let text = |text: &str| json!({"0040A160": {"vr": "UT", "Value": [text]}});
        let staining = said("111701", coded("Staining"));
        let (h, e) = (said("424361007", coded("hematoxylin stain")), said("424361007", coded("eosin stain")));
        check(&[staining.clone(), h.clone(), e, h], Some("hematoxylin stain + eosin stain"));
        check(&[said("424361007", text("CD20"))], Some("CD20"));
        check(&[staining, said("424361007", text(" "))], None);
        check(&[], None);
    }
}
