//! What a file is, by its content, and whether it is whole. Nothing is believed that it says about its size.

use super::BYTES_MAX;
use lopdf::{Document, LoadOptions, Object};
use serde::{Deserialize, Serialize};

/// What may be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    /// PDF.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// JPEG (ISO/IEC 10918-1).
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// PNG (ISO/IEC 15948).
    #[serde(rename = "image/png")]
    Png,
}

impl MediaType {
    /// The media type as HTTP says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// Pixels of one side of a picture at most.
const SIDE_PIXELS_MAX: u32 = 20_000;
/// Pixels of a picture at most.
const PIXELS_MAX: u64 = 120_000_000;
/// Bytes that a PNG decoder may take for itself.
const PNG_BYTES_MAX: usize = 64 << 20;
/// Pages of a PDF at most.
const PAGES_MAX: usize = 500;
/// Object streams (ISO 32000-1 §7.5.7) of a PDF at most, and bytes that one may grow to.
const OBJECT_STREAMS_MAX: usize = 64;
const OBJECT_STREAM_BYTES_MAX: usize = 2 << 20;

/// What a file is.
///
/// # Errors
/// Why it cannot be attached, for people.
pub fn media_type(bytes: &[u8]) -> Result<MediaType, &'static str> {
    if bytes.is_empty() {
        return Err("文件是空的");
    }
    if bytes.len() > BYTES_MAX {
        return Err("文件太大（最大 16 MB）");
    }
    if bytes.starts_with(b"%PDF-") {
        return pdf(bytes).map(|()| MediaType::Pdf);
    }
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return jpeg(bytes).map(|()| MediaType::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return png(bytes).map(|()| MediaType::Png);
    }
    Err("只能附 PDF、JPEG 或 PNG 文件")
}

fn fits(width: u32, height: u32) -> Result<(), &'static str> {
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 || width.max(height) > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
        return Err("图片的尺寸太大");
    }
    Ok(())
}

fn pdf(bytes: &[u8]) -> Result<(), &'static str> {
    const UNREADABLE: &str = "PDF 无法读取，或已损坏";
    let streams = bytes.windows(7).filter(|window| *window == b"/ObjStm").count();
    if streams > OBJECT_STREAMS_MAX {
        return Err("PDF 的结构太复杂，请另存后再附");
    }
    let options =
        LoadOptions { max_decompressed_size: Some(OBJECT_STREAM_BYTES_MAX), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(|_| UNREADABLE)?;
    if document.trailer.has(b"Encrypt") {
        return Err("PDF 有密码，请去掉密码后再附");
    }
    let pages = document.get_pages().len();
    if pages == 0 {
        return Err(UNREADABLE);
    }
    if pages > PAGES_MAX {
        return Err("PDF 的页数太多（最多 500 页）");
    }
    let acts = |object: &Object| {
        let Ok(dictionary) = object.as_dict() else { return false };
        let action = dictionary.get(b"S").and_then(Object::as_name).unwrap_or_default();
        dictionary.has(b"JS") || action == b"JavaScript" || action == b"Launch"
    };
    if document.objects.values().any(acts) {
        return Err("PDF 中有脚本或可执行的动作，请打印成 PDF 后再附");
    }
    Ok(())
}

/// Walks the marker segments (ISO/IEC 10918-1 Annex B) to the frame header and the first scan.
fn jpeg(bytes: &[u8]) -> Result<(), &'static str> {
    const BROKEN: &str = "JPEG 已损坏";
    if !bytes.ends_with(&[0xFF, 0xD9]) {
        return Err("JPEG 不完整");
    }
    let byte = |at: usize| bytes.get(at).copied().ok_or(BROKEN);
    let word = |at: usize| Ok::<_, &str>(u32::from(byte(at)?) << 8 | u32::from(byte(at + 1)?));
    let (mut at, mut has_frame) = (2, false);
    loop {
        if byte(at)? != 0xFF {
            return Err(BROKEN);
        }
        let marker = byte(at + 1)?;
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            // SOFn, except DHT, JPG and DAC.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                fits(word(at + 7)?, word(at + 5)?)?;
                has_frame = true;
            }
            0xDA => return if has_frame { Ok(()) } else { Err(BROKEN) },
            0xD8 | 0xD9 => return Err(BROKEN),
            _ => {}
        }
        let length = word(at + 2)? as usize;
        if length < 2 {
            return Err(BROKEN);
        }
        at += 2 + length;
    }
}

/// Decodes it row by row: whole, and every chunk's checksum right.
fn png(bytes: &[u8]) -> Result<(), &'static str> {
    const BROKEN: &str = "PNG 已损坏";
    let limits = png::Limits { bytes: PNG_BYTES_MAX };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let mut reader = decoder.read_info().map_err(|_| BROKEN)?;
    let info = reader.info();
    fits(info.width, info.height)?;
    while reader.next_row().map_err(|_| BROKEN)?.is_some() {}
    reader.finish().map_err(|_| BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![7; (width * height) as usize]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn jpeg_of() -> Vec<u8> {
        codec::encode_jpeg_rgb(&[120; 48 * 32 * 3], 48, 32, 80).unwrap()
    }

    fn pdf_of(extra: Option<(&str, Object)>) -> Vec<u8> {
        use lopdf::dictionary;
        let mut document = Document::with_version("1.5");
        let pages_id = document.new_object_id();
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => pages_id, "MediaBox" => vec![0.into(), 0.into(), 100.into(), 100.into()],
        });
        let pages = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
        document.objects.insert(pages_id, Object::Dictionary(pages));
        let mut catalog = dictionary! { "Type" => "Catalog", "Pages" => pages_id };
        if let Some((key, value)) = extra {
            let action = document.add_object(value);
            catalog.set(key, action);
        }
        let catalog = document.add_object(catalog);
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn sound_files_are_told_by_their_content() {
        assert_eq!(media_type(&pdf_of(None)), Ok(MediaType::Pdf));
        assert_eq!(media_type(&jpeg_of()), Ok(MediaType::Jpeg));
        assert_eq!(media_type(&png_of(20, 10)), Ok(MediaType::Png));
    }

    #[test]
    fn what_is_broken_hostile_or_something_else_is_refused() {
        use lopdf::dictionary;
        for other in [&b""[..], b"MZ\x90", b"<html><script>", b"PK\x03\x04", b"GIF89a"] {
            assert!(media_type(other).is_err(), "{other:?}");
        }
        for whole in [pdf_of(None), jpeg_of(), png_of(20, 10)] {
            assert!(media_type(&whole[..whole.len() / 2]).is_err(), "half of {:?}", &whole[..4]);
            assert!(media_type(&whole[..9]).is_err(), "the beginning of {:?}", &whole[..4]);
        }
        let mut flipped = png_of(20, 10);
        let at = flipped.len() - 20;
        flipped[at] ^= 1;
        assert!(media_type(&flipped).is_err());
        let script = Object::Dictionary(
            dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") },
        );
        assert!(media_type(&pdf_of(Some(("OpenAction", script)))).unwrap_err().contains("脚本"));
        let mut large = jpeg_of();
        let frame = large.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        large[frame + 5..frame + 9].fill(0xFF);
        assert!(media_type(&large).unwrap_err().contains("尺寸"));
        assert!(media_type(&vec![b'%'; BYTES_MAX + 1]).unwrap_err().contains("太大"));
    }
}
