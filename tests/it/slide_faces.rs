//! Every face of a slide's pixels: tiles as they are stored or made for browsers, regions by IIIF, Deep Zoom, colours. What
//! they show is judged by other people's programs (`tests/peers/test_iiif.py`); here: who gets which, and at what cost.

use crate::support::http::{Answer, Client};
use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Node, sample, wait_for};
use serde_json::{Value as Json, json};
use std::sync::OnceLock;
use std::time::Duration;

/// What Chromium sends for `<img>`.
const BROWSER: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const SOURCES: [&str; 4] = ["CMU-1-Small-Region.svs", "named", "plain", "sparse"];

struct Faces {
    node: Node,
    slides: Vec<Json>,
}

impl Faces {
    /// A node with a JPEG slide that was imported, and with JPEG 2000, uncompressed and sparse ones that came as DICOM.
    fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let slide = sample("demo/slides/CMU-1-Small-Region.svs");
        let mut command = python();
        command.arg("dicom_slides.py").arg(&slide).arg(folder.path());
        finish(command).expect_success();
        let node = Node::start(name);
        let files = std::fs::read_dir(folder.path()).expect("a folder").map(|e| e.expect("a file").path());
        let is_wanted = |name: &str| SOURCES.iter().any(|source| name.starts_with(&format!("{source}-")));
        let files: Vec<_> = files
            .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_wanted))
            .map(|path| std::fs::read(path).expect("a file"))
            .collect();
        node.machine(Org::Township).stow(&files).expect(200);
        let slide = slide.to_str().expect("UTF-8");
        node.command(&["import", slide, "--org", node.id_of(Org::Township)]).expect_success();
        let person = node.person("township");
        let slides = wait_for("the slides", Duration::from_secs(30), || {
            let all = person.get("/api/v1/slides").expect(200).json()["slides"].as_array().cloned();
            all.filter(|all| all.len() == SOURCES.len())
        });
        Self { node, slides }
    }

    fn slide(&self, source: &str) -> &Json {
        self.slides.iter().find(|slide| slide["source"] == source).expect("the slide")
    }

    fn id(&self, source: &str) -> &str {
        self.slide(source)["id"].as_str().expect("an id")
    }

    fn metric(&self, name: &str) -> u64 {
        let text = Client::new(self.node.base_url()).get("/metrics").expect(200).text();
        let line = text.lines().find(|line| line.starts_with(&format!("farsight_{name} ")));
        let value = line.and_then(|line| line.rsplit(' ').next()).expect("the metric");
        value.parse().expect("a number")
    }
}

/// The node that all but the counting test share.
fn faces() -> &'static Faces {
    static FACES: OnceLock<Faces> = OnceLock::new();
    FACES.get_or_init(|| Faces::start("slide-faces"))
}

fn id(source: &str) -> &'static str {
    faces().id(source)
}

fn township() -> Client {
    faces().node.person("township")
}

fn tile(source: &str, rest: &str) -> String {
    format!("/api/v1/slides/{}/tiles/{rest}", id(source))
}

fn iiif(source: &str, rest: &str) -> String {
    format!("/iiif/3/{}/{rest}", id(source))
}

#[track_caller]
fn expect_stored(answer: &Answer, media_type: &str) {
    assert_eq!((answer.header("content-type"), answer.header("farsight-derived")), (media_type, ""));
}

#[track_caller]
fn expect_derived(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert!(answer.header("farsight-derived").contains("jpeg"), "{}", answer.header("farsight-derived"));
    assert!(answer.body.starts_with(b"\xFF\xD8"));
}

#[test]
fn browsers_get_jpeg_and_who_asks_for_it_the_stored_codestream() {
    for (source, media_type) in [("named", "image/j2c"), ("plain", "application/octet-stream")] {
        let path = tile(source, "0/1/1");
        let shown = township().get_as(&path, BROWSER).expect(200);
        expect_derived(&shown);
        assert_eq!(shown.header("vary"), "accept", "{source}");
        let stored = township().get_as(&path, media_type).expect(200);
        expect_stored(&stored, media_type);
        expect_stored(&township().get(&path).expect(200), media_type);
        expect_stored(&township().get_as(&format!("{path}?as=stored"), BROWSER).expect(200), media_type);
        expect_derived(&township().get(&format!("{path}?as=jpeg")).expect(200));
        assert_ne!(shown.header("etag"), stored.header("etag"), "one validator, one representation");
    }
    for (source, is_derived) in [(SOURCES[0], false), ("named", true), ("plain", true), ("sparse", false)] {
        let slide = township().get(&format!("/api/v1/slides/{}", id(source))).expect(200).json();
        assert_eq!(slide["is_shown_derived"], is_derived, "{source}");
    }
    let path = tile(SOURCES[0], "0/1/1");
    expect_stored(&township().get_as(&path, BROWSER).expect(200), "image/jpeg");
    expect_stored(&township().get(&format!("{path}?as=jpeg")).expect(200), "image/jpeg");
    township().get(&format!("{path}?as=gif")).expect_problem(422, "invalid");
}

