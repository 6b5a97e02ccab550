//! Tiled pyramidal TIFF and BigTIFF of any other writer, OME-TIFF with its levels in SubIFDs among them, of one image or of
//! channels and focal planes.
//!
//! Trestle's files look like one too, but their tiles overlap: side by side they would be another picture.

use super::pyramid::{self, Gathered};
use super::stack::Stacked;
use super::tiles::{Form, TiledImage};
use super::{OpticalPath, Plan, Reader, TileSource, ome, tag};
use crate::tiff::{DIRECTORIES_MAX, Directory, Tiff};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

/// What Trestle's scanners begin their Software tag with.
const TRESTLE: &str = "MedScan";
/// Bytes of a Software tag that say whose it is.
const SOFTWARE_BYTES: u64 = 64;

/// Images of all levels of all channels and focal planes.
const IMAGES_MAX: usize = 2048;

pub(super) struct GenericTiff;

impl Reader for GenericTiff {
    fn recognises(&self, tiff: &Tiff) -> bool {
        tiff.directories[0].has(tag::TILE_WIDTH)
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let first = &tiff.directories[0];
        if tiff.text_start(first, tag::SOFTWARE, SOFTWARE_BYTES).starts_with(TRESTLE) {
            return Err(SlideError::Unsupported("a Trestle file, whose tiles overlap"));
        }
        let text = pyramid::description(tiff, first)?;
        let ome = ome::Facts::of(&text)?;
        let samples = Form::of(tiff, first)?.samples;
        let layout = ome.as_ref().map(|facts| facts.layout(samples)).transpose()?.flatten();
        let mut gathered = Gathered::default();
        let levels = match &layout {
            Some(layout) => stacked(tiff, layout, &mut gathered.omitted, limits)?,
            None => {
                gathered.level(TiledImage::of(tiff, first, limits)?)?;
                for directory in tiff.sub_directories(first, tag::SUB_IFDS, DIRECTORIES_MAX)? {
                    take(tiff, &directory, "a reduced image", &mut gathered, limits)?;
                }
                Vec::new()
            }
        };
        let is_taken = |number: usize| match &layout {
            Some(layout) => layout.directories.contains(&number),
            None => number == 0,
        };
        for (number, directory) in tiff.directories.iter().enumerate() {
            if is_taken(number) {
                continue;
            }
            let named = ome.as_ref().and_then(|facts| facts.kind_of(number));
            let kind = match named {
                Some(kind) => Some(kind),
                None => small_kind(tiff, directory)?,
            };
            match kind {
                Some(kind) => gathered.associated(kind, tiff, directory, limits)?,
                None => take(tiff, directory, &format!("image {number}"), &mut gathered, limits)?,
            }
        }
        let mut scan = ome.map(|facts| facts.scan).unwrap_or_default();
        scan.icc_profile = pyramid::icc_profile(tiff, first);
        if scan.mpp_um.is_none() {
            scan.mpp_um = pyramid::resolution(tiff, first)?;
        }
        // Colour is one path, of white light.
        let channels = if samples == 1 { layout.as_ref().map_or(1, |layout| layout.channels) } else { 0 };
        scan.paths.truncate(channels);
        scan.paths.extend((scan.paths.len()..channels).map(OpticalPath::numbered));
        let levels = if levels.is_empty() { gathered.checked_levels(tiff, limits)? } else { levels };
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "tiled TIFF", levels, associated, omitted, refused: None, scan })
    }
}

/// The levels of an image of several planes: each plane has its smaller ones in its own SubIFDs (OME-TIFF 6.0).
fn stacked(
    tiff: &Arc<Tiff>,
    layout: &ome::Layout,
    omitted: &mut Vec<String>,
    limits: &Limits,
) -> Result<Vec<Arc<dyn TileSource>>, SlideError> {
    let layers = layout.directories.len();
    let mut levels: Vec<Vec<Arc<TiledImage>>> = Vec::new();
    let mut images = 0;
    for (done, number) in layout.directories.iter().enumerate() {
        let plane = tiff
            .directories
            .get(*number)
            .ok_or(SlideError::Damaged("a channel or focal plane of an OME-TIFF is missing"))?;
        let smaller = tiff.sub_directories(plane, tag::SUB_IFDS, pyramid::LEVELS_MAX - 1)?;
        images += 1 + smaller.len();
        if images > IMAGES_MAX {
            return Err(SlideError::OverLimit("images of its channels and focal planes"));
        }
        for (level, directory) in std::iter::once(plane).chain(&smaller).enumerate() {
            if level == levels.len() && done == 0 {
                levels.push(Vec::new());
            }
            let Some(level) = levels.get_mut(level) else { break };
            let image = TiledImage::layer(tiff, directory, layers as u64, limits);
            level.push(Arc::new(image.map_err(|error| as_shown_in_part(error, layout))?));
        }
    }
    let mut kept: Vec<Vec<Arc<TiledImage>>> = Vec::new();
    for level in levels {
        let size = |level: &[Arc<TiledImage>]| level.first().map(|image| image.geometry);
        let is_level = match (kept.last().and_then(|before| size(before)), size(&level)) {
            (None, _) => true,
            (Some(before), Some(own)) => {
                own.width < before.width && pyramid::is_alike((own.width.into(), own.height.into()), &before)
            }
            (Some(_), None) => false,
        };
        if is_level && level.len() == layers {
            kept.push(level);
        } else {
            omitted.push("smaller images that not every channel and focal plane has".to_owned());
            break;
        }
    }
    pyramid::check_total(tiff, &kept.iter().map(Vec::as_slice).collect::<Vec<_>>(), limits)?;
    let stack = |level: Vec<Arc<TiledImage>>| {
        let layers = level.into_iter().map(|image| image as Arc<dyn TileSource>).collect();
        Stacked::of(layers, layout.planes_nm.clone(), limits)
    };
    kept.into_iter().map(stack).collect()
}

/// What another reader shows of it is one plane, whatever its tiles are refused for.
fn as_shown_in_part(error: SlideError, layout: &ome::Layout) -> SlideError {
    match error {
        SlideError::Unsupported(_) if layout.channels > 1 => SlideError::Unsupported(ome::CHANNELS),
        SlideError::Unsupported(_) => SlideError::Unsupported(ome::STACK),
        other => other,
    }
}

/// A label or a macro says so, in words; anything else that is no level is left out.
fn small_kind(tiff: &Tiff, directory: &Directory) -> Result<Option<AssociatedKind>, SlideError> {
    let name = pyramid::description(tiff, directory)?.to_lowercase();
    Ok(match name.trim() {
        "label" | "label image" => Some(AssociatedKind::Label),
        "macro" | "macro image" | "overview" => Some(AssociatedKind::Overview),
        "thumbnail" => Some(AssociatedKind::Thumbnail),
        _ => None,
    })
}

/// Takes a further image as a level when it is one, and names it otherwise.
fn take(
    tiff: &Arc<Tiff>,
    directory: &Directory,
    name: &str,
    gathered: &mut Gathered,
    limits: &Limits,
) -> Result<(), SlideError> {
    let form = Form::of(tiff, directory)?;
    let is_mask = tiff.uint(directory, tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 4 != 0;
    if directory.has(tag::TILE_WIDTH) && pyramid::is_level(&form, &gathered.levels) && !is_mask {
        return gathered.level(TiledImage::of(tiff, directory, limits)?);
    }
    gathered.omitted.push(format!("{name}: of unknown kind"));
    Ok(())
}
