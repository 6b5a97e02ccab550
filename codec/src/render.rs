//! Rendering decoded pixels for the eye (PS3.18 §10.4 rendered resources; PS3.3 §C.11.2 VOI LUT).

use crate::{CodecError, Pixels};

/// Linear window (PS3.3 §C.11.2.1.2), in rescaled units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Window Center.
    pub center: f64,
    /// Window Width, at least 1.
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
}

/// Renders decoded pixels to an encoded image.
///
/// # Errors
/// [`CodecError`].
pub fn render(_pixels: &Pixels, _options: &Render) -> Result<Vec<u8>, CodecError> {
    todo!()
}
