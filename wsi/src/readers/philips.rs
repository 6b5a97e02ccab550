//! Philips TIFF (IntelliSite): JPEG levels whose empty tiles are left out, everything else in XML in the description.
//!
//! Levels below the first are padded to whole tiles, so their sizes are those that the XML's pixel spacings give. Label
//! and macro are JPEG files in base64.

use super::pyramid::{self, Gathered};
use super::tiles::{Form, TiledImage};
use super::{Plan, Reader, Scan, tag};
use crate::small_image;
use crate::tiff::Tiff;
use crate::xml::{self, Node, base64_text};
use crate::{AssociatedKind, SlideError};
use base64::Engine as _;
use model::Limits;
use std::sync::Arc;

/// Bytes of an image's description that say what it is.
const NAME_BYTES: u64 = 64;
/// Bytes of the XML: it holds images.
const XML_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Philips;

impl Reader for Philips {
    fn recognises(&self, tiff: &Tiff) -> bool {
        let first = &tiff.directories[0];
        first.has(tag::TILE_WIDTH)
            && tiff.text(first, tag::SOFTWARE, 1 << 10).is_ok_and(|text| text.starts_with("Philips"))
            && tiff.starts_with(first, tag::IMAGE_DESCRIPTION, b"<?xml")
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let first = &tiff.directories[0];
        let facts = Facts::of(&tiff.text(first, tag::IMAGE_DESCRIPTION, XML_BYTES_MAX)?)?;
        let mut gathered = Gathered::default();
        gathered.level(TiledImage::of(tiff, first, limits)?)?;
        for (number, directory) in tiff.directories.iter().enumerate().skip(1) {
            let name = tiff.text_start(directory, tag::IMAGE_DESCRIPTION, NAME_BYTES);
            if name.starts_with("Label") {
                gathered.associated(AssociatedKind::Label, tiff, directory, limits)?;
            } else if name.starts_with("Macro") {
                gathered.associated(AssociatedKind::Overview, tiff, directory, limits)?;
            } else if directory.has(tag::TILE_WIDTH) {
                let form = Form::of(tiff, directory)?;
                let size = facts.level_size(gathered.levels.len(), &gathered, &form);
                gathered.level(TiledImage::part(tiff, directory, size, (0, 0), limits)?)?;
            } else {
                gathered.omitted.push(format!("image {number}: of unknown kind"));
            }
        }
        for (kind, text) in &facts.images {
            if !gathered.associated.iter().any(|(other, _)| other == kind) {
                gathered.small_image(*kind, || {
                    let compact: String = text.split_ascii_whitespace().collect();
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(compact)
                        .map_err(|_| SlideError::Damaged("an image in the XML is no base64"))?;
                    small_image::of_jpeg(&bytes, limits)
                })?;
            }
        }
        let software = tiff.text(first, tag::SOFTWARE, 1 << 10)?;
        let mut scan = Scan { software: Some(software), ..facts.scan.clone() };
        let spacing = facts.spacing_mm.or(facts.spacings_mm.first().copied());
        scan.mpp_um = spacing.and_then(|(x, y)| pyramid::plausible_mpp(x * 1000.0, y * 1000.0));
        scan.icc_profile = pyramid::icc_profile(tiff, first);
        let levels = gathered.checked_levels(tiff, limits)?;
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "Philips TIFF", levels, associated, omitted, refused: None, scan })
    }
}

/// What the XML says.
#[derive(Default)]
struct Facts {
    scan: Scan,
    /// Millimetres between columns and between rows of the whole slide image.
    spacing_mm: Option<(f64, f64)>,
    /// The same of each level, nominal: what they stand to each other.
    spacings_mm: Vec<(f64, f64)>,
    /// Images in base64.
    images: Vec<(AssociatedKind, String)>,
}

/// One `DPScannedImage` while it is read.
#[derive(Default)]
struct ScannedImage {
    kind: String,
    data: String,
    spacing_mm: Option<(f64, f64)>,
    spacings_mm: Vec<(f64, f64)>,
}

