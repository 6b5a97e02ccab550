//! Rendering decoded pixels for the eye (PS3.18 §10.4 rendered resources; PS3.3 §C.11.2 VOI LUT).

use crate::presentation::{self, Enlarge, Polarity, Presentation, Table, WindowFunction};
use crate::turbo::Layout;
use crate::{CodecError, FrameFormat, Photometric, Pixels, confined, scale};

/// Linear window (PS3.3 §C.11.2.1.2), in rescaled units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Window Center.
    pub center: f64,
    /// Window Width, at least 1. A positive width below 1, which the standard does not allow here but which images of
    /// small units have, is taken as LINEAR_EXACT (PS3.3 §C.11.2.1.3.2).
    pub width: f64,
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageType {
    /// JPEG with this quality, 1 to 100.
    Jpeg(u8),
    /// PNG, 8 bit.
    Png,
}

/// How to render.
#[derive(Debug, Clone, PartialEq)]
pub struct Render {
    /// Rescale Slope.
    pub slope: f64,
    /// Rescale Intercept.
    pub intercept: f64,
    /// Window; without one, the pixels' own minimum and maximum.
    pub window: Option<Window>,
    /// Red, green and blue palette tables, 8 bit each, index 0 = first value mapped, and the first value mapped.
    pub palette: Option<(i32, Vec<[u8; 3]>)>,
    /// The largest width and height of the result; the aspect ratio is kept, and nothing is enlarged.
    pub fit: Option<(u32, u32)>,
    /// What to make.
    pub image_type: ImageType,
    /// What is done beyond that.
    pub presentation: Presentation,
}

/// An 8-bit image.
struct Canvas {
    pixels: Vec<u8>,
    layout: Layout,
    width: u32,
    height: u32,
}

/// Renders decoded pixels to an encoded image: grey for monochrome, RGB for palette and colour.
///
/// Rescale and window apply to monochrome pixels only; MONOCHROME1 is inverted. Values are taken from the Bits Stored
/// least significant bits (High Bit = Bits Stored − 1). The image is made smaller after windowing, by area average.
///
/// # Errors
/// [`CodecError::Unsupported`] for YBR of 16 bits, four samples, a palette image without a palette, or a JPEG with a
/// side over 65,500; [`CodecError::Damaged`] when the bytes are not what the format says, or rescale or window are no numbers.
pub fn render(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    let format = &pixels.format;
    format.check()?;
    if pixels.bytes.len() as u64 != format.pixel_bytes()? {
        return Err(CodecError::Damaged("the pixels' length is not what their shape takes"));
    }
    let (layout, bytes) = match (format.photometric, format.samples_per_pixel) {
        (Photometric::Monochrome1 | Photometric::Monochrome2, 1) => {
            (Layout::Grey, monochrome(pixels, options)?)
        }
        (Photometric::PaletteColor, 1) => (Layout::Rgb, palette(pixels, options)?),
        (Photometric::Rgb, 3) => (Layout::Rgb, rgb(pixels)?),
        _ => return Err(CodecError::Unsupported("rendering this photometric interpretation")),
    };
    let mut canvas = Canvas { pixels: bytes, layout, width: format.columns, height: format.rows };
    presentation::close_shutters(&mut canvas.pixels, layout.samples(), canvas.width, &options.presentation);
    if let Some(region) = &options.presentation.region {
        let size = (canvas.width, canvas.height);
        canvas.pixels = presentation::cut(&canvas.pixels, layout.samples(), size, region)?;
        (canvas.width, canvas.height) = (region.width, region.height);
    }
    if let Some(fit) = options.fit {
        canvas = canvas.fitted(fit, options.presentation.enlarge);
    }
    match options.image_type {
        ImageType::Jpeg(quality) => {
            confined::jpeg(&canvas.pixels, canvas.width, canvas.height, canvas.layout, quality)
        }
        ImageType::Png => canvas.png(),
    }
}

/// Encodes 8-bit RGB pixels, `width * height * 3` bytes, as baseline JPEG of `quality` 1 to 100.
///
/// # Errors
/// [`CodecError::Damaged`] when `pixels` has another length, [`CodecError::Unsupported`] when a side is 0 or over 65,500.
pub fn encode_jpeg_rgb(pixels: &[u8], width: u32, height: u32, quality: u8) -> Result<Vec<u8>, CodecError> {
    confined::jpeg(pixels, width, height, Layout::Rgb, quality)
}

