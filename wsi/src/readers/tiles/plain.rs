//! Tiles of shades without compression, which are frames as they are, and those in a compression that DICOM has no syntax
//! for, which are unpacked and compressed again without loss.

use super::{COMPRESSION_LZW, COMPRESSION_NONE, Coding, Form, TILE_BYTES_MAX, TiledImage};
use crate::SlideError;
use crate::readers::packed::{inflate, undo_differences, unlzw};
use crate::readers::{Proof, Samples, Survey, tag};
use crate::tiff::{Directory, Tiff};
use codec::{FrameFormat, Photometric, Pixels};
use dataset::TransferSyntax;
use model::Limits;

/// Deflate, as Adobe numbered it and as it was numbered before.
const COMPRESSION_DEFLATE: [u64; 2] = [8, 32946];
/// JPEG-LS without loss: what most readers of DICOM know, and fast.
pub(super) const PACKED_AS: &str = "1.2.840.10008.1.2.4.80";
/// Bytes of pixels that are not encapsulated: their length has 32 bits and is even (PS3.5 §7.1).
const PLAIN_BYTES_MAX: u64 = u32::MAX as u64 - 1;

/// How samples are packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packing {
    compression: u64,
    is_differenced: bool,
    is_big_endian: bool,
}

impl Packing {
    /// Why tiles are not frames as they are.
    fn reason(&self) -> &'static str {
        match self.compression {
            COMPRESSION_LZW => "LZW tiles",
            COMPRESSION_NONE if self.is_differenced => "tiles of differences",
            COMPRESSION_NONE if self.is_big_endian => "uncompressed tiles of another byte order",
            COMPRESSION_NONE => "uncompressed tiles of more than 4 GB",
            _ => "deflated tiles",
        }
    }

    fn codec(&self) -> &'static str {
        match self.compression {
            COMPRESSION_LZW => "JPEG-LS lossless, made of LZW",
            COMPRESSION_NONE => "JPEG-LS lossless, made of uncompressed tiles",
            _ => "JPEG-LS lossless, made of deflate",
        }
    }
}

/// Whether a compression leaves samples as they are, or packs them as any bytes.
pub(super) fn is_plain(compression: u64) -> bool {
    matches!(compression, COMPRESSION_NONE | COMPRESSION_LZW) || COMPRESSION_DEFLATE.contains(&compression)
}

/// How the tiles of such an image are coded.
pub(super) fn coding(tiff: &Tiff, directory: &Directory, form: &Form) -> Result<Coding, SlideError> {
    if !matches!(form.bits, 8 | 16) {
        return Err(SlideError::Unsupported("samples that are no whole bytes"));
    }
    let is_differenced = match tiff.uint(directory, tag::PREDICTOR)? {
        None | Some(1) => false,
        Some(2) => true,
        Some(_) => return Err(SlideError::Unsupported("the predictor of its tiles")),
    };
    let is_big_endian = tiff.is_big_endian() && form.bits == 16;
    if form.compression == COMPRESSION_NONE && !is_differenced && !is_big_endian {
        return Ok(Coding::Plain);
    }
    Ok(Coding::Packed(Packing { compression: form.compression, is_differenced, is_big_endian }))
}

impl TiledImage {
    /// Bytes of a tile's samples.
    pub(super) fn plain_bytes(&self) -> usize {
        let pixels = usize::from(self.geometry.tile_width) * usize::from(self.geometry.tile_height);
        pixels * self.samples.bytes() as usize
    }

    /// Packs what would be too long without, and bounds what tiles unpack to.
    pub(super) fn choose_form(&mut self, layers: u64, limits: &Limits) -> Result<(), SlideError> {
        if !matches!(self.coding, Coding::Plain | Coding::Packed(_)) {
            return Ok(());
        }
        if self.plain_bytes() as u64 > TILE_BYTES_MAX {
            return Err(SlideError::OverLimit("bytes of a tile"));
        }
        let tiles = self.geometry.tile_count().saturating_mul(layers);
        let bytes = tiles.saturating_mul(self.plain_bytes() as u64);
        if bytes > limits.object_bytes_max {
            return Err(SlideError::OverLimit("bytes of a level"));
        }
        if self.coding == Coding::Plain && bytes > PLAIN_BYTES_MAX {
            let packing =
                Packing { compression: COMPRESSION_NONE, is_differenced: false, is_big_endian: false };
            self.coding = Coding::Packed(packing);
        }
        Ok(())
    }

