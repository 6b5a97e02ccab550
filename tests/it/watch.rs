//! A folder that a scanner writes to: what stands still comes in, what does not is left, and a restart reads nothing twice.

use crate::support::node::{farsight, program};
use crate::support::serving::free_port;
use crate::support::{Client, Done, sample, wait_for};
use serde_json::Value as Json;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);
const PATTERN: &str = r"^(?<patient_id>P\d+)_(?<accession_number>B[\d-]+)(?:_(?<stain>\w+))?$";

/// A node with a watched folder, and a hospital's machine that looks at it.
pub struct Site {
    folder: tempfile::TempDir,
    process: Option<Child>,
    http: u16,
    token: String,
}

impl Site {
    pub fn new(afterwards: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let http = free_port();
        let share = folder.path().join("share");
        fs::create_dir(&share).expect("a share");
        let config = format!(
            "[storage]\ndirectory = {:?}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[dicom]\nlisten = \"127.0.0.1:{}\"\n\
             [slides]\nname_pattern = '{PATTERN}'\n[[slides.watch]]\nfolder = {share:?}\norganisation = \"township\"\n\
             stable_for_s = 1\nevery_s = 1\nafterwards = \"{afterwards}\"\n",
            folder.path().join("data"),
            free_port()
        );
        fs::write(folder.path().join("farsight.toml"), config).expect("a configuration");
        let mut site = Self { folder, process: None, http, token: String::new() };
        let checked = site.command(&["config", "check"]).expect_success();
        assert!(checked.stdout.contains("what has stood still for 1 s is imported"), "{}", checked.stdout);
        site.command(&["org", "add", "township", "清河镇卫生院"]).expect_success();
        let made = site.command(&["token", "add", "--org", "township"]).expect_success();
        site.token = made.stdout.split_whitespace().last().expect("a token").to_owned();
        site.start();
        site
    }

    fn command(&self, arguments: &[&str]) -> Done {
        let config = self.folder.path().join("farsight.toml");
        farsight(&[arguments, &["--config", config.to_str().expect("UTF-8")]].concat())
    }

    fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let mut serve = Command::new(program());
        serve.args(["serve", "--config"]).arg(self.folder.path().join("farsight.toml"));
        serve.stdout(Stdio::null()).stderr(log.expect("a log"));
        self.process = Some(serve.spawn().expect("the program starts"));
        wait_for("the node listens", PATIENCE, || TcpStream::connect(("127.0.0.1", self.http)).ok());
    }

    /// kill -9.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub fn client(&self) -> Client {
        Client::with_token(&format!("http://127.0.0.1:{}", self.http), &self.token)
    }

    pub fn share(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    pub fn slides(&self) -> Vec<Json> {
        let list = self.client().get("/api/v1/slides").expect(200).json();
        list["slides"].as_array().expect("a list").clone()
    }

    pub fn wait_for_slides(&self, count: usize) -> Vec<Json> {
        wait_for(&format!("{count} slides\n{}", self.log()), PATIENCE, || {
            let slides = self.slides();
            (slides.len() >= count).then_some(slides)
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The real slide with other bytes behind its end.
fn slide_of(test: &str) -> Vec<u8> {
    let bytes = fs::read(sample("demo/slides/CMU-1-Small-Region.svs")).expect("a slide");
    [bytes, test.as_bytes().to_vec()].concat()
}

fn names_below(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_stands_still_comes_in_once_and_says_why_it_does_not() {
    let mut site = Site::new("leave");
    let share = site.share();
    fs::create_dir(share.join("day")).expect("a folder");
    fs::write(share.join("day/P7_B2026-17_HE.svs"), slide_of("one")).expect("a file");
    fs::write(share.join("bad.svs"), b"II*\0 and nothing more").expect("a file");
    fs::write(share.join("notes.txt"), b"none of ours").expect("a file");
    let slides = site.wait_for_slides(1);
    assert_eq!(
        (&slides[0]["patient_id"], &slides[0]["source"]),
        (&"P7".into(), &"P7_B2026-17_HE.svs".into())
    );
    let note = wait_for("the refused file has a note", PATIENCE, || {
        fs::read_to_string(share.join("bad.svs.farsight.txt")).ok()
    });
    assert!(note.contains("未导入") && note.contains("Not imported"), "{note}");
    wait_for("and the imported one", PATIENCE, || {
        fs::read_to_string(share.join("day/P7_B2026-17_HE.svs.farsight.txt")).ok()
    });

    // A restart, and again kill -9: nothing is read twice, and what is new comes in.
    site.kill();
    site.start();
    fs::write(share.join("P8_B2026-18.svs"), slide_of("two")).expect("a file");
    assert_eq!(site.wait_for_slides(2).len(), 2);
    let told = site.command(&["watch", "status"]).expect_failure();
    assert!(told.stdout.contains("2 imported") && told.stdout.contains("bad.svs: "), "{}", told.stdout);
    let seen = site.client().get("/api/v1/watched-folders").expect(200).json();
    assert_eq!(seen["folders"][0]["files"][0]["name"], "bad.svs", "{seen}");
    site.command(&["audit", "verify"]).expect_success();
    assert!(!site.log().contains("P7_B2026"), "no name of a file in the log");
}

#[test]
fn a_file_that_grows_is_left_alone_until_it_stands_still() {
    let site = Site::new("move");
    let path = site.share().join("P9_B2026-19.svs");
    let bytes = slide_of("grows");
    let mut file = fs::File::create(&path).expect("a file");
    for piece in bytes.chunks(bytes.len() / 8 + 1) {
        file.write_all(piece).expect("written");
        file.sync_all().expect("written");
        // Less than it has to stand still.
        std::thread::sleep(Duration::from_millis(600));
        assert!(site.slides().is_empty());
    }
    drop(file);
    let slides = site.wait_for_slides(1);
    assert_eq!(slides[0]["patient_id"], "P9");
    wait_for("it is put away", PATIENCE, || {
        site.share().join("done/P9_B2026-19.svs").is_file().then_some(())
    });

    // The same file under another name is recognised, and a broken one is put elsewhere.
    fs::write(site.share().join("copy.svs"), &bytes).expect("a file");
    fs::write(site.share().join("broken.svs"), &bytes[..100_000]).expect("a file");
    wait_for("both are put away", PATIENCE, || {
        let is_empty = names_below(&site.share()) == ["done", "refused"];
        is_empty.then_some(())
    });
    assert_eq!(names_below(&site.share().join("done")), ["P9_B2026-19.svs", "copy.svs"]);
    assert_eq!(names_below(&site.share().join("refused")), ["broken.svs", "broken.svs.farsight.txt"]);
    assert_eq!(site.slides().len(), 1);
}

#[test]
fn a_share_that_vanishes_is_said_once_and_comes_back() {
    let site = Site::new("leave");
    let away = site.folder.path().join("away");
    let state =
        || site.client().get("/api/v1/watched-folders").expect(200).json()["folders"][0]["state"].clone();
    wait_for("it is looked at", PATIENCE, || (state() == "ok").then_some(()));
    fs::rename(site.share(), &away).expect("it vanishes");
    wait_for("it is missed", PATIENCE, || (state() == "unreachable").then_some(()));
    // Some looks later.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(site.log().matches("a watched folder cannot be read").count(), 1, "{}", site.log());
    site.command(&["watch", "status"]).expect_failure();
    fs::rename(&away, site.share()).expect("it is back");
    fs::write(site.share().join("P1_B1.svs"), slide_of("back")).expect("a file");
    assert_eq!(site.wait_for_slides(1)[0]["patient_id"], "P1");
    site.command(&["watch", "status"]).expect_success();
}
