//! OME-XML (OME data model 2016-06) in the description of an OME-TIFF: scale, objective, and what its images are.

use super::{Scan, pyramid};
use crate::xml::{self, Node};
use crate::{AssociatedKind, SlideError};

/// Why a file is not taken of which another reader shows one plane.
pub(super) const STACK: &str = "OME-TIFF with several focal planes or times";
/// Why a file is not taken of which another reader shows one channel.
pub(super) const CHANNELS: &str = "OME-TIFF with several channels";

/// What a slide's import needs of it.
pub(super) struct Facts {
    pub scan: Scan,
    /// Channels of the first image; colour is one.
    pub channels: usize,
    /// Names of images with the directory that their pixels begin at.
    images: Vec<(String, Option<usize>)>,
}

impl Facts {
    /// `None` when the text is no OME-XML.
    ///
    /// # Errors
    /// [`SlideError::Unsupported`] for stacks of focal planes and time series.
    pub fn of(text: &str) -> Result<Option<Self>, SlideError> {
        let start = text.get(..text.floor_char_boundary(2000)).unwrap_or(text);
        if !start.contains("<OME") && !start.contains(":OME") {
            return Ok(None);
        }
        let mut facts = Self { scan: Scan::default(), channels: 0, images: Vec::new() };
        let mut is_stack = false;
        xml::walk(text, |path, node| {
            let element = path.last().map(String::as_str).unwrap_or_default();
            match node {
                Node::Begin(attributes) => match element {
                    "Image" => {
                        facts.images.push((attributes.get("Name").unwrap_or_default().to_lowercase(), None));
                    }
                    "Pixels" if facts.images.len() == 1 => {
                        let several = |name| attributes.number::<u64>(name).is_some_and(|planes| planes > 1);
                        is_stack = several("SizeZ") || several("SizeT");
                        let length = |size: &str| {
                            let value = pyramid::positive(attributes.get(size)?)?;
                            // µm when the unit is missing (OME data model).
                            let unit = attributes.get(&format!("{size}Unit")).unwrap_or("µm");
                            Some(value * um_per(unit)?)
                        };
                        let sides = length("PhysicalSizeX").zip(length("PhysicalSizeY"));
                        facts.scan.mpp_um = sides.and_then(|(x, y)| pyramid::plausible_mpp(x, y));
                    }
                    "Channel" if facts.images.len() == 1 => facts.channels += 1,
                    "TiffData" => {
                        let directory = attributes.number("IFD").unwrap_or(0);
                        if let Some((_, first @ None)) = facts.images.last_mut() {
                            *first = Some(directory);
                        }
                    }
                    "Objective" if facts.scan.objective.is_none() => {
                        facts.scan.objective =
                            attributes.get("NominalMagnification").and_then(pyramid::power);
                    }
                    "Microscope" => {
                        let own =
                            |name| attributes.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
                        facts.scan.manufacturer = own("Manufacturer");
                        facts.scan.model = own("Model");
                        facts.scan.serial_number = own("SerialNumber");
                    }
                    _ => {}
                },
                Node::Text(text) if element == "AcquisitionDate" && facts.images.len() == 1 => {
                    (facts.scan.date, facts.scan.time) = pyramid::date_and_time(text);
                }
                _ => {}
            }
            Ok(())
        })?;
        if is_stack {
            return Err(SlideError::Unsupported(STACK));
        }
        Ok(Some(facts))
    }

    /// What the image at a directory is by its name, if it is a small one.
    pub fn kind_of(&self, directory: usize) -> Option<AssociatedKind> {
        let at = |(number, image): (usize, &(String, Option<usize>))| image.1.unwrap_or(number) == directory;
        let found = self.images.iter().enumerate().find(|image| at(*image))?.1;
        let is = |word: &str| found.0.split([' ', '_', '.', '[', ']']).any(|part| part == word);
        if is("label") {
            Some(AssociatedKind::Label)
        } else if is("macro") || is("overview") {
            Some(AssociatedKind::Overview)
        } else if is("thumbnail") {
            Some(AssociatedKind::Thumbnail)
        } else {
            None
        }
    }
}

fn um_per(unit: &str) -> Option<f64> {
    Some(match unit {
        "µm" | "μm" | "um" => 1.0,
        "nm" => 0.001,
        "mm" => 1000.0,
        "cm" => 10_000.0,
        "m" => 1e6,
        _ => return None,
    })
}
