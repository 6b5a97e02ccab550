//! Graphic annotations (PS3.3 §C.10.5) and their layers (§C.10.7).

use super::{covers, ink, references};
use codec::{Align, Fill, Graphic, Place, Presentation, Shape, Space, Text};
use dataset::{Dataset, tags};
use model::Uid;

/// Graphic and text objects of one state.
const OBJECTS_MAX: usize = 2_000;

/// Graphics and texts for a frame of an image, in the order of their layers.
pub fn apply(
    dataset: &Dataset,
    shown: (&Uid, u32),
    presentation: &mut Presentation,
    left_out: &mut Vec<&'static str>,
) {
    let layers = dataset.items(tags::GRAPHIC_LAYER_SEQUENCE);
    let layer = |annotation: &Dataset| {
        let name = annotation.text(tags::GRAPHIC_LAYER)?;
        layers.iter().find(|layer| layer.text(tags::GRAPHIC_LAYER).as_ref() == Some(&name))
    };
    let order = |annotation: &Dataset| {
        layer(annotation).and_then(|layer| layer.integer(tags::GRAPHIC_LAYER_ORDER)).unwrap_or(0)
    };
    let mut annotations: Vec<&Dataset> = dataset
        .items(tags::GRAPHIC_ANNOTATION_SEQUENCE)
        .iter()
        .filter(|annotation| covers(&references(annotation), shown))
        .collect();
    // What has a higher order is drawn later, on top.
    annotations.sort_by_key(|annotation| order(annotation));
    let (mut objects, mut corners) = (0, 0);
    for annotation in annotations {
        let ink = ink::of_layer(layer(annotation));
        if !annotation.items(tags::COMPOUND_GRAPHIC_SEQUENCE).is_empty() {
            note(left_out, "compound graphics");
        }
        for object in annotation.items(tags::GRAPHIC_OBJECT_SEQUENCE) {
            let Some(graphic) = graphic(object, ink) else {
                note(left_out, "some annotations");
                continue;
            };
            objects += 1;
            corners += graphic.corners();
            if objects > OBJECTS_MAX || corners > Graphic::CORNERS_MAX {
                note(left_out, "some annotations");
                return;
            }
            presentation.graphics.push(graphic);
        }
        for object in annotation.items(tags::TEXT_OBJECT_SEQUENCE) {
            objects += 1;
            let text = text(object, ink).filter(|_| objects <= OBJECTS_MAX);
            let Some((text, pointer)) = text else {
                note(left_out, "some annotations");
                continue;
            };
            presentation.texts.push(text);
            presentation.graphics.extend(pointer);
        }
    }
}

fn note(left_out: &mut Vec<&'static str>, what: &'static str) {
    if !left_out.contains(&what) {
        left_out.push(what);
    }
}

fn space(units: Option<&str>) -> Option<Space> {
    match units {
        Some("PIXEL") => Some(Space::Image),
        Some("DISPLAY") => Some(Space::Display),
        _ => None,
    }
}

fn pairs(numbers: &[f64]) -> Vec<(f64, f64)> {
    numbers.as_chunks::<2>().0.iter().map(|[column, row]| (*column, *row)).collect()
}

/// A Graphic Object; nothing for what has another type, other units, or too few points.
fn graphic(object: &Dataset, ink: [u8; 3]) -> Option<Graphic> {
    let points = pairs(&object.numbers(tags::GRAPHIC_DATA));
    let (shape, least) = match object.text(tags::GRAPHIC_TYPE)?.as_str() {
        "POINT" => (Shape::Point, 1),
        "POLYLINE" => (Shape::Polyline, 2),
        "INTERPOLATED" => (Shape::Interpolated, 2),
        "CIRCLE" => (Shape::Circle, 2),
        "ELLIPSE" => (Shape::Ellipse, 4),
        _ => return None,
    };
    let space = space(object.text(tags::GRAPHIC_ANNOTATION_UNITS).as_deref())?;
    let is_filled = object.text(tags::GRAPHIC_FILLED).as_deref() == Some("Y");
    let fill = if is_filled { Fill::Inked } else { Fill::None };
    (points.len() >= least).then_some(Graphic { shape, points, space, fill, ink })
}