#[test]
fn a_validator_saves_the_bytes_and_head_says_what_get_would() {
    for path in [
        tile(SOURCES[0], "0/1/1"),
        tile("named", "0/1/1?as=jpeg"),
        tile("sparse", "0/0/0"),
        iiif(SOURCES[0], "10,10,100,100/50,50/0/default.jpg"),
        format!("/api/v1/slides/{}/dzi_files/9/0_0.jpg", id(SOURCES[0])),
    ] {
        let whole = township().get(&path).expect(200);
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "a strong validator: {etag}");
        // What came as DICOM may get more levels and planes: numbers then mean others.
        let is_imported = path.contains(id(SOURCES[0]));
        let caching = if is_imported { "private, max-age=31536000, immutable" } else { "private, no-cache" };
        assert_eq!(whole.header("cache-control"), caching, "{path}");
        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let again = township().with_header("If-None-Match", &known).get(&path).expect(304);
            assert!(again.body.is_empty() && again.header("etag") == etag, "{path}");
        }
        township().with_header("If-None-Match", "\"other\"").get(&path).expect(200);
        let head = township().head(&path).expect(200);
        assert!(head.body.is_empty());
        for name in ["etag", "content-type", "content-length", "cache-control", "farsight-derived"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
    }
}

/// What is counted is all that a node does, so this one does nothing else.
#[test]
fn what_is_stored_is_never_decoded_and_what_is_not_once_however_many_ask() {
    let faces = Faces::start("slide-counts");
    let client = faces.node.person("township");
    let decoded = || faces.metric("slide_frames_decoded_total");
    let (jpeg, sparse) = (faces.id(SOURCES[0]), faces.id("sparse"));
    for x in 0..9 {
        client.get_as(&format!("/api/v1/slides/{jpeg}/tiles/0/{x}/3"), BROWSER).expect(200);
        let part = format!("/iiif/3/{jpeg}/{},720,240,240/240,240/0/default.jpg", x * 240);
        expect_stored(&client.get(&part).expect(200), "image/jpeg");
    }
    let corner = client.get(&format!("/iiif/3/{jpeg}/2160,720,60,240/60,240/0/default.jpg")).expect(200);
    assert_eq!(corner.header("farsight-derived"), "corner;format=jpeg;coefficients=equal");
    let missing = client.get(&format!("/api/v1/slides/{sparse}/tiles/0/0/0")).expect(200);
    assert_eq!(missing.header("farsight-derived"), "background");
    assert_eq!(decoded(), 0);

    let path = format!("/api/v1/slides/{}/tiles/0/2/2?as=jpeg", faces.id("named"));
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..100).map(|_| scope.spawn(|| client.get(&path).expect(200).body)).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(decoded(), 1);
    assert!(faces.metric("slide_pictures_kept_bytes") > 0);
}

#[test]
fn what_cannot_be_is_a_clear_refusal() {
    for rest in [
        "full/1000000,1000000/0/default.jpg",
        "full/^1000000,1000000/0/default.jpg",
        "0,0,1000000,1000000/1000000,/0/default.jpg",
        "full/9000,9000/0/default.jpg",
        "full/0,0/0/default.jpg",
        "0,0,0,0/max/0/default.jpg",
        "4294967296,4294967296,10,10/max/0/default.jpg",
        "2220,0,10,10/max/0/default.jpg",
        "-5,0,10,10/max/0/default.jpg",
        "pct:NaN,0,10,10/max/0/default.jpg",
        "pct:0,0,1e400,10/max/0/default.jpg",
        "99999999999999999999,0,1,1/max/0/default.jpg",
        "full/max/45/default.jpg",
        "full/max/0/native.jpg",
        "full/max/0/default.tif",
        "..%2F..%2Fetc/max/0/default.jpg",
    ] {
        let answer = township().get(&iiif(SOURCES[0], rest)).expect_problem(400, "bad-request");
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.len() > 20, "it says what to ask for: {detail}");
    }
    for rest in ["0,0,10,10/max/0", "0,0,10,10/max/0/default.jpg/more"] {
        township().get(&iiif(SOURCES[0], rest)).expect_problem(404, "not-found");
    }
    for rest in ["99/0/0", "0/10/0", "0/4294967295/4294967295", "0/99999999999/0", "0/-1/0", "x/0/0"] {
        township().get(&tile(SOURCES[0], rest)).expect_problem(404, "not-found");
    }
}

