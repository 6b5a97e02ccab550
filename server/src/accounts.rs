//! `farsight org`, `user`, `token`: whoever runs the machine looks after organisations, people and machines' tokens, and alone
//! appoints the three offices (`docs/decisions/0033`).

use crate::ae;
use crate::config::DataArgs;
use crate::maintenance::{known_organisation, machine_rights, read_secret, scope, word};
use access::{
    Credential, Invitation, Organisation, OrganisationKind, Person, Right, Role, Secret, Token, duties,
};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use model::time_text::rfc3339;
use model::{OrgId, PersonId, Sha256, TokenId};
use std::process::ExitCode;
use storage::{Storage, StorageError};
use time::{Duration, OffsetDateTime};

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
        /// `hospital`, `centre`, or `collection` of de-identified studies for teaching.
        #[arg(long, default_value = "hospital")]
        kind: String,
        /// Whose administrators look after its people too, such as the centre that it asks.
        #[arg(long, value_name = "ORG")]
        looked_after_by: Option<String>,
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
        /// Roles: uploader, requester, reader, reviewer, coordinator, quality_control, archivist, regulator; learner of a teaching
        /// collection; or one of
        /// administrator, security_officer, auditor alone.
        #[arg(long, required = true, value_delimiter = ',')]
        roles: Vec<String>,
        /// Professional title.
        #[arg(long, default_value = "")]
        title: String,
        /// Ask for no password: print a link by which the person sets one.
        #[arg(long)]
        invite: bool,
        #[command(flatten)]
        licence: Licence,
    },
    /// Change roles, name, title or licence; what is not named stays.
    Set {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
        /// Name as printed in reports.
        #[arg(long)]
        name: Option<String>,
        /// Roles, all of them.
        #[arg(long, value_delimiter = ',')]
        roles: Option<Vec<String>>,
        /// Professional title.
        #[arg(long)]
        title: Option<String>,
        #[command(flatten)]
        licence: Licence,
    },
    /// Print a link by which the person sets a new password, once, within three days.
    Invite {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
    },
    /// Disable an account; its sessions end within five seconds.
    Disable {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
    },
    /// Enable a disabled account.
    Enable {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
    },
    /// Remove a lost second factor and end the account's sessions.
    ResetSecondFactor {
        #[command(flatten)]
        data: DataArgs,
        /// Login name.
        login: String,
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

/// A doctor's licence; nobody signs without one.
#[derive(Args, Debug, Default)]
pub struct Licence {
    /// Number of the practice certificate (执业证书编码).
    #[arg(long, requires = "modalities", requires = "licence_until")]
    licence: Option<String>,
    /// Registered scope in words (执业范围).
    #[arg(long, default_value = "", requires = "licence")]
    licence_scope: String,
    /// Modalities that it covers, such as CT,MR,DX or SM.
    #[arg(long, value_delimiter = ',', requires = "licence")]
    modalities: Vec<String>,
    /// First day, such as 2026-01-01; today when it is not said.
    #[arg(long, value_name = "DAY", requires = "licence")]
    licence_from: Option<String>,
    /// Last day.
    #[arg(long, value_name = "DAY", requires = "licence")]
    licence_until: Option<String>,
}

impl Licence {
    fn read(self) -> Result<Option<Credential>> {
        let Some(number) = self.licence else { return Ok(None) };
        let from = self.licence_from.unwrap_or_else(|| OffsetDateTime::now_utc().date().to_string());
        let until = self.licence_until.unwrap_or_default();
        Credential::parse(&number, &self.licence_scope, self.modalities, &from, &until)
            .map(Some)
            .map_err(|(field, why)| anyhow!("licence, {field}: {why}"))
    }
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
        /// What it is for.
        #[arg(long, default_value = "")]
        purpose: String,
        /// Days until it ends; never when it is not said.
        #[arg(long)]
        days: Option<u32>,
        /// The machine's certificate (a PEM file, or its SHA-256): the token is good only over [http.tls] with it.
        #[arg(long, default_value = "none")]
        certificate: String,
    },
    /// Revoke a token, by its identifier.
    Revoke {
        #[command(flatten)]
        data: DataArgs,
        /// Identifier, as `token list` shows it.
        id: String,
    },
    /// List the tokens of an organisation: identifier, rights, end, last use.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// Organisation.
        #[arg(long)]
        org: String,
    },
}