/// A Text Object, and the line from its box to a visible anchor point.
fn text(object: &Dataset, ink: [u8; 3]) -> Option<(Text, Option<Graphic>)> {
    let value = object.text(tags::UNFORMATTED_TEXT_VALUE)?;
    let lines: Vec<String> = value.lines().map(str::to_owned).collect();
    let point = |tag| match object.numbers(tag).as_slice() {
        [column, row] => Some((*column, *row)),
        _ => None,
    };
    let anchor =
        point(tags::ANCHOR_POINT).zip(space(object.text(tags::ANCHOR_POINT_ANNOTATION_UNITS).as_deref()));
    let corners = point(tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER)
        .zip(point(tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER))
        .zip(space(object.text(tags::BOUNDING_BOX_ANNOTATION_UNITS).as_deref()));
    let Some((corners, space)) = corners else {
        let (at, space) = anchor?;
        return Some((Text { lines, place: Place::Anchor { at, space }, ink }, None));
    };
    let align = match object.text(tags::BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION).as_deref() {
        Some("CENTER") => Align::Centre,
        Some("RIGHT") => Align::Right,
        _ => Align::Left,
    };
    let is_visible = object.text(tags::ANCHOR_POINT_VISIBILITY).as_deref() == Some("Y");
    // Both ends must be counted alike; the line begins at the corner of the box that is nearest.
    let pointer = anchor.filter(|(_, of_anchor)| is_visible && *of_anchor == space).map(|(at, _)| {
        let near = |value: f64, a: f64, b: f64| if (value - a).abs() <= (value - b).abs() { a } else { b };
        let from = (near(at.0, corners.0.0, corners.1.0), near(at.1, corners.0.1, corners.1.1));
        Graphic { shape: Shape::Polyline, points: vec![from, at], space, fill: Fill::None, ink }
    });
    let place = Place::Box { corners: [corners.0, corners.1], space, align };
    Some((Text { lines, place, ink }, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::VR;

    fn floats(dataset: &mut Dataset, tag: dataset::Tag, numbers: &[f32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        dataset.put_bytes(tag, VR::FL, bytes);
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out_and_said() {
        let mut object = Dataset::new();
        object.put_text(tags::GRAPHIC_TYPE, VR::CS, "POLYLINE");
        object.put_text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, "PIXEL");
        floats(&mut object, tags::GRAPHIC_DATA, &[1.0, 2.0, 3.0, 4.0]);
        let mut odd = object.clone();
        odd.put_text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, "MATRIX");
        let mut annotation = Dataset::new();
        annotation.put_items(tags::GRAPHIC_OBJECT_SEQUENCE, vec![object, odd]);
        let mut state = Dataset::new();
        state.put_items(tags::GRAPHIC_ANNOTATION_SEQUENCE, vec![annotation]);
        let (mut presentation, mut left_out) = (Presentation::default(), Vec::new());
        apply(&state, (&Uid::parse("1.2").unwrap(), 0), &mut presentation, &mut left_out);
        assert_eq!(presentation.graphics[0].points, [(1.0, 2.0), (3.0, 4.0)]);
        assert_eq!((presentation.graphics.len(), left_out), (1, vec!["some annotations"]));
    }

    #[test]
    fn a_text_points_at_its_anchor_from_the_nearest_corner() {
        let mut object = Dataset::new();
        object.put_text(tags::UNFORMATTED_TEXT_VALUE, VR::ST, "肝脏\r\n12 mm");
        for tag in [tags::BOUNDING_BOX_ANNOTATION_UNITS, tags::ANCHOR_POINT_ANNOTATION_UNITS] {
            object.put_text(tag, VR::CS, "PIXEL");
        }
        floats(&mut object, tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER, &[10.0, 10.0]);
        floats(&mut object, tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, &[30.0, 20.0]);
        floats(&mut object, tags::ANCHOR_POINT, &[50.0, 50.0]);
        object.put_text(tags::ANCHOR_POINT_VISIBILITY, VR::CS, "Y");
        let (text, pointer) = text(&object, [255; 3]).unwrap();
        assert_eq!(text.lines, ["肝脏", "12 mm"]);
        assert_eq!(pointer.unwrap().points, [(30.0, 20.0), (50.0, 50.0)]);
    }
}