#[test]
fn what_is_not_yours_is_not_there_by_any_way() {
    let Faces { node, .. } = faces();
    let reader = node.person("reader");
    let nobody = Client::new(node.base_url());
    let never = "01a2077e-2f43-74a0-8029-0ef7c3507664";
    let addresses = [
        "/api/v1/slides/{id}/tiles/0/0/0",
        "/api/v1/slides/{id}/icc",
        "/api/v1/slides/{id}/dzi.dzi",
        "/api/v1/slides/{id}/dzi_files/9/0_0.jpg",
        "/iiif/3/{id}",
        "/iiif/3/{id}/info.json",
        "/iiif/3/{id}/full/100,/0/default.jpg",
        "/iiif/3/{id}/full/nonsense/0/default.jpg",
        "/iiif/3/{id}:label/info.json",
        "/iiif/3/{id}:label/full/max/0/default.jpg",
        "/iiif/3/{id}:overview/full/max/0/default.jpg",
    ];
    for face in addresses {
        let (theirs, none) = (face.replace("{id}", id(SOURCES[0])), face.replace("{id}", never));
        let forms = [reader.get(&theirs), reader.get(&none)].map(|answer| {
            let answer = answer.expect_problem(404, "not-found");
            let mut problem = answer.json();
            problem["instance"] = Json::Null;
            problem
        });
        assert_eq!(forms[0], forms[1], "{face}");
        nobody.get(&theirs).expect_problem(401, "unauthenticated");
    }
    // Asked about it, the reading centre sees the slide and never its label.
    let slide = faces().slide(SOURCES[0]);
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "frozen",
        "slide_id": slide["id"],
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": slide["study_instance_uid"]},
        "question": "切缘是否干净？", "consent": true,
    });
    let draft = township().post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    township().post(&submit, &json!({"version": draft["version"]})).expect(200);
    for face in addresses {
        let path = face.replace("{id}", id(SOURCES[0]));
        let answer = reader.get(&path);
        match face {
            _ if face.contains(':') => drop(answer.expect_problem(404, "not-found")),
            _ if face.contains("nonsense") => drop(answer.expect_problem(400, "bad-request")),
            "/iiif/3/{id}" => assert!(answer.expect(303).header("location").ends_with("/info.json")),
            _ => drop(answer.expect(200)),
        }
    }
    // And that is on the chain, once.
    let study = format!("study/{}", slide["study_instance_uid"].as_str().expect("a UID"));
    wait_for("the audit event", Duration::from_secs(10), || {
        let page = node.person("auditor").get("/api/v1/audit?limit=500").expect(200).json();
        let is_read = |event: &&Json| event["action"] == "read" && event["object"] == study;
        let count = page["events"].as_array().expect("events").iter().filter(is_read).count();
        (count == 1).then_some(())
    });
}

#[test]
fn colours_are_converted_only_for_who_asks_and_labelled() {
    let profile = township().get(&format!("/api/v1/slides/{}/icc", id(SOURCES[0]))).expect(200);
    assert_eq!(profile.header("content-type"), "application/vnd.iccprofile");
    assert_eq!(profile.body.get(36..40), Some(&b"acsp"[..]));
    township().get(&format!("/api/v1/slides/{}/icc", id("plain"))).expect_problem(404, "not-found");
    let path = tile(SOURCES[0], "0/4/4");
    let stored = township().get(&path).expect(200);
    let converted = township().get(&format!("{path}?icc=srgb")).expect(200);
    expect_stored(&stored, "image/jpeg");
    assert_ne!(stored.header("etag"), converted.header("etag"));
    // Converting from sRGB, or from nothing, changes nothing and is not said to.
    let is_converted = converted.header("farsight-derived").contains("icc=srgb");
    assert_eq!(is_converted, converted.body != stored.body);
    let part = iiif(SOURCES[0], "0,0,300,300/100,100/0/default.jpg");
    assert!(!township().get(&part).expect(200).header("farsight-derived").contains("icc"));
    township().get(&format!("{part}?icc=srgb")).expect(200);
    township().get(&format!("{part}?icc=cmyk")).expect_problem(422, "invalid");
    township().get(&format!("{path}?as=stored&icc=srgb")).expect_problem(422, "invalid");
}

#[test]
fn an_image_names_its_canonical_address_and_its_profile() {
    let base = format!("{}/iiif/3/{}", faces().node.base_url(), id(SOURCES[0]));
    let answer = township().get(&iiif(SOURCES[0], "pct:0,0,100,100/222,/0/color.jpg")).expect(200);
    let link = answer.header("link");
    assert!(link.contains(&format!("<{base}/full/222,297/0/default.jpg>;rel=\"canonical\"")), "{link}");
    assert!(link.contains("<http://iiif.io/api/image/3/level2.json>;rel=\"profile\""), "{link}");
    let json = township().get_as(&iiif(SOURCES[0], "info.json"), "application/json").expect(200);
    assert_eq!(json.header("content-type"), "application/json");
}
