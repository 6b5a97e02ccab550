//! Slide files that lie, loop or are cut short: each is refused by name, without memory for what it declares.

use crate::SlideError;
use crate::readers::{self, Plan};
use crate::testing::{Builder, CLASSIC, Field, KINDS, Svs, source};
use model::Limits;

/// Structure, then the head of every tile: what an import does before it stores anything.
fn check(bytes: Vec<u8>) -> Result<Plan, SlideError> {
    let plan = readers::plan(source(bytes), &Limits::default())?;
    for level in &plan.levels {
        level.survey()?;
    }
    Ok(plan)
}

fn refusal(bytes: Vec<u8>) -> SlideError {
    check(bytes).err().expect("it is refused")
}

#[test]
fn every_kind_of_tiff_is_read() {
    for kind in KINDS {
        let plan = check(Svs { kind, ..Svs::default() }.build()).unwrap();
        let sizes: Vec<_> = plan
            .levels
            .iter()
            .map(|level| (level.geometry().width, level.geometry().height, level.geometry().tile_count()))
            .collect();
        assert_eq!(sizes, [(100, 80, 12), (50, 40, 4)], "{kind:?}");
        assert_eq!(plan.associated.len(), 1, "{kind:?}");
        assert_eq!(plan.associated[0].1.rgb.len(), 30 * 20 * 3);
        assert_eq!(plan.scan.objective, Some(40.0));
        assert!(plan.omitted.is_empty(), "{:?}", plan.omitted);
    }
}

#[test]
fn what_is_no_tiff_is_not_a_slide() {
    let zip = [b"PK\x03\x04".as_slice(), &[0; 100]].concat();
    for bytes in
        [zip, Vec::new(), b"II".to_vec(), vec![0; 16], b"II*\0".to_vec(), b"MM\0+\0\x08\0\0".to_vec()]
    {
        assert!(matches!(refusal(bytes), SlideError::NotASlide(_)));
    }
}

#[test]
fn a_striped_tiff_is_not_a_slide() {
    let mut builder = Builder::new(CLASSIC);
    builder.directory(vec![(256, Field::Short(vec![8])), (257, Field::Short(vec![8]))]);
    assert!(matches!(refusal(builder.build()), SlideError::NotASlide(_)));
}

#[test]
fn directories_that_form_a_loop() {
    let mut bytes = Svs { has_label: false, ..Svs::default() }.build();
    let first = bytes[4..8].to_vec();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&first);
    assert_eq!(refusal(bytes), SlideError::Damaged("its directories form a loop"));
}

#[test]
fn a_first_directory_outside_the_file() {
    for place in [u32::MAX, 0x7FFF_FFFF] {
        let mut bytes = Svs::default().build();
        bytes[4..8].copy_from_slice(&place.to_le_bytes());
        assert!(matches!(refusal(bytes), SlideError::Damaged(_)));
    }
}

#[test]
fn more_than_a_thousand_directories() {
    let mut builder = Builder::new(CLASSIC);
    for _ in 0..2000 {
        builder.directory(vec![(256, Field::Short(vec![8]))]);
    }
    assert!(matches!(refusal(builder.build()), SlideError::OverLimit(_)));
}

/// A level with these fields in the place of the usual ones.
fn level(changes: Vec<(u16, Field)>) -> Vec<u8> {
    let mut builder =
        Builder::new(crate::testing::Kind { is_big: true, is_big_endian: false, is_ndpi: false });
    let place = u64::from(builder.data(&[0; 64]));
    let mut fields = vec![
        (256, Field::Long(vec![64])),
        (257, Field::Long(vec![32])),
        (258, Field::Short(vec![8, 8, 8])),
        (259, Field::Short(vec![7])),
        (262, Field::Short(vec![2])),
        (277, Field::Short(vec![3])),
        (322, Field::Long(vec![32])),
        (323, Field::Long(vec![32])),
        (324, Field::Long8(vec![place, place])),
        (325, Field::Long8(vec![10, 10])),
    ];
    for (tag, field) in changes {
        fields.retain(|(other, _)| *other != tag);
        fields.push((tag, field));
    }
    builder.directory(fields);
    builder.build()
}

