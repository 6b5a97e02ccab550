//! Ventana (Roche) BIF whose tiles lie side by side: one area, no overlap, nothing to compose.
//!
//! A camera's tiles overlap by a few pixels in most of these files; the XML of level 0 says by how many. What overlaps
//! has to be decoded and composed, which is not for this reader.

use super::pyramid::{self, Gathered};
use super::tiles::TiledImage;
use super::{Plan, Reader, Scan, tag};
use crate::tiff::{Directory, Tiff};
use crate::xml::{self, Attributes, Node};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

/// Bytes of XML in all of a file's images together.
const XML_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a description that hold the number of its level.
const LEVEL_BYTES: u64 = 64;

pub(super) struct Bif;

impl Reader for Bif {
    fn recognises(&self, tiff: &Tiff) -> bool {
        let mut packets = Packets::default();
        tiff.directories.iter().any(|directory| is_level(tiff, directory).is_some_and(|level| level == 0))
            && tiff
                .directories
                .iter()
                .any(|directory| packets.next(tiff, directory).is_ok_and(|packet| packet.contains("<iScan")))
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let mut gathered = Gathered::default();
        let mut facts = Facts::default();
        let mut levels = Vec::new();
        let mut packets = Packets::default();
        for (number, directory) in tiff.directories.iter().enumerate() {
            let packet = packets.next(tiff, directory)?;
            if !packet.is_empty() {
                facts.read(&packet)?;
            }
            if let Some(level) = is_level(tiff, directory) {
                levels.push((level, directory));
                continue;
            }
            let name = pyramid::description(tiff, directory)?.replace('_', " ").to_lowercase();
            match name.trim() {
                "label image" => gathered.associated(AssociatedKind::Overview, tiff, directory, limits)?,
                "thumbnail" => gathered.associated(AssociatedKind::Thumbnail, tiff, directory, limits)?,
                "probability image" => gathered.omitted.push("the probability image".to_owned()),
                _ => gathered.omitted.push(format!("image {number}: of unknown kind")),
            }
        }
        levels.sort_by_key(|(level, _)| *level);
        let Some((0, base)) = levels.first() else {
            return Err(SlideError::Damaged("it has no level 0"));
        };
        let icc_profile = pyramid::icc_profile(tiff, base);
        for (_, directory) in &levels {
            gathered.level(TiledImage::of(tiff, directory, limits)?)?;
        }
        let grid = gathered.levels.first().map(|level| (level.geometry.tiles_x(), level.geometry.tiles_y()));
        facts.refuse_what_must_be_composed(grid.unwrap_or_default())?;
        let scan = Scan { icc_profile, ..facts.scan };
        let levels = gathered.checked_levels(tiff, limits)?;
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "Ventana BIF", levels, associated, omitted, refused: None, scan })
    }
}

/// The XML of one image after another: what all of it may take is counted for the file.
#[derive(Default)]
struct Packets {
    bytes: u64,
}

impl Packets {
    /// Empty when an image has none.
    fn next(&mut self, tiff: &Tiff, directory: &Directory) -> Result<String, SlideError> {
        let left = XML_BYTES_MAX.saturating_sub(self.bytes);
        let packet = tiff.bytes(directory, tag::XML_PACKET, left)?.unwrap_or_default();
        self.bytes += packet.len() as u64;
        Ok(String::from_utf8_lossy(&packet).trim_end_matches('\0').to_owned())
    }
}

/// The level that `level=0 mag=40 quality=90` names.
fn is_level(tiff: &Tiff, directory: &Directory) -> Option<u32> {
    let description = tiff.text_start(directory, tag::IMAGE_DESCRIPTION, LEVEL_BYTES);
    let level = description.trim().strip_prefix("level=")?.split_ascii_whitespace().next()?;
    directory.has(tag::TILE_WIDTH).then(|| level.parse().ok())?
}

/// What the XML says.
#[derive(Default)]
struct Facts {
    scan: Scan,
    /// Scanned areas, by columns and rows of tiles.
    areas: Vec<(u64, u64)>,
    overlaps: bool,
    has_stitching: bool,
}

impl Facts {
    fn read(&mut self, text: &str) -> Result<(), SlideError> {
        // Some writers put bytes behind the root, or NULs.
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        xml::walk(text, |path, node| {
            if let Node::Begin(attributes) = node {
                self.element(path.last().map(String::as_str).unwrap_or_default(), attributes);
            }
            Ok(())
        })
    }

    fn element(&mut self, element: &str, attributes: &Attributes) {
        match element {
            "iScan" => {
                let own = |name| {
                    attributes.get(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
                };
                let mpp = attributes.get("ScanRes").and_then(pyramid::positive);
                self.scan.manufacturer = Some("Ventana".to_owned());
                self.scan.model = own("ScannerModel")
                    .map(|model| model.trim_start_matches("VENTANA").trim().to_owned())
                    .or_else(|| Some("iScan".to_owned()));
                self.scan.serial_number = own("UnitNumber");
                self.scan.barcodes = ["Barcode2D", "Barcode1D"].into_iter().filter_map(own).collect();
                self.scan.software = own("BuildVersion");
                self.scan.objective = attributes.get("Magnification").and_then(pyramid::power);
                self.scan.mpp_um = mpp.and_then(|mpp| pyramid::plausible_mpp(mpp, mpp));
            }
            "EncodeInfo" => self.has_stitching = true,
            "ImageInfo" if attributes.get("AOIScanned").is_none_or(|scanned| scanned == "1") => {
                let number = |name| attributes.number::<u64>(name).unwrap_or(0);
                // A second one is enough to know that there are several.
                if self.areas.len() < 2 {
                    self.areas.push((number("NumCols"), number("NumRows")));
                }
            }
            "TileJointInfo" => {
                let is_zero = |name| attributes.number::<f64>(name).is_none_or(|overlap| overlap == 0.0);
                let is_joined = attributes.get("FlagJoined").is_none_or(|joined| joined == "1");
                self.overlaps |= is_joined && !(is_zero("OverlapX") && is_zero("OverlapY"));
            }
            _ => {}
        }
    }

    /// Tiles side by side fill level 0 exactly: any other arrangement takes composing.
    fn refuse_what_must_be_composed(&self, (columns, rows): (u32, u32)) -> Result<(), SlideError> {
        if !self.has_stitching {
            return Err(SlideError::Unsupported("a Ventana file that does not say how its tiles join"));
        }
        if self.overlaps {
            return Err(SlideError::Unsupported("a Ventana file whose tiles overlap"));
        }
        match self.areas[..] {
            [area] if area == (columns.into(), rows.into()) => Ok(()),
            [_] => Err(SlideError::Unsupported("a Ventana file with more than the scanned area")),
            _ => Err(SlideError::Unsupported("a Ventana file with several scanned areas")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_areas_two_are_remembered() {
        let areas = "<ImageInfo AOIScanned=\"1\" NumRows=\"3\" NumCols=\"4\"/>".repeat(10_000);
        let mut facts = Facts::default();
        facts.read(&format!("<EncodeInfo>{areas}</EncodeInfo>")).unwrap();
        assert_eq!(facts.areas, [(4, 3); 2]);
        assert!(matches!(facts.refuse_what_must_be_composed((4, 3)), Err(SlideError::Unsupported(_))));
    }
}
