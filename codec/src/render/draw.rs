//! Graphic annotations (PS3.3 §C.10.5) drawn at the picture's resolution: a pixel is inked when its centre is within
//! half a pen's width of the line, so that every line can be computed again by anyone.

use super::area::Region;
use super::canvas::Canvas;
use super::text;
use crate::presentation::Presentation;

/// A place farther from the picture than this is taken to be there.
const FAR: f64 = 100_000.0;
/// Corners of a circle or an ellipse.
const ROUND: usize = 360;
/// Corners between two points of a smooth line.
const SMOOTH: usize = 16;
/// What all lines of a picture together may cost, in rows of a canvas that are looked at or inked; a graphic that would
/// take more is not drawn, and neither is what follows it.
const ROWS_MAX: u64 = 4 << 20;
/// Pixels that are inked, and corners of a filled line that are looked at, in the time of one such row.
const PER_ROW: f64 = 128.0;

/// A kind of graphic, and the points that say where it is, (column, row).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each point by itself.
    Point,
    /// Straight lines from point to point.
    Polyline,
    /// A smooth line through the points.
    Interpolated,
    /// The centre, and a point on the circle.
    Circle,
    /// Both ends of the major axis, and both ends of the minor one.
    Ellipse,
}

/// What coordinates count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Pixels of the image, from the upper left corner of its first pixel (PIXEL).
    Image,
    /// Shares of what is shown, from 0 to 1 (DISPLAY).
    Display,
}

/// Something drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Graphic {
    /// What it is.
    pub shape: Shape,
    /// Where it is.
    pub points: Vec<(f64, f64)>,
    /// What its coordinates count.
    pub space: Space,
    /// Whether the inside of a closed line is inked too.
    pub fill: Fill,
    /// Its colour, sRGB.
    pub ink: [u8; 3],
}

impl Graphic {
    /// Corners of all lines of a picture together; what is beyond is not drawn.
    pub const CORNERS_MAX: usize = 60_000;

    /// Corners of the straight lines that it becomes.
    #[must_use]
    pub fn corners(&self) -> usize {
        match self.shape {
            Shape::Point | Shape::Polyline => self.points.len(),
            Shape::Interpolated => self.points.len().saturating_mul(SMOOTH),
            Shape::Circle | Shape::Ellipse => ROUND + 1,
        }
    }
}

/// The inside of a closed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Stays as it is.
    #[default]
    None,
    /// Is inked.
    Inked,
}

/// Something written.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its lines.
    pub lines: Vec<String>,
    /// Where it is.
    pub place: Place,
    /// Its colour, sRGB.
    pub ink: [u8; 3],
}

/// Where text is.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// From the upper left corner of a box on.
    Box {
        /// Two corners of it.
        corners: [(f64, f64); 2],
        /// What their coordinates count.
        space: Space,
        /// The side of the box along which lines stand.
        align: Align,
    },
    /// Beside a point, to its right.
    Anchor {
        /// The point.
        at: (f64, f64),
        /// What its coordinates count.
        space: Space,
    },
    /// In a corner of the picture.
    Corner(Corner),
}

/// Text Format's justification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// LEFT.
    #[default]
    Left,
    /// CENTER.
    Centre,
    /// RIGHT.
    Right,
}

/// A corner of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Upper left.
    UpperLeft,
    /// Upper right.
    UpperRight,
    /// Lower left.
    LowerLeft,
    /// Lower right.
    LowerRight,
}

/// Whether a colour is no shade of grey.
pub(super) fn is_coloured([red, green, blue]: [u8; 3]) -> bool {
    red != green || green != blue
}

/// From coordinates to pixels of the picture.
pub(super) struct Projection<'a> {
    region: &'a Region,
    size: (f64, f64),
}

impl Projection<'_> {
    /// A place on the picture, not too far from it; nothing for what is no number.
    pub fn place(&self, at: (f64, f64), space: Space) -> Option<(f64, f64)> {
        let share = match space {
            Space::Image => self.region.share_of(at),
            Space::Display => at,
        };
        let (x, y) = (share.0 * self.size.0, share.1 * self.size.1);
        (!x.is_nan() && !y.is_nan()).then(|| (x.clamp(-FAR, FAR), y.clamp(-FAR, FAR)))
    }
}

