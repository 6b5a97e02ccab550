//! The pixels of a photograph or a screen shot as DICOM holds them: a JPEG's own codestream, untouched, or what a lossless file
//! decodes to.

use super::exif::Way;
use codec::{CodecError, FrameFormat, Photometric};

/// JPEG Baseline (PS3.5 §A.4.1).
const BASELINE: &str = "1.2.840.10008.1.2.4.50";
/// JPEG Extended.
const EXTENDED: &str = "1.2.840.10008.1.2.4.51";
/// Bytes of decoded pixels at most: 50 million in colour.
const PIXEL_BYTES_MAX: u64 = 150_000_000;
/// Bytes of pixels that are kept as they are at most: a PNG is unpacked.
const NATIVE_BYTES_MAX: u64 = 64 << 20;
/// Bytes that a PNG decoder may take for itself.
const PNG_BYTES_MAX: usize = 64 << 20;

const BROKEN_JPEG: &str = "JPEG 已损坏 / the JPEG is damaged";
const BROKEN_PNG: &str = "PNG 已损坏 / the PNG is damaged";
const TOO_LARGE: &str = "图片的像素太多，请缩小后再传 / the picture has too many pixels: send a smaller one";

/// What one frame is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pixels {
    /// A codestream, with its transfer syntax.
    Codestream(&'static str, Vec<u8>),
    /// Samples by pixel, little endian.
    Native(Vec<u8>),
}

/// How large a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub rows: u16,
    pub columns: u16,
    pub samples: u16,
}

/// A picture and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub rows: u16,
    pub columns: u16,
    pub samples: u16,
    pub bits: u16,
    pub photometric: &'static str,
    pub pixels: Pixels,
    /// Bytes of the lossy codestream that the pixels came in.
    pub lossy_bytes: Option<usize>,
    /// How it has to be turned to stand upright.
    pub way: Way,
}

impl Picture {
    /// Bytes without compression.
    pub(super) fn native_bytes(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns) * u64::from(self.samples) * u64::from(self.bits / 8)
    }
}

/// What a JPEG's marker segments say, and where its image ends.
#[derive(Debug, Default)]
struct Head {
    process: u8,
    precision: u8,
    rows: u16,
    columns: u16,
    components: Vec<u8>,
    has_jfif: bool,
    adobe_transform: Option<u8>,
    way: Way,
    end: usize,
}

/// Walks a JPEG from its start to its end of image (ISO/IEC 10918-1 Annex B), over any number of scans.
fn walk(bytes: &[u8]) -> Result<Head, &'static str> {
    let byte = |at: usize| bytes.get(at).copied().ok_or(BROKEN_JPEG);
    let word = |at: usize| Ok::<_, &str>(u16::from(byte(at)?) << 8 | u16::from(byte(at + 1)?));
    let mut head = Head::default();
    let mut at = 2;
    loop {
        if byte(at)? != 0xFF {
            return Err(BROKEN_JPEG);
        }
        let marker = byte(at + 1)?;
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            0xD9 if head.process != 0 => {
                head.end = at + 2;
                return Ok(head);
            }
            0xD8 | 0xD9 | 0x00 | 0x01 | 0xD0..=0xD7 => return Err(BROKEN_JPEG),
            _ => {}
        }
        let length = usize::from(word(at + 2)?);
        let segment = bytes.get(at + 4..at + 2 + length).ok_or(BROKEN_JPEG)?;
        at += 2 + length;
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let [precision, y1, y0, x1, x0, count, components @ ..] = segment else {
                    return Err(BROKEN_JPEG);
                };
                if head.process != 0 || components.len() != usize::from(*count) * 3 {
                    return Err(BROKEN_JPEG);
                }
                head.process = marker;
                head.precision = *precision;
                (head.rows, head.columns) = (u16::from_be_bytes([*y1, *y0]), u16::from_be_bytes([*x1, *x0]));
                head.components = components.iter().step_by(3).copied().collect();
            }
            0xE0 => head.has_jfif |= segment.starts_with(b"JFIF\0"),
            0xE1 => head.way = Way::in_segment(segment).unwrap_or(head.way),
            0xEE if segment.starts_with(b"Adobe") => head.adobe_transform = segment.get(11).copied(),
            // In a scan's data 0xFF is followed by 0, by another 0xFF, or by a restart.
            0xDA => loop {
                let rest = bytes.get(at..).ok_or(BROKEN_JPEG)?;
                at += rest
                    .iter()
                    .position(|byte| *byte == 0xFF)
                    .ok_or("JPEG 不完整 / the JPEG is not whole")?;
                match byte(at + 1).map_err(|_| "JPEG 不完整 / the JPEG is not whole")? {
                    0x00 | 0xD0..=0xD7 => at += 2,
                    0xFF => at += 1,
                    _ => break,
                }
            },
            _ => {}
        }
    }
}

impl Head {
    fn photometric(&self) -> Result<Photometric, &'static str> {
        match self.components.len() {
            1 => return Ok(Photometric::Monochrome2),
            3 => {}
            _ => {
                return Err(
                    "印刷用的 JPEG（CMYK）不能显示，请另存为普通 JPEG / a JPEG for print (CMYK) cannot be shown: save it as an ordinary JPEG",
                );
            }
        }
        let names = self.components.iter().map(u8::to_ascii_uppercase);
        let is_rgb =
            !self.has_jfif && self.adobe_transform.map_or(names.eq(*b"RGB"), |transform| transform == 0);
        Ok(if is_rgb { Photometric::Rgb } else { Photometric::YbrFull422 })
    }
}

