//! What a picture of an instance needs besides its pixels: numbers that ingest kept, or tables, palettes, overlays and
//! values of each frame, which are read from the object once and remembered for a while.

mod overlays;
mod palette;
mod tables;

pub use overlays::Plane;
pub use palette::{Palette, palette};
pub use tables::{table, value};

use crate::dicomweb::problem::WebError;
use crate::transcode;
use bytes::Bytes;
use codec::{Table, Window, WindowFunction};
use dataset::{Dataset, Rendering, Tag, tags};
use moka::sync::Cache;
use std::sync::{Arc, LazyLock};
use storage::{InstanceRef, Storage};

/// Bytes of a colour profile.
const PROFILE_BYTES_MAX: u64 = 4 << 20;
/// Bytes that all remembered looks may take.
const REMEMBERED_BYTES_MAX: u64 = 32 << 20;

/// By the content's hash: the same data set always looks the same.
static LOOKS: LazyLock<Cache<model::Sha256, Arc<Look>>> = LazyLock::new(|| {
    Cache::builder()
        .max_capacity(REMEMBERED_BYTES_MAX)
        .weigher(|_, look: &Arc<Look>| u32::try_from(look.weight()).unwrap_or(u32::MAX))
        .build()
});

/// How an instance looks.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// One for all frames, or one for each.
    frames: Vec<Rendering>,
    /// Modality LUT Sequence.
    pub modality_table: Option<Table>,
    /// VOI LUT Sequence, if there is no window.
    pub voi_table: Option<Table>,
    /// The palette of a palette image, and of a pseudo-colour presentation state.
    pub palette: Option<Palette>,
    /// Colours above the greys of a monochrome image (PS3.3 §C.7.6.19).
    pub supplemental: Option<Palette>,
    /// Overlay planes.
    pub overlays: Vec<Plane>,
    /// The range of stored values that the first Real World Value Mapping is for: what floating point pixels are shown
    /// by if there is no window.
    mapped: Option<(f64, f64)>,
    /// ICC Profile.
    pub profile: Option<Bytes>,
}

/// How much must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What the pixels need.
    Pixels,
    /// Also the colour profile.
    Profile,
}

impl Look {
    /// Of an instance. Mostly nothing is read: ingest kept it.
    pub async fn of(storage: &Storage, instance: &InstanceRef, need: Need) -> Result<Arc<Self>, WebError> {
        let kept = instance.pixels().and_then(|pixels| pixels.rendering.clone());
        let is_colour = instance.pixels().is_some_and(|pixels| pixels.samples_per_pixel > 1);
        // A monochrome image has no profile.
        if let Some(rendering) = kept.filter(|_| need == Need::Pixels || !is_colour) {
            return Ok(Arc::new(Self { frames: vec![rendering], ..Self::default() }));
        }
        if let Some(look) = LOOKS.get(instance.sha256()) {
            return Ok(look);
        }
        let dataset = transcode::scan(storage, instance).await?.dataset;
        let look = Arc::new(Self::read(storage, instance, &dataset).await?);
        LOOKS.insert(*instance.sha256(), look.clone());
        Ok(look)
    }

