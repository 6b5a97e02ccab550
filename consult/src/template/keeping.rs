//! Templates of an organisation: written as a draft, published as editions that never change, withdrawn and offered again. What
//! comes with the program can be withdrawn, too.

use super::{Discipline, Template, Words, builtin};
use crate::record::Named;
use crate::service::person;
use crate::{ConsultError, ConsultService};
use access::{Caller, Right};
use model::{OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Record kind of an organisation's templates: what is being written, and what was published.
const KIND: &str = "report_template";
/// Record kind of editions.
const EDITION: &str = "report_template_edition";
/// Templates of one organisation at most.
const TEMPLATES_MAX: usize = 200;
/// Editions of one template at most.
const EDITIONS_MAX: usize = 200;

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It comes with the program.
    Program,
    /// The organisation has made it.
    Organisation,
}

/// That an edition was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// From 1.
    pub version: u32,
    /// When; `None` for what comes with the program.
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
    /// By whom.
    pub by: Option<Named<PersonId>>,
}

/// What is kept of a template beside its editions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// What is being written; `None` for what comes with the program.
    draft: Option<Template>,
    editions: Vec<Edition>,
    withdrawn: bool,
}

/// A template as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Identifier.
    pub id: String,
    /// The newest edition; 0 before the first.
    pub version: u32,
    /// What it is called.
    pub title: Words,
    /// What it is for.
    pub kind: Discipline,
    /// Modalities that it is offered for first.
    pub modalities: Vec<String>,
    /// Body part or specimen.
    pub body_part: Words,
    /// Whose it is.
    pub origin: Origin,
    /// Whether readers are not offered it.
    pub withdrawn: bool,
    /// Editions, oldest first.
    pub editions: Vec<Edition>,
    /// To be sent back with a change; 0 when nothing is kept yet.
    pub record_version: i64,
}

/// A template with what is being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// As lists show it.
    #[serde(flatten)]
    pub listed: Listed,
    /// What is being written, for whoever may write it; what comes with the program has none.
    pub draft: Option<Template>,
}

fn listed(template: &Template, origin: Origin, head: &Head, record_version: i64) -> Listed {
    Listed {
        id: template.id.clone(),
        version: head.editions.last().map_or(0, |edition| edition.version),
        title: template.title.clone(),
        kind: template.kind,
        modalities: template.modalities.clone(),
        body_part: template.body_part.clone(),
        origin,
        withdrawn: head.withdrawn,
        editions: head.editions.clone(),
        record_version,
    }
}

fn of_program(template: &Template, head: Option<&(Head, i64)>) -> Listed {
    let edition = |version| Edition { version, at: None, by: None };
    let editions = builtin::versions(&template.id).into_iter().map(edition).collect();
    let withdrawn = head.is_some_and(|(head, _)| head.withdrawn);
    let head_here = Head { draft: None, editions, withdrawn };
    listed(template, Origin::Program, &head_here, head.map_or(0, |(_, version)| *version))
}

fn head_of(record: &Record) -> Result<(Head, i64), ConsultError> {
    let head = serde_json::from_value(record.body.clone());
    Ok((head.map_err(|_| damaged())?, record.version))
}

fn damaged() -> ConsultError {
    ConsultError::Failed("a template is damaged")
}

fn record_id(organisation: &OrgId, id: &str) -> String {
    format!("{organisation}/{id}")
}

fn edition_id(organisation: &OrgId, id: &str, version: u32) -> String {
    format!("{organisation}/{id}/{version}")
}

fn scope() -> Scope {
    Scope::node("templates")
}

/// Whether the caller looks after the templates and phrases of their organisation.
///
/// # Errors
/// [`ConsultError::Forbidden`].
pub(crate) fn require_keeper(caller: &Caller) -> Result<(), ConsultError> {
    if caller.may(Right::Coordinate) || caller.may(Right::Administer) {
        return Ok(());
    }
    Err(ConsultError::Forbidden(
        "报告模板和机构常用语由调度或管理员维护 / the coordinator or the administrator keeps templates and the organisation's phrases",
    ))
}

/// What a write over the version that was read must find; 0: nothing.
pub(crate) fn expected(version: i64) -> Expected {
    if version == 0 { Expected::Absent } else { Expected::Version(version) }
}

