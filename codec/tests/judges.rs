//! Other people's decoders as judges of every encoder: pydicom, GDCM, imagecodecs and libjpeg (tests/peers/judge_frames.py).
//!
//! `encode.rs` shows that the target's frame is the same whatever the source was, so one frame a target and image is enough.
#![allow(missing_docs)]

mod shapes;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use codec::{CodecError, FrameFormat, Photometric, Pixels, encode};
use shapes::{Content, SIZES, TARGETS, format, kinds, pixels};

fn photometric(format: &FrameFormat) -> &'static str {
    match format.photometric {
        Photometric::Monochrome1 => "MONOCHROME1",
        Photometric::Monochrome2 => "MONOCHROME2",
        Photometric::PaletteColor => "PALETTE COLOR",
        Photometric::Rgb => "RGB",
        Photometric::YbrFull => "YBR_FULL",
        Photometric::YbrRct => "YBR_RCT",
        other => panic!("{other:?} is never encoded"),
    }
}

fn images() -> Vec<Pixels> {
    let ordinary = format(512, 512, 16, 12);
    let signed = FrameFormat { is_signed: true, ..format(512, 512, 16, 16) };
    let colour =
        FrameFormat { samples_per_pixel: 3, photometric: Photometric::Rgb, ..format(512, 512, 8, 8) };
    let small = SIZES.iter().flat_map(|(columns, rows)| kinds(*columns, *rows));
    let wide = [format(33, 17, 32, 32), format(7, 1, 32, 24)];
    small
        .chain([ordinary, signed, colour])
        .chain(wide)
        .flat_map(|kind| [Content::Noise, Content::Smooth].map(|content| pixels(&kind, content)))
        .collect()
}

/// Writes `frames.bin` (frame, pixels, frame, pixels …) and `cases.tsv`; gives the number of cases.
fn write_cases(folder: &Path) -> usize {
    let (mut list, mut blob, mut cases) = (String::new(), Vec::new(), 0);
    for image in images() {
        for target in TARGETS {
            let encoded = match encode(target, &image) {
                Ok(encoded) => encoded,
                Err(CodecError::Unsupported(_)) => continue,
                Err(error) => panic!("{target} {:?}: {error}", image.format),
            };
            let (f, said) = (&image.format, &encoded.format);
            writeln!(
                list,
                "{target}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                f.rows,
                f.columns,
                f.samples_per_pixel,
                f.bits_allocated,
                f.bits_stored,
                u8::from(f.is_signed),
                u8::from(said.is_planar),
                photometric(said),
                encoded.bytes.len(),
                image.bytes.len(),
            )
            .unwrap();
            blob.extend(&encoded.bytes);
            blob.extend(&image.bytes);
            cases += 1;
        }
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("frames.bin"), blob).unwrap();
    std::fs::write(folder.join("cases.tsv"), list).unwrap();
    cases
}

#[test]
fn other_decoders_give_the_pixels_that_went_in() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judged-frames");
    let cases = write_cases(&folder);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python =
        std::env::var_os("FARSIGHT_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    assert!(python.is_file(), "{} is missing: scripts/setup.sh test makes it", python.display());
    let done = Command::new(python)
        .arg(root.join("tests/peers/judge_frames.py"))
        .arg(&folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains(&format!("{cases} frames judged")), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
