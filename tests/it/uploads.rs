//! Uploads in pieces (tus 1.0.0): what is acknowledged is durable, what is somebody else's is not there, and what has
//! arrived becomes a slide also when the node is killed on the way.

use crate::support::node::Org;
use crate::support::{Answer, Client, Ct, Node, sample, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const PATH: &str = "/api/v1/uploads/resumable";
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A client that speaks tus.
pub fn tus(client: Client) -> Client {
    client.with_header("Tus-Resumable", "1.0.0")
}

pub fn begin(client: &Client, name: &str, bytes: usize) -> String {
    let metadata = format!("filename {},fingerprint {}", STANDARD.encode(name), STANDARD.encode("print"));
    let answer = client
        .clone()
        .with_header("Upload-Length", &bytes.to_string())
        .with_header("Upload-Metadata", &metadata)
        .post_bytes(PATH, "application/octet-stream", Vec::new())
        .expect(201);
    answer.header("location").to_owned()
}

pub fn patch(client: &Client, upload: &str, offset: usize, piece: &[u8]) -> Answer {
    let client = client.clone().with_header("Upload-Offset", &offset.to_string());
    client.patch_bytes(upload, "application/offset+octet-stream", piece.to_vec())
}

fn offset(client: &Client, upload: &str) -> usize {
    client.head(upload).expect(200).header("upload-offset").parse().expect("a number")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub fn finish(client: &Client, upload: &str, bytes: &[u8], of: &Json) -> Json {
    let body = json!({"sha256": sha256(bytes), "of": of});
    client.post(&format!("{upload}/finish"), &body).expect(200).json()
}

/// Waits until the node is done with an upload.
pub fn over(client: &Client, upload: &str) -> Json {
    wait_for("the upload is ready or refused", PATIENCE, || {
        let state = client.get(upload).expect(200).json();
        matches!(state["state"].as_str(), Some("ready" | "refused")).then_some(state)
    })
}

/// A small real slide.
fn slide() -> Vec<u8> {
    std::fs::read(sample("demo/slides/CMU-1-Small-Region.svs")).expect("a slide")
}

/// The slide with other bytes behind its end, so that each test has a file of its own.
fn slide_of(test: &str) -> Vec<u8> {
    [slide(), test.as_bytes().to_vec()].concat()
}

#[test]
fn pieces_become_a_slide_of_whom_the_form_says() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let bytes = slide_of("pieces");
    let upload = begin(&client, "B2026-77 HE.svs", bytes.len());
    let half = bytes.len() / 2;
    let answer = patch(&client, &upload, 0, &bytes[..half]).expect(204);
    assert_eq!(answer.header("upload-offset"), half.to_string());
    assert!(answer.header("upload-expires").ends_with("GMT"));
    assert_eq!(offset(&client, &upload), half);
    patch(&client, &upload, 3, &bytes[3..9]).expect_problem(409, "conflict");
    let early = client.post(&format!("{upload}/finish"), &json!({}));
    early.expect_problem(409, "conflict");
    patch(&client, &upload, half, &bytes[half..]).expect(204);

    let of = json!({"patient_name": "王五", "patient_id": "P77", "accession_number": "B2026-77", "block": "A1", "stain": "HE"});
    let wrong = json!({"of": {"patient_sex": "男"}});
    client.post(&format!("{upload}/finish"), &wrong).expect_problem(422, "invalid");
    finish(&client, &upload, &bytes, &of);
    finish(&client, &upload, &bytes, &of);
    let state = over(&client, &upload);
    assert_eq!((&state["state"], &state["outcome"]), (&json!("ready"), &json!("imported")), "{state}");
    let id = state["slide_id"].as_str().expect("a slide");
    let slide = client.get(&format!("/api/v1/slides/{id}")).expect(200).json();
    assert_eq!((&slide["patient_name"], &slide["patient_id"]), (&json!("王五"), &json!("P77")));
    assert_eq!(slide["source"], "B2026-77 HE.svs");
    assert_eq!(slide["grade"], "A");

    // The same file again is recognised; and of another patient, it waits for a person.
    let again = begin(&client, "other name.svs", bytes.len());
    patch(&client, &again, 0, &bytes).expect(204);
    let elsewhere = client.clone().with_header("X-Farsight-Person", "township");
    let refused = elsewhere.post(&format!("{again}/finish"), &json!({}));
    refused.expect_problem(409, "other-person");
    let client = client.with_header("X-Farsight-Person", "uploader");
    finish(&client, &again, &bytes, &json!({"patient_id": "P78"}));
    let state = over(&client, &again);
    assert_eq!((&state["outcome"], &state["slide_id"]), (&json!("contradicted"), &json!(id)));
    let waiting = client.get("/api/v1/unidentified-slides").expect(200).json();
    let waiting = waiting["slides"].as_array().expect("slides");
    assert!(waiting.iter().any(|slide| slide["slide_id"] == id), "{waiting:?}");
    client.delete(&again).expect(204);
    client.get(&again).expect_problem(404, "not-found");
}

#[test]
fn what_is_somebody_elses_is_not_there() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let upload = begin(&client, "a.svs", 100);
    for stranger in [node.machine(Org::Township), node.machine(Org::City), node.person("township")] {
        let stranger = tus(stranger);
        assert_eq!(stranger.head(&upload).status, 404);
        patch(&stranger, &upload, 0, b"x").expect_problem(404, "not-found");
        stranger.get(&upload).expect_problem(404, "not-found");
        stranger.delete(&upload).expect_problem(404, "not-found");
        stranger.post(&format!("{upload}/finish"), &json!({})).expect_problem(404, "not-found");
    }
    tus(node.nobody()).get(&upload).expect_problem(401, "unauthenticated");
    // An auditor brings nothing.
    tus(node.person("auditor")).get(PATH).expect_problem(403, "forbidden");
    for nonsense in ["x", "..%2F..%2Fetc%2Fpasswd", "00000000-0000-0000-0000-000000000000"] {
        client.get(&format!("{PATH}/{nonsense}")).expect_problem(404, "not-found");
    }
    client.delete(&upload).expect(204);
}

