//! Slides that other makers' scanners and converters send as DICOM: shown like those that were imported, tile by tile.

use crate::support::node::Org;
use crate::support::programs::{dcmtk, finish, python};
use crate::support::{Node, sample, wait_for};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

pub struct Received {
    pub node: Node,
    slides: Vec<Json>,
    /// The frame's SHA-256 by slide and `level/x/y`; null where the slide leaves a tile out.
    expected: Json,
    folder: tempfile::TempDir,
}

const COUNT: usize = 18;

/// A node that was sent every kind of slide: by STOW-RS, C-STORE and import.
pub fn received() -> &'static Received {
    static RECEIVED: OnceLock<Received> = OnceLock::new();
    RECEIVED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = python();
        command.arg("dicom_slides.py").arg(sample("demo/slides/CMU-1-Small-Region.svs")).arg(folder.path());
        finish(command).expect_success();
        let expected = std::fs::read(folder.path().join("expected.json")).expect("what to expect");
        let node = Node::start("dicom-slides");
        let files = |names: &[&str]| -> Vec<PathBuf> {
            let mut all: Vec<_> = std::fs::read_dir(folder.path())
                .expect("a folder")
                .map(|e| e.expect("a file").path())
                .collect();
            let is_of = |path: &PathBuf| {
                let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
                names.iter().any(|of| name.starts_with(&format!("{of}-")))
            };
            all.retain(is_of);
            all.sort();
            all
        };
        let stowed: Vec<_> =
            files(&["full", "sparse", "fragments", "named", "extended", "high", "scattered", "jpegxl"])
                .iter()
                .map(|path| std::fs::read(path).expect("a file"))
                .collect();
        node.machine(Org::Township).stow(&stowed).expect(200);
        for (names, syntax) in [
            (&["parts", "planes", "bare", "stack", "apart"][..], "-xy"),
            (&["jpegls"], "-xt"),
            (&["reversible"], "-xv"),
            (&["irreversible"], "-xw"),
        ] {
            let paths = files(names);
            let mut arguments = vec!["-R", syntax, "--"];
            arguments.extend(paths.iter().map(|path| path.to_str().expect("UTF-8")));
            dcmtk(&node, "storescu", &arguments).expect_success();
        }
        // Instances of one level one by one: what is shown grows with each.
        for path in files(&["fluor"]) {
            node.machine(Org::Township).stow(&[std::fs::read(path).expect("a file")]).expect(200);
        }
        let mut arguments =
            vec!["import".to_owned(), "--org".to_owned(), node.id_of(Org::Township).to_owned()];
        arguments.extend(files(&["plain"]).iter().map(|path| path.to_str().expect("UTF-8").to_owned()));
        node.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect_success();
        let person = node.person("township");
        // A slide can be seen before its last level has arrived: all of `full` is there when it has three.
        let slides = wait_for("the slides", Duration::from_secs(30), || {
            let all =
                person.get("/api/v1/slides").expect(200).json()["slides"].as_array().expect("slides").clone();
            let is_whole = |slide: &Json| {
                let count = |key: &str| slide[key].as_array().map_or(0, Vec::len);
                let last = |place: &str| {
                    let path =
                        format!("/api/v1/slides/{}/tiles/{place}", slide["id"].as_str().expect("an id"));
                    person.get(&path).status == 200
                };
                match slide["source"].as_str() {
                    Some("full") => count("levels") == 3 && slide["has_label"] == true,
                    Some("apart") => {
                        count("focal_planes") == 3 && count("channels") == 2 && last("0/0/0?z=0.5&path=green")
                    }
                    Some("fluor") => count("levels") == 2 && count("channels") == 3 && last("1/0/0?path=cy5"),
                    _ => true,
                }
            };
            (all.len() == COUNT && all.iter().all(is_whole)).then_some(all)
        });
        let expected = serde_json::from_slice(&expected).expect("JSON");
        Received { node, slides, expected, folder }
    })
}

pub fn slide(name: &str) -> &'static Json {
    received().slides.iter().find(|slide| slide["source"] == name).expect("the slide")
}

