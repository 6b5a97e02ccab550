//! The router as a client sees it: storing metadata with bulk data, WADO-URI, pictures and presentation states.

use super::router_tests::{ALL, Answer, House, INSTANCE, build, file, plain};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use build::Instance;
use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use serde_json::{Value as Json, json};

const BULK: &str = "http://elsewhere/bulk/1";

/// A part: Content-Type, Content-Location, bytes.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

async fn send_parts(house: &House, of: &str, parts: &[Part<'_>]) -> Answer {
    let mut body = Vec::new();
    for (content_type, location, bytes) in parts {
        let location = location.map(|at| format!("Content-Location: {at}\r\n")).unwrap_or_default();
        body.extend(format!("\r\n--b\r\nContent-Type: {content_type}\r\n{location}\r\n").bytes());
        body.extend_from_slice(bytes);
    }
    body.extend_from_slice(b"\r\n--b--\r\n");
    let content_type = format!("multipart/related; type=\"{of}\"; boundary=b");
    let request = Request::post("/studies").header(header::CONTENT_TYPE, content_type).body(Body::from(body));
    house.send(Some(&ALL), request.unwrap()).await
}

/// Metadata of an instance whose pixels are elsewhere.
fn metadata(instance: &Instance) -> Json {
    let mut json = Json::Object(dataset::json::to_json(&instance.dataset(), &|_| None));
    json["7FE00010"] = json!({"vr": "OW", "BulkDataURI": BULK});
    json
}

#[tokio::test]
async fn metadata_and_bulk_data_become_an_instance_whatever_comes_first() {
    let instance = Instance::default();
    let pixels = [instance.frame(0), instance.frame(1)].concat();
    let text = json!([metadata(&instance)]).to_string();
    let xml = dataset::xml::from_json(metadata(&instance).as_object().unwrap());
    let json_part: Part<'_> = ("application/dicom+json", None, text.as_bytes());
    let xml_part: Part<'_> = ("application/dicom+xml", None, xml.as_bytes());
    let bulk: Part<'_> = ("application/octet-stream", Some(BULK), &pixels);
    for (of, parts) in [
        ("application/dicom+json", [json_part, bulk]),
        ("application/dicom+json", [bulk, json_part]),
        ("application/dicom+xml", [xml_part, bulk]),
    ] {
        let house = House::new().await;
        let answer = send_parts(&house, of, &parts).await;
        assert_eq!(answer.status, StatusCode::OK, "{of}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["00081199"]["Value"][0]["00081155"]["Value"][0], "1.2.3.1.1.1");
        let frame = house.get(&format!("{INSTANCE}/frames/2"), "application/octet-stream").await;
        assert_eq!(frame.body, instance.frame(1));
        let name = house.get(&format!("{INSTANCE}/metadata"), "*/*").await.json();
        assert_eq!(name[0]["00100010"]["Value"][0]["Ideographic"], "张^三");
    }
}

#[tokio::test]
async fn compressed_frames_come_as_parts_of_one_location() {
    let instance = Instance::default();
    let text = json!([metadata(&instance)]).to_string();
    let rle = format!("image/dicom-rle; transfer-syntax={}", TransferSyntax::RLE);
    let house = House::new().await;
    let parts = [
        ("application/dicom+json", None, text.as_bytes()),
        (rle.as_str(), Some(BULK), b"first frame!".as_slice()),
        (rle.as_str(), Some(BULK), b"second frame"),
    ];
    assert_eq!(send_parts(&house, "application/dicom+json", &parts).await.status, StatusCode::OK);
    let frame = house.get(&format!("{INSTANCE}/frames/2"), "image/dicom-rle").await;
    assert_eq!(frame.body, b"second frame");
}

#[tokio::test]
async fn what_metadata_lack_is_said_for_each_instance() {
    let house = House::new().await;
    let whole = Instance::default();
    let lost = Instance { number: 2, ..Instance::default() };
    let mut unlinked = metadata(&lost);
    unlinked["7FE00010"]["BulkDataURI"] = "http://elsewhere/nothing".into();
    let pixels = [whole.frame(0), whole.frame(1)].concat();
    let text = json!([metadata(&whole), unlinked]).to_string();
    let bulk: Part<'_> = ("application/octet-stream", Some(BULK), &pixels);
    let answer = send_parts(
        &house,
        "application/dicom+json",
        &[("application/dicom+json", None, text.as_bytes()), bulk],
    )
    .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let failed = &answer.json()["00081198"]["Value"][0];
    assert_eq!(failed["00081155"]["Value"][0], "1.2.3.1.1.2");
    assert_eq!(failed["00081197"]["Value"][0], 0xC000);
}

#[tokio::test]
async fn hostile_metadata_are_refused_and_nothing_is_kept() {
    let house = House::new().await;
    let deep = "[".repeat(200_000);
    let many = format!("[{{\"00100010\":{{\"vr\":\"OB\",\"Value\":[{}0]}}}}]", "0,".repeat(400_000));
    let long = format!("[{{\"00282000\":{{\"vr\":\"OB\",\"InlineBinary\":\"{}\"}}}}]", "A".repeat(9 << 20));
    let sequences = (0..60).fold(json!({}), |inner, _| json!({"00400275": {"vr": "SQ", "Value": [inner]}}));
    let sequences = json!([sequences]).to_string();
    for text in [deep, many, long, sequences, "{".into(), "[1e999]".into()] {
        let part = [("application/dicom+json", None, text.as_bytes())];
        let answer = send_parts(&house, "application/dicom+json", &part).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", &text[..text.len().min(40)]);
    }
    let without_location = [("application/octet-stream", None, b"x".as_slice())];
    let answer = send_parts(&house, "application/dicom+json", &without_location).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.get("/studies", "*/*").await.json(), json!([]));
}

const WADO: &str = "/wado?requestType=WADO&studyUID=1.2.3.1&seriesUID=1.2.3.1.1&objectUID=1.2.3.1.1.1";

#[tokio::test]
async fn wado_uri_gives_images_and_instances() {
    let mut house = House::new().await;
    house.store("/studies", &[plain(&Instance { frames: 1, ..Instance::default() })]).await;
    house.router = super::wado_router(house.storage.clone(), "http://node");
    let kind = async |more: &str| {
        let answer = house.get(&format!("{WADO}{more}"), "*/*").await;
        (answer.status.as_u16(), answer.header(header::CONTENT_TYPE).to_owned(), answer.body)
    };
    assert_eq!(kind("").await.1, "image/jpeg");
    assert_eq!(kind("&contentType=image/png").await.1, "image/png");
    let (_, dicom, body) = kind("&contentType=application%2Fdicom").await;
    assert_eq!(dicom, format!("application/dicom; transfer-syntax={}", TransferSyntax::EXPLICIT_LITTLE));
    assert_eq!(body, plain(&Instance { frames: 1, ..Instance::default() }));
    let small =
        kind("&contentType=image/png&columns=8&rows=8&region=0,0,0.5,1&windowCenter=40&windowWidth=400")
            .await;
    assert_eq!(small.2[16..24], [0, 0, 0, 4, 0, 0, 0, 8]);
    for refused in ["&anonymize=yes", "&windowCenter=1", "&rows=0", "&region=1,1,0,0", "&imageQuality=x"] {
        assert_eq!(kind(refused).await.0, 400, "{refused}");
    }
    assert_eq!(kind("&frameNumber=2").await.0, 404);
    assert_eq!(kind("&contentType=video/mpeg").await.0, 406);
    assert_eq!(kind("&contentType=application/dicom&transferSyntax=1.2.840.10008.1.2.4.102").await.0, 406);
    let none = house.get("/wado?studyUID=1.2.3.1", "*/*").await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    let request = Request::get(WADO).body(Body::empty()).unwrap();
    assert_eq!(house.send(None, request).await.status, StatusCode::UNAUTHORIZED);
}

/// The grey values of a PNG, and its size.
fn greys(png: &[u8]) -> (u32, u32, Vec<u8>) {
    use std::io::Read as _;
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let (width, height) = (number(16), number(20));
    let (mut at, mut packed) = (8, Vec::new());
    while at < png.len() {
        let length = number(at) as usize;
        if &png[at + 4..at + 8] == b"IDAT" {
            packed.extend_from_slice(&png[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    let mut lines = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut lines).unwrap();
    let mut before = vec![0_u8; width as usize];
    let mut out = Vec::new();
    for line in lines.chunks_exact(width as usize + 1) {
        let mut now = Vec::new();
        for (x, byte) in line[1..].iter().enumerate() {
            let left = if x > 0 { now[x - 1] } else { 0 };
            let corner = if x > 0 { before[x - 1] } else { 0 };
            let predicted = match line[0] {
                0 => 0,
                1 => left,
                2 => before[x],
                3 => ((u16::from(left) + u16::from(before[x])) / 2) as u8,
                _ => paeth(left, before[x], corner),
            };
            now.push(byte.wrapping_add(predicted));
        }
        out.extend_from_slice(&now);
        before = now;
    }
    (width, height, out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i32::from);
    let p = a + b - c;
    let [pa, pb, pc] = [(p - a).abs(), (p - b).abs(), (p - c).abs()];
    if pa <= pb && pa <= pc {
        left
    } else if pb <= pc {
        up
    } else {
        corner
    }
}

/// 4 rows of 16 columns that rise from 0 to 63 in steps of one.
fn ramp() -> (Instance, Vec<u8>) {
    let instance = Instance { rows: 4, frames: 1, ..Instance::default() };
    let mut dataset = instance.dataset();
    let pixels: Vec<u8> = (0..64_u16).flat_map(u16::to_le_bytes).collect();
    dataset.put_text(tags::RESCALE_SLOPE, VR::DS, "2");
    dataset.put_text(tags::RESCALE_INTERCEPT, VR::DS, "-10");
    dataset.put_bytes(tags::PIXEL_DATA, VR::OW, pixels);
    let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
    (instance.clone(), file(&instance, TransferSyntax::EXPLICIT_LITTLE, bytes))
}

#[tokio::test]
async fn pictures_are_as_the_query_wants_them() {
    let house = House::new().await;
    house.store("/studies", &[ramp().1]).await;
    let picture = async |query: &str| {
        let answer = house.get(&format!("{INSTANCE}/rendered?accept=image/png&{query}"), "*/*").await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", String::from_utf8_lossy(&answer.body));
        greys(&answer.body)
    };
    // Rescaled: −10 … 116. A window over exactly that.
    let (width, height, whole) = picture("window=53,126,linear-exact").await;
    assert_eq!((width, height, whole[0], whole[63]), (16, 4, 0, 255));
    let sigmoid = picture("window=53,126,sigmoid").await.2;
    assert!(sigmoid[0] > 20 && sigmoid[0] < 40 && sigmoid[63] > 215, "{sigmoid:?}");
    let part = picture("window=53,126,linear-exact&viewport=8,2,8,0,-8,2").await;
    assert_eq!((part.0, part.1), (8, 2));
    assert_eq!((part.2[0], part.2[7]), (whole[15], whole[8]));
    let large = picture("window=53,126,linear-exact&viewport=64,64").await;
    assert_eq!((large.0, large.1), (64, 16));
    for refused in ["iccprofile=cmyk", "viewport=8,8,12,0,8,4", "quality=0", "window=1,2,cubic"] {
        let answer = house.get(&format!("{INSTANCE}/rendered?{refused}"), "image/jpeg").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{refused}");
    }
}

#[tokio::test]
async fn several_pictures_come_as_parts() {
    let house = House::new().await;
    let second = Instance { number: 2, ..Instance::default() };
    house.store("/studies", &[plain(&Instance::default()), plain(&second)]).await;
    let series = "/studies/1.2.3.1/series/1.2.3.1.1";
    let count = async |path: &str, accept: &str| {
        let answer = house.get(path, accept).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        String::from_utf8_lossy(&answer.body).matches("Content-Type: image/jpeg").count()
    };
    assert_eq!(count(&format!("{INSTANCE}/frames/2,1/rendered"), "image/jpeg").await, 2);
    assert_eq!(count(&format!("{INSTANCE}/rendered"), "multipart/related; type=\"image/jpeg\"").await, 2);
    assert_eq!(count(&format!("{INSTANCE}/rendered"), "image/jpeg").await, 0);
    assert_eq!(count(&format!("{series}/rendered"), "multipart/related; type=\"image/jpeg\"").await, 4);
    assert_eq!(count("/studies/1.2.3.1/rendered", "image/jpeg").await, 4);
    let thumbnail = house.get(&format!("{INSTANCE}/frames/2/thumbnail"), "image/jpeg").await;
    assert_eq!(thumbnail.status, StatusCode::OK);
}

#[tokio::test]
async fn a_presentation_state_is_rendered_with_its_image() {
    let house = House::new().await;
    let (image, image_file) = ramp();
    let mut reference = Dataset::new();
    reference.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, build::CT);
    reference.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, image.instance_uid().as_str());
    let mut series = Dataset::new();
    series.put_text(tags::SERIES_INSTANCE_UID, VR::UI, image.series_uid().as_str());
    series.put_items(tags::REFERENCED_IMAGE_SEQUENCE, vec![reference]);
    let mut voi = Dataset::new();
    voi.put_text(tags::WINDOW_CENTER, VR::DS, "53");
    voi.put_text(tags::WINDOW_WIDTH, VR::DS, "126");
    voi.put_text(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    let state = Instance { series: 2, modality: "PR", ..Instance::default() };
    let mut dataset = Dataset::new();
    for element in state.dataset().elements().iter().filter(|element| element.tag.group() < 0x28) {
        dataset.put(element.clone());
    }
    dataset.put_text(tags::SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.11.1");
    dataset.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
    dataset.put_items(tags::SOFTCOPY_VOILUT_SEQUENCE, vec![voi]);
    dataset.put_text(tags::PRESENTATION_LUT_SHAPE, VR::CS, "INVERSE");
    dataset.put_text(tags::SHUTTER_SHAPE, VR::CS, "RECTANGULAR");
    for (tag, edge) in [
        (tags::SHUTTER_LEFT_VERTICAL_EDGE, "2"),
        (tags::SHUTTER_RIGHT_VERTICAL_EDGE, "16"),
        (tags::SHUTTER_UPPER_HORIZONTAL_EDGE, "1"),
        (tags::SHUTTER_LOWER_HORIZONTAL_EDGE, "4"),
    ] {
        dataset.put_text(tag, VR::IS, edge);
    }
    dataset.put_items(tags::MASK_SUBTRACTION_SEQUENCE, vec![Dataset::new()]);
    dataset.put_text(tags::IMAGE_HORIZONTAL_FLIP, VR::CS, "Y");
    let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
    let state_file = file(&state, TransferSyntax::EXPLICIT_LITTLE, bytes);
    assert_eq!(house.store("/studies", &[image_file, state_file]).await.status, StatusCode::OK);
    let path = "/studies/1.2.3.1/series/1.2.3.1.2/instances/1.2.3.1.2.1/rendered";
    let answer = house.get(path, "image/png").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header(header::WARNING), "299 - \"not applied: mask\"");
    let (width, height, shown) = greys(&answer.body);
    // Flipped and inverted: the first column of the image is hidden and the last of the picture.
    assert_eq!((width, height), (16, 4));
    assert_eq!((shown[15], shown[63]), (0, 0));
    assert_eq!(shown[48], 0, "the brightest value, inverted");
    assert!(shown[14] > 250, "the second value, inverted");
    let by_query =
        format!("{WADO}&contentType=image/png&presentationUID=1.2.3.1.2.1&presentationSeriesUID=1.2.3.1.2");
    let uri = House { router: super::wado_router(house.storage.clone(), "http://node"), ..house };
    assert_eq!(greys(&uri.get(&by_query, "*/*").await.body).2, shown);
}

#[tokio::test]
async fn an_encapsulated_document_is_itself() {
    let house = House::new().await;
    let document = Instance { modality: "DOC", ..Instance::default() };
    let mut dataset = Dataset::new();
    for element in document.dataset().elements().iter().filter(|element| element.tag.group() < 0x28) {
        dataset.put(element.clone());
    }
    let pdf = [b"%PDF-1.4".as_slice(), &[b'x'; 6000]].concat();
    dataset.put_text(tags::SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.104.1");
    dataset.put_bytes(tags::ENCAPSULATED_DOCUMENT, VR::OB, pdf.clone());
    let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
    house.store("/studies", &[file(&document, TransferSyntax::EXPLICIT_LITTLE, bytes)]).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    let answer = house.get(&format!("{INSTANCE}/rendered"), browser).await;
    assert_eq!((answer.status, answer.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/pdf"));
    assert_eq!(answer.body, pdf);
    assert_eq!(
        house.get(&format!("{INSTANCE}/rendered"), "image/jpeg").await.status,
        StatusCode::NOT_ACCEPTABLE
    );
    let bulk = house.get(&format!("{INSTANCE}/bulkdata/00420011"), "application/pdf").await;
    assert_eq!((bulk.header(header::CONTENT_TYPE), &bulk.body), ("application/pdf", &pdf));
}

#[tokio::test]
async fn a_video_is_itself_whole_and_by_range() {
    let house = House::new().await;
    let video = Instance { frames: 1, ..Instance::default() };
    let syntax = "1.2.840.10008.1.2.4.102";
    let film = [b"\0\0\0\x18ftypmp42".as_slice(), &[7; 3000]].concat();
    let mut bytes = to_bytes(&video.dataset(), &TransferSyntax::parse(syntax).unwrap());
    bytes.extend(dataset::write::pixel_data_header_encapsulated());
    bytes.extend(b"\xFE\xFF\x00\xE0\0\0\0\0");
    for fragment in film.chunks(1000) {
        bytes.extend(b"\xFE\xFF\x00\xE0");
        bytes.extend((fragment.len() as u32).to_le_bytes());
        bytes.extend(fragment);
    }
    bytes.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    house.store("/studies", &[file(&video, syntax, bytes)]).await;
    let whole = house.get(&format!("{INSTANCE}/rendered"), "video/*, */*;q=0.1").await;
    assert_eq!((whole.status, whole.header(header::CONTENT_TYPE)), (StatusCode::OK, "video/mp4"));
    assert_eq!(whole.body, film);
    let request = Request::get(format!("{INSTANCE}/rendered")).header(header::RANGE, "bytes=990-1020");
    let piece = house.send(Some(&ALL), request.body(Body::empty()).unwrap()).await;
    assert_eq!((piece.status, piece.body.as_slice()), (StatusCode::PARTIAL_CONTENT, &film[990..1021]));
}