/// A JPEG: as it is where DICOM has its process (baseline, extended), unpacked where not (progressive). What follows its end of
/// image, a telephone's film or depth map, is left. It is decoded once, so that what cannot be shown is not kept.
///
/// A colour photograph that was taken with the camera turned stays as it is, too: browsers turn it as its EXIF says, and it is said
/// beside it for everybody else. What they would not turn is unpacked and turned.
///
/// # Errors
/// Why not, for people.
pub(super) fn jpeg(bytes: &[u8]) -> Result<Picture, &'static str> {
    let head = walk(bytes)?;
    let syntax = match (head.process, head.precision) {
        (0xC0, 8) => Some(BASELINE),
        (0xC1, 8) => Some(EXTENDED),
        (0xC2, 8) => None,
        _ => {
            return Err(
                "这种 JPEG（无损、算术编码或 12 位）不能收，请另存为普通 JPEG / this kind of JPEG (lossless, arithmetic or 12-bit) is not taken: save it as an ordinary JPEG",
            );
        }
    };
    let photometric = head.photometric()?;
    let is_turned_by_all = syntax == Some(BASELINE) && head.components.len() == 3;
    let syntax = syntax.filter(|_| head.way.is_straight() || is_turned_by_all);
    let samples = u16::try_from(head.components.len()).unwrap_or(0);
    let format = FrameFormat::eight_bit(head.rows.into(), head.columns.into(), samples, photometric);
    let image = bytes.get(..head.end).ok_or(BROKEN_JPEG)?;
    let max = if syntax.is_some() { PIXEL_BYTES_MAX } else { NATIVE_BYTES_MAX };
    let decoded =
        codec::decode(syntax.unwrap_or(BASELINE), image, &format, max).map_err(|error| match error {
            CodecError::OverLimit => TOO_LARGE,
            _ => BROKEN_JPEG,
        })?;
    let (photometric, pixels) = match (syntax, photometric) {
        (Some(syntax), Photometric::Rgb) => ("RGB", Pixels::Codestream(syntax, image.to_vec())),
        (Some(syntax), Photometric::YbrFull422) => {
            ("YBR_FULL_422", Pixels::Codestream(syntax, image.to_vec()))
        }
        (Some(syntax), _) => ("MONOCHROME2", Pixels::Codestream(syntax, image.to_vec())),
        (None, Photometric::Monochrome2) => ("MONOCHROME2", Pixels::Native(decoded.bytes)),
        (None, _) => ("RGB", Pixels::Native(decoded.bytes)),
    };
    let shape = Shape { rows: head.rows, columns: head.columns, samples };
    let (pixels, shape, way) = match pixels {
        Pixels::Native(bytes) if !head.way.is_straight() => {
            let (turned, shape) = head.way.turn(&bytes, shape);
            (Pixels::Native(turned), shape, Way::default())
        }
        kept => (kept, shape, head.way),
    };
    let Shape { rows, columns, samples } = shape;
    Ok(Picture { rows, columns, samples, bits: 8, photometric, pixels, lossy_bytes: Some(image.len()), way })
}

/// A PNG, unpacked: every sample as it is there.
///
/// # Errors
/// Why not, for people.
pub(super) fn png(bytes: &[u8]) -> Result<Picture, &'static str> {
    let limits = png::Limits { bytes: PNG_BYTES_MAX };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    // Palettes and samples of less than a byte become whole samples.
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|_| BROKEN_PNG)?;
    let (color, depth) = reader.output_color_type();
    let (width, height) = (reader.info().width, reader.info().height);
    let (rows, columns) = u16::try_from(height).ok().zip(u16::try_from(width).ok()).ok_or(TOO_LARGE)?;
    let size =
        reader.output_buffer_size().filter(|size| *size as u64 <= NATIVE_BYTES_MAX).ok_or(TOO_LARGE)?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(|_| BROKEN_PNG)?;
    let (samples, bits) = match (color, depth) {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => (1, 8),
        (png::ColorType::Grayscale, png::BitDepth::Sixteen) => (1, 16),
        (png::ColorType::GrayscaleAlpha, png::BitDepth::Eight) => (without_alpha(&mut pixels, 1)?, 8),
        (png::ColorType::Rgb, png::BitDepth::Eight) => (3, 8),
        (png::ColorType::Rgba, png::BitDepth::Eight) => (without_alpha(&mut pixels, 3)?, 8),
        _ => {
            return Err(
                "16 位彩色的 PNG 不能收，请另存为 8 位 PNG 或 JPEG / a PNG with 16 bits of colour is not taken: save it with 8 bits, or as JPEG",
            );
        }
    };
    if bits == 16 {
        // PNG has the most significant byte first.
        pixels.chunks_exact_mut(2).for_each(|sample| sample.swap(0, 1));
    }
    let photometric = if samples == 1 { "MONOCHROME2" } else { "RGB" };
    Ok(Picture {
        rows,
        columns,
        samples,
        bits,
        photometric,
        pixels: Pixels::Native(pixels),
        lossy_bytes: None,
        way: Way::default(),
    })
}

/// Takes out the samples of opacity, which DICOM has no place for; answers how many are left of a pixel.
fn without_alpha(pixels: &mut Vec<u8>, colours: usize) -> Result<u16, &'static str> {
    if pixels.chunks_exact(colours + 1).any(|pixel| pixel.get(colours) != Some(&0xFF)) {
        return Err(
            "PNG 有透明的部分，请另存为不透明的图片 / parts of the PNG are transparent: save it without transparency",
        );
    }
    let mut at = 0;
    pixels.retain(|_| {
        at += 1;
        at % (colours + 1) != 0
    });
    Ok(if colours == 1 { 1 } else { 3 })
}