/// Every tile of every level is the frame that stands at its place, of each plane and path that is asked for.
#[track_caller]
fn check(name: &str, media_type: &str) -> &'static Json {
    let (received, slide) = (received(), slide(name));
    assert_eq!(
        (&slide["format"], &slide["grade"], &slide["patient_name"]),
        (&"DICOM".into(), &"received".into(), &"王五".into())
    );
    let person = received.node.person("township");
    let id = slide["id"].as_str().expect("an id");
    let tiles: u64 = slide["levels"]
        .as_array()
        .expect("levels")
        .iter()
        .map(|l| l["tiles_x"].as_u64().unwrap() * l["tiles_y"].as_u64().unwrap())
        .sum();
    let expected = received.expected[name].as_object().expect("tiles");
    assert_eq!(expected.keys().filter(|place| !place.contains('?')).count() as u64, tiles, "{name}");
    for (place, frame) in expected {
        let answer = person.get(&format!("/api/v1/slides/{id}/tiles/{place}")).expect(200);
        let Some(wanted) = frame.as_str() else {
            assert_eq!(answer.header("content-type"), "image/jpeg", "{name} {place}: a white one");
            assert!(answer.header("etag").contains("missing"), "{name} {place}");
            continue;
        };
        let by_path = media_types_of_fluor(place).filter(|_| name == "fluor");
        assert_eq!(answer.header("content-type"), by_path.unwrap_or(media_type), "{name} {place}");
        let end = answer.body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let found: String =
            Sha256::digest(&answer.body[..end]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, wanted, "{name} {place}");
    }
    slide
}

/// Each of its channels is coded in another way.
fn media_types_of_fluor(place: &str) -> Option<&'static str> {
    Some(match place.split_once('=')?.1 {
        "dapi" => "image/jls",
        "cy5" => "application/octet-stream",
        _ => "image/jphc",
    })
}

#[test]
fn tiled_full_down_to_one_pixel_with_a_label_that_is_no_level() {
    let slide = check("full", "image/jpeg");
    assert_eq!((&slide["width"], &slide["objective"]), (&700.into(), &20.0.into()));
    assert_eq!(slide["levels"][2]["width"], 1);
    // Whoever is asked sees the slide; the label is for its own hospital.
    let received = received();
    let path = format!("/api/v1/slides/{}/associated/label", slide["id"].as_str().expect("an id"));
    received.node.person("township").get(&path).expect(200);
    received.node.person("reader").get(&path).expect_problem(404, "not-found");
}

#[test]
fn each_frame_has_a_hash_that_a_check_compares() {
    let node = &received().node;
    let check = |name: &str| {
        let id = slide(name)["id"].as_str().expect("an id").to_owned();
        node.command(&["slide", "check", &id]).expect_success().stdout
    };
    for name in ["full", "parts"] {
        let frames = frames_of(name);
        let first = check(name);
        assert!(first.contains(&format!("SHA-256 of {frames} frames is kept from now on")), "{first}");
        let again = check(name);
        assert!(again.contains(&format!("SHA-256 of {frames} of {frames} frames")), "{again}");
        assert!(again.contains("received"), "{again}");
    }
}

/// Frames of all levels, as `expected.json` has them.
fn frames_of(name: &str) -> usize {
    received().expected[name].as_object().expect("tiles").values().filter(|frame| frame.is_string()).count()
}

