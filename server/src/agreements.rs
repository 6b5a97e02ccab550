//! `farsight agreement`: what two organisations of this node have agreed on.

use crate::config::DataArgs;
use crate::maintenance::{known_organisation, scope, taking_part, word};
use access::agreement::Turnaround;
use access::{Agreement, ConsultKind, Signatures, Urgency};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::{Duration, OffsetDateTime};

/// `farsight agreement`
#[derive(Subcommand)]
pub enum AgreementCommand {
    /// Make an agreement; its identifier is printed.
    Add(AddArgs),
    /// End an agreement now; what was sent under it goes on to its end.
    End {
        #[command(flatten)]
        data: DataArgs,
        /// Identifier, as `agreement list` shows it.
        id: String,
    },
    /// List the agreements of an organisation.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation, either side.
        #[arg(long)]
        org: String,
    },
}

/// What is agreed.
#[derive(Args)]
pub struct AddArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Who asks.
    #[arg(long)]
    requesting: String,
    /// Who reads.
    #[arg(long)]
    reading: String,
    /// Kinds of consult: diagnosis, consultation.
    #[arg(long, value_delimiter = ',', default_value = "diagnosis,consultation")]
    kinds: Vec<String>,
    /// Modalities, such as CT,SM; all when it is not said.
    #[arg(long, value_delimiter = ',')]
    modalities: Vec<String>,
    /// Minutes for each urgency that is offered: routine, urgent, emergency, frozen.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "URGENCY=MINUTES",
        default_value = "routine=1440,urgent=120,emergency=30"
    )]
    turnaround: Vec<String>,
    /// `single`, or `double` for a second signature by a reviewer.
    #[arg(long, default_value = "double")]
    signatures: String,
    /// Requests go to the reading pool without a coordinator.
    #[arg(long)]
    auto_accept: bool,
    /// PEM file of the certificate authorities whose signatures count for reports under it; those of the node
    /// ([report] trust_anchors) when it is not named.
    #[arg(long, value_name = "FILE")]
    trust_anchors: Option<PathBuf>,
    /// Days from now until it ends.
    #[arg(long, default_value_t = 365)]
    days: u32,
}

/// `farsight agreement …`
pub async fn run(command: AgreementCommand) -> Result<ExitCode> {
    match command {
        AgreementCommand::Add(args) => add(args).await?,
        AgreementCommand::End { data, id } => {
            let storage = data.open().await?;
            let known =
                storage.agreement(&id).await.with_context(|| format!("there is no agreement {id}"))?;
            let valid_until = known.valid_until.min(OffsetDateTime::now_utc());
            storage.put_agreement(&scope(), &Agreement { valid_until, ..known }).await?;
            storage.close().await;
        }
        AgreementCommand::List { data, org } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            for agreement in storage.agreements(&organisation).await? {
                println!("{}", line(&agreement));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: AddArgs) -> Result<()> {
    let storage = args.data.open().await?;
    let now = OffsetDateTime::now_utc();
    let agreement = Agreement {
        id: uuid::Uuid::now_v7().to_string(),
        requesting: taking_part(&storage, "--requesting", &args.requesting).await?,
        reading: taking_part(&storage, "--reading", &args.reading).await?,
        kinds: args.kinds.iter().map(|kind| word::<ConsultKind>(kind)).collect::<Result<_>>()?,
        modalities: args.modalities,
        turnarounds: args.turnaround.iter().map(|text| turnaround(text)).collect::<Result<_>>()?,
        signatures: word::<Signatures>(&args.signatures)?,
        auto_accept: args.auto_accept,
        trust_anchors_pem: args.trust_anchors.map(|path| agreed_anchors(&path)).transpose()?,
        valid_from: now,
        valid_until: now.saturating_add(Duration::days(args.days.into())),
        // Whoever runs the machine speaks for both.
        awaits: None,
        proposed: None,
    };
    agreement.check().map_err(|(field, why)| anyhow!("{field}: {why}"))?;
    storage.put_agreement(&scope(), &agreement).await?;
    storage.close().await;
    println!("{}", agreement.id);
    Ok(())
}

/// The authorities that a file names.
fn agreed_anchors(path: &Path) -> Result<String> {
    let at = || path.display().to_string();
    let pem = std::fs::read_to_string(path).with_context(at)?;
    consult::certificate::agreed_anchors(&pem).map_err(|(zh, en)| anyhow!("{zh} / {en}")).with_context(at)?;
    Ok(pem)
}

/// `urgent=120`
fn turnaround(text: &str) -> Result<Turnaround> {
    let parts = text.split_once('=').and_then(|(urgency, minutes)| Some((urgency, minutes.parse().ok()?)));
    let (urgency, turnaround_min) = parts.with_context(|| format!("`{text}` is not like urgent=120"))?;
    Ok(Turnaround { urgency: word::<Urgency>(urgency)?, turnaround_min })
}

fn line(agreement: &Agreement) -> String {
    let Agreement { id, requesting, reading, kinds, modalities, turnarounds, signatures, .. } = agreement;
    let anchors = agreement.trust_anchors_pem.as_deref().map(consult::certificate::notes).unwrap_or_default();
    let trusted: Vec<String> = anchors.iter().map(|anchor| format!("\ttrusts {}", anchor.subject)).collect();
    let minutes: Vec<String> =
        turnarounds.iter().map(|t| format!("{:?}={}", t.urgency, t.turnaround_min).to_lowercase()).collect();
    let modalities = if modalities.is_empty() { "all modalities".to_owned() } else { modalities.join(",") };
    let state = match &agreement.awaits {
        Some(side) => format!("waits for {side}"),
        None if agreement.is_valid_at(OffsetDateTime::now_utc()) => {
            format!("until {}", agreement.valid_until.date())
        }
        None => "not valid now".to_owned(),
    };
    format!(
        "{id}\t{requesting} asks {reading}\t{kinds:?}\t{modalities}\t{}\t{signatures:?}\t{state}{}",
        minutes.join(","),
        trusted.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turnaround_is_an_urgency_and_minutes() {
        let good = turnaround("urgent=120").unwrap();
        assert_eq!((good.urgency, good.turnaround_min), (Urgency::Urgent, 120));
        for wrong in ["urgent", "urgent=", "urgent=two", "soon=5", "=5"] {
            assert!(turnaround(wrong).is_err(), "{wrong}");
        }
    }
}
