//! What the eye gets: windows, inversion, palettes, smaller images, and both kinds of file.
#![allow(missing_docs)]

mod encoders;

use codec::{
    CodecError, FrameFormat, ImageType, Photometric, Pixels, Presentation, Render, Window, decode,
    encode_jpeg_rgb, render,
};
use encoders::{grey, rgb, to_bytes};

fn options() -> Render {
    Render {
        slope: 1.0,
        intercept: 0.0,
        window: None,
        palette: None,
        fit: None,
        image_type: ImageType::Png,
        presentation: Presentation::default(),
    }
}

fn pixels(format: FrameFormat, bytes: &[u8]) -> Pixels {
    Pixels { bytes: bytes.to_vec(), format }
}

fn words(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Width, height and bytes of a PNG.
fn unpack(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes.truncate(info.buffer_size());
    (info.width, info.height, bytes)
}

#[track_caller]
fn check(pixels: &Pixels, options: &Render, expected: &[u8]) {
    let (.., bytes) = unpack(&render(pixels, options).unwrap());
    assert_eq!(bytes, expected);
}

#[test]
fn a_window_is_in_rescaled_units() {
    // A brain window on Hounsfield units: c 40, w 80 → 0.5 to 79.5 (PS3.3 §C.11.2.1.2.1).
    let format = FrameFormat { is_signed: true, ..grey(5, 1, 16) };
    let ct = pixels(format, &words(&[0, 1024, 1064, 1103, 3000]));
    let window = Some(Window { center: 40.0, width: 80.0 });
    let brain = Render { slope: 1.0, intercept: -1024.0, window, ..options() };
    // 40: (40 − 39.5) / 79 + 0.5 = 0.5063 → 129.1.
    check(&ct, &brain, &[0, 0, 129, 255, 255]);
}

#[test]
fn monochrome_1_is_inverted() {
    let format = FrameFormat { photometric: Photometric::Monochrome1, ..grey(3, 1, 8) };
    let window = Some(Window { center: 128.0, width: 256.0 });
    check(&pixels(format, &[0, 100, 255]), &Render { window, ..options() }, &[255, 155, 0]);
}

#[test]
fn without_a_window_the_whole_range_is_shown() {
    let format = FrameFormat { is_signed: true, bits_stored: 12, ..grey(3, 1, 16) };
    check(&pixels(format.clone(), &words(&[-1000, 0, 1000])), &options(), &[0, 128, 255]);
    let falling = Render { slope: -2.0, ..options() };
    check(&pixels(format.clone(), &words(&[-1000, 0, 1000])), &falling, &[255, 128, 0]);
    check(&pixels(format, &words(&[7, 7, 7])), &options(), &[0, 0, 0]);
}

#[test]
fn overlay_bits_above_bits_stored_are_not_seen() {
    let format = FrameFormat { is_signed: true, ..grey(3, 1, 12) };
    let window = Some(Window { center: 0.5, width: 4096.0 });
    // −2048, 2047 and −2048 again with a bit of an overlay.
    let ct = pixels(format, &[0x00, 0xF8, 0xFF, 0x07, 0x00, 0x18]);
    check(&ct, &Render { window, ..options() }, &[0, 255, 0]);
}

#[test]
fn one_bit_is_black_and_white() {
    let format = FrameFormat { bits_allocated: 1, bits_stored: 1, ..grey(5, 2, 8) };
    let mask = pixels(format, &[0b0000_1001, 0b11]);
    check(&mask, &options(), &[255, 0, 0, 255, 0, 0, 0, 0, 255, 255]);
}

#[test]
fn thirty_two_bits_are_shown() {
    let format = FrameFormat { bits_allocated: 32, bits_stored: 32, ..grey(3, 1, 16) };
    let bytes: Vec<u8> = [0_u32, 1 << 31, u32::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    check(&pixels(format, &bytes), &options(), &[0, 128, 255]);
}

#[test]
fn a_palette_gives_its_colours() {
    let format = FrameFormat { photometric: Photometric::PaletteColor, ..grey(4, 1, 8) };
    let image = pixels(format, &[0, 10, 11, 200]);
    let palette = Some((10, vec![[1, 2, 3], [4, 5, 6]]));
    check(&image, &Render { palette, ..options() }, &[1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
    assert!(matches!(render(&image, &options()), Err(CodecError::Unsupported(_))));
    let palette = Some((0, vec![]));
    assert!(matches!(render(&image, &Render { palette, ..options() }), Err(CodecError::Damaged(_))));
}

#[test]
fn colour_passes_and_sixteen_bits_lose_their_low_ones() {
    check(&pixels(rgb(2, 1), &[1, 2, 3, 4, 5, 6]), &options(), &[1, 2, 3, 4, 5, 6]);
    let deep = FrameFormat { bits_allocated: 16, bits_stored: 16, ..rgb(1, 1) };
    check(&pixels(deep, &[0xFF, 0x12, 0, 0x34, 1, 0x56]), &options(), &[0x12, 0x34, 0x56]);
}

#[test]
fn smaller_images_keep_their_aspect_ratio() {
    let image = pixels(rgb(40, 20), &[9; 2400]);
    for (fit, size) in [((10, 10), (10, 5)), ((80, 80), (40, 20)), ((0, 7), (1, 1))] {
        let (width, height, bytes) =
            unpack(&render(&image, &Render { fit: Some(fit), ..options() }).unwrap());
        assert_eq!((width, height), size);
        assert!(bytes.iter().all(|value| *value == 9));
    }
}

#[test]
fn a_jpeg_shows_the_same_picture() {
    let format = grey(64, 64, 12);
    let ct = pixels(format.clone(), &to_bytes(&encoders::tomogram(64, 64), &format));
    let window = Some(Window { center: 700.0, width: 1400.0 });
    let png = unpack(&render(&ct, &Render { window, ..options() }).unwrap()).2;
    let jpeg = render(&ct, &Render { window, image_type: ImageType::Jpeg(95), ..options() }).unwrap();
    let again = decode("1.2.840.10008.1.2.4.50", &jpeg, &grey(64, 64, 8), 1 << 20).unwrap();
    let error = png.iter().zip(&again.bytes).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(error <= 12, "{error}");
}

#[test]
fn rgb_to_jpeg_keeps_its_colours() {
    let red = [200, 30, 40].repeat(64);
    for quality in [0, 50, 95, 255] {
        let jpeg = encode_jpeg_rgb(&red, 8, 8, quality).unwrap();
        let again = decode("1.2.840.10008.1.2.4.50", &jpeg, &rgb(8, 8), 1 << 20).unwrap();
        let tolerance = if quality == 0 { 80 } else { 8 };
        assert!(red.iter().zip(&again.bytes).all(|(a, b)| a.abs_diff(*b) <= tolerance), "{quality}");
    }
    assert!(encode_jpeg_rgb(&red, 8, 9, 90).is_err());
    assert!(encode_jpeg_rgb(&[], 0, 0, 90).is_err());
    assert!(encode_jpeg_rgb(&red, u32::MAX, u32::MAX, 90).is_err());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let image = pixels(grey(2, 2, 8), &[1, 2, 3]);
    assert!(matches!(render(&image, &options()), Err(CodecError::Damaged(_))));
    let image = pixels(grey(2, 2, 8), &[1, 2, 3, 4]);
    for width in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let window = Some(Window { center: 0.0, width });
        let result = render(&image, &Render { window, ..options() });
        assert!(matches!(result, Err(CodecError::Damaged(_))), "{width}");
    }
    for slope in [f64::NAN, f64::INFINITY] {
        assert!(matches!(render(&image, &Render { slope, ..options() }), Err(CodecError::Damaged(_))));
    }
    let ybr = FrameFormat { photometric: Photometric::YbrFull, ..rgb(1, 1) };
    assert!(matches!(render(&pixels(ybr, &[1, 2, 3]), &options()), Err(CodecError::Unsupported(_))));
}
