//! The query parameters of rendered resources (PS3.18 §8.3.5).

use crate::dicomweb::accept::{MediaRange, accepted};
use crate::dicomweb::problem::WebError;
use crate::dicomweb::routes::pairs;
use axum::http::HeaderMap;
use codec::{Axes, ColourSpace, Direction, Enlarge, ImageType, Region, Window, WindowFunction};

const QUALITY_DEFAULT: u8 = 90;
/// Columns or rows of a viewport.
const SIDE_MAX: u32 = 8192;
/// Pixels of a viewport: an image may be enlarged to it.
const PIXELS_MAX: u64 = 16 << 20;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The kind of file.
    pub image_type: ImageType,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether the answer is to be multipart.
    pub is_multipart: bool,
    /// The size that the image, or the region of it, is to fit into.
    pub viewport: Option<Viewport>,
    /// In place of the image's own window.
    pub window: Option<(Window, WindowFunction)>,
    /// Whether the colour profile goes along.
    pub profile: Profile,
    /// What is written on the picture.
    pub annotation: Annotation,
}

/// The colours of the picture, and whether the file says what they are (PS3.18 §8.3.5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// As they are, and nothing is said.
    No,
    /// As they are, with the image's own profile; sRGB's when it has none.
    Yes,
    /// Converted, with the profile of what they were converted into.
    Of(ColourSpace),
}

/// What is written on the picture (PS3.18 §8.3.5.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// Who it is: name, identifier, sex, age, birth date.
    pub has_patient: bool,
    /// How it was made: institution, date, equipment, technique.
    pub has_technique: bool,
    /// What was asked for and is not known.
    pub unknown: Vec<String>,
}

impl Annotation {
    /// Words separated by commas.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut annotation = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "patient" => annotation.has_patient = true,
                "technique" => annotation.has_technique = true,
                // It goes into a header.
                _ if word.len() <= 32 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                    annotation.unknown.push(word.to_owned());
                }
                _ => annotation.unknown.push("?".to_owned()),
            }
        }
        annotation
    }
}

/// The value of `iccprofile`.
pub fn profile(text: Option<&str>) -> Result<Profile, WebError> {
    match text {
        None | Some("no") => Ok(Profile::No),
        Some("yes") => Ok(Profile::Yes),
        Some("srgb") => Ok(Profile::Of(ColourSpace::Srgb)),
        Some("adobergb") => Ok(Profile::Of(ColourSpace::AdobeRgb)),
        Some("rommrgb") => Ok(Profile::Of(ColourSpace::RommRgb)),
        Some(_) => Err(WebError::BadRequest("iccprofile is no, yes, srgb, adobergb or rommrgb".into())),
    }
}

/// A size, and what of the image is shown in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// Width and height.
    pub size: (u32, u32),
    /// First column and row from 0, columns, rows; negative ones are flipped. Those not given are the image's.
    pub source: Option<[Option<f64>; 4]>,
    /// The same as WADO-URI says it: left, top, right and bottom as shares of the image.
    pub share: Option<[f64; 4]>,
    /// Whether the image may become larger.
    pub enlarge: Enlarge,
}

impl Options {
    /// From the query string and the headers. `size` is what the image fits into if no viewport is named.
    pub fn parse(
        query: Option<&str>,
        headers: &HeaderMap,
        size: Option<(u32, u32)>,
    ) -> Result<Self, WebError> {
        let pairs = pairs(query);
        let parameter = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let refused = |what: &str| Err(WebError::BadRequest(what.into()));
        let profile = profile(parameter("iccprofile"))?;
        let annotation = parameter("annotation").map(Annotation::parse).unwrap_or_default();
        let quality = match parameter("quality").map(str::parse) {
            None => QUALITY_DEFAULT,
            Some(Ok(quality)) if (1..=100).contains(&quality) => quality,
            Some(_) => return refused("quality is 1 to 100"),
        };
        let ranges = accepted(headers, parameter("accept"));
        let (range, image_type, media_type) = ranges
            .iter()
            .find_map(|range| {
                let (image_type, media_type) = image_type(range, quality)?;
                Some((range, image_type, media_type))
            })
            .ok_or_else(|| WebError::NotAcceptable("rendered images are image/jpeg or image/png".into()))?;
        let viewport = match parameter("viewport") {
            Some(text) => Some(viewport(text)?),
            None => size.map(|size| Viewport { size, source: None, share: None, enlarge: Enlarge::Never }),
        };
        Ok(Self {
            image_type,
            media_type,
            is_multipart: range.is_multipart(),
            viewport,
            window: parameter("window").map(window).transpose()?,
            profile,
            annotation,
        })
    }
}

/// JPEG before PNG where both are taken.
pub fn image_type(range: &MediaRange, quality: u8) -> Option<(ImageType, &'static str)> {
    if range.covers("image/jpeg") {
        Some((ImageType::Jpeg(quality), "image/jpeg"))
    } else if range.covers("image/png") {
        Some((ImageType::Png, "image/png"))
    } else {
        None
    }
}