/// The label lies in the study that is granted, and is not there for whoever is asked.
#[test]
fn whoever_is_asked_gets_the_study_without_its_label_and_reports_on_it_as_received() {
    let received = received();
    let node = &received.node;
    let slide = received.slides.iter().find(|slide| slide["source"] == "full").expect("the slide");
    assert_eq!(slide["as_received"], true);
    let (study, series) = (&slide["study_instance_uid"], &slide["series_instance_uid"]);
    let study_path = format!("/dicom-web/studies/{}", study.as_str().expect("a UID"));
    let series_path = format!("{study_path}/series/{}", series.as_str().expect("a UID"));
    let (own, asked) = (node.machine(Org::Township), node.machine(Org::City));
    let all = own.get(&format!("{study_path}/metadata")).expect(200).json();
    let all = all.as_array().expect("instances");
    let label = all.iter().find(|one| one["00080008"]["Value"][2] == "LABEL").expect("the label");
    let label = label["00080018"]["Value"][0].as_str().expect("a UID");
    let label_path = format!("{series_path}/instances/{label}");
    own.get(&format!("{label_path}/metadata")).expect(200);

    let (township, pathologist) = (node.person("township"), node.person("pathologist"));
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "routine",
        "slide_id": slide["id"], "study": {"org": node.id_of(Org::Township), "study_instance_uid": study},
        "question": "是否异型增生？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let at = |rest: &str| format!("/api/v1/consults/{}/{rest}", draft["id"].as_str().expect("an id"));
    let on = |seen: &Json| json!({"version": seen["version"]});
    let submitted = township.post(&at("submit"), &on(&draft)).expect(200).json();

    for path in [study_path.as_str(), &series_path] {
        for rest in ["metadata", "instances"] {
            let listed = asked.get(&format!("{path}/{rest}")).expect(200).json();
            let listed = listed.as_array().expect("instances");
            assert_eq!(listed.len(), all.len() - 1, "{path}/{rest}");
            assert!(listed.iter().all(|one| one["00080018"]["Value"][0] != label), "{path}/{rest}");
        }
    }
    let uid = study.as_str().expect("a UID");
    let found = asked.get(&format!("/dicom-web/studies?StudyInstanceUID={uid}")).expect(200).json();
    assert_eq!(found[0]["00201208"]["Value"][0], all.len() as u64 - 1, "it is not counted");
    for path in ["", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"] {
        assert_eq!(asked.get(&format!("{label_path}{path}")).status, 404, "{path}");
    }

    let claimed = pathologist.post(&at("claim"), &on(&submitted)).expect(200).json();
    let report = json!({
        "findings": "黏膜慢性炎。", "diagnosis": "慢性胃炎。", "recommendation": "", "template": null, "displayed": [],
    });
    let saved = json!({"version": claimed["version"], "report": report});
    pathologist.put(&at("report"), &saved).expect(200);
    let canonical = pathologist.get(&at("report/preview")).expect(200).json()["canonical"].clone();
    assert_eq!(
        canonical["slide"]["grade"], "按接收原样（DICOM）",
        "nothing was compared with a scanner's file"
    );
    assert_eq!(canonical["evidence"].as_array().map(Vec::len), Some(all.len() - 1));
}

#[test]
fn tiled_sparse_in_any_order_with_tiles_left_out() {
    check("sparse", "image/jpeg");
}

#[test]
fn a_concatenation_without_an_offset_table() {
    check("parts", "image/jpeg");
}

#[test]
fn of_focal_planes_the_middle_and_of_optical_paths_the_first() {
    check("planes", "image/jpeg");
}

#[test]
fn an_empty_offset_table_with_several_fragments_for_each_frame() {
    check("fragments", "image/jpeg");
}

#[test]
fn jpeg_2000_that_calls_itself_htj2k_is_named_for_what_it_is() {
    let slide = check("named", "image/j2c");
    assert_eq!(slide["grade_report"]["codec"], "JPEG 2000 (reversible), labelled HTJ2K");
}

#[test]
fn uncompressed_frames() {
    let slide = check("plain", "application/octet-stream");
    assert_eq!(slide["grade_report"]["codec"], "uncompressed");
}

#[test]
fn jpeg_ls() {
    let slide = check("jpegls", "image/jls");
    assert_eq!(slide["grade_report"]["codec"], "JPEG-LS");
}

#[test]
fn jpeg_2000_under_its_own_syntaxes() {
    for (name, codec) in
        [("reversible", "JPEG 2000 (reversible)"), ("irreversible", "JPEG 2000 (irreversible)")]
    {
        assert_eq!(check(name, "image/j2c")["grade_report"]["codec"], codec);
    }
}

