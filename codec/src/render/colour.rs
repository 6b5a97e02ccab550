//! Palettes (PS3.3 §C.7.6.3.1.5, §C.7.6.19) and true colour.

use super::Render;
use super::grey::Stored;
use crate::{CodecError, Pixels};

/// Red, green and blue of every pixel of a palette image.
pub(super) fn palette(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    let Some((first, colours)) = &options.palette else {
        return Err(CodecError::Unsupported("a palette image without a palette"));
    };
    let last = colours.len().checked_sub(1).ok_or(CodecError::Damaged("the palette is empty"))?;
    let stored = Stored::new(pixels, options.presentation.low_bits);
    let mut out = Vec::with_capacity(pixels.format.pixel_count() * 3);
    stored.for_each(|bits| {
        // Values beside the table take its first or last entry (PS3.3 §C.7.6.3.1.5).
        let index = (stored.value(bits) - i64::from(*first)).max(0);
        let index = usize::try_from(index).unwrap_or(last).min(last);
        out.extend_from_slice(&colours[index]);
    });
    Ok(out)
}

/// Shades with the colours of a whole scale.
pub(super) fn pseudo(shades: &[u8], colours: &[[u8; 3]]) -> Vec<u8> {
    let last = colours.len().saturating_sub(1);
    let colour = |shade: usize| colours.get((shade * last + 127) / 255).copied().unwrap_or_default();
    let table: Vec<[u8; 3]> = (0..=255).map(colour).collect();
    shades.iter().flat_map(|shade| table[usize::from(*shade)]).collect()
}

/// Shades, where a stored value is not one of the colours that lie above the shades.
pub(super) fn supplemented(
    shades: &[u8],
    pixels: &Pixels,
    options: &Render,
    (first, colours): &(i32, Vec<[u8; 3]>),
) -> Vec<u8> {
    let stored = Stored::new(pixels, options.presentation.low_bits);
    let mut shades = shades.iter();
    let mut out = Vec::with_capacity(pixels.format.pixel_count() * 3);
    stored.for_each(|bits| {
        let shade = shades.next().copied().unwrap_or_default();
        let index = usize::try_from(stored.value(bits) - i64::from(*first)).ok();
        let colour = index.and_then(|index| colours.get(index.min(colours.len().saturating_sub(1))));
        out.extend_from_slice(colour.unwrap_or(&[shade; 3]));
    });
    out
}

/// Eight bits of each sample.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn rgb(pixels: &Pixels) -> Result<Vec<u8>, CodecError> {
    let bits_stored = pixels.format.bits_stored;
    match pixels.format.bits_allocated {
        8 => Ok(pixels.bytes.clone()),
        16 => {
            let words = pixels.bytes.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word));
            Ok(if bits_stored > 8 {
                words.map(|word| (word >> (bits_stored - 8)) as u8).collect()
            } else {
                words.map(|word| word as u8).collect()
            })
        }
        _ => Err(CodecError::Unsupported("rendering colour of that depth")),
    }
}
