//! GeoJSON (RFC 7946's shapes, with pixels of level 0 for coordinates) as QuPath writes and reads it. What QuPath has no
//! member for (who drew, the exact shape) stands in `properties.metadata`, which QuPath keeps as it is.

use super::words::{NAME_CHARS_MAX, TEXT_CHARS_MAX, clean_text};
use super::{Annotation, Class, Colour, NewAnnotation, Point, Shape, ShapeKind};
use serde_json::{Map, Value as Json, json};

/// Points of an ellipse's outline.
const ELLIPSE_POINTS: usize = 72;
/// Features of one import at most.
pub const FEATURES_MAX: usize = 1000;
/// QuPath's name for the description of an annotation among its metadata.
const DESCRIPTION: &str = "ANNOTATION_DESCRIPTION";
/// Under which the shape is kept as it was drawn.
const KIND: &str = "farsight:kind";
const POINTS: &str = "farsight:points";

/// A FeatureCollection of these annotations.
#[must_use]
pub fn export(annotations: &[Annotation]) -> Json {
    json!({"type": "FeatureCollection", "features": annotations.iter().map(feature).collect::<Vec<_>>()})
}

fn feature(annotation: &Annotation) -> Json {
    let shape = &annotation.shape;
    let mut geometry = match shape.kind() {
        ShapeKind::Point => json!({"type": "Point", "coordinates": shape.points().first()}),
        ShapeKind::Line => json!({"type": "LineString", "coordinates": shape.points()}),
        ShapeKind::Polygon | ShapeKind::Rectangle | ShapeKind::Ellipse => {
            let mut ring = shape.outline(ELLIPSE_POINTS);
            ring.extend(ring.first().copied());
            json!({"type": "Polygon", "coordinates": [ring]})
        }
    };
    if is_upright_ellipse(shape) {
        geometry["isEllipse"] = Json::Bool(true);
    }
    let author = &annotation.author;
    let mut metadata = json!({
        DESCRIPTION: annotation.text,
        "farsight:author": author.name,
        "farsight:organisation": author.organisation_name,
        "farsight:created": rfc3339(annotation.created_at_ms),
        "farsight:changed": rfc3339(annotation.changed_at_ms),
        "farsight:version": annotation.version.to_string(),
        KIND: shape.kind().as_str(),
    });
    if let Some(behalf) = &author.on_behalf {
        metadata["farsight:consult"] = json!(behalf.number);
        metadata["farsight:for"] = json!(behalf.organisation_name);
    }
    if shape.kind() == ShapeKind::Ellipse {
        metadata[POINTS] = json!(json!(shape.points()).to_string());
    }
    let title: String = annotation.text.lines().next().unwrap_or_default().chars().take(60).collect();
    json!({
        "type": "Feature",
        "id": annotation.id,
        "geometry": geometry,
        "properties": {
            "objectType": "annotation",
            "name": title,
            "classification": {"name": annotation.class.qupath_name(), "color": annotation.colour.0},
            "isLocked": true,
            "metadata": metadata,
        },
    })
}

fn rfc3339(ms: i64) -> String {
    model::time_text::rfc3339(model::time_text::from_unix_ms(ms))
}

/// QuPath's ellipses are not turned.
fn is_upright_ellipse(shape: &Shape) -> bool {
    let [a, b, ..] = shape.points() else { return false };
    shape.kind() == ShapeKind::Ellipse && (a[0] == b[0] || a[1] == b[1])
}

/// What of a file can be drawn, and what not.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// To be drawn, with the position of the feature that each comes from.
    pub drawn: Vec<(usize, NewAnnotation)>,
    /// Position of a feature (from 0), and why it is left out.
    pub refused: Vec<(usize, &'static str)>,
}

/// Reads a FeatureCollection, a list of features or a single one. Shapes of several parts become as many annotations.
/// Nothing is drawn yet: whether the shapes lie on the slide is [`Shape::new`]'s to say.
///
/// # Errors
/// Why this is no such file, for people.
pub fn import(file: &Json) -> Result<Import, &'static str> {
    let features = match file {
        Json::Array(features) => features.as_slice(),
        Json::Object(object) => match object.get("features").and_then(Json::as_array) {
            Some(features) => features.as_slice(),
            None if object.get("type").and_then(Json::as_str) == Some("Feature") => {
                std::slice::from_ref(file)
            }
            None => return Err("不是 GeoJSON / not GeoJSON"),
        },
        _ => return Err("不是 GeoJSON / not GeoJSON"),
    };
    if features.len() > FEATURES_MAX {
        return Err(TOO_MANY);
    }
    let mut import = Import::default();
    for (place, feature) in features.iter().enumerate() {
        match read_feature(feature, FEATURES_MAX - import.drawn.len()) {
            Ok(shapes) => import.drawn.extend(shapes.into_iter().map(|shape| (place, shape))),
            Err(TOO_MANY) => return Err(TOO_MANY),
            Err(why) => import.refused.push((place, why)),
        }
    }
    Ok(import)
}

const TOO_MANY: &str = "一次最多导入 1000 个 / at most 1000 shapes at once";

