//! The command line.

use crate::config::{Config, DataArgs};
use crate::{
    accounts, ae, agreements, audit, backup, demo, export, import, keys, maintenance, node, services, slide,
    study, verify, watch,
};
use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Farsight 远见: a node for remote reading of radiology and pathology.
#[derive(Parser)]
#[command(name = "farsight", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a demonstration on loopback: two hospitals, people, an agreement, samples.
    Demo(demo::DemoArgs),
    /// Run a node.
    Serve(ServeArgs),
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Bring DICOM files, slides, or folders of them into a node.
    Import(import::ImportArgs),
    /// Write studies without identity into a ZIP archive, for teaching and research.
    Export(export::ExportArgs),
    /// Compare index and objects both ways and verify every checksum; exit status 0 when sound.
    Fsck(DataArgs),
    /// Copy all that is kept into a folder, while the node runs; the next time only what has changed. `farsight restore` starts
    /// from it.
    Backup(backup::BackupArgs),
    /// Make an empty data directory what a backup is of, and check it; exit status 0 when sound.
    Restore(backup::RestoreArgs),
    /// Tell the node that a backup by other tools is finished.
    BackupDone(maintenance::BackupDoneArgs),
    /// Index again whatever is kept and not indexed, from the objects alone; exit status 0 when all of it could be.
    Rebuild(DataArgs),
    /// Work with the audit chain.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Verify a signed report: the PDF, or the canonical JSON with its signatures.
    Verify(verify::VerifyArgs),
    /// Create, change or list organisations.
    Org {
        #[command(subcommand)]
        command: accounts::OrgCommand,
    },
    /// Create, change, invite, disable or list people; the only way to appoint administrators, security officers, auditors.
    User {
        #[command(subcommand)]
        command: accounts::UserCommand,
    },
    /// Make, end or list agreements between organisations: without one there is no request.
    Agreement {
        #[command(subcommand)]
        command: agreements::AgreementCommand,
    },
    /// Give people the signing keys that a certificate authority has handed out.
    Key {
        #[command(subcommand)]
        command: keys::KeyCommand,
    },
    /// Create, revoke or list bearer tokens for machines.
    Token {
        #[command(subcommand)]
        command: accounts::TokenCommand,
    },
    /// Say which AE titles may call, for whom, and by which rules.
    Ae {
        #[command(subcommand)]
        command: ae::AeCommand,
    },
    /// Correct, hide, delete and restore studies.
    Study {
        #[command(subcommand)]
        command: study::StudyCommand,
    },
    /// List slides, and prove again that their tiles are the scanner's.
    Slide {
        #[command(subcommand)]
        command: slide::SlideCommand,
    },
    /// Tell how the folders are that are watched for a scanner's slides.
    Watch {
        #[command(subcommand)]
        command: watch::WatchCommand,
    },
    /// Place and list orders: what modalities find on their worklists.
    Order {
        #[command(subcommand)]
        command: services::OrderCommand,
    },
    /// Forward to other nodes: rules, and what waits.
    Forward {
        #[command(subcommand)]
        command: services::ForwardCommand,
    },
    /// Search other nodes and bring here what they have.
    Remote {
        #[command(subcommand)]
        command: services::RemoteCommand,
    },
    /// Bring the index of a node to this version's schema.
    Migrate(DataArgs),
    /// Ask another node whether it is there (C-ECHO).
    Echo(EchoArgs),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a configuration file and print what is in effect.
    Check(ServeArgs),
}

/// Which configuration.
#[derive(Args)]
pub struct ServeArgs {
    /// The configuration file (TOML).
    #[arg(long)]
    config: PathBuf,
}

#[derive(Args)]
struct EchoArgs {
    /// Host and port, such as 127.0.0.1:11112.
    address: String,
    /// Our AE title.
    #[arg(long, default_value = "FARSIGHT")]
    calling: String,
    /// Their AE title.
    #[arg(long, default_value = "ANY-SCP")]
    called: String,
}

/// Runs one command.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => {
            let config = Config::load(&args.config)?;
            node::serve(config).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { command: ConfigCommand::Check(args) } => {
            let config = Config::load(&args.config)?;
            config.refuse_if_wrong()?;
            println!("{}", toml::to_string_pretty(&config.without_secrets())?);
            config.slides.explain().iter().for_each(|line| println!("{line}"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Import(args) => import::run(args).await,
        Command::Fsck(data) => maintenance::fsck(&data).await,
        Command::Backup(args) => backup::back_up(&args).await,
        Command::Restore(args) => backup::restore(&args).await,
        Command::BackupDone(args) => maintenance::backup_done(args).await,
        Command::Rebuild(data) => maintenance::rebuild(&data).await,
        Command::Audit { command } => audit::run(command).await,
        Command::Export(args) => export::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Org { command } => accounts::org(command).await,
        Command::User { command } => accounts::user(command).await,
        Command::Agreement { command } => agreements::run(command).await,
        Command::Key { command } => keys::run(command).await,
        Command::Token { command } => accounts::token(command).await,
        Command::Ae { command } => ae::run(command).await,
        Command::Study { command } => study::run(command).await,
        Command::Migrate(data) => {
            data.open().await?.close().await;
            println!("The index has this version's schema.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Slide { command } => slide::run(command).await,
        Command::Watch { command } => watch::run(command).await,
        Command::Order { command } => services::order(command).await,
        Command::Forward { command } => services::forward(command).await,
        Command::Remote { command } => services::remote(command).await,
        Command::Echo(args) => echo(args).await,
        Command::Openapi => {
            println!("{}", viewer_api::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn echo(args: EchoArgs) -> Result<ExitCode> {
    let calling = model::AeTitle::parse(&args.calling)?;
    let called = model::AeTitle::parse(&args.called)?;
    let timeout = std::time::Duration::from_secs(10);
    let contact = crate::ae::contact(&args.address, access::Transport::Plain)?;
    let contact = contact.context("the address is HOST:PORT")?;
    let took = pacs::dimse::echo(contact, &calling, &called, timeout).await?;
    println!("{called} at {} answered in {} ms.", args.address, took.as_millis());
    Ok(ExitCode::SUCCESS)
}
