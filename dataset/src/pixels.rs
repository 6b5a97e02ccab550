//! The Image Pixel attributes (PS3.3 §C.7.6.3) as checked numbers.

/// What is needed to make sense of a frame.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PixelDescription {
    /// Rows of one frame.
    pub rows: u32,
    /// Columns of one frame.
    pub columns: u32,
    /// Samples per pixel: 1, 3 or 4.
    pub samples_per_pixel: u16,
    /// Bits allocated: 1, 8, 16, 32 or 64.
    pub bits_allocated: u16,
    /// Bits stored.
    pub bits_stored: u16,
    /// High bit.
    pub high_bit: u16,
    /// Pixel representation: true when two's complement.
    pub is_signed: bool,
    /// Planar configuration: true when colour by plane.
    pub is_planar: bool,
    /// Photometric interpretation, such as `MONOCHROME2`.
    pub photometric_interpretation: String,
    /// Number of frames, at least 1.
    pub frames: u32,
}

impl PixelDescription {
    /// From a data set; `None` when it describes no pixels.
    #[must_use]
    pub fn from_dataset(_dataset: &crate::Dataset) -> Option<Self> {
        todo!()
    }
    /// Bytes of one uncompressed frame (one-bit frames are packed, and may not end on a byte); `None` on overflow.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<u64> {
        todo!()
    }
}