#[test]
fn a_piece_that_is_changed_on_the_way_does_not_count() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let bytes = slide_of("changed");
    let upload = begin(&client, "c.svs", bytes.len());
    let sum = |piece: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(piece)));
    let piece = &bytes[..100_000];
    let honest = client.clone().with_header("Upload-Checksum", &sum(piece));
    patch(&honest, &upload, 0, &bytes[1..100_001]).expect_problem(460, "checksum-mismatch");
    assert_eq!(offset(&client, &upload), 0);
    patch(&honest, &upload, 0, piece).expect(204);
    patch(&client.clone().with_header("Upload-Checksum", "md5 AAAA"), &upload, 100_000, b"x").expect(422);
    patch(&client, &upload, 100_000, &bytes[100_000..]).expect(204);
    // And of the whole.
    let body = json!({"sha256": sha256(b"something else"), "of": {"patient_id": "P1"}});
    client.post(&format!("{upload}/finish"), &body).expect(200);
    let state = over(&client, &upload);
    assert_eq!(
        (&state["state"], &state["refusal"]["why"]),
        (&json!("refused"), &json!("checksum")),
        "{state}"
    );
}

#[test]
fn what_is_no_slide_is_refused_with_a_reason() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    for (name, bytes, why) in [
        ("zip.svs", [&b"PK\x03\x04"[..], &[0; 400]].concat(), "not_a_slide"),
        ("cut.svs", slide()[..200_000].to_vec(), "damaged"),
        ("bad.dcm", [&[0; 128][..], b"DICM", b"rubbish"].concat(), "not_dicom"),
    ] {
        let upload = begin(&client, name, bytes.len());
        patch(&client, &upload, 0, &bytes).expect(204);
        finish(&client, &upload, &bytes, &json!({}));
        let state = over(&client, &upload);
        assert_eq!(
            (&state["state"], &state["refusal"]["why"]),
            (&json!("refused"), &json!(why)),
            "{name}: {state}"
        );
        client.delete(&upload).expect(204);
    }
}