    /// From a data set, also a presentation state's.
    pub async fn read(
        storage: &Storage,
        instance: &InstanceRef,
        dataset: &Dataset,
    ) -> Result<Self, WebError> {
        let shared = dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let of_frame = |frame: &Dataset| {
            let own = [tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::FRAME_VOILUT_SEQUENCE];
            let groups =
                if own.iter().any(|tag| !frame.items(*tag).is_empty()) { Some(frame) } else { shared };
            Rendering::from_groups(dataset, groups)
        };
        let mut frames: Vec<Rendering> =
            dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).iter().filter_map(of_frame).collect();
        if frames.windows(2).all(|pair| pair[0] == pair[1]) {
            frames.truncate(1);
        }
        if frames.is_empty() {
            frames.extend(Rendering::from_groups(dataset, shared));
        }
        let colours = if dataset.get(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR).is_some() {
            Some(palette(storage, instance, dataset).await?)
        } else {
            None
        };
        let is_grey = dataset
            .text(tags::PHOTOMETRIC_INTERPRETATION)
            .is_some_and(|photometric| photometric.starts_with("MONOCHROME"));
        let (palette, supplemental) = match (colours, is_grey) {
            (colours, false) => (colours, None),
            // Other grey images may carry a palette that nobody asked to be used.
            (colours, true) => (None, colours.filter(|_| palette::is_used(dataset))),
        };
        Ok(Self {
            frames,
            modality_table: table(storage, instance, dataset.items(tags::MODALITY_LUT_SEQUENCE)).await?,
            voi_table: table(storage, instance, dataset.items(tags::VOILUT_SEQUENCE)).await?,
            palette,
            supplemental,
            overlays: overlays::read(storage, instance, dataset).await?,
            mapped: mapped(dataset, shared),
            profile: profile(storage, instance, dataset).await?,
        })
    }

    /// Rescale and window of a frame, counted from 0.
    #[must_use]
    pub fn frame(&self, frame: u32) -> Rendering {
        let own = if self.frames.len() > 1 { self.frames.get(frame as usize) } else { None };
        let mut rendering = own.or(self.frames.first()).cloned().unwrap_or_default();
        if rendering.window.is_none()
            && let Some((first, last)) = self.mapped
        {
            let [first, last] = [first, last].map(|value| value * rendering.slope + rendering.intercept);
            rendering.window = Some(((first + last) / 2.0, (last - first).abs()));
            rendering.function = Some("LINEAR_EXACT".to_owned());
        }
        rendering
    }

    fn weight(&self) -> usize {
        let tables = [&self.modality_table, &self.voi_table];
        let tables: usize = tables.into_iter().flatten().map(|table| table.entries.len() * 2).sum();
        let palettes = [&self.palette, &self.supplemental];
        let palettes: usize = palettes.into_iter().flatten().map(|(_, colours)| colours.len() * 3).sum();
        let overlays: usize = self.overlays.iter().map(Plane::weight).sum();
        let profile = self.profile.as_ref().map_or(0, Bytes::len);
        256 + self.frames.len() * 120 + tables + palettes + overlays + profile
    }
}

/// The window and function of a rendering.
#[must_use]
pub fn window_of(rendering: &Rendering) -> Option<(Window, WindowFunction)> {
    let (center, width) = rendering.window?;
    let function = match rendering.function.as_deref() {
        Some("LINEAR_EXACT") => WindowFunction::LinearExact,
        Some("SIGMOID") => WindowFunction::Sigmoid,
        _ => WindowFunction::Linear,
    };
    Some((Window { center, width }, function))
}

/// First and last value of the first mapping to real world values (PS3.3 §C.7.6.16.2.11), of floating point pixels.
fn mapped(dataset: &Dataset, shared: Option<&Dataset>) -> Option<(f64, f64)> {
    let has = |tag| dataset.get(tag).is_some();
    if !has(tags::FLOAT_PIXEL_DATA) && !has(tags::DOUBLE_FLOAT_PIXEL_DATA) {
        return None;
    }
    let of = |dataset: &'_ Dataset| {
        let item = dataset.items(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE).first()?;
        let first_of = |tags: [Tag; 2]| tags.iter().find_map(|tag| item.numbers(*tag).first().copied());
        let first = first_of([
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
            tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
        ])?;
        let last = first_of([
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
            tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
        ])?;
        let is_range = first.is_finite() && last.is_finite() && (last - first).is_finite() && first < last;
        is_range.then_some((first, last))
    };
    of(dataset).or_else(|| shared.and_then(of))
}

/// The image's own profile, or that of the first optical path.
async fn profile(
    storage: &Storage,
    instance: &InstanceRef,
    dataset: &Dataset,
) -> Result<Option<Bytes>, WebError> {
    let of_path = || dataset.items(tags::OPTICAL_PATH_SEQUENCE).first()?.get(tags::ICC_PROFILE);
    let element = dataset.get(tags::ICC_PROFILE).or_else(of_path);
    value(storage, instance, element, PROFILE_BYTES_MAX).await
}