impl Canvas {
    fn fitted(self, fit: (u32, u32), enlarge: Enlarge) -> Self {
        let from = (self.width, self.height);
        if enlarge == Enlarge::ToFit && from.0 < fit.0 && from.1 < fit.1 {
            let to = presentation::filled(from, fit);
            let pixels = presentation::enlarged(&self.pixels, self.layout.samples(), from, to);
            return Self { pixels, layout: self.layout, width: to.0, height: to.1 };
        }
        let to = scale::fitted(self.width, self.height, fit);
        if to == from {
            return self;
        }
        let pixels = scale::area_average(&self.pixels, self.layout.samples(), from, to);
        Self { pixels, layout: self.layout, width: to.0, height: to.1 }
    }

    fn png(&self) -> Result<Vec<u8>, CodecError> {
        const FAILED: CodecError = CodecError::Unsupported("a PNG of that size");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(match self.layout {
            Layout::Grey => png::ColorType::Grayscale,
            Layout::Rgb => png::ColorType::Rgb,
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|_| FAILED)?;
        writer.write_image_data(&self.pixels).map_err(|_| FAILED)?;
        writer.finish().map_err(|_| FAILED)?;
        Ok(file)
    }
}

/// The stored values of a frame with one sample per pixel.
struct Stored<'a> {
    bytes: &'a [u8],
    format: &'a FrameFormat,
}

impl Stored<'_> {
    fn mask(&self) -> u32 {
        u32::MAX >> (32 - u32::from(self.format.bits_stored).clamp(1, 32))
    }

    /// Calls `each` with every pixel's bits, as an unsigned number of Bits Stored bits.
    #[inline]
    fn for_each(&self, mut each: impl FnMut(u32)) {
        let mask = self.mask();
        match self.format.bits_allocated {
            1 => (0..self.format.pixel_count())
                .for_each(|index| each(u32::from(self.bytes[index / 8] >> (index % 8)) & 1)),
            8 => self.bytes.iter().for_each(|byte| each(u32::from(*byte) & mask)),
            16 => {
                let words = self.bytes.as_chunks::<2>().0.iter();
                words.for_each(|word| each(u32::from(u16::from_le_bytes(*word)) & mask));
            }
            _ => {
                let words = self.bytes.as_chunks::<4>().0.iter();
                words.for_each(|word| each(u32::from_le_bytes(*word) & mask));
            }
        }
    }

    /// The number that `bits` stand for.
    #[allow(clippy::cast_possible_wrap)]
    fn value(&self, bits: u32) -> i64 {
        if !self.format.is_signed {
            return i64::from(bits);
        }
        let shift = 32 - u32::from(self.format.bits_stored).clamp(1, 32);
        i64::from(((bits << shift) as i32) >> shift)
    }
}

fn monochrome(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    if !options.slope.is_finite() || !options.intercept.is_finite() {
        return Err(CodecError::Damaged("rescale slope or intercept is no number"));
    }
    let stored = Stored { bytes: &pixels.bytes, format: &pixels.format };
    let ramp = Ramp::new(&stored, options)?;
    let is_inverted = match options.presentation.polarity {
        Polarity::AsImage => pixels.format.photometric == Photometric::Monochrome1,
        Polarity::Identity => false,
        Polarity::Inverse => true,
    };
    let shade = |bits: u32| {
        let value = options.rescaled(stored.value(bits));
        let grey = ramp.grey(value);
        if is_inverted { 255 - grey } else { grey }
    };
    let mut out = Vec::with_capacity(pixels.format.pixel_count());
    if pixels.format.bits_stored <= 16 {
        let table: Vec<u8> = (0..=stored.mask()).map(shade).collect();
        // `for_each` masks its values, and the table has an entry for each.
        stored.for_each(|bits| out.push(table[bits as usize]));
    } else {
        stored.for_each(|bits| out.push(shade(bits)));
    }
    Ok(out)
}

impl Render {
    /// A stored value in the units of the window (PS3.3 §C.11.1).
    #[allow(clippy::cast_precision_loss)]
    fn rescaled(&self, stored: i64) -> f64 {
        match &self.presentation.modality_table {
            Some(table) => f64::from(table.entry(stored as f64)),
            None => stored as f64 * self.slope + self.intercept,
        }
    }
}

/// From rescaled values to 0…255.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ramp<'a> {
    /// SIGMOID (PS3.3 §C.11.2.1.3.1), width above 0.
    Sigmoid(Window),
    /// A VOI LUT.
    Table(&'a Table),
    /// LINEAR (PS3.3 §C.11.2.1.2.1), width at least 1.
    Linear(Window),
    /// LINEAR_EXACT (PS3.3 §C.11.2.1.3.2), width above 0.
    Exact(Window),
}