/// The shapes of a feature, so many at most: each gets the feature's text.
fn read_feature(feature: &Json, most: usize) -> Result<Vec<NewAnnotation>, &'static str> {
    let nothing = Map::new();
    let properties = feature.get("properties").and_then(Json::as_object).unwrap_or(&nothing);
    let metadata = properties.get("metadata").and_then(Json::as_object).unwrap_or(&nothing);
    let word = |map: &Map<String, Json>, name: &str| {
        map.get(name).and_then(Json::as_str).map(str::to_owned).unwrap_or_default()
    };
    let classification = properties.get("classification");
    let class_name =
        classification.and_then(|class| class.get("name")).and_then(Json::as_str).unwrap_or_default();
    let class = Class::from_name(class_name);
    let mut text = match word(metadata, DESCRIPTION) {
        description if description.is_empty() => word(properties, "name"),
        description => description,
    };
    if class.is_none() && text.is_empty() {
        // A class that we do not have is at least said.
        text = clean_text(class_name, NAME_CHARS_MAX).unwrap_or_default();
    }
    let text = clean_text(&text, TEXT_CHARS_MAX).ok_or("文字过长 / the text is too long")?;
    let colour = classification.and_then(|class| class.get("color")).and_then(colour);
    let geometry = feature.get("geometry").ok_or("没有图形 / no geometry")?;
    let shapes = shapes(geometry, metadata)?;
    if shapes.len() > most {
        return Err(TOO_MANY);
    }
    let annotation = |(kind, points)| NewAnnotation {
        kind,
        points,
        class: class.unwrap_or_default(),
        colour,
        text: text.clone(),
    };
    Ok(shapes.into_iter().map(annotation).collect())
}

fn colour(value: &Json) -> Option<Colour> {
    let parts = value.as_array()?.iter().map(|part| u8::try_from(part.as_u64()?).ok());
    Some(Colour(parts.collect::<Option<Vec<u8>>>()?.try_into().ok()?))
}

type Drawn = (ShapeKind, Vec<Point>);

const NOT_POINTS: &str = "坐标不是数字对 / coordinates are not pairs of numbers";

fn shapes(geometry: &Json, metadata: &Map<String, Json>) -> Result<Vec<Drawn>, &'static str> {
    let kind = geometry.get("type").and_then(Json::as_str).unwrap_or_default();
    let coordinates = geometry.get("coordinates").ok_or(NOT_POINTS)?;
    let list = || coordinates.as_array().ok_or(NOT_POINTS);
    match kind {
        "Point" => Ok(vec![(ShapeKind::Point, vec![point(coordinates)?])]),
        "MultiPoint" => list()?.iter().map(|one| Ok((ShapeKind::Point, vec![point(one)?]))).collect(),
        "LineString" => Ok(vec![(ShapeKind::Line, points(coordinates)?)]),
        "MultiLineString" => list()?.iter().map(|one| Ok((ShapeKind::Line, points(one)?))).collect(),
        "Polygon" => Ok(vec![polygon(coordinates, geometry, metadata)?]),
        "MultiPolygon" => list()?.iter().map(|one| polygon(one, geometry, &Map::new())).collect(),
        _ => Err("不支持的图形 / a kind of geometry that is not supported"),
    }
}

fn polygon(rings: &Json, geometry: &Json, metadata: &Map<String, Json>) -> Result<Drawn, &'static str> {
    let [ring] = rings.as_array().ok_or(NOT_POINTS)?.as_slice() else {
        return Err("有空洞的区域不能导入 / a region with holes is not supported");
    };
    let mut ring = points(ring)?;
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if let Some(kept) = as_drawn(metadata) {
        return Ok(kept);
    }
    if geometry.get("isEllipse").and_then(Json::as_bool) == Some(true) {
        return upright_ellipse(&ring).ok_or(NOT_POINTS);
    }
    let is_rectangle = metadata.get(KIND).and_then(Json::as_str) == Some("rectangle") && ring.len() == 4;
    Ok((if is_rectangle { ShapeKind::Rectangle } else { ShapeKind::Polygon }, ring))
}

/// The shape as it was drawn here, if that is among the metadata.
fn as_drawn(metadata: &Map<String, Json>) -> Option<Drawn> {
    let kind = ShapeKind::parse(metadata.get(KIND)?.as_str()?)?;
    let kept: Json = serde_json::from_str(metadata.get(POINTS)?.as_str()?).ok()?;
    Some((kind, points(&kept).ok()?))
}

/// The ellipse that touches all sides of the ring's box.
fn upright_ellipse(ring: &[Point]) -> Option<Drawn> {
    let fold = |pick: fn(f64, f64) -> f64, axis: usize| ring.iter().map(|point| point[axis]).reduce(pick);
    let (left, right) = (fold(f64::min, 0)?, fold(f64::max, 0)?);
    let (top, bottom) = (fold(f64::min, 1)?, fold(f64::max, 1)?);
    let (x, y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    let across = [[left, y], [right, y]];
    let down = [[x, top], [x, bottom]];
    let (major, minor) = if right - left >= bottom - top { (across, down) } else { (down, across) };
    Some((ShapeKind::Ellipse, [major, minor].concat()))
}

fn points(value: &Json) -> Result<Vec<Point>, &'static str> {
    let list = value.as_array().ok_or(NOT_POINTS)?;
    if list.len() > super::shape::POINTS_MAX + 1 {
        return Err("点太多 / too many points");
    }
    list.iter().map(point).collect()
}

