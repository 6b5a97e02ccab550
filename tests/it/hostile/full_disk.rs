//! A disk without room: what arrives is refused as such (507, A7xx), what is there is read, and writing goes on by itself
//! when there is room again.

use crate::support::dicom::CT_IMAGE_STORAGE;
use crate::support::node::Org;
use crate::support::peer::{End, Peer, STUDY_ROOT_FIND, command, explicit, request};
use crate::support::{Ct, Node, wait_for};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DISK_BYTES: u64 = 192 << 20;

/// Takes all the room that is left; gives it back when it is dropped.
struct Ballast(PathBuf);

impl Ballast {
    fn fill(data: &Path) -> Self {
        let ballast = Self(data.join("ballast"));
        let mut file = File::create(&ballast.0).expect("a file");
        let mut length = 1 << 20;
        while length > 0 {
            match file.write_all(&vec![0; length]) {
                Ok(()) => {}
                // Down to the last byte.
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => length /= 2,
                Err(error) => panic!("{error}"),
            }
        }
        ballast
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn store(node: &Node, ct: &Ct) -> End {
    let mut peer = Peer::associate(node, &explicit(CT_IMAGE_STORAGE));
    let command = request(CT_IMAGE_STORAGE, command::STORE, &[(0x1000, ct.instance.as_bytes())]);
    peer.message(1, &command, &ct.data_set().bytes)
}

#[test]
fn a_full_disk_refuses_what_arrives_and_shows_what_is_there() {
    let Some(node) = Node::start_on_small_disk("full-disk", DISK_BYTES) else {
        eprintln!(
            "skipped: nobody may mount a file system here; storage/tests/crash_points.rs fails single calls without one"
        );
        return;
    };
    let machine = node.machine(Org::Township);
    let uploader = node.person("uploader");
    let there: Vec<Ct> = (0..3).map(|_| Ct::new().sized(256)).collect();
    for ct in &there {
        machine.stow(&[ct.file()]).expect(200);
    }

    let ballast = Ballast::fill(node.data());
    let new = || Ct::new().sized(512);
    // Room that is set aside already is used up first.
    wait_for("STOW-RS is refused", Duration::from_secs(60), || {
        let answer = machine.stow(&[new().file()]);
        match answer.status {
            200 => None,
            status => {
                assert_eq!(status, 507, "{}", answer.text());
                assert_eq!(answer.json()["00081198"]["Value"][0]["00081197"]["Value"][0], 0xA700);
                Some(())
            }
        }
    });
    let refused = store(&node, &new());
    assert!(matches!(refused, End::Status(0xA700..=0xA7FF, 0)), "C-STORE: {refused:04X?}");
    let upload = uploader.post_bytes("/api/v1/uploads", "application/dicom", new().file().bytes);
    upload.expect_problem(507, "out-of-resources");

    // One that nobody has looked at before, too: that it was read goes on record, as far as there is room.
    for ct in &there {
        machine.get("/dicom-web/studies?limit=5").expect(200);
        machine.get(&format!("/dicom-web/studies/{}/metadata", ct.study)).expect(200);
        machine.get(&format!("{}/frames/1", ct.path())).expect(200);
        machine.get_as(&format!("{}/rendered", ct.path()), "image/jpeg").expect(200);
    }
    let mut peer = Peer::associate(&node, &explicit(STUDY_ROOT_FIND));
    let keys = crate::support::dicom::Elements::default().text(0x0008_0052, "CS", "STUDY").text(
        0x0020_000D,
        "UI",
        &there[0].study,
    );
    let found = peer.message(1, &request(STUDY_ROOT_FIND, command::FIND, &[]), &keys.bytes);
    assert_eq!(found, End::Status(0, 1), "C-FIND");

    drop(ballast);
    let later = [new(), new()];
    wait_for("STOW-RS goes on", Duration::from_secs(60), || {
        (machine.stow(&[later[0].file()]).status == 200).then_some(())
    });
    assert_eq!(store(&node, &later[1]), End::Status(0, 0));
    for ct in there.iter().chain(&later) {
        machine.get(&format!("{}/frames/1", ct.path())).expect(200);
    }
    machine.get("/readyz").expect(200);
}
