//! Spatial Transformation and Displayed Area (PS3.3 §C.10.6, §C.10.4).

use super::super::way::Way;
use super::{covers, references};
use codec::{Axes, Presentation, Region};
use dataset::{Dataset, Tag, tags};
use model::Uid;

/// Columns and rows of an area that are more than this beyond an image do not count.
const BEYOND_MAX: i64 = 4096;

/// The part of an image of so many columns and rows that is shown, how it is turned, and how large.
pub fn apply(
    dataset: &Dataset,
    shown: (&Uid, u32),
    (columns, rows): (u32, u32),
    presentation: &mut Presentation,
    left_out: &mut Vec<&'static str>,
) {
    let area = dataset
        .items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE)
        .iter()
        .find(|area| covers(&references(area), shown));
    presentation.region = Some(turned(dataset, rectangle(area, columns, rows)));
    let Some(area) = area else { return };
    presentation.pixel_aspect = aspect(area);
    let ratio = area.numbers(tags::PRESENTATION_PIXEL_MAGNIFICATION_RATIO).first().copied();
    match area.text(tags::PRESENTATION_SIZE_MODE).as_deref() {
        Some("MAGNIFY") => {
            presentation.magnification = ratio.filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        }
        Some("TRUE SIZE") => left_out.push("true size"),
        _ => {}
    }
    let is_transposed = presentation.region.is_some_and(|region| region.axes == Axes::Exchanged);
    if is_transposed {
        presentation.pixel_aspect = presentation.pixel_aspect.map(|(tall, wide)| (wide, tall));
    }
}

/// The corners as they are displayed (column, row), so either may be the lesser one in the image; also beyond it.
fn rectangle(area: Option<&Dataset>, columns: u32, rows: u32) -> Region {
    let corner = |tag: Tag| -> Option<(i64, i64)> {
        let numbers = area?.numbers(tag);
        let [column, row] = numbers.as_slice() else { return None };
        Some((*column as i64, *row as i64))
    };
    let whole = Region::whole(columns, rows);
    let Some((first, last)) = corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER)
        .zip(corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER))
    else {
        return whole;
    };
    let axis = |a: i64, b: i64, length: u32| {
        let bounds = (1 - BEYOND_MAX, i64::from(length) + BEYOND_MAX);
        let (low, high) = (a.min(b).clamp(bounds.0, bounds.1), a.max(b).clamp(bounds.0, bounds.1));
        (low - 1, u32::try_from(high - low + 1).unwrap_or(1))
    };
    let ((left, width), (top, height)) = (axis(first.0, last.0, columns), axis(first.1, last.1, rows));
    Region { left, top, width, height, ..whole }
}

/// Rotation clockwise, then a flip from left to right.
fn turned(dataset: &Dataset, region: Region) -> Region {
    Way::of(dataset).turn(region)
}

/// Height and width of a pixel, where it is no square: of Presentation Pixel Spacing or Aspect Ratio.
fn aspect(area: &Dataset) -> Option<(f64, f64)> {
    let pair = |tag: Tag| match area.numbers(tag).as_slice() {
        [tall, wide] if *tall > 0.0 && *wide > 0.0 && tall.is_finite() && wide.is_finite() => {
            Some((*tall, *wide))
        }
        _ => None,
    };
    let (tall, wide) =
        pair(tags::PRESENTATION_PIXEL_SPACING).or_else(|| pair(tags::PRESENTATION_PIXEL_ASPECT_RATIO))?;
    let ratio = tall / wide;
    // Beyond ten to one it is no image.
    ((0.1..=10.0).contains(&ratio) && (ratio - 1.0).abs() > 1e-4).then_some((tall, wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::VR;

    #[test]
    fn corners_are_those_of_what_is_displayed() {
        let mut area = Dataset::new();
        let corner = |area: &mut Dataset, tag, column: i32, row: i32| {
            let bytes = [column.to_le_bytes(), row.to_le_bytes()].concat();
            area.put_bytes(tag, VR::SL, bytes);
        };
        corner(&mut area, tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, 8, 2);
        corner(&mut area, tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, -1, 5);
        let region = rectangle(Some(&area), 10, 10);
        assert_eq!((region.left, region.width, region.top, region.height), (-2, 10, 1, 4));
        corner(&mut area, tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, i32::MAX, i32::MIN);
        let region = rectangle(Some(&area), 10, 10);
        assert_eq!((region.width, region.top), (4099, -4096));
        assert_eq!(rectangle(None, 10, 9), Region::whole(10, 9));
    }

    #[test]
    fn squares_have_no_aspect() {
        let of = |tall: &str, wide: &str| {
            let mut area = Dataset::new();
            area.put_text(tags::PRESENTATION_PIXEL_ASPECT_RATIO, VR::IS, &format!("{tall}\\{wide}"));
            aspect(&area)
        };
        assert_eq!(of("1", "1"), None);
        assert_eq!(of("4", "3"), Some((4.0, 3.0)));
        assert_eq!((of("1", "0"), of("100", "1"), of("-1", "1")), (None, None, None));
    }
}
