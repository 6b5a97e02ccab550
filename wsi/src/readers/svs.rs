//! Aperio SVS: a tiled pyramid with striped thumbnail, label and macro, and the scan's properties in the description.

use super::pyramid::{self, Gathered};
use super::tiles::{Form, TiledImage};
use super::{Plan, Reader, Scan, tag};
use crate::tiff::{Directory, Tiff};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

pub(super) struct Svs;

impl Reader for Svs {
    fn recognises(&self, tiff: &Tiff) -> bool {
        let first = &tiff.directories[0];
        let is_aperio = pyramid::description(tiff, first).is_ok_and(|text| text.starts_with("Aperio"));
        is_aperio && first.has(tag::TILE_WIDTH)
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let first = &tiff.directories[0];
        let mut gathered = Gathered::default();
        gathered.level(TiledImage::of(tiff, first, limits)?)?;
        for (number, directory) in tiff.directories.iter().enumerate().skip(1) {
            match role(tiff, directory, &gathered)? {
                Role::Level => gathered.level(TiledImage::of(tiff, directory, limits)?)?,
                Role::Associated(kind) => gathered.associated(kind, tiff, directory, limits)?,
                Role::Unknown => gathered.omitted.push(format!("image {number}: of unknown kind")),
            }
        }
        let mut scan = properties(&pyramid::description(tiff, first)?);
        scan.icc_profile = pyramid::icc_profile(tiff, first);
        if scan.mpp_um.is_none() {
            scan.mpp_um = pyramid::resolution(tiff, first)?;
        }
        let levels = gathered.checked_levels(tiff, limits)?;
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan { format: "Aperio SVS", levels, associated, omitted, refused: None, scan })
    }
}

enum Role {
    Level,
    Associated(AssociatedKind),
    Unknown,
}

/// What an image after the first is. When in doubt it is left out, so that a label never passes for something else.
fn role(tiff: &Tiff, directory: &Directory, gathered: &Gathered) -> Result<Role, SlideError> {
    let form = Form::of(tiff, directory)?;
    let subfile_type = tiff.uint(directory, tag::NEW_SUBFILE_TYPE)?.unwrap_or(0);
    let description = pyramid::description(tiff, directory)?;
    // Aperio names the kind before the first `|`; what follows are the scan's properties, file name among them.
    let name = description.split('|').next().unwrap_or_default().to_lowercase();
    if name.contains("label") {
        return Ok(Role::Associated(AssociatedKind::Label));
    }
    if name.contains("macro") {
        return Ok(Role::Associated(AssociatedKind::Overview));
    }
    if directory.has(tag::TILE_WIDTH) {
        let is_mask = subfile_type & 4 != 0;
        let is_level = pyramid::is_level(&form, &gathered.levels) && !is_mask;
        return Ok(if is_level { Role::Level } else { Role::Unknown });
    }
    let is_alike =
        gathered.levels.first().is_some_and(|level| pyramid::is_same_shape(&form, &level.geometry));
    Ok(match subfile_type {
        1 if !is_alike => Role::Associated(AssociatedKind::Label),
        9 => Role::Associated(AssociatedKind::Overview),
        0 if is_alike => Role::Associated(AssociatedKind::Thumbnail),
        _ => Role::Unknown,
    })
}

/// Reads Aperio's ImageDescription: software in the first line, then `|name = value` pairs.
fn properties(description: &str) -> Scan {
    let first_line = description.lines().next().unwrap_or_default();
    let software = first_line.split('|').next().unwrap_or_default().trim();
    let mut scan = Scan {
        manufacturer: Some("Aperio".to_owned()),
        model: Some("ScanScope".to_owned()),
        software: Some(software.to_owned()),
        ..Scan::default()
    };
    for property in description.split('|').skip(1) {
        let Some((name, value)) = property.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        match name {
            "AppMag" => scan.objective = pyramid::power(value),
            "MPP" => scan.mpp_um = pyramid::positive(value).and_then(|mpp| pyramid::plausible_mpp(mpp, mpp)),
            "ScanScope ID" if !value.is_empty() => scan.serial_number = Some(value.to_owned()),
            "Date" => scan.date = date(value),
            "Barcode" => scan.barcodes.push(value.to_owned()),
            "Time" => scan.time = pyramid::clock(value),
            _ => {}
        }
    }
    scan
}

/// `12/29/09` or `12/29/2009`, month first.
fn date(text: &str) -> Option<String> {
    let mut parts = text.split('/').map(str::parse::<u16>);
    let (month, day, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let year = if year < 100 { 2000 + year } else { year };
    let date = pyramid::day(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    date.filter(|_| parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slide::Mpp;

    #[test]
    fn aperios_description_is_read() {
        let scan = properties(
            "Aperio Image Library v11.2.1 \r\n46000x32914 (240x240) JPEG/RGB Q=30|AppMag = 20|ScanScope ID = \
             CPAPERIOCS|Filename = label macro|Date = 12/29/09|Time = 09:59:15|Barcode = S26-1|MPP = 0.4990",
        );
        assert_eq!(scan.software.as_deref(), Some("Aperio Image Library v11.2.1"));
        assert_eq!(scan.objective, Some(20.0));
        assert_eq!(scan.mpp_um, Some(Mpp { x: 0.499, y: 0.499 }));
        assert_eq!(scan.serial_number.as_deref(), Some("CPAPERIOCS"));
        assert_eq!(scan.scanner().as_deref(), Some("Aperio ScanScope CPAPERIOCS"));
        assert_eq!((scan.date.as_deref(), scan.time.as_deref()), (Some("20091229"), Some("095915")));
        assert_eq!(scan.barcodes, ["S26-1"]);
    }

    #[test]
    fn what_no_scanner_can_mean_is_not_believed() {
        let scan = properties("Aperio|AppMag = -1|MPP = inf|Date = 13/29/09|Time = 25:00:00|MPP");
        let (objective, mpp, date) = (scan.objective, scan.mpp_um, scan.date);
        assert_eq!((objective, mpp, date, scan.time), (None, None, None, None));
    }
}
