//! Commands that look after a node's data: fsck, the audit chain, organisations, people, tokens.

use crate::config::DataArgs;
use access::{Organisation, OrganisationKind, Person, Right, Role, Secret, Token};
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use model::{OrgId, PersonId, Scope, TokenId};
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use storage::Storage;

/// `farsight org`
#[derive(Subcommand)]
pub enum OrgCommand {
    /// Create an organisation, or change its name.
    Add {
        #[command(flatten)]
        data: DataArgs,
        /// Identifier: a-z, 0-9 and -.
        id: String,
        /// Legal name.
        name: String,
        /// `hospital` or `centre`.
        #[arg(long, default_value = "hospital")]
        kind: String,
    },
    /// List organisations.
    List(DataArgs),
}

/// `farsight user`
#[derive(Subcommand)]
pub enum UserCommand {
    /// Create a person; the password is asked for, or read from standard input.
    Add {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
        /// Name as printed in reports.
        name: String,
        /// Organisation.
        #[arg(long)]
        org: String,
        /// Roles: requester, uploader, reader, reviewer, coordinator, administrator, security_officer, auditor,
        /// archivist.
        #[arg(long, required = true, value_delimiter = ',')]
        roles: Vec<String>,
        /// Professional title.
        #[arg(long, default_value = "")]
        title: String,
    },
    /// List the people of an organisation.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
}

/// `farsight token`
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a token for a machine of an organisation; it is shown once.
    Add {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
        /// What it may do: store, search, retrieve, see_labels, correct, delete.
        #[arg(long, value_delimiter = ',', default_value = "store,search,retrieve")]
        rights: Vec<String>,
    },
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

/// `farsight audit verify`
pub async fn audit_verify(data: &DataArgs) -> Result<ExitCode> {
    let storage = data.open().await?;
    let verdict = storage.audit_verify().await?;
    storage.close().await;
    match (verdict.broken_at, verdict.head) {
        (Some((seq, why)), _) => {
            println!(
                "The audit chain is broken at event {seq}: {why}. {} events were walked.",
                verdict.events
            );
            Ok(ExitCode::FAILURE)
        }
        (None, head) => {
            let head = head.map_or_else(|| "–".to_owned(), |h| h.to_string());
            println!("The audit chain is whole: {} events, head {head}.", verdict.events);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `farsight org …`
pub async fn org(command: OrgCommand) -> Result<ExitCode> {
    match command {
        OrgCommand::Add { data, id, name, kind } => {
            let storage = data.open().await?;
            let kind: OrganisationKind = word(&kind)?;
            let organisation = Organisation { id: OrgId::parse(&id)?, name, kind };
            storage.put_organisation(&scope(), &organisation).await?;
            storage.close().await;
        }
        OrgCommand::List(data) => {
            let storage = data.open().await?;
            for organisation in storage.organisations().await? {
                println!("{}\t{:?}\t{}", organisation.id, organisation.kind, organisation.name);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An organisation that is there.
pub async fn known_organisation(storage: &Storage, text: &str) -> Result<OrgId> {
    let id = OrgId::parse(text)?;
    storage.organisation(&id).await.with_context(|| format!("there is no organisation {id}"))?;
    Ok(id)
}

/// `farsight user …`
pub async fn user(command: UserCommand) -> Result<ExitCode> {
    match command {
        UserCommand::Add { data, login, name, org, roles, title } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            let roles = roles.iter().map(|r| word::<Role>(r)).collect::<Result<Vec<_>>>()?;
            let password_hash = access::password::hash(&read_secret("Password: ")?)?;
            let person = Person {
                id: PersonId::new(),
                login: login.to_lowercase(),
                name,
                title,
                organisation,
                roles,
                password_hash,
                is_disabled: false,
            };
            storage.put_person(&scope(), &person).await.context("is the login name taken?")?;
            storage.close().await;
            println!("{} may log in.", person.login);
        }
        UserCommand::List { data, org } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            for person in storage.people(&scope(), &organisation).await? {
                println!("{}\t{}\t{}\t{:?}", person.login, person.name, person.title, person.roles);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A secret: typed unseen at a terminal, or one line of standard input; never an argument, which other users of the
/// machine could read.
fn read_secret(prompt: &str) -> Result<Secret> {
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

/// What a machine can be allowed; the rest takes a person.
const MACHINE_RIGHTS: [Right; 6] =
    [Right::Store, Right::Search, Right::Retrieve, Right::SeeLabels, Right::Correct, Right::Delete];

/// `farsight token …`
pub async fn token(command: TokenCommand) -> Result<ExitCode> {
    let TokenCommand::Add { data, org, rights } = command;
    let rights = rights.iter().map(|right| word::<Right>(right)).collect::<Result<Vec<_>>>()?;
    if let Some(right) = rights.iter().find(|right| !MACHINE_RIGHTS.contains(right)) {
        bail!(
            "a machine cannot have the right {right:?}; give a person the role that has it: farsight user add"
        );
    }
    let storage = data.open().await?;
    let organisation = known_organisation(&storage, &org).await?;
    let secret = Secret::random().context("no randomness")?;
    let token =
        Token { id: TokenId::new(), secret_sha256: secret.sha256(), organisation, rights, expires_at: None };
    storage.put_token(&scope(), &token).await?;
    storage.close().await;
    println!("{}", secret.expose());
    Ok(ExitCode::SUCCESS)
}