#[test]
fn jpeg_xl_is_decoded_for_browsers() {
    let slide = check("jpegxl", "image/jxl");
    assert_eq!(slide["grade_report"]["codec"], "JPEG XL");
    let tile = format!("/api/v1/slides/{}/tiles/0/0/0", slide["id"].as_str().expect("an id"));
    let person = received().node.person("township");
    let shown = person.with_header("Accept", "image/webp,image/*,*/*;q=0.8").get(&tile).expect(200);
    assert_eq!(shown.header("content-type"), "image/jpeg");
    assert!(shown.header("farsight-derived").starts_with("tile;format=jpeg"));
}

#[test]
fn high_throughput_jpeg_2000() {
    let slide = check("high", "image/jphc");
    assert_eq!(slide["grade_report"]["codec"], "HTJ2K (reversible)");
}

#[test]
fn an_extended_offset_table_and_none() {
    check("extended", "image/jpeg");
    check("bare", "image/jpeg");
}

/// Heights in micrometres, those of `focal_planes`, and which is the middle one.
fn heights(slide: &Json) -> (Vec<f64>, Vec<bool>) {
    let planes = slide["focal_planes"].as_array().expect("planes").iter();
    planes.map(|plane| (plane["z_um"].as_f64().expect("a number"), plane["is_default"] == true)).unzip()
}

#[test]
fn every_plane_of_every_path_by_its_height_and_identifier() {
    for (name, lowest) in [("stack", 0.0), ("scattered", -0.5), ("apart", -0.5)] {
        let slide = check(name, "image/jpeg");
        let expected = [0.0, 0.5, 1.0].map(|above| lowest + above);
        assert_eq!(heights(slide), (expected.to_vec(), vec![false, true, false]), "{name}");
        let paths = slide["channels"].as_array().expect("channels");
        let paths: Vec<_> =
            paths.iter().map(|path| (&path["path"], &path["description"], &path["color"])).collect();
        let none = Json::Null;
        assert_eq!(
            paths,
            [(&"blue".into(), &"blueblue".into(), &none), (&"green".into(), &"greengreen".into(), &none)],
            "{name}: in colours of their own"
        );
        assert!(slide["composition"].is_null());
    }
}

#[test]
fn a_plane_or_path_that_is_not_there_is_no_tile() {
    let person = received().node.person("township");
    let at = |name: &str, query: &str| {
        let id = slide(name)["id"].as_str().expect("an id");
        person.get(&format!("/api/v1/slides/{id}/tiles/0/0/0?{query}"))
    };
    at("stack", "z=0.5&path=blue").expect(200);
    for query in ["z=0.25", "z=1000000", "z=-0.5", "path=red", "path=", "z=0.5&path=Blue", "path=%00"] {
        at("stack", query).expect_problem(404, "not-found");
    }
    for query in ["z=", "z=NaN", "z=1e99", "z=up"] {
        at("stack", query).expect_problem(422, "invalid");
    }
    at("full", "z=0").expect(200);
    at("full", "path=1").expect(200);
    at("full", "path=2").expect_problem(404, "not-found");
}

/// Which instance a tile is from, as the server says it.
fn said_instance(answer: &Json, tile: u64) -> &str {
    let runs = answer["runs"].as_array().expect("runs");
    let run = runs.iter().rfind(|run| run["first_tile"].as_u64() <= Some(tile)).expect("a run");
    let index = usize::try_from(run["instance"].as_u64().expect("an instance")).expect("an index");
    answer["instances"][index].as_str().expect("a UID")
}

