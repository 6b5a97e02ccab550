//! The parameters of an image request (IIIF Image API 3.0 §4): read from the path, and made into a picture of an image
//! whose size is known. No number of a client's is trusted to be small, or a number.

use crate::problem::ApiError;
use codec::ImageType;
use model::Limits;
use wsi::out::{Colouring, Quality, Rectangle, Turn, View};

const JPEG_QUALITY: u8 = 90;

/// Which part of an image (§4.1).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Region {
    Full,
    Square,
    Pixels([u64; 4]),
    Percent([f64; 4]),
}

/// How large (§4.2).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Size {
    Max,
    Width(u64),
    Height(u64),
    Percent(f64),
    Exact(u64, u64),
    Confined(u64, u64),
}

/// Whether a part may become larger than it is (`^`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upscaling {
    Refused,
    Allowed,
}

/// An image request.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRequest {
    region: Region,
    size: Size,
    upscaling: Upscaling,
    turn: Turn,
    quality: Quality,
    image_type: ImageType,
}

fn refused(what: &'static str) -> ApiError {
    ApiError::BadRequest(what)
}

const REGION: &str = "the region is full, square, x,y,w,h or pct:x,y,w,h, with a width and height above 0";
const SIZE: &str =
    "the size is max, w, ,h w,h !w,h or pct:n, above 0; a ^ before it allows more than the region has";
const ROTATION: &str = "the rotation is 0, 90, 180 or 270, with a ! before it for the mirror image";
const QUALITY: &str = "the quality is default, color, gray or bitonal";
const FORMAT: &str = "the format is jpg or png";

/// Digits only: no sign, no exponent, no name of a number.
fn integer(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Digits with one point at most.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.len() <= 24
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}

fn four<T: Copy>(text: &str, number: impl Fn(&str) -> Option<T>) -> Option<[T; 4]> {
    let mut parts = text.split(',').map(number);
    let all = [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

impl Region {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "full" => Self::Full,
            "square" => Self::Square,
            _ => match text.strip_prefix("pct:") {
                Some(rest) => Self::Percent(four(rest, decimal)?),
                None => Self::Pixels(four(text, integer)?),
            },
        })
    }

    /// The part of an image, cut to it (§4.1).
    fn of(self, width: u32, height: u32) -> Option<Rectangle> {
        let whole = Rectangle { x: 0, y: 0, width, height };
        match self {
            Self::Full => Some(whole),
            Self::Square => {
                let side = width.min(height);
                Some(Rectangle { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side })
            }
            Self::Pixels([x, y, w, h]) => cut(x, y, w, h, width, height),
            Self::Percent(shares) => {
                let [x, y, w, h] = shares;
                let pixels = |share: f64, whole: u32| {
                    let pixels = (share / 100.0 * f64::from(whole)).round();
                    (0.0..1e15).contains(&pixels).then_some(pixels as u64)
                };
                cut(
                    pixels(x, width)?,
                    pixels(y, height)?,
                    pixels(w, width)?,
                    pixels(h, height)?,
                    width,
                    height,
                )
            }
        }
    }
}

fn cut(x: u64, y: u64, w: u64, h: u64, width: u32, height: u32) -> Option<Rectangle> {
    let axis = |from: u64, length: u64, whole: u32| {
        let first = u32::try_from(from).ok().filter(|first| *first < whole)?;
        let length = length.min(u64::from(whole - first));
        u32::try_from(length).ok().filter(|length| *length > 0).map(|length| (first, length))
    };
    let ((x, width), (y, height)) = (axis(x, w, width)?, axis(y, h, height)?);
    Some(Rectangle { x, y, width, height })
}

impl Size {
    fn parse(text: &str) -> Option<(Self, Upscaling)> {
        let (text, upscaling) = match text.strip_prefix('^') {
            Some(rest) => (rest, Upscaling::Allowed),
            None => (text, Upscaling::Refused),
        };
        let size = match text {
            "max" => Self::Max,
            _ => match (text.strip_prefix("pct:"), text.strip_prefix('!')) {
                (Some(rest), _) => Self::Percent(decimal(rest)?),
                (None, Some(rest)) => {
                    let (width, height) = rest.split_once(',')?;
                    Self::Confined(integer(width)?, integer(height)?)
                }
                (None, None) => match text.split_once(',')? {
                    (width, "") => Self::Width(integer(width)?),
                    ("", height) => Self::Height(integer(height)?),
                    (width, height) => Self::Exact(integer(width)?, integer(height)?),
                },
            },
        };
        Some((size, upscaling))
    }

