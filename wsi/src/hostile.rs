//! Slide files that lie, loop or are cut short: each is refused by name, without memory for what it declares.

use crate::SlideError;
use crate::readers::{self, Plan};
use crate::source::ReadAt;
use crate::testing::{
    Builder, CLASSIC, Counted, Field, KINDS, Memory, Ome, Packed, Svs, ndpi_planes, source,
};
use model::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Fails once, after so many reads.
struct FailingDisk(Memory, AtomicU64);

impl ReadAt for FailingDisk {
    fn length(&self) -> u64 {
        self.0.length()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        match self.1.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(SlideError::Io(std::io::ErrorKind::Other)),
            _ => self.0.read_at(offset, buffer),
        }
    }
}

#[test]
fn what_the_disk_fails_under_is_not_left_out() {
    let whole = Svs::default().build();
    let mut refused = 0;
    for reads in 0.. {
        let disk = Arc::new(FailingDisk(Memory(whole.clone()), AtomicU64::new(reads)));
        let plan = readers::plan(disk.clone(), &Limits::default());
        // So many reads it did not take.
        if disk.1.load(Ordering::Relaxed) <= reads {
            assert!(plan.is_ok());
            break;
        }
        assert_eq!(plan.err(), Some(SlideError::Io(std::io::ErrorKind::Other)), "{reads}");
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
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
    let mut bytes = Svs { label: None, ..Svs::default() }.build();
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
    let mut svs = Svs { label: None, ..Svs::default() };
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

/// A tiled image of white JPEG tiles with further fields.
fn image(builder: &mut Builder, width: u32, height: u32, more: Vec<(u16, Field)>) {
    let tile = crate::jpeg::white(32, 32, crate::jpeg::Colours::Ybr);
    let place = builder.data(&tile);
    let tiles = (width.div_ceil(32) * height.div_ceil(32)) as usize;
    let mut fields = vec![
        (256, Field::Long(vec![width])),
        (257, Field::Long(vec![height])),
        (258, Field::Short(vec![8, 8, 8])),
        (259, Field::Short(vec![7])),
        (262, Field::Short(vec![6])),
        (277, Field::Short(vec![3])),
        (322, Field::Short(vec![32])),
        (323, Field::Short(vec![32])),
        (324, Field::Long(vec![place; tiles])),
        (325, Field::Long(vec![tile.len() as u32; tiles])),
    ];
    fields.extend(more);
    builder.directory(fields);
}

fn philips(spacing: &str) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\"?><DataObject ObjectType=\"DPUfsImport\"><Attribute Name=\"PIM_DP_SCANNED_IMAGES\"><Array>\
         <DataObject ObjectType=\"DPScannedImage\"><Attribute Name=\"PIM_DP_IMAGE_TYPE\">WSI</Attribute>\
         <DataObject ObjectType=\"PixelDataRepresentation\"><Attribute Name=\"DICOM_PIXEL_SPACING\">\"0.001\" \"0.001\"\
         </Attribute></DataObject><DataObject ObjectType=\"PixelDataRepresentation\"><Attribute \
         Name=\"DICOM_PIXEL_SPACING\">{spacing}</Attribute></DataObject></DataObject></Array></Attribute></DataObject>"
    );
    let mut builder = Builder::new(CLASSIC);
    let software = || (305, Field::Text("Philips DP v1.0".to_owned()));
    image(&mut builder, 128, 96, vec![software(), (270, Field::Text(xml))]);
    image(&mut builder, 64, 64, vec![software()]);
    builder.build()
}

fn leica(dimension: &str) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\"?><scn xmlns=\"http://www.leica-microsystems.com/scn/2010/10/01\"><collection \
         sizeX=\"1000\" sizeY=\"3000\"><image><pixels>{dimension}</pixels><view sizeX=\"64000\" sizeY=\"48000\" \
         offsetX=\"5\" offsetY=\"5\"/></image></collection></scn>"
    );
    let mut builder = Builder::new(crate::testing::KINDS[2]);
    image(&mut builder, 128, 96, vec![(270, Field::Text(xml))]);
    builder.build()
}

