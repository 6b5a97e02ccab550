//! `[slides]`: how names of slide files and barcodes are read, and folders that are watched; and `farsight watch`.

use crate::config::DataArgs;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use model::{OrgId, Scope};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use wsi::NamePattern;
use wsi::watch::{Afterwards, FileState, FolderState, Watch};

/// `[slides]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlidesSection {
    /// A regular expression for the names of slide files, without their extension. Its named groups say what is what:
    /// `patient_name`, `patient_id`, `patient_birth_date`, `patient_sex`, `accession_number`, `specimen_id`, `container_id`,
    /// `block`, `stain`. Without one, a file's name says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_pattern: Option<String>,
    /// The same for barcodes on labels. Without one, a barcode is the number of the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode_pattern: Option<String>,
    /// Folders that scanners write to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<WatchSection>,
}

/// `[[slides.watch]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchSection {
    /// The folder; subfolders are looked through as well.
    pub folder: PathBuf,
    /// The organisation whose slides these are.
    pub organisation: String,
    /// Instead of the pattern under `[slides]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_pattern: Option<String>,
    /// Instead of the pattern under `[slides]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode_pattern: Option<String>,
    /// Seconds that a file has to have stood still before it is imported.
    #[serde(default = "stable_for_s")]
    pub stable_for_s: u64,
    /// Seconds from one look to the next.
    #[serde(default = "every_s")]
    pub every_s: u64,
    /// `leave` (with a note beside the file) or `move` (to `done/` or `refused/` below the folder). Nothing is deleted.
    #[serde(default)]
    pub afterwards: AfterwardsWord,
}

fn stable_for_s() -> u64 {
    30
}

fn every_s() -> u64 {
    10
}

/// What happens to files that are done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterwardsWord {
    /// They stay.
    #[default]
    Leave,
    /// They are moved.
    Move,
}

impl SlidesSection {
    /// Refuses what cannot work, and says which line to change.
    pub fn refuse_if_wrong(&self) -> Result<()> {
        check_pattern("[slides] name_pattern", self.name_pattern.as_deref())?;
        check_pattern("[slides] barcode_pattern", self.barcode_pattern.as_deref())?;
        for watch in &self.watch {
            let place = format!("[[slides.watch]] folder = \"{}\"", watch.folder.display());
            check_pattern(&format!("{place}: name_pattern"), watch.name_pattern.as_deref())?;
            check_pattern(&format!("{place}: barcode_pattern"), watch.barcode_pattern.as_deref())?;
            OrgId::parse(&watch.organisation).map_err(|_| {
                anyhow::anyhow!("{place}: organisation = \"{}\" is no identifier", watch.organisation)
            })?;
            if !watch.folder.is_absolute() {
                bail!("{place}: an absolute path is needed, because the node may be started from anywhere");
            }
            if watch.stable_for_s == 0 || watch.every_s == 0 {
                bail!(
                    "{place}: stable_for_s and every_s are at least 1; a file that still grows would be read otherwise"
                );
            }
        }
        let mut folders: Vec<_> = self.watch.iter().map(|watch| &watch.folder).collect();
        folders.sort();
        if let Some(twice) = folders.windows(2).find(|two| two[1].starts_with(two[0])) {
            bail!("[[slides.watch]] folder = \"{}\" lies in another watched folder", twice[1].display());
        }
        Ok(())
    }

