//! Key images of a report: pictures of a slide's parts, named by their hash in the canonical report and attached to its
//! page. The pictures themselves are derived; what they were made of is named beside them.

use crate::cms;
use crate::mark::{MARKS_MAX, Mark};
use crate::report::clean;
use model::{Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};

/// Key images of one report at most.
pub const KEY_IMAGES_MAX: usize = 8;
/// Bytes of one picture at most.
pub const PICTURE_BYTES_MAX: usize = 4 << 20;
/// Pixels of either side of a picture at most: what anybody brings to be verified is set again, so it is decoded.
const PICTURE_SIDE_MAX: u16 = 2048;

/// A picture in a report. Measured values are decimal strings, as RFC 8785 wants what must not be rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyImage {
    /// Identifier of the bookmark that it was made for.
    pub bookmark: String,
    /// What it is called.
    pub name: String,
    /// The slide.
    pub slide: SlideId,
    /// Series Instance UID of the pyramid.
    pub series: Uid,
    /// SOP Instance UID of the level that the picture was made from.
    pub instance: Uid,
    /// What is in the middle, pixels of level 0 from the left.
    pub centre_x_px: i64,
    /// What is in the middle, pixels of level 0 from the top.
    pub centre_y_px: i64,
    /// Width of what is shown, pixels of level 0 along the picture's rows.
    pub width_px: u64,
    /// Height of what is shown, pixels of level 0 along the picture's columns.
    pub height_px: u64,
    /// How the slide was turned, clockwise.
    pub rotation_deg: String,
    /// Whether left and right were exchanged, after the turn.
    pub mirrored: bool,
    /// Width of what is shown, micrometres; `None` when the slide has no scale.
    pub width_um: Option<String>,
    /// Height of what is shown, micrometres.
    pub height_um: Option<String>,
    /// Who has given the slide its scale, when the scanner has not; then sizes are no better than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<String>,
    /// Magnification on the screen where it was chosen, such as `20`.
    pub magnification: Option<String>,
    /// The focal plane, where there are several: its height in micrometres, or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_plane: Option<String>,
    /// The optical path, where one of several is seen alone: its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Channels with colours and windows, where several are seen together: `path:RRGGBB:low-high,…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<String>,
    /// What the path or the channels are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_names: Option<String>,
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

impl KeyImage {
    /// The same with a name in one line without control characters.
    #[must_use]
    pub fn tidy(self) -> Self {
        Self { name: clean(&self.name).replace('\n', " "), ..self }
    }

    /// Whether what is drawn on it can be drawn.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.marks.len() <= MARKS_MAX && self.marks.iter().all(Mark::is_sound)
    }

    /// Its picture among these, if the bytes are the ones that the report names and no larger than a page may have.
    #[must_use]
    pub fn picture<'a>(&self, pictures: &'a [Vec<u8>]) -> Option<&'a [u8]> {
        let found = pictures.iter().find(|bytes| cms::sha256(bytes) == self.picture_sha256)?;
        let (width, height) = jpeg_size(found).filter(|_| found.len() <= PICTURE_BYTES_MAX)?;
        let is_small = width.max(height) <= PICTURE_SIDE_MAX;
        let is_as_said = (u32::from(width), u32::from(height)) == (self.picture_width, self.picture_height);
        (is_small && is_as_said).then_some(found)
    }
}

/// Width and height out of a JPEG file's frame header (ISO/IEC 10918-1 §B.2.2); nothing is decoded.
fn jpeg_size(file: &[u8]) -> Option<(u16, u16)> {
    let mut rest = file.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let [0xFF, marker, high, low, ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let segment = rest.get(4..2 + length)?;
        match marker {
            // SOF0 to SOF2: what libraries decode.
            0xC0..=0xC2 => {
                let [_, y1, y0, x1, x0, ..] = segment else { return None };
                return Some((u16::from_be_bytes([*x1, *x0]), u16::from_be_bytes([*y1, *y0])));
            }
            // Start of scan, another start or an end: there is no frame header.
            0xD8..=0xDA => return None,
            _ => rest = rest.get(2 + length..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::{Fonts, Printer, ToPrint};
    use crate::report::ReportDraft;
    use crate::testing::{NOW, canonical_of, consult, draft, key_image, run, signer};
    use access::Signatures;

    #[test]
    fn a_size_is_read_without_decoding() {
        let head =
            [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 1, 1, 0x11, 0];
        assert_eq!(jpeg_size(&head), Some((0x0304, 0x0102)));
        for length in 0..head.len() {
            let _ = jpeg_size(&head[..length]);
        }
        assert_eq!(jpeg_size(b"\xFF\xD8\xFF\xDA\0\x02"), None);
        assert_eq!(jpeg_size(b"\xFF\xD8\xFF\xE0\0\0\xFF\xC0"), None);
        assert_eq!(jpeg_size(b"%PDF-1.7"), None);
    }

    #[test]
    fn a_page_says_who_gave_the_scale_and_which_layer_is_seen() {
        let (image, picture) = key_image();
        let image = KeyImage {
            calibrated_by: Some("李标定".into()),
            focal_plane: Some("1.5 µm".into()),
            channels: Some("1:0000FF:0-100,2:00FF00:0-200".into()),
            channel_names: Some("DAPI、FITC".into()),
            ..image
        };
        let draft = ReportDraft { key_images: vec![image], ..draft() };
        let canonical = canonical_of(&consult(Signatures::Single), &draft);
        let reader = signer("王建国", NOW);
        let pictures = [picture];
        let input = ToPrint { canonical: &canonical, pictures: &pictures, reader: &reader };
        let pdf = Printer::new(&Fonts::default()).unwrap().render(&input).unwrap().pdf;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.pdf").display().to_string();
        std::fs::write(&path, pdf).unwrap();
        if let Ok(kept) = std::env::var("CONSULT_KEEP_PDF") {
            std::fs::copy(&path, kept).unwrap();
        }
        let text = run("pdftotext", &["-layout", &path, "-"]).unwrap().replace(' ', "");
        for word in ["标尺由人工标定：李标定", "焦平面1.5µm，通道DAPI、FITC", "812×609µm"]
        {
            assert!(text.contains(word), "{word} in\n{text}");
        }
        let line = text.lines().find(|line| line.contains("切片原图")).unwrap();
        assert!(line.trim().starts_with("由切片原图生成SHA-256"), "{line}");
    }
}
