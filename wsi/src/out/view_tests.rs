//! Which tile or level a view is made of.

use super::*;
use crate::{Grade, GradeReport};
use model::{OrgId, SlideId, Uid};

pub(in crate::out) fn slide(sizes: &[(u32, u32)]) -> Slide {
    let level = |(number, &(width, height)): (usize, &(u32, u32))| Level {
        level: number as u32,
        width,
        height,
        downsample: f64::from(sizes[0].0) / f64::from(width),
        tiles_x: width.div_ceil(256),
        tiles_y: height.div_ceil(256),
        tile_width: 256,
        tile_height: 256,
        instance: Uid::parse("1.2.3").unwrap(),
        arrangement: None,
    };
    Slide {
        id: SlideId::parse("01a2077e-2f43-74a0-8029-0ef7c3507664").unwrap(),
        owner: OrgId::parse("township").unwrap(),
        study: Uid::parse("1.2").unwrap(),
        series: Uid::parse("1.2.3").unwrap(),
        patient_name: String::new(),
        patient_id: String::new(),
        accession_number: String::new(),
        is_deidentified: false,
        study_date: String::new(),
        description: String::new(),
        source: String::new(),
        format: String::new(),
        scanner: None,
        stain: None,
        objective: None,
        mpp_um: None,
        levels: sizes.iter().enumerate().map(level).collect(),
        focal_planes: Vec::new(),
        channels: Vec::new(),
        associated: Vec::new(),
        omitted: Vec::new(),
        grade: GradeReport {
            grade: Grade::A,
            tiles_checked: 0,
            tiles_equal: 0,
            filled: 0,
            method: String::new(),
            codec: String::new(),
            generations: 0,
            likeness: None,
            reason: None,
        },
        original_sha256: None,
        original_files: None,
        original_bytes: 0,
        imported_at_ms: 0,
    }
}

/// Factors 4 and 16, each rounded down.
fn aperio() -> Slide {
    slide(&[(46_001, 32_914), (11_500, 8228), (2875, 2057)])
}

fn view(part: [u32; 4], size: (u32, u32)) -> View {
    let [x, y, width, height] = part;
    View::plain(Rectangle { x, y, width, height }, size)
}

#[test]
fn a_request_for_a_tile_of_a_level_is_that_tile() {
    let check = |part, size, expected: Option<(u32, u32, u32, bool)>| {
        let found = view(part, size).native(&aperio(), &LayerChoice::default());
        assert_eq!(found.map(|n| (n.level, n.x, n.y, n.is_whole)), expected, "{part:?} {size:?}");
    };
    check([0, 0, 256, 256], (256, 256), Some((0, 0, 0, true)));
    check([1024, 2048, 1024, 1024], (256, 256), Some((1, 1, 2, true)));
    check([4096, 0, 4096, 4096], (256, 256), Some((2, 1, 0, true)));
    // No level of factor 2; beside the grid; another size.
    check([512, 512, 512, 512], (256, 256), None);
    check([1, 0, 256, 256], (256, 256), None);
    check([0, 0, 256, 256], (255, 255), None);
    // The last tile is cut where the slide ends: 46,001 = 179 × 256 + 177.
    check([45_824, 0, 177, 256], (177, 256), Some((0, 179, 0, false)));
    // The level was rounded down to 11,500, and 11,501 columns are asked for.
    check([45_056, 0, 945, 1024], (237, 256), None);
}

#[test]
fn what_is_turned_or_recoloured_is_no_stored_tile() {
    let plain = view([0, 0, 256, 256], (256, 256));
    for other in [
        View { turn: Turn { quarters: 1, is_mirrored: false }, ..plain },
        View { quality: Quality::Grey, ..plain },
        View { colouring: Colouring::Srgb, ..plain },
        View { image_type: ImageType::Png, ..plain },
    ] {
        assert_eq!(other.native(&aperio(), &LayerChoice::default()), None, "{other:?}");
    }
}

