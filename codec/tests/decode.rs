//! Every transfer syntax gives the pixels that went in, or those that another decoder gives.
//!
//! `fixtures/` was made with imagecodecs 2026.3.6 (OpenJPH, OpenJPEG 2.5.4, CharLS, libjpeg-turbo) from formulas; the
//! lossless ones decode to the formula again, and the hashes of the lossy ones are of what imagecodecs decodes.
#![allow(missing_docs)]

mod encoders;

use charls::InterleaveMode;
use codec::{CodecError, FrameFormat, Photometric, decode};
use encoders::{grey, rgb, samples, to_bytes};
use sha2::{Digest, Sha256};

const LIMIT: u64 = 1 << 24;
const LITTLE: &str = "1.2.840.10008.1.2.1";
const BIG: &str = "1.2.840.10008.1.2.2";
const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
const JPEG_12: &str = "1.2.840.10008.1.2.4.51";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_LS_NEAR: &str = "1.2.840.10008.1.2.4.81";
const J2K: &str = "1.2.840.10008.1.2.4.90";
const J2K_LOSSY: &str = "1.2.840.10008.1.2.4.91";
const HTJ2K: &str = "1.2.840.10008.1.2.4.201";

#[track_caller]
fn check(uid: &str, frame: &[u8], format: &FrameFormat, expected: &[u8]) {
    let pixels = decode(uid, frame, format, LIMIT).unwrap();
    assert!(pixels.bytes == expected, "{uid} gives other pixels");
    assert!(!pixels.format.is_planar);
}

#[track_caller]
fn check_hash(uid: &str, frame: &[u8], format: &FrameFormat, expected: &str) {
    let pixels = decode(uid, frame, format, LIMIT).unwrap();
    assert_eq!(hex::encode(Sha256::digest(&pixels.bytes)), expected, "{uid}");
}

/// The lossless formats whose sizes are odd, for one bit depth after the other.
fn shapes() -> Vec<FrameFormat> {
    let mut shapes: Vec<_> = [8, 10, 12, 14, 16].map(|bits| grey(33, 17, bits)).into();
    shapes.extend([grey(1, 1, 8), grey(1, 40, 12), grey(40, 1, 16), rgb(19, 23), rgb(1, 1)]);
    shapes
}

#[test]
fn what_is_native_little_endian_passes() {
    for format in shapes() {
        let bytes = to_bytes(&samples(&format), &format);
        check(LITTLE, &bytes, &format, &bytes);
        let padded = [&bytes[..], &[0]].concat();
        check(LITTLE, &padded, &format, &bytes);
    }
}

#[test]
fn big_endian_is_turned_round() {
    let format = grey(2, 1, 16);
    check(BIG, &[0x12, 0x34, 0x56, 0x78], &format, &[0x34, 0x12, 0x78, 0x56]);
    let wide = FrameFormat { bits_allocated: 32, bits_stored: 32, columns: 1, ..format };
    check(BIG, &[1, 2, 3, 4], &wide, &[4, 3, 2, 1]);
    check(BIG, &[1, 2], &grey(2, 1, 8), &[1, 2]);
}

#[test]
fn one_bit_stays_packed() {
    let format = FrameFormat { bits_allocated: 1, bits_stored: 1, ..grey(5, 2, 8) };
    check(LITTLE, &[0b1010_1010, 0b11], &format, &[0b1010_1010, 0b11]);
}

#[test]
fn colour_by_plane_becomes_colour_by_pixel() {
    let format = FrameFormat { is_planar: true, ..rgb(2, 1) };
    check(LITTLE, &[1, 2, 11, 12, 21, 22], &format, &[1, 11, 21, 2, 12, 22]);
    let deep = FrameFormat { bits_allocated: 16, bits_stored: 16, ..format };
    check(BIG, &[0, 1, 0, 2, 1, 1, 1, 2, 2, 1, 2, 2], &deep, &[1, 0, 1, 1, 1, 2, 2, 0, 2, 1, 2, 2]);
}

#[test]
fn ybr_becomes_rgb() {
    // PS3.3 §C.7.6.3.1.2: grey, and the primary red.
    let full = FrameFormat { photometric: Photometric::YbrFull, ..rgb(2, 1) };
    check(LITTLE, &[100, 128, 128, 76, 85, 255], &full, &[100, 100, 100, 254, 0, 0]);
    let half = FrameFormat { photometric: Photometric::YbrFull422, ..rgb(2, 1) };
    check(LITTLE, &[100, 200, 128, 128], &half, &[100, 100, 100, 200, 200, 200]);
    check(LITTLE, &[100, 128, 128, 76, 85, 255], &half, &[100, 100, 100, 254, 0, 0]);
    assert_eq!(
        decode(LITTLE, &[100, 200, 128, 128], &half, LIMIT).unwrap().format.photometric,
        Photometric::Rgb
    );
}

