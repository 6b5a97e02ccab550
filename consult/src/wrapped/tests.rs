//! Wrapped objects judged by dciodvfy, by our own scanner, and against the pixels that went in.

use super::object::{About, build};
use super::picture::{self, Pixels};
use super::*;
use crate::testing::NOW;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A picture with a gradient, so that nothing compresses to nothing.
fn rgb(width: usize, height: usize) -> Vec<u8> {
    (0..width * height * 3).map(|n| u8::try_from((n * 7 + n / 251) % 256).unwrap()).collect()
}

fn jpeg() -> Vec<u8> {
    codec::encode_jpeg_rgb(&rgb(51, 33), 51, 33, 85).unwrap()
}

fn png(color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 5, 3);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n";

/// A progressive JPEG of 24 × 16 pixels, by Pillow.
const PROGRESSIVE: &str = "\
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYn\
    KSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo\
    KCgoKCgoKCj/wgARCAAQABgDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABQYA/8QAFgEBAQEAAAAAAAAAAAAAAAAABAIG\
    /9oADAMBAAIQAxAAAAGGSfXEeb1tq0n/xAAYEAADAQEAAAAAAAAAAAAAAAAAAgQDEf/aAAgBAQABBQJJxJhJTKcymFx4f//EABoR\
    AAICAwAAAAAAAAAAAAAAAAAFAQMEERL/2gAIAQMBAT8BxGWillPJ/8QAGxEBAAEFAQAAAAAAAAAAAAAAAgABAwQSEyH/2gAIAQIB\
    AT8BtPrG8YV1a9n/xAAWEAADAAAAAAAAAAAAAAAAAAAAIDH/2gAIAQEABj8CWH//xAAXEAEBAQEAAAAAAAAAAAAAAAAAYQEh/9oA\
    CAEBAAE/IZpJIoMeetf/2gAMAwEAAgADAAAAEAs//8QAFhEBAQEAAAAAAAAAAAAAAAAAAQAh/9oACAEDAQE/EMmySjf/xAAZEQEA\
    AgMAAAAAAAAAAAAAAAABABExgbH/2gAIAQIBAT8QkXgBmheCan//xAAZEAEAAwEBAAAAAAAAAAAAAAARAAHBcUH/2gAIAQEAAT8Q\
    YzHMxjMQlTMv64dedn//2Q==";

fn form() -> NewStudy {
    NewStudy {
        batch: "b1".into(),
        patient_name: "张三".into(),
        patient_id: "T0001".into(),
        accession_number: "A1".into(),
        birth_date: "19680203".into(),
        sex: "M".into(),
        description: "皮疹".into(),
    }
}

/// The file that becomes of some bytes.
fn wrapped(bytes: &[u8]) -> Vec<u8> {
    let owner = OrgId::parse("town").unwrap();
    let (study, uid) = (form().attributes(NOW).unwrap(), form().uid(&owner));
    let sha256 = Sha256(sha2::Sha256::digest(bytes).into());
    let about = About {
        study: &study,
        uid: &uid,
        owner: &owner,
        sha256: &sha256,
        name: "右前臂.jpg",
        number: 1,
        at: NOW,
    };
    build(&about, content(bytes).unwrap()).bytes
}

/// What dciodvfy (dicom3tools) has against it.
fn faults(file: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrapped.dcm");
    std::fs::write(&path, file).unwrap();
    let output = std::process::Command::new("dciodvfy").arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.is_empty(), "it says of what class the file is");
    said.lines().filter(|line| line.starts_with("Error")).map(str::to_owned).collect()
}

#[test]
fn other_peoples_tools_find_no_error_in_what_is_wrapped() {
    let grey = png(png::ColorType::Grayscale, png::BitDepth::Eight, &[9; 15]);
    let deep = png(png::ColorType::Grayscale, png::BitDepth::Sixteen, &[1, 2].repeat(15));
    let colour = png(png::ColorType::Rgb, png::BitDepth::Eight, &rgb(5, 3));
    for (what, bytes) in
        [("jpeg", jpeg()), ("grey", grey), ("deep", deep), ("colour", colour), ("pdf", PDF.to_vec())]
    {
        assert_eq!(faults(&wrapped(&bytes)), [""; 0], "{what}");
    }
}

#[test]
fn a_photograph_is_its_own_frame_and_a_pdf_its_own_document() {
    let photograph = jpeg();
    let with_film = [photograph.clone(), b"a telephone's film".to_vec()].concat();
    let file = wrapped(&with_film);
    let at = file.windows(photograph.len()).position(|window| window == photograph).expect("the same bytes");
    let (length, after) = (&file[at - 4..at], &file[at + photograph.len()..]);
    let even = photograph.len().next_multiple_of(2);
    assert_eq!(u32::from_le_bytes(length.try_into().unwrap()) as usize, even);
    assert!(after.len() < 16, "nothing of the film");
    assert!(wrapped(PDF).windows(PDF.len()).any(|window| window == PDF));
}

