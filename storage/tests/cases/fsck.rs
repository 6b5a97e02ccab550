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

fn objects(f: &Fixture) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    walk(&f.config.directory.join("objects"), &mut found);
    found.sort();
    found
}

pub async fn fsck_finds_each_problem(f: &Fixture) {
    for number in 1..=3 {
        store(&f.storage, "town", &Instance { number, ..Instance::default() }).await;
    }
    assert_eq!(problems(f).await, []);
    let object = objects(f).remove(0);
    let bytes = std::fs::read(&object).expect("an object");

    std::fs::remove_file(&object).expect("removed");
    assert_eq!(problems(f).await, [Problem::ObjectMissing]);
    std::fs::write(&object, &bytes[..bytes.len() - 1]).expect("written");
    assert_eq!(problems(f).await, [Problem::ObjectDamaged]);
    let mut damaged = bytes.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    std::fs::write(&object, &damaged).expect("written");
    assert_eq!(problems(f).await, [Problem::ObjectDamaged]);
    std::fs::write(&object, &bytes).expect("written");
    assert_eq!(problems(f).await, []);

    let orphan = f.config.directory.join(format!("objects/town/ab/ab{}", "1".repeat(62)));
    std::fs::create_dir_all(orphan.parent().expect("a folder")).expect("a folder");
    std::fs::write(&orphan, &bytes).expect("written");
    assert_eq!(problems(f).await, [Problem::ObjectNotIndexed]);
    std::fs::rename(&orphan, orphan.with_file_name("what.txt")).expect("renamed");
    assert_eq!(problems(f).await, [Problem::ObjectNotIndexed]);
    std::fs::remove_file(orphan.with_file_name("what.txt")).expect("removed");

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
    // The data set is shorter than its frames need: both the file and the frames do not fit the row.
    f.tamper("UPDATE instance SET dataset_length = dataset_length - 100 WHERE id = 1").await;
    let found = problems(f).await;
    assert!(found.contains(&Problem::FrameOutside) && found.contains(&Problem::ObjectDamaged), "{found:?}");
}
