//! Slides of several files by upload and by watched folder: as one, or not at all.

use crate::scanners::imported;
use crate::support::node::Org;
use crate::support::programs::{finish as done, python};
use crate::support::{Client, wait_for};
use crate::uploads::{PATIENCE, begin, finish, over, patch, tus};
use crate::watch::Site;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};

fn several() -> PathBuf {
    imported().folder.path().join("several")
}

fn upload(client: &Client, name: &str, bytes: &[u8]) -> Json {
    let upload = begin(client, name, bytes.len());
    for (number, piece) in bytes.chunks(8 << 20).enumerate() {
        patch(client, &upload, number * (8 << 20), piece).expect(204);
    }
    finish(client, &upload, bytes, &json!({"patient_id": "P70", "patient_name": "多文件"}));
    over(client, &upload)
}

/// A zip as people's systems make it, with a folder around all of it.
fn zip(names: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.zip");
    let script = "import sys, zipfile, pathlib\n\
                  with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as zip:\n\
                  \x20   for name in sys.argv[3:]:\n\
                  \x20       zip.write(pathlib.Path(sys.argv[2]) / name, '病例/' + name)\n";
    let mut command = python();
    command.args(["-c", script]).arg(&path).arg(several()).args(names);
    done(command).expect_success();
    fs::read(path).expect("a zip")
}

const MIRAX: [&str; 4] = ["mirax.mrxs", "mirax/Slidedat.ini", "mirax/Index.dat", "mirax/Data0000.dat"];

#[test]
fn an_archive_of_a_folder_is_known_when_it_is_uploaded_and_a_zip_is_a_slide() {
    let node = &imported().node;
    let client = tus(node.person("uploader"));
    // What the page of uploads makes of the folder is what is kept of an import (wsi/src/bundle/tests.rs).
    let listed = client.get("/api/v1/slides").expect(200).json();
    let all = listed["slides"].as_array().expect("slides");
    let slide = all.iter().find(|slide| slide["source"] == "mirax.mrxs").expect("the slide");
    let id = slide["id"].as_str().expect("an id");
    let archive = node.person("township").get(&format!("/api/v1/slides/{id}/original")).expect(200).body;
    let state = upload(&client, "mirax.mrxs", &archive);
    assert_eq!(state["slide_id"], id, "{state}");

    let packed = zip(&MIRAX);
    let state = upload(&client, "病例.zip", &packed);
    assert_eq!((&state["state"], &state["outcome"]), (&json!("ready"), &json!("imported")), "{state}");
    let id = state["slide_id"].as_str().expect("a slide");
    let slide = client.get(&format!("/api/v1/slides/{id}")).expect(200).json();
    assert_eq!((&slide["format"], &slide["grade"]), (&json!("MIRAX"), &json!("C")));
    let kept = node.person("township").get(&format!("/api/v1/slides/{id}/original")).expect(200);
    assert!(kept.body == packed, "as it came");
    node.command(&["slide", "check", id]).expect_success();
}

#[test]
fn one_of_several_files_alone_is_refused_and_says_what_to_do() {
    let client = tus(imported().node.person("uploader"));
    let refused = |name: &str, bytes: &[u8]| {
        let state = upload(&client, name, bytes);
        assert_eq!(state["state"], "refused", "{state}");
        state["refusal"]["why"].as_str().expect("a word").to_owned()
    };
    let alone = fs::read(several().join("mirax.mrxs")).expect("a file");
    assert_eq!(refused("mirax.mrxs", &alone), "incomplete");
    assert_eq!(refused("mirax.zip", &zip(&MIRAX[..2])), "incomplete");
    assert_eq!(refused("nothing.zip", &zip(&["scan.jpg"])), "not_a_slide");
    let mut cut = zip(&MIRAX);
    cut.truncate(cut.len() / 2);
    assert_eq!(refused("cut.zip", &cut), "damaged");
    let list = fs::read(several().join("hamamatsu.vms")).expect("a list");
    assert_eq!(refused("s.vms", &list), "incomplete");
}

fn copy(share: &Path, name: &str) {
    let to = share.join(name);
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(several().join(name), to).expect("a copy");
}

#[test]
fn a_watched_folder_waits_until_all_files_of_a_slide_are_there_and_stand_still() {
    imported().node.id_of(Org::Township);
    let site = Site::new("move");
    let share = site.share();
    copy(&share, MIRAX[0]);
    copy(&share, MIRAX[1]);
    copy(&share, "hamamatsu.vms");
    let waiting = |name: &str| {
        wait_for("it is said that files are missing", PATIENCE, || {
            let seen = site.client().get("/api/v1/watched-folders").expect(200).json();
            let files = seen["folders"][0]["files"].as_array()?.clone();
            files.into_iter().find(|file| file["name"] == name && file["refusal"]["why"] == "incomplete")
        })
    };
    assert_eq!(waiting("mirax.mrxs")["state"], "waiting");
    waiting("hamamatsu.vms");
    assert!(site.slides().is_empty() && share.join("mirax.mrxs").exists());

    copy(&share, MIRAX[2]);
    copy(&share, MIRAX[3]);
    for name in ["scan.jpg", "map.jpg", "macro.jpg"] {
        copy(&share, name);
    }
    let slides = site.wait_for_slides(2);
    let mut formats: Vec<_> = slides.iter().map(|slide| slide["format"].as_str().expect("a text")).collect();
    formats.sort_unstable();
    assert_eq!(formats, ["Hamamatsu", "MIRAX"]);
    wait_for("both are put away as a whole", PATIENCE, || {
        let is_away = share.join("done/mirax/mirax/Data0000.dat").exists()
            && share.join("done/hamamatsu/scan.jpg").exists()
            && !share.join("mirax").exists()
            && !share.join("scan.jpg").exists();
        is_away.then_some(())
    });
}
