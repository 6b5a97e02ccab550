//! JPEG tiles cut on the borders of minimum coded units: Huffman symbols stay, only DC differences are counted anew. No
//! coefficient is computed, so nothing is lost.

use crate::SlideError;
use crate::jpeg_frame::Frame;
use crate::mcu::Units;

/// The upper left corner of a tile, `width` × `height` pixels.
///
/// # Errors
/// [`SlideError::Unsupported`] for a JPEG that cannot be taken apart like this (restart markers, other than three
/// components), or that is smaller; [`SlideError::Damaged`].
pub(crate) fn corner(tile: &[u8], width: u16, height: u16) -> Result<Vec<u8>, SlideError> {
    let frame = Frame::of(tile)?;
    if frame.restart_interval != 0 || !frame.shares_chroma_tables() {
        return Err(SlideError::Unsupported("a JPEG with restart markers or tables of its own"));
    }
    if width == 0 || height == 0 || width > frame.width || height > frame.height {
        return Err(SlideError::Unsupported("a part of a tile that is larger than it"));
    }
    let whole = frame.units(tile)?;
    let (across, down) = frame.unit_size();
    let units_across = |pixels: u16| u32::from(pixels).div_ceil(across) as usize;
    let (stride, kept) = (units_across(frame.width), units_across(width));
    let blocks = frame.order.len();
    let mut units = Units::default();
    for row in 0..u32::from(height).div_ceil(down) as usize {
        let first = row * stride * blocks;
        units.append(&whole, first..first + kept * blocks)?;
    }
    frame.tile(&units, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise_jpeg;
    use codec::{FrameFormat, Photometric};

    fn pixels(jpeg: &[u8], width: u32, height: u32) -> Vec<u8> {
        let format = FrameFormat::eight_bit(height, width, 3, Photometric::YbrFull422);
        codec::decode(dataset::TransferSyntax::JPEG_BASELINE, jpeg, &format, 1 << 24).unwrap().bytes
    }

    #[test]
    fn a_corner_has_the_units_of_the_whole() {
        let (tile, _) = noise_jpeg(128, 96, None);
        let frame = Frame::of(&tile).unwrap();
        let (across, down) = frame.unit_size();
        for (width, height) in [(128, 96), (1, 1), (33, 96), (128, 17), (100, 50)] {
            let cut = corner(&tile, width, height).unwrap();
            let of_cut = Frame::of(&cut).unwrap();
            assert_eq!((of_cut.width, of_cut.height), (width, height));
            // On borders of units and away from the cut, decoders see the same.
            let seen = pixels(&cut, width.into(), height.into());
            let whole = pixels(&tile, 128, 96);
            for y in 0..usize::from(height).saturating_sub(down as usize) {
                for x in 0..usize::from(width).saturating_sub(across as usize) {
                    let (a, b) = ((y * usize::from(width) + x) * 3, (y * 128 + x) * 3);
                    assert_eq!(seen[a..a + 3], whole[b..b + 3], "{width}×{height}: {x},{y}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let (tile, _) = noise_jpeg(64, 64, None);
        let (marked, _) = noise_jpeg(64, 64, Some(2));
        assert!(corner(&marked, 32, 32).is_err());
        for (width, height) in [(0, 1), (1, 0), (65, 1), (1, 65)] {
            assert!(corner(&tile, width, height).is_err());
        }
        for end in (0..tile.len() - 40).step_by(101) {
            assert!(corner(&tile[..end], 32, 64).is_err(), "{end}");
        }
    }
}
