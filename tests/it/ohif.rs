//! The requests that OHIF 3.13 makes, with exactly the Accept headers that it sends.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, Part10, sample};
use serde_json::Value as Json;

const JSON: &str = "application/dicom+json";
const OCTETS: &str = "multipart/related; type=application/octet-stream; transfer-syntax=*";
const WSI_TILES: &str = "multipart/related; type=\"image/jls\"; transfer-syntax=1.2.840.10008.1.2.4.80, \
    multipart/related; type=\"image/jls\"; transfer-syntax=1.2.840.10008.1.2.4.81, \
    multipart/related; type=\"image/jp2\"; transfer-syntax=1.2.840.10008.1.2.4.90, \
    multipart/related; type=\"image/jp2\"; transfer-syntax=1.2.840.10008.1.2.4.91, \
    multipart/related; type=\"image/jpx\"; transfer-syntax=1.2.840.10008.1.2.4.92, \
    multipart/related; type=\"image/jpx\"; transfer-syntax=1.2.840.10008.1.2.4.93, \
    multipart/related; type=\"application/octet-stream\"; transfer-syntax=*, \
    multipart/related; type=\"image/jpeg\"; transfer-syntax=1.2.840.10008.1.2.4.50";

/// A stored CT image and the township's machine.
fn ct() -> (Ct, Client) {
    let ct = Ct::new();
    let machine = Node::shared().machine(Org::Township);
    machine.stow(&[ct.file()]).expect(200);
    (ct, machine)
}

/// A stored sample: the machine and the address of its instance.
fn stored(path: &str) -> (Client, String) {
    let machine = Node::shared().machine(Org::Township);
    let file = Part10::parse(std::fs::read(sample(path)).expect("a sample")).into_another_instance();
    let answer = machine.stow(&[file]).expect(200).json();
    let url = answer["00081199"]["Value"][0]["00081190"]["Value"][0].as_str().expect("a retrieve URL");
    (machine, url.to_owned())
}

fn uids(rows: &Json) -> Vec<&str> {
    rows.as_array().expect("a list").iter().filter_map(|r| r["0020000D"]["Value"][0].as_str()).collect()
}

#[test]
fn the_study_list() {
    let (_, machine) = ct();
    let path = "/dicom-web/studies?limit=101&offset=0&fuzzymatching=true\
        &includefield=00081030%2C00080060%2C00080090%2C00100030";
    let answer = machine.get_as(path, JSON).expect(200);
    assert_eq!(answer.header("content-type"), JSON);
    let rows = answer.json();
    let row = &rows[0];
    for tag in [
        "00080020", "00080030", "00080050", "00080061", "00081030", "00080090", "00100010", "00100020",
        "00100030", "0020000D", "00201206", "00201208",
    ] {
        assert!(row[tag]["vr"].is_string(), "{tag} in {row}");
    }
}

#[test]
fn the_study_list_with_every_filter() {
    let (ct, machine) = ct();
    let path = format!(
        "/dicom-web/studies?limit=101&offset=0&fuzzymatching=false\
         &includefield=00081030%2C00080060%2C00080090%2C00100030&PatientName=*zhang*&AccessionNumber=*{}*\
         &ModalitiesInStudy=CT&StudyDate=20250101-20261231",
        &ct.accession[1..]
    );
    assert_eq!(uids(&machine.get_as(&path, JSON).expect(200).json()), [ct.study.as_str()]);
    let path = format!("/dicom-web/studies?limit=101&offset=0&StudyInstanceUID={}", ct.study);
    assert_eq!(uids(&machine.get_as(&path, JSON).expect(200).json()), [ct.study.as_str()]);
}

#[test]
fn the_series_of_a_study() {
    let (ct, machine) = ct();
    let path = format!("/dicom-web/studies/{}/series?includefield=00080021%2C00080031", ct.study);
    let rows = machine.get_as(&path, JSON).expect(200).json();
    assert_eq!(rows[0]["0020000E"]["Value"][0], ct.series);
    assert_eq!(rows[0]["00080060"]["Value"][0], "CT");
    assert_eq!(rows[0]["00201209"]["Value"][0], 1);
}

#[test]
fn priors_by_patient_id_as_a_hexadecimal_tag() {
    let (ct, machine) = ct();
    let path = format!("/dicom-web/studies?00100020={}", ct.patient_id);
    assert_eq!(uids(&machine.get_as(&path, JSON).expect(200).json()), [ct.study.as_str()]);
}

