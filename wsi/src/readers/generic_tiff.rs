//! Tiled pyramidal TIFF and BigTIFF of any other writer, OME-TIFF with its levels in SubIFDs among them.
//!
//! Trestle's files look like one too, but their tiles overlap: side by side they would be another picture.

use super::pyramid::{self, Gathered};
use super::tiles::{Form, TiledImage};
use super::{Plan, Reader, ome, tag};
use crate::tiff::{Directory, Tiff};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

/// What Trestle's scanners begin their Software tag with.
const TRESTLE: &str = "MedScan";
/// Bytes of a Software tag that say whose it is.
const SOFTWARE_BYTES: u64 = 64;

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
        if ome.as_ref().is_some_and(|facts| facts.channels > 1) && Form::of(tiff, first)?.samples == 1 {
            return Err(SlideError::Unsupported(ome::CHANNELS));
        }
        let mut gathered = Gathered::default();
        gathered.level(TiledImage::of(tiff, first, limits)?)?;
        for directory in tiff.sub_directories(first, tag::SUB_IFDS)? {
            take(tiff, &directory, "a reduced image", &mut gathered, limits)?;
        }
        for (number, directory) in tiff.directories.iter().enumerate().skip(1) {
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
        let levels = gathered.checked_levels(tiff, limits)?;
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "tiled TIFF", levels, associated, omitted, refused: None, scan })
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