impl Facts {
    /// `DataObject` and `Attribute` elements within each other; an attribute's name says what its text is.
    fn of(text: &str) -> Result<Self, SlideError> {
        let mut facts = Self::default();
        let mut names: Vec<String> = Vec::new();
        let mut image: Option<(usize, ScannedImage)> = None;
        let mut value = String::new();
        xml::walk(text, |path, node| {
            match node {
                Node::Begin(attributes) => {
                    value.clear();
                    let name = attributes.get("Name").or_else(|| attributes.get("ObjectType"));
                    names.push(name.unwrap_or_default().to_owned());
                    if image.is_none() && attributes.get("ObjectType") == Some("DPScannedImage") {
                        image = Some((path.len(), ScannedImage::default()));
                    }
                }
                Node::Text(text) => value.push_str(text),
                Node::End => {
                    let name = names.pop().unwrap_or_default();
                    let text = std::mem::take(&mut value);
                    match &mut image {
                        Some((depth, done)) if *depth == path.len() => {
                            facts.take(std::mem::take(done));
                            image = None;
                        }
                        Some((_, image)) if name == "DICOM_PIXEL_SPACING" => {
                            if names.iter().any(|name| name == "PixelDataRepresentation") {
                                image.spacings_mm.extend(pair(&text));
                            } else {
                                image.spacing_mm = pair(&text);
                            }
                        }
                        Some((_, image)) if name == "PIM_DP_IMAGE_TYPE" => image.kind = text,
                        Some((_, image)) if name == "PIM_DP_IMAGE_DATA" => image.data = text,
                        _ => facts.scan_property(&name, &text),
                    }
                }
            }
            Ok(())
        })?;
        Ok(facts)
    }

    fn take(&mut self, image: ScannedImage) {
        match image.kind.as_str() {
            "WSI" => (self.spacing_mm, self.spacings_mm) = (image.spacing_mm, image.spacings_mm),
            "LABELIMAGE" if !image.data.is_empty() => {
                self.images.push((AssociatedKind::Label, image.data));
            }
            "MACROIMAGE" if !image.data.is_empty() => {
                self.images.push((AssociatedKind::Overview, image.data));
            }
            _ => {}
        }
    }

    fn scan_property(&mut self, name: &str, text: &str) {
        let text = text.trim().trim_matches('"');
        if text.is_empty() {
            return;
        }
        let scan = &mut self.scan;
        match name {
            "DICOM_MANUFACTURER" => scan.manufacturer = Some(text.to_owned()),
            "DICOM_MANUFACTURERS_MODEL_NAME" => scan.model = Some(text.to_owned()),
            "DICOM_DEVICE_SERIAL_NUMBER" => scan.serial_number = Some(text.to_owned()),
            "PIM_DP_UFS_BARCODE" => scan.barcodes.extend(base64_text(text)),
            "DICOM_ACQUISITION_DATETIME" => {
                let digits =
                    |range| text.get(range).filter(|part: &&str| part.bytes().all(|b| b.is_ascii_digit()));
                let number = |range| digits(range)?.parse::<u16>().ok();
                let small = |range| u8::try_from(number(range)?).ok();
                scan.date = number(0..4)
                    .zip(small(4..6))
                    .zip(small(6..8))
                    .and_then(|((year, month), day)| pyramid::day(year, month, day));
                let clock = digits(8..14).map(|t| format!("{}:{}:{}", &t[..2], &t[2..4], &t[4..]));
                scan.time = clock.and_then(|clock| pyramid::clock(&clock)).filter(|_| scan.date.is_some());
            }
            _ => {}
        }
    }

