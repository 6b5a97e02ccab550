//! Which way round an image is shown: turned clockwise by quarters, and then flipped from left to right (PS3.3 §C.10.6).

use codec::{Axes, Direction, Region};
use dataset::{Dataset, tags};

/// Which way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Way {
    /// Quarters of a turn, clockwise.
    pub quarters: u8,
    /// Whether left and right are exchanged then.
    pub is_mirrored: bool,
}

impl Way {
    /// What a presentation state, or a photograph, says of itself.
    pub fn of(dataset: &Dataset) -> Self {
        let degrees = dataset.integer(tags::IMAGE_ROTATION).unwrap_or(0).rem_euclid(360);
        Self {
            quarters: u8::try_from(degrees / 90).unwrap_or(0),
            is_mirrored: dataset.text(tags::IMAGE_HORIZONTAL_FLIP).as_deref() == Some("Y"),
        }
    }

    /// This way, and from there another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        // Seen in a mirror, what turns clockwise turns the other way.
        let quarters = if self.is_mirrored { 4 - next.quarters % 4 } else { next.quarters };
        Self { quarters: (self.quarters + quarters) % 4, is_mirrored: self.is_mirrored != next.is_mirrored }
    }

    /// A part of an image, shown this way.
    #[must_use]
    pub fn turn(self, region: Region) -> Region {
        let (axes, horizontal, vertical) = match self.quarters {
            1 => (Axes::Exchanged, true, false),
            2 => (Axes::Kept, true, true),
            3 => (Axes::Exchanged, false, true),
            _ => (Axes::Kept, false, false),
        };
        let direction = |is_flipped| if is_flipped { Direction::Flipped } else { Direction::Kept };
        let horizontal = direction(horizontal != self.is_mirrored);
        Region { axes, horizontal, vertical: direction(vertical), ..region }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 2 × 2 corners, shown this way.
    fn shown(way: Way, [a, b, c, d]: [u8; 4]) -> [u8; 4] {
        let turned = (0..way.quarters).fold([a, b, c, d], |[a, b, c, d], _| [c, a, d, b]);
        let [a, b, c, d] = turned;
        if way.is_mirrored { [b, a, d, c] } else { turned }
    }

    #[test]
    fn one_way_and_then_another_is_a_third() {
        let ways =
            || (0..4).flat_map(|quarters| [false, true].map(|is_mirrored| Way { quarters, is_mirrored }));
        for first in ways() {
            for next in ways() {
                let corners = [1, 2, 3, 4];
                let expected = shown(next, shown(first, corners));
                assert_eq!(shown(first.then(next), corners), expected, "{first:?} {next:?}");
            }
        }
    }
}
