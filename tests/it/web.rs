//! DICOMweb over plain HTTP: what comes back is what was sent.

use crate::support::node::Org;
use crate::support::{Ct, Node, Part10, query, sample};
use serde_json::Value as Json;

const ANY_SYNTAX: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";

fn stored(images: &[Ct]) -> &'static Node {
    let node = Node::shared();
    let files: Vec<_> = images.iter().map(Ct::file).collect();
    node.machine(Org::Township).stow(&files).expect(200);
    node
}

fn studies(answer: &Json) -> Vec<String> {
    let rows = answer.as_array().expect("a list");
    rows.iter().filter_map(|row| row["0020000D"]["Value"][0].as_str().map(str::to_owned)).collect()
}

#[test]
fn stow_answers_what_was_stored() {
    let images = Ct::new().series_of(2);
    let files: Vec<_> = images.iter().map(Ct::file).collect();
    let answer = Node::shared().machine(Org::Township).stow(&files).expect(200);
    assert_eq!(answer.header("content-type"), "application/dicom+json");
    let stored = answer.json()["00081199"]["Value"].as_array().map(Vec::len);
    assert_eq!(stored, Some(2));
}

#[test]
fn stow_of_one_good_and_one_bad_is_accepted_in_part() {
    let ct = Ct::new();
    let answer = Node::shared()
        .machine(Org::Township)
        .stow(&[ct.file().bytes, b"not DICOM".to_vec()])
        .expect(202)
        .json();
    assert_eq!(answer["00081199"]["Value"][0]["00081155"]["Value"][0], ct.instance);
    assert_eq!(answer["00081198"]["Value"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_instance_comes_back_byte_for_byte() {
    let ct = Ct::new();
    let node = stored(std::slice::from_ref(&ct));
    let machine = node.machine(Org::Township);
    let multipart = machine.get_as(&ct.path(), ANY_SYNTAX).expect(200);
    let [(content_type, bytes)] = &multipart.parts()[..] else { panic!("one part") };
    assert!(content_type.contains("transfer-syntax=1.2.840.10008.1.2.1"), "{content_type}");
    assert_eq!(Part10::parse(bytes.clone()).sha256(), ct.file().sha256());
    let single = machine.get_as(&ct.path(), "application/dicom; transfer-syntax=*").expect(200);
    assert_eq!(Part10::parse(single.body).sha256(), ct.file().sha256());
}

#[test]
fn a_whole_study_comes_back() {
    let images = Ct::new().series_of(4);
    let node = stored(&images);
    let answer =
        node.machine(Org::Township).get_as(&format!("/dicom-web/studies/{}", images[0].study), ANY_SYNTAX);
    let mut got: Vec<_> =
        answer.expect(200).parts().into_iter().map(|(_, bytes)| Part10::parse(bytes).sha256()).collect();
    let mut sent: Vec<_> = images.iter().map(|ct| ct.file().sha256()).collect();
    got.sort();
    sent.sort();
    assert_eq!(got, sent);
}

#[test]
fn a_native_frame_is_the_pixel_data() {
    let ct = Ct::new();
    let answer = stored(std::slice::from_ref(&ct)).machine(Org::Township).get_as(
        &format!("{}/frames/1", ct.path()),
        "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
    );
    let [(content_type, bytes)] = &answer.expect(200).parts()[..] else { panic!("one part") };
    assert!(content_type.starts_with("application/octet-stream"), "{content_type}");
    assert_eq!(bytes, &ct.pixels());
}

#[test]
fn a_frame_that_is_not_there_is_not_found() {
    let ct = Ct::new();
    let machine = stored(std::slice::from_ref(&ct)).machine(Org::Township);
    machine.get(&format!("{}/frames/2", ct.path())).expect_problem(404, "not-found");
    machine.get(&format!("{}/frames/0", ct.path())).expect_problem(404, "not-found");
    machine.get(&format!("{}/frames/one", ct.path())).expect_problem(400, "bad-request");
}

#[test]
fn names_are_searched_in_characters_letters_and_initials() {
    let zhang = Ct::new().named("Zhang^San=张^三");
    // As many devices send it: Chinese in the first group, no letters.
    let plain = Ct::new().named("张三");
    let li = Ct::new().named("Li^Si=李^四");
    let node = stored(&[zhang.clone(), plain.clone(), li.clone()]);
    let person = node.person("township");
    for word in ["张", "张三", "zhang", "zhangsan", "zs", "ZS"] {
        let answer =
            person.get(&query("/api/v1/studies", &[("q", word), ("limit", "500")])).expect(200).json();
        let found: Vec<_> = answer["studies"].as_array().expect("studies").iter().collect();
        let has = |ct: &Ct| found.iter().any(|s| s["study_instance_uid"] == ct.study);
        assert!(has(&zhang) && has(&plain), "{word} finds 张三");
        assert!(!has(&li), "{word} does not find 李四");
    }
    for (word, fuzzy) in
        [("张*", "false"), ("zhang*", "false"), ("zhang", "true"), ("zs", "true"), ("张", "true")]
    {
        let path =
            query("/dicom-web/studies", &[("PatientName", word), ("fuzzymatching", fuzzy), ("limit", "500")]);
        let found = studies(&node.machine(Org::Township).get(&path).expect(200).json());
        assert!(found.contains(&zhang.study), "{word}, fuzzymatching={fuzzy}");
        assert!(found.contains(&plain.study), "{word}, fuzzymatching={fuzzy}, name without letters");
        assert!(!found.contains(&li.study), "{word}, fuzzymatching={fuzzy}");
    }
}

#[test]
fn identifiers_and_dates_are_searched() {
    let ct = Ct { study_date: "19800229".into(), ..Ct::new() };
    let machine = stored(std::slice::from_ref(&ct)).machine(Org::Township);
    for (key, value) in [
        ("PatientID", ct.patient_id.as_str()),
        ("00100020", &ct.patient_id),
        ("AccessionNumber", &ct.accession),
        ("StudyInstanceUID", &ct.study),
        ("StudyDate", "19800101-19801231"),
    ] {
        let answer = machine
            .get_as(&query("/dicom-web/studies", &[(key, value)]), "application/dicom+json")
            .expect(200);
        assert_eq!(studies(&answer.json()), [ct.study.as_str()], "{key}={value}");
    }
    let none = machine.get(&query("/dicom-web/studies", &[("PatientID", "NOBODY")]));
    assert!(none.status == 204 || none.json() == serde_json::json!([]), "{}", none.status);
}

#[test]
fn metadata_has_the_values_and_where_the_pixels_are() {
    let ct = Ct::new();
    let node = stored(std::slice::from_ref(&ct));
    let path = format!("/dicom-web/studies/{}/series/{}/metadata", ct.study, ct.series);
    let instances = node.machine(Org::Township).get_as(&path, "application/dicom+json").expect(200).json();
    assert_eq!(instances.as_array().map(Vec::len), Some(1));
    let instance = &instances[0];
    assert_eq!(instance["00080018"]["Value"][0], ct.instance);
    assert_eq!(instance["00100010"]["Value"][0]["Ideographic"], "张^三");
    assert_eq!(instance["00280010"]["Value"][0], 16);
    assert_eq!(instance["00280030"]["Value"], serde_json::json!([0.5, 0.5]));
    let pixels = &instance["7FE00010"];
    assert!(pixels["InlineBinary"].is_null(), "pixels are not in the metadata");
    let uri = pixels["BulkDataURI"].as_str().expect("a BulkDataURI");
    let bulk = node.machine(Org::Township).get(uri).expect(200);
    let bytes = if bulk.header("content-type").starts_with("multipart") {
        bulk.parts().remove(0).1
    } else {
        bulk.body
    };
    assert_eq!(bytes, ct.pixels());
}

#[test]
fn metadata_is_compressed_on_the_wire_and_pixels_are_not() {
    let ct = Ct::new().sized(64);
    let machine =
        stored(std::slice::from_ref(&ct)).machine(Org::Township).with_header("Accept-Encoding", "gzip");
    let metadata =
        machine.get(&format!("/dicom-web/studies/{}/series/{}/metadata", ct.study, ct.series)).expect(200);
    assert_eq!(metadata.header("content-encoding"), "gzip");
    let frame = machine.get(&format!("{}/frames/1", ct.path())).expect(200);
    assert_eq!(frame.header("content-encoding"), "");
}

#[test]
fn rendered_and_thumbnail_are_pictures() {
    let ct = Ct::new().sized(64);
    let machine = stored(std::slice::from_ref(&ct)).machine(Org::Township);
    for (path, accept, magic) in [
        ("rendered", "image/jpeg", &b"\xFF\xD8"[..]),
        ("rendered", "image/png", b"\x89PNG"),
        ("rendered?window=1000,2000,linear", "image/jpeg", b"\xFF\xD8"),
        ("frames/1/rendered", "image/jpeg", b"\xFF\xD8"),
        ("thumbnail", "*/*", b"\xFF\xD8"),
    ] {
        let answer = machine.get_as(&format!("{}/{path}", ct.path()), accept).expect(200);
        assert!(answer.body.starts_with(magic), "{path} as {accept} is {}", answer.header("content-type"));
    }
    let of_study = machine.get(&format!("/dicom-web/studies/{}/thumbnail", ct.study)).expect(200);
    assert!(of_study.body.starts_with(b"\xFF\xD8"));
    machine.get_as(&format!("{}/rendered", ct.path()), "image/tiff").expect_problem(406, "not-acceptable");
}

#[test]
fn every_transfer_syntax_of_the_samples_renders() {
    let machine = Node::shared().machine(Org::Township);
    let (mut rendered, mut refused) = (0, 0);
    for entry in std::fs::read_dir(sample("syntaxes")).expect("samples").flatten() {
        let name = entry.file_name();
        let file = Part10::parse(std::fs::read(entry.path()).expect("a sample")).into_another_instance();
        let answer = machine.stow(&[file]);
        let json = answer.json();
        if answer.status == 409 {
            // Some of pydicom's files name no study and no series.
            assert_eq!(json["00081198"]["Value"][0]["00081197"]["Value"][0], 0xA900, "{name:?}");
            refused += 1;
            continue;
        }
        let url =
            json["00081199"]["Value"][0]["00081190"]["Value"][0].as_str().expect("a retrieve URL").to_owned();
        let picture = machine.get_as(&format!("{url}/rendered"), "image/png");
        assert_eq!(picture.status, 200, "{name:?}: {}", picture.text());
        assert!(picture.body.starts_with(b"\x89PNG"), "{name:?}");
        rendered += 1;
    }
    assert!(rendered > 40 && refused < 5, "{rendered} rendered, {refused} refused");
}

#[test]
fn the_openapi_document_is_served() {
    let document = Node::shared().nobody().get("/api/v1/openapi.json").expect(200).json();
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")), "{}", document["openapi"]);
    let paths = document["paths"].as_object().expect("paths");
    for path in ["/api/v1/session", "/api/v1/consults/{id}/sign", "/api/v1/slides/{id}/tiles/{level}/{x}/{y}"]
    {
        assert!(paths.contains_key(path), "{path} is described: {:?}", paths.keys().collect::<Vec<_>>());
    }
    Node::shared().nobody().get("/api/docs").expect(200);
}

#[test]
fn health_and_metrics_are_served() {
    let nobody = Node::shared().nobody();
    for path in ["/healthz", "/readyz"] {
        assert!(nobody.get(path).expect(200).json()["status"].is_string());
    }
    let confinement = nobody.get("/readyz").expect(200).json()["codec_confinement"].clone();
    let known = ["landlock+seccomp", "landlock", "seccomp", "none"];
    assert!(confinement.as_str().is_some_and(|text| known.contains(&text)), "{confinement}");
    assert!(nobody.get("/metrics").expect(200).text().contains("farsight"));
}
