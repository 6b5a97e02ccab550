//! Commands that look after a node's data: fsck, rebuild; and what other commands share.

use crate::config::DataArgs;
use access::{Right, Secret};
use anyhow::{Context as _, Result, bail};
use model::{OrgId, Scope};
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use storage::Storage;

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
    let report = storage
        .fsck(&|done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await?;
    bar.finish_and_clear();
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
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
