//! The router as a client sees it: the forms in which instances, frames, metadata and pictures are to be had.

use super::router_tests::{ALL, Answer, House, INSTANCE, build, file, plain};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use build::Instance;
use codec::{FrameFormat, Photometric};
use dataset::scan::scan;
use dataset::write::{pixel_data_header_encapsulated, to_bytes};
use dataset::{Dataset, TransferSyntax, VR, Value, tags};
use model::Limits;

const LITTLE: &str = TransferSyntax::EXPLICIT_LITTLE;
const IMPLICIT: &str = TransferSyntax::IMPLICIT_LITTLE;

/// A Part 10 file's data set, and the bytes of its pixel data.
fn opened(bytes: &[u8]) -> (TransferSyntax, Dataset, Vec<u8>) {
    let mut reader = dataset::part10::HeadReader::new();
    let (meta, rest) = reader.feed(bytes).unwrap().expect("a file");
    let scanned = scan(&rest, &meta.transfer_syntax, &Limits::default()).unwrap();
    let pixels = match scanned.dataset.get(tags::PIXEL_DATA).map(|element| &element.value) {
        Some(Value::Bulk { offset, length }) => rest[*offset as usize..(*offset + *length) as usize].to_vec(),
        other => panic!("{other:?}"),
    };
    (meta.transfer_syntax, scanned.dataset, pixels)
}

fn native_pixels(instance: &Instance) -> Vec<u8> {
    (0..instance.frames).flat_map(|frame| instance.frame(frame)).collect()
}

/// The same pixels as RLE Lossless has them (PS3.5 §G): literal runs only.
fn rle_frame(frame: &[u8]) -> Vec<u8> {
    let mut segments = [Vec::new(), Vec::new()];
    for (place, segment) in segments.iter_mut().enumerate() {
        // The most significant byte comes first.
        let bytes: Vec<u8> = frame.chunks_exact(2).map(|pair| pair[1 - place]).collect();
        for run in bytes.chunks(128) {
            segment.push((run.len() - 1) as u8);
            segment.extend_from_slice(run);
        }
        segment.resize(segment.len().next_multiple_of(2), 0);
    }
    let mut out = [2_u32, 64, 64 + segments[0].len() as u32].map(u32::to_le_bytes).concat();
    out.resize(64, 0);
    out.extend(segments.concat());
    out
}

fn rle(instance: &Instance) -> Vec<u8> {
    let syntax = TransferSyntax::parse(TransferSyntax::RLE).unwrap();
    let mut bytes = to_bytes(&instance.dataset(), &syntax);
    bytes.extend(pixel_data_header_encapsulated());
    bytes.extend(b"\xFE\xFF\x00\xE0\0\0\0\0");
    for frame in 0..instance.frames {
        let frame = rle_frame(&instance.frame(frame));
        bytes.extend(b"\xFE\xFF\x00\xE0");
        bytes.extend((frame.len() as u32).to_le_bytes());
        bytes.extend(frame);
    }
    bytes.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    file(instance, TransferSyntax::RLE, bytes)
}