/// What is wrong, the fields that make it so, and the refusal.
type Case = (&'static str, Vec<(u16, Field)>, fn(&SlideError) -> bool);

#[test]
fn fields_that_lie() {
    let cases: Vec<Case> = vec![
        (
            "2^32 tiles",
            vec![
                (256, Field::Long(vec![1 << 31])),
                (257, Field::Long(vec![1 << 31])),
                (322, Field::Long(vec![32_768])),
                (323, Field::Long(vec![32_768])),
            ],
            |error| matches!(error, SlideError::OverLimit(_)),
        ),
        (
            "one-pixel tiles of a huge image",
            vec![
                (256, Field::Long(vec![u32::MAX])),
                (257, Field::Long(vec![u32::MAX])),
                (322, Field::Long(vec![1])),
                (323, Field::Long(vec![1])),
            ],
            |error| matches!(error, SlideError::OverLimit(_)),
        ),
        ("zero-sized tiles", vec![(322, Field::Long(vec![0]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("zero-sized image", vec![(257, Field::Long(vec![0]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("a width that no 32 bits hold", vec![(256, Field::Long8(vec![1 << 40]))], |error| {
            matches!(error, SlideError::OverLimit(_))
        }),
        ("fewer offsets than tiles", vec![(324, Field::Long8(vec![16]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("a tile outside the file", vec![(324, Field::Long8(vec![16, u64::MAX - 5]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("a tile longer than the file", vec![(325, Field::Long8(vec![10, 1 << 20]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("a tile of 4 GB", vec![(325, Field::Long8(vec![10, 1 << 32]))], |error| {
            matches!(error, SlideError::OverLimit(_))
        }),
        ("sixteen-bit pixels", vec![(258, Field::Short(vec![16, 16, 16]))], |error| {
            matches!(error, SlideError::Unsupported(_))
        }),
        ("WebP tiles", vec![(259, Field::Short(vec![50001]))], |error| {
            matches!(error, SlideError::Unsupported(_))
        }),
        ("colour by plane", vec![(284, Field::Short(vec![2]))], |error| {
            matches!(error, SlideError::Unsupported(_))
        }),
        ("offsets as text", vec![(324, Field::Text("no".to_owned()))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
        ("tiles that are no JPEG", vec![], |error| matches!(error, SlideError::Damaged(_))),
        ("tables that are none", vec![(347, Field::Bytes(vec![1, 2, 3, 4, 5, 6, 7, 8, 9]))], |error| {
            matches!(error, SlideError::Damaged(_))
        }),
    ];
    for (name, changes, is_expected) in cases {
        let error = refusal(level(changes));
        assert!(is_expected(&error), "{name}: {error:?}");
    }
}

#[test]
fn a_count_that_overflows() {
    // BigTIFF: the count of TileOffsets is 2^62, so that its bytes wrap.
    let mut bytes = level(vec![]);
    let entry = [0x44_u8, 0x01, 16, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    let at = bytes.windows(entry.len()).position(|window| window == entry).unwrap();
    bytes[at + 4..at + 12].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    assert!(matches!(refusal(bytes), SlideError::Damaged(_)));
}

#[test]
fn tiles_that_all_share_the_same_bytes_make_no_huge_slide() {
    let mut builder = Builder::new(CLASSIC);
    let place = builder.data(&vec![0; 1 << 20]);
    builder.directory(vec![
        (256, Field::Short(vec![3200])),
        (257, Field::Short(vec![3200])),
        (258, Field::Short(vec![8, 8, 8])),
        (259, Field::Short(vec![7])),
        (262, Field::Short(vec![2])),
        (277, Field::Short(vec![3])),
        (322, Field::Short(vec![32])),
        (323, Field::Short(vec![32])),
        (324, Field::Long(vec![place; 10_000])),
        (325, Field::Long(vec![1 << 20; 10_000])),
    ]);
    assert_eq!(refusal(builder.build()), SlideError::Damaged("its tiles overlap"));
}

#[test]
fn a_tile_whose_own_header_lies() {
    let huge = crate::jpeg::white(u16::MAX, 8, crate::jpeg::Colours::Rgb);
    let bytes = Svs { tile_bytes: Some(huge), ..Svs::default() }.build();
    assert_eq!(refusal(bytes), SlideError::Damaged("a JPEG tile's own header gives another size"));
}

#[test]
fn every_cut_is_refused_or_leaves_a_whole_slide() {
    // Directories stand at the end, so a cut anywhere takes one away.
    let bytes = Svs::default().build();
    for end in (0..bytes.len()).step_by(7) {
        assert!(check(bytes[..end].to_vec()).is_err(), "{end} of {}", bytes.len());
    }
}

#[test]
fn any_byte_may_be_wrong_without_a_panic() {
    let bytes = Svs { tile: 64, ..Svs::default() }.build();
    for at in 0..bytes.len() {
        for change in [0xFF, 0x80, 0x01] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            let _ = check(damaged);
        }
    }
}

#[test]
fn an_unknown_image_is_left_out_and_named() {
    let mut svs = Svs { has_label: false, ..Svs::default() };
    svs.width = 96;
    svs.height = 96;
    let mut builder = Builder::new(CLASSIC);
    let tile = crate::jpeg::white(32, 32, crate::jpeg::Colours::Rgb);
    let place = builder.data(&tile);
    let image = |width: u16, height: u16, subfile_type: u32| {
        let tiles = usize::from(width.div_ceil(32)) * usize::from(height.div_ceil(32));
        vec![
            (254, Field::Long(vec![subfile_type])),
            (256, Field::Short(vec![width])),
            (257, Field::Short(vec![height])),
            (258, Field::Short(vec![8, 8, 8])),
            (259, Field::Short(vec![7])),
            (262, Field::Short(vec![2])),
            (277, Field::Short(vec![3])),
            (322, Field::Short(vec![32])),
            (323, Field::Short(vec![32])),
            (324, Field::Long(vec![place; tiles])),
            (325, Field::Long(vec![tile.len() as u32; tiles])),
        ]
    };
    builder.directory(image(128, 128, 0));
    builder.directory(image(64, 64, 1));
    builder.directory(image(96, 32, 0));
    builder.directory(image(32, 32, 5));
    let plan = check(builder.build()).unwrap();
    assert_eq!(plan.levels.len(), 2, "another shape and a mask are no levels");
    assert_eq!(plan.omitted, ["image 2: of unknown kind", "image 3: of unknown kind"]);
}

#[test]
fn the_real_slide_is_read() {
    let bytes = std::fs::read(crate::testing::cmu_small_region()).unwrap();
    let plan = check(bytes).unwrap();
    assert_eq!(plan.levels.len(), 1);
    let level = plan.levels[0].geometry();
    assert_eq!((level.width, level.height, level.tile_width, level.tile_count()), (2220, 2967, 240, 130));
    let kinds: Vec<_> =
        plan.associated.iter().map(|(kind, image)| (kind.as_str(), image.width, image.height)).collect();
    assert_eq!(kinds, [("thumbnail", 574, 768), ("label", 387, 463), ("overview", 1280, 431)]);
    assert!(plan.omitted.is_empty(), "{:?}", plan.omitted);
    assert_eq!(plan.scan.mpp_um.map(|mpp| mpp.x), Some(0.499));
    assert_eq!(plan.scan.date.as_deref(), Some("20091229"));
}