fn ventana(columns: u32, overlap: u32) -> Vec<u8> {
    let xml = format!(
        "<EncodeInfo><SlideInfo><iScan Magnification=\"20\" ScanRes=\"0.5\"/></SlideInfo><SlideStitchInfo><ImageInfo \
         AOIScanned=\"1\" NumRows=\"3\" NumCols=\"{columns}\"><TileJointInfo FlagJoined=\"1\" OverlapX=\"{overlap}\" \
         OverlapY=\"0\"/></ImageInfo></SlideStitchInfo></EncodeInfo>"
    );
    let mut builder = Builder::new(crate::testing::KINDS[2]);
    let name = (270, Field::Text("level=0 mag=20 quality=90".to_owned()));
    image(&mut builder, 128, 96, vec![name, (700, Field::Bytes(xml.into_bytes()))]);
    builder.build()
}

const SCANNED: &str = "<dimension sizeX=\"128\" sizeY=\"96\" r=\"0\" ifd=\"0\"/>";

#[test]
fn other_scanners_files_are_known_by_their_content() {
    let files = [
        ("Philips TIFF", philips("\"0.002\" \"0.002\"")),
        ("Leica SCN", leica(SCANNED)),
        ("Ventana BIF", ventana(4, 0)),
    ];
    for (format, bytes) in files {
        let plan = check(bytes).unwrap();
        assert_eq!(plan.format, format);
        assert_eq!(plan.levels[0].geometry().width, 128, "{format}");
    }
    let philips = check(philips("\"0.002\" \"0.002\"")).unwrap();
    let levels: Vec<_> =
        philips.levels.iter().map(|level| (level.geometry().width, level.geometry().height)).collect();
    assert_eq!(levels, [(128, 96), (64, 48)], "without what pads the second to whole tiles");
}

#[test]
fn xml_that_lies_about_its_images() {
    for (name, bytes) in [
        ("an image that is not there", leica(&SCANNED.replace("ifd=\"0\"", "ifd=\"99\""))),
        ("an image larger than it is", leica(&SCANNED.replace("128", "4096"))),
        ("no size", leica(&SCANNED.replace("128", "0"))),
        ("no number", leica(&SCANNED.replace("128", "many"))),
        ("XML that ends early", leica("<a>")),
    ] {
        assert!(matches!(refusal(bytes), SlideError::Damaged(_)), "{name}");
    }
    assert!(matches!(refusal(leica("")), SlideError::Damaged(_)), "a region without images");
    assert!(
        matches!(refusal(leica(&SCANNED.replace("r=", "z=\"1\" r="))), SlideError::Unsupported(_)),
        "focal planes"
    );
    assert!(matches!(refusal(ventana(4, 9)), SlideError::Unsupported(_)), "tiles that overlap");
    assert!(matches!(refusal(ventana(5, 0)), SlideError::Unsupported(_)), "an area of another size");
    for spacing in ["\"1e300\" \"1e300\"", "\"-1\" \"-1\"", "\"nan\" \"inf\"", "", "\"1e-9\" \"1e-9\""] {
        let plan = check(philips(spacing)).unwrap();
        assert!(plan.levels[1].geometry().width <= 64, "{spacing}");
    }
}

#[test]
fn a_trestle_file_is_no_tiff_of_tiles_side_by_side() {
    let written_by = |software: &str| {
        let mut builder = Builder::new(CLASSIC);
        let overlaps = "Objective Power=20;OverlapsXY= 8 8".to_owned();
        let more = vec![(305, Field::Text(software.to_owned())), (270, Field::Text(overlaps))];
        image(&mut builder, 128, 96, more);
        builder.build()
    };
    assert_eq!(
        refusal(written_by("MedScan 1.2")),
        SlideError::Unsupported("a Trestle file, whose tiles overlap")
    );
    assert_eq!(check(written_by("another")).unwrap().format, "tiled TIFF");
}