/// Draws what the presentation says.
pub(super) fn draw(canvas: Canvas, region: &Region, presentation: &Presentation) -> Canvas {
    let Presentation { graphics, texts, font, .. } = presentation;
    if graphics.is_empty() && texts.is_empty() {
        return canvas;
    }
    let inks = graphics.iter().map(|graphic| graphic.ink).chain(texts.iter().map(|text| text.ink));
    let mut canvas = if inks.into_iter().any(is_coloured) { canvas.into_rgb() } else { canvas };
    let size = (f64::from(canvas.width), f64::from(canvas.height));
    let projection = Projection { region, size };
    let pen = pen_width(&canvas);
    let mut left = Graphic::CORNERS_MAX;
    let mut rows_left = ROWS_MAX;
    for graphic in graphics {
        let Some(after) = left.checked_sub(graphic.corners()) else { break };
        left = after;
        let lines = lines(graphic, &projection);
        let ink = canvas.ink(graphic.ink);
        // A point is three pens wide.
        let radius = |line: &[(f64, f64)]| if line.len() == 1 { pen * 1.5 } else { pen / 2.0 };
        let is_filled = |line: &[(f64, f64)]| {
            graphic.fill == Fill::Inked && line.len() > 2 && line.first() == line.last()
        };
        let cost = |line: &Vec<(f64, f64)>| {
            let inside = if is_filled(line) { fill_cost(&canvas, line) } else { 0 };
            stroke_cost(&canvas, line, radius(line)).saturating_add(inside)
        };
        let cost = lines.iter().map(cost).fold(0, u64::saturating_add);
        let Some(after) = rows_left.checked_sub(cost) else { break };
        rows_left = after;
        for line in &lines {
            if is_filled(line) {
                fill(&mut canvas, line, ink);
            }
            stroke(&mut canvas, line, radius(line), ink);
        }
    }
    if let Some(font) = font {
        text::write(&mut canvas, texts, font, &projection);
    }
    canvas
}

/// Pixels that a line is wide: one for each 512 of the shorter side.
fn pen_width(canvas: &Canvas) -> f64 {
    (f64::from(canvas.width.min(canvas.height)) / 512.0).round().max(1.0)
}

/// The lines of a graphic on the picture.
fn lines(graphic: &Graphic, projection: &Projection<'_>) -> Vec<Vec<(f64, f64)>> {
    let points = &graphic.points;
    let flat = match graphic.shape {
        Shape::Point => {
            let seen = points.iter().filter_map(|point| projection.place(*point, graphic.space));
            return seen.map(|point| vec![point]).collect();
        }
        Shape::Polyline => points.clone(),
        Shape::Interpolated => smooth(points),
        Shape::Circle => match points.as_slice() {
            [centre, edge, ..] => {
                let radius = (edge.0 - centre.0).hypot(edge.1 - centre.1);
                round(*centre, (radius, 0.0), (0.0, radius))
            }
            _ => Vec::new(),
        },
        Shape::Ellipse => match points.as_slice() {
            [a, b, c, d, ..] => {
                let half =
                    |from: &(f64, f64), to: &(f64, f64)| ((to.0 - from.0) / 2.0, (to.1 - from.1) / 2.0);
                round(((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0), half(a, b), half(c, d))
            }
            _ => Vec::new(),
        },
    };
    vec![flat.into_iter().filter_map(|point| projection.place(point, graphic.space)).collect()]
}

/// A closed line around a centre, by its two half axes.
fn round(centre: (f64, f64), major: (f64, f64), minor: (f64, f64)) -> Vec<(f64, f64)> {
    let point = |index: usize| {
        let (sin, cos) = (index as f64 * std::f64::consts::TAU / ROUND as f64).sin_cos();
        (centre.0 + cos * major.0 + sin * minor.0, centre.1 + cos * major.1 + sin * minor.1)
    };
    // It ends exactly where it begins.
    (0..ROUND).chain([0]).map(point).collect()
}

/// A Catmull-Rom spline.
fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let is_closed = first == last && points.len() > 3;
    let at = |index: isize| -> (f64, f64) {
        let count = points.len() as isize;
        let index = match (index, is_closed) {
            (-1, true) => count - 2,
            (index, true) if index >= count => 1,
            (index, _) => index.clamp(0, count - 1),
        };
        points.get(index as usize).copied().unwrap_or(*last)
    };
    let mut line = Vec::new();
    for index in 0..points.len() as isize - 1 {
        let [before, from, to, after] = [index - 1, index, index + 1, index + 2].map(at);
        let between = |a: f64, b: f64, c: f64, d: f64, t: f64| {
            b + t
                * ((c - a) / 2.0
                    + t * (a - 2.5 * b + 2.0 * c - d / 2.0 + t * ((d - a) / 2.0 + 1.5 * (b - c))))
        };
        line.extend((0..SMOOTH).map(|step| {
            let t = step as f64 / SMOOTH as f64;
            (between(before.0, from.0, to.0, after.0, t), between(before.1, from.1, to.1, after.1, t))
        }));
    }
    line.push(*last);
    line
}

