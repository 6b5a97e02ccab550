//! Palettes (PS3.3 §C.7.6.3.1.5–6, §C.7.9.2) as 8-bit colours: plain tables, or segments that are expanded.

use super::tables::{TABLE_BYTES_MAX, descriptor, value};
use crate::dicomweb::problem::WebError;
use dataset::{Dataset, Tag, tags};
use storage::{InstanceRef, Storage};

/// The first value mapped, and the colours from there on.
pub type Palette = (i32, Vec<[u8; 3]>);

/// Descriptor, table and segments of a channel.
const CHANNELS: [(Tag, Tag, Tag); 3] = [
    (
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
];

/// Whether a monochrome image wants its palette to be used: Pixel Presentation COLOR or MIXED (PS3.3 §C.8.13.2.1.2).
pub fn is_used(dataset: &Dataset) -> bool {
    matches!(dataset.text(tags::PIXEL_PRESENTATION).as_deref(), Some("COLOR" | "MIXED"))
}

/// The palette of a data set.
///
/// # Errors
/// [`WebError::Undecodable`] when it is damaged.
pub async fn palette(
    storage: &Storage,
    instance: &InstanceRef,
    attributes: &Dataset,
) -> Result<Palette, WebError> {
    let damaged = || WebError::Undecodable("its palette is missing or damaged".into());
    let (count, first, _) = descriptor(attributes, CHANNELS[0].0).ok_or_else(damaged)?;
    let mut colours = vec![[0_u8; 3]; count];
    for (channel, (described, plain, segmented)) in CHANNELS.into_iter().enumerate() {
        // Each channel has bits of its own, and all have as many entries.
        let (_, _, bits) = descriptor(attributes, described).ok_or_else(damaged)?;
        let plain = value(storage, instance, attributes.get(plain), TABLE_BYTES_MAX).await?;
        let entries = match plain.filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => entries(&bytes, count, bits),
            None => {
                let bytes = value(storage, instance, attributes.get(segmented), TABLE_BYTES_MAX).await?;
                expanded(&bytes.ok_or_else(damaged)?, count, bits)
            }
        };
        let entries = entries.ok_or_else(damaged)?;
        for (colour, entry) in colours.iter_mut().zip(entries) {
            colour[channel] = if bits == 8 { entry.to_le_bytes()[0] } else { entry.to_le_bytes()[1] };
        }
    }
    Ok((first, colours))
}

/// The entries of a plain table; 8-bit ones may be packed or have 16 bits each.
fn entries(bytes: &[u8], count: usize, bits: u16) -> Option<Vec<u16>> {
    if bits == 8 && bytes.len() < count * 2 {
        return Some(bytes.get(..count)?.iter().map(|byte| u16::from(*byte)).collect());
    }
    let words = bytes.as_chunks::<2>().0.get(..count)?;
    Some(words.iter().map(|pair| u16::from_le_bytes(*pair)).collect())
}

/// Segments (PS3.3 §C.7.9.2): discrete values, straight lines to a value, and repetitions of earlier segments.
fn expanded(bytes: &[u8], count: usize, bits: u16) -> Option<Vec<u16>> {
    let words: Vec<u16> = if bits == 8 {
        bytes.iter().map(|byte| u16::from(*byte)).collect()
    } else {
        bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
    };
    let mut out = Vec::with_capacity(count);
    let mut at = 0;
    while out.len() < count {
        at = segment(&words, at, bits, count, &mut out, Repeats::Allowed)?;
    }
    Some(out)
}

/// Whether a segment may repeat others: not inside one that does (PS3.3 §C.7.9.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Allowed,
    Forbidden,
}

/// Expands the segment that begins at a word; gives where the next one begins. No more than `count` entries are made.
fn segment(
    words: &[u16],
    at: usize,
    bits: u16,
    count: usize,
    out: &mut Vec<u16>,
    repeats: Repeats,
) -> Option<usize> {
    let length = usize::from(*words.get(at + 1)?);
    let room = count - out.len().min(count);
    match words.get(at)? {
        0 if length > 0 => {
            let values = words.get(at + 2..at + 2 + length)?;
            out.extend(values.iter().take(room));
            Some(at + 2 + length)
        }
        1 => {
            let (from, to) = (i64::from(*out.last()?), i64::from(*words.get(at + 2)?));
            let whole = i64::try_from(length).ok().filter(|length| *length > 0)?;
            // To the nearest whole number.
            let on_line = |step: i64| {
                let product = (to - from) * step;
                from + (product * 2 + whole * product.signum()) / (whole * 2)
            };
            out.extend((1..=whole).take(room).filter_map(|step| u16::try_from(on_line(step)).ok()));
            Some(at + 3)
        }
        2 if repeats == Repeats::Allowed => {
            // An offset in bytes, of 32 bits in two words or four bytes, the least significant first.
            let (parts, width) = if bits == 8 { (4, 8) } else { (2, 16) };
            let offset = words.get(at + 2..at + 2 + parts)?;
            let offset = offset.iter().rev().fold(0_usize, |sum, part| sum << width | usize::from(*part));
            let mut repeated = if bits == 8 { offset } else { offset / 2 };
            for _ in 0..length {
                if out.len() >= count {
                    break;
                }
                repeated = segment(words, repeated, bits, count, out, Repeats::Forbidden)?;
            }
            Some(at + 2 + parts)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_expanded() {
        let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let words = bytes(&[0, 2, 10, 20, 1, 4, 40, 2, 2, 0, 0, 0, 1, 7]);
        let expected = [10, 20, 25, 30, 35, 40, 10, 20, 25, 30, 35, 40, 7];
        assert_eq!(expanded(&words, 13, 16).unwrap(), expected);
        assert_eq!(expanded(&words, 5, 16).unwrap(), expected[..5]);
        assert_eq!(expanded(&[0, 1, 200, 1, 3, 0, 0, 1, 9], 5, 8).unwrap(), [200, 133, 67, 0, 9]);
    }

    #[test]
    fn nonsense_in_segments_is_refused() {
        let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        for words in [
            &[][..],
            &[0],
            &[0, 9, 1],
            &[1, 3, 5],
            &[3, 1, 1],
            &[0, 1, 5, 1, 0, 9],
            // A repetition of itself, and of what is not there.
            &[0, 1, 5, 2, 1, 6, 0],
            &[0, 1, 5, 2, 1, 0xFFFF, 0xFFFF],
            // Segments without entries, without end.
            &[0, 0],
        ] {
            assert_eq!(expanded(&bytes(words), 100, 16), None, "{words:?}");
        }
    }
}
