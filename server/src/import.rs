//! `farsight import`: files and folders, DICOM and slides, with a progress bar.

use crate::config::DataArgs;
use crate::maintenance::taking_part;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use model::{OrgId, Scope};
use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use storage::{Arrival, Outcome, Storage, StorageError, Stored, Via};

/// What to import, and for whom.
#[derive(Args)]
pub struct ImportArgs {
    /// Files and folders.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// The organisation that will own what is imported; needed when the node has more than one hospital.
    #[arg(long)]
    org: Option<String>,
    /// Slides: patient's name.
    #[arg(long)]
    patient_name: Option<String>,
    /// Slides: patient ID.
    #[arg(long)]
    patient_id: Option<String>,
    /// Slides: accession number.
    #[arg(long)]
    accession: Option<String>,
    /// Slides: study description.
    #[arg(long)]
    description: Option<String>,
    /// Slides: specimen identifier.
    #[arg(long)]
    specimen: Option<String>,
    /// Slides: container identifier, the number on the glass.
    #[arg(long)]
    container: Option<String>,
    /// Slides: block that the section was cut from.
    #[arg(long)]
    block: Option<String>,
    /// Slides: stain, such as HE.
    #[arg(long)]
    stain: Option<String>,
    /// Slides: how names of files are to be read, instead of the configured pattern: a regular expression with named groups.
    #[arg(long)]
    name_pattern: Option<String>,
}

/// How many files went which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Stored now.
    pub stored: u64,
    /// There already, byte for byte.
    pub already_there: u64,
    /// Same UID with other content: kept apart and flagged.
    pub kept_apart: u64,
    /// Slides imported now.
    pub slides: u64,
    /// Of these, the ones of which nobody knows yet whose they are.
    pub unidentified: u64,
    /// Not DICOM and no slide, so left alone.
    pub skipped: u64,
    /// DICOM or slides that were refused.
    pub refused: u64,
}

/// Names that promise a slide: a file that has one and is none is refused, not left alone.
const SLIDE_EXTENSIONS: [&str; 11] =
    ["svs", "tif", "tiff", "btf", "ndpi", "scn", "bif", "svslide", "mrxs", "vms", "vmu"];

/// Archives that promise a slide of several files.
const ARCHIVE_ENDINGS: [&str; 3] = [".mrxs.tar", ".vms.tar", ".vmu.tar"];

/// Runs the command.
pub async fn run(args: ImportArgs) -> Result<ExitCode> {
    let storage = args.data.open().await?;
    // A slide's label is decoded here: a stranger's file as much as what comes over the network.
    crate::node::start_codec_workers(storage.limits())?;
    let owner = owner(&storage, args.org.as_deref()).await?;
    let files = files_below(&args.paths)?;
    let bar = bar(files.len() as u64);
    let configured = args.data.resolve()?.slides;
    let options = wsi::ImportOptions {
        of: wsi::Particulars {
            patient_name: args.patient_name,
            patient_id: args.patient_id,
            accession_number: args.accession,
            specimen_id: args.specimen,
            container_id: args.container,
            block: args.block,
            stain: args.stain,
            ..Default::default()
        },
        description: args.description,
        name_pattern: args.name_pattern.or(configured.name_pattern),
        barcode_pattern: configured.barcode_pattern,
        ..Default::default()
    };
    if let Some(pattern) = &options.name_pattern {
        wsi::NamePattern::parse(pattern).with_context(|| format!("--name-pattern '{pattern}'"))?;
    }
    if let Some(field) = options.of.first_fault() {
        bail!("{field} is too long, or not of its kind");
    }
    let tally = import_files(&storage, &owner, &files, &|_| options.clone(), &bar).await?;
    bar.finish_and_clear();
    storage.close().await;
    println!(
        "{} instances stored, {} already there, {} kept apart (same UID, other content); {} slides imported; \
         {} files refused, {} left alone because they are neither DICOM nor a slide.",
        tally.stored, tally.already_there, tally.kept_apart, tally.slides, tally.refused, tally.skipped
    );
    if tally.unidentified > 0 {
        println!("{} slides wait for somebody to say whose they are (page \"Uploads\").", tally.unidentified);
    }
    let nothing = tally.stored + tally.already_there + tally.kept_apart + tally.slides == 0;
    Ok(if tally.refused > 0 || nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A progress bar in files; silent when nobody looks.
pub fn bar(files: u64) -> ProgressBar {
    let bar = ProgressBar::new(files);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (还剩 {eta}) {msg}") {
        bar.set_style(style);
    }
    bar
}

async fn owner(storage: &Storage, named: Option<&str>) -> Result<OrgId> {
    if let Some(text) = named {
        return taking_part(storage, "--org", text).await.context("`farsight org list` shows them");
    }
    let organisations = storage.organisations().await?;
    let hospitals: Vec<_> =
        organisations.iter().filter(|o| o.kind == access::OrganisationKind::Hospital).collect();
    match hospitals.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => bail!("the node has no hospital yet; `farsight org add` makes one"),
        _ => bail!("the node has several hospitals; say whose files these are with --org"),
    }
}

