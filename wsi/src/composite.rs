//! Channels without colours put together into one picture: each is windowed, coloured and added, as light is.

use crate::layers::{Channel, Colour, Window};
use crate::{Slide, SlideError};
use codec::{CodecError, FrameFormat, Photometric};
use dataset::TransferSyntax;
use storage::{InstanceRef, StorageError};

/// Channels in one picture.
const CHANNELS_MAX: usize = 16;
/// Stored values that a sample of 16 bits can have.
const VALUES: usize = 1 << 16;

/// A channel as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Drawn {
    /// Optical Path Identifier.
    pub path: String,
    /// Its full colour.
    pub colour: Colour,
    /// Stored values that are black and full.
    pub window: Window,
}

/// Channels that are drawn over one another; at least one, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Composition {
    drawn: Vec<Drawn>,
}

impl std::fmt::Display for Composition {
    /// The form of [`Composition::parse`], complete.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, Drawn { path, colour, window }) in self.drawn.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let path = path.replace('%', "%25").replace(',', "%2C").replace(':', "%3A");
            write!(f, "{comma}{path}:{colour}:{}-{}", window.low, window.high)?;
        }
        Ok(())
    }
}

impl Composition {
    /// From `path:RRGGBB:low-high,…`; colour and window may be left out, and are then the channel's own. A comma, colon or
    /// percent sign in a path stands as `%2C`, `%3A` or `%25`.
    ///
    /// # Errors
    /// [`SlideError::Invalid`] says what is wrong with it.
    pub fn parse(slide: &Slide, text: &str) -> Result<Self, SlideError> {
        let mut drawn: Vec<Drawn> = Vec::new();
        for part in text.split(',') {
            if drawn.len() == CHANNELS_MAX {
                return Err(SlideError::Invalid("more than 16 channels"));
            }
            let one = Drawn::parse(slide, part)?;
            if drawn.iter().any(|other| other.path == one.path) {
                return Err(SlideError::Invalid("a channel is named twice"));
            }
            drawn.push(one);
        }
        Ok(Self { drawn })
    }

    /// Every channel without colours, as far as one picture takes them; `None` when there are not several.
    #[must_use]
    pub fn usual(slide: &Slide) -> Option<Self> {
        let drawn: Vec<_> = slide.channels.iter().filter_map(Drawn::usual).take(CHANNELS_MAX).collect();
        (drawn.len() > 1).then_some(Self { drawn })
    }

    /// The channels, in the order in which they were named.
    #[must_use]
    pub fn drawn(&self) -> &[Drawn] {
        &self.drawn
    }
}

impl Drawn {
    fn usual(channel: &Channel) -> Option<Self> {
        let full = Window {
            low: 0,
            high: u16::MAX.checked_shr(16_u32.saturating_sub(channel.bits.into())).unwrap_or(u16::MAX),
        };
        let window = channel.window.unwrap_or(full);
        Some(Self { path: channel.identifier.clone(), colour: channel.colour?, window })
    }

    fn parse(slide: &Slide, text: &str) -> Result<Self, SlideError> {
        let mut parts = text.split(':');
        let path = unescape(parts.next().unwrap_or_default())?;
        let channel = slide.channels.iter().find(|channel| channel.identifier == path);
        let channel = channel.ok_or(SlideError::Invalid("there is no such optical path"))?;
        let mut one =
            Self::usual(channel).ok_or(SlideError::Invalid("an optical path has colours of its own"))?;
        if let Some(colour) = parts.next().filter(|text| !text.is_empty()) {
            one.colour = Colour::parse(colour).ok_or(SlideError::Invalid("a colour is RRGGBB"))?;
        }
        if let Some(window) = parts.next().filter(|text| !text.is_empty()) {
            one.window =
                Window::parse(window).ok_or(SlideError::Invalid("a window is low-high, 0 to 65535"))?;
        }
        if parts.next().is_some() {
            return Err(SlideError::Invalid("a channel is path:RRGGBB:low-high"));
        }
        Ok(one)
    }
}

impl Window {
    /// From `low-high`.
    fn parse(text: &str) -> Option<Self> {
        let (low, high) = text.split_once('-')?;
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let window = Self { low: number(low)?, high: number(high)? };
        (window.low < window.high).then_some(window)
    }

    /// Brightness of a stored value, 0 to 255.
    fn brightness(self, value: u16) -> u8 {
        let width = u32::from(self.high - self.low).max(1);
        let above = u32::from(value.saturating_sub(self.low)).min(width);
        ((above * 255 + width / 2) / width) as u8
    }
}

