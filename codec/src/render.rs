//! Rendering decoded pixels for the eye (PS3.18 §10.4 rendered resources; PS3.4 §N.2): shades or colours, shutters and
//! overlays at the image's own resolution; then the part that is shown, turned and sized; then its colour space; then
//! what is drawn on top, at the picture's resolution.

pub(crate) mod area;
mod canvas;
mod colour;
pub(crate) mod draw;
mod grey;
pub(crate) mod icc;
pub(crate) mod overlay;
pub(crate) mod raster;
pub(crate) mod shutter;
pub(crate) mod text;

use crate::presentation::Presentation;
use crate::turbo::Layout;
use crate::{CodecError, Photometric, Pixels, confined};
use area::Region;
use canvas::Canvas;

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

/// Renders decoded pixels to an encoded image: grey for monochrome, RGB for palette and colour, and for whatever gets
/// colours by the presentation.
///
/// Rescale and window apply to monochrome pixels only; MONOCHROME1 is inverted. Values are taken from the Bits Stored
/// least significant bits, unless the presentation says that there are others below. The image is made smaller after
/// windowing, by area average.
///
/// # Errors
/// [`CodecError::Unsupported`] for YBR of 16 bits, four samples, a palette image without a palette, or a JPEG with a
/// side over 65,500; [`CodecError::Damaged`] when the bytes are not what the format says, rescale or window are no
/// numbers, or a colour profile is none.
pub fn render(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    let format = &pixels.format;
    format.check()?;
    if pixels.bytes.len() as u64 != format.pixel_bytes()? {
        return Err(CodecError::Damaged("the pixels' length is not what their shape takes"));
    }
    let presentation = &options.presentation;
    let mut canvas = seen(pixels, options)?;
    if [presentation.shutter_colour].iter().any(|colour| draw::is_coloured(*colour)) {
        canvas = canvas.into_rgb();
    }
    shutter::close(&mut canvas, &presentation.shutters, presentation.shutter_colour);
    overlay::draw(&mut canvas, &presentation.overlays, pixels);
    let region = presentation.region.unwrap_or_else(|| Region::whole(canvas.width, canvas.height));
    if presentation.region.is_some() {
        canvas.pixels = area::cut(&canvas.pixels, canvas.layout.samples(), canvas.size(), &region)?;
        (canvas.width, canvas.height) = region.turned_size();
    }
    canvas = canvas.sized(options.fit, presentation);
    if let Some(colours) = &presentation.colours {
        canvas = icc::convert(canvas, colours)?;
    }
    canvas = draw::draw(canvas, &region, presentation);
    match options.image_type {
        ImageType::Jpeg(quality) => {
            confined::jpeg(&canvas.pixels, canvas.width, canvas.height, canvas.layout, quality)
        }
        ImageType::Png => canvas.png(),
    }
}

/// The whole image in 8 bits.
fn seen(pixels: &Pixels, options: &Render) -> Result<Canvas, CodecError> {
    let format = &pixels.format;
    let presentation = &options.presentation;
    let (layout, bytes) = match (format.photometric, format.samples_per_pixel) {
        (Photometric::Monochrome1 | Photometric::Monochrome2, 1) => {
            let shades = grey::monochrome(pixels, options)?;
            if let Some(supplemental) = &presentation.supplemental {
                (Layout::Rgb, colour::supplemented(&shades, pixels, options, supplemental))
            } else if presentation.pseudo_colours.is_empty() {
                (Layout::Grey, shades)
            } else {
                (Layout::Rgb, colour::pseudo(&shades, &presentation.pseudo_colours))
            }
        }
        (Photometric::PaletteColor, 1) => (Layout::Rgb, colour::palette(pixels, options)?),
        (Photometric::Rgb, 3) => (Layout::Rgb, colour::rgb(pixels)?),
        _ => return Err(CodecError::Unsupported("rendering this photometric interpretation")),
    };
    Ok(Canvas { pixels: bytes, layout, width: format.columns, height: format.rows })
}

/// Encodes 8-bit RGB pixels, `width * height * 3` bytes, as baseline JPEG of `quality` 1 to 100.
///
/// # Errors
/// [`CodecError::Damaged`] when `pixels` has another length, [`CodecError::Unsupported`] when a side is 0 or over 65,500.
pub fn encode_jpeg_rgb(pixels: &[u8], width: u32, height: u32, quality: u8) -> Result<Vec<u8>, CodecError> {
    confined::jpeg(pixels, width, height, Layout::Rgb, quality)
}
