//! `farsight backup` of a node that goes on working, `farsight restore`, and a node that is started from what was restored.

use crate::support::node::{Org, farsight, program, work_folder};
use crate::support::{Ct, Done, Node, Part10};
use std::path::{Path, PathBuf};

#[path = "../../storage/tests/support/postgres.rs"]
mod postgres;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn back_up(data: &Path, to: &Path) -> Done {
    farsight(&["backup", "--data", text(data), "--to", text(to)])
}

fn restore(from: &Path, data: &Path) -> Done {
    farsight(&["restore", "--from", text(from), "--data", text(data)])
}

fn store(node: &Node, images: &[Ct]) {
    let files: Vec<Vec<u8>> = images.iter().map(|ct| ct.file().bytes.clone()).collect();
    node.machine(Org::Township).stow(&files).expect(200);
}

/// All files below a folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

fn holds(folder: &Path, words: &[u8]) -> bool {
    let is_in = |path: PathBuf| {
        let bytes = std::fs::read(path).expect("a file");
        bytes.windows(words.len()).any(|window| window == words)
    };
    files_in(folder).into_iter().any(is_in)
}

#[test]
fn a_node_is_backed_up_while_it_stores_and_started_again_from_the_copy() {
    let node = Node::start("backup");
    let before = Ct::new().sized(128).series_of(20);
    store(&node, &before);
    let folder = work_folder().join("backup-copy");

    // Instances go on arriving while the copy is made.
    let meanwhile = Ct::new().sized(128).series_of(60);
    let made = std::thread::scope(|scope| {
        let storing = scope.spawn(|| meanwhile.chunks(4).for_each(|images| store(&node, images)));
        let made = back_up(node.data(), &folder).expect_success();
        storing.join().expect("they are stored");
        made
    });
    assert!(made.stdout.contains(" 0 unchanged, 0 removed"), "{}", made.stdout);
    let again = back_up(node.data(), &folder).expect_success();
    assert!(!again.stdout.contains(" 0 unchanged"), "only what is new is copied: {}", again.stdout);
    assert!(files_in(&folder).iter().all(|path| !text(path).ends_with(".part")), "nothing half is left");

    let data = work_folder().join("backup-restored");
    let restored = restore(&folder, &data).expect_success();
    assert!(
        restored.stdout.contains("0 findings") || restored.stdout.contains("sound"),
        "{}",
        restored.stdout
    );
    drop(node);
    let node = Node::start_in("backup-restored", &data, &["--no-samples"]);
    for ct in before.iter().chain(&meanwhile) {
        let answer = node.machine(Org::Township).get(&ct.path());
        assert!(answer.status == 200, "{} is gone", ct.instance);
    }
    node.person("township").get("/api/v1/session").expect(200);
}

#[test]
fn a_first_copy_made_while_instances_arrive_is_whole_by_itself() {
    let node = Node::start("backup-busy");
    let folder = work_folder().join("backup-busy-copy");
    let images = Ct::new().sized(128).series_of(80);
    let (early, late) = images.split_at(20);
    store(&node, early);
    std::thread::scope(|scope| {
        scope.spawn(|| late.chunks(2).for_each(|images| store(&node, images)));
        back_up(node.data(), &folder).expect_success();
    });
    let data = work_folder().join("backup-busy-restored");
    // What arrived during the copy may be in it or not; what was there before is, and nothing is half there.
    restore(&folder, &data).expect_success();
    let node = Node::start_in("backup-busy-restored", &data, &["--no-samples"]);
    for ct in early {
        node.machine(Org::Township).get(&ct.path()).expect(200);
    }
}

#[test]
fn what_was_deleted_goes_out_of_the_backup_too() {
    let node = Node::start("backup-deleted");
    let ct = Ct::new().named("Geloescht^Ganz");
    store(&node, std::slice::from_ref(&ct));
    let folder = work_folder().join("backup-deleted-copy");
    back_up(node.data(), &folder).expect_success();
    assert!(holds(&folder, b"Geloescht^Ganz"), "the copy has it");
    let org = node.id_of(Org::Township).to_owned();
    let delete = [
        "study",
        "delete",
        "--data",
        text(node.data()),
        "--org",
        &org,
        "--reason",
        "stored twice",
        &ct.study,
    ];
    farsight(&delete).expect_success();
    back_up(node.data(), &folder).expect_success();
    assert!(!holds(&folder, b"Geloescht^Ganz"), "the copy has it no more");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let node = Node::start("backup-refused");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("thesis.odt"), "work of years").expect("a file");
    let refused = back_up(node.data(), folder.path()).expect_failure();
    assert!(refused.stderr.contains("neither empty nor a backup"), "{}", refused.stderr);
    assert_eq!(files_in(folder.path()).len(), 1);
    let inside = back_up(node.data(), &node.data().join("copy")).expect_failure();
    assert!(inside.stderr.contains("must not lie in each other"), "{}", inside.stderr);
    assert!(!node.data().join("copy").exists(), "nothing was written there");

    let good = work_folder().join("backup-refused-copy");
    back_up(node.data(), &good).expect_success();
    let onto = restore(&good, node.data()).expect_failure();
    assert!(onto.stderr.contains("neither empty"), "{}", onto.stderr);
    restore(folder.path(), &work_folder().join("nowhere")).expect_failure();
    node.assert_alive();
}

#[test]
fn an_index_in_postgresql_goes_through_pg_dump() {
    let cluster = postgres::Cluster::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let config = |name: &str, url: &str| {
        let text = format!("[storage]\ndirectory = {:?}\npostgres_url = \"{url}\"\n", path(name));
        std::fs::write(path(&format!("{name}.toml")), text).expect("a configuration");
    };
    config("here", &cluster.database("here"));
    config("there", &cluster.database("there"));
    let file = |name: &str| path(&format!("{name}.toml"));
    let (here, there, copy) = (file("here"), file("there"), path("copy"));
    let ct = Ct::new();
    let image = ct.file().write(folder.path(), "image.dcm");
    farsight(&["org", "add", "--config", text(&here), "township", "清河镇卫生院"]).expect_success();
    farsight(&["import", "--config", text(&here), "--org", "township", text(&image)]).expect_success();
    farsight(&["backup", "--config", text(&here), "--to", text(&copy)]).expect_success();
    farsight(&["restore", "--from", text(&copy), "--config", text(&there)]).expect_success();
    let mut original = std::process::Command::new(program());
    original.args([
        "study",
        "original",
        "--config",
        text(&there),
        "--org",
        "township",
        &ct.study,
        &ct.instance,
    ]);
    let restored = original.output().expect("the program runs");
    let why = String::from_utf8_lossy(&restored.stderr);
    assert!(restored.status.success(), "{why}");
    assert!(Part10::parse(restored.stdout).data_set() == ct.file().data_set(), "it comes back byte for byte");
}
