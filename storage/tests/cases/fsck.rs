//! Comparing index and objects.

use crate::Fixture;
use crate::support::build::{Instance, store};
use std::path::{Path, PathBuf};
use storage::fsck::Problem;

/// What fsck finds wrong.
async fn problems(f: &Fixture) -> Vec<Problem> {
    let report = f.storage.fsck(&|done, all| assert!(done <= all)).await.expect("fsck runs");
    report.findings.into_iter().map(|finding| finding.problem).collect()
}

/// Segments that are there.
pub fn segments(f: &Fixture) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    walk(&f.config.directory.join("segments"), &mut found);
    found.sort();
    found
}

/// Changes one byte of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

pub async fn fsck_finds_each_problem(f: &Fixture) {
    // Each in a segment of its own, because each is stored by a process of its own.
    for number in 1..=3 {
        let other = f.open_again().await;
        store(&other, "town", &Instance { number, ..Instance::default() }).await;
        other.close().await;
    }
    assert_eq!(problems(f).await, []);
    let segment = segments(f).remove(0);
    let bytes = std::fs::read(&segment).expect("a segment");

    let elsewhere = f.config.directory.join("elsewhere");
    std::fs::rename(&segment, &elsewhere).expect("renamed");
    assert_eq!(problems(f).await, [Problem::ObjectMissing]);
    std::fs::rename(&elsewhere, &segment).expect("renamed");
    // In the data set, behind the first block.
    flip(&segment, 4096 + 100);
    assert_eq!(problems(f).await, [Problem::ObjectDamaged]);
    flip(&segment, 4096 + 100);
    // The header: its row leads to nothing, and nobody knows what the bytes are.
    flip(&segment, 30);
    assert_eq!(problems(f).await, [Problem::ObjectDamaged, Problem::SegmentDamaged]);
    flip(&segment, 30);
    std::fs::write(&segment, &bytes[..4096]).expect("written");
    assert_eq!(problems(f).await, [Problem::ObjectDamaged]);
    std::fs::write(&segment, &bytes).expect("written");
    assert_eq!(problems(f).await, []);

    let named = format!("objects/town/ab/ab{}", "1".repeat(62));
    for strange in [named.as_str(), "objects/town/ab/what.txt", "segments/ab/what.txt"] {
        let strange = f.config.directory.join(strange);
        std::fs::create_dir_all(strange.parent().expect("a folder")).expect("a folder");
        std::fs::write(&strange, &bytes).expect("written");
        assert_eq!(problems(f).await, [Problem::ObjectNotIndexed]);
        std::fs::remove_file(strange).expect("removed");
    }
    f.tamper("DELETE FROM instance_metadata WHERE instance_id IN (SELECT id FROM instance WHERE sop_uid LIKE '%.2')")
        .await;
    assert_eq!(problems(f).await, [Problem::CountWrong]);
    f.tamper(
        "DELETE FROM frame_chunk WHERE instance_id IN (SELECT id FROM instance WHERE sop_uid LIKE '%.2')",
    )
    .await;
    f.tamper("DELETE FROM instance WHERE sop_uid LIKE '%.2'").await;
    f.tamper("UPDATE study SET instance_count = 2").await;
    f.tamper("UPDATE series SET instance_count = 2").await;
    assert_eq!(problems(f).await, [Problem::ObjectNotIndexed]);
    let rebuilt = f.storage.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!((rebuilt.objects, rebuilt.indexed, rebuilt.unusable), (3, 1, 0));
    assert_eq!(problems(f).await, []);

    for (tamper, problem, repair) in [
        (
            "UPDATE study SET instance_count = instance_count + 1",
            Problem::CountWrong,
            "UPDATE study SET instance_count = instance_count - 1",
        ),
        (
            "UPDATE series SET instance_count = instance_count + 1",
            Problem::CountWrong,
            "UPDATE series SET instance_count = instance_count - 1",
        ),
        ("UPDATE study SET modalities = 'XX'", Problem::CountWrong, "UPDATE study SET modalities = 'CT'"),
    ] {
        f.tamper(tamper).await;
        assert_eq!(problems(f).await, [problem], "{tamper}");
        f.tamper(repair).await;
        assert_eq!(problems(f).await, [], "{repair}");
    }
    // The data set is shorter than its frames need: both the entry and the frames do not fit the row.
    f.tamper("UPDATE instance SET dataset_length = dataset_length - 100 WHERE sop_uid LIKE '%.1'").await;
    let found = problems(f).await;
    assert!(found.contains(&Problem::FrameOutside) && found.contains(&Problem::ObjectDamaged), "{found:?}");
}
