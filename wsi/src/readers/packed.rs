//! Compression of TIFF that DICOM has no syntax for: LZW, deflate, and the differences that may have been packed.

use super::Samples;
use crate::SlideError;
use flate2::read::ZlibDecoder;
use std::io::Read as _;

/// TIFF's LZW (TIFF 6.0 §13); fills the target, and leaves what would come behind it.
///
/// # Errors
/// [`SlideError::Damaged`], also when there is too little.
pub(crate) fn unlzw(bytes: &[u8], target: &mut [u8]) -> Result<(), SlideError> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < target.len() {
        let step = decoder.decode_bytes(&bytes[read..], &mut target[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Ok(weezl::LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err(SlideError::Damaged("its LZW data are broken")),
        }
    }
    if written < target.len() { Err(SlideError::Damaged("its LZW data are cut short")) } else { Ok(()) }
}

/// Deflate with a zlib header (TIFF Technical Note 3); fills the target, and leaves what would come behind it.
///
/// # Errors
/// [`SlideError::Damaged`], also when there is too little.
pub(crate) fn inflate(bytes: &[u8], target: &mut [u8]) -> Result<(), SlideError> {
    let filled = ZlibDecoder::new(bytes).read_exact(target);
    filled.map_err(|_| SlideError::Damaged("its deflated data are broken or cut short"))
}

/// Undoes horizontal differencing (TIFF 6.0 §14) of rows of pixels, samples of 16 bits little endian.
pub(crate) fn undo_differences(pixels: &mut [u8], width: u32, samples: Samples) {
    let per_pixel = usize::from(samples.per_pixel);
    for row in pixels.chunks_exact_mut(width as usize * samples.bytes() as usize) {
        if samples.bits_allocated == 8 {
            for at in per_pixel..row.len() {
                row[at] = row[at].wrapping_add(row[at - per_pixel]);
            }
            continue;
        }
        let row = row.as_chunks_mut::<2>().0;
        for at in per_pixel..row.len() {
            let (before, own) = (u16::from_le_bytes(row[at - per_pixel]), u16::from_le_bytes(row[at]));
            row[at] = own.wrapping_add(before).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHADES: Samples = Samples { per_pixel: 1, bits_allocated: 16, bits_stored: 16 };

    #[test]
    fn differences_of_sixteen_bits_wrap_around_and_begin_anew_with_each_row() {
        let differences = [1_u16, 2, u16::MAX, 40_000, 30_000, 5];
        let mut bytes: Vec<u8> = differences.iter().flat_map(|value| value.to_le_bytes()).collect();
        undo_differences(&mut bytes, 3, SHADES);
        let values: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two)).collect();
        assert_eq!(values, [1, 3, 2, 40_000, 4_464, 4_469]);
    }

    #[test]
    fn what_is_packed_fills_its_place_or_is_refused() {
        use std::io::Write as _;
        let bytes: Vec<u8> = (0..5000_u32).map(|at| (at * at % 251) as u8).collect();
        let lzw =
            weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&bytes).unwrap();
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(&bytes).unwrap();
        let deflate = deflate.finish().unwrap();
        type Unpack = fn(&[u8], &mut [u8]) -> Result<(), SlideError>;
        for (packed, unpack) in [(&lzw, unlzw as Unpack), (&deflate, inflate as Unpack)] {
            let mut target = vec![0; bytes.len()];
            unpack(packed, &mut target).unwrap();
            assert_eq!(target, bytes);
            let mut beginning = vec![0; 100];
            unpack(packed, &mut beginning).unwrap();
            assert_eq!(beginning, bytes[..100]);
            for (packed, length) in [(&packed[..], 5001), (&packed[..packed.len() / 2], 5000), (&[][..], 1)] {
                let refused = unpack(packed, &mut vec![0; length]);
                assert!(matches!(refused, Err(SlideError::Damaged(_))), "{refused:?}");
            }
        }
    }
}