/// Inks a run of a row: all pixels whose centres lie from `left` to `right`.
fn run(canvas: &mut Canvas, row: u32, left: f64, right: f64, ink: [u8; 3]) {
    let first = (left - 0.5).ceil().max(0.0);
    let last = (right - 0.5).floor().min(f64::from(canvas.width) - 1.0);
    if first > last {
        return;
    }
    let channels = canvas.layout.samples();
    let start = row as usize * canvas.width as usize;
    let range = (start + first as usize) * channels..(start + last as usize + 1) * channels;
    if let Some(pixels) = canvas.pixels.get_mut(range) {
        pixels.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&ink[..channels]));
    }
}

/// Rows whose centres lie from `top` to `bottom`.
fn rows(canvas: &Canvas, top: f64, bottom: f64) -> std::ops::Range<u32> {
    let first = (top - 0.5).ceil().max(0.0);
    let end = ((bottom - 0.5).floor() + 1.0).clamp(0.0, f64::from(canvas.height));
    first.min(end) as u32..end as u32
}

/// The straight lines of a line; a single point is one to itself.
fn straight(line: &[(f64, f64)]) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
    let pairs = line.windows(2).map(|pair| (pair[0], pair[1]));
    let single = line.first().filter(|_| line.len() == 1).map(|point| (*point, *point));
    pairs.chain(single)
}

/// What [`stroke`] costs, in rows.
fn stroke_cost(canvas: &Canvas, line: &[(f64, f64)], radius: f64) -> u64 {
    let cost = |(from, to): ((f64, f64), (f64, f64))| {
        let rows = rows(canvas, from.1.min(to.1) - radius, from.1.max(to.1) + radius).len() as f64;
        // What is inked is no larger than the box around it, nor than the line's length times its width.
        let across = ((from.0 - to.0).abs() + 2.0 * radius).min(canvas.width.into());
        let length = (from.0 - to.0).hypot(from.1 - to.1) + 2.0 * radius;
        let pixels = (rows * across).min(length * (2.0 * radius + 1.0));
        (1.0 + rows + pixels / PER_ROW) as u64
    };
    straight(line).map(cost).fold(0, u64::saturating_add)
}

/// Inks what is within `radius` of a line.
fn stroke(canvas: &mut Canvas, line: &[(f64, f64)], radius: f64, ink: [u8; 3]) {
    for (from, to) in straight(line) {
        let (top, bottom) = (from.1.min(to.1) - radius, from.1.max(to.1) + radius);
        for row in rows(canvas, top, bottom) {
            if let Some((left, right)) = capsule_at(from, to, radius, f64::from(row) + 0.5) {
                run(canvas, row, left, right, ink);
            }
        }
    }
}

