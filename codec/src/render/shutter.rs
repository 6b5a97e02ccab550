//! Display shutters (PS3.3 §C.7.6.11, §C.7.6.15): what of the image stays visible.

use super::canvas::Canvas;
use super::overlay::Bits;

/// What remains visible; rows and columns of the image, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Shutter {
    /// Left, right, upper and lower edge: the first and last columns and rows that are seen.
    Rectangle(f64, f64, f64, f64),
    /// Row and column of the centre, and the radius.
    Circle(f64, f64, f64),
    /// Row and column of each vertex.
    Polygon(Vec<(f64, f64)>),
    /// Hidden is what has a bit.
    Bitmap(Bits),
}

/// What a shutter shows of one row.
enum Row<'a> {
    Nothing,
    Columns(f64, f64),
    /// Where the row crosses the edges of a polygon, from left to right.
    Crossings(Vec<f64>),
    Bits(&'a Bits, i64),
    Everything,
}

impl Shutter {
    /// What is seen of a row, so that a pixel does not cost an edge's arithmetic for every edge.
    fn row(&self, row: u32) -> Row<'_> {
        let at = f64::from(row);
        match self {
            Self::Rectangle(left, right, upper, lower) if (*upper..=*lower).contains(&at) => {
                Row::Columns(*left, *right)
            }
            Self::Rectangle(..) => Row::Nothing,
            Self::Circle(centre_row, centre_column, radius) => {
                let square = radius * radius - (at - centre_row) * (at - centre_row);
                if square < 0.0 || *radius < 0.0 {
                    return Row::Nothing;
                }
                Row::Columns(centre_column - square.sqrt(), centre_column + square.sqrt())
            }
            // No edges hide nothing.
            Self::Polygon(vertices) if vertices.is_empty() => Row::Everything,
            Self::Polygon(vertices) => Row::Crossings(crossings(vertices, at)),
            Self::Bitmap(bits) => Row::Bits(bits, row.into()),
        }
    }
}

impl Row<'_> {
    fn shows(&self, column: u32) -> bool {
        let at = f64::from(column);
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Columns(left, right) => (*left..=*right).contains(&at),
            // Even-odd rule.
            Self::Crossings(crossings) => crossings.partition_point(|crossing| *crossing <= at) % 2 == 1,
            Self::Bits(bits, row) => !bits.has(*row, column.into()),
        }
    }
}

/// Where a row crosses the edges of a closed line through (row, column).
fn crossings(vertices: &[(f64, f64)], row: f64) -> Vec<f64> {
    let Some(mut before) = vertices.last() else { return Vec::new() };
    let mut crossings = Vec::new();
    for vertex in vertices {
        if (vertex.0 > row) != (before.0 > row) {
            crossings.push((before.1 - vertex.1) * (row - vertex.0) / (before.0 - vertex.0) + vertex.1);
        }
        before = vertex;
    }
    crossings.sort_by(f64::total_cmp);
    crossings
}

/// Hides what the shutters do not show.
pub(super) fn close(canvas: &mut Canvas, shutters: &[Shutter], colour: [u8; 3]) {
    if shutters.is_empty() || canvas.width == 0 {
        return;
    }
    let colour = canvas.ink(colour);
    let (channels, width) = (canvas.layout.samples(), canvas.width as usize);
    for (line, row) in canvas.pixels.chunks_exact_mut(width * channels).zip(1..) {
        let seen: Vec<Row<'_>> = shutters.iter().map(|shutter| shutter.row(row)).collect();
        for (pixel, column) in line.chunks_exact_mut(channels).zip(1..) {
            if !seen.iter().all(|row| row.shows(column)) {
                pixel.copy_from_slice(&colour[..channels]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turbo::Layout;

    #[test]
    fn shutters_hide_what_any_of_them_hides() {
        let shown = |shutter: Shutter| {
            let mut canvas = Canvas { pixels: vec![1; 16], layout: Layout::Grey, width: 4, height: 4 };
            close(&mut canvas, &[shutter], [0; 3]);
            canvas.pixels
        };
        let middle = [0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0];
        assert_eq!(shown(Shutter::Rectangle(2.0, 3.0, 2.0, 3.0)), middle);
        assert_eq!(shown(Shutter::Circle(2.5, 2.5, 1.0)), middle);
        assert_eq!(shown(Shutter::Polygon(vec![(1.5, 1.5), (1.5, 3.5), (3.5, 3.5), (3.5, 1.5)])), middle);
        let bits = Bits { rows: 4, columns: 4, origin: (1, 1), bytes: vec![0x9F, 0xF9], first_bit: 0 };
        assert_eq!(shown(Shutter::Bitmap(bits)), middle);
    }
}
