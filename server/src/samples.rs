//! Where the demonstration's samples are, and what is known of its slides beyond their files.

use crate::http_config::has_ohif;
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const CACHE: &str = "sample-data/cache/demo";
const OHIF: &str = "viewer/ohif/dist";

/// The folder with samples: the one that was named, or the checkout's, seen from here or from the program.
pub fn folder(named: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(named) = named {
        if !named.is_dir() {
            bail!("--samples {}: there is no such folder", named.display());
        }
        let demo = named.join("demo");
        return Ok(Some(if demo.is_dir() { demo } else { named.to_owned() }));
    }
    Ok(in_checkout(CACHE)?.find(|folder| folder.is_dir()))
}

/// The folder with the viewer OHIF in the checkout, if `make web` has filled it.
pub fn ohif() -> Result<Option<PathBuf>> {
    Ok(in_checkout(OHIF)?.find(|folder| has_ohif(folder)))
}

/// Where a path of the checkout may be, seen from here or from the program.
fn in_checkout(path: &'static str) -> Result<impl Iterator<Item = PathBuf>> {
    let program = std::env::current_exe()?;
    let above_program: Vec<_> = program.ancestors().map(|folder| folder.join(path)).collect();
    Ok(std::iter::once(PathBuf::from(path)).chain(above_program))
}

/// Changes when a sample is added, removed or made anew.
pub fn fingerprint(files: &[PathBuf]) -> Result<String> {
    let mut text = String::new();
    for path in files {
        let meta = std::fs::metadata(path)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        writeln!(text, "{name} {}", meta.len())?;
    }
    Ok(text)
}

/// A slide file does not say whose it is: the demonstration does.
pub fn slide_options(path: &Path) -> wsi::ImportOptions {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, id, accession, description) = match stem.as_str() {
        "CMU-1-Small-Region" => ("李秀英", "QH20260017", "B2026-0311", "胃窦活检 HE"),
        // What its label says.
        "generated-pyramid" => ("张三", "FS000001", "B26-004711", "结肠息肉切除 HE"),
        other => (other, other, other, "病理切片"),
    };
    wsi::ImportOptions {
        of: wsi::Particulars {
            patient_name: Some(name.to_owned()),
            patient_id: Some(id.to_owned()),
            accession_number: Some(accession.to_owned()),
            ..Default::default()
        },
        description: Some(description.to_owned()),
        ..Default::default()
    }
}
