//! Builders for tests.

use super::{Annotation, Author, Class, Point, Shape, ShapeKind};
use model::{OrgId, PersonId, SlideId};

/// A tumour drawn by 王医师 on a slide of 1000 × 800 pixels.
pub(crate) fn annotation(kind: ShapeKind, points: &[Point], text: &str) -> Annotation {
    Annotation {
        id: SlideId::new().to_string(),
        version: 1,
        slide: SlideId::parse("slide-1").unwrap(),
        shape: Shape::new(kind, points.to_vec(), 1000, 800).unwrap(),
        class: Class::Tumour,
        colour: Class::Tumour.colour(),
        text: text.to_owned(),
        author: Author {
            person: PersonId::parse("wang").unwrap(),
            name: "王建国".to_owned(),
            organisation: OrgId::parse("city").unwrap(),
            organisation_name: "市医院".to_owned(),
            on_behalf: None,
        },
        created_at_ms: 1_700_000_000_000,
        changed_at_ms: 1_700_000_000_000,
        deleted_at_ms: None,
    }
}
