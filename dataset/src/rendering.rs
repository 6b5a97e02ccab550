//! What a picture of the pixels needs besides them (PS3.3 §C.11.1–2), as numbers: found at ingest, so that nothing is
//! parsed when a picture is made.

use crate::{Dataset, Tag, tags};

/// Rescale and window that all frames share.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rendering {
    /// Rescale Slope (0028,1053).
    pub slope: f64,
    /// Rescale Intercept (0028,1052).
    pub intercept: f64,
    /// First Window Center (0028,1050) and Window Width (0028,1051).
    pub window: Option<(f64, f64)>,
    /// VOI LUT Function (0028,1056), if it is not LINEAR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The lowest and highest stored value that is padding: Pixel Padding Value (0028,0120), Range Limit (0028,0121),
    /// or those of floating point pixels (0028,0122), (0028,0123).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<(f64, f64)>,
    /// Presentation LUT Shape (2050,0020).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
}

impl Default for Rendering {
    /// Stored values as they are.
    fn default() -> Self {
        Self { slope: 1.0, intercept: 0.0, window: None, function: None, padding: None, shape: None }
    }
}

impl Rendering {
    /// From a data set, of its Shared Functional Groups where it has them; `None` when a picture needs more than this:
    /// tables, a palette, overlays, values of each frame, or the range of floating point pixels.
    #[must_use]
    pub fn from_dataset(dataset: &Dataset) -> Option<Self> {
        let groups = dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let is_palette = dataset
            .text(tags::PHOTOMETRIC_INTERPRETATION)
            .is_some_and(|photometric| photometric == "PALETTE COLOR");
        let has_tables = [tags::MODALITY_LUT_SEQUENCE, tags::VOILUT_SEQUENCE]
            .iter()
            .any(|tag| !dataset.items(*tag).is_empty());
        // A palette beside grey is a supplemental one (PS3.3 §C.7.6.19).
        let needs_more = is_palette
            || has_tables
            || has_overlays(dataset)
            || dataset.get(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR).is_some()
            || dataset.get(tags::FLOAT_PIXEL_DATA).is_some()
            || dataset.get(tags::DOUBLE_FLOAT_PIXEL_DATA).is_some()
            || Self::differs_by_frame(dataset);
        if needs_more { None } else { Self::from_groups(dataset, groups) }
    }

    /// Whether frames bring a rescale or a window of their own.
    fn differs_by_frame(dataset: &Dataset) -> bool {
        dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).first().is_some_and(|frame| {
            !frame.items(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE).is_empty()
                || !frame.items(tags::FRAME_VOILUT_SEQUENCE).is_empty()
        })
    }

    /// From a data set and the functional groups of a frame or of all frames, if they say it.
    #[must_use]
    pub fn from_groups(dataset: &Dataset, groups: Option<&Dataset>) -> Option<Self> {
        let group = |tag| groups.and_then(|groups| groups.items(tag).first()).unwrap_or(dataset);
        let first = |dataset: &Dataset, tag| dataset.numbers(tag).first().copied().filter(|n| n.is_finite());
        let rescale = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let voi = group(tags::FRAME_VOILUT_SEQUENCE);
        let function = voi.text(tags::VOILUT_FUNCTION).filter(|function| function != "LINEAR");
        let window = first(voi, tags::WINDOW_CENTER).zip(first(voi, tags::WINDOW_WIDTH));
        Some(Self {
            slope: first(rescale, tags::RESCALE_SLOPE).unwrap_or(1.0),
            intercept: first(rescale, tags::RESCALE_INTERCEPT).unwrap_or(0.0),
            window: window.filter(|(_, width)| *width > 0.0),
            function,
            padding: padding(dataset),
            shape: dataset.text(tags::PRESENTATION_LUT_SHAPE),
        })
    }
}