#[test]
fn a_dicom_file_is_stored_as_it_is() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let ct = Ct::new().sized(256);
    let bytes = ct.file().bytes;
    let upload = begin(&client, "ct.dcm", bytes.len());
    patch(&client, &upload, 0, &bytes).expect(204);
    finish(&client, &upload, &bytes, &json!({}));
    let state = over(&client, &upload);
    assert_eq!(
        (&state["outcome"], &state["study_instance_uid"]),
        (&json!("stored"), &json!(ct.study)),
        "{state}"
    );
    node.machine(Org::Township).get(&format!("{}/frames/1", ct.path())).expect(200);
}

#[test]
fn limits_are_told_before_anything_is_sent() {
    let node = Node::start("upload-limits");
    let client = tus(node.person("uploader"));
    let create = |length: &str| {
        let metadata = format!("filename {}", STANDARD.encode("a.svs"));
        let client =
            client.clone().with_header("Upload-Length", length).with_header("Upload-Metadata", &metadata);
        client.post_bytes(PATH, "application/octet-stream", Vec::new())
    };
    create("99999999999999").expect_problem(413, "too-large");
    for nonsense in ["0", "-1", "1e3", "", "18446744073709551616"] {
        create(nonsense).expect_problem(422, "invalid");
    }
    node.person("uploader")
        .with_header("Upload-Length", "1")
        .post_bytes(PATH, "text/plain", Vec::new())
        .expect(412);
    let mut uploads = Vec::new();
    loop {
        let answer = create("10");
        if answer.status == 429 {
            answer.expect_problem(429, "too-many-uploads");
            break;
        }
        uploads.push(answer.expect(201).header("location").to_owned());
        assert!(uploads.len() <= 64);
    }
    assert_eq!(uploads.len(), 64);
    // More than was declared.
    patch(&client, &uploads[0], 0, b"elevenbytes").expect_problem(413, "too-large");
    client.delete(&uploads[0]).expect(204);
    create("10").expect(201);
    assert!(std::fs::read_dir(node.data().join("uploads")).expect("a folder").count() <= 2 * 64);
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_sent() {
    let Some(node) = Node::start_on_small_disk("upload-room", 192 << 20) else {
        eprintln!("skipped: nobody may mount a file system here");
        return;
    };
    let client = tus(node.person("uploader"));
    let large = client.clone().with_header("Upload-Length", &(120_u64 << 20).to_string());
    let metadata = format!("filename {}", STANDARD.encode("a.svs"));
    let large = large.with_header("Upload-Metadata", &metadata);
    large.post_bytes(PATH, "application/octet-stream", Vec::new()).expect_problem(507, "out-of-resources");
    // Small ones still come in.
    let bytes = slide_of("room");
    let upload = begin(&client, "small.svs", bytes.len());
    patch(&client, &upload, 0, &bytes).expect(204);
    finish(&client, &upload, &bytes, &json!({"patient_id": "P5"}));
    assert_eq!(over(&client, &upload)["state"], "ready");
}

/// Takes the room of a disk but for some bytes.
fn take_room(data: &std::path::Path, but_bytes: u64) -> std::path::PathBuf {
    let path = data.join("ballast");
    let mut file = std::fs::File::create(&path).expect("a file");
    let piece = vec![0; 64 << 10];
    while file.write_all(&piece).is_ok() {}
    let length = file.metadata().expect("a length").len();
    file.set_len(length.saturating_sub(but_bytes)).expect("made shorter");
    path
}

#[test]
fn a_disk_that_fills_while_a_slide_is_imported_puts_it_off_and_leaves_nothing() {
    let Some(node) = Node::start_on_small_disk("upload-fills", 192 << 20) else {
        eprintln!("skipped: nobody may mount a file system here");
        return;
    };
    let client = tus(node.person("uploader"));
    let bytes = slide_of("fills");
    let upload = begin(&client, "fills.svs", bytes.len());
    patch(&client, &upload, 0, &bytes).expect(204);
    // Enough for the index, too little for the instances.
    let ballast = take_room(node.data(), 1 << 20);
    finish(&client, &upload, &bytes, &json!({"patient_id": "P6"}));
    wait_for("it is put off", PATIENCE, || {
        let state = client.get(&upload).expect(200).json();
        assert_ne!(state["state"], "refused", "{state}");
        (state["state"] == "waiting" && state["refusal"]["why"] == "no_room").then_some(())
    });
    let studies = client.get("/api/v1/studies").expect(200).json();
    assert_eq!(studies["studies"], json!([]), "nothing half imported");
    std::fs::remove_file(ballast).expect("room again");
    assert_eq!(over(&client, &upload)["state"], "ready", "it went on by itself");
}

/// Sends a part of a piece and leaves the connection standing.
fn half_a_piece(client: &Client, upload: &str, offset: usize, whole: usize, part: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(client.authority()).expect("a connection");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/offset+octet-stream\r\n\
         Upload-Offset: {offset}\r\nContent-Length: {whole}\r\n{}\r\n",
        client.authority(),
        client.credentials()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(part).expect("sent");
    stream
}

#[test]
fn a_line_that_broke_unnoticed_is_taken_over_by_the_next() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let bytes = slide_of("line");
    let upload = begin(&client, "line.svs", bytes.len());
    let begun = || half_a_piece(&client, &upload, 0, bytes.len(), &bytes[..300_000]);
    let mut standing = begun();
    // The first connection still stands: the same sender comes by another.
    let there = wait_for("what has arrived counts", PATIENCE, || {
        let there = offset(&client, &upload);
        if there == 0 {
            // It came so soon that nothing had been read of the first.
            standing = begun();
        }
        (there > 0).then_some(there)
    });
    assert!(there <= 300_000);
    patch(&client, &upload, there, &bytes[there..]).expect(204);
    finish(&client, &upload, &bytes, &json!({"patient_id": "P9"}));
    assert_eq!(over(&client, &upload)["state"], "ready");
}

