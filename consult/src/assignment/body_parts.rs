//! Body parts by their terms: what Body Part Examined (0018,0015) and coded anatomy say of a study, made comparable
//! (PS3.16 CID 4, and its Annex L, which sets codes and defined terms side by side).

use crate::blocks::{texts, values};
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// Characters of a code string at most (PS3.5 §6.2, VR CS).
const CHARS_MAX: usize = 16;
/// Coding schemes of the codes below: SNOMED CT, and the identifiers that DICOM used before.
const SCHEMES: [&str; 4] = ["SCT", "SRT", "SNM3", "99SDM"];

/// A defined term, and what else is said for the same: terms of earlier editions, SNOMED CT, the identifier before it. A part
/// of CID 4 without a defined term, such as skin, goes by its SNOMED CT code.
#[rustfmt::skip]
const PARTS: &[(&str, &[&str])] = &[
    ("HEAD", &["69536005", "T-D1100"]),
    ("BRAIN", &["12738006", "T-A0100"]),
    ("SKULL", &["89546000", "T-11100"]),
    ("FACE", &["89545001", "T-D1200"]),
    ("SCALP", &["41695006", "T-D1160"]),
    ("ORBIT", &["363654007", "T-D14AE"]),
    ("EYE", &["81745001", "T-AA000"]),
    ("EAR", &["117590005", "T-AB001", "T-AB000"]),
    ("IAC", &["361078006", "T-AB959"]),
    ("MASTOID", &["59066005", "T-11133"]),
    ("NOSE", &["45206002", "T-21000"]),
    ("MOUTH", &["123851003", "T-D0662"]),
    ("TONGUE", &["21974007", "T-53000"]),
    ("JAW", &["661005", "T-D1213"]),
    ("MANDIBLE", &["91609006", "T-11180"]),
    ("MAXILLA", &["70925003", "T-11170"]),
    ("ZYGOMA", &["13881006", "T-11166"]),
    ("TMJ", &["53620006", "T-15290"]),
    ("SELLA", &["42575006", "T-D1460"]),
    ("PHARYNX", &["54066008", "T-55000"]),
    ("NASOPHARYNX", &["360955006", "T-2300C", "71836000", "T-23000"]),
    ("LARYNX", &["4596009", "T-24100"]),
    ("PAROTID", &["45289007", "T-61100"]),
    ("SUBMANDIBULAR", &["54019009", "T-61300"]),
    ("THYROID", &["69748006", "T-B6000"]),
    ("PARATHYROID", &["111002", "T-B7000"]),
    ("CAROTID", &["69105007", "T-45010"]),
    ("HEADNECK", &["774007", "T-D1000"]),
    ("NECK", &["45048000", "T-D1600"]),
    ("NECKCHEST", &["417437006", "R-FAB52"]),
    ("NECKCHESTABDOMEN", &["416152001", "R-FAB53"]),
    ("NECKCHESTABDPELV", &["416319003", "R-FAB54"]),
    ("CHEST", &["THORAX", "816094009", "43799004", "T-D3200", "51185008", "T-D3000"]),
    ("CHESTABDOMEN", &["416550000", "R-FAB55"]),
    ("CHESTABDPELVIS", &["416775004", "R-FAB56"]),
    ("LUNG", &["39607008", "T-28000"]),
    ("TRACHEA", &["44567001", "T-25000"]),
    ("BRONCHUS", &["955009", "T-26000"]),
    ("MEDIASTINUM", &["72410000", "T-D3300"]),
    ("THYMUS", &["9875009", "T-C8000"]),
    ("HEART", &["80891009", "T-32000"]),
    ("CORONARYARTERY", &["41801008", "T-43000"]),
    ("AORTA", &["15825003", "T-42000"]),
    ("RIB", &["113197003", "T-11300"]),
    ("STERNUM", &["56873002", "T-11210"]),
    ("CLAVICLE", &["51299004", "T-12310"]),
    ("SCAPULA", &["79601000", "T-12280"]),
    ("BREAST", &["76752008", "T-04000"]),
    ("AXILLA", &["91470000", "T-D8104"]),
    ("ESOPHAGUS", &["32849002", "T-56000"]),
    ("ABDOMEN", &["818981001", "818983003", "113345001", "T-D4000"]),
    ("ABDOMENPELVIS", &["818982008", "416949008", "R-FAB57"]),
    ("LIVER", &["10200004", "T-62000"]),
    ("GALLBLADDER", &["28231008", "T-63000"]),
    ("BILEDUCT", &["28273000", "T-60610"]),
    ("PANCREAS", &["15776009", "T-65000"]),
    ("SPLEEN", &["78961009", "T-C3000"]),
    ("STOMACH", &["69695003", "T-57000"]),
    ("DUODENUM", &["38848004", "T-58200"]),
    ("SMALLINTESTINE", &["30315005", "T-58000"]),
    ("JEJUNUM", &["21306003", "T-58400"]),
    ("ILEUM", &["34516001", "T-58600"]),
    ("LARGEINTESTINE", &["14742008", "T-59000"]),
    ("COLON", &["71854001", "T-59300"]),
    ("APPENDIX", &["66754008", "T-59200"]),
    ("RECTUM", &["34402009", "T-59600"]),
    ("53505006", &["T-59900"]),
    ("RETROPERITONEUM", &["82849001", "T-D4900"]),
    ("KIDNEY", &["64033007", "T-71000"]),
    ("ADRENAL", &["23451007", "T-B3000"]),
    ("UPRURINARYTRACT", &["431491007", "T-7000B"]),
    ("URETER", &["87953007", "T-73000"]),
    ("BLADDER", &["89837001", "T-74000"]),
    ("URETHRA", &["13648007", "T-75000"]),
    ("PELVIS", &["816092008", "12921003", "T-D6000"]),
    ("PROSTATE", &["41216001", "T-92000"]),
    ("TESTIS", &["40689003", "T-94000"]),
    ("PENIS", &["18911002", "T-91000"]),
    ("SCROTUM", &["20233005", "T-98000"]),
    ("UTERUS", &["35039007", "T-83000"]),
    ("CERVIX", &["71252005", "T-83200"]),
    ("OVARY", &["15497006", "T-87000"]),
    ("VAGINA", &["76784001", "T-82000"]),
    ("VULVA", &["45292006", "T-81000"]),
    ("PLACENTA", &["78067005", "T-F1100"]),
    ("SPINE", &["421060004", "T-D04FF"]),
    ("CSPINE", &["122494005", "T-11501"]),
    ("CTSPINE", &["1217257000"]),
    ("TSPINE", &["122495006", "T-11502"]),
    ("TLSPINE", &["1217256009"]),
    ("LSPINE", &["122496007", "T-11503"]),
    ("LSSPINE", &["1217253001"]),
    ("SSPINE", &["54735007", "T-11AD0"]),
    ("COCCYX", &["64688005", "T-11BF0"]),
    ("SIJOINT", &["39723000", "T-15680"]),
    ("SPINALCORD", &["2748008", "T-A7010"]),
    ("SHOULDER", &["16982005", "T-D2220"]),
    ("ACJOINT", &["85856004", "T-15420"]),
    ("SCJOINT", &["7844006", "T-15610"]),
    ("UPPERARM", &["ARM", "40983000", "T-D8200"]),
    ("HUMERUS", &["85050009", "T-12410"]),
    ("ELBOW", &["16953009", "T-15430"]),
    ("FOREARM", &["14975008", "T-D8500"]),
    ("RADIUS", &["62413002", "T-12420"]),
    ("ULNA", &["23416004", "T-12430"]),
    ("WRIST", &["74670003", "T-15460"]),
    ("HAND", &["85562004", "T-D8700"]),
    ("FINGER", &["7569003", "T-D8800"]),
    ("THUMB", &["76505004", "T-D8810"]),
    ("UPPERLIMB", &["53120007", "T-D8000"]),
    ("HIP", &["24136001", "T-15710", "29836001", "T-D2500"]),
    ("ILIUM", &["22356005", "T-12340"]),
    ("THIGH", &["68367000", "T-D9100"]),
    ("FEMUR", &["71341001", "T-12710"]),
    ("KNEE", &["72696002", "T-D9200"]),
    ("PATELLA", &["64234005", "T-12730"]),
    ("LOWERLEG", &["LEG", "30021000", "T-D9400"]),
    ("TIBIA", &["12611008", "T-12740"]),
    ("FIBULA", &["87342007", "T-12750"]),
    ("TIBIAFIBULA", &["110536004", "T-12701"]),
    ("ANKLE", &["70258002", "T-15750"]),
    ("FOOT", &["56459004", "T-D9700"]),
    ("CALCANEUS", &["80144004", "T-12770"]),
    ("TOE", &["29707007", "T-D9800"]),
    ("LOWERLIMB", &["61685007", "T-D9000"]),
    ("EXTREMITY", &["66019005", "T-D0300"]),
    ("JOINT", &["39352004", "T-15001"]),
    ("WHOLEBODY", &["38266002", "T-D0010"]),
    ("39937001", &["T-01000"]),
    ("59441001", &["T-C4000"]),
    ("14016003", &["T-C1000"]),
    ("87784001", &["T-1A000"]),
    ("272673000", &["T-D016E"]),
    ("3120008", &["T-29000"]),
    ("15425007", &["T-D4400"]),
];