fn padding(dataset: &Dataset) -> Option<(f64, f64)> {
    let first = |tag: Tag| dataset.numbers(tag).first().copied().filter(|number| number.is_finite());
    let range = |value, limit| {
        let value = first(value)?;
        let limit = first(limit).unwrap_or(value);
        Some((value.min(limit), value.max(limit)))
    };
    range(tags::PIXEL_PADDING_VALUE, tags::PIXEL_PADDING_RANGE_LIMIT)
        .or_else(|| range(tags::FLOAT_PIXEL_PADDING_VALUE, tags::FLOAT_PIXEL_PADDING_RANGE_LIMIT))
        .or_else(|| {
            range(tags::DOUBLE_FLOAT_PIXEL_PADDING_VALUE, tags::DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT)
        })
}

/// Whether there is an Overlay Plane (PS3.3 §C.9.2): groups 6000 to 601E, even.
fn has_overlays(dataset: &Dataset) -> bool {
    dataset.elements().iter().any(|element| element.tag.0 & 0xFFE1 == 0x6000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VR;

    #[test]
    fn a_ct_is_all_numbers() {
        let mut ct = Dataset::new();
        ct.put_text(tags::RESCALE_INTERCEPT, VR::DS, "-1024");
        ct.put_text(tags::RESCALE_SLOPE, VR::DS, "2");
        ct.put_text(tags::WINDOW_CENTER, VR::DS, "40\\300");
        ct.put_text(tags::WINDOW_WIDTH, VR::DS, "400\\1500");
        let rendering = Rendering::from_dataset(&ct).unwrap();
        let expected =
            Rendering { slope: 2.0, intercept: -1024.0, window: Some((40.0, 400.0)), ..Rendering::default() };
        assert_eq!(rendering, expected);
        let text = serde_json::to_string(&rendering).unwrap();
        assert_eq!(serde_json::from_str::<Rendering>(&text).unwrap(), expected);
    }

    #[test]
    fn shared_groups_count_and_groups_of_each_frame_need_more() {
        let mut voi = Dataset::new();
        voi.put_text(tags::WINDOW_CENTER, VR::DS, "7");
        voi.put_text(tags::WINDOW_WIDTH, VR::DS, "9");
        let mut group = Dataset::new();
        group.put_items(tags::FRAME_VOILUT_SEQUENCE, vec![voi]);
        let mut enhanced = Dataset::new();
        enhanced.put_items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![group.clone()]);
        assert_eq!(Rendering::from_dataset(&enhanced).unwrap().window, Some((7.0, 9.0)));
        enhanced.put_items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![group]);
        assert_eq!(Rendering::from_dataset(&enhanced), None);
    }

    #[test]
    fn padding_is_a_range_in_ascending_order() {
        let mut ct = Dataset::new();
        ct.put_bytes(tags::PIXEL_PADDING_VALUE, VR::SS, (-2000_i16).to_le_bytes().to_vec());
        assert_eq!(Rendering::from_dataset(&ct).unwrap().padding, Some((-2000.0, -2000.0)));
        ct.put_bytes(tags::PIXEL_PADDING_RANGE_LIMIT, VR::SS, (-3000_i16).to_le_bytes().to_vec());
        assert_eq!(Rendering::from_dataset(&ct).unwrap().padding, Some((-3000.0, -2000.0)));
    }

    #[test]
    fn overlays_need_more_and_other_groups_do_not() {
        for (group, is_simple) in [(0x6000, false), (0x601E, false), (0x6020, true), (0x6001, true)] {
            let mut dataset = Dataset::new();
            dataset.put_u16(Tag(group, 0x0010), &[1]);
            assert_eq!(Rendering::from_dataset(&dataset).is_some(), is_simple, "{group:04X}");
        }
    }

    #[test]
    fn tables_and_palettes_need_more() {
        let mut dataset = Dataset::new();
        dataset.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
        assert_eq!(Rendering::from_dataset(&dataset), None);
        let mut dataset = Dataset::new();
        dataset.put_items(tags::VOILUT_SEQUENCE, vec![Dataset::new()]);
        assert_eq!(Rendering::from_dataset(&dataset), None);
    }
}
