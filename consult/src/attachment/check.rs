//! What a file is, by its content, and whether it is whole. Nothing is believed that it says about its size.

use super::BYTES_MAX;
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
/// Bytes at a PDF's end among which its end mark is: programs write some after it.
const PDF_END_BYTES: usize = 1024;

/// What a file is.
///
/// # Errors
/// Why it cannot be attached, for people.
pub fn media_type(bytes: &[u8]) -> Result<MediaType, &'static str> {
    if bytes.is_empty() {
        return Err("文件是空的 / the file is empty");
    }
    if bytes.len() > BYTES_MAX {
        return Err("文件太大（最大 16 MB） / the file is too large (16 MB at most)");
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
    Err("只能附 PDF、JPEG 或 PNG 文件 / PDF, JPEG or PNG only")
}

fn fits(width: u32, height: u32) -> Result<(), &'static str> {
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 || width.max(height) > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
        return Err("图片的尺寸太大 / the picture is too large");
    }
    Ok(())
}

/// Begins and ends as a PDF does. It is never opened here: a reader's program does that, and judges what is in it.
fn pdf(bytes: &[u8]) -> Result<(), &'static str> {
    let end = bytes.len().saturating_sub(PDF_END_BYTES);
    if bytes[end..].windows(5).any(|window| window == b"%%EOF") {
        Ok(())
    } else {
        Err("PDF 不完整 / the PDF is not whole")
    }
}

/// Walks the marker segments (ISO/IEC 10918-1 Annex B) to the frame header and the first scan; behind that the image must
/// have its end. Telephones write more after it (a depth map, a film).
fn jpeg(bytes: &[u8]) -> Result<(), &'static str> {
    const BROKEN: &str = "JPEG 已损坏 / the JPEG is damaged";
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
            0xDA if !has_frame => return Err(BROKEN),
            // In a scan's data 0xFF is followed by 0 or a restart.
            0xDA => {
                let has_end = bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
                return if has_end { Ok(()) } else { Err("JPEG 不完整 / the JPEG is not whole") };
            }
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
    const BROKEN: &str = "PNG 已损坏 / the PNG is damaged";
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

    fn pdf_of() -> Vec<u8> {
        b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"
            .to_vec()
    }

    #[test]
    fn sound_files_are_told_by_their_content() {
        assert_eq!(media_type(&pdf_of()), Ok(MediaType::Pdf));
        assert_eq!(media_type(&jpeg_of()), Ok(MediaType::Jpeg));
        assert_eq!(media_type(&png_of(20, 10)), Ok(MediaType::Png));
        let photograph = [jpeg_of(), b"SEFT trailer of a telephone".to_vec()].concat();
        assert_eq!(media_type(&photograph), Ok(MediaType::Jpeg));
    }

    #[test]
    fn what_is_broken_hostile_or_something_else_is_refused() {
        for other in [&b""[..], b"MZ\x90", b"<html><script>", b"PK\x03\x04", b"GIF89a"] {
            assert!(media_type(other).is_err(), "{other:?}");
        }
        for whole in [pdf_of(), jpeg_of(), png_of(20, 10)] {
            assert!(media_type(&whole[..whole.len() / 2]).is_err(), "half of {:?}", &whole[..4]);
            assert!(media_type(&whole[..9]).is_err(), "the beginning of {:?}", &whole[..4]);
        }
        let mut flipped = png_of(20, 10);
        let at = flipped.len() - 20;
        flipped[at] ^= 1;
        assert!(media_type(&flipped).is_err());
        let mut large = jpeg_of();
        let frame = large.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        large[frame + 5..frame + 9].fill(0xFF);
        assert!(media_type(&large).unwrap_err().contains("尺寸"));
        assert!(media_type(&vec![b'%'; BYTES_MAX + 1]).unwrap_err().contains("太大"));
    }
}
