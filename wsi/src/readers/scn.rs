//! Leica SCN: a BigTIFF whose XML says which directories are which image. The image of the whole collection is the
//! macro; a scanned region is a pyramid.

use super::pyramid::{self, Gathered};
use super::tiles::TiledImage;
use super::{Plan, Reader, Scan, tag};
use crate::tiff::{Directory, Tiff};
use crate::xml::{self, Attributes, Node, base64_text};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

/// Why a file is not taken of which another reader shows one plane of one channel.
pub(super) const STACK: &str = "a Leica file with several focal planes or channels";

const XML_BYTES_MAX: u64 = 16 << 20;
/// The schema's name without its date.
const SCHEMA: &str = "http://www.leica-microsystems.com/scn/";
/// Bytes of the XML that hold the name of its schema.
const ROOT_BYTES: u64 = 2048;
/// Images and their parts that the XML may name, each.
const IMAGES_MAX: usize = 1024;

pub(super) struct Scn;

impl Reader for Scn {
    fn recognises(&self, tiff: &Tiff) -> bool {
        let first = &tiff.directories[0];
        first.has(tag::TILE_WIDTH)
            && tiff.text_start(first, tag::IMAGE_DESCRIPTION, ROOT_BYTES).contains(SCHEMA)
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let collection =
            Collection::of(&tiff.text(&tiff.directories[0], tag::IMAGE_DESCRIPTION, XML_BYTES_MAX)?)?;
        let (macros, regions): (Vec<_>, Vec<_>) =
            collection.images.iter().partition(|image| image.is_whole(collection.size_nm));
        let [region] = regions.as_slice() else {
            return Err(SlideError::Unsupported(match regions.len() {
                0 => "a Leica file without a scanned region",
                _ => "a Leica file with several scanned regions",
            }));
        };
        if region.is_stack {
            return Err(SlideError::Unsupported(STACK));
        }
        let mut gathered = Gathered::default();
        let mut parts = region.parts.clone();
        parts.sort_by_key(|part| std::cmp::Reverse(part.size.0));
        for part in &parts {
            let directory = part.directory(tiff)?;
            gathered.level(TiledImage::part(tiff, directory, part.size, (0, 0), limits)?)?;
        }
        if macros.len() > 1 {
            gathered.omitted.push("further overviews".to_owned());
        }
        if let Some(image) = macros.first() {
            // As large as there is: labels are to be read.
            if let Some(part) = image.parts.iter().max_by_key(|part| part.size.0) {
                let directory = part.directory(tiff)?;
                gathered.associated(AssociatedKind::Overview, tiff, directory, limits)?;
            }
        }
        let Some(base) = parts.first() else {
            return Err(SlideError::Damaged("a scanned region has no image"));
        };
        let um = |nm: f64, pixels: u64| nm / 1000.0 / pixels as f64;
        let mpp_um =
            pyramid::plausible_mpp(um(region.size_nm.0, base.size.0), um(region.size_nm.1, base.size.1));
        let icc_profile = pyramid::icc_profile(tiff, base.directory(tiff)?);
        let barcodes = collection.barcodes.clone();
        let scan = Scan { mpp_um, icc_profile, barcodes, ..region.scan.clone() };
        let levels = gathered.checked_levels(tiff, limits)?;
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "Leica SCN", levels, associated, omitted, refused: None, scan })
    }
}

/// What is on the glass.
#[derive(Default)]
struct Collection {
    /// Nanometres.
    size_nm: (f64, f64),
    barcodes: Vec<String>,
    images: Vec<Image>,
}

#[derive(Default)]
struct Image {
    /// Nanometres, of its view.
    size_nm: (f64, f64),
    offset_nm: (f64, f64),
    parts: Vec<Part>,
    /// Whether there is more than one plane or channel.
    is_stack: bool,
    scan: Scan,
}

/// A `dimension`: one image of the TIFF.
#[derive(Debug, Clone, Copy)]
struct Part {
    size: (u64, u64),
    directory: usize,
}

impl Part {
    fn directory(self, tiff: &Tiff) -> Result<&Directory, SlideError> {
        tiff.directories
            .get(self.directory)
            .ok_or(SlideError::Damaged("its XML names an image that it does not have"))
    }
}

impl Image {
    /// Whether it shows the whole collection, and so the label.
    fn is_whole(&self, size_nm: (f64, f64)) -> bool {
        self.offset_nm == (0.0, 0.0) && self.size_nm == size_nm
    }
}

impl Collection {
    fn of(text: &str) -> Result<Self, SlideError> {
        let mut collection = Self::default();
        xml::walk(text, |path, node| {
            let element = path.last().map(String::as_str).unwrap_or_default();
            match node {
                Node::Begin(attributes) => collection.begin(element, attributes)?,
                Node::Text(text) => collection.text(element, text),
                Node::End => {}
            }
            Ok(())
        })?;
        Ok(collection)
    }

    fn begin(&mut self, element: &str, attributes: &Attributes) -> Result<(), SlideError> {
        let pair =
            |x: &str, y: &str| (attributes.number(x).unwrap_or(0.0), attributes.number(y).unwrap_or(0.0));
        const MANY: SlideError = SlideError::OverLimit("images in its XML");
        if element == "image" {
            if self.images.len() >= IMAGES_MAX {
                return Err(MANY);
            }
            self.images.push(Image::default());
        }
        let Some(image) = self.images.last_mut() else {
            if element == "collection" {
                self.size_nm = pair("sizeX", "sizeY");
            }
            return Ok(());
        };
        match element {
            "view" => {
                image.size_nm = pair("sizeX", "sizeY");
                image.offset_nm = pair("offsetX", "offsetY");
            }
            "dimension" => {
                let is_first = |axis| attributes.number::<u64>(axis).is_none_or(|place| place == 0);
                if !is_first("z") || !is_first("c") {
                    image.is_stack = true;
                    return Ok(());
                }
                const BAD: SlideError =
                    SlideError::Damaged("its XML describes an image without a size or a place");
                let number = |name| attributes.number::<u64>(name).ok_or(BAD);
                let directory = usize::try_from(number("ifd")?).map_err(|_| BAD)?;
                if image.parts.len() >= IMAGES_MAX {
                    return Err(MANY);
                }
                image.parts.push(Part { size: (number("sizeX")?, number("sizeY")?), directory });
            }
            "device" => {
                image.scan.manufacturer = Some("Leica".to_owned());
                image.scan.model = attributes.get("model").and_then(model);
                image.scan.software = attributes.get("version").map(str::to_owned);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, element: &str, text: &str) {
        // The one of the collection stands before its images.
        if element == "barcode" && self.images.is_empty() {
            self.barcodes.extend(base64_text(text));
        }
        let Some(image) = self.images.last_mut() else { return };
        match element {
            "objective" => image.scan.objective = pyramid::power(text),
            "creationDate" => (image.scan.date, image.scan.time) = pyramid::date_and_time(text),
            _ => {}
        }
    }
}

/// `Leica SCN400;Leica SCN` names the scanner first.
fn model(text: &str) -> Option<String> {
    let name = text.split(';').next().unwrap_or_default().trim();
    let name = name.strip_prefix("Leica ").unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}