    pub(super) fn survey_plain(&self) -> Result<Survey, SlideError> {
        let mut survey = Survey {
            bytes: 0,
            filled: 0,
            transfer_syntax: TransferSyntax::EXPLICIT_LITTLE,
            photometric: "MONOCHROME2",
            lossy_method: None,
            codec: "uncompressed",
            samples: self.samples,
            proof: Proof::Bytes,
        };
        let expected = self.plain_bytes() as u64;
        self.each_span(0..self.geometry.tile_count(), |span| {
            survey.bytes += span.count;
            survey.filled += u64::from(span.count == 0);
            if span.count == 0 || span.count == expected {
                return Ok(());
            }
            Err(SlideError::Damaged("an uncompressed tile has another length than its size takes"))
        })?;
        Ok(survey)
    }

    /// What the tiles unpack to is seen when frames are made of them.
    pub(super) fn survey_packed(&self, packing: &Packing) -> Result<Survey, SlideError> {
        let mut survey = Survey {
            bytes: 0,
            filled: 0,
            transfer_syntax: PACKED_AS,
            photometric: "MONOCHROME2",
            lossy_method: None,
            codec: packing.codec(),
            samples: self.samples,
            proof: Proof::Samples(packing.reason()),
        };
        self.each_span(0..self.geometry.tile_count(), |span| {
            survey.bytes += span.count;
            survey.filled += u64::from(span.count == 0);
            Ok(())
        })?;
        Ok(survey)
    }

    /// The samples of a tile, little endian.
    pub(super) fn unpacked(&self, packing: &Packing, tile: Vec<u8>) -> Result<Vec<u8>, SlideError> {
        let size = self.plain_bytes();
        let mut pixels = match packing.compression {
            COMPRESSION_NONE if tile.len() == size => tile,
            COMPRESSION_NONE => {
                return Err(SlideError::Damaged(
                    "an uncompressed tile has another length than its size takes",
                ));
            }
            compression => {
                let mut pixels = vec![0; size];
                let unpack = if compression == COMPRESSION_LZW { unlzw } else { inflate };
                unpack(&tile, &mut pixels)?;
                pixels
            }
        };
        if packing.is_big_endian {
            pixels.as_chunks_mut::<2>().0.iter_mut().for_each(|two| two.reverse());
        }
        if packing.is_differenced {
            undo_differences(&mut pixels, self.geometry.tile_width.into(), self.samples);
        }
        Ok(pixels)
    }

    pub(super) fn packed_again(&self, pixels: &[u8]) -> Result<Vec<u8>, SlideError> {
        encoded(PACKED_AS, pixels.to_vec(), self.format(self.samples))
    }

    /// Whether a stored frame decodes to these samples.
    pub(super) fn holds_samples(&self, pixels: &[u8], stored: &[u8]) -> Result<bool, SlideError> {
        let decoded = codec::decode(PACKED_AS, stored, &self.format(self.samples), pixels.len() as u64);
        let decoded =
            decoded.map_err(SlideError::of_codec(SlideError::Damaged("a stored tile cannot be decoded")))?;
        Ok(decoded.bytes == pixels)
    }

    /// A tile without light.
    pub(super) fn dark_codestream(&self, syntax: &str, samples: Samples) -> Result<Vec<u8>, SlideError> {
        let pixels = usize::from(self.geometry.tile_width) * usize::from(self.geometry.tile_height);
        encoded(syntax, vec![0; pixels * samples.bytes() as usize], self.format(samples))
    }

    fn format(&self, samples: Samples) -> FrameFormat {
        let (rows, columns) = (self.geometry.tile_height.into(), self.geometry.tile_width.into());
        FrameFormat {
            bits_allocated: samples.bits_allocated,
            bits_stored: samples.bits_stored,
            ..FrameFormat::eight_bit(rows, columns, samples.per_pixel, Photometric::Monochrome2)
        }
    }
}

fn encoded(syntax: &str, bytes: Vec<u8>, format: FrameFormat) -> Result<Vec<u8>, SlideError> {
    const FAULT: SlideError = SlideError::Unsupported("tiles of this size, compressed again");
    let encoded = codec::encode(syntax, &Pixels { bytes, format });
    encoded.map(|encoded| encoded.bytes).map_err(SlideError::of_codec(FAULT))
}
