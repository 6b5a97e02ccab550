//! What looks after a node's data: fsck, rebuild, backups, the disk's daily measurement; and what other commands share.

use crate::config::DataArgs;
use access::{Right, Secret};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use model::time_text::unix_ms;
use model::{OrgId, Scope};
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use storage::{Backup, Fsck, Storage};
use time::OffsetDateTime;

/// How often the node looks whether the disk was measured today.
const MEASURE_EVERY: Duration = Duration::from_secs(3600);
/// Characters of what is said of a backup at most.
const BACKUP_CHARS_MAX: usize = 200;

/// `farsight backup-done`
#[derive(Args)]
pub struct BackupDoneArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Where it is and how it was made, such as "nas1, rsync"; administrators read it.
    #[arg(long)]
    what: String,
}

/// What commands act as.
pub fn scope() -> Scope {
    Scope::node("command line")
}

/// One of the words that a type is written with.
pub fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .with_context(|| format!("`{text}` is not one of the words that are allowed here"))
}

/// `farsight fsck`
pub async fn fsck(data: &DataArgs) -> Result<ExitCode> {
    let storage = data.open().await?;
    let bar = crate::import::bar(0);
    let began = Instant::now();
    let report = storage
        .fsck(&|done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await?;
    bar.finish_and_clear();
    let seen = Fsck {
        at_ms: unix_ms(OffsetDateTime::now_utc()),
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        objects: report.objects_checked,
        findings: report.findings.len() as u64,
    };
    let noted = storage.note_fsck(&scope(), &seen).await;
    storage.close().await;
    for finding in &report.findings {
        println!("{:?}: {}", finding.problem, finding.what);
    }
    println!(
        "{} objects and {} rows checked, {} findings.",
        report.objects_checked,
        report.rows_checked,
        report.findings.len()
    );
    // What was found counts, also where the index takes nothing any more.
    if let Err(error) = noted {
        eprintln!("The node could not be told of this check: {error}");
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `farsight backup-done`: the last line of a script that backs up by other tools.
pub async fn backup_done(args: BackupDoneArgs) -> Result<ExitCode> {
    let BackupDoneArgs { data, what } = args;
    let what = what.trim().to_owned();
    if what.is_empty() || what.chars().count() > BACKUP_CHARS_MAX || what.chars().any(char::is_control) {
        bail!("--what is one line of 1 to {BACKUP_CHARS_MAX} characters");
    }
    let storage = data.open().await?;
    let at_ms = unix_ms(OffsetDateTime::now_utc());
    let noted = storage.note_backup(&scope(), &Backup { at_ms, what }).await;
    storage.close().await;
    noted?;
    println!("The node knows of the backup.");
    Ok(ExitCode::SUCCESS)
}

/// Measures the disk once a day, so that the node can say when it will be full.
pub async fn measure(storage: Storage, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        if let Err(error) = storage.sample_disk().await {
            tracing::warn!(%error, "the disk could not be measured");
        }
        tokio::select! {
            () = tokio::time::sleep(MEASURE_EVERY) => {}
            () = &mut stop => return,
        }
    }
}

/// `farsight rebuild`
pub async fn rebuild(data: &DataArgs) -> Result<ExitCode> {
    let storage = data.open().await?;
    let bar = crate::import::bar(0);
    let rebuilt = storage.rebuild(&|done| bar.set_position(done)).await?;
    bar.finish_and_clear();
    storage.close().await;
    println!(
        "{} objects looked at, {} indexed again, {} unusable.",
        rebuilt.objects, rebuilt.indexed, rebuilt.unusable
    );
    Ok(if rebuilt.unusable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An organisation that is there.
pub async fn known_organisation(storage: &Storage, text: &str) -> Result<OrgId> {
    let id = OrgId::parse(text)?;
    storage.organisation(&id).await.with_context(|| format!("there is no organisation {id}"))?;
    Ok(id)
}

/// The same of one that brings images in and asks about them, which a teaching collection does not.
pub async fn taking_part(storage: &Storage, option: &'static str, text: &str) -> Result<OrgId> {
    let id = known_organisation(storage, text).await?;
    let organisation = storage.organisation(&id).await?;
    organisation.takes_part(option).map_err(|(option, why)| anyhow::anyhow!("{option}: {why}"))?;
    Ok(id)
}

/// A secret: typed unseen at a terminal, or one line of standard input; never an argument, which other users of the
/// machine could read.
pub fn read_secret(prompt: &str) -> Result<Secret> {
    let line = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(prompt)?
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line
    };
    let text = line.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        bail!("nothing was entered");
    }
    Ok(Secret::new(text))
}

/// What machines may do unless told otherwise.
pub fn machine_rights() -> Vec<Right> {
    vec![Right::Store, Right::Search, Right::Retrieve]
}