/// Somebody else has written since.
pub(crate) fn stale(error: StorageError) -> ConsultError {
    match error {
        StorageError::Conflict(_) => ConsultError::Stale,
        other => other.into(),
    }
}

impl ConsultService {
    async fn head(&self, organisation: &OrgId, id: &str) -> Result<Option<(Head, i64)>, ConsultError> {
        match self.storage.record(&scope(), KIND, &record_id(organisation, id)).await {
            Ok(record) => Ok(Some(head_of(&record)?)),
            Err(StorageError::NotFound) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Every template of the caller's organisation: what comes with the program first, then its own by identifier; also what is
    /// withdrawn. What is being written or not yet published is for the coordinator and the administrator.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn templates(&self, caller: &Caller) -> Result<Vec<Listed>, ConsultError> {
        let organisation = caller.organisation();
        let query = RecordQuery::new(KIND).with("organisation", organisation.to_string());
        let mut heads = BTreeMap::new();
        for record in self.storage.records(&scope(), &query).await? {
            let id = record.id.split_once('/').map(|(_, id)| id.to_owned()).ok_or_else(damaged)?;
            heads.insert(id, head_of(&record)?);
        }
        let mut all: Vec<Listed> =
            builtin::all().map(|template| of_program(template, heads.get(&template.id))).collect();
        for (head, version) in heads.values() {
            let Some(draft) = &head.draft else { continue };
            if require_keeper(caller).is_ok() {
                all.push(listed(draft, Origin::Organisation, head, *version));
            } else {
                all.extend(self.published(organisation, &draft.id, head, *version).await?);
            }
        }
        Ok(all)
    }

    /// An organisation's template as its newest edition says, if there is one.
    async fn published(
        &self,
        organisation: &OrgId,
        id: &str,
        head: &Head,
        record_version: i64,
    ) -> Result<Option<Listed>, ConsultError> {
        let Some(newest) = head.editions.last() else { return Ok(None) };
        let edition = self.template_edition(organisation, id, newest.version).await?;
        Ok(Some(listed(&edition, Origin::Organisation, head, record_version)))
    }

    /// A template of the caller's organisation; with what is being written for the coordinator and the administrator.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn template(&self, caller: &Caller, id: &str) -> Result<Opened, ConsultError> {
        let organisation = caller.organisation();
        let head = self.head(organisation, id).await?;
        if let Some(template) = builtin::current(id) {
            return Ok(Opened { listed: of_program(template, head.as_ref()), draft: None });
        }
        let (head, version) = head.ok_or(ConsultError::NotFound)?;
        if require_keeper(caller).is_err() {
            let listed = self.published(organisation, id, &head, version).await?;
            return Ok(Opened { listed: listed.ok_or(ConsultError::NotFound)?, draft: None });
        }
        let draft = head.draft.clone().ok_or_else(damaged)?;
        Ok(Opened { listed: listed(&draft, Origin::Organisation, &head, version), draft: Some(draft) })
    }