/// Every file below the paths, sorted; a link that is named is followed, one that is found is not, so there are no
/// loops.
pub fn files_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut waiting = Vec::new();
    for path in paths {
        waiting.push(std::fs::canonicalize(path).with_context(|| path.display().to_string())?);
    }
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        let kind = std::fs::symlink_metadata(&path).with_context(|| path.display().to_string())?;
        if kind.is_dir() {
            for entry in std::fs::read_dir(&path).with_context(|| path.display().to_string())? {
                waiting.push(entry?.path());
            }
        } else if kind.is_file() {
            files.push(path);
        }
    }
    // What belongs to a slide of several files goes with the one that names it.
    let others: HashSet<PathBuf> = files.iter().flat_map(|file| wsi::bundle::members(file)).collect();
    files.retain(|file| !others.contains(file));
    files.sort();
    Ok(files)
}

/// Imports files one after another; what is refused is told on the bar and does not stop the rest.
pub async fn import_files(
    storage: &Storage,
    owner: &OrgId,
    files: &[PathBuf],
    slide_options: &(dyn Fn(&Path) -> wsi::ImportOptions + Send + Sync),
    bar: &ProgressBar,
) -> Result<Tally> {
    let scope = Scope::node("import");
    let slides = wsi::Slides::new(storage.clone());
    let mut tally = Tally::default();
    let mut studies = std::collections::BTreeSet::new();
    for path in files {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        bar.set_message(name);
        if is_slide(path) {
            let progress = |p: wsi::Progress| bar.set_message(format!("{:.0} %", p.fraction() * 100.0));
            match slides.import(&scope, owner, path, &slide_options(path), &progress).await {
                Ok(imported) if imported.outcome == wsi::Outcome::AlreadyThere => tally.already_there += 1,
                Ok(imported) if imported.outcome == wsi::Outcome::Contradicted => {
                    tally.already_there += 1;
                    tally.unidentified += u64::from(waits(&slides, &imported.slide).await);
                    bar.suspend(|| eprintln!("{}: imported before, for another patient", path.display()));
                }
                Ok(imported) => {
                    tally.slides += 1;
                    tally.unidentified += u64::from(waits(&slides, &imported.slide).await);
                }
                Err(error) => {
                    tally.refused += 1;
                    bar.suspend(|| eprintln!("{}: {error}", path.display()));
                }
            }
        } else {
            match import_file(storage, &scope, owner, path).await? {
                Ok(Some(stored)) => {
                    match stored.outcome {
                        Outcome::Stored => tally.stored += 1,
                        Outcome::AlreadyThere => tally.already_there += 1,
                        Outcome::KeptApart => tally.kept_apart += 1,
                    }
                    studies.insert(stored.study);
                }
                Ok(None) => tally.skipped += 1,
                Err(error) => {
                    tally.refused += 1;
                    bar.suspend(|| eprintln!("{}: {error:#}", path.display()));
                }
            }
        }
        bar.inc(1);
    }
    for study in &studies {
        // They are stored; the node looks at them again.
        if let Err(error) = slides.adopt(owner, study).await {
            bar.suspend(|| eprintln!("study {study}: its images make no slide: {error}"));
        }
    }
    Ok(tally)
}

