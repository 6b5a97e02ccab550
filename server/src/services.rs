//! Commands for orders, forwarding and other nodes.

use crate::config::DataArgs;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use model::{Actor, AeTitle, OrgId, Scope, Uid};
use pacs::dimse::DimseConfig;
use pacs::forward::{ForwardRule, RuleState};
use pacs::orders::{OrderFilter, OrderState, Placed, Wish};
use pacs::remote::{Method, Retrieval};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use storage::{JobState, Storage, Which};

/// `farsight order`
#[derive(Subcommand)]
pub enum OrderCommand {
    /// Place orders from files: JSON (an order, or an array of them) or DICOM worklist files.
    Import {
        #[command(flatten)]
        data: DataArgs,
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
    /// List the orders on the worklist.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
}

/// `farsight forward`
#[derive(Subcommand)]
pub enum ForwardCommand {
    /// List what waits to be done for other nodes.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// `forward`, `retrieve` or `commitment`.
        #[arg(long, default_value = "forward")]
        kind: String,
    },
    /// Have jobs tried again at once, also those that were set aside.
    Retry {
        #[command(flatten)]
        data: DataArgs,
        /// Only for this AE title.
        #[arg(long)]
        to: Option<String>,
        /// `forward`, `retrieve` or `commitment`.
        #[arg(long, default_value = "forward")]
        kind: String,
    },
    /// Work with the rules.
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
}