#[test]
fn png_samples_are_kept_as_they_are() {
    let pixels = |bytes: &[u8]| match picture::png(bytes).unwrap().pixels {
        Pixels::Native(pixels) => pixels,
        Pixels::Codestream(..) => panic!("a PNG is unpacked"),
    };
    let colour = rgb(5, 3);
    assert_eq!(pixels(&png(png::ColorType::Rgb, png::BitDepth::Eight, &colour)), colour);
    let opaque: Vec<u8> = colour.chunks(3).flat_map(|pixel| [pixel, &[0xFF]].concat()).collect();
    assert_eq!(pixels(&png(png::ColorType::Rgba, png::BitDepth::Eight, &opaque)), colour);
    let deep = png(png::ColorType::Grayscale, png::BitDepth::Sixteen, &[1, 2].repeat(15));
    assert_eq!(pixels(&deep), [2, 1].repeat(15), "little endian");
}

#[test]
fn what_cannot_be_kept_is_refused_in_words() {
    let refused = |bytes: &[u8]| content(bytes).err().unwrap_or_else(|| panic!("{:?} is taken", &bytes[..4]));
    let see_through = png(png::ColorType::Rgba, png::BitDepth::Eight, &[9; 60]);
    assert!(refused(&see_through).contains("透明"));
    let deep = png(png::ColorType::Rgb, png::BitDepth::Sixteen, &[9; 90]);
    assert!(refused(&deep).contains("16 位"));
    assert!(refused(b"\0\0\0\x18ftypheic\0\0\0\0").contains("HEIC"));
    assert!(refused(b"GIF89a....").contains("PDF"));
    let whole = jpeg();
    for cut in [3, 40, whole.len() / 2, whole.len() - 2] {
        assert!(content(&whole[..cut]).is_err(), "{cut} bytes of a photograph");
    }
    // Another size than the scan has.
    let mut forged = jpeg();
    let frame = forged.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    forged[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert!(content(&forged).is_err());
}

#[test]
fn the_form_is_checked_and_the_same_batch_is_the_same_study() {
    let field = |form: NewStudy| match form.attributes(NOW) {
        Err(ConsultError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(NewStudy { patient_name: " ".into(), ..form() }), "patient_name");
    assert_eq!(field(NewStudy { patient_id: String::new(), ..form() }), "patient_id");
    assert_eq!(field(NewStudy { birth_date: "19680231".into(), ..form() }), "patient_birth_date");
    assert_eq!(field(NewStudy { sex: "男".into(), ..form() }), "patient_sex");
    assert_eq!(field(NewStudy { patient_name: "长".repeat(65), ..form() }), "patient");
    let owner = OrgId::parse("town").unwrap();
    assert_eq!(form().uid(&owner), form().uid(&owner));
    assert_ne!(form().uid(&owner), NewStudy { batch: "b2".into(), ..form() }.uid(&owner));
    assert_ne!(form().uid(&owner), form().uid(&OrgId::parse("city").unwrap()));
    // Groups and components of a name are ours to make.
    let told = NewStudy { patient_name: "张三=^x".into(), ..form() }.attributes(NOW).unwrap();
    assert_eq!(told.text(tags::PATIENT_NAME).as_deref(), Some("=张三  x"));
}

#[test]
fn a_progressive_photograph_is_unpacked() {
    let picture = picture::jpeg(&STANDARD.decode(PROGRESSIVE).unwrap()).unwrap();
    assert_eq!((picture.rows, picture.columns, picture.photometric), (16, 24, "RGB"));
    assert_eq!(picture.lossy_bytes, Some(616));
    let Pixels::Native(pixels) = picture.pixels else { panic!("DICOM has no such process") };
    assert_eq!(pixels.len(), 16 * 24 * 3);
    // It was drawn with red from left to right and green from top to bottom.
    let last = &pixels[pixels.len() - 3..];
    assert!(last[0].abs_diff(230) < 40 && last[1].abs_diff(225) < 40, "{last:?}");
}

/// The same JPEG, taken with the camera turned.
fn taken(jpeg: &[u8], orientation: u16) -> Vec<u8> {
    let segment = super::exif::tests::segment(orientation, false);
    let length = u16::try_from(segment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &segment, &jpeg[2..]].concat()
}

#[test]
fn a_photograph_taken_upright_keeps_its_bytes_and_says_how_it_is_turned() {
    let file = taken(&jpeg(), 6);
    let picture = picture::jpeg(&file).unwrap();
    assert_eq!((picture.rows, picture.columns, picture.way.quarters), (33, 51, 1));
    let Pixels::Codestream(_, kept) = &picture.pixels else { panic!("it is unpacked") };
    assert_eq!(*kept, file, "byte for byte");
    assert_eq!(faults(&wrapped(&file)), Vec::<String>::new());

    // What browsers would not turn is turned here.
    let progressive = STANDARD.decode(PROGRESSIVE.replace(char::is_whitespace, "")).unwrap();
    let straight = picture::jpeg(&progressive).unwrap();
    let turned = picture::jpeg(&taken(&progressive, 6)).unwrap();
    assert_eq!((turned.rows, turned.columns), (straight.columns, straight.rows));
    assert!(turned.way.is_straight());
    let (Pixels::Native(before), Pixels::Native(after)) = (&straight.pixels, &turned.pixels) else {
        panic!("they are unpacked")
    };
    // The lower left corner comes to the upper left.
    let last_row = before.len() - usize::from(straight.columns) * 3;
    assert_eq!(after[..3], before[last_row..last_row + 3]);
}
