//! Files of several focal planes and channels, imported layer for layer and judged by other people's readers.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Node, run, sample};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

struct Imported {
    node: Node,
    folder: tempfile::TempDir,
    slides: Vec<Json>,
}

/// A node with every file that `layered_files.py` writes.
fn imported() -> &'static Imported {
    static IMPORTED: OnceLock<Imported> = OnceLock::new();
    IMPORTED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = python();
        command.arg("layered_files.py").arg(sample("demo/slides/CMU-1-Small-Region.svs")).arg(folder.path());
        finish(command).expect_success();
        let node = Node::start("scanner-layers");
        let written = std::fs::read_dir(folder.path()).expect("a folder");
        let paths: Vec<PathBuf> = written.map(|entry| entry.expect("a file").path()).collect();
        let mut arguments = vec!["import", "--org", node.id_of(Org::Township)];
        arguments.extend(paths.iter().map(|path| path.to_str().expect("UTF-8")));
        node.command(&arguments).expect_success();
        let slides = node.person("township").get("/api/v1/slides").expect(200).json();
        let slides = slides["slides"].as_array().expect("slides").clone();
        Imported { node, folder, slides }
    })
}

fn slide(source: &str) -> &'static Json {
    let found = imported().slides.iter().find(|slide| slide["source"] == source);
    found.unwrap_or_else(|| panic!("{source} is missing"))
}

fn exported(slide: &Json, folder: &Path) -> Vec<PathBuf> {
    let uid = |key: &str| slide[key].as_str().expect("a UID");
    let path =
        format!("/dicom-web/studies/{}/series/{}", uid("study_instance_uid"), uid("series_instance_uid"));
    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let answer = imported().node.machine(Org::Township).get_as(&path, accept).expect(200);
    let write = |(number, (_, bytes)): (usize, (_, Vec<u8>))| {
        let file = folder.join(format!("{number}.dcm"));
        std::fs::write(&file, bytes).expect("a file");
        file
    };
    answer.parts().into_iter().enumerate().map(write).collect()
}

/// Imports as a grade; dciodvfy finds no error; tifffile, pydicom and wsidicom find every layer in the instances; the grade is
/// proved again from what is kept.
#[track_caller]
fn check(source: &str, grade: &str, layers: u32) -> &'static Json {
    let slide = slide(source);
    let report = &slide["grade_report"];
    assert_eq!((slide["grade"].as_str(), &report["generations"]), (Some(grade), &json!(0)), "{source}");
    assert_eq!(report["tiles_checked"], report["tiles_equal"], "{source}");
    let folder = tempfile::tempdir().expect("a folder");
    for file in exported(slide, folder.path()) {
        let done = run("dciodvfy", &[file.to_str().expect("UTF-8")]);
        let errors: Vec<_> = done.stderr.lines().filter(|line| line.starts_with("Error")).collect();
        assert!(errors.is_empty(), "{source}: {errors:#?}");
    }
    let mut command = python();
    command.arg("judge_layers.py").arg(folder.path()).arg(imported().folder.path().join(source));
    let done = finish(command).expect_success();
    assert!(done.stdout.contains(&format!("{layers} layers agree")), "{source}: {}", done.output());
    let said = imported().node.command(&["slide", "check", slide["id"].as_str().expect("an id")]);
    let said = said.expect_success().stdout;
    let tiles = report["tiles_checked"].as_u64().expect("a number");
    assert!(said.contains(&format!("grade {grade}: {tiles} of {tiles} tiles equal")), "{said}");
    slide
}

fn heights(slide: &Json) -> Vec<(&str, bool)> {
    let planes = slide["focal_planes"].as_array().expect("planes").iter();
    planes.map(|plane| (plane["z"].as_str().expect("a name"), plane["is_default"] == true)).collect()
}

fn tile(slide: &Json, query: &str) -> Vec<u8> {
    let path = format!("/api/v1/slides/{}/tiles/0/1/1?{query}", slide["id"].as_str().expect("an id"));
    imported().node.person("township").get(&path).expect(200).body
}

#[test]
fn every_focal_plane_of_hamamatsus_is_kept_and_shown() {
    let slide = check("planes.ndpi", "B", 9);
    assert_eq!(heights(slide), [("-1.5", false), ("0", true), ("1.5", false)]);
    assert_eq!(slide["omitted"], json!([]));
    let tiles = ["z=-1.5", "z=0", "z=1.5"].map(|query| tile(slide, query));
    assert!(tiles[0] != tiles[1] && tiles[1] != tiles[2]);
    assert!(tile(slide, "") == tiles[1], "the plane in focus when none is asked for");
}

#[test]
fn of_focal_planes_at_uneven_distances_the_one_in_focus_is_kept_and_the_others_are_named() {
    let slide = check("uneven.ndpi", "B", 3);
    let why = |number: u32| format!("image {number}: a further focal plane at an uneven distance");
    assert_eq!(slide["omitted"], json!([0, 2, 3, 5, 6, 8].map(why)));
    assert_eq!(heights(slide), []);
}

#[test]
fn channels_without_compression_are_frames_as_they_are() {
    let slide = check("plain.ome.tif", "A", 9);
    assert_eq!(slide["grade_report"]["codec"], "uncompressed");
    let said = |channel: &Json| {
        (channel["description"].clone(), channel["wavelength_nm"].clone(), channel["color"].clone())
    };
    let channels: Vec<_> = slide["channels"].as_array().expect("channels").iter().map(said).collect();
    assert_eq!(channels[0], (json!("DAPI"), json!(358.0), json!("0000FF")));
    assert_eq!(channels[1], (json!("FITC"), json!(490.0), json!("00FF00")));
    assert_eq!((&channels[2].0, &channels[2].1), (&json!("Cy5"), &json!(650.0)));
    assert!(slide["composition"].as_str().is_some_and(|text| text.starts_with("1:0000FF:")), "{slide}");
    let tiles: Vec<_> = ["path=1", "path=2", "path=3"].map(|query| tile(slide, query)).into();
    assert!(tiles[0] != tiles[1] && tiles[1] != tiles[2] && tiles[0].len() == 256 * 256 * 2);
}

#[test]
fn focal_planes_of_channels_are_kept_apart() {
    let slide = check("plain-planes.ome.tif", "A", 18);
    assert_eq!(heights(slide), [("0", false), ("0.75", true), ("1.5", false)]);
    assert!(tile(slide, "path=2&z=0") != tile(slide, "path=2&z=1.5"));
}

#[test]
fn channels_in_jpeg_2000_keep_their_codestreams() {
    let slide = check("jpeg-2000.ome.tif", "A", 9);
    assert_eq!(slide["grade_report"]["codec"], "JPEG 2000 (reversible)");
}

#[test]
fn channels_that_dicom_has_no_syntax_for_keep_every_sample() {
    for (source, reason) in [
        ("lzw.ome.tif", "LZW tiles"),
        ("deflate.ome.tif", "deflated tiles"),
        ("big-endian.ome.tif", "uncompressed tiles of another byte order"),
    ] {
        let slide = check(source, "C", 9);
        assert_eq!(slide["grade_report"]["reason"], reason, "{source}");
        assert!(slide["grade_report"]["method"].as_str().is_some_and(|text| text.contains("without loss")));
    }
}

#[test]
fn shades_of_which_nothing_is_said_are_one_channel() {
    let slide = check("shades.tif", "A", 2);
    assert_eq!(slide["channels"].as_array().map(Vec::len), Some(1));
}
