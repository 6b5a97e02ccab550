//! Overlay planes (PS3.3 §C.9.2, §C.9.3) of images and of presentation states.

use super::value;
use crate::dicomweb::problem::WebError;
use bytes::Bytes;
use codec::{Bits, Overlay};
use dataset::{Dataset, Tag, Value};
use storage::{InstanceRef, Storage};

/// Bytes of one overlay, all its frames.
const OVERLAY_BYTES_MAX: u64 = 8 << 20;

/// One overlay.
#[derive(Debug, Clone)]
pub struct Plane {
    /// Its group, 6000 to 601E.
    pub group: u16,
    rows: u32,
    columns: u32,
    origin: (i64, i64),
    /// First frame of the image and number of frames, if it is not for all of them.
    frames: Option<(u32, u32)>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Own(Bytes),
    Embedded(u16),
}

impl Plane {
    /// Its bits for a frame of the image, counted from 0.
    #[must_use]
    pub fn of_frame(&self, frame: u32) -> Option<Overlay> {
        match &self.place {
            Place::Embedded(bit) => Some(Overlay::Embedded(*bit)),
            Place::Own(_) => self.bits(frame).map(Overlay::Plane),
        }
    }

    /// Its bits for a frame, if it has an element of its own, and one that is as long as it says.
    #[must_use]
    pub fn bits(&self, frame: u32) -> Option<Bits> {
        let Place::Own(bytes) = &self.place else { return None };
        let own = match self.frames {
            None => 0,
            Some((first, count)) => frame.checked_sub(first).filter(|own| *own < count)?,
        };
        let first_bit = u64::from(self.rows) * u64::from(self.columns) * u64::from(own);
        // Only the frame's own bytes go along.
        let from = usize::try_from(first_bit / 8).ok()?;
        let to = (first_bit + u64::from(self.rows) * u64::from(self.columns)).div_ceil(8);
        let to = usize::try_from(to).ok()?;
        Some(Bits {
            rows: self.rows,
            columns: self.columns,
            origin: self.origin,
            bytes: bytes.get(from..to)?.to_vec(),
            first_bit: first_bit % 8,
        })
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.place {
            Place::Own(bytes) => 100 + bytes.len(),
            Place::Embedded(_) => 100,
        }
    }
}

/// Whether a bit of the pixels holds none of the image's own values (PS3.5 §8.1.2).
fn is_spare(dataset: &Dataset, bit: u32) -> bool {
    let number = |element| dataset.integer(Tag(0x0028, element)).and_then(|n| u32::try_from(n).ok());
    let Some((allocated, stored)) = number(0x0100).zip(number(0x0101)) else { return false };
    let end = number(0x0102).map_or(stored, |high| high.saturating_add(1));
    bit < allocated && !(end.saturating_sub(stored)..end).contains(&bit)
}

/// All overlays of a data set; those without rows, columns or bits, with too many, or in the image's own bits, are passed over.
pub async fn read(
    storage: &Storage,
    instance: &InstanceRef,
    dataset: &Dataset,
) -> Result<Vec<Plane>, WebError> {
    let mut planes = Vec::new();
    for group in (0x6000..=0x601E).step_by(2) {
        let tag = |element| Tag(group, element);
        let number = |element| dataset.integer(tag(element)).and_then(|n| u32::try_from(n).ok());
        let Some((rows, columns)) = number(0x0010).zip(number(0x0011)) else { continue };
        let data = dataset.get(tag(0x3000)).filter(|element| match &element.value {
            Value::Bytes(bytes) => !bytes.is_empty(),
            _ => true,
        });
        let place = match (data, number(0x0100), number(0x0102)) {
            (Some(element), _, _) => {
                let bytes = value(storage, instance, Some(element), OVERLAY_BYTES_MAX).await?;
                bytes.map(Place::Own)
            }
            // Bits Allocated of more than one: in the pixels themselves.
            (None, Some(2..), Some(bit)) if is_spare(dataset, bit) => {
                u16::try_from(bit).ok().map(Place::Embedded)
            }
            _ => None,
        };
        let Some(place) = place else { continue };
        let origin = dataset.numbers(tag(0x0050));
        let origin = match origin.as_slice() {
            [row, column, ..] => (*row as i64, *column as i64),
            _ => (1, 1),
        };
        let frames = number(0x0015).map(|count| (number(0x0051).unwrap_or(1).saturating_sub(1), count));
        planes.push(Plane { group, rows, columns, origin, frames, place });
    }
    Ok(planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_its_own_bits() {
        let plane = Plane {
            group: 0x6000,
            rows: 3,
            columns: 3,
            origin: (1, 1),
            frames: Some((2, 2)),
            place: Place::Own(Bytes::from_static(&[0xFF, 0x01, 0x02])),
        };
        assert_eq!(plane.bits(1), None);
        assert_eq!(plane.bits(4), None);
        let second = plane.bits(3).unwrap();
        assert_eq!((second.bytes, second.first_bit), (vec![0x01, 0x02], 1));
    }

    #[test]
    fn a_plane_that_is_shorter_than_it_says_draws_no_stripes() {
        let plane = Plane {
            group: 0x6000,
            rows: 8,
            columns: 8,
            origin: (1, 1),
            frames: None,
            place: Place::Own(Bytes::from_static(&[0xFF; 7])),
        };
        assert_eq!(plane.bits(0), None);
    }

    #[test]
    fn bits_of_the_image_itself_are_no_overlay() {
        let mut image = Dataset::new();
        for (element, value) in [(0x0100, 16), (0x0101, 12), (0x0102, 11)] {
            image.put_u16(Tag(0x0028, element), &[value]);
        }
        assert!([12, 15].into_iter().all(|bit| is_spare(&image, bit)));
        assert!(![0, 11, 16].into_iter().any(|bit| is_spare(&image, bit)));
        image.put_u16(Tag(0x0028, 0x0102), &[15]);
        assert!(is_spare(&image, 3) && !is_spare(&image, 4) && !is_spare(&image, 15));
        assert!(!is_spare(&Dataset::new(), 12));
    }
}