    /// An edition, also of a template that is withdrawn: reports name it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn template_edition(
        &self,
        organisation: &OrgId,
        id: &str,
        version: u32,
    ) -> Result<Template, ConsultError> {
        if let Some(template) = builtin::edition(id, version) {
            return Ok(template.clone());
        }
        let record = self.storage.record(&scope(), EDITION, &edition_id(organisation, id, version)).await?;
        serde_json::from_value(record.body).map_err(|_| damaged())
    }

    /// Keeps what is being written of a template of the caller's organisation (coordinator, administrator). `version` is that of
    /// the record that was read, 0 for a new one.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Stale`] when somebody else has written since; [`ConsultError::Invalid`] as
    /// [`Template::checked`] says.
    pub async fn put_template(
        &self,
        caller: &Caller,
        template: Template,
        version: i64,
    ) -> Result<Opened, ConsultError> {
        require_keeper(caller)?;
        let template = Template { version: 0, ..template.checked()? };
        // Titles, labels, options and units are printed as well as what is filled in.
        for (field, words) in [("title", &template.title), ("body_part", &template.body_part)] {
            self.refuse_unprintable(field, &words.zh)?;
            self.refuse_unprintable(field, &words.en)?;
        }
        let whole = serde_json::to_string(&template).map_err(|_| damaged())?;
        self.refuse_unprintable("sections", &whole)?;
        let organisation = caller.organisation();
        let id = template.id.clone();
        if builtin::current(&id).is_some() {
            return Err(ConsultError::Invalid {
                field: "id",
                why: "这一编号是程序自带模板的，请另起编号 / a template that came with the program has this id: choose another",
            });
        }
        let (mut head, found) = self.head(organisation, &id).await?.unwrap_or_default();
        if found != version {
            return Err(ConsultError::Stale);
        }
        if found == 0 && self.templates(caller).await?.len() >= TEMPLATES_MAX {
            return Err(ConsultError::Invalid {
                field: "id",
                why: "模板太多（最多 200 个） / 200 templates at most",
            });
        }
        head.draft = Some(template);
        self.put_head(caller, &id, &head, version, "draft", Vec::new()).await?;
        self.template(caller, &id).await
    }

    /// Makes an edition of what is being written, and offers it to readers.
    ///
    /// # Errors
    /// As [`Self::put_template`]; [`ConsultError::NotFound`].
    pub async fn publish_template(
        &self,
        caller: &Caller,
        id: &str,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<Opened, ConsultError> {
        require_keeper(caller)?;
        let organisation = caller.organisation();
        let (mut head, found) = self.head(organisation, id).await?.ok_or(ConsultError::NotFound)?;
        let draft = head.draft.clone().ok_or(ConsultError::NotFound)?;
        if found != version {
            return Err(ConsultError::Stale);
        }
        if head.editions.len() >= EDITIONS_MAX {
            return Err(ConsultError::Invalid {
                field: "version",
                why: "版本太多（最多 200 个），请另建模板 / 200 versions at most: make another template",
            });
        }
        let number = head.editions.last().map_or(1, |edition| edition.version.saturating_add(1));
        let template = Template { version: number, ..draft };
        let edition = Put {
            kind: EDITION,
            id: edition_id(organisation, id, number),
            expected: Expected::Absent,
            body: serde_json::to_value(&template).map_err(|_| damaged())?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![organisation.clone()],
        };
        head.editions.push(Edition { version: number, at: Some(now), by: person(caller) });
        head.withdrawn = false;
        self.put_head(caller, id, &head, version, &format!("publish {number}"), vec![edition]).await?;
        self.template(caller, id).await
    }

    /// Readers are no longer offered it. Reports that name it stay as they are.
    ///
    /// # Errors
    /// As [`Self::publish_template`].
    pub async fn withdraw_template(
        &self,
        caller: &Caller,
        id: &str,
        version: i64,
    ) -> Result<Opened, ConsultError> {
        self.turn_template(caller, id, version, true).await
    }

    /// Readers are offered again what was withdrawn.
    ///
    /// # Errors
    /// As [`Self::publish_template`].
    pub async fn offer_template(
        &self,
        caller: &Caller,
        id: &str,
        version: i64,
    ) -> Result<Opened, ConsultError> {
        self.turn_template(caller, id, version, false).await
    }

    async fn turn_template(
        &self,
        caller: &Caller,
        id: &str,
        version: i64,
        withdrawn: bool,
    ) -> Result<Opened, ConsultError> {
        require_keeper(caller)?;
        let organisation = caller.organisation();
        let found = self.head(organisation, id).await?;
        if found.is_none() && builtin::current(id).is_none() {
            return Err(ConsultError::NotFound);
        }
        let (mut head, found) = found.unwrap_or_default();
        if found != version {
            return Err(ConsultError::Stale);
        }
        head.withdrawn = withdrawn;
        let act = if withdrawn { "withdraw" } else { "offer" };
        self.put_head(caller, id, &head, version, act, Vec::new()).await?;
        self.template(caller, id).await
    }

    async fn put_head(
        &self,
        caller: &Caller,
        id: &str,
        head: &Head,
        version: i64,
        act: &str,
        mut puts: Vec<Put>,
    ) -> Result<(), ConsultError> {
        let organisation = caller.organisation();
        puts.push(Put {
            kind: KIND,
            id: record_id(organisation, id),
            expected: expected(version),
            body: serde_json::to_value(head).map_err(|_| damaged())?,
            keys: vec![("organisation", organisation.to_string())],
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![organisation.clone()],
        });
        let audit = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{KIND}/{organisation}/{id}"),
            outcome: AuditOutcome::Success,
            detail: act.to_owned(),
        };
        let change = Change { puts, audit: vec![audit], ..Change::default() };
        self.storage.apply(caller.scope(), change).await.map_err(stale)
    }
}