/// `farsight forward rules`
#[derive(Subcommand)]
pub enum RulesCommand {
    /// List the rules of an organisation.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
    /// Write a rule; it holds for what arrives from now on.
    Set {
        #[command(flatten)]
        data: DataArgs,
        /// Name of the rule: a-z, 0-9 and -.
        id: String,
        /// Organisation.
        #[arg(long)]
        org: String,
        /// To this AE title, which has a contact.
        #[arg(long)]
        to: String,
        /// Sent by these AE titles only.
        #[arg(long, value_delimiter = ',')]
        from: Vec<String>,
        /// Of these modalities only.
        #[arg(long, value_delimiter = ',')]
        modality: Vec<String>,
        /// With a study or series description like this only: * any run, ? one character.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Remove a rule.
    Remove {
        #[command(flatten)]
        data: DataArgs,
        /// Name of the rule.
        id: String,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
}

/// `farsight remote`
#[derive(Subcommand)]
pub enum RemoteCommand {
    /// Ask another node what it has (C-FIND, Study Root).
    Find {
        #[command(flatten)]
        data: DataArgs,
        /// Its AE title, as `farsight ae` knows it.
        ae_title: String,
        /// STUDY, SERIES or IMAGE.
        #[arg(long, default_value = "STUDY")]
        level: String,
        /// Keys, such as PatientName=张* or StudyDate.
        #[arg(short, long = "key")]
        keys: Vec<String>,
        /// Rows at most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Bring a study, a series or an instance here.
    Get {
        #[command(flatten)]
        data: DataArgs,
        /// Its AE title, as `farsight ae` knows it.
        ae_title: String,
        /// Study Instance UID.
        #[arg(long)]
        study: String,
        /// Series Instance UID.
        #[arg(long)]
        series: Option<String>,
        /// SOP Instance UID.
        #[arg(long)]
        instance: Option<String>,
        /// `get`, or `move`: the other node sends to this one, which must be running and known there.
        #[arg(long, default_value = "get")]
        method: String,
    },
}

async fn organisation(storage: &Storage, text: &str) -> Result<Scope> {
    let id = OrgId::parse(text)?;
    storage.organisation(&id).await.with_context(|| format!("there is no organisation {id}"))?;
    Ok(Scope::organisation(Actor::node("command line"), id))
}

/// The same of one that brings images in, which a teaching collection does not.
async fn taking_part(storage: &Storage, text: &str) -> Result<Scope> {
    let id = crate::maintenance::taking_part(storage, "--org", text).await?;
    Ok(Scope::organisation(Actor::node("command line"), id))
}

fn node_scope() -> Scope {
    Scope::node("command line")
}

/// `farsight order …`
pub async fn order(command: OrderCommand) -> Result<ExitCode> {
    match command {
        OrderCommand::Import { data, files, org } => {
            let storage = data.open().await?;
            let scope = taking_part(&storage, &org).await?;
            let (mut new, mut changed) = (0, 0);
            for file in &files {
                for wish in wishes(file).with_context(|| file.display().to_string())? {
                    let owner = scope.viewer().context("an organisation")?;
                    let placed = pacs::orders::place(&storage, &scope, owner, wish).await;
                    match placed.with_context(|| file.display().to_string())? {
                        Placed::New(_) => new += 1,
                        Placed::Changed(_) => changed += 1,
                    }
                }
            }
            storage.close().await;
            println!("{new} orders placed, {changed} changed.");
        }
        OrderCommand::List { data, org } => {
            let storage = data.open().await?;
            let scope = organisation(&storage, &org).await?;
            let mut filter =
                OrderFilter { state: Some(OrderState::Scheduled), limit: 500, ..OrderFilter::default() };
            loop {
                let page = pacs::orders::page(&storage, &scope, &filter).await?;
                for order in &page.orders {
                    let step = &order.wish.step;
                    let patient = &order.wish.patient;
                    println!(
                        "{} {}\t{}\t{}\t{}\t{}\t{}",
                        step.start_date,
                        step.start_time,
                        step.modality,
                        order.wish.accession_number,
                        patient.id,
                        patient.name,
                        order.study
                    );
                }
                if !page.more {
                    break;
                }
                filter.offset += filter.limit;
            }
            storage.close().await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The orders in a file.
fn wishes(path: &Path) -> Result<Vec<Wish>> {
    if std::fs::metadata(path)?.len() > pacs::orders::FILE_BYTES_MAX {
        bail!("the file is too long to hold orders");
    }
    Ok(pacs::orders::from_file(&std::fs::read(path)?, &model::Limits::default())?)
}

fn kind(word: &str) -> Result<&'static str> {
    let found = pacs::forward::KINDS.into_iter().find(|kind| *kind == word);
    found.with_context(|| format!("`{word}` is none of {}", pacs::forward::KINDS.join(", ")))
}

/// `farsight forward …`
pub async fn forward(command: ForwardCommand) -> Result<ExitCode> {
    match command {
        ForwardCommand::List { data, kind: word } => {
            let storage = data.open().await?;
            for job in storage.jobs(&node_scope(), kind(&word)?, None, 1000, 0).await? {
                let state = match job.state {
                    JobState::Waiting => "waiting",
                    JobState::Running => "running",
                    JobState::SetAside => "set aside",
                };
                println!(
                    "{}\t{}\t{state}\t{} failed\t{}\t{}",
                    job.id, job.lane, job.attempts, job.body, job.problem
                );
            }
            storage.close().await;
        }
        ForwardCommand::Retry { data, to, kind: word } => {
            let storage = data.open().await?;
            let which = to.map_or(Which::All, Which::Lane);
            storage.retry_jobs(&node_scope(), kind(&word)?, which).await.context("nothing waits there")?;
            storage.close().await;
        }
        ForwardCommand::Rules { command } => rules(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn rules(command: RulesCommand) -> Result<()> {
    match command {
        RulesCommand::List { data, org } => {
            let storage = data.open().await?;
            let scope = organisation(&storage, &org).await?;
            for rule in pacs::forward::rules(&storage, &scope).await? {
                println!("{}", json!(rule));
            }
            storage.close().await;
        }
        RulesCommand::Set { data, id, org, to, from, modality, description } => {
            let storage = data.open().await?;
            let scope = taking_part(&storage, &org).await?;
            let sources = from.iter().map(|text| AeTitle::parse(text)).collect::<Result<_, _>>()?;
            let destination = AeTitle::parse(&to)?;
            let state = RuleState::Active;
            let rule = ForwardRule { id, sources, modalities: modality, description, destination, state };
            pacs::forward::put_rule(&storage, &scope, &rule).await?;
            storage.close().await;
        }
        RulesCommand::Remove { data, id, org } => {
            let storage = data.open().await?;
            let scope = organisation(&storage, &org).await?;
            pacs::forward::remove_rule(&storage, &scope, &id).await.context("there is no such rule")?;
            storage.close().await;
        }
    }
    Ok(())
}

fn dimse_config(data: &DataArgs) -> Result<DimseConfig> {
    let config = data.resolve()?;
    config.dicom.dimse_config(config.limits.clone())
}

/// `farsight remote …`
pub async fn remote(command: RemoteCommand) -> Result<ExitCode> {
    match command {
        RemoteCommand::Find { data, ae_title, level, keys, limit } => {
            let (dimse, storage) = (dimse_config(&data)?, data.open().await?);
            let title = AeTitle::parse(&ae_title)?;
            let keys = identifier(&level, &keys)?;
            let found = pacs::remote::find(&storage, &dimse, &node_scope(), &title, &keys, limit).await?;
            for row in &found.rows {
                println!("{}", json!(row));
            }
            if found.more {
                eprintln!("There are more; --limit asks for them.");
            }
            storage.close().await;
            Ok(ExitCode::SUCCESS)
        }
        RemoteCommand::Get { data, ae_title, study, series, instance, method } => {
            let (dimse, storage) = (dimse_config(&data)?, data.open().await?);
            let title = AeTitle::parse(&ae_title)?;
            let method = match method.as_str() {
                "get" => Method::Get,
                "move" => Method::Move,
                _ => bail!("--method is get or move"),
            };
            let uid = |text: Option<String>| text.map(|text| Uid::parse(&text)).transpose();
            let retrieval = Retrieval {
                study: Uid::parse(&study)?,
                series: uid(series)?,
                instance: uid(instance)?,
                method,
            };
            let done = pacs::remote::retrieve(&storage, &dimse, &node_scope(), &title, &retrieval).await?;
            storage.close().await;
            println!(
                "{} instances came, {} with a warning, {} failed.",
                done.completed, done.warnings, done.failed
            );
            Ok(if done.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// DICOM JSON of keys such as `PatientName=张*`; one without a value is only asked for.
fn identifier(level: &str, keys: &[String]) -> Result<Map<String, Value>> {
    let mut identifier = Map::new();
    identifier.insert("00080052".to_owned(), json!({"vr": "CS", "Value": [level]}));
    identifier.insert("0020000D".to_owned(), json!({"vr": "UI"}));
    for key in keys {
        let (word, value) = key.split_once('=').unwrap_or((key, ""));
        let tag = dataset::dictionary::tag_of(word).with_context(|| format!("`{word}` is no attribute"))?;
        let vr = dataset::dictionary::vr(tag, dataset::dictionary::Signedness::Unsigned);
        let vr = vr.with_context(|| format!("`{word}` has no value representation"))?;
        let values: Vec<Value> = match (value, vr) {
            ("", _) => Vec::new(),
            (value, dataset::VR::PN) => vec![name(value)],
            (value, _) => value.split('\\').map(Value::from).collect(),
        };
        let hex = dataset::dictionary::hex_of(tag);
        identifier.insert(hex, json!({"vr": vr.to_string(), "Value": values}));
    }
    Ok(identifier)
}

/// A name in DICOM JSON: its component groups.
fn name(value: &str) -> Value {
    let mut groups = value.split('=');
    let mut name = Map::new();
    for word in ["Alphabetic", "Ideographic", "Phonetic"] {
        if let Some(group) = groups.next().filter(|group| !group.is_empty()) {
            name.insert(word.to_owned(), group.into());
        }
    }
    Value::Object(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_dicom_json() {
        let keys =
            ["PatientName=张*".to_owned(), "StudyDate".to_owned(), "ModalitiesInStudy=CT\\MR".to_owned()];
        let found = json!(identifier("STUDY", &keys).unwrap());
        assert_eq!(found["00100010"], json!({"vr": "PN", "Value": [{"Alphabetic": "张*"}]}));
        assert_eq!(found["00080020"], json!({"vr": "DA", "Value": []}));
        assert_eq!(found["00080061"]["Value"], json!(["CT", "MR"]));
        assert!(identifier("STUDY", &["Nonsense=1".to_owned()]).is_err());
    }
}
