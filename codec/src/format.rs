//! The shape of a frame, and why a codec refuses one.

/// Photometric interpretation (PS3.3 §C.7.6.3.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Photometric {
    /// 0 is white.
    Monochrome1,
    /// 0 is black.
    Monochrome2,
    /// Indices into a palette.
    PaletteColor,
    /// RGB.
    Rgb,
    /// YBR_FULL.
    YbrFull,
    /// YBR_FULL_422.
    YbrFull422,
    /// YBR_ICT (JPEG 2000 irreversible).
    YbrIct,
    /// YBR_RCT (JPEG 2000 reversible).
    YbrRct,
    /// XYB (JPEG XL).
    Xyb,
}

impl Photometric {
    /// From the attribute's text; `None` when it is not one that we know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim_matches([' ', '\0']) {
            "MONOCHROME1" => Self::Monochrome1,
            "MONOCHROME2" => Self::Monochrome2,
            "PALETTE COLOR" => Self::PaletteColor,
            "RGB" => Self::Rgb,
            "YBR_FULL" => Self::YbrFull,
            "YBR_FULL_422" => Self::YbrFull422,
            "YBR_ICT" => Self::YbrIct,
            "YBR_RCT" => Self::YbrRct,
            "XYB" => Self::Xyb,
            _ => return None,
        })
    }
}

/// The shape of one frame, from the Image Pixel module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameFormat {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
    /// Samples per pixel: 1, 3 or 4.
    pub samples_per_pixel: u16,
    /// Bits allocated: 1, 8 or 16 (32, and 64 of floating point, only uncompressed).
    pub bits_allocated: u16,
    /// Bits stored.
    pub bits_stored: u16,
    /// Two's complement.
    pub is_signed: bool,
    /// IEEE 754 numbers, one a pixel (PS3.3 §C.7.6.24, §C.7.6.25).
    pub is_float: bool,
    /// Colour by plane (only meaningful for native and RLE frames).
    pub is_planar: bool,
    /// Photometric interpretation.
    pub photometric: Photometric,
}

impl FrameFormat {
    /// Unsigned samples of eight bits, colour by pixel.
    #[must_use]
    pub fn eight_bit(rows: u32, columns: u32, samples_per_pixel: u16, photometric: Photometric) -> Self {
        Self {
            rows,
            columns,
            samples_per_pixel,
            bits_allocated: 8,
            bits_stored: 8,
            is_signed: false,
            is_float: false,
            is_planar: false,
            photometric,
        }
    }

    /// `rows * columns * samples_per_pixel * bits_allocated / 8`, rounded up to a byte.
    ///
    /// # Errors
    /// [`CodecError::OverLimit`] when that is no 64-bit number.
    pub fn pixel_bytes(&self) -> Result<u64, CodecError> {
        let bits = u64::from(self.rows)
            .checked_mul(u64::from(self.columns))
            .and_then(|n| n.checked_mul(u64::from(self.samples_per_pixel)))
            .and_then(|n| n.checked_mul(u64::from(self.bits_allocated)))
            .ok_or(CodecError::OverLimit)?;
        Ok(bits.div_ceil(8))
    }

    /// The shape after rows and columns were halved `levels_less` times, rounded up (T.800 §B.5).
    pub(crate) fn reduced(&self, levels_less: u32) -> Self {
        let side = |side: u32| side.div_ceil(1 << levels_less.min(31));
        Self { rows: side(self.rows), columns: side(self.columns), ..self.clone() }
    }

    /// Refuses a shape that no decoder here is written for.
    pub(crate) fn check(&self) -> Result<(), CodecError> {
        if self.rows == 0 || self.columns == 0 {
            return Err(CodecError::Damaged("rows or columns is zero"));
        }
        if !matches!(self.samples_per_pixel, 1 | 3 | 4) {
            return Err(CodecError::Unsupported("samples per pixel"));
        }
        match (self.bits_allocated, self.is_float) {
            (32 | 64, true) if self.samples_per_pixel == 1 => {}
            (1 | 8 | 16 | 32, false) => {}
            _ => return Err(CodecError::Unsupported("bits allocated")),
        }
        if self.bits_allocated == 1 && self.samples_per_pixel != 1 {
            return Err(CodecError::Unsupported("colour of one bit"));
        }
        if self.bits_stored == 0 || self.bits_stored > self.bits_allocated {
            return Err(CodecError::Damaged("bits stored"));
        }
        Ok(())
    }

    /// Rows × columns, after [`FrameFormat::check`] and a check of the size in bytes.
    pub(crate) fn pixel_count(&self) -> usize {
        self.rows as usize * self.columns as usize
    }
}

/// A decoded frame: little endian, by pixel, `bits_allocated` wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// `rows * columns * samples_per_pixel * bits_allocated / 8` bytes.
    pub bytes: Vec<u8>,
    /// The format after decoding: photometric interpretation may have become RGB, colour is never by plane.
    pub format: FrameFormat,
}

/// Why a frame was not decoded or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// No decoder or renderer for this.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The bytes are not what they claim to be.
    #[error("the frame is damaged: {0}")]
    Damaged(&'static str),
    /// It would take more memory than allowed.
    #[error("the frame is over the size limit")]
    OverLimit,
    /// It took longer than allowed, or no worker was free for as long; nothing is known of the bytes. Try again later.
    #[error("the codec took too long")]
    TimedOut,
    /// The worker process ended or answered nonsense in the middle; nothing is known of the bytes. Try again.
    #[error("the codec's worker was lost")]
    WorkerLost,
}