/// What [`Composition`]'s form escapes.
fn unescape(text: &str) -> Result<String, SlideError> {
    const WRONG: SlideError = SlideError::Invalid("a percent sign in a path is %25");
    let mut pieces = text.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).ok_or(WRONG)?;
        plain.push(match code {
            "25" => '%',
            "2C" | "2c" => ',',
            "3A" | "3a" => ':',
            _ => return Err(WRONG),
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

/// A picture that channels are added to, one after the other.
#[derive(Debug)]
pub(crate) struct Canvas {
    rgb: Vec<u8>,
}

impl Canvas {
    /// Black.
    pub fn new(pixels: usize) -> Self {
        Self { rgb: vec![0; pixels * 3] }
    }

    /// Pixels.
    pub fn pixels(&self) -> usize {
        self.rgb.len() / 3
    }

    /// Adds a channel; `samples` are as many as the canvas has pixels.
    pub fn add(&mut self, samples: &[u16], drawn: &Drawn) {
        let Colour(full) = drawn.colour;
        let most = samples.iter().copied().max().unwrap_or(0);
        let table: Vec<[u8; 3]> = (0..=most)
            .map(|value| {
                let brightness = u32::from(drawn.window.brightness(value));
                full.map(|part| ((u32::from(part) * brightness + 127) / 255) as u8)
            })
            .collect();
        for (pixel, sample) in self.rgb.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
            let light = table[usize::from(*sample)];
            for (own, more) in pixel.iter_mut().zip(light) {
                *own = own.saturating_add(more);
            }
        }
    }

    /// Red, green, blue, pixel by pixel.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }
}

/// A frame's samples, when it is without colours and of at most 16 bits.
///
/// # Errors
/// [`SlideError::Unsupported`] for other pixels, [`SlideError::Damaged`], and [`StorageError::Unavailable`] when the codec
/// did not finish.
pub(crate) fn samples(
    syntax: &TransferSyntax,
    frame: &[u8],
    format: &FrameFormat,
    pixel_bytes_max: u64,
) -> Result<Vec<u16>, SlideError> {
    let is_plain = format.samples_per_pixel == 1
        && format.photometric == Photometric::Monochrome2
        && matches!(format.bits_allocated, 8 | 16)
        && !format.is_signed
        && !format.is_float;
    if !is_plain {
        return Err(SlideError::Unsupported("channels are put together of 8 or 16 bits without sign"));
    }
    let pixels =
        codec::decode(syntax.as_str(), frame, format, pixel_bytes_max).map_err(|error| match error {
            CodecError::TimedOut | CodecError::WorkerLost => {
                SlideError::Storage(StorageError::Unavailable("the image codec did not finish".to_owned()))
            }
            _ => SlideError::Damaged("a tile cannot be decoded"),
        })?;
    Ok(match pixels.format.bits_allocated {
        8 => pixels.bytes.into_iter().map(u16::from).collect(),
        _ => pixels.bytes.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two)).collect(),
    })
}

/// The shape of an instance's frames.
pub(crate) fn frame_format(instance: &InstanceRef) -> Result<FrameFormat, SlideError> {
    let pixels = instance.pixels().ok_or(SlideError::Damaged("it has no pixels"))?;
    Ok(FrameFormat {
        rows: pixels.rows,
        columns: pixels.columns,
        samples_per_pixel: pixels.samples_per_pixel,
        bits_allocated: pixels.bits_allocated,
        bits_stored: pixels.bits_stored,
        is_signed: pixels.is_signed,
        is_float: pixels.is_float,
        is_planar: pixels.is_planar,
        photometric: Photometric::parse(&pixels.photometric_interpretation)
            .ok_or(SlideError::Damaged("the photometric interpretation is unknown"))?,
    })
}

/// How often each stored value is there.
pub(crate) struct Histogram(Vec<u64>);

impl Histogram {
    pub fn new() -> Self {
        Self(vec![0; VALUES])
    }

    pub fn count(&mut self, samples: &[u16]) {
        for sample in samples {
            self.0[usize::from(*sample)] += 1;
        }
    }

