//! A picture of eight bits between decoding and encoding, for whoever puts several frames together (PS3.18 §8.3.5).

use super::area::{self, Region};
use super::canvas::Canvas;
use super::icc::{self, Colours};
use super::{ImageType, Render, seen};
use crate::turbo::Layout;
use crate::{CodecError, Pixels, confined, scale};

/// Shades from here on are white in a picture of two.
const WHITE_FROM: u8 = 128;

/// A picture of eight bits a sample, grey or RGB, row by row.
pub struct Raster(Canvas);

impl Raster {
    /// What is seen of a decoded frame, as [`super::render`] would show it before anything is cut, sized or drawn.
    ///
    /// # Errors
    /// As [`super::render`].
    pub fn seen(pixels: &Pixels, options: &Render) -> Result<Self, CodecError> {
        pixels.format.check()?;
        if pixels.bytes.len() as u64 != pixels.format.pixel_bytes()? {
            return Err(CodecError::Damaged("the pixels' length is not what their shape takes"));
        }
        seen(pixels, options).map(Self)
    }

    /// From RGB pixels, `width * height * 3` bytes.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when there are more or fewer.
    pub fn rgb(pixels: Vec<u8>, width: u32, height: u32) -> Result<Self, CodecError> {
        if u64::from(width) * u64::from(height) * 3 != pixels.len() as u64 {
            return Err(CodecError::Damaged("the pixels are not width × height"));
        }
        Ok(Self(Canvas { pixels, layout: Layout::Rgb, width, height }))
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.0.size()
    }

    /// Samples of a pixel: 1 or 3.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.0.layout.samples()
    }

    /// The samples, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.pixels
    }

    /// Grey becomes colour.
    #[must_use]
    pub fn into_rgb(self) -> Self {
        Self(self.0.into_rgb())
    }

    /// Colour becomes grey: luminance (Rec. 601).
    #[must_use]
    pub fn into_grey(self) -> Self {
        let Canvas { pixels, layout, width, height } = self.0;
        let pixels = match layout {
            Layout::Grey => pixels,
            Layout::Rgb => pixels.as_chunks::<3>().0.iter().map(luminance).collect(),
        };
        Self(Canvas { pixels, layout: Layout::Grey, width, height })
    }

    /// Black and white.
    #[must_use]
    pub fn into_bitonal(self) -> Self {
        let mut grey = self.into_grey();
        for shade in &mut grey.0.pixels {
            *shade = if *shade >= WHITE_FROM { u8::MAX } else { 0 };
        }
        grey
    }

    /// A part of it, turned; what lies beside it is black.
    ///
    /// # Errors
    /// [`CodecError::Unsupported`] when the part is empty or far larger than the picture.
    pub fn part(self, region: &Region) -> Result<Self, CodecError> {
        let Canvas { pixels, layout, width, height } = self.0;
        let pixels = area::cut(&pixels, layout.samples(), (width, height), region)?;
        let (width, height) = region.turned_size();
        Ok(Self(Canvas { pixels, layout, width, height }))
    }

    /// In exactly this size: by area average where it becomes smaller, by bilinear interpolation where it becomes larger.
    #[must_use]
    pub fn sized(self, to: (u32, u32)) -> Self {
        let from = self.size();
        let to = (to.0.max(1), to.1.max(1));
        let channels = self.samples();
        let Canvas { mut pixels, layout, .. } = self.0;
        let between = (from.0.min(to.0), from.1.min(to.1));
        if between != from {
            pixels = scale::area_average(&pixels, channels, from, between);
        }
        if between != to {
            pixels = area::enlarged(&pixels, channels, between, to);
        }
        Self(Canvas { pixels, layout, width: to.0, height: to.1 })
    }

    /// In other colours.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when the profile that it comes with is none, or none for RGB.
    pub fn converted(self, colours: &Colours) -> Result<Self, CodecError> {
        icc::convert(self.0, colours).map(Self)
    }

    /// As a file.
    ///
    /// # Errors
    /// [`CodecError::Unsupported`] for a JPEG with a side over 65,500; the workers' errors, as for [`crate::decode`].
    pub fn encode(&self, image_type: ImageType) -> Result<Vec<u8>, CodecError> {
        let Canvas { pixels, layout, width, height } = &self.0;
        match image_type {
            ImageType::Jpeg(quality) => confined::jpeg(pixels, *width, *height, *layout, quality),
            ImageType::Png => self.0.png(),
        }
    }
}

/// In thousandths.
#[allow(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn luminance(colour: &[u8; 3]) -> u8 {
    let [red, green, blue] = colour.map(u32::from);
    ((red * 299 + green * 587 + blue * 114 + 500) / 1000) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axes, Direction};

    fn raster() -> Raster {
        Raster::rgb(vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 9, 9, 9], 3, 2).unwrap()
    }

    #[test]
    fn grey_is_luminance_and_bitonal_has_two_shades() {
        assert_eq!(raster().into_grey().bytes(), [76, 150, 29, 255, 0, 9]);
        assert_eq!(raster().into_bitonal().bytes(), [0, 255, 0, 255, 0, 0]);
        assert_eq!(raster().into_grey().into_rgb().samples(), 3);
    }

    #[test]
    fn a_part_is_turned_and_sized() {
        let quarter = Region { axes: Axes::Exchanged, horizontal: Direction::Flipped, ..Region::whole(3, 2) };
        let turned = raster().part(&quarter).unwrap();
        assert_eq!((turned.size(), &turned.bytes()[..3]), ((2, 3), &[255, 255, 255][..]));
        assert_eq!(turned.sized((4, 1)).size(), (4, 1));
        assert!(Raster::rgb(vec![0; 5], 1, 1).is_err());
    }
}
