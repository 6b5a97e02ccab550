//! An image of radiology as a key image: one frame of a stored instance, with the window and the way round in which its
//! reader saw it.

use crate::mark::Mark;
use crate::report::clean;
use model::{Sha256, Uid};
use serde::{Deserialize, Serialize};

/// Characters of what is written below a picture at most.
pub const CAPTION_CHARS_MAX: usize = 200;
/// Characters of a decimal string at most.
const DECIMAL_CHARS_MAX: usize = 24;
/// Turns that a picture may have, degrees clockwise.
const TURNS: [&str; 4] = ["0", "90", "180", "270"];

/// One frame of an instance. Measured values are decimal strings, as RFC 8785 wants what must not be rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameKeyImage {
    /// What its reader's page calls it, a UUID: it stays the same while words are written below it.
    pub id: String,
    /// What is written below it; may be empty.
    pub name: String,
    /// Study Instance UID, as in evidence.
    pub study: Uid,
    /// Series Instance UID, as in evidence.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// Which frame, from 1.
    pub frame: u32,
    /// How many frames the instance has.
    pub frames: u32,
    /// (0008,0060)
    pub modality: String,
    /// (0020,0011); empty when it has none.
    pub series_number: String,
    /// (0008,103E); empty when it has none.
    pub series_description: String,
    /// (0020,0013); empty when it has none.
    pub instance_number: String,
    /// Window centre in the image's units; left out of colour, and where the image's own look was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_centre: Option<String>,
    /// Window width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_width: Option<String>,
    /// Whether black and white were exchanged.
    pub inverted: bool,
    /// How the image was turned, clockwise: `0`, `90`, `180` or `270`.
    pub rotation_deg: String,
    /// Whether left and right were exchanged, after the turn.
    pub mirrored: bool,
    /// SHA-256 of the picture, a JPEG file.
    pub picture_sha256: Sha256,
    /// Pixels of the picture.
    pub picture_width: u32,
    /// Pixels of the picture.
    pub picture_height: u32,
    /// What is drawn on it; left out where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Who chose it.
    pub made_by: String,
    /// When, RFC 3339 UTC.
    pub made_at: String,
}

impl FrameKeyImage {
    pub(super) fn tidy(self) -> Self {
        Self { name: clean(&self.name).replace('\n', " "), ..self }
    }

    pub(super) fn is_sound(&self) -> bool {
        let is_decimal = |text: &String| {
            text.len() <= DECIMAL_CHARS_MAX && text.parse::<f64>().is_ok_and(|number| number.is_finite())
        };
        let has_window = match (&self.window_centre, &self.window_width) {
            (None, None) => true,
            (Some(centre), Some(width)) => is_decimal(centre) && is_decimal(width),
            _ => false,
        };
        has_window
            && (1..=self.frames).contains(&self.frame)
            && TURNS.contains(&self.rotation_deg.as_str())
            && self.name.chars().count() <= CAPTION_CHARS_MAX
    }

    /// Whether both show the same frame in the same way; words and marks are laid over it.
    #[must_use]
    pub fn shows_what(&self, other: &Self) -> bool {
        let of = |image: &Self| {
            let window = (image.window_centre.clone(), image.window_width.clone());
            let turn = (image.rotation_deg.clone(), image.mirrored, image.inverted);
            (image.instance.clone(), image.frame, window, turn)
        };
        of(self) == of(other)
    }

    /// Which image it is and how it is seen, in one line of words.
    #[must_use]
    pub fn described(&self) -> String {
        let mut parts = vec![self.modality.clone()];
        if !self.series_number.is_empty() {
            parts.push(format!("序列 {}", self.series_number));
        }
        if !self.instance_number.is_empty() {
            parts.push(format!("图像 {}", self.instance_number));
        }
        if self.frames > 1 {
            parts.push(format!("第 {}/{} 帧", self.frame, self.frames));
        }
        if let (Some(centre), Some(width)) = (&self.window_centre, &self.window_width) {
            parts.push(format!("窗宽 {width} 窗位 {centre}"));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyImage;
    use crate::pdf::{Fonts, Printer, ToPrint};
    use crate::report::{CanonicalError, CanonicalReport, ReportDraft};
    use crate::testing::{NOW, canonical_of, consult, draft, frame_key_image, key_image, signer, text_of};
    use access::Signatures;

    fn canonical_with(images: Vec<KeyImage>) -> Vec<u8> {
        canonical_of(&consult(Signatures::Single), &ReportDraft { key_images: images, ..draft() })
    }

    #[test]
    fn a_frame_is_printed_with_its_window_and_the_way_round() {
        let (image, picture) = frame_key_image();
        let (slide, of_slide) = key_image();
        let turned = FrameKeyImage {
            id: "0199aaaa-0000-7000-8000-000000000002".into(),
            name: String::new(),
            rotation_deg: "90".into(),
            mirrored: true,
            inverted: true,
            ..image.clone()
        };
        let canonical =
            canonical_with(vec![KeyImage::Frame(image), KeyImage::Slide(slide), KeyImage::Frame(turned)]);
        let report = CanonicalReport::from_bytes(&canonical).unwrap();
        assert_eq!(report.to_bytes().unwrap(), canonical, "both kinds are read as what they are");
        let pictures = [picture, of_slide];
        let reader = signer("王建国", NOW);
        let input = ToPrint { canonical: &canonical, pictures: &pictures, reader: &reader };
        let pdf = Printer::new(&Fonts::default()).unwrap().render(&input).unwrap().pdf;
        if let Ok(kept) = std::env::var("CONSULT_KEEP_PDF") {
            std::fs::write(kept, &pdf).unwrap();
        }
        let text = text_of(&pdf);
        for word in [
            "右肺上叶结节",
            "CT序列2肺窗图像17",
            "窗宽1500窗位-600",
            "反相",
            "旋转90°",
            "镜像",
            "812×609µm",
            "由原始图像生成",
        ] {
            assert!(text.contains(word), "{word} in\n{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_no_report() {
        let (image, _) = frame_key_image();
        let refused = [
            FrameKeyImage { frame: 0, ..image.clone() },
            FrameKeyImage { frame: 2, ..image.clone() },
            FrameKeyImage { rotation_deg: "45".into(), ..image.clone() },
            FrameKeyImage { window_width: None, ..image.clone() },
            FrameKeyImage { window_centre: Some("NaN".into()), ..image.clone() },
            FrameKeyImage { name: "字".repeat(201), ..image.clone() },
        ];
        for one in refused {
            let bytes = canonical_with(vec![KeyImage::Frame(one)]);
            assert_eq!(CanonicalReport::from_bytes(&bytes), Err(CanonicalError::NotAReport));
        }
        assert!(CanonicalReport::from_bytes(&canonical_with(vec![KeyImage::Frame(image)])).is_ok());
    }

    #[test]
    fn words_below_it_do_not_make_it_another_picture() {
        let (image, _) = frame_key_image();
        let renamed = FrameKeyImage { name: "另一处".into(), marks: Vec::new(), ..image.clone() };
        assert!(image.shows_what(&renamed));
        assert!(!image.shows_what(&FrameKeyImage { mirrored: true, ..image.clone() }));
        let softer = FrameKeyImage { window_width: Some("400".into()), ..image.clone() };
        assert!(!image.shows_what(&softer));
    }
}
