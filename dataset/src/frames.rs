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
}