impl<'a> Ramp<'a> {
    fn new(stored: &Stored, options: &'a Render) -> Result<Self, CodecError> {
        options.presentation.modality_table.as_ref().map_or(Ok(()), Table::check)?;
        if let Some(window) = options.window {
            if !window.center.is_finite() || !window.width.is_finite() || window.width <= 0.0 {
                return Err(CodecError::Damaged("window center or width is no number"));
            }
            return Ok(match options.presentation.function {
                WindowFunction::Sigmoid => Self::Sigmoid(window),
                WindowFunction::Linear if window.width >= 1.0 => Self::Linear(window),
                WindowFunction::Linear | WindowFunction::LinearExact => Self::Exact(window),
            });
        }
        if let Some(table) = &options.presentation.voi_table {
            table.check()?;
            return Ok(Self::Table(table));
        }
        // One bit is black or white, whatever the frame holds.
        let (low, high) = if stored.format.bits_stored == 1 {
            let (a, b) = (stored.value(0), stored.value(1));
            (a.min(b), a.max(b))
        } else {
            let (mut low, mut high) = (i64::MAX, i64::MIN);
            stored.for_each(|bits| {
                let value = stored.value(bits);
                low = low.min(value);
                high = high.max(value);
            });
            (low, high)
        };
        let (a, b) = (options.rescaled(low), options.rescaled(high));
        // A flat frame is black: any positive width with its value at the low end.
        let width = if a == b { 1.0 } else { (b - a).abs() };
        Ok(Self::Exact(Window { center: a.min(b) + width / 2.0, width }))
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn grey(self, value: f64) -> u8 {
        let fraction = match self {
            Self::Table(table) => return table.grey(value),
            Self::Sigmoid(window) => presentation::sigmoid(window, value),
            Self::Linear(Window { center, width }) => {
                let half = (width - 1.0) / 2.0;
                if value <= center - 0.5 - half {
                    0.0
                } else if value > center - 0.5 + half {
                    1.0
                } else {
                    (value - (center - 0.5)) / (width - 1.0) + 0.5
                }
            }
            Self::Exact(Window { center, width }) => (value - center) / width + 0.5,
        };
        // A cast from float clamps, and makes 0 of what is not a number.
        (fraction * 255.0).round() as u8
    }
}

fn palette(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    let Some((first, colours)) = &options.palette else {
        return Err(CodecError::Unsupported("a palette image without a palette"));
    };
    let last = colours.len().checked_sub(1).ok_or(CodecError::Damaged("the palette is empty"))?;
    let stored = Stored { bytes: &pixels.bytes, format: &pixels.format };
    let mut out = Vec::with_capacity(pixels.format.pixel_count() * 3);
    stored.for_each(|bits| {
        // Values beside the table take its first or last entry (PS3.3 §C.7.6.3.1.5).
        let index = (stored.value(bits) - i64::from(*first)).max(0);
        let index = usize::try_from(index).unwrap_or(last).min(last);
        out.extend_from_slice(&colours[index]);
    });
    Ok(out)
}

#[allow(clippy::cast_possible_truncation)]
fn rgb(pixels: &Pixels) -> Result<Vec<u8>, CodecError> {
    let bits_stored = pixels.format.bits_stored;
    match pixels.format.bits_allocated {
        8 => Ok(pixels.bytes.clone()),
        16 => {
            let words = pixels.bytes.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word));
            Ok(if bits_stored > 8 {
                words.map(|word| (word >> (bits_stored - 8)) as u8).collect()
            } else {
                words.map(|word| word as u8).collect()
            })
        }
        _ => Err(CodecError::Unsupported("rendering colour of that depth")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: f64, center: f64, value: f64) -> u8 {
        Ramp::Linear(Window { center, width }).grey(value)
    }

    #[test]
    fn the_standards_own_examples_of_a_window() {
        // PS3.3 §C.11.2.1.2.1, note 4: c 2048, w 4096 maps 0…4095 to 0…255 whole.
        assert_eq!((grey(4096.0, 2048.0, 0.0), grey(4096.0, 2048.0, 4095.0)), (0, 255));
        assert_eq!(grey(4096.0, 2048.0, 2047.5), 128);
        // c 2048, w 1 is a threshold: up to 2047 black, then white.
        assert_eq!((grey(1.0, 2048.0, 2047.0), grey(1.0, 2048.0, 2048.0)), (0, 255));
        // c 0, w 100: −50 is black, 49 is white.
        assert_eq!((grey(100.0, 0.0, -50.0), grey(100.0, 0.0, 49.0)), (0, 255));
        assert!(grey(100.0, 0.0, -49.0) > 0 && grey(100.0, 0.0, 48.0) < 255);
    }

    #[test]
    fn a_width_below_one_is_exact() {
        let ramp = Ramp::Exact(Window { center: 0.25, width: 0.5 });
        assert_eq!((ramp.grey(0.0), ramp.grey(0.25), ramp.grey(0.5), ramp.grey(9.0)), (0, 128, 255, 255));
    }
}
