//! What is drawn on a key image: kept as data, signed with the report, and set over the picture when its page is made. The
//! picture itself stays as it was made, under its hash.

use crate::report::clean;
use serde::{Deserialize, Serialize};

/// Marks on one picture at most.
pub const MARKS_MAX: usize = 12;
/// Points of one mark at most.
const POINTS_MAX: usize = 200;
/// Characters of a label at most.
pub const LABEL_CHARS_MAX: usize = 40;
/// A point lies no further out than this, pixels of the picture: a mark that reaches further is not drawn at all.
const FAR_PX: i32 = 20_000;

/// How a mark is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// From the first point to the second, which it points at.
    Arrow,
    /// A measured distance: two points or more.
    Line,
    /// Around what is meant: three points or more.
    Outline,
    /// A place: one point.
    Point,
}

/// Something drawn on a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// How it is drawn.
    pub kind: MarkKind,
    /// `[x, y]`, pixels of the picture from its top left corner.
    pub points: Vec<[i32; 2]>,
    /// What stands beside it, such as `12.3 mm`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

impl Mark {
    /// A mark that can be drawn: with the points that its kind has, a short label, and nothing far outside.
    #[must_use]
    pub fn new(kind: MarkKind, mut points: Vec<[i32; 2]>, label: &str) -> Option<Self> {
        // Of a long line as many points as can be told apart on paper, and always where it ends.
        let last = points.len().saturating_sub(1);
        let step = last.div_ceil(POINTS_MAX - 1).max(1);
        let is_kept = |n: usize| n.is_multiple_of(step) || n == last;
        points =
            points.into_iter().enumerate().filter(|(n, _)| is_kept(*n)).map(|(_, point)| point).collect();
        let mut label = clean(label).replace('\n', " ");
        if let Some((end, _)) = label.char_indices().nth(LABEL_CHARS_MAX - 1)
            && label.chars().count() > LABEL_CHARS_MAX
        {
            // There is more of it, and the picture says so.
            label.truncate(end);
            label.push('…');
        }
        let mark = Self { kind, points, label };
        mark.is_sound().then_some(mark)
    }

    /// Whether it can be drawn.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let has_points = match self.kind {
            MarkKind::Arrow => self.points.len() == 2,
            MarkKind::Line => (2..=POINTS_MAX).contains(&self.points.len()),
            MarkKind::Outline => (3..=POINTS_MAX).contains(&self.points.len()),
            MarkKind::Point => self.points.len() == 1,
        };
        has_points
            && self.label.chars().count() <= LABEL_CHARS_MAX
            && self.points.iter().flatten().all(|along| along.abs() <= FAR_PX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyImage;
    use crate::pdf::{Fonts, Printer, ToPrint};
    use crate::report::{CanonicalError, CanonicalReport, ReportDraft};
    use crate::testing::{NOW, canonical_of, consult, draft, key_image, signer, text_of};
    use access::Signatures;

    #[test]
    fn a_mark_has_the_points_of_its_kind() {
        assert!(Mark::new(MarkKind::Line, vec![[0, 0], [10, 0]], "1 mm").is_some());
        assert!(Mark::new(MarkKind::Line, vec![[0, 0]], "").is_none());
        assert!(Mark::new(MarkKind::Point, vec![[20_001, 0]], "").is_none());
        let long = Mark::new(MarkKind::Outline, vec![[1, 1]; 5_000], &"长".repeat(100)).unwrap();
        assert!(long.points.len() <= POINTS_MAX && long.label.chars().count() == LABEL_CHARS_MAX);
        assert!(long.label.ends_with("长…"));
        let full = "长".repeat(LABEL_CHARS_MAX);
        assert_eq!(Mark::new(MarkKind::Point, vec![[1, 1]], &full).unwrap().label, full);
    }

    #[test]
    fn a_long_line_ends_where_it_was_drawn() {
        for length in [2, 199, 200, 201, 202, 399, 400, 401, 5_000] {
            let points: Vec<_> = (0..length).map(|n| [n, 0]).collect();
            let mark = Mark::new(MarkKind::Line, points, "").unwrap();
            let ends = [mark.points.first(), mark.points.last()];
            assert_eq!(ends, [Some(&[0, 0]), Some(&[length - 1, 0])], "{length}");
        }
    }

    #[test]
    fn marks_are_signed_as_data_and_printed_with_their_labels() {
        let (mut image, picture) = key_image();
        let mark = |kind, points, label: &str| Mark::new(kind, points, label).unwrap();
        image.marks = vec![
            mark(MarkKind::Line, vec![[40, 300], [200, 300]], "0.27 mm"),
            mark(MarkKind::Outline, vec![[200, 80], [320, 60], [360, 180], [240, 220]], "0.04 mm²"),
            mark(MarkKind::Arrow, vec![[420, 40], [340, 110]], "核分裂"),
            mark(MarkKind::Point, vec![[100, 100]], ""),
        ];
        let pictures = [picture];
        let content = canonical_of(
            &consult(Signatures::Single),
            &ReportDraft { key_images: vec![KeyImage::Slide(image.clone())], ..draft() },
        );
        let reader = signer("王建国", NOW);
        let input = ToPrint { canonical: &content, pictures: &pictures, reader: &reader };
        let text = text_of(&Printer::new(&Fonts::default()).unwrap().render(&input).unwrap().pdf);
        for label in ["0.27mm", "0.04mm²", "核分裂"] {
            assert!(text.contains(label), "{label} in\n{text}");
        }

        image.marks[0].points.clear();
        let broken = canonical_of(
            &consult(Signatures::Single),
            &ReportDraft { key_images: vec![KeyImage::Slide(image)], ..draft() },
        );
        assert_eq!(CanonicalReport::from_bytes(&broken), Err(CanonicalError::NotAReport));
    }
}
