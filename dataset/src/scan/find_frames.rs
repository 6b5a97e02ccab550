//! Telling frames apart: native pixel data by its numbers, encapsulated by its offset tables, fragments and beginnings.

use crate::{Dataset, FrameIndex, PixelDescription, Refused, Span, tags};

/// Pixel data at the top level, as the parser found it.
pub(super) enum PixelData {
    /// One value.
    Native(Place),
    /// Fragments (PS3.5 §A.4).
    Encapsulated(Fragments),
}

/// Where a native value is.
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The fragments that were walked, and what claims to say which frame they belong to.
#[derive(Default)]
pub(super) struct Fragments {
    pub(super) spans: Vec<Span>,
    /// For each fragment, whether a JPEG, JPEG 2000 or JPEG XL codestream begins there.
    pub(super) begins: Vec<bool>,
    /// The Basic Offset Table's bytes.
    pub(super) basic_table: Vec<u8>,
    /// The value of (7FE0,0001).
    pub(super) extended_table: Vec<u8>,
    /// First byte of the first item after the Basic Offset Table: what offsets are counted from.
    pub(super) base: u64,
    /// Whether the fragments together are one stream, as in the MPEG syntaxes.
    pub(super) is_video: bool,
}

/// Bytes of an item's tag and length.
const ITEM_HEADER_BYTES: u64 = 8;

/// Whether a fragment's first bytes begin a codestream: SOI; SOC and SIZ; JPEG XL; the JP2 and JXL boxes.
pub(super) fn begins_codestream(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 4] =
        [&[0xFF, 0xD8, 0xFF], &[0xFF, 0x4F, 0xFF, 0x51], &[0xFF, 0x0A], &[0, 0, 0, 0x0C]];
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// The frames of native pixel data. Where it is shorter than declared, the frames that are whole. Frames of single bits
/// that do not begin on bytes share their first and last byte with their neighbours.
pub(super) fn native(
    place: &Place,
    pixels: Option<&PixelDescription>,
    frames_max: u32,
) -> Result<FrameIndex, Refused> {
    let Some(pixels) = pixels else { return Ok(FrameIndex::default()) };
    if pixels.is_packed_across_bytes() {
        return packed_bits(place, pixels, frames_max);
    }
    let Some(frame_bytes) = native_frame_bytes(pixels, place.length) else {
        return Ok(FrameIndex::default());
    };
    let whole = place.length.checked_div(frame_bytes).unwrap_or(0);
    let count = u64::from(pixels.frames).min(whole);
    if count > u64::from(frames_max) {
        return Err(Refused::OverLimit("frames"));
    }
    let Ok(length) = u32::try_from(frame_bytes) else { return Ok(FrameIndex::default()) };
    let spans = (0..count).map(|frame| Span { offset: place.offset + frame * frame_bytes, length }).collect();
    Ok(FrameIndex { spans, starts: Vec::new() })
}

/// Frames that begin in the middle of bytes (PS3.5 §8.1.1): each span holds all bytes that have one of its bits.
fn packed_bits(place: &Place, pixels: &PixelDescription, frames_max: u32) -> Result<FrameIndex, Refused> {
    let Some(frame_bits) = pixels.frame_bits().filter(|&bits| bits > 0) else {
        return Ok(FrameIndex::default());
    };
    let whole = place.length.saturating_mul(8) / frame_bits;
    let count = u64::from(pixels.frames).min(whole);
    if count > u64::from(frames_max) {
        return Err(Refused::OverLimit("frames"));
    }
    // The products are at most eight times the length, which fits into a file.
    let span = |frame: u64| {
        let (first, end) = (frame * frame_bits / 8, ((frame + 1) * frame_bits).div_ceil(8));
        Some(Span { offset: place.offset + first, length: u32::try_from(end - first).ok()? })
    };
    Ok(FrameIndex { spans: (0..count).map_while(span).collect(), starts: Vec::new() })
}

