//! `farsight export`: studies without identity, as a ZIP archive, for teaching and research.

use crate::config::DataArgs;
use crate::maintenance::{known_organisation, scope, word};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use dataset::deidentify::ProfileOption;
use futures_util::{Stream, StreamExt as _};
use model::{OrgId, Reach, Scope, Uid};
use pacs::deidentify::{self, NewProject, Project, Purpose, STUDIES_MAX};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use storage::{Storage, StorageError};

/// What to export, and for what.
#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The organisation whose studies they are.
    #[arg(long)]
    org: String,
    /// De-identify (PS3.15 Annex E) for this project; one that is not there is made with the options named.
    #[arg(long, value_name = "PROJECT")]
    deidentify: String,
    /// An option of a new project: retain_uids, retain_device_identity, retain_institution_identity,
    /// retain_patient_characteristics, retain_full_dates, retain_modified_dates, clean_descriptors. May be repeated.
    #[arg(long)]
    option: Vec<String>,
    /// teaching, research, quality or other.
    #[arg(long)]
    purpose: String,
    /// Why, in words: for the record.
    #[arg(long)]
    reason: String,
    /// Images whose pixels may show identity, too: somebody has looked at each.
    #[arg(long)]
    with_risky: bool,
    /// The archive to write; it must not be there.
    #[arg(long)]
    out: PathBuf,
    /// Study Instance UIDs.
    #[arg(required = true)]
    studies: Vec<String>,
}

/// Runs the command.
pub async fn run(args: ExportArgs) -> Result<ExitCode> {
    let purpose: Purpose = word(&args.purpose)?;
    let options = args.option.iter().map(|option| word(option)).collect::<Result<Vec<ProfileOption>>>()?;
    let studies = args
        .studies
        .iter()
        .map(|text| Uid::parse(text).with_context(|| format!("`{text}` is not a UID")))
        .collect::<Result<Vec<Uid>>>()?;
    if studies.len() > STUDIES_MAX {
        bail!("at most {STUDIES_MAX} studies go into one archive");
    }
    let storage = args.data.open().await?;
    let owner = known_organisation(&storage, &args.org).await?;
    let own = Scope { reach: Reach::Granted(owner.clone()), ..scope() };
    let project = project(&storage, &own, &owner, &args.deidentify, options).await?;
    for study in &studies {
        let survey = deidentify::survey(&storage, &own, &project, study)
            .await
            .with_context(|| format!("study {study}"))?;
        for (risk, count) in survey.counts.iter().filter(|(risk, _)| !risk.is_passed()) {
            let goes =
                if args.with_risky && risk.may_be_passed() { "goes out as asked" } else { "held back" };
            eprintln!("{study}: {count} × {risk:?}: {goes}");
        }
    }
    let why = (purpose, args.reason.as_str());
    deidentify::arm(&storage, &own, &project, studies.clone(), args.with_risky, why).await?;
    let archive = deidentify::archive(storage.clone(), own, project, studies, args.with_risky);
    let bytes = written(&args.out, archive).await?;
    storage.close().await;
    println!("{}: {bytes} bytes.", args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes what comes into a new file, and says how many bytes. Half an archive is none, and the same command again would find
/// it in its way: it is removed.
async fn written<B: AsRef<[u8]>>(
    path: &Path,
    pieces: impl Stream<Item = Result<B, StorageError>>,
) -> Result<u64> {
    let of = || path.display().to_string();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).with_context(of)?;
    let bytes = write(file, pieces).await;
    if bytes.is_err() {
        std::fs::remove_file(path).with_context(of)?;
    }
    bytes
}

async fn write<B: AsRef<[u8]>>(
    mut out: std::fs::File,
    pieces: impl Stream<Item = Result<B, StorageError>>,
) -> Result<u64> {
    let mut pieces = std::pin::pin!(pieces);
    let mut bytes = 0_u64;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let piece = piece.as_ref();
        bytes += piece.len() as u64;
        out.write_all(piece)?;
    }
    out.sync_all()?;
    Ok(bytes)
}

/// The open project of this name, or a new one.
async fn project(
    storage: &Storage,
    scope: &Scope,
    owner: &OrgId,
    name: &str,
    options: Vec<ProfileOption>,
) -> Result<Project> {
    let all = deidentify::list(storage, scope, owner).await?;
    match all.into_iter().find(|project| !project.is_closed && project.name == name.trim()) {
        Some(project) => {
            let (mut wanted, mut has) = (options, project.options.clone());
            wanted.sort_unstable();
            has.sort_unstable();
            if !wanted.is_empty() && wanted != has {
                bail!("the project {name} has other options: {has:?}; they do not change");
            }
            Ok(project)
        }
        None => {
            let new = NewProject { name: name.to_owned(), options };
            if let Some((field, why)) = new.fault() {
                bail!("{field}: {why}");
            }
            Ok(deidentify::create(storage, scope, owner, new).await?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    #[tokio::test]
    async fn half_an_archive_is_not_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.zip");
        let good = || Ok(b"PK".to_vec());
        assert_eq!(written(&path, stream::iter([good(), good()])).await.unwrap(), 4);
        assert_eq!(std::fs::read(&path).unwrap(), b"PKPK");
        let there = written(&path, stream::iter([good()])).await;
        assert!(there.is_err() && path.is_file(), "what was there stays");
        let other = folder.path().join("other.zip");
        assert!(written(&other, stream::iter([good(), Err(StorageError::NotFound)])).await.is_err());
        assert!(!other.exists());
    }
}
