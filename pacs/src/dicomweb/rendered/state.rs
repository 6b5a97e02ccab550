//! Grayscale Softcopy Presentation State (PS3.3 §A.33.1, PS3.4 §N): what of it is applied to a picture.
//!
//! Applied: Modality LUT or rescale, Softcopy VOI LUT (window, function, table), Presentation LUT Shape, Displayed Area
//! (as a region), horizontal flip and rotation by 180°, rectangular, circular and polygonal shutters. Not applied, and said
//! in a `Warning` header: graphic and text annotations, overlays, bitmap shutters, masks, a Presentation LUT table.

use super::look::{Look, table, window_of};
use crate::dicomweb::problem::WebError;
use crate::transcode;
use codec::{Direction, Polarity, Presentation, Region, Shutter, Table, Window, WindowFunction};
use dataset::{Dataset, Rendering, tags};
use model::Uid;
use storage::{InstanceRef, Storage};

/// Grayscale Softcopy Presentation State Storage.
pub const GRAYSCALE: &str = "1.2.840.10008.5.1.4.1.1.11.1";

/// A presentation state, read.
#[derive(Debug, Clone)]
pub struct State {
    dataset: Dataset,
    look: Look,
    voi: Vec<Voi>,
}

/// An item of the Softcopy VOI LUT Sequence.
#[derive(Debug, Clone)]
struct Voi {
    /// The images that it is for; all when empty.
    images: Vec<Uid>,
    window: Option<(Window, WindowFunction)>,
    table: Option<Table>,
}

/// How a state wants one image to be shown.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// Rescale Slope and Intercept in place of the image's own.
    pub rescale: Option<(f64, f64)>,
    /// Window in place of the image's own.
    pub window: Option<(Window, WindowFunction)>,
    /// Everything else.
    pub presentation: Presentation,
    /// Whether the image's own window counts no more.
    pub has_voi: bool,
    /// What is not applied.
    pub left_out: Vec<&'static str>,
}

impl State {
    /// Reads a stored presentation state.
    pub async fn read(storage: &Storage, instance: &InstanceRef) -> Result<Self, WebError> {
        if instance.sop_class().as_str() != GRAYSCALE {
            return Err(WebError::NotAcceptable(
                "of presentation states only grayscale softcopy ones are applied".into(),
            ));
        }
        let dataset = transcode::scan(storage, instance).await?.dataset;
        let look = Look::read(storage, instance, &dataset).await?;
        let mut voi = Vec::new();
        for item in dataset.items(tags::SOFTCOPY_VOILUT_SEQUENCE) {
            voi.push(Voi {
                images: images_of(item).into_iter().map(|(image, _)| image).collect(),
                window: Rendering::from_groups(item, None).as_ref().and_then(window_of),
                table: table(storage, instance, item.items(tags::VOILUT_SEQUENCE)).await?,
            });
        }
        Ok(Self { dataset, look, voi })
    }

    /// The images that it is for: Series Instance UID, SOP Instance UID, and the first frame, counted from 0.
    #[must_use]
    pub fn images(&self) -> Vec<(Uid, Uid, u32)> {
        let mut images = Vec::new();
        for series in self.dataset.items(tags::REFERENCED_SERIES_SEQUENCE) {
            let Some(uid) = series.uid(tags::SERIES_INSTANCE_UID) else { continue };
            images.extend(images_of(series).into_iter().map(|(image, frame)| (uid.clone(), image, frame)));
        }
        images
    }

    /// How an image of so many columns and rows is to be shown.
    pub fn apply(&self, image: &Uid, columns: u32, rows: u32) -> Result<Applied, WebError> {
        let mut applied = Applied { left_out: self.left_out(), ..Applied::default() };
        applied.presentation.modality_table = self.look.modality_table.clone();
        if self.dataset.get(tags::RESCALE_SLOPE).is_some() {
            let rescale = self.look.frame(0);
            applied.rescale = Some((rescale.slope, rescale.intercept));
        }
        let voi = self.voi.iter().find(|voi| voi.images.is_empty() || voi.images.contains(image));
        if let Some(voi) = voi {
            applied.has_voi = true;
            applied.window = voi.window;
            applied.presentation.voi_table = voi.table.clone();
        }
        applied.presentation.polarity = match self.dataset.text(tags::PRESENTATION_LUT_SHAPE).as_deref() {
            Some("INVERSE") => Polarity::Inverse,
            _ => Polarity::Identity,
        };
        applied.presentation.shutters = shutters(&self.dataset);
        let grey = self.dataset.integer(tags::SHUTTER_PRESENTATION_VALUE).unwrap_or(0);
        applied.presentation.shutter_grey = u8::try_from(grey.clamp(0, 0xFFFF) >> 8).unwrap_or(0);
        applied.presentation.region = self.region(image, columns, rows)?;
        Ok(applied)
    }

