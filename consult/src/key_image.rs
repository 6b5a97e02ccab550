//! Key images of a report: pictures of a slide's parts and of images of radiology, named by their hash in the canonical
//! report and attached to its page. The pictures themselves are derived; what they were made of is named beside them.

pub mod frame;
pub mod slide;

use crate::cms;
use crate::mark::{MARKS_MAX, Mark};
use crate::report::clean;
use frame::FrameKeyImage;
use model::{Sha256, Uid};
use serde::{Deserialize, Serialize};
use slide::SlideKeyImage;

/// Key images of one report at most.
pub const KEY_IMAGES_MAX: usize = 8;
/// Bytes of one picture at most.
pub const PICTURE_BYTES_MAX: usize = 4 << 20;
/// Pixels of either side of a picture at most: what anybody brings to be verified is set again, so it is decoded.
const PICTURE_SIDE_MAX: u16 = 2048;

/// A picture in a report. Each kind has members that the other has not, so that one is never read as the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyImage {
    /// A part of a slide.
    Slide(SlideKeyImage),
    /// A frame of an image of radiology.
    Frame(FrameKeyImage),
}

impl KeyImage {
    /// What it is called among a report's key images: the bookmark that it was made for, or its own identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Slide(image) => &image.bookmark,
            Self::Frame(image) => &image.id,
        }
    }

    /// What is written below it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Slide(image) => &image.name,
            Self::Frame(image) => &image.name,
        }
    }

    /// SOP Instance UID of what the picture was made from.
    #[must_use]
    pub fn instance(&self) -> &Uid {
        match self {
            Self::Slide(image) => &image.instance,
            Self::Frame(image) => &image.instance,
        }
    }

    /// The frame that is referred to, from 1, where an instance has several and one of them is meant.
    #[must_use]
    pub fn frame(&self) -> Option<u32> {
        match self {
            Self::Slide(_) => None,
            Self::Frame(image) => (image.frames > 1).then_some(image.frame),
        }
    }

    /// SHA-256 of the picture.
    #[must_use]
    pub fn picture_sha256(&self) -> &Sha256 {
        match self {
            Self::Slide(image) => &image.picture_sha256,
            Self::Frame(image) => &image.picture_sha256,
        }
    }

    /// Width of what is shown, micrometres, where a scale bar can say it.
    #[must_use]
    pub fn width_um(&self) -> Option<&str> {
        match self {
            Self::Slide(image) => image.width_um.as_deref(),
            Self::Frame(_) => None,
        }
    }

    fn marks(&self) -> &[Mark] {
        match self {
            Self::Slide(image) => &image.marks,
            Self::Frame(image) => &image.marks,
        }
    }

    fn picture_size(&self) -> (u32, u32) {
        match self {
            Self::Slide(image) => (image.picture_width, image.picture_height),
            Self::Frame(image) => (image.picture_width, image.picture_height),
        }
    }

    /// The same with a name in one line without control characters.
    #[must_use]
    pub fn tidy(self) -> Self {
        match self {
            Self::Slide(image) => {
                Self::Slide(SlideKeyImage { name: clean(&image.name).replace('\n', " "), ..image })
            }
            Self::Frame(image) => Self::Frame(image.tidy()),
        }
    }

    /// Whether it can be printed: what is drawn on it, and how it is seen.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_view = match self {
            Self::Slide(_) => true,
            Self::Frame(image) => image.is_sound(),
        };
        is_view && self.marks().len() <= MARKS_MAX && self.marks().iter().all(Mark::is_sound)
    }

    /// Its picture among these, if the bytes are the ones that the report names and no larger than a page may have.
    #[must_use]
    pub fn picture<'a>(&self, pictures: &'a [Vec<u8>]) -> Option<&'a [u8]> {
        let found = pictures.iter().find(|bytes| cms::sha256(bytes) == *self.picture_sha256())?;
        let (width, height) = jpeg_size(found).filter(|_| found.len() <= PICTURE_BYTES_MAX)?;
        let is_small = width.max(height) <= PICTURE_SIDE_MAX;
        let is_as_said = (u32::from(width), u32::from(height)) == self.picture_size();
        (is_small && is_as_said).then_some(found)
    }
}

/// Width and height out of a JPEG file's frame header (ISO/IEC 10918-1 §B.2.2); nothing is decoded.
#[must_use]
pub fn jpeg_size(file: &[u8]) -> Option<(u16, u16)> {
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
        let image = SlideKeyImage {
            calibrated_by: Some("李标定".into()),
            focal_plane: Some("1.5 µm".into()),
            channels: Some("1:0000FF:0-100,2:00FF00:0-200".into()),
            channel_names: Some("DAPI、FITC".into()),
            ..image
        };
        let draft = ReportDraft { key_images: vec![KeyImage::Slide(image)], ..draft() };
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