    /// What is configured, in sentences, for `farsight config check`.
    pub fn explain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for watch in &self.watch {
            let afterwards = match watch.afterwards {
                AfterwardsWord::Leave => "files stay, with a note beside them",
                AfterwardsWord::Move => "files are moved to done/ or refused/",
            };
            let names = match watch.name_pattern.as_ref().or(self.name_pattern.as_ref()) {
                Some(_) => "names are read by a pattern",
                None => "names say nothing, so slides wait to be identified unless their label does",
            };
            let now =
                if watch.folder.is_dir() { "" } else { " It cannot be read now; the node would try again." };
            lines.push(format!(
                "# {} is looked at every {} s for {}; what has stood still for {} s is imported; {names}; {afterwards}.{now}",
                watch.folder.display(),
                watch.every_s,
                watch.organisation,
                watch.stable_for_s
            ));
        }
        lines
    }

    /// How files that arrive in pieces are read.
    pub fn intake(&self) -> wsi::intake::Settings {
        wsi::intake::Settings {
            name_pattern: self.name_pattern.clone(),
            barcode_pattern: self.barcode_pattern.clone(),
        }
    }

    /// The folders to watch.
    pub fn watches(&self) -> Result<Vec<Watch>> {
        let watch = |section: &WatchSection| {
            Ok(Watch {
                folder: section.folder.clone(),
                owner: OrgId::parse(&section.organisation)?,
                name_pattern: section.name_pattern.clone().or_else(|| self.name_pattern.clone()),
                barcode_pattern: section.barcode_pattern.clone().or_else(|| self.barcode_pattern.clone()),
                stable_for: Duration::from_secs(section.stable_for_s),
                every: Duration::from_secs(section.every_s),
                afterwards: match section.afterwards {
                    AfterwardsWord::Leave => Afterwards::Leave,
                    AfterwardsWord::Move => Afterwards::Move,
                },
            })
        };
        self.watch.iter().map(watch).collect()
    }
}

fn check_pattern(place: &str, pattern: Option<&str>) -> Result<()> {
    match pattern {
        Some(text) => NamePattern::parse(text).map(|_| ()).with_context(|| format!("{place} = '{text}'")),
        None => Ok(()),
    }
}

/// `farsight watch`
#[derive(Subcommand)]
pub enum WatchCommand {
    /// Tell how the watched folders are and which files were not taken; exit status 0 when all is well.
    Status(DataArgs),
}

/// Runs a command.
pub async fn run(command: WatchCommand) -> Result<ExitCode> {
    let WatchCommand::Status(data) = command;
    let storage = data.open().await?;
    let folders = wsi::watch::status(&storage, &Scope::node("command line")).await?;
    storage.close().await;
    if folders.is_empty() {
        println!("No folder has been watched yet ([[slides.watch]] in the configuration).");
    }
    let mut is_well = true;
    for (folder, files) in folders {
        let state = match folder.state {
            FolderState::Ok => "ok",
            FolderState::Unreachable => "cannot be read",
        };
        is_well &= folder.state == FolderState::Ok;
        println!("{}  {state}, {} imported", folder.folder, folder.imported);
        for file in files {
            let Some(refusal) = file.refusal else { continue };
            is_well &= file.state != FileState::Refused;
            let (_, words) = refusal.why.words();
            let detail =
                if refusal.detail.is_empty() { String::new() } else { format!(" ({})", refusal.detail) };
            println!("  {}: {words}{detail}", file.name);
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> SlidesSection {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_line_to_change() {
        let watch = |rest: &str| format!("[[watch]]\norganisation = \"township\"\n{rest}");
        for (text, line) in [
            ("name_pattern = '('".to_owned(), "name_pattern"),
            ("barcode_pattern = '^x$'".to_owned(), "barcode_pattern"),
            (watch("folder = \"scans\""), "absolute"),
            (watch("folder = \"/scans\"\nstable_for_s = 0"), "stable_for_s"),
            (watch("folder = \"/scans\"\nname_pattern = '(?<surname>x)'"), "name_pattern"),
            ("[[watch]]\nfolder = \"/scans\"\norganisation = \"no such / id\"".to_owned(), "organisation"),
            (
                format!("{}{}", watch("folder = \"/a\"\n"), watch("folder = \"/a/b\"\n")),
                "another watched folder",
            ),
        ] {
            let error = format!("{:#}", section(&text).refuse_if_wrong().unwrap_err());
            assert!(error.contains(line), "{error}");
        }
        let good = section(&watch("folder = \"/scans\"\nafterwards = \"move\"\n"));
        good.refuse_if_wrong().unwrap();
        assert!(good.explain()[0].contains("moved to done/"));
        assert_eq!(good.watches().unwrap().len(), 1);
    }
}
