//! What a picture of an instance needs besides its pixels: numbers that ingest kept, or tables, a palette and values of
//! each frame, which are read from the object once and remembered for a while.

use crate::dicomweb::problem::WebError;
use crate::transcode;
use bytes::Bytes;
use codec::{Table, Window, WindowFunction};
use dataset::syntax::Encoding;
use dataset::{Dataset, Element, Rendering, Tag, Value, tags};
use moka::sync::Cache;
use std::sync::{Arc, LazyLock};
use storage::{InstanceRef, Storage};

/// Bytes of a lookup table: 65536 entries of 16 bits.
const TABLE_BYTES_MAX: u64 = 1 << 17;
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
    /// Red, green and blue, and the first value mapped.
    pub palette: Option<(i32, Vec<[u8; 3]>)>,
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
        if let (Some(rendering), Need::Pixels) = (kept, need) {
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
        let is_palette = dataset.text(tags::PHOTOMETRIC_INTERPRETATION).as_deref() == Some("PALETTE COLOR");
        Ok(Self {
            frames,
            modality_table: table(storage, instance, dataset.items(tags::MODALITY_LUT_SEQUENCE)).await?,
            voi_table: table(storage, instance, dataset.items(tags::VOILUT_SEQUENCE)).await?,
            palette: if is_palette { palette(storage, instance, dataset).await? } else { None },
            profile: profile(storage, instance, dataset).await?,
        })
    }

    /// Rescale and window of a frame, counted from 0.
    #[must_use]
    pub fn frame(&self, frame: u32) -> Rendering {
        let own = if self.frames.len() > 1 { self.frames.get(frame as usize) } else { None };
        let none = Rendering { slope: 1.0, intercept: 0.0, window: None, function: None };
        own.or(self.frames.first()).cloned().unwrap_or(none)
    }

    fn weight(&self) -> usize {
        let tables = [&self.modality_table, &self.voi_table];
        let tables: usize = tables.into_iter().flatten().map(|table| table.entries.len() * 2).sum();
        let palette = self.palette.as_ref().map_or(0, |(_, colours)| colours.len() * 3);
        256 + self.frames.len() * 80 + tables + palette + self.profile.as_ref().map_or(0, Bytes::len)
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

/// The bytes of a value, wherever they are; none when there are too many.
async fn value(
    storage: &Storage,
    instance: &InstanceRef,
    element: Option<&Element>,
    bytes_max: u64,
) -> Result<Option<Bytes>, WebError> {
    let (offset, length) = match element.map(|element| &element.value) {
        Some(Value::Bytes(bytes)) => return Ok(Some(bytes.clone())),
        Some(Value::Bulk { offset, length }) if *length <= bytes_max => (*offset, *length),
        _ => return Ok(None),
    };
    let mut source = transcode::Source::new(storage, instance);
    let (mut bytes, end) = (Vec::new(), offset.saturating_add(length));
    while (bytes.len() as u64) < length {
        bytes.extend_from_slice(&source.read(offset + bytes.len() as u64..end).await?);
    }
    let are_words = element.is_some_and(|element| element.vr == dataset::VR::OW);
    if are_words && instance.syntax().encoding() == Encoding::ExplicitBig {
        bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
    Ok(Some(bytes.into()))
}

/// The numbers of a LUT Descriptor: entries, first value mapped, bits. The first value is signed if the pixels are, and
/// may have been read as unsigned (PS3.3 §C.11.1.1.1).
fn descriptor(dataset: &Dataset, tag: Tag) -> Option<(usize, i32, u16)> {
    let numbers = dataset.numbers(tag);
    let [entries, first, bits] = numbers.as_slice() else { return None };
    let entries = if *entries == 0.0 { 65536 } else { *entries as i64 };
    // Entries read as a signed number.
    let entries = if entries < 0 { entries + 65536 } else { entries };
    Some((usize::try_from(entries).ok()?, *first as i32, (*bits as u16).clamp(8, 16)))
}

/// A Modality or VOI LUT: the first item of its sequence.
pub async fn table(
    storage: &Storage,
    instance: &InstanceRef,
    items: &[Dataset],
) -> Result<Option<Table>, WebError> {
    let Some(item) = items.first() else { return Ok(None) };
    let damaged = || WebError::Undecodable("its lookup table is damaged".into());
    let (count, first, bits) = descriptor(item, tags::LUT_DESCRIPTOR).ok_or_else(damaged)?;
    let bytes = value(storage, instance, item.get(tags::LUT_DATA), TABLE_BYTES_MAX).await?;
    let bytes = bytes.ok_or_else(damaged)?;
    let entries: Vec<u16> = if bytes.len() < count * 2 {
        bytes.iter().take(count).map(|byte| u16::from(*byte)).collect()
    } else {
        bytes.as_chunks::<2>().0.iter().take(count).map(|pair| u16::from_le_bytes(*pair)).collect()
    };
    if entries.len() < count { Err(damaged()) } else { Ok(Some(Table { first, entries, bits })) }
}

/// Palette tables (PS3.3 §C.7.6.3.1.5–6) as 8-bit colours.
async fn palette(
    storage: &Storage,
    instance: &InstanceRef,
    attributes: &Dataset,
) -> Result<Option<(i32, Vec<[u8; 3]>)>, WebError> {
    let damaged = || WebError::Undecodable("its palette is missing or damaged".into());
    let (count, first, bits) =
        descriptor(attributes, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR).ok_or_else(damaged)?;
    let mut colours = vec![[0_u8; 3]; count];
    let tables = [
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ];
    for (channel, tag) in tables.into_iter().enumerate() {
        let bytes = value(storage, instance, attributes.get(tag), TABLE_BYTES_MAX).await?;
        let bytes = bytes.ok_or_else(damaged)?;
        let is_packed = bits == 8 && bytes.len() < count * 2;
        for (index, colour) in colours.iter_mut().enumerate() {
            let value = if is_packed {
                bytes.get(index).copied()
            } else {
                let pair = bytes.get(index * 2..index * 2 + 2);
                pair.map(|pair| if bits == 8 { pair[0] } else { pair[1] })
            };
            colour[channel] = value.ok_or_else(damaged)?;
        }
    }
    Ok(Some((first, colours)))
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
