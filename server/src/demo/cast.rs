//! Who is who in the demonstration: made at the first start, found again at the next.

use super::{ANCHORS_FILE, scope};
use access::agreement::Turnaround;
use access::{
    Agreement, ConsultKind, Credential, Device, Organisation, OrganisationKind, Person, Right, Role, Secret,
    Signatures, Token, Urgency,
};
use anyhow::{Context as _, Result};
use consult::{CertificateAuthority, Keystore};
use model::{AeTitle, OrgId, PersonId, TokenId};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use storage::Storage;
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;

/// Everyone's password.
pub const PASSWORD: &str = "farsight-demo";
/// Everyone's signing passphrase.
pub const PASSPHRASE: &str = "sign-farsight";

const TOWNSHIP: &str = "qinghe";
const CITY: &str = "city-centre";
pub const SECRETS_FILE: &str = "demo-secrets.json";

/// A person of the demonstration.
pub struct Account {
    /// Login name.
    pub login: &'static str,
    /// Name.
    pub name: &'static str,
    /// Title.
    pub title: &'static str,
    /// Organisation.
    pub organisation: &'static str,
    /// What they do.
    pub role: Role,
    /// Whether they have a signing key.
    pub signs: Signs,
}

/// Whether a person has a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// With everyone's passphrase.
    Yes,
    /// No.
    No,
}

const fn person(
    login: &'static str,
    name: &'static str,
    title: &'static str,
    organisation: &'static str,
    role: Role,
    signs: Signs,
) -> Account {
    Account { login, name, title, organisation, role, signs }
}

/// The people.
pub const ACCOUNTS: [Account; 12] = [
    person("township", "李敏", "全科主治医师", TOWNSHIP, Role::Requester, Signs::No),
    person("uploader", "孙磊", "放射技师", TOWNSHIP, Role::Uploader, Signs::No),
    person("archivist", "林静", "影像档案管理员", TOWNSHIP, Role::Archivist, Signs::No),
    person("city-archivist", "何敏", "影像档案管理员", CITY, Role::Archivist, Signs::No),
    person("reader", "王建国", "主任医师", CITY, Role::Reader, Signs::Yes),
    person("reader2", "刘洋", "主治医师", CITY, Role::Reader, Signs::Yes),
    person("pathologist", "周雅琴", "副主任医师", CITY, Role::Reader, Signs::Yes),
    person("reviewer", "赵红", "主任医师", CITY, Role::Reviewer, Signs::Yes),
    person("coordinator", "陈晨", "调度", CITY, Role::Coordinator, Signs::No),
    person("admin", "吴凡", "系统管理员", CITY, Role::Administrator, Signs::No),
    person("security", "郑洁", "安全管理员", CITY, Role::SecurityOfficer, Signs::No),
    person("auditor", "何平", "安全审计员", CITY, Role::Auditor, Signs::No),
];

/// An organisation with what a machine needs to act as it.
pub struct Member {
    /// The organisation.
    pub organisation: Organisation,
    /// Calling AE title.
    pub ae_title: AeTitle,
    /// Bearer token.
    pub token: Secret,
}

/// Everyone in the demonstration.
pub struct Cast {
    /// The hospital that asks.
    pub township: OrgId,
    /// The centre that reads.
    pub city: OrgId,
    /// Both organisations.
    pub members: Vec<Member>,
    /// The demonstration's certificate authority.
    pub anchors_pem: String,
    /// The authority itself, for time stamps and revocation lists.
    pub authority: CertificateAuthority,
}

/// Random at the first start, kept for the next, readable by the owner only.
#[derive(Serialize, Deserialize)]
struct Secrets {
    tokens: Vec<String>,
    authority_pem: String,
}

impl Cast {
    /// Makes whoever is missing.
    pub async fn prepare(storage: &Storage, data: &Path) -> Result<Self> {
        let secrets = secrets(&data.join(SECRETS_FILE))?;
        let authority = CertificateAuthority::from_pem(&secrets.authority_pem)?;
        let anchors_pem = authority.anchor_pem()?;
        std::fs::write(data.join(ANCHORS_FILE), &anchors_pem)?;

        let organisations = [
            (TOWNSHIP, "清河镇卫生院", OrganisationKind::Hospital, "TOWNSHIP"),
            (CITY, "市医院诊断中心", OrganisationKind::Centre, "CITYREAD"),
        ];
        let mut members = Vec::new();
        for ((id, name, kind, ae_title), secret) in organisations.into_iter().zip(&secrets.tokens) {
            let organisation = Organisation {
                looked_after_by: (id != CITY).then(|| OrgId::parse(CITY)).transpose()?,
                ..Organisation::new(OrgId::parse(id)?, name, kind)
            };
            storage.put_organisation(&scope(), &organisation).await?;
            let rights = vec![Right::Store, Right::Search, Right::Retrieve, Right::SeeLabels];
            let ae_title = AeTitle::parse(ae_title)?;
            let device = Device::new(ae_title.clone(), organisation.id.clone(), rights.clone());
            storage.put_device(&scope(), &device).await?;
            let token = Secret::new(secret.clone());
            storage
                .put_token(
                    &scope(),
                    &Token {
                        purpose: "演示脚本 demonstration scripts".to_owned(),
                        ..Token::new(
                            TokenId::parse(&format!("demo-{id}"))?,
                            token.sha256(),
                            organisation.id.clone(),
                            rights,
                        )
                    },
                )
                .await?;
            members.push(Member { organisation, ae_title, token });
        }
        storage.put_agreement(&scope(), &agreement()?).await?;

        for account in &ACCOUNTS {
            let member = members
                .iter()
                .find(|m| m.organisation.id.as_str() == account.organisation)
                .context("a person's organisation is missing")?;
            make_person(storage, &authority, account, &member.organisation).await?;
        }
        Ok(Self {
            township: OrgId::parse(TOWNSHIP)?,
            city: OrgId::parse(CITY)?,
            members,
            anchors_pem,
            authority,
        })
    }

