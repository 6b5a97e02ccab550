//! Colour spaces of pictures (PS3.18 §8.3.5.1.5) and conversion into them by ICC profiles.

use super::canvas::Canvas;
use crate::CodecError;
use moxcms::{ColorProfile, DataColorSpace, Layout, ToneReprCurve, TransformOptions};
use std::sync::OnceLock;

/// A well-known colour space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColourSpace {
    /// sRGB (IEC 61966-2.1): also what colours without a profile, and shades of grey, are taken for.
    Srgb,
    /// Adobe RGB (1998).
    AdobeRgb,
    /// ROMM RGB (ISO 22028-2).
    RommRgb,
}

/// From what to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colours {
    /// The ICC profile of the image; sRGB without one.
    pub from: Option<Vec<u8>>,
    /// What comes out.
    pub to: ColourSpace,
}

/// Where an ICC.1 header keeps the time of its making.
const CREATED: std::ops::Range<usize> = 24..36;
/// 2000-01-01: the same profile, byte for byte, whenever it is written.
const CREATED_AT: [u8; 12] = [0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

impl ColourSpace {
    fn definition(self) -> ColorProfile {
        match self {
            Self::Srgb => ColorProfile::new_srgb(),
            Self::AdobeRgb => ColorProfile::new_adobe_rgb(),
            Self::RommRgb => {
                let mut profile = ColorProfile::new_pro_photo_rgb();
                // ISO 22028-2 §4.4: linear below 16^(1.8 / (1 − 1.8)), then a power of 1.8.
                let curve = ToneReprCurve::Parametric(vec![1.8, 1.0, 0.0, 1.0 / 16.0, 0.031_25]);
                profile.red_trc = Some(curve.clone());
                profile.green_trc = Some(curve.clone());
                profile.blue_trc = Some(curve);
                profile
            }
        }
    }

    /// Its ICC profile; the same bytes at every call and on every day.
    #[must_use]
    pub fn profile(self) -> &'static [u8] {
        static PROFILES: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
        PROFILES[self as usize].get_or_init(|| {
            let mut bytes = self.definition().encode().unwrap_or_default();
            if let Some(created) = bytes.get_mut(CREATED) {
                created.copy_from_slice(&CREATED_AT);
            }
            bytes
        })
    }
}

/// Converts a picture, which becomes one of three colours.
///
/// # Errors
/// [`CodecError::Damaged`] when the image's profile is none, or none for RGB.
pub(super) fn convert(canvas: Canvas, colours: &Colours) -> Result<Canvas, CodecError> {
    const NO_PROFILE: CodecError = CodecError::Damaged("its colour profile is no ICC profile for RGB");
    let canvas = canvas.into_rgb();
    let from = match &colours.from {
        Some(bytes) => ColorProfile::new_from_slice(bytes).map_err(|_| NO_PROFILE)?,
        None if colours.to == ColourSpace::Srgb => return Ok(canvas),
        None => ColourSpace::Srgb.definition(),
    };
    if from.color_space != DataColorSpace::Rgb {
        return Err(NO_PROFILE);
    }
    let to = colours.to.definition();
    let transform = from
        .create_transform_8bit(Layout::Rgb, &to, Layout::Rgb, TransformOptions::default())
        .map_err(|_| NO_PROFILE)?;
    let mut pixels = vec![0; canvas.pixels.len()];
    transform.transform(&canvas.pixels, &mut pixels).map_err(|_| NO_PROFILE)?;
    Ok(Canvas { pixels, ..canvas })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turbo;

    #[test]
    fn profiles_are_for_rgb_and_always_the_same() {
        for space in [ColourSpace::Srgb, ColourSpace::AdobeRgb, ColourSpace::RommRgb] {
            let profile = space.profile();
            assert_eq!((&profile[16..20], &profile[36..40]), (b"RGB ".as_slice(), b"acsp".as_slice()));
            assert_eq!(profile[CREATED], CREATED_AT);
            assert_eq!(ColorProfile::new_from_slice(profile).unwrap().color_space, DataColorSpace::Rgb);
        }
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        let canvas = || Canvas { pixels: vec![1; 3], layout: turbo::Layout::Rgb, width: 1, height: 1 };
        let colours = |from: Vec<u8>| Colours { from: Some(from), to: ColourSpace::Srgb };
        assert!(convert(canvas(), &colours(b"none".to_vec())).is_err());
        let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        assert!(convert(canvas(), &colours(grey)).is_err());
    }
}