/// Where a row crosses what is within `radius` of a straight line: two discs, and a rectangle between them.
fn capsule_at(from: (f64, f64), to: (f64, f64), radius: f64, y: f64) -> Option<(f64, f64)> {
    let mut span: Option<(f64, f64)> = None;
    let mut take = |left: f64, right: f64| {
        span = Some(span.map_or((left, right), |(a, b)| (a.min(left), b.max(right))));
    };
    for (x, centre) in [from, to] {
        let square = radius * radius - (y - centre) * (y - centre);
        if square >= 0.0 {
            take(x - square.sqrt(), x + square.sqrt());
        }
    }
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length > 0.0 {
        let (nx, ny) = (-dy / length * radius, dx / length * radius);
        let corners = [
            (from.0 + nx, from.1 + ny),
            (to.0 + nx, to.1 + ny),
            (to.0 - nx, to.1 - ny),
            (from.0 - nx, from.1 - ny),
        ];
        for (index, a) in corners.iter().enumerate() {
            let b = corners[(index + 1) % 4];
            if (a.1 <= y) != (b.1 <= y) {
                let x = a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0);
                take(x, x);
            }
        }
    }
    span
}

/// Rows that a line reaches.
fn reach(canvas: &Canvas, line: &[(f64, f64)]) -> std::ops::Range<u32> {
    let top = line.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let bottom = line.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    rows(canvas, top, bottom)
}

/// What [`fill`] costs, in rows: each looks at all corners, and inks a row of the canvas at most.
fn fill_cost(canvas: &Canvas, line: &[(f64, f64)]) -> u64 {
    let row = 1.0 + (line.len() as f64 + f64::from(canvas.width)) / PER_ROW;
    (reach(canvas, line).len() as f64 * row) as u64
}