#[test]
fn the_smallest_level_that_has_the_resolution() {
    let limits = Limits::default();
    let check = |part, size, level: u32| {
        let (found, cut) = view(part, size).source(&aperio(), &LayerChoice::default(), &limits).unwrap();
        assert_eq!(found, level, "{part:?} {size:?}");
        cut
    };
    let cut = check([1000, 2000, 400, 400], (400, 400), 0);
    assert_eq!((cut.from, cut.length, cut.size), ((1000.0, 2000.0), (400.0, 400.0), (400, 400)));
    let cut = check([1000, 2000, 400, 400], (100, 100), 1);
    assert_eq!((cut.from, cut.length, cut.size), ((250.0, 500.0), (100.0, 100.0), (100, 100)));
    check([0, 0, 46_001, 32_914], (2875, 2057), 2);
    check([0, 0, 46_001, 32_914], (2876, 2058), 2);
    check([0, 0, 46_001, 32_914], (2900, 2075), 1);
    check([0, 0, 46_001, 32_914], (100, 71), 2);
    // Larger than it is: what there is, to be made larger.
    let cut = check([0, 0, 10, 10], (100, 100), 0);
    assert_eq!(cut.size, (10, 10));
}

#[test]
fn what_cannot_be_is_refused() {
    let limits = Limits::default();
    let most = u32::MAX;
    for (part, size) in [
        ([0, 0, 0, 10], (1, 1)),
        ([0, 0, 10, 10], (0, 10)),
        ([46_001, 0, 1, 1], (1, 1)),
        ([46_000, 0, 2, 1], (1, 1)),
        ([most, most, most, most], (1, 1)),
        ([0, 0, 46_001, 32_914], (8193, 10)),
        ([0, 0, 46_001, 32_914], (8000, 8000)),
        ([0, 0, 10, 10], (most, most)),
    ] {
        let refused = view(part, size).source(&aperio(), &LayerChoice::default(), &limits);
        assert!(matches!(refused, Err(SlideError::Refused(_))), "{part:?} {size:?}");
    }
}

#[test]
fn a_pyramid_of_odd_factors_has_no_native_scale_there() {
    let odd = slide(&[(10_000, 10_000), (2512, 2512), (625, 625)]);
    let scales: Vec<_> = odd.levels.iter().map(|level| native_scale(&odd, level)).collect();
    assert_eq!(scales, [Some(1), None, Some(16)]);
    let (level, cut) = view([0, 0, 4000, 4000], (1004, 1004))
        .source(&odd, &LayerChoice::default(), &Limits::default())
        .unwrap();
    assert_eq!((level, cut.length.0.round() as u32), (1, 1005));
}

#[test]
fn turns_are_clockwise_after_the_mirror() {
    // Of a picture of 2 × 1 pixels, A left and B right: what is seen row by row.
    let pixels = codec::Raster::rgb(vec![65, 65, 65, 66, 66, 66], 2, 1).unwrap();
    let seen = |quarters, is_mirrored| {
        let pixels = codec::Raster::rgb(pixels.bytes().to_vec(), 2, 1).unwrap();
        let turned = pixels.part(&Turn { quarters, is_mirrored }.of((2, 1))).unwrap();
        (turned.size(), turned.bytes()[0] as char)
    };
    assert_eq!(seen(0, false), ((2, 1), 'A'));
    assert_eq!(seen(1, false), ((1, 2), 'A'));
    assert_eq!(seen(2, false), ((2, 1), 'B'));
    assert_eq!(seen(3, false), ((1, 2), 'B'));
    assert_eq!(seen(0, true), ((2, 1), 'B'));
    assert_eq!(seen(1, true), ((1, 2), 'B'));
    assert_eq!(seen(2, true), ((2, 1), 'A'));
    assert_eq!(seen(3, true), ((1, 2), 'A'));
}