/// Bytes from one frame to the next.
fn native_frame_bytes(pixels: &PixelDescription, length: u64) -> Option<u64> {
    let full = pixels.frame_bytes()?;
    // Uncompressed YBR_FULL_422 has two samples per pixel where Samples per Pixel says three (PS3.3 §C.7.6.3.1.2).
    let is_422 = matches!(pixels.photometric_interpretation.as_str(), "YBR_FULL_422" | "YBR_PARTIAL_422");
    let frames = u64::from(pixels.frames);
    if is_422 && full.checked_mul(frames).is_none_or(|total| total > length) {
        return Some(full / 3 * 2);
    }
    Some(full)
}

/// The frames of encapsulated pixel data.
pub(super) fn encapsulated(
    fragments: Fragments,
    dataset: &Dataset,
    frames_max: u32,
) -> Result<FrameIndex, Refused> {
    let declared = dataset
        .integer(tags::NUMBER_OF_FRAMES)
        .and_then(|frames| usize::try_from(frames).ok())
        .filter(|&frames| frames > 0)
        .unwrap_or(1);
    let count = fragments.spans.len();
    let frames = find(fragments, declared, count);
    if frames.frame_count() > frames_max as usize {
        return Err(Refused::OverLimit("frames"));
    }
    Ok(frames)
}

fn find(fragments: Fragments, declared: usize, count: usize) -> FrameIndex {
    let one_each = |spans| FrameIndex { spans, starts: Vec::new() };
    if count == 0 {
        return FrameIndex::default();
    }
    if fragments.is_video {
        return from_starts(fragments.spans, vec![0]);
    }
    let tables = [
        proven(&fragments, offsets::<8>(&fragments.extended_table, u64::from_le_bytes)),
        proven(
            &fragments,
            offsets::<4>(&fragments.basic_table, |bytes| u64::from(u32::from_le_bytes(bytes))),
        ),
    ];
    if let Some(starts) = tables.iter().flatten().find(|starts| starts.len() == declared) {
        return from_starts(fragments.spans, starts.clone());
    }
    if count == declared {
        return one_each(fragments.spans);
    }
    // Number of Frames contradicts what is there: what is there counts.
    if let Some(starts) = tables.into_iter().flatten().find(|starts| starts.len() > 1) {
        return from_starts(fragments.spans, starts);
    }
    if declared == 1 {
        return from_starts(fragments.spans, vec![0]);
    }
    if count < declared {
        return one_each(fragments.spans);
    }
    let beginnings: Vec<u32> =
        (0..).zip(&fragments.begins).filter_map(|(place, &begins)| begins.then_some(place)).collect();
    if beginnings.len() == declared && beginnings.first() == Some(&0) {
        return from_starts(fragments.spans, beginnings);
    }
    FrameIndex::default()
}

/// An index from the number of each frame's first fragment.
fn from_starts(spans: Vec<Span>, mut starts: Vec<u32>) -> FrameIndex {
    if starts.len() == spans.len() {
        return FrameIndex { spans, starts: Vec::new() };
    }
    starts.push(u32::try_from(spans.len()).unwrap_or(u32::MAX));
    FrameIndex { spans, starts }
}

fn offsets<const N: usize>(table: &[u8], number: impl Fn([u8; N]) -> u64) -> Vec<u64> {
    match table.as_chunks::<N>() {
        (chunks, []) => chunks.iter().map(|chunk| number(*chunk)).collect(),
        _ => Vec::new(),
    }
}

/// The first fragment of each frame, if every offset is the beginning of an item and they ascend from 0.
fn proven(fragments: &Fragments, offsets: Vec<u64>) -> Option<Vec<u32>> {
    if offsets.first() != Some(&0) || !offsets.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut starts = Vec::with_capacity(offsets.len().min(fragments.spans.len()));
    let mut items = (0u32..).zip(&fragments.spans);
    for offset in offsets {
        let wanted = fragments.base.checked_add(offset)?.checked_add(ITEM_HEADER_BYTES)?;
        let (place, _) =
            items.find(|(_, span)| span.offset >= wanted).filter(|(_, span)| span.offset == wanted)?;
        starts.push(place);
    }
    Some(starts)
}
