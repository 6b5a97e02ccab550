//! What is drawn on a slide: a kind and its points in pixels of level 0, as bulk annotations have them (PS3.3
//! §C.37.1.2).

use serde::{Deserialize, Serialize};

/// Points of one shape at most.
pub const POINTS_MAX: usize = 10_000;
/// Coordinates are kept to a hundredth of a pixel.
const STEPS_PER_PX: f64 = 100.0;
/// How far a corner of a rectangle, or an end of an ellipse's axis, may be from where the others put it: pixels, and as
/// a share of the shape's size.
const SKEW_PX_MAX: f64 = 0.5;
const SKEW_SHARE_MAX: f64 = 0.01;

/// What the points mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShapeKind {
    /// One point.
    Point,
    /// Two points or more, joined by straight lines, open.
    Line,
    /// Three points or more, joined by straight lines; the last is joined to the first. What is drawn by hand is one of
    /// many points.
    Polygon,
    /// The four corners, one after the other; it may be turned.
    Rectangle,
    /// The ends of the major axis, then those of the minor axis; it may be turned.
    Ellipse,
}

impl ShapeKind {
    /// From `point`, `line`, `polygon`, `rectangle` or `ellipse`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "point" => Self::Point,
            "line" => Self::Line,
            "polygon" => Self::Polygon,
            "rectangle" => Self::Rectangle,
            "ellipse" => Self::Ellipse,
            _ => return None,
        })
    }

    /// The word of [`ShapeKind::parse`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Line => "line",
            Self::Polygon => "polygon",
            Self::Rectangle => "rectangle",
            Self::Ellipse => "ellipse",
        }
    }
}

/// A place in pixels of level 0, `[x, y]`, from the top left corner.
pub type Point = [f64; 2];

/// A shape that lies on its slide. Built only by [`Shape::new`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    kind: ShapeKind,
    points: Vec<Point>,
}

/// Why a shape is none, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAShape(pub &'static str);