    fn region(&self, image: &Uid, columns: u32, rows: u32) -> Result<Option<Region>, WebError> {
        let is_turned = match self.dataset.integer(tags::IMAGE_ROTATION).unwrap_or(0) {
            0 => false,
            180 => true,
            _ => {
                return Err(WebError::NotAcceptable(
                    "the state turns the image by a quarter; that is not done".into(),
                ));
            }
        };
        let is_mirrored = self.dataset.text(tags::IMAGE_HORIZONTAL_FLIP).as_deref() == Some("Y");
        let direction = |is_flipped| if is_flipped { Direction::Flipped } else { Direction::Kept };
        let area = self.dataset.items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE).iter().find(|area| {
            let images = images_of(area);
            images.is_empty() || images.iter().any(|(uid, _)| uid == image)
        });
        let corner = |tag| -> Option<(i64, i64)> {
            let numbers = area?.numbers(tag);
            let [column, row] = numbers.as_slice() else { return None };
            Some((*column as i64, *row as i64))
        };
        let first = corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER).unwrap_or((1, 1));
        let last = corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER)
            .unwrap_or((i64::from(columns), i64::from(rows)));
        let axis = |a: i64, b: i64, whole: u32| {
            let (low, high) = (a.min(b).clamp(1, whole.into()), a.max(b).clamp(1, whole.into()));
            (u32::try_from(low - 1).unwrap_or(0), u32::try_from(high - low + 1).unwrap_or(1))
        };
        let ((left, width), (top, height)) = (axis(first.0, last.0, columns), axis(first.1, last.1, rows));
        Ok(Some(Region {
            left,
            top,
            width,
            height,
            horizontal: direction(is_turned != is_mirrored),
            vertical: direction(is_turned),
        }))
    }

    fn left_out(&self) -> Vec<&'static str> {
        let has = |tag| !self.dataset.items(tag).is_empty();
        let has_overlay =
            self.dataset.elements().iter().any(|e| e.tag.0 & 0xFF01 == 0x6000 && e.tag.1 == 0x3000);
        let is_bitmap = self.dataset.texts(tags::SHUTTER_SHAPE).iter().any(|shape| shape == "BITMAP");
        [
            (has(tags::GRAPHIC_ANNOTATION_SEQUENCE), "annotations"),
            (has(tags::MASK_SUBTRACTION_SEQUENCE), "mask"),
            (has(tags::PRESENTATION_LUT_SEQUENCE), "presentation LUT"),
            (has_overlay, "overlays"),
            (is_bitmap, "bitmap shutter"),
        ]
        .into_iter()
        .filter_map(|(is_there, what)| is_there.then_some(what))
        .collect()
    }
}

/// The images that an item refers to, each with its first frame, counted from 0.
fn images_of(item: &Dataset) -> Vec<(Uid, u32)> {
    let image = |reference: &Dataset| {
        let frame = reference.integer(tags::REFERENCED_FRAME_NUMBER).unwrap_or(1);
        let frame = u32::try_from(frame.max(1) - 1).unwrap_or(u32::MAX);
        Some((reference.uid(tags::REFERENCED_SOP_INSTANCE_UID)?, frame))
    };
    item.items(tags::REFERENCED_IMAGE_SEQUENCE).iter().filter_map(image).collect()
}

fn shutters(dataset: &Dataset) -> Vec<Shutter> {
    let number = |tag| dataset.numbers(tag).first().copied().filter(|n| n.is_finite());
    let pairs = |tag| -> Vec<(f64, f64)> {
        dataset.numbers(tag).chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let shutter = |shape: String| match shape.as_str() {
        "RECTANGULAR" => Some(Shutter::Rectangle(
            number(tags::SHUTTER_LEFT_VERTICAL_EDGE)?,
            number(tags::SHUTTER_RIGHT_VERTICAL_EDGE)?,
            number(tags::SHUTTER_UPPER_HORIZONTAL_EDGE)?,
            number(tags::SHUTTER_LOWER_HORIZONTAL_EDGE)?,
        )),
        "CIRCULAR" => {
            let (row, column) = *pairs(tags::CENTER_OF_CIRCULAR_SHUTTER).first()?;
            Some(Shutter::Circle(row, column, number(tags::RADIUS_OF_CIRCULAR_SHUTTER)?))
        }
        "POLYGONAL" => Some(Shutter::Polygon(pairs(tags::VERTICES_OF_THE_POLYGONAL_SHUTTER))),
        _ => None,
    };
    dataset.texts(tags::SHUTTER_SHAPE).into_iter().filter_map(shutter).collect()
}
