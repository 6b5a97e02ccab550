//! Which way up a camera was held (EXIF 2.32, tag 0112H of IFD 0), and pixels the other way round.

use super::picture::Shape;

/// How an image has to be turned to stand upright: clockwise by quarters, and then from left to right (PS3.3 §C.10.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Way {
    pub quarters: u8,
    pub is_mirrored: bool,
}

impl Way {
    /// What an orientation of EXIF asks for; nothing, where there is no such orientation.
    fn of(orientation: u16) -> Self {
        let (quarters, is_mirrored) = match orientation {
            2 => (0, true),
            3 => (2, false),
            4 => (2, true),
            5 => (1, true),
            6 => (1, false),
            7 => (3, true),
            8 => (3, false),
            _ => (0, false),
        };
        Self { quarters, is_mirrored }
    }

    pub(super) fn is_straight(self) -> bool {
        self == Self::default()
    }

    /// From an APP1 segment of a JPEG; nothing of what it says about lengths is believed.
    pub(super) fn in_segment(segment: &[u8]) -> Option<Self> {
        let tiff = segment.strip_prefix(b"Exif\0\0")?;
        let is_little = match tiff.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let short = |at: usize| {
            let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
        };
        let [high, low] = [short(if is_little { 6 } else { 4 })?, short(if is_little { 4 } else { 6 })?];
        let first = usize::from(high) << 16 | usize::from(low);
        for entry in 0..usize::from(short(first)?) {
            let at = first.checked_add(2 + entry * 12)?;
            // A SHORT, once.
            if short(at)? == 0x0112 && short(at + 2)? == 3 {
                return Some(Self::of(short(at + 8)?));
            }
        }
        None
    }

    /// Samples by pixel, turned; and their shape then.
    pub(super) fn turn(self, pixels: &[u8], shape: Shape) -> (Vec<u8>, Shape) {
        let (rows, columns, samples) =
            (usize::from(shape.rows), usize::from(shape.columns), usize::from(shape.samples));
        let (high, wide) = if self.quarters % 2 == 1 { (columns, rows) } else { (rows, columns) };
        let mut turned = Vec::with_capacity(pixels.len());
        for y in 0..high {
            for x in 0..wide {
                let x = if self.is_mirrored { wide - 1 - x } else { x };
                let (row, column) = match self.quarters {
                    1 => (rows - 1 - x, y),
                    2 => (rows - 1 - y, columns - 1 - x),
                    3 => (x, columns - 1 - y),
                    _ => (y, x),
                };
                let at = (row * columns + column) * samples;
                turned.extend(pixels.get(at..at + samples).unwrap_or_default());
            }
        }
        let shape = if self.quarters % 2 == 1 {
            Shape { rows: shape.columns, columns: shape.rows, ..shape }
        } else {
            shape
        };
        (turned, shape)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An APP1 segment with an orientation, and something in front of it.
    pub(in crate::wrapped) fn segment(orientation: u16, is_little: bool) -> Vec<u8> {
        let short = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let long = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = b"Exif\0\0".to_vec();
        bytes.extend(if is_little { b"II" } else { b"MM" });
        bytes.extend(short(42));
        bytes.extend(long(8));
        bytes.extend(short(2));
        for (tag, value) in [(0x0100, 7), (0x0112, orientation)] {
            bytes.extend(short(tag));
            bytes.extend(short(3));
            bytes.extend(long(1));
            bytes.extend(short(value));
            bytes.extend([0, 0]);
        }
        bytes
    }

    #[test]
    fn every_orientation_makes_the_same_picture_upright() {
        // Upright: 1 2 3 / 4 5 6. What a camera stores of it, by orientation.
        let stored: [(u16, (u16, u16), &[u8]); 8] = [
            (1, (2, 3), &[1, 2, 3, 4, 5, 6]),
            (2, (2, 3), &[3, 2, 1, 6, 5, 4]),
            (3, (2, 3), &[6, 5, 4, 3, 2, 1]),
            (4, (2, 3), &[4, 5, 6, 1, 2, 3]),
            (5, (3, 2), &[1, 4, 2, 5, 3, 6]),
            (6, (3, 2), &[3, 6, 2, 5, 1, 4]),
            (7, (3, 2), &[6, 3, 5, 2, 4, 1]),
            (8, (3, 2), &[4, 1, 5, 2, 6, 3]),
        ];
        for (orientation, (rows, columns), pixels) in stored {
            for is_little in [true, false] {
                let way = Way::in_segment(&segment(orientation, is_little)).unwrap();
                let (turned, shape) = way.turn(pixels, Shape { rows, columns, samples: 1 });
                assert_eq!((turned.as_slice(), shape.rows), (&[1, 2, 3, 4, 5, 6][..], 2), "{orientation}");
            }
        }
    }

    #[test]
    fn what_is_cut_or_lies_about_its_length_says_nothing() {
        let whole = segment(6, true);
        for length in 0..whole.len() {
            let way = Way::in_segment(&whole[..length]);
            assert!(way.is_none() || way == Some(Way::of(6)), "{length}");
        }
        let mut far = whole.clone();
        far[10..14].fill(0xFF);
        assert_eq!(Way::in_segment(&far), None);
        let mut many = whole;
        many[14..16].fill(0xFF);
        many[28..30].fill(0);
        assert_eq!(Way::in_segment(&many), None);
    }
}
