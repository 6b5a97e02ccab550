//! OME-XML (OME data model 2016-06) in the description of an OME-TIFF: scale, objective, and what its images are.

use super::stack::LAYERS_MAX;
use super::{Illumination, OpticalPath, Scan, pyramid};
use crate::dicom_facts::{PATHS_MAX, PathFacts};
use crate::layers::{Colour, nanometres};
use crate::xml::{self, Attributes, Node};
use crate::{AssociatedKind, SlideError};
use std::collections::HashSet;

/// Why a file is not taken of which another reader shows one plane.
pub(super) const STACK: &str = "OME-TIFF with focal planes at an unknown distance";
/// Why a file is not taken of which another reader shows one time.
pub(super) const TIMES: &str = "OME-TIFF with several focal planes or times";
/// Why a file is not taken of which another reader shows what is in this one.
pub(super) const FILES: &str = "an OME-TIFF of several files";
/// Why a file is not taken of which another reader shows one channel.
pub(super) const CHANNELS: &str = "OME-TIFF with several channels";

const TOO_MANY: SlideError = SlideError::OverLimit("channels and focal planes");
/// Characters of a channel's name: those of an optical path's description.
const NAME_MAX: usize = 200;

/// What a slide's import needs of it.
#[derive(Default)]
pub(super) struct Facts {
    pub scan: Scan,
    /// Names of images with the directory that their pixels begin at.
    images: Vec<(String, Option<usize>)>,
    pixels: Pixels,
    /// Of the first image.
    planes: Vec<TiffData>,
    /// Files that its planes are in, as far as it takes to know that they are several.
    files: HashSet<String>,
}

/// The sizes of the first image.
#[derive(Default)]
struct Pixels {
    /// Focal planes.
    size_z: u64,
    /// Samples of all channels.
    size_c: u64,
    size_t: u64,
    /// Whether focal planes come before channels.
    is_z_first: bool,
    /// Between two focal planes.
    step_nm: Option<i64>,
    /// Samples of its channels, as far as they say.
    channel_samples: u64,
}

/// Some planes, and where the first of them belongs.
struct TiffData {
    directory: u64,
    first_z: u64,
    first_c: u64,
    /// `None`: all that are left.
    count: Option<u64>,
}

/// The planes of a slide.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    /// For each channel the directory of each focal plane.
    pub directories: Vec<usize>,
    /// Heights, the first at 0; empty of one plane.
    pub planes_nm: Vec<i64>,
    pub channels: usize,
}

