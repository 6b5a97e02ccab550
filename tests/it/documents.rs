//! Photographs, screen shots and papers as DICOM: judged by dciodvfy, decoded by DCMTK, and the photograph's bytes are its own.

use crate::support::node::Org;
use crate::support::programs::{python_path, run};
use crate::support::{Answer, Client, Ct, Node, root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

const PATH: &str = "/api/v1/uploads/documents";
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n\
                     trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n";

fn send(client: &Client, of: &[(&str, &str)], file: &[u8]) -> Answer {
    let pairs: Vec<String> =
        of.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
    let client = client.clone().with_header("Upload-Metadata", &pairs.join(","));
    client.post_bytes(PATH, "application/octet-stream", file.to_vec())
}

/// A photograph with its size, by somebody else's encoder.
fn photograph() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("photograph.jpg");
    let script = "import sys; from PIL import Image; im = Image.new('RGB', (61, 43)); \
                  [im.putpixel((x, y), (x * 4, y * 5, x * y % 256)) for x in range(61) for y in range(43)]; \
                  im.save(sys.argv[1], 'JPEG', quality=90)";
    run(&python(), &["-c", script, file.to_str().expect("UTF-8")]).expect_success();
    std::fs::read(file).expect("a photograph")
}

fn python() -> String {
    python_path().display().to_string()
}

/// The one instance that an answer names, as a file.
fn stored(client: &Client, uploaded: &Json) -> Vec<u8> {
    let uid = |key: &str| uploaded[key].as_str().expect("a UID").to_owned();
    let path = format!(
        "/dicom-web/studies/{}/series/{}/instances/{}",
        uid("study_instance_uid"),
        uid("series_instance_uid"),
        uid("sop_instance_uid")
    );
    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    client.get_as(&path, accept).expect(200).parts().remove(0).1
}

#[test]
fn what_a_township_has_becomes_one_sound_study_of_the_patient_in_the_form() {
    let node = Node::shared();
    let client = node.person("township");
    let machine = node.machine(Org::Township);
    let of = |name: &'static str| {
        [
            ("filename", name),
            ("batch", "wrapped-1"),
            ("patient_name", "周小红"),
            ("patient_id", "W0001"),
            ("patient_sex", "F"),
        ]
    };
    let photograph = photograph();
    let picture = std::fs::read(root().join("docs/images/worklist.png")).expect("a picture");
    let uploaded = [
        send(&client, &of("皮疹.jpg"), &photograph).expect(201).json(),
        send(&client, &of("出院小结.pdf"), PDF).expect(201).json(),
        send(&client, &of("截图.png"), &picture).expect(201).json(),
    ];
    let study = uploaded[0]["study_instance_uid"].clone();
    let folder = tempfile::tempdir().expect("a folder");
    for (number, one) in uploaded.iter().enumerate() {
        assert_eq!((&one["study_instance_uid"], &one["outcome"]), (&study, &json!("stored")));
        let bytes = stored(&machine, one);
        let file = folder.path().join(format!("{number}.dcm"));
        std::fs::write(&file, &bytes).expect("a file");
        let file = file.to_str().expect("UTF-8");
        let done = run("dciodvfy", &[file]);
        let errors: Vec<_> = done.stderr.lines().filter(|line| line.starts_with("Error")).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let bytes = stored(&machine, &uploaded[0]);
    assert!(bytes.windows(photograph.len()).any(|window| window == photograph), "the photograph's own bytes");
    assert!(stored(&machine, &uploaded[1]).windows(PDF.len()).any(|window| window == PDF));
    // Other people's decoder sees what the photograph shows.
    let from = folder.path().join("0.dcm");
    let to = folder.path().join("0.bmp");
    run("dcmj2pnm", &["+Wn", "+ob", from.to_str().expect("UTF-8"), to.to_str().expect("UTF-8")])
        .expect_success();
    let script = "import sys; from PIL import Image; im = Image.open(sys.argv[1]).convert('RGB'); print(im.size, im.getpixel((60, 0)))";
    let said = run(&python(), &["-c", script, to.to_str().expect("UTF-8")]).expect_success().stdout;
    let numbers: Vec<i32> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert!(matches!(numbers[..], [61, 43, red, green, _] if red > 200 && green < 40), "{said}");

    // The same file again is the same instance, and the patient is found by name.
    let again = send(&client, &of("皮疹.jpg"), &photograph).expect(201).json();
    assert_eq!(
        (&again["outcome"], &again["sop_instance_uid"]),
        (&json!("already_there"), &uploaded[0]["sop_instance_uid"])
    );
    let found = client.get("/api/v1/studies?q=zxh&limit=50").expect(200).json();
    let studies = found["studies"].as_array().expect("studies");
    assert!(studies.iter().any(|one| one["study_instance_uid"] == study), "{found}");
}

#[test]
fn a_photograph_joins_a_study_that_is_there_and_no_other() {
    let node = Node::shared();
    let machine = node.machine(Org::Township);
    let ct = Ct::new().named("Wu^Ping");
    machine.stow(&[ct.file()]).expect(200);
    let client = node.person("township");
    let uploaded =
        send(&client, &[("filename", "a.jpg"), ("study", &ct.study)], &photograph()).expect(201).json();
    assert_eq!(uploaded["study_instance_uid"], ct.study);
    let path = format!("/dicom-web/studies/{}/instances?includefield=00100010", ct.study);
    let instances = machine.get_as(&path, "application/dicom+json").expect(200).json();
    let names: Vec<_> = instances
        .as_array()
        .expect("instances")
        .iter()
        .map(|one| &one["00100010"]["Value"][0]["Alphabetic"])
        .collect();
    assert_eq!(names, ["Wu^Ping"; 2]);
    // Nobody hangs anything on what another organisation has, or on what is not there.
    let city = node.machine(Org::City);
    send(&city, &[("study", &ct.study)], &photograph()).expect_problem(404, "not-found");
    send(&client, &[("study", "1.2.3.4.5")], &photograph()).expect_problem(404, "not-found");
}

#[test]
fn a_wrong_file_is_refused_in_words_and_a_reader_brings_nothing() {
    let node = Node::shared();
    let client = node.person("township");
    let of = [("batch", "wrapped-2"), ("patient_name", "周小红"), ("patient_id", "W0002")];
    let whole = photograph();
    let broken = &whole[..whole.len() / 2];
    for (file, word) in
        [(&b"MZ\x90"[..], "PDF"), (b"", "空"), (broken, "JPEG"), (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC")]
    {
        let answer = send(&client, &of, file).expect_problem(422, "invalid").json();
        assert_eq!(answer["field"], "file");
        assert!(answer["detail"].as_str().expect("words").contains(word), "{answer}");
    }
    let answer = send(&client, &[("batch", "x"), ("patient_name", "周小红")], &whole)
        .expect_problem(422, "invalid")
        .json();
    assert_eq!(answer["field"], "patient_id");
    send(&client, &of, &vec![0xFF; (16 << 20) + 1]).expect_problem(413, "too-large");
    send(&node.person("reader"), &of, &whole).expect_problem(403, "forbidden");
    send(&node.nobody(), &of, &whole).expect(401);
}