/// `farsight org …`
pub async fn org(command: OrgCommand) -> Result<ExitCode> {
    match command {
        OrgCommand::Add { data, id, name, kind, looked_after_by } => {
            let storage = data.open().await?;
            let kind: OrganisationKind = word(&kind)?;
            let id = OrgId::parse(&id)?;
            let before = storage.organisation(&id).await.ok().and_then(|known| known.looked_after_by);
            let looked_after_by = match looked_after_by {
                Some(other) => Some(known_organisation(&storage, &other).await?),
                None => before,
            };
            let organisation = Organisation { looked_after_by, ..Organisation::new(id, &name, kind) };
            if let Ok(kept) = storage.organisation(&organisation.id).await {
                kept.may_become(kind).map_err(|(field, why)| anyhow!("--{field}: {why}"))?;
            }
            if organisation.is_collection() && organisation.looked_after_by.is_none() {
                bail!("a teaching collection needs somebody who puts studies into it: --looked-after-by");
            }
            storage.put_organisation(&scope(), &organisation).await?;
            storage.close().await;
        }
        OrgCommand::List(data) => {
            let storage = data.open().await?;
            for organisation in storage.organisations().await? {
                let by = organisation.looked_after_by.map(|id| format!("\t({id})")).unwrap_or_default();
                println!("{}\t{:?}\t{}{by}", organisation.id, organisation.kind, organisation.name);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn roles_of(words: &[String]) -> Result<Vec<Role>> {
    let roles = words.iter().map(|r| word::<Role>(r)).collect::<Result<Vec<_>>>()?;
    duties::check_roles(&roles).map_err(|refusal| anyhow!("--roles: {}", refusal.text()))?;
    Ok(roles)
}

async fn check_roles_in(storage: &Storage, organisation: &OrgId, roles: &[Role]) -> Result<()> {
    let organisation = storage.organisation(organisation).await?;
    organisation.check_roles("--roles", roles).map_err(|(field, why)| anyhow!("{field}: {why}"))
}

async fn known_person(storage: &Storage, login: &str) -> Result<Person> {
    storage.person_by_login(login).await.with_context(|| format!("there is no account {login}"))
}

async fn amend(storage: &Storage, id: &PersonId, detail: &str, how: impl Fn(&mut Person)) -> Result<Person> {
    Ok(storage.amend_person(&scope(), id, detail, how).await?)
}

/// Prints a link for the person. Where the node is reached is known from its configuration; a demonstration's is in its
/// `demo.json`.
async fn invite(storage: &Storage, data: &DataArgs, person: &Person) -> Result<()> {
    let config = data.resolve()?;
    let origin = config.http.origin(config.http.listen);
    let secret = Secret::random().context("no randomness")?;
    let invitation = Invitation::new(secret.sha256(), person.id.clone(), OffsetDateTime::now_utc());
    storage.put_invitation(&scope(), &invitation).await?;
    println!("{}/join#{}", origin.trim_end_matches('/'), secret.expose());
    eprintln!("The link works once, until {}.", rfc3339(invitation.expires_at));
    Ok(())
}

/// `farsight user …`
pub async fn user(command: UserCommand) -> Result<ExitCode> {
    match command {
        UserCommand::Add { data, login, name, org, roles, title, invite: by_link, licence } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            let (credential, roles) = (licence.read()?, roles_of(&roles)?);
            check_roles_in(&storage, &organisation, &roles).await?;
            let mut person = Person { title, credential, ..Person::new(&login, &name, organisation, roles) };
            if !by_link {
                let password = read_secret("Password: ")?;
                access::password::check_new(&password, &login).map_err(|why| anyhow!("{why}"))?;
                person.password_hash = access::password::hash(&password)?;
            }
            storage.add_person(&scope(), &person, "created").await.map_err(|error| match error {
                StorageError::Conflict(_) => anyhow!("the login name {login} is taken"),
                other => other.into(),
            })?;
            if by_link {
                invite(&storage, &data, &person).await?;
            } else {
                println!("{} may log in.", person.login);
            }
            tell_of_keys(&person);
            storage.close().await;
        }
        UserCommand::Set { data, login, name, roles, title, licence } => {
            let storage = data.open().await?;
            let known = known_person(&storage, &login).await?;
            let (roles, credential) = (roles.as_deref().map(roles_of).transpose()?, licence.read()?);
            if let Some(roles) = &roles {
                check_roles_in(&storage, &known.organisation, roles).await?;
            }
            let change = |person: &mut Person| {
                person.name = name.clone().unwrap_or_else(|| person.name.clone());
                person.title = title.clone().unwrap_or_else(|| person.title.clone());
                person.roles = roles.clone().unwrap_or_else(|| person.roles.clone());
                person.credential = credential.clone().or_else(|| person.credential.clone());
            };
            let is_new = |role: &Role| role.is_office() && !known.roles.contains(role);
            if roles.iter().flatten().any(is_new) {
                // Whoever could get into the account before must not be in the office.
                let person =
                    storage.appoint(&scope(), &known.id, "appointed on the command line", change).await?;
                println!("{}", line(&person));
                eprintln!("Its password, second factor, memberships and sessions are gone. A new link:");
                invite(&storage, &data, &person).await?;
                storage.close().await;
                return Ok(ExitCode::SUCCESS);
            }
            let person = amend(&storage, &known.id, "changed on the command line", change).await?;
            println!("{}", line(&person));
            tell_of_keys(&person);
            storage.close().await;
        }
        UserCommand::Invite { data, login } => {
            let storage = data.open().await?;
            let person = known_person(&storage, &login).await?;
            if person.is_disabled {
                bail!("{login} is disabled; `farsight user enable` first");
            }
            invite(&storage, &data, &person).await?;
            storage.close().await;
        }
        UserCommand::Disable { data, login } => set_disabled(&data, &login, true).await?,
        UserCommand::Enable { data, login } => set_disabled(&data, &login, false).await?,
        UserCommand::ResetSecondFactor { data, login } => {
            let storage = data.open().await?;
            let person = known_person(&storage, &login).await?;
            storage.remove_second_factor(&scope(), &person.id).await?;
            storage.end_sessions(&scope(), &person.id, None).await?;
            storage.close().await;
        }
        UserCommand::List { data, org } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            for person in storage.people(&scope(), &organisation).await? {
                println!("{}", line(&person));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn set_disabled(data: &DataArgs, login: &str, is_disabled: bool) -> Result<()> {
    let storage = data.open().await?;
    let person = known_person(&storage, login).await?;
    let detail = if is_disabled { "disabled" } else { "enabled" };
    amend(&storage, &person.id, detail, |person| person.is_disabled = is_disabled).await?;
    if is_disabled {
        storage.end_sessions(&scope(), &person.id, None).await?;
    }
    storage.close().await;
    Ok(())
}

fn line(person: &Person) -> String {
    let licence = person
        .credential
        .as_ref()
        .map(|c| format!("\tlicence {} ({}) until {}", c.licence, c.modalities.join(","), c.valid_until));
    let state = if person.is_disabled { "\tdisabled" } else { "" };
    let (login, name, title, roles) = (&person.login, &person.name, &person.title, &person.roles);
    format!("{login}\t{name}\t{title}\t{roles:?}{}{state}", licence.unwrap_or_default())
}

/// Says what else it takes to sign.
fn tell_of_keys(person: &Person) {
    if !person.roles.iter().any(|role| role.signs()) {
        return;
    }
    if person.credential.is_none() {
        eprintln!(
            "To sign, {} needs a licence: farsight user set {} --licence …",
            person.login, person.login
        );
    }
    eprintln!(
        "To sign, {} needs a signing key of a certificate authority that the node trusts ([report] trust_anchors): \
         see docs/running.md.",
        person.login
    );
}

/// `farsight token …`
pub async fn token(command: TokenCommand) -> Result<ExitCode> {
    match command {
        TokenCommand::Add { data, org, rights, purpose, days, certificate } => {
            let certificate = ae::certificate(&certificate)?;
            let secret = add_token(&data, &org, &rights, purpose, days, certificate).await?;
            println!("{}", secret.expose());
        }
        TokenCommand::Revoke { data, id } => {
            let storage = data.open().await?;
            let id = TokenId::parse(&id)?;
            let token = storage.token(&id).await.with_context(|| format!("there is no token {id}"))?;
            let revoked_at = token.revoked_at.or_else(|| Some(OffsetDateTime::now_utc()));
            storage.put_token(&scope(), &Token { revoked_at, ..token }).await?;
            storage.close().await;
        }
        TokenCommand::List { data, org } => {
            let storage = data.open().await?;
            let organisation = known_organisation(&storage, &org).await?;
            for token in storage.tokens(&organisation).await? {
                let last = storage.last_use(token.id.as_str()).await?;
                let last =
                    last.map_or("never".to_owned(), |l| rfc3339(model::time_text::from_unix_ms(l.at_ms)));
                let end = match (token.revoked_at, token.expires_at) {
                    (Some(at), _) => format!("revoked {}", rfc3339(at)),
                    (None, Some(at)) => format!("until {}", rfc3339(at)),
                    (None, None) => "without end".to_owned(),
                };
                println!("{}\t{:?}\t{end}\tlast used {last}\t{}", token.id, token.rights, token.purpose);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add_token(
    data: &DataArgs,
    org: &str,
    rights: &[String],
    purpose: String,
    days: Option<u32>,
    certificate_sha256: Option<Sha256>,
) -> Result<Secret> {
    let rights = if rights.is_empty() {
        machine_rights()
    } else {
        rights.iter().map(|right| word::<Right>(right)).collect::<Result<Vec<_>>>()?
    };
    if let Some(right) = rights.iter().find(|right| !Token::RIGHTS.contains(right)) {
        bail!(
            "a machine cannot have the right {right:?}; give a person the role that has it: farsight user add"
        );
    }
    let storage = data.open().await?;
    let organisation = known_organisation(&storage, org).await?;
    let known = storage.organisation(&organisation).await?;
    known.check_rights("--rights", &rights).map_err(|(field, why)| anyhow!("{field}: {why}"))?;
    let (now, secret) = (OffsetDateTime::now_utc(), Secret::random().context("no randomness")?);
    let token = Token {
        purpose,
        created_at: Some(now),
        expires_at: days.map(|days| now.saturating_add(Duration::days(days.into()))),
        certificate_sha256,
        ..Token::new(TokenId::new(), secret.sha256(), organisation, rights)
    };
    storage.put_token(&scope(), &token).await?;
    storage.close().await;
    Ok(secret)
}
