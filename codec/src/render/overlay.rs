//! Overlay planes (PS3.3 §C.9.2): bits over an image, in an element of their own or in unused bits of its pixels.

use super::canvas::Canvas;
use crate::{FrameFormat, Pixels};

/// One frame of a plane of single bits, the first in the least significant bit of a byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Bits {
    /// Rows of the plane.
    pub rows: u32,
    /// Columns of the plane.
    pub columns: u32,
    /// Row and column of the image where the plane begins, counted from 1; it may begin outside.
    pub origin: (i64, i64),
    /// The bits; what is missing is 0.
    pub bytes: Vec<u8>,
    /// Where in them the frame begins.
    pub first_bit: u64,
}

impl std::fmt::Debug for Bits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bits({} × {} at {:?}, {} bytes)", self.rows, self.columns, self.origin, self.bytes.len())
    }
}

impl Bits {
    /// Whether the plane has a bit at this row and column of the image, counted from 1.
    pub(super) fn has(&self, row: i64, column: i64) -> bool {
        let place = |at: i64, origin: i64, length: u32| {
            at.checked_sub(origin).and_then(|at| u64::try_from(at).ok()).filter(|at| *at < u64::from(length))
        };
        let row = place(row, self.origin.0, self.rows);
        let Some((row, column)) = row.zip(place(column, self.origin.1, self.columns)) else { return false };
        // Both are 32-bit numbers.
        let bit = self.first_bit.saturating_add(row * u64::from(self.columns) + column);
        let byte = usize::try_from(bit / 8).ok().and_then(|at| self.bytes.get(at));
        byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }
}

/// Where an overlay's bits are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// In Overlay Data (60xx,3000).
    Plane(Bits),
    /// In this bit of each pixel, above or below the stored ones: as images were made before 2004.
    Embedded(u16),
}

/// Draws the bits, in the brightest shade.
pub(super) fn draw(canvas: &mut Canvas, overlays: &[Overlay], pixels: &Pixels) {
    for overlay in overlays {
        match overlay {
            Overlay::Plane(bits) => plane(canvas, bits),
            Overlay::Embedded(bit) => embedded(canvas, *bit, &pixels.bytes, &pixels.format),
        }
    }
}

fn plane(canvas: &mut Canvas, bits: &Bits) {
    let (channels, stride) = (canvas.layout.samples(), canvas.width as usize * canvas.layout.samples());
    // The rows and columns that both have.
    let overlap = |origin: i64, length: u32, whole: u32| {
        origin.max(1)..=origin.saturating_add(i64::from(length)).saturating_sub(1).min(i64::from(whole))
    };
    for row in overlap(bits.origin.0, bits.rows, canvas.height) {
        for column in overlap(bits.origin.1, bits.columns, canvas.width) {
            if bits.has(row, column) {
                let at = (row - 1) as usize * stride + (column - 1) as usize * channels;
                if let Some(pixel) = canvas.pixels.get_mut(at..at + channels) {
                    pixel.fill(255);
                }
            }
        }
    }
}

fn embedded(canvas: &mut Canvas, bit: u16, bytes: &[u8], format: &FrameFormat) {
    if format.samples_per_pixel != 1 || bit >= format.bits_allocated {
        return;
    }
    let width = usize::from(format.bits_allocated / 8).max(1);
    let (byte, mask) = (usize::from(bit / 8), 1_u8 << (bit % 8));
    let channels = canvas.layout.samples();
    for (pixel, cell) in canvas.pixels.chunks_exact_mut(channels).zip(bytes.chunks_exact(width)) {
        if cell.get(byte).is_some_and(|byte| byte & mask != 0) {
            pixel.fill(255);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_found_by_row_and_column() {
        let bits = Bits { rows: 2, columns: 3, origin: (0, 2), bytes: vec![0b0100_1100, 0b1], first_bit: 3 };
        // Bits 3 to 8: 1 0 0 / 1 0 1.
        let seen: Vec<(i64, i64)> = (-1..4)
            .flat_map(|row| (0..6).map(move |column| (row, column)))
            .filter(|(row, column)| bits.has(*row, *column))
            .collect();
        assert_eq!(seen, [(0, 2), (1, 2), (1, 4)]);
        assert!(!bits.has(i64::MIN, i64::MAX));
    }
}