fn big_endian(instance: &Instance) -> Vec<u8> {
    let mut out = Vec::new();
    let mut dataset = instance.dataset();
    dataset.put_bytes(tags::PIXEL_DATA, VR::OW, native_pixels(instance));
    for element in dataset.elements() {
        let mut value = element.bytes().expect("no sequences").to_vec();
        if matches!(element.vr, VR::US | VR::OW) {
            value.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        out.extend(element.tag.0.to_be_bytes());
        out.extend(element.tag.1.to_be_bytes());
        out.extend(element.vr.to_bytes());
        if element.vr == VR::OW {
            out.extend([0, 0]);
            out.extend((value.len() as u32).to_be_bytes());
        } else {
            out.extend((value.len() as u16).to_be_bytes());
        }
        out.extend(value);
    }
    file(instance, TransferSyntax::EXPLICIT_BIG, out)
}

fn deflated(instance: &Instance) -> Vec<u8> {
    use std::io::Write as _;
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflater.write_all(&instance.bytes()).unwrap();
    file(instance, TransferSyntax::DEFLATED, deflater.finish().unwrap())
}

async fn stored(file: Vec<u8>) -> House {
    let house = House::new().await;
    let answer = house.store("/studies", &[file]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    house
}

#[tokio::test]
async fn every_stored_form_comes_back_in_both_little_endian_syntaxes() {
    // Large enough that its pixels are not kept with the attributes, and read in several pieces.
    let instance = Instance { rows: 512, frames: 100, ..Instance::default() };
    let implicit_file = {
        let mut dataset = instance.dataset();
        dataset.put_bytes(tags::PIXEL_DATA, VR::OW, native_pixels(&instance));
        file(&instance, IMPLICIT, to_bytes(&dataset, &TransferSyntax::parse(IMPLICIT).unwrap()))
    };
    for (what, bytes) in [
        ("explicit", plain(&instance)),
        ("implicit", implicit_file),
        ("rle", rle(&instance)),
        ("big endian", big_endian(&instance)),
        ("deflated", deflated(&instance)),
    ] {
        let house = stored(bytes).await;
        for to in [LITTLE, IMPLICIT] {
            let answer = house.get(INSTANCE, &format!("application/dicom; transfer-syntax={to}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{what} as {to}");
            assert_eq!(
                answer.header(header::CONTENT_TYPE),
                format!("application/dicom; transfer-syntax={to}")
            );
            let (syntax, dataset, pixels) = opened(&answer.body);
            assert_eq!(syntax.as_str(), to, "{what}");
            assert!(pixels == native_pixels(&instance), "{what} as {to}: other pixels");
            assert_eq!(dataset.text(tags::PATIENT_NAME).as_deref(), Some(instance.name), "{what}");
            assert_eq!(dataset.uid(tags::SOP_INSTANCE_UID), Some(instance.instance_uid()), "{what}");
        }
    }
}

#[tokio::test]
async fn frames_and_instances_are_encoded_without_loss_on_request() {
    let instance = Instance { rows: 32, ..Instance::default() };
    // The four highest bits of the made-up pixels are an overlay's; a codec must not lose them.
    let house = stored(plain(&instance)).await;
    for (media_type, syntax) in [
        ("image/dicom-rle", "1.2.840.10008.1.2.5"),
        ("image/jpeg", "1.2.840.10008.1.2.4.70"),
        ("image/jls", "1.2.840.10008.1.2.4.80"),
        ("image/jp2", "1.2.840.10008.1.2.4.90"),
        ("image/jphc", "1.2.840.10008.1.2.4.202"),
    ] {
        let answer = house.get(&format!("{INSTANCE}/frames/2"), media_type).await;
        assert_eq!(answer.status, StatusCode::OK, "{media_type}: {}", String::from_utf8_lossy(&answer.body));
        let content_type = answer.header(header::CONTENT_TYPE);
        assert_eq!(content_type, format!("{media_type}; transfer-syntax={syntax}"));
        let whole = house.get(INSTANCE, &format!("application/dicom; transfer-syntax={syntax}")).await;
        assert_eq!(whole.status, StatusCode::OK, "{syntax}");
        // Stored again as it came, its frames are the same pixels.
        let again = stored(whole.body).await;
        let frame = again.get(&format!("{INSTANCE}/frames/2"), "application/octet-stream").await;
        assert_eq!(frame.body, instance.frame(1), "{syntax}");
    }
}

#[tokio::test]
async fn without_a_transfer_syntax_an_instance_is_explicit_little_endian() {
    let house = stored(rle(&Instance::default())).await;
    let own = house.get(INSTANCE, "application/dicom; transfer-syntax=*").await;
    assert_eq!(opened(&own.body).0.as_str(), TransferSyntax::RLE);
    let default = house.get(INSTANCE, "multipart/related; type=\"application/dicom\"").await;
    let head = String::from_utf8_lossy(&default.body[..200]).into_owned();
    assert!(
        head.contains(&format!("Content-Type: application/dicom; transfer-syntax={LITTLE}\r\n")),
        "{head}"
    );
    let never = house.get(INSTANCE, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.102").await;
    assert_eq!(never.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_lossy_source_says_so_in_lossless_form() {
    let instance = Instance { frames: 1, ..Instance::default() };
    let pixels = vec![100_u8; 16 * 16 * 3];
    let jpeg = codec::encode_jpeg_rgb(&pixels, 16, 16, 95).unwrap();
    let mut dataset = instance.dataset();
    dataset.put_u16(tags::SAMPLES_PER_PIXEL, &[3]);
    dataset.put_u16(tags::PLANAR_CONFIGURATION, &[0]);
    dataset.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "YBR_FULL_422");
    for (tag, bits) in [(tags::BITS_ALLOCATED, 8), (tags::BITS_STORED, 8), (tags::HIGH_BIT, 7)] {
        dataset.put_u16(tag, &[bits]);
    }
    let syntax = TransferSyntax::parse(TransferSyntax::JPEG_BASELINE).unwrap();
    let mut bytes = to_bytes(&dataset, &syntax);
    bytes.extend(pixel_data_header_encapsulated());
    bytes.extend(b"\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0");
    bytes.extend((jpeg.len().next_multiple_of(2) as u32).to_le_bytes());
    bytes.extend(&jpeg);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    let house = stored(file(&instance, TransferSyntax::JPEG_BASELINE, bytes)).await;
    let answer = house.get(INSTANCE, &format!("application/dicom; transfer-syntax={LITTLE}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    let (_, dataset, decoded) = opened(&answer.body);
    assert_eq!(dataset.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref(), Some("01"));
    assert_eq!(dataset.text(tags::LOSSY_IMAGE_COMPRESSION_METHOD).as_deref(), Some("ISO_10918_1"));
    assert_eq!(dataset.text(tags::PHOTOMETRIC_INTERPRETATION).as_deref(), Some("RGB"));
    let format = FrameFormat::eight_bit(16, 16, 3, Photometric::YbrFull422);
    let expected = codec::decode(TransferSyntax::JPEG_BASELINE, &jpeg, &format, 1 << 20).unwrap().bytes;
    assert!(decoded == expected);
}

#[tokio::test]
async fn a_frame_is_sent_by_range_and_not_twice() {
    let instance = Instance::default();
    let house = stored(plain(&instance)).await;
    let path = format!("{INSTANCE}/frames/2");
    let octets = "application/octet-stream";
    let whole = house.get(&path, octets).await;
    assert_eq!(whole.body, instance.frame(1));
    let ranged = |more: (header::HeaderName, &str)| {
        let request = Request::get(&path).header(header::ACCEPT, octets).header(header::RANGE, "bytes=10-19");
        request.header(more.0, more.1).body(Body::empty()).unwrap()
    };
    let piece = house.send(Some(&ALL), ranged((header::IF_RANGE, whole.header(header::ETAG)))).await;
    assert_eq!((piece.status, piece.body), (StatusCode::PARTIAL_CONTENT, instance.frame(1)[10..20].to_vec()));
    let other = house.send(Some(&ALL), ranged((header::IF_RANGE, "\"other\""))).await;
    assert_eq!((other.status, other.body), (StatusCode::OK, instance.frame(1)));
    let again = house.send(Some(&ALL), ranged((header::IF_NONE_MATCH, whole.header(header::ETAG)))).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn metadata_come_as_xml_and_are_not_sent_twice() {
    let house = stored(plain(&Instance::default())).await;
    let path = "/studies/1.2.3.1/metadata";
    let xml = house.get(path, "multipart/related; type=\"application/dicom+xml\"").await;
    let text = String::from_utf8(xml.body.clone()).unwrap();
    assert!(xml.header(header::CONTENT_TYPE).contains("application/dicom+xml"));
    assert!(text.contains(
        "<DicomAttribute tag=\"00100020\" vr=\"LO\" keyword=\"PatientID\"><Value number=\"1\">P001"
    ));
    assert!(text.contains("<Ideographic><FamilyName>张</FamilyName>"));
    let json = house.get(path, "application/dicom+json").await;
    let request = Request::get(path).header(header::IF_NONE_MATCH, json.header(header::ETAG));
    let again = house.send(Some(&ALL), request.body(Body::empty()).unwrap()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn links_of_an_owners_metadata_lead_below_the_owner() {
    let house = stored(plain(&Instance::default())).await;
    let link = |answer: Answer| answer.json()[0]["7FE00010"]["BulkDataURI"].as_str().unwrap().to_owned();
    let plain = link(house.get("/studies/1.2.3.1/metadata", "*/*").await);
    assert!(plain.starts_with("/dicom-web/studies/1.2.3.1/"), "{plain}");
    let below = link(house.get("/orgs/township/studies/1.2.3.1/metadata", "*/*").await);
    assert!(below.starts_with("/dicom-web/orgs/township/studies/1.2.3.1/"), "{below}");
    let path = below.strip_prefix("/dicom-web").unwrap();
    assert_eq!(house.get(path, "*/*").await.status, StatusCode::OK);
}

#[tokio::test]
async fn capabilities_are_told_to_anybody() {
    let house = House::new().await;
    for method in ["GET", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let answer = house.send(None, request).await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert!(
            String::from_utf8(answer.body).unwrap().contains("<resources base=\"http://node/dicom-web\">")
        );
    }
}
