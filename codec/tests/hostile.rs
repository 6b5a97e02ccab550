//! Frames that lie, are cut short or are noise: a refusal, never a panic, never more memory than allowed.
#![allow(missing_docs)]

mod encoders;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use charls::InterleaveMode;
use codec::{CodecError, FrameFormat, decode};
use encoders::{grey, rgb, samples, to_bytes};
use proptest::prelude::*;

const LIMIT: u64 = 1 << 22;

/// Remembers the largest single allocation of this thread.
struct Watch;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Watch = Watch;

// SAFETY: everything is handed to the system's allocator; what is added touches a thread-local number only.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// One good frame of every compressed transfer syntax, 31 × 21.
fn good_frames() -> Vec<(&'static str, FrameFormat, Vec<u8>)> {
    let (deep, colour) = (grey(31, 21, 12), rgb(31, 21));
    let (deep_samples, colour_samples) = (samples(&deep), samples(&colour));
    let wide: Vec<i32> = deep_samples.iter().map(|sample| i32::from(*sample)).collect();
    let baseline =
        codec::encode_jpeg_rgb(&to_bytes(&colour_samples, &colour), 31, 21, 80).expect("an ordinary image");
    let recompressed =
        codec::transcode("1.2.840.10008.1.2.4.50", &baseline, &colour, "1.2.840.10008.1.2.4.111", LIMIT)
            .expect("an ordinary JPEG")
            .bytes;
    let htj2k = include_bytes!("fixtures/htj2k_27x22_grey16.jhc");
    vec![
        ("1.2.840.10008.1.2.1", deep.clone(), to_bytes(&deep_samples, &deep)),
        ("1.2.840.10008.1.2.5", deep.clone(), encoders::rle(&to_bytes(&deep_samples, &deep), &deep)),
        ("1.2.840.10008.1.2.4.50", colour.clone(), baseline),
        ("1.2.840.10008.1.2.4.57", deep.clone(), encoders::jpeg_lossless(&deep_samples, &deep)),
        ("1.2.840.10008.1.2.4.70", colour.clone(), encoders::jpeg_lossless(&colour_samples, &colour)),
        (
            "1.2.840.10008.1.2.4.80",
            deep.clone(),
            encoders::jpeg_ls(&deep_samples, &deep, InterleaveMode::None),
        ),
        (
            "1.2.840.10008.1.2.4.81",
            colour.clone(),
            encoders::jpeg_ls(&colour_samples, &colour, InterleaveMode::Sample),
        ),
        ("1.2.840.10008.1.2.4.90", deep.clone(), encoders::jpeg_2000(&wide, &deep)),
        ("1.2.840.10008.1.2.4.201", grey(27, 22, 16), htj2k.to_vec()),
        ours("1.2.840.10008.1.2.4.202", &deep_samples, &deep),
        ours("1.2.840.10008.1.2.4.110", &colour_samples, &colour),
        ("1.2.840.10008.1.2.4.111", colour, recompressed),
    ]
}

fn ours(uid: &'static str, samples: &[u16], format: &FrameFormat) -> (&'static str, FrameFormat, Vec<u8>) {
    let pixels = codec::Pixels { bytes: to_bytes(samples, format), format: format.clone() };
    let encoded = codec::encode(uid, &pixels).expect("an ordinary image");
    (uid, encoded.format, encoded.bytes)
}

#[test]
fn a_frame_cut_at_every_byte_is_refused() {
    for (uid, format, frame) in good_frames() {
        assert!(decode(uid, &frame, &format, LIMIT).is_ok(), "{uid}");
        // The last bytes may be padding or an end marker that a decoder can do without.
        for length in 0..frame.len() - 8 {
            let result = decode(uid, &frame[..length], &format, LIMIT);
            assert!(
                matches!(result, Err(CodecError::Damaged(_))),
                "{uid} cut at {length} of {}",
                frame.len()
            );
        }
    }
}

