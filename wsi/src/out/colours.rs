//! The ICC profile that a slide's colours are in (PS3.3 §C.11.15), and colours on their way out.

use super::frames::blocking;
use crate::slides::Remembered;
use crate::{SlideError, Slides};
use base64::Engine as _;
use bytes::Bytes;
use codec::{ColourSpace, Colours, Raster};
use flate2::read::MultiGzDecoder;
use model::{Scope, SlideId};
use serde::Deserialize;
use std::io::Read as _;
use storage::read::MetadataForm;
use storage::{InstanceRef, MetadataBody, StorageError};

/// Bytes of a profile.
const PROFILE_BYTES_MAX: u64 = 4 << 20;
/// Where ingest says that the profile of the first optical path is, and that of the image.
const PLACES: [&str; 2] = ["00480105/1/00282000", "00282000"];

/// What is done with colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colouring {
    /// They go out as they are stored.
    #[default]
    AsStored,
    /// Converted from the slide's profile to sRGB.
    Srgb,
}

/// Of DICOM JSON, where a profile may be; everything else is passed over as it streams by.
#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "00282000")]
    own: Option<Binary>,
    #[serde(rename = "00480105")]
    paths: Option<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    #[serde(rename = "Value", default)]
    items: Vec<Path>,
}

#[derive(Deserialize)]
struct Path {
    #[serde(rename = "00282000")]
    profile: Option<Binary>,
}

#[derive(Deserialize)]
struct Binary {
    #[serde(rename = "InlineBinary")]
    inline: Option<String>,
}

impl Attributes {
    fn profile(self) -> Option<Vec<u8>> {
        let of_path =
            self.paths.and_then(|paths| paths.items.into_iter().next()).and_then(|path| path.profile);
        let text = of_path.or(self.own)?.inline?;
        base64::engine::general_purpose::STANDARD.decode(text).ok()
    }
}

impl Slides {
    /// The ICC profile of a slide, as its largest level has it.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach, or it has no profile.
    pub async fn profile(&self, scope: &Scope, id: &SlideId) -> Result<Bytes, SlideError> {
        let found = self.reach(scope, id).await?;
        let level = found.levels.first().and_then(|parts| parts.first()).ok_or(SlideError::NotFound)?;
        self.storage.note_read(scope, level);
        self.profile_of(scope, &found, level).await?.ok_or(SlideError::NotFound)
    }

    /// What is done with an instance's colours; `None`: nothing. Shades have none, whatever profile comes with them.
    pub(crate) async fn colours(
        &self,
        scope: &Scope,
        found: &Remembered,
        instance: &InstanceRef,
        colouring: Colouring,
    ) -> Result<Option<Colours>, SlideError> {
        let has_colours = instance.pixels().is_some_and(|pixels| pixels.samples_per_pixel > 1);
        if colouring == Colouring::AsStored || !has_colours {
            return Ok(None);
        }
        Ok(to_srgb(self.profile_of(scope, found, instance).await?.as_ref()))
    }

    /// The profile of an instance; looked for once.
    pub(crate) async fn profile_of(
        &self,
        scope: &Scope,
        found: &Remembered,
        instance: &InstanceRef,
    ) -> Result<Option<Bytes>, SlideError> {
        let key = format!("profile {}", instance.sha256());
        let look = async { Ok(self.stored_profile(scope, found, instance).await?.unwrap_or_default()) };
        Ok(Some(self.derived.get(key, look).await?).filter(|profile| !profile.is_empty()))
    }

    async fn stored_profile(
        &self,
        scope: &Scope,
        found: &Remembered,
        instance: &InstanceRef,
    ) -> Result<Option<Bytes>, SlideError> {
        for place in PLACES {
            let Some(range) = self.storage.bulk_place(instance, place).await? else { continue };
            if range.end - range.start > PROFILE_BYTES_MAX {
                return Err(SlideError::OverLimit("its colour profile"));
            }
            let mut bytes = Vec::new();
            let mut at = range.start;
            while at < range.end {
                let piece = self.storage.read(instance, at..range.end).await?;
                if piece.is_empty() {
                    return Err(SlideError::Storage(StorageError::Corrupt("a slide's colour profile")));
                }
                at += piece.len() as u64;
                bytes.extend_from_slice(&piece);
            }
            return Ok(Some(bytes.into()));
        }
        let narrowed = scope.owned_by(found.slide.owner.clone());
        let (study, series, uid) = (instance.study(), Some(instance.series()), Some(instance.instance()));
        let body = self.storage.metadata(&narrowed, study, series, uid, MetadataForm::Gzip).await?;
        let (MetadataBody::Gzip(bytes) | MetadataBody::Plain(bytes)) = body;
        let most = u64::from(self.storage.limits().metadata_bytes_max);
        let read = move || {
            let text = std::io::BufReader::new(MultiGzDecoder::new(&bytes[..]).take(most));
            let all: Vec<Attributes> = serde_json::from_reader(text)
                .map_err(|_| SlideError::Storage(StorageError::Corrupt("an instance's metadata")))?;
            Ok(all.into_iter().next().and_then(Attributes::profile).map(Bytes::from))
        };
        blocking(read).await
    }
}

/// From a profile to sRGB; `None` when nothing would change: without a profile colours are taken for sRGB.
fn to_srgb(profile: Option<&Bytes>) -> Option<Colours> {
    let profile = profile.filter(|profile| profile.as_ref() != ColourSpace::Srgb.profile())?;
    Some(Colours { from: Some(profile.to_vec()), to: ColourSpace::Srgb })
}

/// A picture in other colours; grey stays what it is.
pub(crate) fn converted(raster: Raster, colours: Option<&Colours>) -> Result<Raster, SlideError> {
    match colours {
        Some(colours) if raster.samples() == 3 => raster
            .converted(colours)
            .map_err(|_| SlideError::Unsupported("the slide's colour profile is none that is understood")),
        _ => Ok(raster),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_the_first_optical_paths() {
        let text = r#"[{"00080018": {"vr": "UI", "Value": ["1.2"]}, "00480105": {"vr": "SQ", "Value": [
            {"00282000": {"vr": "OB", "InlineBinary": "AQI="}}, {"00282000": {"vr": "OB", "InlineBinary": "Aw=="}}]}}]"#;
        let all: Vec<Attributes> = serde_json::from_str(text).unwrap();
        assert_eq!(all.into_iter().next().unwrap().profile(), Some(vec![1, 2]));
    }

    #[test]
    fn srgb_stays_as_it_is() {
        assert_eq!(to_srgb(None), None);
        assert_eq!(to_srgb(Some(&Bytes::from_static(ColourSpace::Srgb.profile()))), None);
        assert_eq!(ColourSpace::Srgb.profile(), crate::icc::srgb());
    }
}
