//! Softcopy Presentation States (PS3.3 §A.33.1–3, PS3.4 §N): grayscale, colour and pseudo-colour ones, applied to a
//! picture of an image that they are for.
//!
//! Applied: Modality LUT or rescale, Softcopy VOI LUT (window, function, table), Presentation LUT (shape, table), palette,
//! ICC profile, overlays that are activated, shutters of every shape, displayed area with rotation and flip, graphic and
//! text annotations. Not applied, and said in a `Warning` header: masks, compound graphics, true size (a picture does
//! not know the pixels of the display that it will be seen on), and graphics without end.

mod area;
mod graphics;
mod ink;

use super::look::{Look, Palette, Plane, table, window_of};
use crate::dicomweb::problem::WebError;
use crate::transcode;
use bytes::Bytes;
use codec::{Overlay, Polarity, Presentation, Shutter, Table, Window, WindowFunction};
use dataset::{Dataset, Rendering, tags};
use model::{Sha256, Uid};
use storage::{InstanceRef, Storage};

/// Grayscale, Color, and Pseudo-Color Softcopy Presentation State Storage.
const KINDS: [&str; 3] =
    ["1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2", "1.2.840.10008.5.1.4.1.1.11.3"];

/// Whether an instance is a presentation state that can be applied.
#[must_use]
pub fn is_state(instance: &InstanceRef) -> bool {
    KINDS.contains(&instance.sop_class().as_str())
}

/// A presentation state, read.
#[derive(Debug, Clone)]
pub struct State {
    sha256: Sha256,
    dataset: Dataset,
    look: Look,
    voi: Vec<Voi>,
    presentation_table: Option<Table>,
}

/// An item of the Softcopy VOI LUT Sequence.
#[derive(Debug, Clone)]
struct Voi {
    /// The images that it is for; all when empty.
    images: Vec<Reference>,
    window: Option<(Window, WindowFunction)>,
    table: Option<Table>,
}

/// How a state wants one image to be shown.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The state's content: what a picture's entity tag depends on.
    pub sha256: Sha256,
    /// Rescale Slope and Intercept in place of the image's own.
    pub rescale: Option<(f64, f64)>,
    /// Window in place of the image's own.
    pub window: Option<(Window, WindowFunction)>,
    /// Everything else.
    pub presentation: Presentation,
    /// Whether the image's own window counts no more.
    pub has_voi: bool,
    /// Overlay groups that are shown, with the state's own bits where it has some.
    pub overlays: Vec<Activated>,
    /// What the image's colours are.
    pub profile: Option<Bytes>,
    /// What is not applied.
    pub left_out: Vec<&'static str>,
}

/// An overlay that the state shows.
#[derive(Debug, Clone)]
pub enum Activated {
    /// Its own.
    Own(Plane),
    /// That of the image, of this group.
    OfImage(u16),
}

impl Activated {
    /// The bits for a frame, counted from 0, of an image that has these overlays.
    #[must_use]
    pub fn of_frame(&self, image: &[Plane], frame: u32) -> Option<Overlay> {
        match self {
            Self::Own(plane) => plane.of_frame(frame),
            Self::OfImage(group) => image.iter().find(|plane| plane.group == *group)?.of_frame(frame),
        }
    }
}

impl State {
    /// Reads a stored presentation state.
    ///
    /// # Errors
    /// [`WebError::NotAcceptable`] when it is none, or of another kind.
    pub async fn read(storage: &Storage, instance: &InstanceRef) -> Result<Self, WebError> {
        if !is_state(instance) {
            return Err(WebError::NotAcceptable(
                "of presentation states grayscale, colour and pseudo-colour softcopy ones are applied".into(),
            ));
        }
        let dataset = transcode::scan(storage, instance).await?.dataset;
        let look = Look::read(storage, instance, &dataset).await?;
        let mut voi = Vec::new();
        for item in dataset.items(tags::SOFTCOPY_VOILUT_SEQUENCE) {
            voi.push(Voi {
                images: references(item),
                window: Rendering::from_groups(item, None).as_ref().and_then(window_of),
                table: table(storage, instance, item.items(tags::VOILUT_SEQUENCE)).await?,
            });
        }
        let items = dataset.items(tags::PRESENTATION_LUT_SEQUENCE);
        let presentation_table = table(storage, instance, items).await?;
        Ok(Self { sha256: *instance.sha256(), dataset, look, voi, presentation_table })
    }

    /// The images that it is for: Series Instance UID, SOP Instance UID, and the first frame, counted from 0.
    #[must_use]
    pub fn images(&self) -> Vec<(Uid, Uid, u32)> {
        let mut images = Vec::new();
        for series in self.dataset.items(tags::REFERENCED_SERIES_SEQUENCE) {
            let Some(uid) = series.uid(tags::SERIES_INSTANCE_UID) else { continue };
            images.extend(references(series).into_iter().map(|reference| {
                let first = reference.frames.first().map_or(0, |frame| frame - 1);
                (uid.clone(), reference.image, first)
            }));
        }
        images
    }

