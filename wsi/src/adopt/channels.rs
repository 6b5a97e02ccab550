//! What the optical paths of a slide are called, and in which colour and window those without colours are shown.

use crate::composite::{Histogram, frame_format, samples};
use crate::dicom_facts::MISSING;
use crate::dicom_facts::PathFacts;
use crate::grade::blocking;
use crate::layers::{Channel, Colour, LayerChoice, Window};
use crate::{Level, Slide, SlideError, Slides};
use model::Uid;
use std::time::{Duration, Instant};
use storage::InstanceRef;

/// Colours that are told apart with any kind of colour vision (Okabe and Ito, 2008), brightest contrasts first.
const COLOURS: [[u8; 3]; 7] = [
    [0x56, 0xB4, 0xE9],
    [0xE6, 0x9F, 0x00],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0xF0, 0xE4, 0x42],
    [0xD5, 0x5E, 0x00],
    [0x00, 0x72, 0xB2],
];
/// Tiles of the smallest level that are looked at for a window.
const WINDOW_TILES_MAX: u32 = 16;
/// What all windows of a slide may take. Tiles are strangers', and a codec may need its whole time for each; meanwhile no
/// other slide is looked at.
const WINDOWS_TIME_MAX: Duration = Duration::from_secs(20);
/// Of the values of the smallest level, the parts below black and above full colour.
const DARK_PART: f64 = 0.01;
const BRIGHT_PART: f64 = 0.001;

/// The channels of a slide, without windows.
pub(crate) fn of(levels: &[Level], paths: Vec<PathFacts>, instances: &[InstanceRef]) -> Vec<Channel> {
    let mut used = Vec::new();
    let one = |(index, path): (usize, PathFacts)| {
        let pixels = holder(levels, index)
            .and_then(|uid| instances.iter().find(|instance| instance.instance() == uid))
            .and_then(InstanceRef::pixels);
        let is_monochrome = pixels.is_some_and(|pixels| pixels.samples_per_pixel == 1);
        Channel {
            colour: is_monochrome.then(|| colour(&path, &mut used)),
            window: None,
            bits: pixels.map_or(0, |pixels| pixels.bits_stored),
            identifier: path.identifier,
            description: path.description,
            wavelength_nm: path.wavelength_nm,
            illumination: path.illumination,
        }
    };
    paths.into_iter().enumerate().map(one).collect()
}

/// An instance that holds a path, of the largest level that has it.
fn holder(levels: &[Level], channel: usize) -> Option<&Uid> {
    levels.iter().find_map(|level| match &level.arrangement {
        Some(arrangement) if !arrangement.layers.is_empty() => {
            let layer = arrangement.layers.iter().find(|layer| usize::from(layer.channel) == channel)?;
            // A map's frames may be in any of them; those of one path are alike.
            let is_before = |first: u32| layer.map.is_none() && first <= layer.first;
            let part = arrangement.parts.iter().rfind(|part| is_before(part.first_frame));
            part.or(arrangement.parts.first()).map(|part| &part.instance)
        }
        _ => (channel == 0).then_some(&level.instance),
    })
}

/// By the colour of its light, else the next of the list; no two alike as long as the list lasts.
fn colour(path: &PathFacts, used: &mut Vec<Colour>) -> Colour {
    let named = path.illumination.as_deref().and_then(of_word);
    let own = named.or_else(|| path.wavelength_nm.and_then(of_wavelength)).filter(|own| !used.contains(own));
    let listed = || COLOURS.into_iter().map(Colour).find(|colour| !used.contains(colour));
    let colour = own.or_else(listed).unwrap_or(Colour([255; 3]));
    used.push(colour);
    colour
}

/// Of an Illumination Color Code's meaning.
fn of_word(meaning: &str) -> Option<Colour> {
    const WORDS: [(&str, [u8; 3]); 9] = [
        ("violet", [0x8F, 0x6B, 0xFF]),
        ("purple", [0x8F, 0x6B, 0xFF]),
        ("blue", [0x33, 0x66, 0xFF]),
        ("cyan", [0x00, 0xFF, 0xFF]),
        ("green", [0x00, 0xFF, 0x00]),
        ("yellow", [0xFF, 0xFF, 0x00]),
        ("orange", [0xFF, 0x8C, 0x00]),
        ("red", [0xFF, 0x33, 0x33]),
        ("magenta", [0xFF, 0x00, 0xFF]),
    ];
    let meaning = meaning.to_lowercase();
    // "Infrared" and "coloured" are no red.
    let mut words = meaning.split(|c: char| !c.is_alphanumeric());
    words.find_map(|word| WORDS.iter().find(|(name, _)| *name == word)).map(|(_, colour)| Colour(*colour))
}