#[test]
fn kill_9_in_the_middle_of_a_piece_and_of_an_import_loses_nothing() {
    let mut node = Node::start("upload-crash");
    let client = tus(node.person("uploader"));
    let bytes = slide_of("crash");
    let upload = begin(&client, "crash.svs", bytes.len());
    let half = bytes.len() / 2;
    patch(&client, &upload, 0, &bytes[..half]).expect(204);
    let mut standing = half_a_piece(&client, &upload, half, bytes.len() - half, &bytes[half..half + 50_000]);
    node.kill();
    let _ = standing.read(&mut [0; 16]);
    let node = node.restart();
    let client = tus(node.person("uploader"));
    let there = offset(&client, &upload);
    assert!((half..=half + 50_000).contains(&there), "{there} of {half} acknowledged");
    let mine = client.get(PATH).expect(200).json();
    assert_eq!(mine["uploads"][0]["state"], "receiving", "it is found again: {mine}");
    patch(&client, &upload, there, &bytes[there..]).expect(204);
    finish(&client, &upload, &bytes, &json!({"patient_id": "P10"}));
    // Killed somewhere between the job's beginning and its end.
    let node = node.restart();
    let client = tus(node.person("uploader"));
    let state = over(&client, &upload);
    assert_eq!(state["state"], "ready", "{state}");
    let slides = client.get("/api/v1/slides").expect(200).json();
    assert_eq!(slides["slides"].as_array().map(Vec::len), Some(1));
    let left = std::fs::read_dir(node.data().join("uploads")).expect("a folder").count();
    assert_eq!(left, 0, "nothing of it stays beside what is kept");
    let done = node.command(&["fsck"]).expect_success();
    assert!(done.stdout.contains("0 findings"), "{}", done.stdout);
    node.command(&["audit", "verify"]).expect_success();
}