    /// The size of a part of so many pixels; `Err` says which rule it breaks.
    fn of(self, upscaling: Upscaling, part: Rectangle, limits: &Limits) -> Result<(u32, u32), ApiError> {
        let (width, height) = (f64::from(part.width), f64::from(part.height));
        let scaled = |scale: f64| ((width * scale).round(), (height * scale).round());
        let most = largest_scale(part, limits);
        let largest = |scale: f64| {
            // Rounding up may step over a limit.
            ((width * scale).floor().max(1.0), (height * scale).floor().max(1.0))
        };
        let (across, down) = match (self, upscaling) {
            (Self::Max, Upscaling::Refused) if most >= 1.0 => (width, height),
            (Self::Max, _) => largest(most),
            (Self::Width(w), _) => (w as f64, scaled(w as f64 / width).1),
            (Self::Height(h), _) => (scaled(h as f64 / height).0, h as f64),
            (Self::Percent(n), _) => scaled(n / 100.0),
            (Self::Exact(w, h), _) => (w as f64, h as f64),
            (Self::Confined(w, h), upscaling) => {
                let fitting = (w as f64 / width).min(h as f64 / height);
                let one = if upscaling == Upscaling::Allowed { f64::INFINITY } else { 1.0 };
                if fitting <= one.min(most) {
                    let (across, down) = scaled(fitting);
                    (across.min(w as f64), down.min(h as f64))
                } else if one <= most {
                    (width, height)
                } else {
                    largest(most)
                }
            }
        };
        if upscaling == Upscaling::Refused && (across > width || down > height) {
            return Err(refused("the size is larger than the region: put a ^ before it if that is meant"));
        }
        let side = |length: f64| (1.0..4e9).contains(&length).then_some(length as u32);
        let size = side(across).zip(side(down)).ok_or_else(|| refused(SIZE))?;
        let is_large = u64::from(size.0) * u64::from(size.1) > limits.region_pixels_max;
        if is_large || size.0.max(size.1) > limits.region_side_max {
            return Err(refused(
                "the picture would be larger than maxWidth, maxHeight or maxArea in info.json allow",
            ));
        }
        Ok(size)
    }
}

/// The scale at which a part meets the first limit.
fn largest_scale(part: Rectangle, limits: &Limits) -> f64 {
    let (width, height) = (f64::from(part.width), f64::from(part.height));
    let side = f64::from(limits.region_side_max) / width.max(height);
    side.min((limits.region_pixels_max as f64 / (width * height)).sqrt())
}

impl ImageRequest {
    /// From the four parts of the path behind the identifier.
    pub fn parse(region: &str, size: &str, rotation: &str, file: &str) -> Result<Self, ApiError> {
        let region = Region::parse(region).ok_or_else(|| refused(REGION))?;
        let (size, upscaling) = Size::parse(size).ok_or_else(|| refused(SIZE))?;
        let (degrees, is_mirrored) = match rotation.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (rotation, false),
        };
        let degrees = decimal(degrees).ok_or_else(|| refused(ROTATION))?;
        let quarters = (0..=4_u8).find(|quarters| degrees == f64::from(*quarters) * 90.0);
        let turn = Turn { quarters: quarters.ok_or_else(|| refused(ROTATION))? % 4, is_mirrored };
        let (quality, format) = file.rsplit_once('.').ok_or_else(|| refused(FORMAT))?;
        let quality = match quality {
            "default" | "color" => Quality::Colour,
            "gray" => Quality::Grey,
            "bitonal" => Quality::Bitonal,
            _ => return Err(refused(QUALITY)),
        };
        let image_type = match format {
            "jpg" => ImageType::Jpeg(JPEG_QUALITY),
            "png" => ImageType::Png,
            _ => return Err(refused(FORMAT)),
        };
        Ok(Self { region, size, upscaling, turn, quality, image_type })
    }

    /// Of an image of this size.
    pub fn view(
        &self,
        (width, height): (u32, u32),
        colouring: Colouring,
        limits: &Limits,
    ) -> Result<View, ApiError> {
        let outside = || refused("the region is empty or lies outside the image");
        let part = self.region.of(width, height).ok_or_else(outside)?;
        let size = self.size.of(self.upscaling, part, limits)?;
        let (turn, quality, image_type) = (self.turn, self.quality, self.image_type);
        Ok(View { part, size, turn, quality, colouring, image_type })
    }
}

