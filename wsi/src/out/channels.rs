//! A picture of a part of a slide whose channels are put together, as light is.

use super::compose::{Drawing, Plan, etag as etag_of, finish};
use super::frames::{Seen, blocking};
use super::{View, undone};
use crate::slides::Remembered;
use crate::{Composition, SlideError, Slides};
use bytes::Bytes;

impl Slides {
    /// Makes the picture tile by tile: what it takes does not grow with the number of channels.
    pub(super) async fn of_channels(
        &self,
        (found, level): (&Remembered, u32),
        plan: Plan,
        (view, z_nm): (View, Option<i64>),
        composition: &Composition,
    ) -> Result<Bytes, SlideError> {
        let seat = self.derived.seat(plan.work).await?;
        let tile = plan.cut.tile;
        let mut drawing = Drawing::begin(plan.cut, 0, seat).await?;
        for row in plan.rows.clone() {
            for column in plan.columns.clone() {
                let places = self.places_of(found, (level, column, row), z_nm, composition).await?;
                let raster = self.composed(composition, &places, tile).await?;
                drawing = blocking(move || {
                    drawing.mosaic.put(column, raster).map_err(undone)?;
                    Ok(drawing)
                })
                .await?;
            }
            drawing = blocking(move || {
                drawing.mosaic.end_row(row);
                Ok(drawing)
            })
            .await?;
        }
        blocking(move || {
            let Drawing { mosaic, seat: _seat } = drawing;
            finish(mosaic, &view, None)
        })
        .await
    }
}

/// A validator: of all that is done to the level's frames, and of which of them it is done to.
pub(super) fn etag(
    found: &Remembered,
    level: u32,
    view: &View,
    (composition, seen): (&Composition, &Seen),
) -> String {
    let parts = found.levels.get(level as usize).into_iter().flatten();
    let stored: Vec<_> = parts.map(|part| *part.sha256()).collect();
    // The layout says which frames of them are which plane of which channel.
    etag_of(&stored, &format!("{level} {} {:?} {composition}", found.revision, seen.layer.z_nm), view)
}