/// Inks what is inside a closed line, even-odd.
fn fill(canvas: &mut Canvas, line: &[(f64, f64)], ink: [u8; 3]) {
    let mut crossings = Vec::new();
    for row in reach(canvas, line) {
        let y = f64::from(row) + 0.5;
        crossings.clear();
        crossings.extend(line.windows(2).filter(|pair| (pair[0].1 <= y) != (pair[1].1 <= y)).map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)
        }));
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            run(canvas, row, pair[0], pair[1], ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turbo::Layout;

    fn drawn(graphic: Graphic, size: (u32, u32)) -> Canvas {
        let pixels = vec![0; (size.0 * size.1) as usize];
        let canvas = Canvas { pixels, layout: Layout::Grey, width: size.0, height: size.1 };
        let presentation = Presentation { graphics: vec![graphic], ..Presentation::default() };
        draw(canvas, &Region::whole(size.0, size.1), &presentation)
    }

    fn graphic(shape: Shape, points: &[(f64, f64)]) -> Graphic {
        Graphic { shape, points: points.to_vec(), space: Space::Image, fill: Fill::None, ink: [255; 3] }
    }

    /// The distance of a pixel's centre to a straight line between two points.
    fn distance(pixel: (usize, usize), from: (f64, f64), to: (f64, f64)) -> f64 {
        let (x, y) = (pixel.0 as f64 + 0.5, pixel.1 as f64 + 0.5);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let along = ((x - from.0) * dx + (y - from.1) * dy) / (dx * dx + dy * dy).max(1e-12);
        let along = along.clamp(0.0, 1.0);
        (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
    }

    #[test]
    fn a_line_inks_what_is_within_half_a_pen() {
        for (from, to) in
            [((3.2, 4.7), (40.1, 21.3)), ((30.0, 2.0), (28.0, 60.0)), ((-9.0, 31.0), (80.0, 31.4))]
        {
            let canvas = drawn(graphic(Shape::Polyline, &[from, to]), (64, 64));
            for (index, pixel) in canvas.pixels.iter().enumerate() {
                let distance = distance((index % 64, index / 64), from, to);
                if (distance - 0.5).abs() > 1e-9 {
                    assert_eq!(*pixel == 255, distance < 0.5, "{index} {distance}");
                }
            }
        }
    }

    #[test]
    fn a_circle_and_an_ellipse_are_where_they_are() {
        let circle = drawn(graphic(Shape::Circle, &[(32.0, 30.0), (32.0, 50.0)]), (64, 64));
        let axes = [(12.0, 30.0), (52.0, 30.0), (32.0, 10.0), (32.0, 50.0)];
        let ellipse = drawn(graphic(Shape::Ellipse, &axes), (64, 64));
        for canvas in [circle, ellipse] {
            for (index, pixel) in canvas.pixels.iter().enumerate() {
                let (x, y) = ((index % 64) as f64 + 0.5, (index / 64) as f64 + 0.5);
                let off = ((x - 32.0).hypot(y - 30.0) - 20.0).abs();
                if (off - 0.5).abs() > 0.01 {
                    assert_eq!(*pixel == 255, off < 0.5, "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn a_filled_square_is_full_and_an_open_line_is_not_filled() {
        let square = [(2.0, 2.0), (6.0, 2.0), (6.0, 6.0), (2.0, 6.0), (2.0, 2.0)];
        let inked = |points: &[(f64, f64)]| {
            let graphic = Graphic { fill: Fill::Inked, ..graphic(Shape::Polyline, points) };
            drawn(graphic, (8, 8)).pixels.iter().filter(|pixel| **pixel > 0).count()
        };
        // Four by four inside, and half a pen beyond each side: its corners are a little farther than that.
        assert_eq!(inked(&square), 16 + 4 * 4);
        assert!(inked(&square[..4]) < 16 + 3 * 4);
    }

    #[test]
    fn a_smooth_line_goes_through_its_points() {
        let points = [(4.5, 4.5), (20.5, 30.5), (40.5, 8.5), (60.5, 50.5)];
        let canvas = drawn(graphic(Shape::Interpolated, &points), (64, 64));
        for (x, y) in points {
            assert_eq!(canvas.pixels[y as usize * 64 + x as usize], 255, "{x} {y}");
        }
    }

    #[test]
    fn lines_that_would_take_too_many_rows_are_not_drawn_nor_what_follows() {
        let size = (2048, 2048);
        // Up and down the whole picture, as often as corners allow: 120 million rows.
        let tall: Vec<_> = (0..Graphic::CORNERS_MAX - 10)
            .map(|at| (at as f64 % 2000.0, if at % 2 == 0 { 0.0 } else { 2048.0 }))
            .collect();
        let few = graphic(Shape::Polyline, &[(3.0, 3.0), (9.0, 9.0)]);
        let inked = |graphics: Vec<Graphic>| {
            let canvas =
                Canvas { pixels: vec![0; 2048 * 2048], layout: Layout::Grey, width: size.0, height: size.1 };
            let presentation = Presentation { graphics, ..Presentation::default() };
            let canvas = draw(canvas, &Region::whole(size.0, size.1), &presentation);
            canvas.pixels.iter().filter(|pixel| **pixel > 0).count()
        };
        let alone = inked(vec![few.clone()]);
        assert!(alone > 0);
        assert_eq!(inked(vec![few.clone(), graphic(Shape::Polyline, &tall), few.clone()]), alone);
        // The same length of wide rows.
        let wide: Vec<_> = tall.iter().map(|(x, y)| (*y, *x)).collect();
        assert_eq!(inked(vec![few.clone(), graphic(Shape::Polyline, &wide)]), alone);
        // A circle that fills the picture, and a freehand line as long as a person draws, are drawn.
        let circle =
            Graphic { fill: Fill::Inked, ..graphic(Shape::Circle, &[(1024.0, 1024.0), (1024.0, 2047.0)]) };
        let hand: Vec<_> = (0..5000)
            .map(|at| {
                let (sin, cos) = (f64::from(at % 4999) * std::f64::consts::TAU / 4999.0).sin_cos();
                (1024.0 + 900.0 * cos, 1024.0 + 900.0 * sin)
            })
            .collect();
        let hand = Graphic { fill: Fill::Inked, ..graphic(Shape::Polyline, &hand) };
        assert!(inked(vec![circle]) > 3_000_000 && inked(vec![hand]) > 2_000_000);
    }

    #[test]
    fn nonsense_draws_nothing_and_ends() {
        let far = [(f64::NAN, 1.0), (1e300, -1e300), (f64::INFINITY, 0.0), (-1e300, 1e300)];
        drawn(graphic(Shape::Polyline, &far), (64, 64));
        drawn(graphic(Shape::Ellipse, &far), (64, 64));
        drawn(graphic(Shape::Interpolated, &far), (64, 64));
        let many = vec![(1.0, 1.0); Graphic::CORNERS_MAX + 1];
        assert!(drawn(graphic(Shape::Polyline, &many), (8, 8)).pixels.iter().all(|pixel| *pixel == 0));
    }
}