fn point(value: &Json) -> Result<Point, &'static str> {
    let number = |at: usize| value.get(at).and_then(Json::as_f64).filter(|n| n.is_finite()).ok_or(NOT_POINTS);
    Ok([number(0)?, number(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::testing::annotation;

    #[test]
    fn what_is_exported_comes_back_as_it_was() {
        let drawn = [
            (ShapeKind::Point, vec![[10.5, 20.25]]),
            (ShapeKind::Line, vec![[1.0, 2.0], [30.0, 40.0], [50.0, 2.0]]),
            (ShapeKind::Polygon, vec![[1.0, 2.0], [30.0, 40.0], [50.0, 2.0]]),
            (ShapeKind::Rectangle, vec![[20.0, 0.0], [40.0, 20.0], [20.0, 40.0], [0.0, 20.0]]),
            (ShapeKind::Ellipse, vec![[0.0, 20.0], [80.0, 20.0], [40.0, 0.0], [40.0, 40.0]]),
            (ShapeKind::Ellipse, vec![[10.0, 10.0], [50.0, 50.0], [40.0, 20.0], [20.0, 40.0]]),
        ];
        let annotations: Vec<_> =
            drawn.iter().map(|(kind, points)| annotation(*kind, points, "可疑\n第二行")).collect();
        let found = import(&export(&annotations)).unwrap();
        assert!(found.refused.is_empty(), "{:?}", found.refused);
        for ((kind, points), (_, new)) in drawn.iter().zip(&found.drawn) {
            assert_eq!((new.kind, &new.points), (*kind, points));
            assert_eq!((new.class, new.text.as_str()), (Class::Tumour, "可疑\n第二行"));
            assert_eq!(new.colour, Some(Class::Tumour.colour()));
        }
    }

    #[test]
    fn many_points_with_one_long_text_are_refused_before_the_text_is_copied_to_each() {
        let points = vec![json!([1, 1]); 300_000];
        let file = json!({"type": "Feature", "properties": {"name": "肿".repeat(4000)},
            "geometry": {"type": "MultiPoint", "coordinates": points}});
        assert_eq!(import(&file).unwrap_err(), TOO_MANY);
        let two =
            json!({"type": "Feature", "geometry": {"type": "MultiPoint", "coordinates": [[1, 1], [2, 2]]}});
        assert_eq!(import(&json!(vec![two; 501])).unwrap_err(), TOO_MANY);
    }

    #[test]
    fn what_qupath_writes_is_read() {
        let file = json!({"type": "FeatureCollection", "features": [
            {"type": "Feature", "id": "3a", "properties": {"objectType": "annotation", "name": "腺管",
                "classification": {"name": "Stroma", "color": [150, 200, 150]}},
             "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]}},
            {"type": "Feature", "properties": {"classification": {"name": "tumor"}},
             "geometry": {"type": "MultiPolygon", "coordinates": [
                [[[0, 0], [9, 0], [9, 9], [0, 0]]], [[[20, 0], [29, 0], [29, 9], [20, 0]]]]}},
            {"type": "Feature", "geometry": {"type": "Polygon", "isEllipse": true,
                "coordinates": [[[0, 5], [5, 0], [10, 5], [5, 20], [0, 5]]]}},
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0]], [[1, 1]]]}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": ["a", 1]}},
            {"type": "Feature"},
        ]});
        let found = import(&file).unwrap();
        let kinds: Vec<_> = found.drawn.iter().map(|(place, new)| (*place, new.kind)).collect();
        assert_eq!(
            kinds,
            [
                (0, ShapeKind::Polygon),
                (1, ShapeKind::Polygon),
                (1, ShapeKind::Polygon),
                (2, ShapeKind::Ellipse)
            ]
        );
        assert_eq!(found.drawn[0].1.text, "腺管");
        assert_eq!(found.drawn[0].1.points.len(), 3, "the ring is closed by itself");
        assert_eq!(found.drawn[1].1.class, Class::Tumour);
        assert_eq!(found.drawn[3].1.points, [[5.0, 0.0], [5.0, 20.0], [0.0, 10.0], [10.0, 10.0]]);
        assert_eq!(found.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [3, 4, 5]);
    }

    #[test]
    fn what_is_no_geojson_is_refused() {
        for file in [json!(null), json!(1), json!({}), json!({"type": "Topology"}), json!("x")] {
            assert!(import(&file).is_err(), "{file}");
        }
        let many: Vec<_> = (0..=FEATURES_MAX).map(|_| json!({"type": "Feature"})).collect();
        assert!(import(&Json::Array(many)).is_err());
    }
}