    /// Name of the organisation of an account.
    pub fn organisation_name(&self, account: &Account) -> &str {
        let member = self.members.iter().find(|m| m.organisation.id.as_str() == account.organisation);
        member.map_or("", |m| m.organisation.name.as_str())
    }
}

/// Makes a person with key and password, unless they are there.
async fn make_person(
    storage: &Storage,
    authority: &CertificateAuthority,
    account: &Account,
    organisation: &Organisation,
) -> Result<()> {
    let id = PersonId::parse(&format!("demo-{}", account.login))?;
    if let Ok(person) = storage.person(&id).await {
        // A demonstration from before licences were asked for.
        if person.credential.is_none() && account.signs == Signs::Yes {
            let person = Person { credential: Some(licence(account)?), ..person };
            storage.put_person(&scope(), &person).await?;
        }
        return Ok(());
    }
    let password_hash = password_hash().await?;
    // The key first: whoever has an account has everything.
    if account.signs == Signs::Yes {
        let key = authority.issue(account.name, &organisation.name, OffsetDateTime::now_utc())?;
        Keystore::new(storage.clone()).install(&scope(), &id, key, Secret::new(PASSPHRASE.into())).await?;
    }
    let person = Person {
        id,
        login: account.login.to_owned(),
        name: account.name.to_owned(),
        title: account.title.to_owned(),
        organisation: organisation.id.clone(),
        roles: vec![account.role],
        password_hash,
        is_disabled: false,
        credential: (account.signs == Signs::Yes).then(|| licence(account)).transpose()?,
        memberships: Vec::new(),
        subspecialties: Vec::new(),
    };
    Ok(storage.put_person(&scope(), &person).await?)
}

/// The hash of everyone's password, made once: the password is no secret.
async fn password_hash() -> Result<String> {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hash = || access::password::hash(&Secret::new(PASSWORD.into()));
    let made =
        HASH.get_or_try_init(|| async { Ok::<_, anyhow::Error>(tokio::task::spawn_blocking(hash).await??) });
    Ok(made.await?.clone())
}

/// A licence that is not one: its number says so.
fn licence(account: &Account) -> Result<Credential> {
    const MICROSCOPY: [&str; 3] = ["SM", "GM", "XC"];
    const IMAGING: [&str; 11] = ["CT", "MR", "CR", "DX", "MG", "US", "XA", "RF", "NM", "PT", "ES"];
    let is_pathologist = account.login == "pathologist";
    let imaging = IMAGING.iter().filter(|_| !is_pathologist);
    let modalities = imaging.chain(&MICROSCOPY).map(|&modality| modality.to_owned()).collect();
    let number = format!("DEMO-{}", account.login);
    Credential::parse(&number, "演示 demonstration", modalities, "2020-01-01", "2049-12-31")
        .map_err(|(field, why)| anyhow::anyhow!("{field}: {why}"))
}

fn agreement() -> Result<Agreement> {
    let turnaround = |urgency, turnaround_min| Turnaround { urgency, turnaround_min };
    Ok(Agreement {
        id: "demo".to_owned(),
        requesting: OrgId::parse(TOWNSHIP)?,
        reading: OrgId::parse(CITY)?,
        kinds: vec![ConsultKind::Diagnosis, ConsultKind::Consultation],
        modalities: Vec::new(),
        turnarounds: vec![
            turnaround(Urgency::Routine, 24 * 60),
            turnaround(Urgency::Urgent, 120),
            turnaround(Urgency::Emergency, 30),
            turnaround(Urgency::Frozen, 30),
        ],
        signatures: Signatures::Single,
        auto_accept: true,
        valid_from: OffsetDateTime::UNIX_EPOCH,
        valid_until: OffsetDateTime::now_utc() + Duration::days(3650),
        trust_anchors_pem: None,
        awaits: None,
        proposed: None,
    })
}

fn secrets(path: &Path) -> Result<Secrets> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let authority =
                CertificateAuthority::create("远见演示CA Farsight Demo CA", OffsetDateTime::now_utc())?;
            let token = || Secret::random().map(|s| s.expose().to_owned());
            let secrets =
                Secrets { tokens: vec![token()?, token()?], authority_pem: authority.to_pem()?.to_string() };
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            std::io::Write::write_all(&mut file, serde_json::to_string_pretty(&secrets)?.as_bytes())?;
            file.sync_all()?;
            Ok(secrets)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
