//! What the Image Pixel module says of pixels in another transfer syntax (PS3.3 §C.7.6.3, §C.7.6.1.1.5).

use super::{OFFSET_TABLES, holds_pixels};
use codec::{FrameFormat, Photometric};
use dataset::syntax::Loss;
use dataset::{Dataset, Tag, TransferSyntax, VR, Value, tags};
use storage::InstanceRef;

/// Takes out the pixel data and what describes their fragments.
pub fn remove_pixel_data(dataset: &mut Dataset) {
    dataset.remove(tags::PIXEL_DATA);
    for tag in OFFSET_TABLES {
        dataset.remove(tag);
    }
}

/// An icon of an encapsulated object may be compressed as the object is; it is optional, and left out.
pub fn remove_encapsulated_icons(dataset: &mut Dataset) {
    let is_compressed_inside = |tag: &Tag| {
        let mut waiting: Vec<&Dataset> = dataset.items(*tag).iter().collect();
        while let Some(item) = waiting.pop() {
            for element in item.elements() {
                match &element.value {
                    Value::Items(items) => waiting.extend(items),
                    _ if holds_pixels(element) => return true,
                    _ => {}
                }
            }
        }
        false
    };
    let sequences: Vec<Tag> =
        dataset.elements().iter().filter(|e| e.vr == VR::SQ).map(|element| element.tag).collect();
    let removed: Vec<Tag> = sequences.into_iter().filter(is_compressed_inside).collect();
    for tag in removed {
        dataset.remove(tag);
    }
}

/// The elements behind a tag, in a data set of their own.
pub fn split_off_behind(dataset: &mut Dataset, tag: Tag) -> Dataset {
    let tags: Vec<Tag> = dataset.elements().iter().map(|e| e.tag).filter(|other| *other > tag).collect();
    let mut behind = Dataset::new();
    for tag in tags {
        if let Some(element) = dataset.remove(tag) {
            behind.put(element);
        }
    }
    behind
}

/// Makes the attributes say what the frames are now, and what they have been through.
pub fn describe(dataset: &mut Dataset, instance: &InstanceRef, format: &FrameFormat, native_bytes: u64) {
    dataset.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric_text(format.photometric));
    dataset.put_u16(tags::SAMPLES_PER_PIXEL, &[format.samples_per_pixel]);
    dataset.put_u16(tags::BITS_ALLOCATED, &[format.bits_allocated]);
    dataset.put_u16(tags::BITS_STORED, &[format.bits_stored]);
    if format.samples_per_pixel > 1 {
        dataset.put_u16(tags::PLANAR_CONFIGURATION, &[u16::from(format.is_planar)]);
    }
    note_loss(dataset, instance.syntax(), instance.file_length(), native_bytes, instance.frame_count());
}

/// What a lossy transfer syntax is called in (0028,2114).
fn lossy_method(syntax: &TransferSyntax) -> Option<&'static str> {
    Some(match syntax.as_str().strip_prefix("1.2.840.10008.1.2.4.")? {
        // A JPEG that was recompressed (.111) lost what it lost as a JPEG.
        "50" | "51" | "111" => "ISO_10918_1",
        "81" => "ISO_14495_1",
        "91" | "93" => "ISO_15444_1",
        "203" => "ISO_15444_15",
        "112" => "ISO_18181_1",
        _ => return None,
    })
}

/// Once lossy, always lossy: (0028,2110), (0028,2112) and (0028,2114) stay, and are put where a lossy syntax came
/// without them.
fn note_loss(dataset: &mut Dataset, from: &TransferSyntax, stored_bytes: u64, frame_bytes: u64, frames: u32) {
    let Some(method) = lossy_method(from) else { return };
    let said = dataset.text(tags::LOSSY_IMAGE_COMPRESSION);
    let is_lossy = match (said.as_deref(), from.loss()) {
        (Some("01"), _) | (_, Loss::Always) | (None, _) => true,
        (Some(_), Loss::Perhaps | Loss::Never) => false,
    };
    if !is_lossy {
        return;
    }
    dataset.put_text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01");
    if dataset.text(tags::LOSSY_IMAGE_COMPRESSION_RATIO).is_none() && stored_bytes > 0 {
        let native = frame_bytes.saturating_mul(u64::from(frames));
        #[allow(clippy::cast_precision_loss, reason = "a ratio with two digits")]
        let ratio = native as f64 / stored_bytes as f64;
        dataset.put_text(tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, &format!("{ratio:.2}"));
    }
    if dataset.text(tags::LOSSY_IMAGE_COMPRESSION_METHOD).is_none() {
        dataset.put_text(tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, method);
    }
}

fn photometric_text(photometric: Photometric) -> &'static str {
    match photometric {
        Photometric::Monochrome1 => "MONOCHROME1",
        Photometric::Monochrome2 => "MONOCHROME2",
        Photometric::PaletteColor => "PALETTE COLOR",
        Photometric::Rgb => "RGB",
        Photometric::YbrFull => "YBR_FULL",
        Photometric::YbrFull422 => "YBR_FULL_422",
        Photometric::YbrIct => "YBR_ICT",
        Photometric::YbrRct => "YBR_RCT",
        Photometric::Xyb => "XYB",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(syntax: &str, said: Option<&str>) -> (Option<String>, Option<String>, Option<String>) {
        let mut dataset = Dataset::new();
        if let Some(said) = said {
            dataset.put_text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, said);
        }
        note_loss(&mut dataset, &TransferSyntax::parse(syntax).unwrap(), 100, 1000, 1);
        let text = |tag| dataset.text(tag);
        (
            text(tags::LOSSY_IMAGE_COMPRESSION),
            text(tags::LOSSY_IMAGE_COMPRESSION_RATIO),
            text(tags::LOSSY_IMAGE_COMPRESSION_METHOD),
        )
    }

    #[test]
    fn what_was_lossy_stays_lossy_and_says_so() {
        let lossy = |method: &str| (Some("01".to_owned()), Some("10.00".to_owned()), Some(method.to_owned()));
        assert_eq!(noted("1.2.840.10008.1.2.4.50", None), lossy("ISO_10918_1"));
        assert_eq!(noted("1.2.840.10008.1.2.4.50", Some("00")), lossy("ISO_10918_1"));
        assert_eq!(noted("1.2.840.10008.1.2.4.91", None), lossy("ISO_15444_1"));
        assert_eq!(noted("1.2.840.10008.1.2.4.91", Some("00")), (Some("00".into()), None, None));
        assert_eq!(noted("1.2.840.10008.1.2.4.70", None), (None, None, None));
        assert_eq!(noted("1.2.840.10008.1.2.4.70", Some("01")), (Some("01".into()), None, None));
    }
}