#[test]
fn a_slide_of_which_nobody_says_whose_it_is_waits_until_somebody_does() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    let bytes = slide_of("whose");
    let upload = begin(&client, "scan 0001.svs", bytes.len());
    patch(&client, &upload, 0, &bytes).expect(204);
    finish(&client, &upload, &bytes, &json!({}));
    let id = over(&client, &upload)["slide_id"].as_str().expect("a slide").to_owned();
    let slide = client.get(&format!("/api/v1/slides/{id}")).expect(200).json();
    assert_eq!(slide["patient_name"], "未确认身份");
    assert!(slide["patient_id"].as_str().expect("text").starts_with("UNKNOWN-"));
    let waiting = |client: &Client| {
        let list = client.get("/api/v1/unidentified-slides").expect(200).json();
        list["slides"].as_array().expect("a list").iter().any(|one| one["slide_id"] == id)
    };
    assert!(waiting(&client));
    assert!(!waiting(&node.machine(Org::City)), "another hospital's");
    let path = format!("/api/v1/slides/{id}/identity");
    let of = json!({"of": {"patient_name": "Zhao^Liu=赵^六", "patient_id": "P11", "accession_number": "B2026-11"}});
    node.machine(Org::City).put(&path, &of).expect_problem(404, "not-found");
    node.person("auditor").put(&path, &of).expect_problem(403, "forbidden");
    client.put(&path, &json!({"of": {"stain": "HE"}})).expect_problem(422, "invalid");
    client.put(&path, &of).expect(200);
    client.put(&path, &of).expect_problem(409, "conflict");
    assert!(!waiting(&client));
    let slide = client.get(&format!("/api/v1/slides/{id}")).expect(200).json();
    assert_eq!((&slide["patient_name"], &slide["patient_id"]), (&json!("赵六"), &json!("P11")));
    // What goes out is the right patient's as well, and what is stored stays as it was.
    let study = slide["study_instance_uid"].as_str().expect("a study");
    let found = client.get(&format!("/dicom-web/studies?StudyInstanceUID={study}")).expect(200).json();
    assert_eq!(found[0]["00100020"]["Value"][0], "P11");
}

#[test]
fn a_slide_without_a_scale_is_calibrated_and_that_is_taken_back() {
    let node = Node::shared();
    let client = tus(node.person("uploader"));
    // The real slide without what its description says of the scale.
    let mut bytes = slide_of("scale");
    let at = bytes.windows(6).position(|w| w == b"MPP = ").expect("a scale");
    bytes[at..at + 3].copy_from_slice(b"xxx");
    let upload = begin(&client, "no scale.svs", bytes.len());
    patch(&client, &upload, 0, &bytes).expect(204);
    finish(&client, &upload, &bytes, &json!({"patient_id": "P12"}));
    let state = over(&client, &upload);
    let id = state["slide_id"].as_str().unwrap_or_else(|| panic!("{state}")).to_owned();
    let (path, slide) = (format!("/api/v1/slides/{id}/calibration"), format!("/api/v1/slides/{id}"));
    let seen = || client.get(&slide).expect(200).json();
    assert_eq!(seen()["mpp_um"], Json::Null);
    for nonsense in [
        json!({}),
        json!({"mpp_um": 0}),
        json!({"mpp_um": -0.5}),
        json!({"mpp_um": 5000}),
        json!({"mpp_um": 0.5, "distance": {"from": [0, 0], "to": [100, 0], "um": 50}}),
        json!({"distance": {"from": [0, 0], "to": [5, 0], "um": 50}}),
        json!({"distance": {"from": [0, 0], "to": [1e9, 0], "um": 50}}),
    ] {
        client.put(&path, &nonsense).expect_problem(422, "invalid");
    }
    client.put(&path, &json!({"mpp_um": 0.5, "rev": "now"})).expect_problem(422, "invalid");
    client.put(&path, &json!({"mpp_um": 0.5, "rev": "0123456789abcdef"})).expect_problem(409, "conflict");
    client.put(&path, &json!({"distance": {"from": [100, 100], "to": [1100, 100], "um": 250}})).expect(200);
    let calibrated = seen();
    assert_eq!(calibrated["mpp_um"]["x"], 0.25);
    assert!(calibrated["calibration"]["by"].as_str().expect("who").starts_with("person:"));
    assert!(calibrated["calibration"]["by_name"].is_string());
    node.machine(Org::City).put(&path, &json!({"mpp_um": 1})).expect_problem(404, "not-found");
    client.delete(&path).expect(204);
    assert_eq!((&seen()["mpp_um"], &seen()["calibration"]), (&Json::Null, &Json::Null));
    // One whose scanner says it keeps its own.
    let own = slide_of("own scale");
    let upload = begin(&client, "scale.svs", own.len());
    patch(&client, &upload, 0, &own).expect(204);
    finish(&client, &upload, &own, &json!({"patient_id": "P12"}));
    let id = over(&client, &upload)["slide_id"].as_str().expect("a slide").to_owned();
    client
        .put(&format!("/api/v1/slides/{id}/calibration"), &json!({"mpp_um": 1}))
        .expect_problem(409, "conflict");
}