#[test]
fn a_shape_that_is_not_the_codestreams_is_refused_before_anything_is_allocated() {
    for (uid, format, frame) in good_frames().into_iter().skip(1) {
        let (rows, columns) = (format.rows, format.columns);
        let mut lies = vec![
            FrameFormat { rows: rows + 1, ..format.clone() },
            FrameFormat { columns: columns - 1, ..format.clone() },
            FrameFormat { rows: columns, columns: rows, ..format.clone() },
            FrameFormat { rows: 1024, columns: 1024, ..format.clone() },
        ];
        let samples_per_pixel = if format.samples_per_pixel == 1 { 3 } else { 1 };
        lies.push(FrameFormat { samples_per_pixel, ..format.clone() });
        if format.bits_allocated == 16 {
            lies.push(FrameFormat { bits_allocated: 8, bits_stored: 8, ..format.clone() });
        }
        for lie in lies {
            LARGEST.set(0);
            let result = decode(uid, &frame, &lie, LIMIT);
            let largest = LARGEST.get();
            let is_damaged = matches!(result, Err(CodecError::Damaged(_)));
            // RLE has no size in its header: a plane that is too long is padding, and its output comes first.
            if uid == "1.2.840.10008.1.2.5" {
                assert!(largest as u64 <= LIMIT);
                continue;
            }
            assert!(is_damaged, "{uid} {lie:?}");
            assert!(largest < 4096, "{uid} {lie:?} allocates {largest}");
        }
    }
}

#[test]
fn over_the_limit_is_refused_before_anything_is_allocated() {
    for (uid, format, frame) in good_frames() {
        let size = format.pixel_bytes().unwrap();
        assert!(decode(uid, &frame, &format, size).is_ok(), "{uid}");
        LARGEST.set(0);
        assert_eq!(decode(uid, &frame, &format, size - 1), Err(CodecError::OverLimit), "{uid}");
        let huge = FrameFormat { rows: u32::MAX, columns: u32::MAX, ..format };
        assert_eq!(decode(uid, &frame, &huge, LIMIT), Err(CodecError::OverLimit), "{uid}");
        assert_eq!(LARGEST.get(), 0, "{uid}");
    }
}

#[test]
fn a_header_that_declares_four_gigapixels_is_refused() {
    let size = [0xFF, 0xFF, 0xFF, 0xFF];
    for (uid, format, frame) in good_frames() {
        let mut lying = frame.clone();
        if uid.ends_with(".90") || uid.ends_with(".201") {
            lying[8..12].fill(0x7F);
            lying[12..16].fill(0x7F);
        } else if let Some(at) =
            frame.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xC0 | 0xC1 | 0xC3 | 0xF7))
        {
            lying[at + 5..at + 9].copy_from_slice(&size);
        } else {
            continue;
        }
        LARGEST.set(0);
        assert!(matches!(decode(uid, &lying, &format, LIMIT), Err(CodecError::Damaged(_))), "{uid}");
        assert!(LARGEST.get() < 4096, "{uid}");
    }
}

#[test]
fn a_shape_without_sense_is_refused() {
    let good = grey(2, 2, 8);
    for format in [
        FrameFormat { rows: 0, ..good.clone() },
        FrameFormat { columns: 0, ..good.clone() },
        FrameFormat { samples_per_pixel: 0, ..good.clone() },
        FrameFormat { samples_per_pixel: 2, ..good.clone() },
        FrameFormat { bits_allocated: 12, ..good.clone() },
        FrameFormat { bits_stored: 0, ..good.clone() },
        FrameFormat { bits_stored: 9, ..good.clone() },
    ] {
        for (uid, _, frame) in good_frames() {
            assert!(decode(uid, &frame, &format, LIMIT).is_err(), "{uid} {format:?}");
        }
    }
}

/// Whatever comes back has the size that was asked for, and nothing was allocated beyond a small multiple of it.
fn decodes_or_refuses(uid: &str, frame: &[u8], format: &FrameFormat) {
    LARGEST.set(0);
    if let Ok(pixels) = decode(uid, frame, format, LIMIT) {
        assert_eq!(pixels.bytes.len() as u64, format.pixel_bytes().unwrap());
    }
    assert!(LARGEST.get() as u64 <= LIMIT, "{uid} allocates {}", LARGEST.get());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_never_a_panic(which in 0..12_usize, noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let (uid, format, _) = good_frames().swap_remove(which);
        decodes_or_refuses(uid, &noise, &format);
    }

    #[test]
    fn noise_behind_a_good_header_is_never_a_panic(
        which in 0..12_usize,
        keep in 0_usize..200,
        noise in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (uid, format, mut frame) = good_frames().swap_remove(which);
        frame.truncate(keep);
        frame.extend(noise);
        decodes_or_refuses(uid, &frame, &format);
    }

    #[test]
    fn changed_bytes_are_never_a_panic(
        which in 0..12_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (uid, format, mut frame) = good_frames().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(frame.len());
            frame[at] = value;
        }
        decodes_or_refuses(uid, &frame, &format);
    }
}
