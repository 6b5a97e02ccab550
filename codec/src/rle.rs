//! RLE frames (PS3.5 §G).

use crate::decode::Decoded;
use crate::{CodecError, FrameFormat};

const HEADER_BYTES: usize = 64;
const SEGMENTS_MAX: usize = 15;

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    // Single bits are packed as bytes of eight of them.
    let bytes_per_sample = usize::from(format.bits_allocated / 8).max(1);
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

/// Encodes little-endian pixels by pixel, of 8 bits or more a sample; the caller has checked the shape.
pub(crate) fn encode(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    let bytes_per_sample = usize::from(format.bits_allocated / 8);
    let pixel_bytes = usize::from(format.samples_per_pixel) * bytes_per_sample;
    let columns = format.columns as usize;
    let mut frame = vec![0; HEADER_BYTES];
    frame.reserve(bytes.len() / 2);
    let mut plane = vec![0; format.pixel_count()];
    put_word(&mut frame, 0, pixel_bytes)?;
    for index in 0..pixel_bytes {
        // As in `decode`: the most significant byte comes first.
        let (sample, byte) = (index / bytes_per_sample, bytes_per_sample - 1 - index % bytes_per_sample);
        for (target, pixel) in plane.iter_mut().zip(bytes.chunks_exact(pixel_bytes)) {
            *target = pixel[sample * bytes_per_sample + byte];
        }
        let start = frame.len();
        put_word(&mut frame, index + 1, start)?;
        // Each row is packed by itself (§G.3.1).
        plane.chunks_exact(columns).for_each(|row| pack(row, &mut frame));
        if !frame.len().is_multiple_of(2) {
            frame.push(0);
        }
    }
    Ok(frame)
}

/// Sets a word of the header.
fn put_word(frame: &mut [u8], index: usize, value: usize) -> Result<(), CodecError> {
    let value = u32::try_from(value).map_err(|_| CodecError::OverLimit)?;
    frame
        .get_mut(index * 4..index * 4 + 4)
        .ok_or(CodecError::Unsupported("RLE of more than 15 segments"))?
        .copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// Packs one row (§G.3.1): runs of three and more are replicated, shorter ones stay within a literal.
#[allow(clippy::cast_possible_truncation)]
fn pack(row: &[u8], out: &mut Vec<u8>) {
    const MOST: usize = 128;
    let mut rest = row;
    while let Some(first) = rest.first() {
        let run = rest.iter().take(MOST).take_while(|value| *value == first).count();
        if run >= 3 || run == rest.len() && run == 2 {
            out.extend_from_slice(&[(257 - run) as u8, *first]);
            rest = &rest[run..];
            continue;
        }
        let literal =
            rest.windows(3).take(MOST).take_while(|three| three[0] != three[1] || three[1] != three[2]);
        let mut length = literal.count().max(1);
        // No run of three begins in the last two bytes.
        if length + 2 >= rest.len() {
            length = rest.len().min(MOST);
        }
        out.push((length - 1) as u8);
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
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