#[test]
fn names_of_files_fill_a_form() {
    let client = Node::shared().person("uploader");
    let names = json!({"names": ["B2026-01234 A1 HE.svs", "scan.svs"]});
    let found = client.post("/api/v1/uploads/names", &names).expect(200).json();
    assert_eq!(found["found"][0], json!({"accession_number": "B2026-01234", "block": "A1", "stain": "HE"}));
    assert_eq!(found["found"][1], json!({}));
    let many = json!({"names": vec!["a"; 201]});
    client.post("/api/v1/uploads/names", &many).expect_problem(422, "invalid");
}

/// What of these instances is told to be held, with its hash.
fn held(client: &Client, instances: &[&str]) -> Vec<(String, String)> {
    let answer = client.post("/api/v1/uploads/held", &json!({"instances": instances})).expect(200).json();
    let text = |one: &Json, key: &str| one[key].as_str().expect("text").to_owned();
    let all = answer["held"].as_array().expect("a list");
    all.iter().map(|one| (text(one, "sop_instance_uid"), text(one, "sha256"))).collect()
}

#[test]
fn what_is_held_is_told_with_its_hash_to_its_own_organisation_alone() {
    let node = Node::shared();
    let client = node.person("township");
    let images = Ct::new().series_of(2);
    let stored = images[0].file();
    client.post_bytes("/api/v1/uploads", "application/dicom", stored.bytes.clone()).expect(201);
    let asked: Vec<&str> = images.iter().map(|image| image.instance.as_str()).collect();
    // The hash is of the data set: the same in a file of another program, whatever stands in front of it.
    assert_eq!(held(&client, &asked), [(images[0].instance.clone(), stored.sha256())]);
    let answer = client.post("/api/v1/uploads/held", &json!({"instances": asked})).expect(200).json();
    assert_eq!(answer["held"][0]["study_instance_uid"], images[0].study);
    assert_eq!(answer["held"][0]["series_instance_uid"], images[0].series);

    // Another organisation's is not told from one that was never here, to the byte.
    let elsewhere = node.machine(Org::City);
    let ask = |instance: &str| {
        elsewhere.post("/api/v1/uploads/held", &json!({"instances": [instance]})).expect(200).body
    };
    assert_eq!(ask(&images[0].instance), ask(&images[1].instance));
    // Both hold it, each with its own hash.
    let other = Ct { seed: 9, ..images[0].clone() }.file();
    elsewhere.post_bytes("/api/v1/uploads", "application/dicom", other.bytes.clone()).expect(201);
    assert_eq!(held(&elsewhere, &asked), [(images[0].instance.clone(), other.sha256())]);
    assert_eq!(held(&client, &asked), [(images[0].instance.clone(), stored.sha256())]);

    let refused = |client: &Client, body: Json| client.post("/api/v1/uploads/held", &body);
    refused(&client, json!({"instances": vec!["1.2.3"; 1001]})).expect_problem(422, "invalid");
    refused(&client, json!({"instances": ["../etc"]})).expect_problem(422, "invalid");
    refused(&node.person("auditor"), json!({"instances": []})).expect_problem(403, "forbidden");
    refused(&node.nobody(), json!({"instances": []})).expect_problem(401, "unauthenticated");
    assert_eq!(held(&client, &["1.2.3"; 1000]), []);
}