    /// The window that leaves these parts of all values below black and above full; `None` when they are all alike.
    pub fn window(&self, dark_part: f64, bright_part: f64) -> Option<Window> {
        let total: u64 = self.0.iter().sum();
        let below = (total as f64 * dark_part) as u64;
        let within = total - (total as f64 * bright_part) as u64;
        let first = |is_enough: &dyn Fn(u64) -> bool| {
            let mut seen = 0;
            let at = self.0.iter().position(|count| {
                seen += count;
                is_enough(seen)
            });
            at.and_then(|value| u16::try_from(value).ok())
        };
        let low = first(&|seen| seen > below)?;
        let high = first(&|seen| seen >= within)?;
        (low < high).then_some(Window { low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide() -> Slide {
        let channel = |identifier: &str, colour| serde_json::json!({"identifier": identifier, "colour": colour, "window": {"low": 10, "high": 110}, "bits": 12});
        let body = serde_json::json!({
            "id": "01a21588-442a-7562-a445-c7cc0eb60ec3", "owner": "township", "study": "1.2", "series": "1.3",
            "patient_name": "", "patient_id": "", "accession_number": "", "study_date": "", "description": "",
            "source": "", "scanner": null, "objective": null, "mpp_um": null, "levels": [], "associated": [],
            "omitted": [], "original_bytes": 0, "imported_at_ms": 0,
            "grade": {"grade": "A", "tiles_checked": 0, "tiles_equal": 0, "filled": 0, "method": "", "codec": "",
                      "generations": 0},
            "channels": [channel("a", Some("FF0000")), channel("b:,%", Some("00FF00")), channel("c", None)],
        });
        serde_json::from_value(body).expect("a record as it was before, with channels")
    }

    #[test]
    fn a_composition_is_read_and_written_alike() {
        let slide = slide();
        for (text, complete) in [
            ("a", "a:FF0000:10-110"),
            ("a:0000ff", "a:0000FF:10-110"),
            ("a::5-6", "a:FF0000:5-6"),
            ("b%3a%2C%25:FFFFFF:0-65535,a", "b%3A%2C%25:FFFFFF:0-65535,a:FF0000:10-110"),
        ] {
            let read = Composition::parse(&slide, text).unwrap();
            assert_eq!(read.to_string(), complete);
            assert_eq!(Composition::parse(&slide, complete), Ok(read));
        }
        let usual = Composition::usual(&slide).unwrap().to_string();
        assert_eq!(usual, "a:FF0000:10-110,b%3A%2C%25:00FF00:10-110", "without the one in colour");
    }

    #[test]
    fn a_composition_that_is_none() {
        let slide = slide();
        let many = ["a"; 17].join(",");
        for text in [
            "",
            ",",
            "a,",
            "A",
            "c",
            "d",
            "a,a",
            "a:red",
            "a:FF00000",
            "a:FF0000:1",
            "a:FF0000:2-1",
            "a:FF0000:1-1",
            "a:FF0000:+1-2",
            "a:FF0000:0-65536",
            "a:FF0000:0-1:",
            "a%",
            "a%2",
            "a%00",
            "b:,%",
            &many,
        ] {
            assert!(matches!(Composition::parse(&slide, text), Err(SlideError::Invalid(_))), "{text}");
        }
    }

    #[test]
    fn light_adds_up_and_goes_no_further_than_white() {
        let drawn = |colour, low, high| Drawn {
            path: String::new(),
            colour: Colour(colour),
            window: Window { low, high },
        };
        let mut canvas = Canvas::new(3);
        canvas.add(&[0, 150, 65535], &drawn([255, 0, 128], 100, 200));
        assert_eq!(canvas.rgb, [0, 0, 0, 128, 0, 64, 255, 0, 128]);
        canvas.add(&[0, 1, 1], &drawn([255, 255, 0], 0, 1));
        assert_eq!(canvas.into_rgb(), [0, 0, 0, 255, 255, 64, 255, 255, 128]);
    }

    #[test]
    fn a_window_leaves_out_the_few_that_are_far_away() {
        let mut histogram = Histogram::new();
        histogram.count(&[500; 900]);
        histogram.count(&[1000; 98]);
        histogram.count(&[3, 65535]);
        assert_eq!(histogram.window(0.01, 0.001), Some(Window { low: 500, high: 1000 }));
        assert_eq!(histogram.window(0.0, 0.0).unwrap().high, 65535);
        let mut flat = Histogram::new();
        assert_eq!(flat.window(0.01, 0.001), None, "no pixels");
        flat.count(&[7; 100]);
        assert_eq!(flat.window(0.01, 0.001), None, "all alike");
    }
}