    /// How a frame (counted from 0) of an image of so many columns and rows is to be shown.
    #[must_use]
    pub fn apply(&self, image: &Uid, frame: u32, columns: u32, rows: u32) -> Applied {
        let mut presentation = Presentation {
            modality_table: self.look.modality_table.clone(),
            presentation_table: self.presentation_table.clone(),
            polarity: match self.dataset.text(tags::PRESENTATION_LUT_SHAPE).as_deref() {
                Some("INVERSE") => Polarity::Inverse,
                _ => Polarity::Identity,
            },
            pseudo_colours: self.pseudo_colours(),
            shutters: self.shutters(),
            shutter_colour: ink::of_shutter(&self.dataset),
            ..Presentation::default()
        };
        let mut left_out = self.left_out();
        let shown = (image, frame);
        area::apply(&self.dataset, shown, (columns, rows), &mut presentation, &mut left_out);
        graphics::apply(&self.dataset, shown, &mut presentation, &mut left_out);
        let has_rescale = self.dataset.get(tags::RESCALE_SLOPE).is_some();
        let voi = self.voi.iter().find(|voi| covers(&voi.images, shown));
        presentation.voi_table = voi.and_then(|voi| voi.table.clone());
        Applied {
            sha256: self.sha256,
            rescale: Some(self.look.frame(0)).filter(|_| has_rescale).map(|own| (own.slope, own.intercept)),
            window: voi.and_then(|voi| voi.window),
            presentation,
            has_voi: voi.is_some(),
            overlays: self.activated(),
            profile: self.look.profile.clone(),
            left_out,
        }
    }

    fn pseudo_colours(&self) -> Vec<[u8; 3]> {
        self.look.palette.as_ref().map(|(_, colours): &Palette| colours.clone()).unwrap_or_default()
    }

    /// Overlays with an Overlay Activation Layer (PS3.3 §C.11.7).
    fn activated(&self) -> Vec<Activated> {
        let layer_of = |group| self.dataset.text(dataset::Tag(group, 0x1001));
        let groups = (0x6000..=0x601E).step_by(2).filter(|group| layer_of(*group).is_some());
        let of_group = |group| match self.look.overlays.iter().find(|plane| plane.group == group) {
            Some(plane) => Activated::Own(plane.clone()),
            None => Activated::OfImage(group),
        };
        groups.map(of_group).collect()
    }

    fn shutters(&self) -> Vec<Shutter> {
        let dataset = &self.dataset;
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
            "BITMAP" => {
                let group = dataset.integer(tags::SHUTTER_OVERLAY_GROUP)?;
                let plane = self.look.overlays.iter().find(|plane| i64::from(plane.group) == group)?;
                plane.bits(0).map(Shutter::Bitmap)
            }
            _ => None,
        };
        // There are four shapes.
        dataset.texts(tags::SHUTTER_SHAPE).into_iter().take(4).filter_map(shutter).collect()
    }

    fn left_out(&self) -> Vec<&'static str> {
        let has = |tag| !self.dataset.items(tag).is_empty();
        let is_bitmap = self.dataset.texts(tags::SHUTTER_SHAPE).iter().any(|shape| shape == "BITMAP");
        let has_bitmap = self.shutters().iter().any(|shutter| matches!(shutter, Shutter::Bitmap(_)));
        [(has(tags::MASK_SUBTRACTION_SEQUENCE), "mask"), (is_bitmap && !has_bitmap, "bitmap shutter")]
            .into_iter()
            .filter_map(|(is_there, what)| is_there.then_some(what))
            .collect()
    }
}

/// An image that an item refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    image: Uid,
    /// Frames counted from 1; all when empty.
    frames: Vec<u32>,
}

/// The images that an item refers to.
fn references(item: &Dataset) -> Vec<Reference> {
    let reference = |reference: &Dataset| {
        let frames = reference.numbers(tags::REFERENCED_FRAME_NUMBER);
        let frames = frames.into_iter().filter(|frame| *frame >= 1.0).map(|frame| frame as u32).collect();
        Some(Reference { image: reference.uid(tags::REFERENCED_SOP_INSTANCE_UID)?, frames })
    };
    item.items(tags::REFERENCED_IMAGE_SEQUENCE).iter().filter_map(reference).collect()
}

/// Whether what refers to these images is for a frame (counted from 0) of one: it names it, or none at all.
fn covers(references: &[Reference], (image, frame): (&Uid, u32)) -> bool {
    let names = |reference: &Reference| {
        let is_frame = |number: &u32| u64::from(*number) == u64::from(frame) + 1;
        reference.image == *image && (reference.frames.is_empty() || reference.frames.iter().any(is_frame))
    };
    references.is_empty() || references.iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_image_is_for_all_and_no_frame_for_all_frames() {
        let [one, other] = ["1.1", "1.2"].map(|uid| Uid::parse(uid).unwrap());
        let whole = [Reference { image: one.clone(), frames: vec![] }];
        let frames = [Reference { image: one.clone(), frames: vec![2, 4] }];
        assert!(covers(&[], (&one, 0)) && covers(&whole, (&one, 7)) && !covers(&whole, (&other, 7)));
        let seen: Vec<u32> = (0..6).filter(|frame| covers(&frames, (&one, *frame))).collect();
        assert_eq!(seen, [1, 3]);
    }
}
