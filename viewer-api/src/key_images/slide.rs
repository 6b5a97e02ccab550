//! Bookmarks of a slide become key images of a report.

use crate::calibration;
use crate::problem::ApiError;
use crate::state::ApiState;
use access::Caller;
use consult::key_image::slide::SlideKeyImage;
use consult::mark::{MARKS_MAX, Mark, MarkKind};
use model::SlideId;
use wsi::notes::{Annotation, Bookmark, FieldOfView, ShapeKind};
use wsi::{Composition, Mpp, Slide};

/// The picture of a bookmark, described, and kept with the reader's organisation.
pub(super) async fn new(
    state: &ApiState,
    caller: &Caller,
    slide: &str,
    bookmark: &str,
) -> Result<SlideKeyImage, ApiError> {
    let missing = || ApiError::invalid("key_images", "没有这一书签 / there is no such bookmark");
    let slide = SlideId::parse(slide).map_err(|_| missing())?;
    let found = state.0.slides.bookmark_picture(caller, &slide, bookmark).await;
    let (slide, bookmark, picture) = match found {
        Ok(found) if found.1.deleted_at_ms.is_none() => found,
        Ok(_) | Err(wsi::notes::NoteError::NotFound) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let kept = state.0.consults.keep_picture(caller, &picture).await?;
    if kept != bookmark.picture.sha256 {
        tracing::error!("a bookmark's picture is not the one that its hash names");
        return Err(ApiError::Internal);
    }
    let scale = Scale::of(state, caller, &slide).await?;
    let drawn = state.0.slides.annotations(caller, &bookmark.slide).await?.annotations;
    let um_per_px = scale.mpp_um.map(|mpp| f64::midpoint(mpp.x, mpp.y));
    let marks = marks(&bookmark, &drawn, um_per_px);
    Ok(SlideKeyImage { marks, ..described(&slide, &bookmark, scale) })
}

/// What is drawn on the slide within the field of view, as it lies on the picture, with its size.
fn marks(bookmark: &Bookmark, drawn: &[Annotation], um_per_px: Option<f64>) -> Vec<Mark> {
    let view = &bookmark.view;
    let (from, to) = view.bounds();
    let is_in_view = |annotation: &&Annotation| {
        let (least, most) = annotation.shape.bounds();
        annotation.deleted_at_ms.is_none()
            && (0..2).all(|along| most[along] >= from[along] && least[along] <= to[along])
    };
    let mark = |annotation: &Annotation| {
        let kind = match annotation.shape.kind() {
            ShapeKind::Point => MarkKind::Point,
            ShapeKind::Line => MarkKind::Line,
            ShapeKind::Polygon | ShapeKind::Rectangle | ShapeKind::Ellipse => MarkKind::Outline,
        };
        let outline = annotation.shape.outline(64);
        let points = outline.iter().map(|point| on_picture(view, bookmark.picture.width, *point)).collect();
        let size = um_per_px.and_then(|along| size_of(kind, &outline, along));
        Mark::new(kind, points, &label(size.as_deref(), &annotation.text))
    };
    drawn.iter().filter(is_in_view).filter_map(mark).take(MARKS_MAX).collect()
}

/// What stands beside a mark: a label is cut off at its end, and half a size would be a wrong one.
fn label(size: Option<&str>, text: &str) -> String {
    let parts = [size.unwrap_or_default(), text];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where a point of level 0 is on a field of view's picture, in pixels of the picture.
fn on_picture(view: &FieldOfView, picture_width: u32, [x, y]: [f64; 2]) -> [i32; 2] {
    let (sin, cos) = view.rotation_deg.to_radians().sin_cos();
    let (dx, dy) = (x - view.x, y - view.y);
    let (across, down) = (dx * cos - dy * sin, dx * sin + dy * cos);
    let across = if view.mirrored { -across } else { across };
    let scale = f64::from(picture_width) / view.width();
    let place = |middle: f64, along: f64| ((middle / 2.0 + along) * scale).round() as i32;
    [place(view.width(), across), place(view.height(), down)]
}

fn length(a: [f64; 2], b: [f64; 2]) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// Length of a line, or area of an outline (the shoelace formula), in words.
fn size_of(kind: MarkKind, points: &[[f64; 2]], um_per_px: f64) -> Option<String> {
    let mm = um_per_px / 1000.0;
    match (kind, points) {
        (MarkKind::Line, _) => {
            let along: f64 = points.windows(2).map(|ends| length(ends[0], ends[1])).sum();
            Some(format!("{:.2} mm", along * mm))
        }
        (MarkKind::Outline, [first, ..]) => {
            let next = points.iter().skip(1).chain([first]);
            let twice: f64 = points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
            Some(format!("{:.3} mm²", twice.abs() / 2.0 * mm * mm))
        }
        _ => None,
    }
}

/// How large a slide's pixels are.
struct Scale {
    mpp_um: Option<Mpp>,
    /// Who says so, when the scanner does not.
    calibrated_by: Option<String>,
}

impl Scale {
    async fn of(state: &ApiState, caller: &Caller, slide: &Slide) -> Result<Self, ApiError> {
        if slide.mpp_um.is_some() {
            return Ok(Self { mpp_um: slide.mpp_um, calibrated_by: None });
        }
        let Some(made) = state.0.slides.calibration(slide).await? else {
            return Ok(Self { mpp_um: None, calibrated_by: None });
        };
        let by = calibration::made_by(state, caller, &made).await?;
        Ok(Self { mpp_um: made.mpp(), calibrated_by: Some(by) })
    }
}

/// What the path or the channels of a field of view are called, in the order in which they are named.
fn channel_names(slide: &Slide, view: &FieldOfView) -> Option<String> {
    let composed = view.channels.as_deref().and_then(|text| Composition::parse(slide, text).ok());
    let paths: Vec<&str> = match (&composed, &view.path) {
        (Some(composed), _) => composed.drawn().iter().map(|drawn| drawn.path.as_str()).collect(),
        (None, path) => path.iter().map(String::as_str).collect(),
    };
    let name = |path: &&str| {
        let channel = slide.channels.iter().find(|channel| channel.identifier == **path)?;
        let is_named = !channel.description.is_empty();
        Some(if is_named { channel.description.as_str() } else { channel.identifier.as_str() })
    };
    let names: Vec<&str> = paths.iter().filter_map(name).collect();
    (!names.is_empty()).then(|| names.join("、"))
}

fn described(slide: &Slide, bookmark: &Bookmark, scale: Scale) -> SlideKeyImage {
    let view = &bookmark.view;
    let micrometres = |pixels: f64, along: f64| decimal(pixels * along, 0);
    // Along the screen's sides a turned slide's pixels are as large as they are on average.
    let um_per_px = scale.mpp_um.map(|mpp| f64::midpoint(mpp.x, mpp.y));
    let magnification = slide.objective.map(|power| decimal(power * view.zoom, 1));
    SlideKeyImage {
        bookmark: bookmark.id.clone(),
        name: bookmark.name.clone(),
        slide: bookmark.slide.clone(),
        series: slide.series.clone(),
        instance: bookmark.picture.instance.clone(),
        // Checked to be on or near the slide when the bookmark was made.
        centre_x_px: view.x.round() as i64,
        centre_y_px: view.y.round() as i64,
        width_px: view.width().round().max(1.0) as u64,
        height_px: view.height().round().max(1.0) as u64,
        rotation_deg: decimal(view.rotation_deg.rem_euclid(360.0), 1),
        mirrored: view.mirrored,
        width_um: um_per_px.map(|along| micrometres(view.width(), along)),
        height_um: um_per_px.map(|along| micrometres(view.height(), along)),
        calibrated_by: scale.calibrated_by,
        magnification,
        focal_plane: view.z.clone().filter(|_| slide.focal_planes.len() > 1).map(|z| plane(slide, z)),
        path: view.path.clone().filter(|_| slide.channels.len() > 1),
        channels: view.channels.clone(),
        channel_names: channel_names(slide, view),
        marks: Vec::new(),
        picture_sha256: bookmark.picture.sha256,
        picture_width: bookmark.picture.width,
        picture_height: bookmark.picture.height,
        made_by: bookmark.author.name.clone(),
        made_at: model::time_text::rfc3339(model::time_text::from_unix_ms(bookmark.created_at_ms)),
    }
}

/// A focal plane in words: its height, when the slide says how far its planes are apart.
fn plane(slide: &Slide, z: String) -> String {
    let is_distance = slide.focal_planes.iter().any(|plane| plane.is_distance && plane.name() == z);
    if is_distance { format!("{z} µm") } else { z }
}

/// A decimal string without trailing zeros. What would round to nothing keeps three digits.
fn decimal(value: f64, digits: usize) -> String {
    let digits = if value.abs() < 10.0 { digits + 2 } else { digits };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_lies_where_it_was_drawn_whichever_way_the_slide_is_turned() {
        let view = |rotation_deg: f64, mirrored: bool| FieldOfView {
            x: 1000.0,
            y: 500.0,
            zoom: 0.5,
            rotation_deg,
            mirrored,
            screen_width: 400.0,
            screen_height: 200.0,
            z: None,
            path: None,
            channels: None,
        };
        // The picture is 400 wide for 800 pixels of the slide: a point 100 to the right of the middle.
        for (view, expected) in [
            (view(0.0, false), [250, 100]),
            (view(90.0, false), [200, 150]),
            (view(0.0, true), [150, 100]),
            (view(180.0, false), [150, 100]),
        ] {
            assert_eq!(on_picture(&view, 400, [1100.0, 500.0]), expected, "{view:?}");
            // Back again, as the viewer itself goes from the screen to the slide.
            let [across, down] = expected.map(f64::from);
            let [x, y] = view.to_slide(across / 400.0 - 0.5, down / 200.0 - 0.5);
            assert!((x - 1100.0).abs() < 1e-6 && (y - 500.0).abs() < 1e-6, "{view:?}: {x} {y}");
        }
    }

    #[test]
    fn a_long_text_leaves_the_size_whole() {
        let text = "长".repeat(60);
        let mark = Mark::new(MarkKind::Line, vec![[0, 0], [9, 0]], &label(Some("12.30 mm"), &text)).unwrap();
        assert!(mark.label.starts_with("12.30 mm 长"), "{}", mark.label);
        assert_eq!((label(None, "腺体").as_str(), label(Some("1 mm"), "").as_str()), ("腺体", "1 mm"));
    }

    #[test]
    fn a_size_is_in_millimetres() {
        let square = [[0.0, 0.0], [1000.0, 0.0], [1000.0, 1000.0], [0.0, 1000.0]];
        assert_eq!(size_of(MarkKind::Line, &square[..2], 0.5).as_deref(), Some("0.50 mm"));
        assert_eq!(size_of(MarkKind::Outline, &square, 0.5).as_deref(), Some("0.250 mm²"));
        assert_eq!(size_of(MarkKind::Point, &square[..1], 0.5), None);
    }

    #[test]
    fn numbers_are_short_and_never_nothing() {
        for (value, digits, expected) in [
            (812.4, 0, "812"),
            (20.0, 1, "20"),
            (2.5, 1, "2.5"),
            (0.3127, 1, "0.313"),
            (7.25, 0, "7.25"),
            (0.0, 1, "0"),
        ] {
            assert_eq!(decimal(value, digits), expected);
        }
    }
}