impl Facts {
    /// `None` when the text is no OME-XML.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::OverLimit`].
    pub fn of(text: &str) -> Result<Option<Self>, SlideError> {
        let start = text.get(..text.floor_char_boundary(2000)).unwrap_or(text);
        if !start.contains("<OME") && !start.contains(":OME") {
            return Ok(None);
        }
        let mut facts = Self::default();
        xml::walk(text, |path, node| {
            let element = path.last().map(String::as_str).unwrap_or_default();
            match node {
                Node::Begin(attributes) => facts.begin(element, attributes)?,
                Node::Text(text) if element == "AcquisitionDate" && facts.images.len() == 1 => {
                    (facts.scan.date, facts.scan.time) = pyramid::date_and_time(text);
                }
                Node::Text(text) if element == "UUID" && facts.images.len() == 1 => facts.file(text),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Some(facts))
    }

    fn begin(&mut self, element: &str, attributes: &Attributes) -> Result<(), SlideError> {
        let is_first = self.images.len() == 1;
        match element {
            "OME" => self.files.extend(attributes.get("UUID").map(str::to_owned)),
            "Image" => {
                self.images.push((attributes.get("Name").unwrap_or_default().to_lowercase(), None));
            }
            "Pixels" if is_first => self.pixels(attributes),
            "Channel" if is_first => self.channel(attributes)?,
            "TiffData" => {
                let directory: Option<u64> = attributes.number("IFD");
                if let Some((_, first @ None)) = self.images.last_mut() {
                    *first = Some(usize::try_from(directory.unwrap_or(0)).unwrap_or(usize::MAX));
                }
                if is_first {
                    if self.planes.len() >= LAYERS_MAX {
                        return Err(TOO_MANY);
                    }
                    let count = attributes.number("PlaneCount").or(directory.map(|_| 1));
                    let first = |name| attributes.number(name).unwrap_or(0);
                    self.planes.push(TiffData {
                        directory: directory.unwrap_or(0),
                        first_z: first("FirstZ"),
                        first_c: first("FirstC"),
                        count,
                    });
                }
            }
            "Objective" if self.scan.objective.is_none() => {
                self.scan.objective = attributes.get("NominalMagnification").and_then(pyramid::power);
            }
            "Microscope" => {
                let own = |name| attributes.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
                self.scan.manufacturer = own("Manufacturer");
                self.scan.model = own("Model");
                self.scan.serial_number = own("SerialNumber");
            }
            _ => {}
        }
        Ok(())
    }

    fn pixels(&mut self, attributes: &Attributes) {
        let length_um = |size: &str| {
            let value = pyramid::positive(attributes.get(size)?)?;
            // µm when the unit is missing (OME data model).
            let unit = attributes.get(&format!("{size}Unit")).unwrap_or("µm");
            Some(value * um_per(unit)?)
        };
        let sides = length_um("PhysicalSizeX").zip(length_um("PhysicalSizeY"));
        self.scan.mpp_um = sides.and_then(|(x, y)| pyramid::plausible_mpp(x, y));
        let size = |name| attributes.number(name).unwrap_or(1).max(1);
        let order = attributes.get("DimensionOrder").unwrap_or("XYZCT");
        self.pixels = Pixels {
            size_z: size("SizeZ"),
            size_c: size("SizeC"),
            size_t: size("SizeT"),
            is_z_first: order.find('Z') <= order.find('C'),
            step_nm: length_um("PhysicalSizeZ").and_then(nanometres).filter(|step| *step > 0),
            channel_samples: 0,
        };
    }

    fn channel(&mut self, attributes: &Attributes) -> Result<(), SlideError> {
        if self.scan.paths.len() >= PATHS_MAX {
            return Err(TOO_MANY);
        }
        let wavelength_nm = |name: &str| {
            let value = pyramid::positive(attributes.get(name)?)?;
            let unit = attributes.get(&format!("{name}Unit")).unwrap_or("nm");
            Some(value * um_per(unit)? * 1000.0).filter(|length| (1.0..=100_000.0).contains(length))
        };
        let said = |name: &str, word: &str| attributes.get(name).is_some_and(|text| text.contains(word));
        let excitation = wavelength_nm("ExcitationWavelength");
        let is_fluorescent = excitation.is_some()
            || wavelength_nm("EmissionWavelength").is_some()
            || attributes.get("Fluor").is_some_and(|text| !text.is_empty())
            || said("IlluminationType", "Epifluorescence")
            || said("ContrastMethod", "Fluorescence");
        let is_brightfield = said("IlluminationType", "Transmitted") || said("ContrastMethod", "Brightfield");
        let name = attributes.get("Name").or(attributes.get("Fluor")).unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        // Red, green, blue and opacity; white when nothing is said (OME data model).
        let colour = attributes.number::<i32>("Color").map(i32::to_be_bytes);
        let colour = colour.map(|[red, green, blue, _]| [red, green, blue]);
        self.pixels.channel_samples = self
            .pixels
            .channel_samples
            .saturating_add(attributes.number("SamplesPerPixel").unwrap_or(1).max(1));
        self.scan.paths.push(OpticalPath {
            facts: PathFacts {
                identifier: (self.scan.paths.len() + 1).to_string(),
                description: name.trim().to_owned(),
                wavelength_nm: excitation,
                illumination: None,
            },
            illumination: match (is_fluorescent, is_brightfield) {
                (true, _) => Some(Illumination::Epifluorescence),
                (false, true) => Some(Illumination::Brightfield),
                (false, false) => None,
            },
            colour: colour.filter(|colour| *colour != [255; 3] && *colour != [0; 3]).map(Colour),
        });
        Ok(())
    }

    fn file(&mut self, uuid: &str) {
        if self.files.len() < 2 {
            self.files.insert(uuid.to_owned());
        }
    }

    /// Where the planes of its first image are, when it has several; `samples` are those of a pixel.
    ///
    /// # Errors
    /// [`SlideError::Unsupported`] for what is no stack of focal planes of channels; [`SlideError::Damaged`] when planes are
    /// missing, or two are at one place; [`SlideError::OverLimit`].
    pub fn layout(&self, samples: u64) -> Result<Option<Layout>, SlideError> {
        let Pixels { size_z, size_c, size_t, is_z_first, step_nm, channel_samples } = self.pixels;
        if size_t > 1 {
            return Err(SlideError::Unsupported(TIMES));
        }
        // Only channels without a word have to be counted by their samples.
        let channels = match self.scan.paths.len() as u64 {
            0 => (size_c / samples.max(1)).max(1),
            named => named,
        };
        let planes = size_z.max(1);
        let count = planes.saturating_mul(channels);
        if count <= 1 {
            return Ok(None);
        }
        if channels > 1 && samples > 1 {
            return Err(SlideError::Unsupported(CHANNELS));
        }
        if count > LAYERS_MAX as u64 || channels > PATHS_MAX as u64 {
            return Err(TOO_MANY);
        }
        if channel_samples > 0 && channel_samples != size_c {
            return Err(SlideError::Damaged("an OME-TIFF has another number of channels than it says"));
        }
        let step_nm = match step_nm {
            _ if planes == 1 => None,
            None => return Err(SlideError::Unsupported(STACK)),
            step => step,
        };
        if self.files.len() > 1 {
            return Err(SlideError::Unsupported(FILES));
        }
        let directories = self.directories(planes, channels, is_z_first)?;
        let planes_nm = step_nm.map_or(Vec::new(), |step| (0..planes as i64).map(|z| z * step).collect());
        Ok(Some(Layout { directories, planes_nm, channels: channels as usize }))
    }

    /// For each channel the directory of each focal plane; both counts are within bounds.
    fn directories(&self, planes: u64, channels: u64, is_z_first: bool) -> Result<Vec<usize>, SlideError> {
        const WRONG: SlideError = SlideError::Damaged("an OME-TIFF has other planes than it says");
        let count = planes * channels;
        let all = [TiffData { directory: 0, first_z: 0, first_c: 0, count: None }];
        let parts = if self.planes.is_empty() { &all[..] } else { &self.planes };
        let mut places: Vec<Option<u64>> = vec![None; count as usize];
        let mut seen = HashSet::new();
        for part in parts {
            if part.first_z >= planes || part.first_c >= channels {
                return Err(WRONG);
            }
            let first = if is_z_first {
                part.first_c * planes + part.first_z
            } else {
                part.first_z * channels + part.first_c
            };
            let length = part.count.unwrap_or(count - first);
            if length > count - first {
                return Err(WRONG);
            }
            for number in 0..length {
                let at = first + number;
                let (z, c) =
                    if is_z_first { (at % planes, at / planes) } else { (at / channels, at % channels) };
                let directory = part.directory.saturating_add(number);
                let place = &mut places[(c * planes + z) as usize];
                if place.replace(directory).is_some() || !seen.insert(directory) {
                    return Err(WRONG);
                }
            }
        }
        let found = |place: Option<u64>| place.and_then(|directory| usize::try_from(directory).ok());
        places.into_iter().map(|place| found(place).ok_or(WRONG)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pixels: &str, inner: &str) -> Facts {
        let text = format!(
            "<OME UUID=\"urn:uuid:1\"><Image Name=\"scan\"><Pixels {pixels}>{inner}</Pixels></Image><Image Name=\"label image\">\
             <Pixels SizeZ=\"9\"><TiffData IFD=\"7\"/></Pixels></Image></OME>"
        );
        Facts::of(&text).unwrap().unwrap()
    }

    const THREE: &str = "<Channel Name=\"DAPI\" ExcitationWavelength=\"0.358\" ExcitationWavelengthUnit=\"µm\" Color=\"65535\"/>\
        <Channel Fluor=\"FITC\" Color=\"16711935\"/><Channel IlluminationType=\"Transmitted\" Color=\"-1\"/>";

    #[test]
    fn channels_say_what_they_are_called_and_by_which_light_and_colour() {
        let facts = facts("SizeC=\"3\"", THREE);
        let said = |path: &OpticalPath| {
            let colour = path.colour.map(|colour| colour.to_string());
            (path.facts.description.clone(), path.facts.wavelength_nm, path.illumination, colour)
        };
        let all: Vec<_> = facts.scan.paths.iter().map(said).collect();
        let fluorescence = Some(Illumination::Epifluorescence);
        assert_eq!(
            all,
            [
                ("DAPI".to_owned(), Some(358.0), fluorescence, Some("0000FF".to_owned())),
                ("FITC".to_owned(), None, fluorescence, Some("00FF00".to_owned())),
                (String::new(), None, Some(Illumination::Brightfield), None),
            ]
        );
        assert_eq!(facts.kind_of(7), Some(AssociatedKind::Label));
    }

    #[test]
    fn planes_are_found_in_every_order() {
        let of = |order: &str, parts: &str| {
            let pixels = format!(
                "SizeZ=\"2\" SizeC=\"3\" DimensionOrder=\"{order}\" PhysicalSizeZ=\"1.5\" PhysicalSizeZUnit=\"µm\""
            );
            facts(&pixels, &format!("{THREE}{parts}")).layout(1).unwrap().unwrap()
        };
        assert_eq!(of("XYZCT", "").directories, [0, 1, 2, 3, 4, 5]);
        assert_eq!(of("XYCZT", "").directories, [0, 3, 1, 4, 2, 5]);
        assert_eq!(of("XYTCZ", "<TiffData IFD=\"4\" PlaneCount=\"6\"/>").directories, [4, 7, 5, 8, 6, 9]);
        let one_by_one: String = (0..6)
            .map(|n| format!("<TiffData IFD=\"{}\" FirstZ=\"{}\" FirstC=\"{}\"/>", 5 - n, n % 2, n / 2))
            .collect();
        let found = of("XYZCT", &one_by_one);
        assert_eq!(found.directories, [5, 4, 3, 2, 1, 0]);
        assert_eq!((found.planes_nm, found.channels), (vec![0, 1500], 3));
        assert_eq!(facts("SizeC=\"3\"", "<Channel SamplesPerPixel=\"3\"/>").layout(3), Ok(None));
    }

    #[test]
    fn planes_that_cannot_be() {
        let step = "PhysicalSizeZ=\"1\"";
        for (pixels, inner, expected) in [
            (format!("SizeZ=\"2\" {step} SizeT=\"2\""), "", SlideError::Unsupported(TIMES)),
            ("SizeZ=\"2\"".to_owned(), "", SlideError::Unsupported(STACK)),
            ("SizeC=\"65535\"".to_owned(), "", TOO_MANY),
            (format!("SizeZ=\"{}\" {step}", u64::MAX), "", TOO_MANY),
            (
                "SizeC=\"4\"".to_owned(),
                THREE,
                SlideError::Damaged("an OME-TIFF has another number of channels than it says"),
            ),
            (
                format!("SizeZ=\"2\" {step}"),
                "<TiffData IFD=\"0\"><UUID>urn:uuid:2</UUID></TiffData>",
                SlideError::Unsupported(FILES),
            ),
        ] {
            assert_eq!(facts(&pixels, inner).layout(1), Err(expected), "{pixels} {inner}");
        }
        for parts in [
            "<TiffData IFD=\"0\"/>",
            "<TiffData IFD=\"0\"/><TiffData IFD=\"0\" FirstZ=\"1\"/>",
            "<TiffData IFD=\"0\"/><TiffData IFD=\"1\"/>",
            "<TiffData IFD=\"0\" PlaneCount=\"3\"/>",
            "<TiffData IFD=\"0\" FirstZ=\"2\" PlaneCount=\"2\"/>",
            "<TiffData IFD=\"0\" FirstZ=\"18446744073709551615\"/>",
            "<TiffData IFD=\"18446744073709551615\" PlaneCount=\"2\"/>",
        ] {
            let layout = facts(&format!("SizeZ=\"2\" {step}"), parts).layout(1);
            assert!(matches!(layout, Err(SlideError::Damaged(_))), "{parts}: {layout:?}");
        }
        let many = "<Channel/>".repeat(PATHS_MAX + 1);
        let text = format!("<OME><Image><Pixels>{many}</Pixels></Image></OME>");
        assert_eq!(Facts::of(&text).err(), Some(TOO_MANY));
    }
}
