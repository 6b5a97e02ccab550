//! What the tests share: a running node, HTTP, DICOM objects, other programs.

pub mod case;
pub mod dicom;
pub mod http;
pub mod line;
pub mod node;
pub mod peer;
pub mod programs;
pub mod serving;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use case::Asked;
pub use dicom::{Ct, Part10};
pub use http::{Answer, Client, query};
pub use line::Line;
pub use node::Node;
pub use programs::{Done, run};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// A file of the sample data; `make samples` fetches and generates them.
pub fn sample(path: &str) -> PathBuf {
    let folder =
        std::env::var_os("FARSIGHT_SAMPLES").map_or_else(|| root().join("sample-data/cache"), PathBuf::from);
    let path = folder.join(path);
    assert!(path.exists(), "{} is missing: run `make samples`", path.display());
    path
}

/// Where logs and whatever else is worth keeping go.
pub fn artefacts() -> PathBuf {
    let folder =
        std::env::var_os("FARSIGHT_ARTEFACTS").map_or_else(|| root().join("tests/artefacts"), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("tests/artefacts can be made");
    folder
}

/// Asks again until there is an answer; fails at the deadline.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
