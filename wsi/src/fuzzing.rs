//! What the fuzz targets of this crate run (`fuzz/README.md`): bytes in, a panic when a promise is broken.

use crate::svs;
use crate::tiff::ReadAt;
use crate::{SlideError, jpeg, jpeg2000};
use model::Limits;
use std::sync::Arc;

struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        let start = usize::try_from(offset).map_err(|_| SlideError::Damaged("offset"))?;
        let end = start.checked_add(buffer.len()).ok_or(SlideError::Damaged("offset"))?;
        buffer.copy_from_slice(self.0.get(start..end).ok_or(SlideError::Damaged("it ends"))?);
        Ok(())
    }
}

/// A scanner's file: its directories, and the head of every tile, as an import looks at them before it stores anything.
///
/// # Panics
/// When a tile that passed lies outside the file.
pub fn tiff(input: &[u8]) {
    let limits = Limits { frame_pixel_bytes_max: 1 << 20, ..Limits::default() };
    let Ok(plan) = svs::plan(Arc::new(Memory(input.to_vec())), &limits) else { return };
    for level in &plan.levels {
        if level.survey().is_err() {
            continue;
        }
        for span in level.spans(0..level.tile_count()).expect("a survey saw every tile") {
            let tile = level.read(span).expect("a tile of the survey is read");
            assert_eq!(tile.len() as u64, span.count);
        }
    }
}

/// One tile and the tables that a TIFF keeps for all: the first two bytes are the tables' length.
///
/// # Panics
/// When tables and tile that were put together are not the same picture.
pub fn tile(input: &[u8]) {
    let _ = jpeg2000::head(input);
    let Some(([low, high], rest)) = input.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
    let (field, tile) = rest.split_at(length);
    let Ok(tables) = jpeg::table_segments(field) else { return };
    if jpeg::head(tile).is_ok() {
        let whole = jpeg::splice(&jpeg::prefix(&tables, true), tile);
        assert!(jpeg::is_same(&tables, tile, &whole), "the scan and its tables stay the same");
    }
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_tiff() {
        replay::seeds("tiff", tiff);
    }

    #[test]
    fn seeds_of_tile() {
        replay::seeds("tile", tile);
    }
}