/// The canonical form of a picture's path behind the identifier (§4.7).
pub fn canonical(view: &View, (width, height): (u32, u32), limits: &Limits) -> String {
    let Rectangle { x, y, width: w, height: h } = view.part;
    let region =
        if (x, y, w, h) == (0, 0, width, height) { "full".into() } else { format!("{x},{y},{w},{h}") };
    let most = Size::Max.of(Upscaling::Refused, view.part, limits).ok();
    let (across, down) = view.size;
    let size = if most == Some(view.size) {
        "max".to_owned()
    } else {
        let mark = if across > w || down > h { "^" } else { "" };
        format!("{mark}{across},{down}")
    };
    let mirror = if view.turn.is_mirrored { "!" } else { "" };
    let degrees = u16::from(view.turn.quarters) * 90;
    let quality = match view.quality {
        Quality::Colour => "default",
        Quality::Grey => "gray",
        Quality::Bitonal => "bitonal",
    };
    let format = match view.image_type {
        ImageType::Jpeg(_) => "jpg",
        ImageType::Png => "png",
    };
    format!("{region}/{size}/{mirror}{degrees}/{quality}.{format}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(path: &str) -> Result<View, ApiError> {
        let [region, size, rotation, file] = path.split('/').collect::<Vec<_>>().try_into().unwrap();
        ImageRequest::parse(region, size, rotation, file)?.view(
            (46_000, 32_914),
            Colouring::AsStored,
            &Limits::default(),
        )
    }

    #[test]
    fn regions_and_sizes_are_those_of_the_specification() {
        let check = |path: &str, part: [u32; 4], size: (u32, u32)| {
            let view = view(path).unwrap_or_else(|error| panic!("{path}: {error:?}"));
            let Rectangle { x, y, width, height } = view.part;
            assert_eq!(([x, y, width, height], view.size), (part, size), "{path}");
        };
        let whole = [0, 0, 46_000, 32_914];
        check("full/460,/0/default.jpg", whole, (460, 329));
        check("full/,329/0/default.jpg", whole, (460, 329));
        check("full/pct:1/0/default.jpg", whole, (460, 329));
        check("full/100,300/0/default.jpg", whole, (100, 300));
        check("full/!100,300/0/default.jpg", whole, (100, 72));
        check("square/10,10/0/default.jpg", [6543, 0, 32_914, 32_914], (10, 10));
        check("0,0,512,256/max/0/default.jpg", [0, 0, 512, 256], (512, 256));
        check("0,0,512,256/!1000,1000/0/default.jpg", [0, 0, 512, 256], (512, 256));
        check("0,0,512,256/^!1000,1000/0/default.jpg", [0, 0, 512, 256], (1000, 500));
        check("0,0,512,256/^1024,/0/default.jpg", [0, 0, 512, 256], (1024, 512));
        // Cut where the image ends.
        check("45900,32900,1000,1000/max/0/default.jpg", [45_900, 32_900, 100, 14], (100, 14));
        check("pct:50,50,50,50/max/0/default.jpg", [23_000, 16_457, 23_000, 16_457], (4842, 3464));
        check("full/max/0/default.jpg", whole, (4842, 3464));
        check("0,0,10,10/^max/0/default.jpg", [0, 0, 10, 10], (4096, 4096));
    }

    #[test]
    fn what_breaks_a_rule_is_a_bad_request() {
        for path in [
            "0,0,0,10/max/0/default.jpg",
            "46000,0,1,1/max/0/default.jpg",
            "4294967296,0,1,1/max/0/default.jpg",
            "0,0,18446744073709551616,1/max/0/default.jpg",
            "-1,0,10,10/max/0/default.jpg",
            "0,0,10/max/0/default.jpg",
            "0,0,10,10,10/max/0/default.jpg",
            "pct:NaN,0,10,10/max/0/default.jpg",
            "pct:0,0,inf,10/max/0/default.jpg",
            "pct:0,0,1e9,10/max/0/default.jpg",
            "pct:100,0,10,10/max/0/default.jpg",
            "whole/max/0/default.jpg",
            "full/0,/0/default.jpg",
            "full/,/0/default.jpg",
            "full/pct:0/0/default.jpg",
            "full/pct:101/0/default.jpg",
            "full/1000000,1000000/0/default.jpg",
            "full/^1000000,1000000/0/default.jpg",
            "full/4294967297,4294967297/0/default.jpg",
            "0,0,10,10/11,/0/default.jpg",
            "0,0,46000,1/10,/0/default.jpg",
            "full/10,/45/default.jpg",
            "full/10,/-90/default.jpg",
            "full/10,/NaN/default.jpg",
            "full/10,/!!0/default.jpg",
            "full/10,/0/native.jpg",
            "full/10,/0/default.tif",
            "full/10,/0/default",
        ] {
            assert!(matches!(view(path), Err(ApiError::BadRequest(_))), "{path}: {:?}", view(path));
        }
    }

    /// Whatever is put together of these: a refusal, or a part of the image and a picture within the limits.
    #[test]
    fn no_path_leads_outside_the_image_or_over_a_limit() {
        let numbers = [
            "",
            "0",
            "1",
            "7",
            "46000",
            "4294967295",
            "4294967296",
            "18446744073709551615",
            "-1",
            "1.5",
            ".",
        ];
        let others =
            ["1e9", "NaN", "inf", "+1", " 1", "٣", "0x10", "99999999999999999999999999999999999999", ","];
        let words: Vec<&str> = numbers.iter().chain(&others).copied().collect();
        let limits = Limits::default();
        let mut made = 0;
        for (at, a) in words.iter().enumerate() {
            for (next, b) in words.iter().enumerate() {
                let c = words[(at * 7 + next * 3) % words.len()];
                let d = words[(at * 5 + next * 11 + 1) % words.len()];
                let regions = [
                    format!("{a},{b},{c},{d}"),
                    format!("pct:{a},{b},{c},{d}"),
                    format!("{a},{b}"),
                    (*a).into(),
                ];
                let sizes = ["", "^", "!", "^!", "pct:", "^pct:"].map(|mark| format!("{mark}{c},{d}"));
                let alone = ["pct:", "^pct:", ""].map(|mark| format!("{mark}{b}"));
                for region in regions.iter().map(String::as_str).chain(["full", "square"]) {
                    for size in sizes.iter().chain(&alone) {
                        let Ok(view) = view(&format!("{region}/{size}/0/default.jpg")) else { continue };
                        let Rectangle { x, y, width, height } = view.part;
                        assert!(width > 0 && x + width <= 46_000 && height > 0 && y + height <= 32_914);
                        let (across, down) = view.size;
                        assert!((1..=limits.region_side_max).contains(&across.max(down)), "{region}/{size}");
                        assert!(across > 0 && down > 0);
                        assert!(u64::from(across) * u64::from(down) <= limits.region_pixels_max);
                        made += 1;
                    }
                }
            }
        }
        assert!(made > 100, "some of it makes sense: {made}");
    }

    #[test]
    fn the_canonical_form_is_one_for_all_ways_to_say_it() {
        let size = (46_000, 32_914);
        let check = |path: &str, expected: &str| {
            let canonical = canonical(&view(path).unwrap(), size, &Limits::default());
            assert_eq!(canonical, expected, "{path}");
            assert_eq!(view(&canonical).unwrap(), view(path).unwrap(), "{path}");
        };
        check("0,0,46000,32914/pct:1/0/color.jpg", "full/460,329/0/default.jpg");
        check("pct:0,0,100,100/460,/360/default.jpg", "full/460,329/0/default.jpg");
        check("0,0,512,256/512,/!90/gray.png", "0,0,512,256/max/!90/gray.png");
        check("0,0,512,256/^1024,/270/bitonal.png", "0,0,512,256/^1024,512/270/bitonal.png");
    }
}