#[test]
fn any_byte_of_their_files_may_be_wrong_without_a_panic() {
    for bytes in [philips("\"0.002\" \"0.002\""), leica(SCANNED), ventana(4, 0)] {
        for at in (0..bytes.len()).step_by(3) {
            for change in [0xFF, 0x01] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let _ = check(damaged);
            }
        }
    }
}

#[test]
fn sub_directories_without_end() {
    let mut builder = Builder::new(CLASSIC);
    image(&mut builder, 128, 96, vec![(330, Field::Long(vec![8; 5000]))]);
    assert_eq!(refusal(builder.build()), SlideError::OverLimit("image directories"));
    let mut builder = Builder::new(CLASSIC);
    image(&mut builder, 128, 96, vec![(330, Field::Long(vec![u32::MAX]))]);
    assert!(matches!(refusal(builder.build()), SlideError::Damaged(_)));
}

#[test]
fn a_jpeg_that_says_other_colours_than_its_tiff_is_refused() {
    let ycbcr = crate::jpeg::splice(
        &[&[0xFF, 0xD8, 0xFF, 0xE0, 0, 16][..], b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"].concat(),
        &crate::jpeg::white(32, 32, crate::jpeg::Colours::Ybr),
    );
    let bytes = Svs { tile_bytes: Some(ycbcr), photometric: 2, ..Svs::default() }.build();
    assert_eq!(refusal(bytes), SlideError::Unsupported("JPEG tiles that say other colours than their TIFF"));
}

#[test]
fn a_jpeg_without_tables_is_refused() {
    let white = crate::jpeg::white(32, 32, crate::jpeg::Colours::Ybr);
    let at = white.windows(2).position(|pair| pair == [0xFF, 0xC4]).unwrap();
    // The two DHT segments, of 23 and 22 bytes with their markers.
    let bare = [&white[..at], &white[at + 23 + 22..]].concat();
    let bytes = Svs { tile_bytes: Some(bare), photometric: 6, ..Svs::default() }.build();
    assert_eq!(refusal(bytes), SlideError::Damaged("a JPEG tile has no tables"));
}

#[test]
fn a_small_file_of_empty_tiles_makes_no_huge_slide() {
    let empty = |side: u32, across: u32| {
        let tiles = (across * across) as usize;
        level(vec![
            (256, Field::Long(vec![side * across])),
            (257, Field::Long(vec![side * across])),
            (322, Field::Long(vec![side])),
            (323, Field::Long(vec![side])),
            (324, Field::Short(vec![0; tiles])),
            (325, Field::Short(vec![0; tiles])),
        ])
    };
    // 90 KB, of which two gigabytes would be made.
    assert_eq!(refusal(empty(2048, 150)), SlideError::OverLimit("tiles that it leaves empty"));
    assert!(check(empty(64, 20)).is_ok(), "a slide with nothing on it");
}

#[test]
fn an_element_with_very_many_attributes() {
    let attributes: String = (0..300).map(|number| format!(" a{number}=\"\"")).collect();
    assert_eq!(refusal(leica(&format!("<pixel{attributes}/>"))), SlideError::OverLimit("the XML in it"));
}

#[test]
fn xml_that_names_very_many_images() {
    let image = |inner: &str| {
        format!(
            "{inner}</pixels><view sizeX=\"1000\" sizeY=\"3000\" offsetX=\"0\" offsetY=\"0\"/></image><image><pixels>"
        )
    };
    let plan = check(leica(&[image(SCANNED).repeat(3), SCANNED.to_owned()].concat())).unwrap();
    assert!(plan.associated.len() <= 1);
    assert_eq!(plan.omitted.first().map(String::as_str), Some("further overviews"));
    assert!(plan.omitted.len() <= 2, "one is looked at: {:?}", plan.omitted);
    for many in [image("").repeat(5000), SCANNED.repeat(5000)] {
        assert_eq!(refusal(leica(&many)), SlideError::OverLimit("images in its XML"));
    }
}

#[test]
fn xml_in_each_of_many_images_counts_together() {
    let mut builder = Builder::new(crate::testing::KINDS[2]);
    let name = |level: usize| (270, Field::Text(format!("level={level} mag=20 quality=90")));
    let xml = "<EncodeInfo><iScan Magnification=\"20\"/></EncodeInfo>".to_owned() + &" ".repeat(8 << 20);
    for number in 0..9 {
        image(&mut builder, 128, 96, vec![name(number), (700, Field::Bytes(xml.clone().into_bytes()))]);
    }
    assert_eq!(refusal(builder.build()), SlideError::OverLimit("the length of a field"));
}

#[test]
fn what_an_image_is_called_takes_no_reading_of_all_that_it_says() {
    let mut builder = Builder::new(CLASSIC);
    let software = || (305, Field::Text("Philips DP v1.0".to_owned()));
    image(
        &mut builder,
        128,
        96,
        vec![software(), (270, Field::Text("<?xml version=\"1.0\"?><a/>".to_owned()))],
    );
    for _ in 0..20 {
        image(&mut builder, 64, 64, vec![(270, Field::Text("Macro".to_owned() + &" ".repeat(1 << 20)))]);
    }
    let file = Arc::new(Counted::of(builder.build()));
    let plan = readers::plan(file.clone(), &Limits::default()).unwrap();
    assert_eq!(plan.format, "Philips TIFF");
    assert!(file.read() < 1 << 20, "{} bytes were read", file.read());
}

/// As [`check`], with the frames, which is where packed tiles are found out.
fn check_frames(bytes: Vec<u8>) -> Result<Plan, SlideError> {
    let plan = check(bytes)?;
    for level in &plan.levels {
        level.frames(0..level.frame_count(), &mut |_| Ok(()))?;
    }
    Ok(plan)
}

#[test]
fn channels_that_lie() {
    let ome = |change: &dyn Fn(&mut Ome)| {
        let mut ome = Ome::of(3);
        change(&mut ome);
        check_frames(ome.build()).err().expect("it is refused")
    };
    let short = |values: Vec<u16>| Field::Short(values);
    type Expected = fn(&SlideError) -> bool;
    let (damaged, unsupported, over): (Expected, Expected, Expected) = (
        |error| matches!(error, SlideError::Damaged(_)),
        |error| matches!(error, SlideError::Unsupported(_)),
        |error| matches!(error, SlideError::OverLimit(_)),
    );
    for (name, error, is_expected) in [
        ("a channel less than there should be", ome(&|ome| ome.sizes.truncate(2)), damaged),
        ("a channel of another size", ome(&|ome| ome.sizes[1] = (90, 80)), damaged),
        ("65,535 channels", ome(&|ome| ome.pixels = "SizeC=\"65535\"".to_owned()), damaged),
        (
            "65,535 channels without a word",
            ome(&|ome| {
                ome.inner.clear();
                ome.pixels = "SizeC=\"65535\"".to_owned();
            }),
            over,
        ),
        ("65,535 channels of words", ome(&|ome| ome.inner = "<Channel/>".repeat(65_535)), over),
        ("65,535 planes", ome(&|ome| ome.pixels += " SizeZ=\"65535\" PhysicalSizeZ=\"1\""), over),
        ("several times", ome(&|ome| ome.pixels += " SizeT=\"2\""), unsupported),
        ("numbers with a point", ome(&|ome| ome.changes = vec![(339, short(vec![3]))]), unsupported),
        ("signed numbers", ome(&|ome| ome.changes = vec![(339, short(vec![2]))]), unsupported),
        (
            "black and white the other way round",
            ome(&|ome| ome.changes = vec![(262, short(vec![0]))]),
            unsupported,
        ),
        ("32 bits", ome(&|ome| ome.changes = vec![(258, short(vec![32]))]), unsupported),
        ("12 bits in a row", ome(&|ome| ome.changes = vec![(258, short(vec![12]))]), unsupported),
        ("a predictor of floating point", ome(&|ome| ome.changes = vec![(317, short(vec![3]))]), unsupported),
        (
            "tiles that are shorter than they are",
            ome(&|ome| ome.changes = vec![(322, Field::Long(vec![48]))]),
            damaged,
        ),
        ("16-bit samples of 8", ome(&|ome| ome.changes = vec![(258, short(vec![8]))]), damaged),
        ("LZW that is none", ome(&|ome| ome.changes = vec![(259, short(vec![5]))]), damaged),
        ("deflate that is none", ome(&|ome| ome.changes = vec![(259, short(vec![8]))]), damaged),
        ("JPEG 2000 that is none", ome(&|ome| ome.changes = vec![(259, short(vec![34712]))]), damaged),
        (
            "a thousand SubIFDs in each",
            ome(&|ome| ome.changes = vec![(330, Field::Long(vec![8; 1000]))]),
            over,
        ),
    ] {
        assert!(is_expected(&error), "{name}: {error:?}");
    }
    assert!(check_frames(Ome::of(3).build()).is_ok());
}

#[test]
fn tiles_that_unpack_to_more_than_a_level_may_have_are_refused_before_they_are_unpacked() {
    let bytes = Ome { packed: Packed::Deflate, is_differenced: true, ..Ome::of(2) }.build();
    let limits = Limits { object_bytes_max: 48 << 10, ..Limits::default() };
    assert!(readers::plan(source(bytes.clone()), &limits).is_ok(), "2 × 12 tiles of 2,048 bytes");
    let limits = Limits { object_bytes_max: (48 << 10) - 1, ..Limits::default() };
    assert_eq!(readers::plan(source(bytes), &limits).err(), Some(SlideError::OverLimit("bytes of a level")));
}

#[test]
fn channels_count_together_as_frames() {
    let limits = Limits { frames_max: 35, ..Limits::default() };
    let refused = readers::plan(source(Ome::of(3).build()), &limits).err();
    assert!(matches!(refused, Some(SlideError::OverLimit(_))), "{refused:?}");
    let limits = Limits { frames_max: 36, ..Limits::default() };
    assert!(readers::plan(source(Ome::of(3).build()), &limits).is_ok());
}

#[test]
fn focal_planes_that_lie() {
    let far = ndpi_planes(&[(256, 96, 4, 0), (256, 96, 4, i32::MAX)]);
    assert!(matches!(refusal(far), SlideError::Damaged(_)));
    // All images in the same strip: what is written would be many times what is read.
    let mut builder = Builder::new(crate::testing::NDPI);
    let jpeg = [crate::testing::noise_jpeg(64, 64, None).0, vec![0; 1 << 20]].concat();
    let at = builder.data(&jpeg);
    for plane in 0..300 {
        builder.directory(vec![
            (256, Field::Long(vec![64])),
            (257, Field::Long(vec![64])),
            (259, Field::Short(vec![7])),
            (273, Field::Long(vec![at])),
            (279, Field::Long(vec![jpeg.len() as u32])),
            (65420, Field::Long(vec![1])),
            (65421, Field::Float(20.0)),
            (65424, Field::SignedLong(plane * 100)),
        ]);
    }
    assert_eq!(refusal(builder.build()), SlideError::Damaged("its images overlap"));
}

#[test]
fn any_byte_of_layers_may_be_wrong_without_a_panic() {
    let small =
        |packed, is_differenced| Ome { packed, is_differenced, sizes: vec![(40, 30); 2], ..Ome::of(2) };
    let files = [
        small(Packed::Not, false).build(),
        small(Packed::Lzw, true).build(),
        ndpi_planes(&[(64, 32, 4, -500), (64, 32, 4, 0), (64, 32, 4, 500)]),
    ];
    for bytes in files {
        for at in (0..bytes.len()).step_by(5) {
            for change in [0xFF, 0x01] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let _ = check_frames(damaged);
            }
        }
    }
}
