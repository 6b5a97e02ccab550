//! RLE frames (PS3.5 §G).

use crate::decode::Decoded;
use crate::{CodecError, FrameFormat};

const HEADER_BYTES: usize = 64;
const SEGMENTS_MAX: usize = 15;

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    if format.bits_allocated < 8 {
        return Err(CodecError::Unsupported("RLE of one bit"));
    }
    let bytes_per_sample = usize::from(format.bits_allocated / 8);
    let segment_count = usize::from(format.samples_per_pixel) * bytes_per_sample;
    let starts = segment_starts(frame, segment_count)?;

    let mut bytes = vec![0; size];
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(frame.len());
        let segment =
            frame.get(*start..end).ok_or(CodecError::Damaged("an RLE segment lies outside the frame"))?;
        // Segments go from the most significant byte to the least, sample after sample (§G.2).
        let sample = index / bytes_per_sample;
        let byte = bytes_per_sample - 1 - index % bytes_per_sample;
        unpack(segment, &mut bytes[sample * bytes_per_sample + byte..], segment_count)?;
    }
    Ok(Decoded::by_pixel(bytes, format))
}

/// The offsets in the header (§G.5), checked to rise.
fn segment_starts(frame: &[u8], expected: usize) -> Result<Vec<usize>, CodecError> {
    let header = frame.get(..HEADER_BYTES).ok_or(CodecError::Damaged("the RLE header is cut short"))?;
    let mut words = header.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word) as usize);
    let count = words.next().unwrap_or(0);
    if count != expected || count > SEGMENTS_MAX {
        return Err(CodecError::Damaged("the number of RLE segments is not what its shape takes"));
    }
    let starts: Vec<usize> = words.take(count).collect();
    let is_rising = starts.is_sorted_by(|a, b| a < b);
    if !is_rising || starts.first().is_some_and(|first| *first < HEADER_BYTES) {
        return Err(CodecError::Damaged("the RLE segments are out of order"));
    }
    Ok(starts)
}

/// Unpacks one segment (§G.3.2) into every `stride`-th byte of `target`, until that is full.
fn unpack(segment: &[u8], target: &mut [u8], stride: usize) -> Result<(), CodecError> {
    const SHORT: CodecError = CodecError::Damaged("an RLE segment is cut short");
    let total = target.len().div_ceil(stride);
    let mut done = 0;
    let mut rest = segment;
    while done < total {
        let (control, after) = rest.split_first().ok_or(SHORT)?;
        rest = after;
        match *control {
            literal @ 0..=127 => {
                let wanted = usize::from(literal) + 1;
                let source = rest.get(..wanted).ok_or(SHORT)?;
                rest = &rest[wanted..];
                // What runs over the end of the plane is padding.
                let count = wanted.min(total - done);
                for (offset, value) in source[..count].iter().enumerate() {
                    target[(done + offset) * stride] = *value;
                }
                done += count;
            }
            128 => {}
            repeat => {
                let (value, after) = rest.split_first().ok_or(SHORT)?;
                rest = after;
                let count = (257 - usize::from(repeat)).min(total - done);
                for offset in 0..count {
                    target[(done + offset) * stride] = *value;
                }
                done += count;
            }
        }
    }
    Ok(())
}