#[test]
fn the_metadata_of_a_series() {
    let (ct, machine) = ct();
    let path = format!("/dicom-web/studies/{}/series/{}/metadata", ct.study, ct.series);
    let answer = machine.get_as(&path, JSON).expect(200);
    assert_eq!(answer.header("content-type"), JSON);
    let instances = answer.json();
    for tag in ["00280002", "00280010", "00280100", "00281050", "00200032", "00200037", "00080016"] {
        assert!(!instances[0][tag]["Value"].is_null(), "{tag}");
    }
}

#[test]
fn a_frame_names_its_transfer_syntax() {
    let (ct, machine) = ct();
    let answer = machine.get_as(&format!("{}/frames/1", ct.path()), OCTETS).expect(200);
    let [(content_type, bytes)] = &answer.parts()[..] else { panic!("one part") };
    assert!(content_type.contains("transfer-syntax=1.2.840.10008.1.2.1"), "{content_type}");
    assert_eq!(bytes.len(), 512);
}

#[test]
fn a_compressed_frame_comes_as_it_is_stored() {
    for (path, syntax, media, magic) in [
        ("syntaxes/SC_rgb_jpeg_dcmtk.dcm", "1.2.840.10008.1.2.4.50", "image/jpeg", &b"\xFF\xD8\xFF"[..]),
        ("syntaxes/MR_small_jp2klossless.dcm", "1.2.840.10008.1.2.4.90", "image/jp2", b"\xFF\x4F\xFF\x51"),
        ("syntaxes/MR_small_jpeg_ls_lossless.dcm", "1.2.840.10008.1.2.4.80", "image/jls", b"\xFF\xD8\xFF"),
    ] {
        let (machine, url) = stored(path);
        let answer = machine.get_as(&format!("{url}/frames/1"), OCTETS).expect(200);
        let [(content_type, bytes)] = &answer.parts()[..] else { panic!("one part") };
        assert!(content_type.contains(&format!("transfer-syntax={syntax}")), "{path}: {content_type}");
        let is_media =
            content_type.starts_with(media) || content_type.starts_with("application/octet-stream");
        assert!(is_media, "{path}: {content_type}");
        assert!(bytes.starts_with(magic), "{path}");
    }
}

#[test]
fn thumbnail_and_rendered_by_the_accept_parameter() {
    let (ct, machine) = ct();
    for path in ["thumbnail?accept=image%2Fjpeg", "rendered?accept=image%2Fjpeg"] {
        let answer = machine.get_as(&format!("{}/{path}", ct.path()), "*/*").expect(200);
        assert_eq!(answer.header("content-type"), "image/jpeg", "{path}");
    }
}

#[test]
fn a_whole_instance_for_segmentations() {
    let (ct, machine) = ct();
    let answer = machine.get_as(&ct.path(), "multipart/related; type=\"application/dicom\"").expect(200);
    let [(content_type, bytes)] = &answer.parts()[..] else { panic!("one part") };
    assert!(content_type.starts_with("application/dicom"), "{content_type}");
    assert_eq!(&bytes[128..132], b"DICM");
}

#[test]
fn a_browser_navigates_to_rendered() {
    let (ct, machine) = ct();
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    let answer = machine.get_as(&format!("{}/rendered", ct.path()), accept).expect(200);
    assert!(answer.header("content-type").starts_with("image/"), "{}", answer.header("content-type"));
}

#[test]
fn a_tile_of_a_slide_from_the_list_of_syntaxes() {
    let (machine, url) = stored("slides/dicom-jpeg/CMU-1-Small-Region.dcm");
    let answer = machine.get_as(&format!("{url}/frames/1"), WSI_TILES).expect(200);
    let [(content_type, bytes)] = &answer.parts()[..] else { panic!("one part") };
    assert!(content_type.contains("1.2.840.10008.1.2.4.50"), "{content_type}");
    assert!(bytes.starts_with(b"\xFF\xD8"));
}

#[test]
fn an_upload() {
    let ct = Ct::new();
    let mut body = b"--0b2c\r\nContent-Type: application/dicom\r\n\r\n".to_vec();
    body.extend(ct.file().bytes);
    body.extend(b"\r\n--0b2c--\r\n");
    let answer = Node::shared().machine(Org::Township).post_bytes(
        "/dicom-web/studies",
        "multipart/related; type=\"application/dicom\"; boundary=\"0b2c\"",
        body,
    );
    answer.expect(200);
}
