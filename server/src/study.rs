//! Commands that put studies right: correct, hide, delete, restore, and the original of a corrected instance.

use crate::config::DataArgs;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use model::{OrgId, Scope, Uid};
use std::process::ExitCode;
use storage::correct::Target;
use storage::{Correction, CorrectionRecord, Reason, ReasonCode, Storage};

/// Whose, and why.
#[derive(Args)]
pub struct Why {
    #[command(flatten)]
    data: DataArgs,
    /// Organisation that owns the studies.
    #[arg(long)]
    org: String,
    /// Why, in words.
    #[arg(long)]
    reason: String,
    /// quality, patient_safety, incorrect_worklist_entry, retention_expired, wrong_identity or other.
    #[arg(long, default_value = "other")]
    code: String,
}

/// `farsight study`
#[derive(Subcommand)]
pub enum StudyCommand {
    /// Make a correction: identity, merge, link, move or hide, as JSON like that of POST /api/v1/corrections.
    Correct {
        #[command(flatten)]
        why: Why,
        /// For example {"kind":"merge","from":{"id":"P2"},"into":{"id":"P1"}}.
        correction: String,
    },
    /// Hide a study, series or instances of it; reversible.
    Hide {
        #[command(flatten)]
        why: Why,
        /// Study Instance UID.
        study: String,
        /// Only this series; may be repeated.
        #[arg(long)]
        series: Vec<String>,
        /// Only this instance; may be repeated.
        #[arg(long)]
        instance: Vec<String>,
    },
    /// Delete a study, a series or an instance for good.
    Delete {
        #[command(flatten)]
        why: Why,
        /// Study Instance UID.
        study: String,
        /// Only this series.
        #[arg(long)]
        series: Option<String>,
        /// Only this instance.
        #[arg(long)]
        instance: Option<String>,
    },
    /// Take a correction back.
    Restore {
        #[command(flatten)]
        why: Why,
        /// The correction's identifier, from `farsight study corrections`.
        id: String,
    },
    /// List corrections, newest first.
    Corrections {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
    /// Write an instance as it was acquired, whatever has been corrected since, to standard output.
    Original {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
        /// Study Instance UID.
        study: String,
        /// SOP Instance UID.
        instance: String,
    },
}

fn scope() -> Scope {
    Scope::node("command line")
}

fn uid(text: &str) -> Result<Uid> {
    Uid::parse(text).with_context(|| format!("`{text}` is not a UID"))
}

fn uids(texts: &[String]) -> Result<Vec<Uid>> {
    texts.iter().map(|text| uid(text)).collect()
}

/// `farsight study …`
pub async fn run(command: StudyCommand) -> Result<ExitCode> {
    match command {
        StudyCommand::Correct { why, correction } => {
            let correction: Correction = serde_json::from_str(&correction)
                .context("the correction is not the JSON that is expected")?;
            if matches!(correction, Correction::Delete(_)) {
                bail!("use `farsight study delete`");
            }
            correct(why, correction).await
        }
        StudyCommand::Hide { why, study, series, instance } => {
            let correction =
                Correction::Hide { study: uid(&study)?, series: uids(&series)?, instances: uids(&instance)? };
            correct(why, correction).await
        }
        StudyCommand::Delete { why, study, series, instance } => {
            let target = Target {
                study: uid(&study)?,
                series: series.as_deref().map(uid).transpose()?,
                instance: instance.as_deref().map(uid).transpose()?,
            };
            let (storage, owner, reason) = open(why).await?;
            let record = storage.delete(&scope(), &owner, target, reason).await?;
            storage.close().await;
            print(&record);
            Ok(ExitCode::SUCCESS)
        }
        StudyCommand::Restore { why, id } => {
            let (storage, owner, reason) = open(why).await?;
            let record = storage.undo_correction(&scope(), &owner, &id, reason).await?;
            storage.close().await;
            print(&record);
            Ok(ExitCode::SUCCESS)
        }
        StudyCommand::Corrections { data, org } => {
            let storage = data.open().await?;
            let owner = OrgId::parse(&org)?;
            for record in storage.corrections(&scope(), &owner, None, (1000, 0)).await? {
                print(&record);
            }
            Ok(ExitCode::SUCCESS)
        }
        StudyCommand::Original { data, org, study, instance } => {
            let storage = data.open().await?;
            original(&storage, &OrgId::parse(&org)?, &uid(&study)?, &uid(&instance)?).await?;
            storage.close().await;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn open(why: Why) -> Result<(Storage, OrgId, Reason)> {
    let code =
        ReasonCode::of_word(&why.code).with_context(|| format!("`{}` is no code of a reason", why.code))?;
    let storage = why.data.open().await?;
    Ok((storage, OrgId::parse(&why.org)?, Reason { code, text: why.reason }))
}

async fn correct(why: Why, correction: Correction) -> Result<ExitCode> {
    let (storage, owner, reason) = open(why).await?;
    let record = storage.correct(&scope(), &owner, correction, reason).await?;
    storage.close().await;
    print(&record);
    Ok(ExitCode::SUCCESS)
}

fn print(record: &CorrectionRecord) {
    let what = serde_json::to_string(&record.correction).unwrap_or_default();
    println!("{}\t{}\t{}\t{}\t{what}", record.id, record.state, record.reason.code.word(), record.made_by);
    if let Some(warning) = record.warning() {
        eprintln!("{}: {warning}", record.id);
    }
}

async fn original(storage: &Storage, owner: &OrgId, study: &Uid, instance: &Uid) -> Result<()> {
    use std::io::Write as _;
    // As the owner sees it: what is hidden has to be restored first.
    let own = Scope { reach: model::Reach::Granted(owner.clone()), ..scope() };
    let found = storage.instances(&own, study, None, Some(instance)).await?;
    let found = found.first().context("there is no such instance")?;
    let mut out = std::io::stdout().lock();
    let mut at = 0;
    while at < found.file_length() {
        let bytes = storage.read(found, at..found.file_length()).await?;
        at += bytes.len() as u64;
        out.write_all(&bytes)?;
    }
    out.flush()?;
    Ok(())
}
