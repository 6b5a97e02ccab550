//! What the fuzz targets of this crate run (`fuzz/README.md`): bytes in, a panic when a promise is broken.

use crate::adopt::stack;
use crate::dicom_facts::{Facts, Told};
use crate::jpeg_frame::Frame;
use crate::readers;
use crate::source::ReadAt;
use crate::{SlideError, bundle, jpeg, jpeg2000};
use model::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// A scanner's file: its directories, every tile looked at, the frames made and compared, as an import does.
///
/// # Panics
/// When a level that passed gives other frames than it has tiles, or they are not what the file holds.
pub fn tiff(input: &[u8]) {
    let limits = Limits { frame_pixel_bytes_max: 1 << 20, frames_max: 256, ..Limits::default() };
    let Ok(plan) = readers::plan(Arc::new(Memory(input.to_vec())), &limits) else { return };
    for level in &plan.levels {
        let tiles = level.frame_count();
        assert!(tiles <= 256, "{tiles} tiles");
        if level.survey().is_err() {
            continue;
        }
        let mut frames = Vec::new();
        let made = level.frames(0..tiles, &mut |frame| {
            frames.push(bytes::Bytes::copy_from_slice(frame));
            Ok(())
        });
        if made.is_ok() {
            assert_eq!(frames.len() as u64, tiles);
            let _ = level.compare(0, &frames);
        }
    }
}

/// An archive that somebody made of a slide's files.
///
/// # Panics
/// When the file to open is not one that was unpacked, or there are more than there may be.
pub fn archive(input: &[u8]) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("farsight-fuzz-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).expect("a folder of our own");
    let unpacked = bundle::unpack(Arc::new(Memory(input.to_vec())), &folder);
    let found = unpacked.map(|(first, count)| (first.starts_with(&folder) && first.is_file(), count));
    std::fs::remove_dir_all(&folder).expect("it is still there");
    if let Ok((is_inside, count)) = found {
        assert!(is_inside && (1..=512).contains(&count), "{count} files");
    }
}

/// What an instance says in DICOM JSON of planes, paths and the places of frames.
///
/// # Panics
/// When a frame is found where there is none.
pub fn slide_facts(input: &[u8]) {
    let Ok(mut told) = Told::read(input) else { return };
    let _ = told.about();
    if let Some(facts) = Facts::of(&mut told) {
        stack::hold(&facts);
    }
}

/// A whole JPEG, whose coefficients become a tile without being decoded further.
///
/// # Panics
/// When the tile cannot be read.
pub fn coefficients(input: &[u8]) {
    let Ok(frame) = Frame::of(input) else { return };
    let Ok(units) = frame.units(input) else { return };
    if let Ok(tile) = frame.tile(&units, frame.width, frame.height) {
        let again = Frame::of(&tile).expect("our own tile has a header");
        again.units(&tile).expect("our own tile has every unit");
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
    fn seeds_of_slide_facts() {
        replay::seeds("slide_facts", slide_facts);
    }

    #[test]
    fn seeds_of_coefficients() {
        replay::seeds("coefficients", coefficients);
    }

    #[test]
    fn seeds_of_archive() {
        replay::seeds("archive", archive);
    }

    #[test]
    fn seeds_of_tile() {
        replay::seeds("tile", tile);
    }
}