    /// Pixels of a level, without what pads the image to whole tiles.
    fn level_size(&self, level: usize, gathered: &Gathered, form: &Form) -> (u64, u64) {
        let Some(base) = gathered.levels.first().map(|level| level.geometry) else {
            return (form.width, form.height);
        };
        let downsample = match (self.spacings_mm.first(), self.spacings_mm.get(level)) {
            (Some(first), Some(own)) if first.0 > 0.0 && first.1 > 0.0 => {
                f64::midpoint(own.0 / first.0, own.1 / first.1).round()
            }
            _ => 2_f64.powi(i32::try_from(level).unwrap_or(30)),
        };
        if !(1.0..=1e6).contains(&downsample) {
            return (form.width, form.height);
        }
        let side = |base: u32, padded: u64| ((f64::from(base) / downsample) as u64).clamp(1, padded.max(1));
        (side(base.width, form.width), side(base.height, form.height))
    }
}

/// `"0.00025" "0.00025"`: between rows first, as DICOM has it; millimetres along a row and along a column.
fn pair(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ',' | '\\'))
        .filter(|part| !part.is_empty())
        .map(pyramid::positive);
    let (rows, columns) = (numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some((columns, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<DataObject ObjectType="DPUfsImport">
  <Attribute Name="DICOM_ACQUISITION_DATETIME" Group="0x0008" Element="0x002A" PMSVR="IString">20160718122300.000000</Attribute>
  <Attribute Name="DICOM_DEVICE_SERIAL_NUMBER" PMSVR="IString">FMT0107</Attribute>
  <Attribute Name="DICOM_MANUFACTURER" PMSVR="IString">PHILIPS</Attribute>
  <Attribute Name="PIM_DP_SCANNED_IMAGES" PMSVR="IDataObjectArray"><Array>
    <DataObject ObjectType="DPScannedImage">
      <Attribute Name="DICOM_PIXEL_SPACING" PMSVR="IDoubleArray">"0.000226891" "0.000226907"</Attribute>
      <Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" PMSVR="IDataObjectArray"><Array>
        <DataObject ObjectType="PixelDataRepresentation">
          <Attribute Name="DICOM_PIXEL_SPACING" PMSVR="IDoubleArray">"0.000227273" "0.000227273"</Attribute>
        </DataObject>
        <DataObject ObjectType="PixelDataRepresentation">
          <Attribute Name="DICOM_PIXEL_SPACING" PMSVR="IDoubleArray">"0.000454545" "0.000454545"</Attribute>
        </DataObject>
      </Array></Attribute>
      <Attribute Name="PIM_DP_IMAGE_TYPE" PMSVR="IString">WSI</Attribute>
    </DataObject>
    <DataObject ObjectType="DPScannedImage">
      <Attribute Name="PIM_DP_IMAGE_DATA" PMSVR="IString">/9j/ 4AAQ</Attribute>
      <Attribute Name="PIM_DP_IMAGE_TYPE" PMSVR="IString">LABELIMAGE</Attribute>
    </DataObject>
  </Array></Attribute>
</DataObject>"#;

    #[test]
    fn the_xml_is_read() {
        let facts = Facts::of(XML).unwrap();
        assert_eq!(facts.scan.manufacturer.as_deref(), Some("PHILIPS"));
        assert_eq!(facts.scan.serial_number.as_deref(), Some("FMT0107"));
        assert_eq!(
            (facts.scan.date.as_deref(), facts.scan.time.as_deref()),
            (Some("20160718"), Some("122300"))
        );
        assert_eq!(facts.images, [(AssociatedKind::Label, "/9j/ 4AAQ".to_owned())]);
        assert_eq!(facts.spacing_mm, Some((0.000226907, 0.000226891)), "columns first");
        assert_eq!(facts.spacings_mm, [(0.000227273, 0.000227273), (0.000454545, 0.000454545)]);
    }

    #[test]
    fn xml_that_is_cut_short_or_endless_is_refused() {
        for end in (60..XML.len() - 1).step_by(37) {
            assert!(Facts::of(&XML[..end]).is_err(), "{end}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(matches!(Facts::of(&deep).err(), Some(SlideError::OverLimit(_))));
    }
}