/// A tile's ETag names the stored object: whoever says that two tiles are from one instance must agree with it.
#[test]
fn each_tile_is_said_to_be_from_the_instance_that_holds_it() {
    let person = received().node.person("township");
    for (name, count, queries) in [
        ("parts", 2, &[""][..]),
        (
            "apart",
            6,
            &[
                "?z=-0.5&path=blue",
                "",
                "?z=0.5&path=blue",
                "?z=-0.5&path=green",
                "?path=green",
                "?z=0.5&path=green",
            ][..],
        ),
        ("full", 1, &[""][..]),
    ] {
        let slide = slide(name);
        let id = slide["id"].as_str().expect("an id");
        let level = &slide["levels"][0];
        assert_eq!(level["instance_count"], count, "{name}");
        let (across, down) =
            (level["tiles_x"].as_u64().expect("tiles"), level["tiles_y"].as_u64().expect("tiles"));
        let mut by_object = std::collections::HashMap::new();
        for query in queries {
            let said =
                person.get(&format!("/api/v1/slides/{id}/levels/0/instances{query}")).expect(200).json();
            for tile in 0..across * down {
                let (x, y) = (tile % across, tile / across);
                let answer = person.get(&format!("/api/v1/slides/{id}/tiles/0/{x}/{y}{query}")).expect(200);
                let object =
                    answer.header("etag").trim_matches('"').split('-').next().expect("a hash").to_owned();
                let uid = said_instance(&said, tile).to_owned();
                assert_eq!(
                    by_object.entry(object).or_insert_with(|| uid.clone()),
                    &uid,
                    "{name} {query} {x},{y}"
                );
            }
        }
        let uids: std::collections::HashSet<_> = by_object.values().collect();
        assert_eq!((by_object.len(), uids.len()), (count, count), "{name}: an object for each instance");
    }
    let id = slide("apart")["id"].as_str().expect("an id");
    let at = |rest: &str| person.get(&format!("/api/v1/slides/{id}/levels/{rest}"));
    for rest in ["9/instances", "x/instances", "0/instances?z=0.25", "0/instances?path=red"] {
        at(rest).expect_problem(404, "not-found");
    }
    at("0/instances?z=up").expect_problem(422, "invalid");
    let stranger =
        received().node.person("pathologist").get(&format!("/api/v1/slides/{id}/levels/0/instances"));
    stranger.expect_problem(404, "not-found");
}

#[test]
fn planes_whose_distance_nobody_says_are_numbered() {
    let planes = slide("planes")["focal_planes"].as_array().expect("planes");
    let names: Vec<_> = planes.iter().map(|plane| (&plane["z"], plane["z_um"].is_null())).collect();
    assert_eq!(names, [(&"0".into(), true), (&"1".into(), true), (&"2".into(), true)]);
}

#[test]
fn channels_of_fluorescence_have_colours_and_windows() {
    let slide = check("fluor", "image/jls");
    let channels = slide["channels"].as_array().expect("channels");
    let seen: Vec<_> = channels
        .iter()
        .map(|one| [&one["path"], &one["color"]].map(|text| text.as_str().expect("a text")))
        .collect();
    assert_eq!(seen[..2], [["dapi", "3366FF"], ["fitc:1,2%", "00FF00"]], "by the light of each");
    assert_eq!(seen[2], ["cy5", "56B4E9"], "of the list");
    for channel in channels {
        let (low, high) = (channel["window"]["low"].as_u64(), channel["window"]["high"].as_u64());
        assert!(low < high && high < Some(4095), "{channel}");
        assert_eq!(channel["bits"], 12);
    }
    let composition = slide["composition"].as_str().expect("a composition");
    assert!(
        composition.starts_with("dapi:3366FF:") && composition.contains(",fitc%3A1%2C2%25:00FF00:"),
        "{composition}"
    );
}

/// Every tile of every level, as usual and as chosen, against NumPy's arithmetic on what was sent.
#[test]
fn channels_are_put_together_on_the_way_out() {
    let received = received();
    let id = slide("fluor")["id"].as_str().expect("an id");
    let token = received.node.organisation(Org::Township)["token"].as_str().expect("a token");
    let mut command = python();
    command
        .args(["judge_channels.py", received.node.base_url(), token, id])
        .arg(received.folder.path().join("fluor.npz"));
    let done = finish(command).expect_success();
    assert!(done.stdout.contains("channels agree"), "{}", done.output());
}

