//! Puts a colour profile (ICC.1) into a JPEG or PNG file.

use codec::ImageType;
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write as _;

/// Bytes of a profile in one APP2 segment (ICC.1 §B.4): 65535 less the segment's length and marker text.
const SEGMENT_BYTES: usize = 65_535 - 2 - 14;

/// The file with the profile; as it is where it does not fit.
pub fn with_profile(file: Vec<u8>, image_type: ImageType, profile: &[u8]) -> Vec<u8> {
    match image_type {
        ImageType::Jpeg(_) => jpeg(&file, profile).unwrap_or(file),
        ImageType::Png => png(&file, profile).unwrap_or(file),
    }
}

fn jpeg(file: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
    let rest = file.strip_prefix(b"\xFF\xD8")?;
    let count = u8::try_from(profile.len().div_ceil(SEGMENT_BYTES)).ok()?;
    // JFIF's own segment has to be the first.
    let jfif = match rest {
        [0xFF, 0xE0, high, low, ..] => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let (jfif, rest) = rest.split_at_checked(jfif)?;
    let mut out = Vec::with_capacity(file.len() + profile.len() + 18 * usize::from(count));
    out.extend_from_slice(b"\xFF\xD8");
    out.extend_from_slice(jfif);
    for (number, piece) in (1..=count).zip(profile.chunks(SEGMENT_BYTES)) {
        out.extend_from_slice(b"\xFF\xE2");
        out.extend_from_slice(&u16::try_from(piece.len() + 16).ok()?.to_be_bytes());
        out.extend_from_slice(b"ICC_PROFILE\0");
        out.extend_from_slice(&[number, count]);
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// An `iCCP` chunk behind the header.
fn png(file: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
    const HEADER_BYTES: usize = 8 + 25;
    let (head, rest) = file.split_at_checked(HEADER_BYTES)?;
    let mut content = b"iCCPicc\0\0".to_vec();
    let mut deflate = ZlibEncoder::new(&mut content, Compression::default());
    deflate.write_all(profile).ok()?;
    deflate.finish().ok()?;
    let mut crc = Crc::new();
    crc.update(&content);
    let mut out = head.to_vec();
    out.extend_from_slice(&u32::try_from(content.len() - 4).ok()?.to_be_bytes());
    out.extend_from_slice(&content);
    out.extend_from_slice(&crc.sum().to_be_bytes());
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_several_segments_stands_behind_jfif() {
        let file = b"\xFF\xD8\xFF\xE0\x00\x04ab\xFF\xD9".to_vec();
        let out = with_profile(file, ImageType::Jpeg(90), &[7; SEGMENT_BYTES + 1]);
        assert_eq!(&out[2..8], b"\xFF\xE0\x00\x04ab");
        assert_eq!(&out[8..12], b"\xFF\xE2\xFF\xFF");
        assert_eq!(&out[24..26], [1, 2]);
        assert!(out.ends_with(b"ICC_PROFILE\0\x02\x02\x07\xFF\xD9"));
    }

    #[test]
    fn what_is_no_image_stays_as_it_is() {
        assert_eq!(with_profile(b"x".to_vec(), ImageType::Jpeg(90), &[1]), b"x");
        assert_eq!(with_profile(b"x".to_vec(), ImageType::Png, &[1]), b"x");
    }
}
