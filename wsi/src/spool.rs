//! A level whose frames are made, not copied: their lengths stand before them in the stream, so they are made once into
//! an unnamed file on the storage's disk and streamed from there.

use crate::SlideError;
use crate::readers::{Counts, Emit, Geometry, Proof, Survey, TileSource};
use bytes::Bytes;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Tiles that are unpacked and compressed again without loss take about as much as before; what takes much more was packed so
/// that it would.
const GROWTH_MAX: u64 = 4;
const GROWTH_FREE_BYTES: u64 = 64 << 20;

/// Frames of a level in a file.
pub(crate) struct Spooled {
    source: Arc<dyn TileSource>,
    survey: Survey,
    file: File,
    /// Where each frame ends.
    ends: Vec<u64>,
}

impl Spooled {
    /// Makes every frame of a level, telling how many there are.
    ///
    /// # Errors
    /// What the source says; [`SlideError::Io`] when the disk is full; [`SlideError::OverLimit`] when unpacked tiles take much
    /// more than in the file.
    pub fn of(
        source: Arc<dyn TileSource>,
        survey: Survey,
        file: File,
        told: &dyn Fn(u64),
    ) -> Result<Self, SlideError> {
        let count = source.frame_count();
        let most = match survey.proof {
            Proof::Samples(_) => survey.bytes.saturating_mul(GROWTH_MAX).saturating_add(GROWTH_FREE_BYTES),
            _ => u64::MAX,
        };
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let (mut ends, mut end) = (Vec::new(), 0_u64);
        source.frames(0..count, &mut |frame| {
            end += frame.len() as u64;
            if end > most {
                return Err(SlideError::OverLimit("what its tiles unpack to"));
            }
            ends.push(end);
            told(ends.len() as u64);
            Ok(writer.write_all(frame)?)
        })?;
        if ends.len() as u64 != count {
            return Err(SlideError::Damaged("a level has another number of tiles than its size takes"));
        }
        let file = writer.into_inner().map_err(|error| SlideError::from(error.into_error()))?;
        Ok(Self { source, survey: Survey { bytes: end, ..survey }, file, ends })
    }

    fn range(&self, tile: u64) -> Result<Range<u64>, SlideError> {
        const OUTSIDE: SlideError = SlideError::Damaged("a level has fewer tiles than its size takes");
        let index = usize::try_from(tile).map_err(|_| OUTSIDE)?;
        let end = *self.ends.get(index).ok_or(OUTSIDE)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok(start..end)
    }
}

impl TileSource for Spooled {
    fn geometry(&self) -> &Geometry {
        self.source.geometry()
    }

    fn frame_count(&self) -> u64 {
        self.source.frame_count()
    }

    fn planes_nm(&self) -> &[i64] {
        self.source.planes_nm()
    }

    fn survey(&self) -> Result<Survey, SlideError> {
        Ok(self.survey.clone())
    }

    fn frame_lengths(&self, tiles: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
        tiles
            .map(|tile| self.range(tile).map(|range| range.end - range.start))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
        let mut frame = Vec::new();
        for tile in tiles {
            let range = self.range(tile)?;
            frame.resize(usize::try_from(range.end - range.start).unwrap_or(usize::MAX), 0);
            self.file.read_exact_at(&mut frame, range.start)?;
            emit(&frame)?;
        }
        Ok(())
    }

    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError> {
        self.source.compare(first, stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::Samples;

    /// Tiles of a megabyte, of which the file has a few bytes.
    struct Bomb(Geometry);

    impl TileSource for Bomb {
        fn geometry(&self) -> &Geometry {
            &self.0
        }
        fn survey(&self) -> Result<Survey, SlideError> {
            Ok(Survey {
                bytes: 1000,
                filled: 0,
                transfer_syntax: "",
                photometric: "MONOCHROME2",
                lossy_method: None,
                codec: "",
                samples: Samples { per_pixel: 1, bits_allocated: 16, bits_stored: 16 },
                proof: Proof::Samples("LZW tiles"),
            })
        }
        fn frame_lengths(&self, _: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
            Ok(None)
        }
        fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
            tiles.into_iter().try_for_each(|_| emit(&[7; 1 << 20]))
        }
        fn compare(&self, _: u64, _: &[Bytes]) -> Result<Counts, SlideError> {
            Ok(Counts::default())
        }
    }

    #[test]
    fn tiles_that_take_much_more_than_in_the_file_fill_no_disk() {
        let of = |tiles: u32| {
            let geometry = Geometry { width: 1024 * tiles, height: 512, tile_width: 1024, tile_height: 512 };
            let source = Arc::new(Bomb(geometry));
            let survey = source.survey().unwrap();
            Spooled::of(source, survey, tempfile::tempfile().unwrap(), &|_| {}).map(|_| ())
        };
        assert_eq!(of(64), Ok(()));
        assert_eq!(of(1000), Err(SlideError::OverLimit("what its tiles unpack to")));
    }
}
