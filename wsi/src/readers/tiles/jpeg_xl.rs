//! Tiles in JPEG XL: what their own headers say, and which transfer syntax that makes.

use super::{HEAD_BYTES, Span, TiledImage};
use crate::readers::{Proof, Samples, Survey};
use crate::{SlideError, jpeg, jpegxl};
use codec::{FrameFormat, Photometric};

const JPEG_XL: &str = "1.2.840.10008.1.2.4.112";
const RECOMPRESSION: &str = "1.2.840.10008.1.2.4.111";

impl TiledImage {
    fn jpeg_xl(&self, span: Span) -> Result<jpegxl::Head, SlideError> {
        let head = match jpegxl::head(&self.read_head(span, HEAD_BYTES)?) {
            None if span.count > HEAD_BYTES => jpegxl::head(&self.read(span)?),
            found => found,
        };
        let head = head.ok_or(SlideError::Damaged("a JPEG XL tile has no header"))?;
        let size = (self.geometry.tile_width.into(), self.geometry.tile_height.into());
        if (head.width, head.height) != size || !head.is_plain_colour {
            return Err(SlideError::Damaged("a JPEG XL tile's own header gives another size or kind"));
        }
        Ok(head)
    }

    pub(super) fn survey_jpeg_xl(&self) -> Result<Survey, SlideError> {
        let first = self.first_tile()?.ok_or(SlideError::Unsupported("a level without any tile"))?;
        let head = self.jpeg_xl(first)?;
        let photometric = if head.has_jpeg { self.colours_inside(first)? } else { "RGB" };
        let mut survey = Survey {
            bytes: 0,
            filled: 0,
            // .110 promises that nothing was lost; as with JPEG 2000 only the encoder knows.
            transfer_syntax: if head.has_jpeg { RECOMPRESSION } else { JPEG_XL },
            photometric: if head.is_xyb { "XYB" } else { photometric },
            lossy_method: Some(if head.has_jpeg { "ISO_10918_1" } else { "ISO_18181_1" }),
            codec: match (head.has_jpeg, head.is_xyb) {
                (true, _) => "JPEG XL (recompressed JPEG)",
                (false, true) => "JPEG XL (XYB)",
                (false, false) => "JPEG XL (RGB)",
            },
            samples: Samples::COLOUR,
            proof: Proof::Codestream,
        };
        self.each_span(0..self.geometry.tile_count(), |span| {
            survey.bytes += span.count;
            survey.filled += u64::from(span.count == 0);
            if span.count > 0 && self.jpeg_xl(span)? != head {
                return Err(SlideError::Damaged("the JPEG XL tiles of a level differ in kind"));
            }
            Ok(())
        })?;
        if head.has_jpeg && survey.filled > 0 {
            return Err(SlideError::Unsupported("empty tiles among recompressed JPEG tiles"));
        }
        Ok(survey)
    }

    /// The colours of the JPEG that a tile was made of.
    fn colours_inside(&self, span: Span) -> Result<&'static str, SlideError> {
        const OTHER_JPEG: SlideError = SlideError::Unsupported("JPEG XL tiles of another JPEG than baseline");
        let (rows, columns) = (self.geometry.tile_height.into(), self.geometry.tile_width.into());
        let format = FrameFormat::eight_bit(rows, columns, 3, Photometric::YbrFull422);
        let restored = codec::transcode(
            RECOMPRESSION,
            &self.read(span)?,
            &format,
            dataset::TransferSyntax::JPEG_BASELINE,
            self.geometry.tile_bytes(),
        );
        let restored = restored.map_err(SlideError::of_codec(OTHER_JPEG))?;
        let head =
            jpeg::head(&restored.bytes).map_err(|_| SlideError::Damaged("a JPEG in JPEG XL is damaged"))?;
        Ok(match head.colours() {
            jpeg::Colours::Rgb => "RGB",
            jpeg::Colours::Ybr => "YBR_FULL_422",
        })
    }
}