/// What a dye that this light excites shines in, roughly: the eye's colour of a somewhat longer wave.
fn of_wavelength(nanometres: f64) -> Option<Colour> {
    Some(Colour(match nanometres {
        ..300.0 => return None,
        ..430.0 => [0x33, 0x66, 0xFF],
        ..475.0 => [0x00, 0xFF, 0xFF],
        ..515.0 => [0x00, 0xFF, 0x00],
        ..545.0 => [0xFF, 0xFF, 0x00],
        ..575.0 => [0xFF, 0x8C, 0x00],
        ..610.0 => [0xFF, 0x33, 0x33],
        ..800.0 => [0xFF, 0x00, 0xFF],
        _ => return None,
    }))
}

impl Slides {
    /// Finds the window of each channel without colours; those that are known of the same pixels stay as they are.
    pub(crate) async fn find_windows(
        &self,
        slide: &mut Slide,
        before: Option<&Slide>,
        instances: &[InstanceRef],
    ) -> Result<(), SlideError> {
        let is_same = |before: &&Slide| before.levels.last() == slide.levels.last();
        let known = before.filter(is_same).map_or(&[][..], |before| &before.channels);
        let until = Instant::now() + WINDOWS_TIME_MAX;
        for index in 0..slide.channels.len() {
            if slide.channels[index].colour.is_none() {
                continue;
            }
            let identifier = &slide.channels[index].identifier;
            let before = known.iter().find(|channel| channel.identifier == *identifier);
            let window = match before.and_then(|channel| channel.window) {
                Some(window) => window,
                None => self.window(slide, index, instances, until).await?,
            };
            slide.channels[index].window = Some(window);
        }
        Ok(())
    }

    /// Of the values of the middle plane of the smallest level that has the channel, as far as they can be decoded by then;
    /// without any, all that its bits can say.
    async fn window(
        &self,
        slide: &Slide,
        channel: usize,
        instances: &[InstanceRef],
        until: Instant,
    ) -> Result<Window, SlideError> {
        let Channel { identifier, bits, .. } = &slide.channels[channel];
        let all =
            Window { low: 0, high: u16::MAX.checked_shr(16_u32.saturating_sub((*bits).into())).unwrap_or(1) };
        let choice = LayerChoice { z_nm: None, path: Some(identifier.clone()) };
        let smallest =
            slide.levels.iter().rev().find_map(|level| Some((level, slide.shown(level, &choice)?)));
        let Some((level, shown)) = smallest else { return Ok(all) };
        let map = match shown.map {
            Some(name) => Some(self.map(&slide.owner, name).await?),
            None => None,
        };
        let tiles = u32::try_from(level.tile_count()).unwrap_or(u32::MAX);
        let mut histogram = Histogram::new();
        for tile in (0..tiles).step_by((tiles.div_ceil(WINDOW_TILES_MAX) as usize).max(1)) {
            if Instant::now() > until {
                break;
            }
            let index = shown.first.saturating_add(tile);
            let frame = map.as_ref().map_or(Some(index), |map| map.get(index as usize).copied());
            let spot = frame.filter(|frame| *frame != MISSING).and_then(|frame| level.part_of(frame));
            let Some((uid, frame)) = spot else { continue };
            let Some(instance) = instances.iter().find(|instance| instance.instance() == uid) else {
                continue;
            };
            let bytes = self.storage.frame(instance, frame).await?;
            let (syntax, most) = (instance.syntax().clone(), self.storage.limits().frame_pixel_bytes_max);
            let read = frame_format(instance);
            // What cannot be decoded, or not in time, is shown all the same, if it can be: it says nothing of the storage, and
            // must not be tried again and again.
            if let Ok(samples) = blocking(move || samples(&syntax, &bytes, &read?, most)).await {
                histogram.count(&samples);
            }
        }
        Ok(histogram.window(DARK_PART, BRIGHT_PART).unwrap_or(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(illumination: Option<&str>, wavelength_nm: Option<f64>) -> PathFacts {
        let illumination = illumination.map(str::to_owned);
        PathFacts { identifier: "1".to_owned(), description: String::new(), wavelength_nm, illumination }
    }

    #[test]
    fn a_channel_has_the_colour_of_its_light_and_no_other_channels() {
        let mut used = Vec::new();
        let mut next = |path| colour(&path, &mut used).to_string();
        assert_eq!(next(path(Some("Blue"), None)), "3366FF");
        assert_eq!(next(path(None, Some(488.0))), "00FF00");
        assert_eq!(next(path(None, Some(490.0))), "56B4E9", "green is taken");
        assert_eq!(next(path(Some("Full Spectrum"), None)), "E69F00");
        assert_eq!(next(path(Some("coloured, infrared"), Some(1e4))), "009E73");
        for _ in 0..4 {
            next(path(None, None));
        }
        assert_eq!(next(path(None, None)), "FFFFFF", "the list has an end");
    }
}