#[test]
fn a_deflated_frame_is_inflated_as_far_as_its_pixels_go() {
    const DEFLATED: &str = "1.2.840.10008.1.2.8.1";
    let deflated = |bytes: &[u8]| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bits = FrameFormat { bits_allocated: 1, bits_stored: 1, ..grey(64, 64, 8) };
    let mask = [0b1010_1010_u8; 512];
    check(DEFLATED, &deflated(&mask), &bits, &mask);
    let bomb = deflated(&vec![7; 1 << 22]);
    check(DEFLATED, &bomb, &grey(16, 16, 8), &[7; 256]);
    for damaged in [deflated(&mask[1..]), deflated(&mask)[..5].to_vec(), vec![0xFF; 20], Vec::new()] {
        assert!(matches!(decode(DEFLATED, &damaged, &bits, LIMIT), Err(CodecError::Damaged(_))));
    }
}

#[test]
fn rle_gives_what_went_in() {
    for format in shapes() {
        let bytes = to_bytes(&samples(&format), &format);
        check(RLE, &encoders::rle(&bytes, &format), &format, &bytes);
    }
    let flat = FrameFormat { bits_allocated: 32, bits_stored: 32, ..grey(300, 3, 16) };
    let bytes = [1, 2, 3, 4].repeat(900);
    check(RLE, &encoders::rle(&bytes, &flat), &flat, &bytes);
}

#[test]
fn single_bits_are_packed_whatever_the_coding() {
    let bits = FrameFormat { bits_allocated: 1, bits_stored: 1, ..grey(5, 3, 8) };
    let mask: Vec<i32> = (0..15).map(|n| i32::from(n % 4 == 0 || n == 13)).collect();
    // Bits 0, 4, 8, 12 and 13.
    let packed = [0b0001_0001, 0b0011_0001];
    check("1.2.840.10008.1.2.4.90", &encoders::jpeg_2000(&mask, &bits), &bits, &packed);
    let mut rle = vec![0; 64];
    (rle[0], rle[4]) = (1, 64);
    rle.extend([1, packed[0], packed[1], 0]);
    check(RLE, &rle, &bits, &packed);
}

#[test]
fn rle_of_the_standards_kind_by_hand() {
    // Two segments: 3 × 0x01; literals 0x0A, 0x0B, then 128, which says nothing, then one 0x0C.
    let mut frame = vec![0; 64];
    frame[0] = 2;
    frame[4] = 64;
    frame[8] = 66;
    frame.extend([254, 0x01, 1, 0x0A, 0x0B, 128, 0, 0x0C]);
    check(RLE, &frame, &grey(3, 1, 16), &[0x0A, 1, 0x0B, 1, 0x0C, 1]);
}

#[test]
fn jpeg_lossless_gives_what_went_in() {
    for format in shapes() {
        let samples = samples(&format);
        check(
            JPEG_LOSSLESS,
            &encoders::jpeg_lossless(&samples, &format),
            &format,
            &to_bytes(&samples, &format),
        );
    }
}

#[test]
fn jpeg_ls_gives_what_went_in() {
    for format in shapes() {
        let samples = samples(&format);
        let expected = to_bytes(&samples, &format);
        let modes: &[InterleaveMode] = match format.samples_per_pixel {
            1 => &[InterleaveMode::None],
            _ => &[InterleaveMode::Line, InterleaveMode::Sample],
        };
        for mode in modes {
            check(JPEG_LS, &encoders::jpeg_ls(&samples, &format, *mode), &format, &expected);
        }
    }
    // By plane in, by pixel out.
    let format = rgb(4, 1);
    let planes = [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24];
    let frame = encoders::jpeg_ls(&planes, &format, InterleaveMode::None);
    check(JPEG_LS, &frame, &format, &[1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24]);
}

#[test]
fn jpeg_2000_gives_what_went_in() {
    for format in shapes() {
        let samples = samples(&format);
        let wide: Vec<i32> = samples.iter().map(|sample| i32::from(*sample)).collect();
        let coded = FrameFormat { photometric: Photometric::YbrRct, ..format.clone() };
        let format = if format.samples_per_pixel == 3 { coded } else { format };
        let frame = encoders::jpeg_2000(&wide, &format);
        check(J2K, &frame, &format, &to_bytes(&samples, &format));
        if format.samples_per_pixel == 3 {
            assert_eq!(decode(J2K, &frame, &format, LIMIT).unwrap().format.photometric, Photometric::Rgb);
        }
    }
}

