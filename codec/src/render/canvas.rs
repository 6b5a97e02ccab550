//! An 8-bit image on its way to a file.

use super::area;
use crate::presentation::{Enlarge, Presentation};
use crate::turbo::Layout;
use crate::{CodecError, scale};

/// Columns or rows of a picture that a presentation enlarges by itself.
const SIDE_MAX: u32 = 8192;
/// Its pixels.
const PIXELS_MAX: u64 = 16 << 20;

/// An 8-bit image.
pub(super) struct Canvas {
    pub pixels: Vec<u8>,
    pub layout: Layout,
    pub width: u32,
    pub height: u32,
}

impl Canvas {
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// A colour as this image has it: in all three places its shade, if it is grey.
    pub fn ink(&self, colour: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = colour.map(u32::from);
        match self.layout {
            // Luminance (Rec. 601), in thousandths.
            Layout::Grey => [((red * 299 + green * 587 + blue * 114 + 500) / 1000) as u8; 3],
            Layout::Rgb => colour,
        }
    }

    /// Grey becomes colour.
    pub fn into_rgb(self) -> Self {
        match self.layout {
            Layout::Rgb => self,
            Layout::Grey => {
                let pixels = self.pixels.iter().flat_map(|&shade| [shade; 3]).collect();
                Self { pixels, layout: Layout::Rgb, ..self }
            }
        }
    }

    /// In the size that is wanted, with the same aspect ratio.
    pub fn sized(self, fit: Option<(u32, u32)>, presentation: &Presentation) -> Self {
        let from = self.size();
        let natural = area::natural_size(from, presentation.pixel_aspect);
        let to = match (fit, presentation.magnification) {
            (Some(fit), _) => {
                let is_smaller = natural.0 < f64::from(fit.0) && natural.1 < f64::from(fit.1);
                let may_stay = is_smaller && presentation.enlarge == Enlarge::Never;
                if may_stay && presentation.pixel_aspect.is_none() {
                    from
                } else if may_stay {
                    area::whole(natural)
                } else if presentation.pixel_aspect.is_none() && !is_smaller {
                    scale::fitted(from.0, from.1, fit)
                } else {
                    area::filled(natural, fit)
                }
            }
            (None, Some(ratio)) => area::whole((natural.0 * ratio, natural.1 * ratio)),
            (None, None) => area::whole(natural),
        };
        let is_affordable =
            to.0 <= SIDE_MAX && to.1 <= SIDE_MAX && u64::from(to.0) * u64::from(to.1) <= PIXELS_MAX;
        let is_smaller = to.0 <= from.0 && to.1 <= from.1;
        if to == from || !(is_affordable || is_smaller) {
            return self;
        }
        let channels = self.layout.samples();
        let between = (from.0.min(to.0), from.1.min(to.1));
        let mut pixels = self.pixels;
        if between != from {
            pixels = scale::area_average(&pixels, channels, from, between);
        }
        if between != to {
            pixels = area::enlarged(&pixels, channels, between, to);
        }
        Self { pixels, layout: self.layout, width: to.0, height: to.1 }
    }

    pub fn png(&self) -> Result<Vec<u8>, CodecError> {
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
