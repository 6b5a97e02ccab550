//! A level whose frames are made, not copied: their lengths stand before them in the stream, so they are made once into
//! an unnamed file on the storage's disk and streamed from there.

use crate::SlideError;
use crate::readers::{Counts, Emit, Geometry, Survey, TileSource};
use bytes::Bytes;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

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
    /// What the source says; [`SlideError::Io`] when the disk is full.
    pub fn of(
        source: Arc<dyn TileSource>,
        survey: Survey,
        file: File,
        told: &dyn Fn(u64),
    ) -> Result<Self, SlideError> {
        let count = source.geometry().tile_count();
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let (mut ends, mut end) = (Vec::new(), 0_u64);
        source.frames(0..count, &mut |frame| {
            end += frame.len() as u64;
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
