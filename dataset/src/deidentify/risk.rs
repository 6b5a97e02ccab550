//! What of an image may name the patient in its pixels, which no table of attributes takes out.

use crate::{Dataset, Tag, tags};

/// How an image is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// It says that nothing is burned in.
    None,
    /// It does not say, and is of a kind that seldom has.
    Unsaid,
    /// It does not say, and is of a kind that often has: ultrasound, secondary capture, photographs, scanned paper.
    Likely,
    /// It says that identity is burned in.
    BurnedIn,
    /// The label of a slide, or its overview: never goes out.
    Label,
    /// A document or a report, whose content is its text, or a camera's photograph, whose codestream says where and when and by
    /// which camera it was taken: never goes out.
    Document,
}

impl Risk {
    /// Whether it goes out when nobody says otherwise.
    #[must_use]
    pub fn is_passed(self) -> bool {
        matches!(self, Self::None | Self::Unsaid)
    }

    /// Whether somebody who has looked at it may let it go out.
    #[must_use]
    pub fn may_be_passed(self) -> bool {
        !matches!(self, Self::Label | Self::Document)
    }
}

/// Modalities whose images often carry text.
const LIKELY: [&str; 9] = ["US", "IVUS", "OT", "XC", "SC", "ES", "DOC", "HC", "ECG"];
/// Encapsulated documents, structured reports and key object selections, raw data.
const DOCUMENTS: [&str; 3] =
    ["1.2.840.10008.5.1.4.1.1.104.", "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.66"];
/// Under the last of these only raw data itself and encapsulated surfaces; segmentations and the like are images.
const RAW_DATA: &str = "1.2.840.10008.5.1.4.1.1.66";
/// VL Photographic Image Storage: what a township's telephone has taken is kept bit for bit, EXIF included.
const PHOTOGRAPH: &str = "1.2.840.10008.5.1.4.1.1.77.1.4";
const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Judges an image by its attributes.
#[must_use]
pub fn risk(dataset: &Dataset) -> Risk {
    let text = |tag: Tag| dataset.text(tag).unwrap_or_default().to_ascii_uppercase();
    let class = text(tags::SOP_CLASS_UID);
    let is_document =
        DOCUMENTS.iter().any(|root| if *root == RAW_DATA { class == *root } else { class.starts_with(root) });
    if is_document || class == PHOTOGRAPH {
        return Risk::Document;
    }
    let kinds = dataset.texts(tags::IMAGE_TYPE);
    let is_label =
        kinds.iter().any(|kind| matches!(kind.to_ascii_uppercase().as_str(), "LABEL" | "OVERVIEW"));
    if is_label || text(Tag(0x0048, 0x0010)) == "YES" {
        return Risk::Label;
    }
    match text(Tag(0x0028, 0x0301)).as_str() {
        "YES" => Risk::BurnedIn,
        "NO" => Risk::None,
        _ if class == SECONDARY_CAPTURE || class.starts_with(&format!("{SECONDARY_CAPTURE}.")) => {
            Risk::Likely
        }
        _ if LIKELY.contains(&text(tags::MODALITY).as_str()) => Risk::Likely,
        _ => Risk::Unsaid,
    }
}