#[test]
fn signed_samples_come_out_extended() {
    let format = FrameFormat { is_signed: true, ..grey(9, 5, 12) };
    let values: Vec<i32> = (-22..23).map(|value| value * 90).collect();
    let expected: Vec<u8> = values.iter().flat_map(|value| (*value as i16).to_le_bytes()).collect();
    let masked: Vec<u16> = values.iter().map(|value| (*value & 0xFFF) as u16).collect();
    check(J2K, &encoders::jpeg_2000(&values, &format), &format, &expected);
    check(JPEG_LS, &encoders::jpeg_ls(&masked, &format, InterleaveMode::None), &format, &expected);
    check(JPEG_LOSSLESS, &encoders::jpeg_lossless(&masked, &format), &format, &expected);
}

#[test]
fn htj2k_of_another_encoder_gives_what_went_in() {
    let format = rgb(27, 22);
    let expected = to_bytes(&samples(&format), &format);
    check(HTJ2K, include_bytes!("fixtures/htj2k_27x22_rgb8.jhc"), &format, &expected);

    let format = grey(27, 22, 16);
    let deep: Vec<u16> = samples(&grey(27, 22, 12)).iter().map(|value| value.wrapping_mul(977)).collect();
    check(HTJ2K, include_bytes!("fixtures/htj2k_27x22_grey16.jhc"), &format, &to_bytes(&deep, &format));

    let signed = FrameFormat { is_signed: true, ..format };
    let halved: Vec<u16> = deep.iter().map(|value| (*value as i16).div_euclid(16) as u16).collect();
    check(HTJ2K, include_bytes!("fixtures/htj2k_27x22_signed.jhc"), &signed, &to_bytes(&halved, &signed));
}

#[test]
fn lossy_frames_decode_as_elsewhere() {
    let colour = FrameFormat { photometric: Photometric::YbrFull422, ..rgb(64, 48) };
    let frame = include_bytes!("fixtures/jpeg_64x48_ybr420.jpg");
    check_hash(JPEG, frame, &colour, "f0b4b92bfe41b7e9a38f2dea8bef8908a15875b014a76cf3289ede243bad3142");
    let frame = include_bytes!("fixtures/jpeg_64x48_grey12.jpg");
    let deep = grey(64, 48, 12);
    check_hash(JPEG_12, frame, &deep, "0f3d5aadb59521942c3db2444d2c79560c5a8f2a53da5185923e139764d4dda6");
    let frame = include_bytes!("fixtures/jls_64x48_near3.jls");
    check_hash(
        JPEG_LS_NEAR,
        frame,
        &deep,
        "338618e613749b51cfd4cc3e60cbd0505b5ddbedd8b52caadc171ccaa487d080",
    );
    let colour = FrameFormat { photometric: Photometric::YbrIct, ..colour };
    let frame = include_bytes!("fixtures/j2k_64x48_lossy.j2k");
    check_hash(J2K_LOSSY, frame, &colour, "4cd8634f773dd1d29de9165381d0f72096158125f5e0f9d3f84f91e1201707d2");
}

#[test]
fn jpeg_without_markers_follows_the_photometric_interpretation() {
    // The fixture without its JFIF segment (2 + 16 bytes after the start of image).
    let marked = include_bytes!("fixtures/jpeg_64x48_ybr420.jpg");
    assert_eq!(&marked[2..4], [0xFF, 0xE0]);
    let bare = [&marked[..2], &marked[20..]].concat();
    let ybr = FrameFormat { photometric: Photometric::YbrFull422, ..rgb(64, 48) };
    let as_ybr = decode(JPEG, &bare, &ybr, LIMIT).unwrap();
    assert_eq!(as_ybr, decode(JPEG, marked, &ybr, LIMIT).unwrap());
    let as_rgb = decode(JPEG, &bare, &rgb(64, 48), LIMIT).unwrap();
    assert_ne!(as_ybr.bytes, as_rgb.bytes);
    // With JFIF it is YCbCr, whatever the data set says.
    assert_eq!(as_ybr.bytes, decode(JPEG, marked, &rgb(64, 48), LIMIT).unwrap().bytes);
}

#[test]
fn an_unknown_transfer_syntax_is_refused() {
    for uid in ["1.2.840.10008.1.2.4.100", "", "1.2.840.10008.1.2.4.5"] {
        assert!(!codec::can_decode(uid));
        assert_eq!(decode(uid, &[], &grey(1, 1, 8), 9), Err(CodecError::Unsupported("transfer syntax")));
    }
    assert!(codec::can_decode("1.2.840.10008.1.2\0"));
}