/// Whether nobody knows whose a new slide is.
async fn waits(slides: &wsi::Slides, slide: &wsi::Slide) -> bool {
    let identity = slides.identity(&Scope::node("import"), &slide.id).await;
    identity.is_ok_and(|found| found.is_some_and(|found| found.waiting == wsi::identify::Waiting::Open))
}

/// By what is in it, whatever it is called; or by its name, so that a slide that is broken from its first byte is told.
/// A DICOM file is none, also when its preamble is a TIFF header (PS3.10 §7.1).
fn is_slide(path: &Path) -> bool {
    let is_named = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| SLIDE_EXTENSIONS.iter().any(|s| e.eq_ignore_ascii_case(s)));
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is_named = is_named || ARCHIVE_ENDINGS.iter().any(|ending| name.ends_with(ending));
    let head = head(path).unwrap_or_default();
    !has_dicom_prefix(&head) && (is_named || wsi::readers::may_be_slide(&head))
}

fn has_dicom_prefix(head: &[u8]) -> bool {
    head.get(128..132) == Some(b"DICM")
}

/// The first bytes of a file, as many as tell what it is.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(132);
    std::fs::File::open(path)?.take(132).read_to_end(&mut head)?;
    Ok(head)
}

fn is_dicom(path: &Path) -> Result<bool> {
    let head = head(path)?;
    let named_dicom = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("dcm"));
    let is_directory_record = path.file_name().is_some_and(|n| n.eq_ignore_ascii_case("DICOMDIR"));
    Ok(!is_directory_record && (named_dicom || has_dicom_prefix(&head)))
}

/// The outer error ends the command (the store cannot go on), the inner one is about this file; nothing when it is no
/// DICOM.
async fn import_file(
    storage: &Storage,
    scope: &Scope,
    owner: &OrgId,
    path: &Path,
) -> Result<Result<Option<Stored>>> {
    use tokio::io::AsyncReadExt as _;
    match is_dicom(path) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    }
    let mut file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error) => return Ok(Err(error.into())),
    };
    let arrival = Arrival { owner: owner.clone(), via: Via::Import, declared: None };
    let mut sink = storage.sink_part10(scope, arrival).await?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = match file.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => return Ok(Err(error.into())),
        };
        match sink.write(&buffer[..length]).await {
            Ok(()) => {}
            Err(error @ StorageError::OutOfResources(_)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.into())),
        }
    }
    match sink.commit().await {
        Ok(stored) => Ok(Ok(Some(stored))),
        Err(error @ (StorageError::OutOfResources(_) | StorageError::Unavailable(_))) => Err(error.into()),
        Err(error) => Ok(Err(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dicom_file_with_a_tiff_header_in_its_preamble_is_no_slide() {
        let directory = tempfile::tempdir().unwrap();
        let tiff = [&b"II*\0"[..], &[0; 124]].concat();
        let write = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(is_slide(&write("a", &[&tiff[..], b"and so on"].concat())));
        assert!(!is_slide(&write("b.dcm", &[&tiff[..], b"DICM"].concat())));
        assert!(is_slide(&write("c.svs", b"broken")));
    }

    #[test]
    fn a_folder_is_walked_in_order_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("b")).unwrap();
        for name in ["b/2.dcm", "a.dcm"] {
            std::fs::write(directory.path().join(name), b"x").unwrap();
        }
        std::os::unix::fs::symlink(directory.path(), directory.path().join("b/loop")).unwrap();
        let root = directory.path().canonicalize().unwrap();
        let files = files_below(std::slice::from_ref(&root)).unwrap();
        let names: Vec<_> = files.iter().map(|f| f.strip_prefix(&root).unwrap()).collect();
        assert_eq!(names, [Path::new("a.dcm"), Path::new("b/2.dcm")]);
        let link = directory.path().join("b/loop");
        assert_eq!(files_below(&[link]).unwrap(), files, "a link that is named is followed");
    }
}
