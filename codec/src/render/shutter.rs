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

impl Shutter {
    fn shows(&self, row: f64, column: f64) -> bool {
        match self {
            Self::Rectangle(left, right, upper, lower) => {
                (*left..=*right).contains(&column) && (*upper..=*lower).contains(&row)
            }
            Self::Circle(centre_row, centre_column, radius) => {
                (row - centre_row).hypot(column - centre_column) <= *radius
            }
            Self::Polygon(vertices) => is_inside(vertices, row, column),
            Self::Bitmap(bits) => !bits.has(row as i64, column as i64),
        }
    }
}

/// Even-odd rule; no vertices hide nothing.
fn is_inside(vertices: &[(f64, f64)], row: f64, column: f64) -> bool {
    let Some(mut before) = vertices.last() else { return true };
    let mut inside = false;
    for vertex in vertices {
        let crosses = (vertex.0 > row) != (before.0 > row);
        if crosses && column < (before.1 - vertex.1) * (row - vertex.0) / (before.0 - vertex.0) + vertex.1 {
            inside = !inside;
        }
        before = vertex;
    }
    inside
}

/// Hides what the shutters do not show.
pub(super) fn close(canvas: &mut Canvas, shutters: &[Shutter], colour: [u8; 3]) {
    if shutters.is_empty() || canvas.width == 0 {
        return;
    }
    let colour = canvas.ink(colour);
    let (channels, width) = (canvas.layout.samples(), canvas.width as usize);
    for (index, pixel) in canvas.pixels.chunks_exact_mut(channels).enumerate() {
        let (row, column) = ((index / width + 1) as f64, (index % width + 1) as f64);
        if !shutters.iter().all(|shutter| shutter.shows(row, column)) {
            pixel.copy_from_slice(&colour[..channels]);
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
