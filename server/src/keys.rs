//! `farsight key`: keys that a certificate authority has handed out, for the people who sign.

use crate::config::DataArgs;
use crate::maintenance::{read_secret, scope};
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use consult::certificate::{self, Purpose};
use consult::{Keystore, pkcs12};
use std::path::PathBuf;
use std::process::ExitCode;
use time::OffsetDateTime;

/// `farsight key`
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Give a person the key and certificate in a PKCS#12 file; replaces a former one. Asks for the file's password, then for
    /// the signing passphrase, which the person types: at a terminal, or two lines of standard input.
    Install {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        #[arg(long)]
        person: String,
        /// PKCS#12 file (.p12, .pfx).
        #[arg(long)]
        p12: PathBuf,
    },
}

/// Runs the command.
pub async fn run(command: KeyCommand) -> Result<ExitCode> {
    let KeyCommand::Install { data, person, p12 } = command;
    let config = data.resolve()?;
    let storage = data.open().await?;
    let person =
        storage.person_by_login(&person).await.with_context(|| format!("there is no person {person}"))?;
    let organisation = storage.organisation(&person.organisation).await?;
    let file = std::fs::read(&p12).with_context(|| p12.display().to_string())?;
    let password = read_secret("Password of the file: ")?;
    let key = tokio::task::spawn_blocking(move || pkcs12::open(&file, &password)).await?;
    let key = key.with_context(|| p12.display().to_string())?;
    consult::signing_key::SigningKey::from_pkcs8(&key.key_pkcs8)
        .with_context(|| p12.display().to_string())?;

    // What would be refused at every signature is refused here.
    let chain = key.chain.iter().map(|der| certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let (own, others) = chain.split_first().context("there is no certificate")?;
    let (name, of) = (certificate::common_name(own), certificate::organisation(own));
    if (name.as_str(), of.as_str()) != (person.name.as_str(), organisation.name.as_str()) {
        bail!("the certificate is of {name}, {of}; this is {}, {}", person.name, organisation.name);
    }
    let anchors = certificate::from_pem(&config.trust_anchors_pem()?)?;
    if anchors.is_empty() {
        eprintln!("[report] trust_anchors names no authority: the certificate's path was not checked.");
    } else if let Err(fault) =
        certificate::follow(own, others, &anchors, OffsetDateTime::now_utc(), Purpose::Reports)
    {
        let (zh, en) = fault.words();
        bail!("{zh} / {en}: see [report] trust_anchors");
    }
    let passphrase = read_secret("Signing passphrase (at least 8 characters): ")?;
    Keystore::new(storage).install(&scope(), &person.id, &person.organisation, key, passphrase).await?;
    println!("{} ({}) signs with {}.", person.name, person.login, certificate::subject(own));
    Ok(ExitCode::SUCCESS)
}