/// The term that a body part is compared by, of a term or a code.
pub(super) fn term(said: &str) -> String {
    let said = said.trim().to_uppercase();
    let known = PARTS.iter().find(|(term, others)| *term == said || others.contains(&said.as_str()));
    known.map_or(said, |(term, _)| (*term).to_owned())
}

/// Whether it could stand in Body Part Examined, or is a code.
pub(super) fn is_term(said: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '_' | '-');
    !said.is_empty() && said.len() <= CHARS_MAX && said.chars().all(is_letter)
}

/// What a series or an image says of itself, out of its DICOM JSON (PS3.18 §F.2): Body Part Examined, Anatomic Region
/// (0008,2218) and Primary Anatomic Structure (0008,2228), of slides those of their specimens (0040,0560).
pub(super) fn said(attributes: &Map<String, Json>) -> BTreeSet<String> {
    let mut parts: BTreeSet<String> = texts(attributes, "00180015").iter().map(|text| term(text)).collect();
    let specimens = values(attributes, "00400560").iter().filter_map(Json::as_object);
    for of in std::iter::once(attributes).chain(specimens) {
        let coded = ["00082218", "00082228"].into_iter().flat_map(|tag| values(of, tag));
        for code in coded.filter_map(Json::as_object) {
            let scheme = texts(code, "00080102");
            if scheme.iter().any(|scheme| SCHEMES.contains(&scheme.as_str())) {
                parts.extend(texts(code, "00080100").iter().map(|value| term(value)));
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_term_and_the_codes_of_the_same_part_are_one() {
        for (said, expected) in [
            ("CHEST", "CHEST"),
            (" chest ", "CHEST"),
            ("Thorax", "CHEST"),
            ("816094009", "CHEST"),
            ("51185008", "CHEST"),
            ("t-d3000", "CHEST"),
            ("T-59300", "COLON"),
            ("T-01000", "39937001"),
            ("PORT_CHAMBER", "PORT_CHAMBER"),
        ] {
            assert_eq!(term(said), expected, "{said}");
        }
    }

    #[test]
    fn no_code_stands_for_two_parts() {
        let mut seen = BTreeSet::new();
        for (term, others) in PARTS {
            assert!(is_term(term), "{term}");
            for one in std::iter::once(term).chain(*others) {
                assert!(seen.insert(one), "{one}");
            }
        }
    }

    #[test]
    fn a_series_an_image_and_a_specimen_say_what_they_are_of() {
        let code = |scheme: &str, value: &str| {
            let text = |text: &str| json!({"vr": "SH", "Value": [text]});
            json!({"00080100": text(value), "00080102": text(scheme)})
        };
        let sequence = |item: Json| json!({"vr": "SQ", "Value": [item]});
        for (attributes, expected) in [
            (json!({}), vec![]),
            (json!({"00180015": {"vr": "CS"}}), vec![]),
            (json!({"00180015": {"vr": "CS", "Value": ["head"]}}), vec!["HEAD"]),
            (json!({"00082218": sequence(code("SRT", "T-D9200"))}), vec!["KNEE"]),
            (json!({"00082228": sequence(code("SCT", "69695003"))}), vec!["STOMACH"]),
            (json!({"00082218": sequence(code("99OURS", "T-D9200"))}), vec![]),
            (
                json!({
                    "00180015": {"vr": "CS", "Value": ["ABDOMEN"]},
                    "00400560": sequence(json!({"00082228": sequence(code("SCT", "71854001"))})),
                }),
                vec!["ABDOMEN", "COLON"],
            ),
        ] {
            let said: Vec<String> = said(attributes.as_object().unwrap()).into_iter().collect();
            assert_eq!(said, expected, "{attributes}");
        }
    }
}