#[test]
fn a_composition_has_a_validator_and_none_that_is_wrong_is_answered() {
    let person = received().node.person("township");
    let at = |name: &str, query: &str| {
        format!("/api/v1/slides/{}/tiles/0/1/1?{query}", slide(name)["id"].as_str().expect("an id"))
    };
    let answer = person.get(&at("fluor", "channels=dapi,cy5:FF0000:0-100")).expect(200);
    assert_eq!(answer.header("cache-control"), "private, no-cache", "more of it may arrive");
    assert!(answer.header("farsight-derived").starts_with("channels=dapi:3366FF:"));
    let etag = answer.header("etag");
    assert!(etag != person.get(&at("fluor", "channels=dapi,cy5:FF0000:0-101")).expect(200).header("etag"));
    let again = received().node.person("township").with_header("If-None-Match", etag);
    again.get(&at("fluor", "channels=dapi:3366FF,cy5:FF0000:0-100")).expect(304);
    for wrong in
        ["channels=", "channels=red", "channels=dapi,dapi", "channels=dapi:blue", "channels=dapi&path=dapi"]
    {
        person.get(&at("fluor", wrong)).expect_problem(422, "invalid");
    }
    person.get(&at("stack", "channels=blue")).expect_problem(422, "invalid");
    person.get(&at("fluor", "channels=dapi").replace("/0/1/1", "/0/1/99")).expect_problem(404, "not-found");
    received().node.person("reader").get(&at("fluor", "channels=dapi")).expect_problem(404, "not-found");
}

/// The addresses of a slide's instances, as WADO-RS has them.
fn instances_of(name: &str) -> Vec<String> {
    let slide = slide(name);
    let of = |key: &str| slide[key].as_str().expect("a UID");
    let (study, series) = (of("study_instance_uid"), of("series_instance_uid"));
    let series = format!("/dicom-web/studies/{study}/series/{series}");
    let all = received().node.machine(Org::Township).get(&format!("{series}/metadata")).expect(200).json();
    let uids = all.as_array().expect("instances").iter().map(|one| &one["00080018"]["Value"][0]);
    uids.map(|uid| format!("{series}/instances/{}", uid.as_str().expect("a UID"))).collect()
}

#[test]
fn an_instance_of_one_path_or_plane_is_rendered_as_itself() {
    let own = || received().node.machine(Org::Township);
    // Two levels of three paths, each level as good for a small picture; three planes of two paths.
    for (name, count) in [("fluor", 3), ("apart", 6)] {
        let (mut pictures, mut validators) = (HashSet::new(), HashSet::new());
        for instance in instances_of(name) {
            let path = format!("{instance}/rendered?viewport=64,64&accept=image/png");
            let picture = own().get(&path).expect(200);
            let etag = picture.header("etag").to_owned();
            assert_eq!(picture.header("cache-control"), "private, no-cache");
            own().with_header("If-None-Match", &etag).get(&path).expect(304);
            validators.insert(etag);
            pictures.insert(picture.body);
        }
        assert_eq!((pictures.len(), validators.len()), (count, count), "{name}");
    }
}

#[test]
fn a_slide_is_rendered_as_it_is_asked_for() {
    let own = received().node.machine(Org::Township);
    let shades = &instances_of("fluor")[0];
    let of = |query: &str| {
        own.get(&format!("{shades}/rendered?viewport=64,64&accept=image/png{query}")).expect(200)
    };
    let (plain, dark) = (of(""), of("&window=4000,100"));
    assert_ne!(plain.body, dark.body, "by the window that is asked for");
    assert_ne!(plain.header("etag"), dark.header("etag"));
    assert!(of("&iccprofile=yes").body.windows(4).any(|bytes| bytes == b"iCCP"));
    assert!(of("&annotation=patient").header("warning").contains("patient"));
    let parts =
        own.get_as(&format!("{shades}/rendered"), "multipart/related; type=\"image/jpeg\"").expect(200);
    assert!(
        parts.header("content-type").starts_with("multipart/related"),
        "{}",
        parts.header("content-type")
    );
    // Shades have no colours to convert, whatever profile comes with them.
    let slide = slide("fluor")["id"].as_str().expect("an id");
    let person = received().node.person("township");
    for query in ["", "?icc=srgb"] {
        person.get(&format!("/iiif/3/{slide}/full/64,/0/default.jpg{query}")).expect(200);
    }
}