/// `width,height[,x,y,width,height]` (PS3.18 §8.3.5.1.3).
pub fn viewport(text: &str) -> Result<Viewport, WebError> {
    let refused = || {
        WebError::BadRequest(
            "viewport is width,height[,x,y,width,height]: at most 8192 each and 16 million pixels, then the part \
             of the image that is shown"
                .into(),
        )
    };
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=SIDE_MAX).contains(side));
    let (size, rest) = match items.as_slice() {
        [width, height, rest @ ..] if matches!(rest.len(), 0 | 4) => {
            ((side(width).ok_or_else(refused)?, side(height).ok_or_else(refused)?), rest)
        }
        _ => return Err(refused()),
    };
    if u64::from(size.0) * u64::from(size.1) > PIXELS_MAX {
        return Err(refused());
    }
    let mut source = [None; 4];
    for (place, text) in source.iter_mut().zip(rest) {
        if !text.is_empty() {
            *place = Some(text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(refused)?);
        }
    }
    let source = (!rest.is_empty()).then_some(source);
    Ok(Viewport { size, source, share: None, enlarge: Enlarge::ToFit })
}

impl Viewport {
    /// The region of an image with so many columns and rows.
    pub fn region(&self, columns: u32, rows: u32) -> Result<Option<Region>, WebError> {
        let of_share = |[left, top, right, bottom]: [f64; 4]| {
            let axis = |from: f64, to: f64, whole: u32| {
                let first = (from * f64::from(whole)).floor();
                (Some(first), Some(((to * f64::from(whole)).ceil() - first).max(1.0)))
            };
            let ((x, width), (y, height)) = (axis(left, right, columns), axis(top, bottom, rows));
            [x, y, width, height]
        };
        let source = self.source.or(self.share.map(of_share));
        let Some([x, y, width, height]) = source else { return Ok(None) };
        let (left, across, horizontal) = part(x, width, columns)?;
        let (top, down, vertical) = part(y, height, rows)?;
        let axes = Axes::Kept;
        let (left, top) = (left.into(), top.into());
        Ok(Some(Region { left, top, width: across, height: down, axes, horizontal, vertical }))
    }
}

/// First place, length and direction along an axis of so many pixels.
fn part(first: Option<f64>, length: Option<f64>, whole: u32) -> Result<(u32, u32, Direction), WebError> {
    let outside = || WebError::BadRequest("the viewport's source is not within the image".into());
    let first = first.unwrap_or(0.0).round();
    let length = length.unwrap_or(f64::from(whole) - first).round();
    let direction = if length < 0.0 { Direction::Flipped } else { Direction::Kept };
    let is_within = first >= 0.0 && length.abs() >= 1.0 && first + length.abs() <= f64::from(whole);
    if is_within { Ok((first as u32, length.abs() as u32, direction)) } else { Err(outside()) }
}

/// `center,width[,function]` (PS3.18 §8.3.5.1.4).
pub fn window(text: &str) -> Result<(Window, WindowFunction), WebError> {
    let refused = || {
        WebError::BadRequest(
            "window is center,width[,linear|linear-exact|sigmoid]; a linear width is at least 1".into(),
        )
    };
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(refused);
    let (center, width, function) = match items.as_slice() {
        [center, width] => (center, width, "linear"),
        [center, width, function] => (center, width, *function),
        _ => return Err(refused()),
    };
    let function = match function.to_ascii_lowercase().replace('_', "-").as_str() {
        "linear" => WindowFunction::Linear,
        "linear-exact" => WindowFunction::LinearExact,
        "sigmoid" => WindowFunction::Sigmoid,
        _ => return Err(refused()),
    };
    let window = Window { center: number(center)?, width: number(width)? };
    let least = if function == WindowFunction::Linear { 1.0 } else { f64::MIN_POSITIVE };
    if window.width < least { Err(refused()) } else { Ok((window, function)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_checked() {
        let check = |text: &str, center: f64, width: f64, function: WindowFunction| {
            assert_eq!(window(text).unwrap(), (Window { center, width }, function), "{text}");
        };
        check("40,400,linear", 40.0, 400.0, WindowFunction::Linear);
        check("-600, 1500", -600.0, 1500.0, WindowFunction::Linear);
        check("0.2,0.4,LINEAR_EXACT", 0.2, 0.4, WindowFunction::LinearExact);
        check("40,400,sigmoid", 40.0, 400.0, WindowFunction::Sigmoid);
        for text in ["", "40", "40,0", "NaN,1", "40,400,cubic", "a,b", "1,2,linear,4", "1,0,sigmoid"] {
            assert!(window(text).is_err(), "{text}");
        }
    }

    #[test]
    fn annotations_that_are_not_known_are_named() {
        let of = Annotation::parse;
        assert_eq!(of(""), Annotation::default());
        let both = Annotation { has_patient: true, has_technique: true, unknown: vec![] };
        assert_eq!(of("technique, patient"), both);
        let unknown = of("patient,burnt-in,\"\r\nX: 1");
        assert_eq!((unknown.has_patient, unknown.unknown), (true, vec!["burnt-in".into(), "?".into()]));
    }

    #[test]
    fn viewports_are_checked() {
        assert_eq!(viewport("512,256").unwrap().size, (512, 256));
        for text in ["", "512", "0,1", "9000,1", "-1,1", "8192,8192", "1,1,1", "1,1,0,0,x,1", "1,1,0,0,inf,1"]
        {
            assert!(viewport(text).is_err(), "{text}");
        }
        let region = |text: &str| viewport(text).unwrap().region(100, 50);
        assert_eq!(region("10,10"), Ok(None));
        let expected = Region {
            left: 10,
            top: 0,
            width: 20,
            height: 50,
            axes: Axes::Kept,
            horizontal: Direction::Flipped,
            vertical: Direction::Kept,
        };
        assert_eq!(region("10,10,10,,-20,"), Ok(Some(expected)));
        for text in ["1,1,-1,0,2,2", "1,1,90,0,20,2", "1,1,0,0,0,1", "1,1,1e300,0,1,1"] {
            assert!(region(text).is_err(), "{text}");
        }
    }
}
