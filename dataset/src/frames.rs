//! The frame index: where every frame of an instance begins and ends, fixed width, so that one frame's place is read
//! without reading the rest.

/// A run of bytes, counted from the first byte of the data set (not of the Part 10 file).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u32,
}

impl Span {
    /// As it stands in the index: offset as 8 and length as 4 bytes, little endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; FrameIndex::SPAN_BYTES] {
        let mut bytes = [0; FrameIndex::SPAN_BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// The reverse of [`Span::to_bytes`]; `None` when these are not [`FrameIndex::SPAN_BYTES`] bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FrameIndex::SPAN_BYTES] = bytes.try_into().ok()?;
        let (offset, length) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            offset: u64::from_le_bytes(*offset),
            length: u32::from_le_bytes(length.try_into().ok()?),
        })
    }
}

/// The places of all frames. A frame is one span, or several when it was sent in several fragments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameIndex {
    /// Every span in order.
    pub spans: Vec<Span>,
    /// For each frame, the index of its first span, and at the end the number of spans. Empty when each frame is
    /// exactly one span.
    pub starts: Vec<u32>,
}

impl FrameIndex {
    /// Bytes of one span in [`FrameIndex::to_bytes`].
    pub const SPAN_BYTES: usize = 12;

    /// How many frames there are.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        if self.starts.is_empty() { self.spans.len() } else { self.starts.len() - 1 }
    }

    /// The spans of a frame, counted from 0.
    #[must_use]
    pub fn frame(&self, frame: usize) -> Option<&[Span]> {
        if self.starts.is_empty() {
            self.spans.get(frame..frame.checked_add(1)?)
        } else {
            let from = *self.starts.get(frame)? as usize;
            let to = *self.starts.get(frame.checked_add(1)?)? as usize;
            self.spans.get(from..to)
        }
    }

    /// All spans, [`FrameIndex::SPAN_BYTES`] each: span `n` is at byte `12 n`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.spans.iter().flat_map(|span| span.to_bytes()).collect()
    }

    /// [`FrameIndex::starts`], 4 bytes each, little endian; empty when each frame is exactly one span.
    #[must_use]
    pub fn starts_to_bytes(&self) -> Vec<u8> {
        self.starts.iter().flat_map(|start| start.to_le_bytes()).collect()
    }

    /// The reverse of [`FrameIndex::to_bytes`] and [`FrameIndex::starts_to_bytes`]. `None` when the bytes are no index:
    /// cut short, or with starts that do not ascend from 0 to the number of spans.
    #[must_use]
    pub fn from_bytes(spans: &[u8], starts: &[u8]) -> Option<Self> {
        let (spans, rest) = spans.as_chunks::<{ Self::SPAN_BYTES }>();
        let (starts, odd) = starts.as_chunks::<4>();
        if !rest.is_empty() || !odd.is_empty() {
            return None;
        }
        let spans: Vec<Span> = spans.iter().filter_map(|bytes| Span::from_bytes(bytes)).collect();
        let starts: Vec<u32> = starts.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let proven = starts.is_empty()
            || starts.first() == Some(&0)
                && starts.last().is_some_and(|&last| last as usize == spans.len())
                && starts.is_sorted();
        proven.then_some(Self { spans, starts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: u64, length: u32) -> Span {
        Span { offset, length }
    }

    #[test]
    fn frames_of_one_span_and_of_several() {
        let plain = FrameIndex { spans: vec![span(8, 2), span(10, 2)], starts: vec![] };
        assert_eq!(
            (plain.frame_count(), plain.frame(1), plain.frame(2)),
            (2, Some(&[span(10, 2)][..]), None)
        );
        let split = FrameIndex { spans: vec![span(8, 2), span(18, 2), span(28, 4)], starts: vec![0, 2, 3] };
        assert_eq!(split.frame_count(), 2);
        assert_eq!(split.frame(0), Some(&[span(8, 2), span(18, 2)][..]));
        assert_eq!((split.frame(1), split.frame(2)), (Some(&[span(28, 4)][..]), None));
        assert_eq!(split.frame(usize::MAX), None);
    }

    #[test]
    fn bytes_and_back() {
        for index in [
            FrameIndex::default(),
            FrameIndex { spans: vec![span(1, 2), span(u64::MAX, u32::MAX)], starts: vec![] },
            FrameIndex { spans: vec![span(8, 2), span(18, 2), span(28, 4)], starts: vec![0, 2, 3] },
        ] {
            let (spans, starts) = (index.to_bytes(), index.starts_to_bytes());
            assert_eq!(spans.len(), index.spans.len() * FrameIndex::SPAN_BYTES);
            assert_eq!(FrameIndex::from_bytes(&spans, &starts), Some(index));
        }
        assert_eq!(span(0x0102, 3).to_bytes(), [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_index() {
        let starts = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
        assert_eq!(FrameIndex::from_bytes(&[0; 13], &[]), None);
        assert_eq!(FrameIndex::from_bytes(&[0; 24], &[0; 3]), None);
        for bad in [&[1, 2][..], &[0, 1], &[0, 3], &[0, 2, 1, 2]] {
            assert_eq!(FrameIndex::from_bytes(&[0; 24], &starts(bad)), None, "{bad:?}");
        }
    }
}
