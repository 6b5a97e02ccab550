//! `farsight key`: keys that a certificate authority has handed out, for the people who sign.

use crate::config::DataArgs;
use crate::maintenance::{read_secret, scope};
use crate::phone_signing::HttpPhoneSigning;
use access::{Organisation, Person};
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use consult::algorithm::Scheme;
use consult::certificate::{self, Purpose};
use consult::registered_key::{Elsewhere, RegisteredKey, anchors_for};
use consult::signing_key::KeyError;
use consult::{Keystore, pkcs12};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use storage::Storage;
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
    /// Say which key elsewhere is a person's; replaces a former one. Either a key of the remote signing service
    /// ([[signing.remote]]), whose certificates are fetched from the service, unless a file has them; or one in the person's own
    /// hands (--own), whose certificates are in a file.
    Register {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        #[arg(long)]
        person: String,
        /// How the service names the key (credentialID).
        #[arg(long, required_unless_present = "own", conflicts_with = "own", value_parser = NonEmptyStringValueParser::new())]
        credential: Option<String>,
        /// The key is in the person's own hands: a PKCS#12 file that they open in the browser.
        #[arg(long, requires = "certificate")]
        own: bool,
        /// PEM file of its certificates, the person's first.
        #[arg(long)]
        certificate: Option<PathBuf>,
    },
    /// Forget a person's key at the remote signing service, or the certificate of the one in their own hands (--own).
    Unregister {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        #[arg(long)]
        person: String,
        /// The one in the person's own hands.
        #[arg(long)]
        own: bool,
    },
}

/// Runs the command.
pub async fn run(command: KeyCommand) -> Result<ExitCode> {
    match command {
        KeyCommand::Install { data, person, p12 } => install(data, &person, &p12).await,
        KeyCommand::Register { data, person, credential, own: _, certificate } => {
            register(data, &person, credential, certificate).await
        }
        KeyCommand::Unregister { data, person, own } => {
            let (storage, person) = of(&data, &person).await?;
            let (place, words) = match own {
                true => (Elsewhere::Own, "no registered certificate of a key of their own"),
                false => (Elsewhere::Service, "no key at a remote signing service"),
            };
            Keystore::new(storage).unregister(&scope(), &person.id, place).await?;
            println!("{} ({}) has {words}.", person.name, person.login);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn of(data: &DataArgs, login: &str) -> Result<(Storage, Person)> {
    let storage = data.open().await?;
    let person =
        storage.person_by_login(login).await.with_context(|| format!("there is no person {login}"))?;
    Ok((storage, person))
}

/// The organisation that a certificate names, of those that the person acts for; their own when it names none of them.
async fn named_in(chain: &[Vec<u8>], storage: &Storage, person: &Person) -> Result<Organisation> {
    let own = certificate::from_der(chain.first().context("there is no certificate")?)?;
    for membership in &person.memberships {
        let one = storage.organisation(&membership.organisation).await?;
        if one.name == certificate::organisation(&own) {
            return Ok(one);
        }
    }
    Ok(storage.organisation(&person.organisation).await?)
}

async fn install(data: DataArgs, login: &str, p12: &Path) -> Result<ExitCode> {
    let config = data.resolve()?;
    let (storage, person) = of(&data, login).await?;
    let file = std::fs::read(p12).with_context(|| p12.display().to_string())?;
    let password = read_secret("Password of the file: ")?;
    let key = tokio::task::spawn_blocking(move || pkcs12::open(&file, &password)).await?;
    let key = key.with_context(|| p12.display().to_string())?;
    consult::signing_key::SigningKey::from_pkcs8(&key.key_pkcs8)
        .with_context(|| p12.display().to_string())?;
    let organisation = named_in(&key.chain, &storage, &person).await?;
    let (node_pem, now) = (config.trust_anchors_pem()?, OffsetDateTime::now_utc());
    let anchors = anchors_for(&storage, &node_pem, &organisation.id, now).await?;
    let subject = refuse_if_not_theirs(&anchors, &key.chain, &person, &organisation)?;
    let passphrase = read_secret("Signing passphrase (at least 8 characters): ")?;
    Keystore::new(storage).install(&scope(), &person.id, key, passphrase).await?;
    println!("{} ({}) signs with {subject}.", person.name, person.login);
    Ok(ExitCode::SUCCESS)
}

async fn register(
    data: DataArgs,
    login: &str,
    credential: Option<String>,
    certificate: Option<PathBuf>,
) -> Result<ExitCode> {
    let config = data.resolve()?;
    let (storage, person) = of(&data, login).await?;
    let chain = match (certificate, &credential) {
        (Some(path), _) => {
            let at = || path.display().to_string();
            let pem = std::fs::read_to_string(&path).with_context(at)?;
            certificate::to_der(&certificate::from_pem(&pem).with_context(at)?)?
        }
        (None, Some(credential)) => {
            let services = HttpPhoneSigning::new(&config.signing.remote)?;
            services.certificates(&person.organisation, credential).await.context(credential.clone())?
        }
        (None, None) => bail!("--own needs --certificate"),
    };
    let organisation = named_in(&chain, &storage, &person).await?;
    let (node_pem, now) = (config.trust_anchors_pem()?, OffsetDateTime::now_utc());
    let anchors = anchors_for(&storage, &node_pem, &organisation.id, now).await?;
    let subject = refuse_if_not_theirs(&anchors, &chain, &person, &organisation)?;
    let (key, how) = match credential {
        Some(credential) => (RegisteredKey::of_service(credential, &chain), "by telephone"),
        None => (RegisteredKey::own(&chain), "with a key of their own,"),
    };
    Keystore::new(storage).register(&scope(), &person.id, &key).await?;
    println!("{} ({}) signs {how} as {subject}.", person.name, person.login);
    Ok(ExitCode::SUCCESS)
}

/// What would be refused at every signature is refused here. The certificate's subject.
fn refuse_if_not_theirs(
    anchors_pem: &str,
    chain: &[Vec<u8>],
    person: &Person,
    organisation: &Organisation,
) -> Result<String> {
    let chain = chain.iter().map(|der| certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let (own, others) = chain.split_first().context("there is no certificate")?;
    if !certificate::is_of(own, &person.name, &organisation.name) {
        let (name, of) = (certificate::common_name(own), certificate::organisation(own));
        bail!("the certificate is of {name}, {of}; this is {}, {}", person.name, organisation.name);
    }
    if Scheme::for_key(own.tbs_certificate().subject_public_key_info()).is_none() {
        bail!("{}", KeyError::Unsupported);
    }
    let anchors = certificate::from_pem(anchors_pem)?;
    if anchors.is_empty() {
        eprintln!("[report] trust_anchors names no authority: the certificate's path was not checked.");
    } else if let Err(fault) =
        certificate::follow(own, others, &anchors, OffsetDateTime::now_utc(), Purpose::Reports)
    {
        let (zh, en) = fault.words();
        bail!("{zh} / {en}: see [report] trust_anchors, and the agreements");
    }
    Ok(certificate::subject(own))
}