impl Shape {
    /// Checks that the points are what the kind wants, and that the shape lies on a slide of this size (pixels of level
    /// 0). It may reach beyond the edge by as much as the slide is wide and high.
    ///
    /// # Errors
    /// [`NotAShape`].
    pub fn new(kind: ShapeKind, mut points: Vec<Point>, width: u32, height: u32) -> Result<Self, NotAShape> {
        if points.len() > POINTS_MAX {
            return Err(NotAShape("点太多（最多 10000 个） / too many points (at most 10000)"));
        }
        let (width, height) = (f64::from(width), f64::from(height));
        for [x, y] in &mut points {
            if !(-width..=2.0 * width).contains(x) || !(-height..=2.0 * height).contains(y) {
                return Err(NotAShape("有点不在切片上 / a point is not on the slide"));
            }
            *x = rounded(*x);
            *y = rounded(*y);
        }
        let count_fits = match kind {
            ShapeKind::Point => points.len() == 1,
            ShapeKind::Line => points.len() >= 2,
            ShapeKind::Polygon => points.len() >= 3,
            ShapeKind::Rectangle | ShapeKind::Ellipse => points.len() == 4,
        };
        if !count_fits {
            return Err(NotAShape("点的数目与图形不符 / the number of points does not fit the kind"));
        }
        let shape = Self { kind, points };
        let (from, to) = shape.bounds();
        if to[0] < 0.0 || to[1] < 0.0 || from[0] > width || from[1] > height {
            return Err(NotAShape("图形不在切片上 / the shape is not on the slide"));
        }
        if kind != ShapeKind::Point && from == to {
            return Err(NotAShape("图形没有大小 / the shape has no size"));
        }
        if !shape.is_true_to_kind() {
            return Err(NotAShape("点不是这种图形的 / the points are not those of such a shape"));
        }
        Ok(shape)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ShapeKind {
        self.kind
    }

    /// Its points, pixels of level 0.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Upper left and lower right corner of the box around its points.
    #[must_use]
    pub fn bounds(&self) -> (Point, Point) {
        let mut from = [f64::INFINITY; 2];
        let mut to = [f64::NEG_INFINITY; 2];
        for point in &self.points {
            for axis in 0..2 {
                from[axis] = from[axis].min(point[axis]);
                to[axis] = to[axis].max(point[axis]);
            }
        }
        (from, to)
    }

    /// Its outline as a closed ring without the repeated first point: an ellipse as so many points.
    #[must_use]
    pub fn outline(&self, ellipse_points: usize) -> Vec<Point> {
        let [a, b, c, d] = self.points[..] else { return self.points.clone() };
        if self.kind != ShapeKind::Ellipse {
            return self.points.clone();
        }
        let centre = middle(a, b);
        let (major, minor) = (minus(b, centre), minus(d, middle(c, d)));
        (0..ellipse_points)
            .map(|n| {
                let (sin, cos) = (n as f64 / ellipse_points as f64 * std::f64::consts::TAU).sin_cos();
                [
                    rounded(centre[0] + major[0] * cos + minor[0] * sin),
                    rounded(centre[1] + major[1] * cos + minor[1] * sin),
                ]
            })
            .collect()
    }

    fn is_true_to_kind(&self) -> bool {
        let [a, b, c, d] = self.points[..] else { return true };
        let (from, to) = self.bounds();
        let most = SKEW_PX_MAX.max(SKEW_SHARE_MAX * length(minus(to, from)));
        match self.kind {
            // Opposite sides are equal, and so are the diagonals.
            ShapeKind::Rectangle => {
                length(minus(middle(a, c), middle(b, d))) <= most
                    && (length(minus(a, c)) - length(minus(b, d))).abs() <= most
            }
            // The axes have one middle, are at right angles, and the first is the longer one.
            ShapeKind::Ellipse => {
                let (major, minor) = (minus(b, a), minus(d, c));
                let across = (major[0] * minor[0] + major[1] * minor[1]).abs();
                let (long, short) = (length(major), length(minor));
                length(minus(middle(a, b), middle(c, d))) <= most
                    && short > 0.0
                    && long + most >= short
                    && across <= most * long.max(short)
            }
            _ => true,
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * STEPS_PER_PX).round() / STEPS_PER_PX
}

fn middle(a: Point, b: Point) -> Point {
    [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn length(vector: Point) -> f64 {
    vector[0].hypot(vector[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ShapeKind, points: &[Point], is_shape: bool) {
        let found = Shape::new(kind, points.to_vec(), 1000, 800);
        assert_eq!(found.is_ok(), is_shape, "{kind:?} {points:?}: {found:?}");
    }

    #[test]
    fn shapes_have_the_points_that_their_kind_wants() {
        check(ShapeKind::Point, &[[1.0, 2.0]], true);
        check(ShapeKind::Point, &[], false);
        check(ShapeKind::Line, &[[1.0, 2.0], [3.0, 4.0]], true);
        check(ShapeKind::Line, &[[1.0, 2.0], [1.0, 2.0]], false);
        check(ShapeKind::Polygon, &[[0.0, 0.0], [9.0, 0.0]], false);
        check(ShapeKind::Polygon, &[[0.0, 0.0], [9.0, 0.0], [9.0, 9.0]], true);
        check(ShapeKind::Rectangle, &[[10.0, 10.0], [50.0, 10.0], [50.0, 30.0], [10.0, 30.0]], true);
        check(ShapeKind::Rectangle, &[[20.0, 0.0], [40.0, 20.0], [20.0, 40.0], [0.0, 20.0]], true);
        check(ShapeKind::Rectangle, &[[10.0, 10.0], [50.0, 10.0], [70.0, 30.0], [30.0, 30.0]], false);
        check(ShapeKind::Ellipse, &[[0.0, 20.0], [80.0, 20.0], [40.0, 0.0], [40.0, 40.0]], true);
        check(ShapeKind::Ellipse, &[[40.0, 0.0], [40.0, 40.0], [0.0, 20.0], [80.0, 20.0]], false);
        check(ShapeKind::Ellipse, &[[0.0, 20.0], [80.0, 20.0], [20.0, 0.0], [60.0, 40.0]], false);
    }

    #[test]
    fn shapes_lie_on_their_slide() {
        check(ShapeKind::Point, &[[-1.0, 2.0]], false);
        check(ShapeKind::Point, &[[1000.0, 800.0]], true);
        check(ShapeKind::Line, &[[-500.0, 10.0], [500.0, 10.0]], true);
        check(ShapeKind::Line, &[[-5000.0, 10.0], [500.0, 10.0]], false);
        for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            check(ShapeKind::Point, &[[strange, 1.0]], false);
        }
        check(ShapeKind::Polygon, &vec![[1.0, 1.0]; POINTS_MAX + 1], false);
    }

    #[test]
    fn an_ellipse_has_an_outline_through_the_ends_of_its_axes() {
        let ends = vec![[0.0, 20.0], [80.0, 20.0], [40.0, 0.0], [40.0, 40.0]];
        let outline = Shape::new(ShapeKind::Ellipse, ends.clone(), 1000, 800).unwrap().outline(4);
        for end in ends {
            assert!(outline.contains(&end), "{end:?} in {outline:?}");
        }
    }
}
