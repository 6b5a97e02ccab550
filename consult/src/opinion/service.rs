//! Asking for opinions, writing, giving and declining them, and waiting no longer.

use super::{EXPERTS_MAX, Ending, KIND, Opinion, OpinionNote, Opinions, Sight, TOPIC};
use crate::record::{Consult, Named};
use crate::service::{conflict, limited, person, required_reason, who};
use crate::state::{Action, Pending, Refusal, When, decide};
use crate::{ConsultError, ConsultService};
use access::{Caller, Person, Right};
use model::{ConsultId, PersonId, Scope};
use serde_json::json;
use std::collections::HashMap;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, RecordQuery, StorageError};
use time::OffsetDateTime;

/// Record kind of opinions that are being written: `consult/n`.
const DRAFT: &str = "opinion_draft";
/// How often a change is tried when others change the same at the same moment.
const TRIES: usize = 8;
/// Cases with open requests that are looked at for one list.
const OPEN_MAX: u32 = 500;

/// Who is asked what.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Who is asked.
    pub people: Vec<PersonId>,
    /// What.
    pub question: String,
    /// Whether each sees what others have given.
    pub sight: Sight,
}

/// The opinions on a case as one caller sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The opinions.
    pub opinions: Vec<Opinion>,
    /// What the caller has written so far, by number.
    pub drafts: Vec<(u32, String)>,
}

/// Somebody who could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expert {
    /// Who.
    pub person: Named<PersonId>,
    /// Professional title.
    pub title: String,
}

fn node() -> Scope {
    Scope::node("opinions")
}

fn draft_id(consult: &ConsultId, n: u32) -> String {
    format!("{consult}/{n}")
}

/// What happened to a request.
struct Happened {
    n: u32,
    action: Action,
    /// Whom the news is for.
    people: Vec<PersonId>,
}

fn of(body: serde_json::Value) -> Result<Opinions, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a record of opinions cannot be read");
        ConsultError::Failed("the record of opinions is damaged")
    })
}

impl ConsultService {
    /// The opinions on a case, for its reading organisation; the requester reads them in the report.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn opinions(&self, caller: &Caller, id: &ConsultId) -> Result<Seen, ConsultError> {
        let (consult, _) = self.load(caller, id).await?;
        let nothing = Seen { opinions: Vec::new(), drafts: Vec::new() };
        let Some(me) = caller.as_person().filter(|_| *caller.organisation() == consult.reading.id) else {
            return Ok(nothing);
        };
        if self.is_kept_from(caller, id).await? {
            return Ok(nothing);
        }
        let seen = self.opinions_of(&consult).await?.0.seen_by(&me.id);
        let mut drafts = Vec::new();
        for opinion in seen.opinions.iter().filter(|o| o.is_open() && o.is_of(&me.id)) {
            drafts.push((opinion.n, self.draft(id, opinion.n).await?));
        }
        Ok(Seen { opinions: seen.opinions, drafts })
    }

    /// Who could be asked: readers and reviewers of the centre who do not have the case; for whoever may ask now.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`], [`ConsultError::Forbidden`].
    pub async fn experts(&self, caller: &Caller, id: &ConsultId) -> Result<Vec<Expert>, ConsultError> {
        let view = self.get(caller, id).await?;
        if !view.allowed.contains(&Action::AskOpinion) {
            return Err(ConsultError::Forbidden("这一步不由您来做 / this step is another's to take"));
        }
        let people = self.storage.people_acting_for(&view.consult.reading.id).await?;
        let mut experts: Vec<Expert> = people
            .iter()
            .filter_map(|person| as_expert(person, &view.consult))
            .filter(|person| !view.consult.open_opinions.contains(&person.id))
            .map(|Person { id, name, title, .. }| Expert { person: Named { id, name }, title })
            .collect();
        experts.sort_by(|a, b| a.person.name.cmp(&b.person.name));
        Ok(experts)
    }

    /// Asks colleagues for an opinion each (the reader who has the case, or the coordinator).
    ///
    /// # Errors
    /// [`ConsultError::NotFound`], [`ConsultError::NotYours`], [`ConsultError::WrongState`]; [`ConsultError::Invalid`] naming
    /// `question` or `people`.
    pub async fn ask_opinions(
        &self,
        caller: &Caller,
        id: &ConsultId,
        new: NewRequest,
        now: OffsetDateTime,
    ) -> Result<Seen, ConsultError> {
        let (consult, asked_by) = self.taking(caller, id, Action::AskOpinion).await?;
        let question = limited("question", &new.question)?;
        if question.is_empty() {
            return Err(ConsultError::Invalid {
                field: "question",
                why: "请写明希望专家回答的问题 / say what the expert is to answer",
            });
        }
        self.refuse_unprintable("question", &question)?;
        let invalid = |why| ConsultError::Invalid { field: "people", why };
        let mut wanted = new.people;
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return Err(invalid("请选择专家 / choose whom to ask"));
        }
        if wanted.len() > EXPERTS_MAX {
            return Err(invalid("一次会诊最多邀请 20 位专家 / 20 experts at most"));
        }
        let mut people = Vec::new();
        for person in &wanted {
            let found = match self.storage.person(person).await {
                Ok(found) => as_expert(&found, &consult),
                Err(StorageError::NotFound) => None,
                Err(other) => return Err(other.into()),
            };
            match found {
                Some(found) => people.push(found),
                None => {
                    return Err(invalid(
                        "本中心没有这位专家，或已由其处理 / nobody of the centre who could be asked",
                    ));
                }
            }
        }
        self.change_opinions(caller, &consult, Action::AskOpinion, |all| {
            if all.opinions.len().saturating_add(people.len()) > EXPERTS_MAX {
                return Err(invalid("一次会诊最多邀请 20 位专家 / 20 experts at most"));
            }
            if people.iter().any(|person| all.open().any(|open| *open == person.id)) {
                return Err(invalid("已经邀请过这位专家 / already asked"));
            }
            let mut happened = Vec::new();
            for person in &people {
                let n = all.opinions.last().map_or(1, |last| last.n.saturating_add(1));
                all.opinions.push(Opinion {
                    n,
                    expert: Named { id: person.id.clone(), name: person.name.clone() },
                    title: person.title.clone(),
                    question: question.clone(),
                    sight: new.sight,
                    asked_by: asked_by.clone(),
                    asked_at: now,
                    ending: None,
                });
                happened.push(Happened { n, action: Action::AskOpinion, people: vec![person.id.clone()] });
            }
            Ok(happened)
        })
        .await?;
        self.opinions(caller, id).await
    }

    /// Keeps what an expert has written so far; nobody else sees it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when the caller is not asked for this; [`ConsultError::Invalid`] `text` when it is too long.
    pub async fn save_opinion(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        text: &str,
    ) -> Result<(), ConsultError> {
        let text = limited("text", text)?;
        let (consult, me) = self.taking(caller, id, Action::GiveOpinion).await?;
        let (all, _) = self.opinions_of(&consult).await?;
        all.opinions
            .iter()
            .find(|o| o.n == n && o.is_open() && o.is_of(&me.id))
            .ok_or(ConsultError::NotFound)?;
        let put = Put {
            kind: DRAFT,
            id: draft_id(id, n),
            expected: Expected::Anything,
            body: json!({"text": text}),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            // The node alone, which hands it to its author.
            visible_to: Vec::new(),
        };
        Ok(self.storage.apply(&node(), Change { puts: vec![put], ..Change::default() }).await?)
    }

    /// Gives an opinion that was asked for: from now on it stands, and the report quotes it.
    ///
    /// # Errors
    /// As [`Self::save_opinion`]; [`ConsultError::Invalid`] `text` when it is empty or cannot be printed.
    pub async fn give_opinion(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<Seen, ConsultError> {
        let text = limited("text", text)?;
        if text.is_empty() {
            return Err(ConsultError::Invalid { field: "text", why: "请填写意见 / write your opinion" });
        }
        self.refuse_unprintable("text", &text)?;
        self.end_one(caller, id, n, Action::GiveOpinion, Ending::Given { text, at: now }).await
    }

    /// Gives no opinion, with a reason.
    ///
    /// # Errors
    /// As [`Self::save_opinion`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn decline_opinion(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<Seen, ConsultError> {
        let reason = required_reason(reason)?;
        self.end_one(caller, id, n, Action::DeclineOpinion, Ending::Declined { reason, at: now }).await
    }

    /// Waits no longer for an opinion, with a reason (the reader who has the case, or the coordinator).
    ///
    /// # Errors
    /// As [`Self::ask_opinions`]; [`ConsultError::Invalid`] `reason` when it is empty; [`ConsultError::NotFound`] when it is
    /// not waited for.
    pub async fn withdraw_opinion(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<Seen, ConsultError> {
        let reason = required_reason(reason)?;
        let ending = Ending::Withdrawn { reason, by: person(caller), at: now };
        self.end_one(caller, id, n, Action::WithdrawOpinion, ending).await
    }

    async fn end_one(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        action: Action,
        ending: Ending,
    ) -> Result<Seen, ConsultError> {
        let (consult, me) = self.taking(caller, id, action).await?;
        self.change_opinions(caller, &consult, action, |all| {
            let is_meant = |o: &&mut Opinion| {
                o.n == n && o.is_open() && (action == Action::WithdrawOpinion || o.is_of(&me.id))
            };
            let opinion = all.opinions.iter_mut().find(is_meant).ok_or(ConsultError::NotFound)?;
            opinion.ending = Some(ending.clone());
            let mut people = match action {
                Action::WithdrawOpinion => vec![opinion.expert.id.clone()],
                _ => vec![opinion.asked_by.id.clone()],
            };
            if action != Action::WithdrawOpinion {
                people.extend(consult.reader.iter().map(|reader| reader.id.clone()));
                people.sort();
                people.dedup();
            }
            Ok(vec![Happened { n, action, people }])
        })
        .await?;
        self.opinions(caller, id).await
    }

    /// The consult, and the caller who may take this step now. Opinions do not change the consult's version.
    async fn taking(
        &self,
        caller: &Caller,
        id: &ConsultId,
        action: Action,
    ) -> Result<(Consult, Named<PersonId>), ConsultError> {
        let (consult, _) = self.load(caller, id).await?;
        self.refuse_kept_from(caller, id).await?;
        let who = who(caller, &consult);
        let me = person(caller).filter(|_| !who.is_empty());
        let me =
            me.ok_or(ConsultError::Forbidden("没有参与这一会诊的权限 / you have no part in this case"))?;
        match decide(consult.state, action, &who, consult.rules()) {
            Ok(_) => Ok((consult, me)),
            Err(Refusal::State) => Err(ConsultError::WrongState { state: consult.state, action }),
            Err(Refusal::Who(whose)) => Err(ConsultError::NotYours { whose, action }),
            Err(Refusal::Circumstance(why)) => Err(ConsultError::NotNow { why, action }),
        }
    }

    /// Reads, changes and writes; again when somebody else has changed the same meanwhile.
    async fn change_opinions(
        &self,
        caller: &Caller,
        consult: &Consult,
        action: Action,
        mut apply: impl FnMut(&mut Opinions) -> Result<Vec<Happened>, ConsultError>,
    ) -> Result<(), ConsultError> {
        for _ in 0..TRIES {
            let (mut all, expected) = self.opinions_of(consult).await?;
            // Asked again now that the opinions were read: a case that ends from here on makes what is written fail.
            self.taking(caller, &consult.id, action).await?;
            let happened = apply(&mut all)?;
            let mut change = Change { puts: vec![all.put(expected)?], ..Change::default() };
            let by = &caller.scope().actor.id;
            for Happened { n, action, people } in &happened {
                change.audit.push(AuditEntry {
                    action: AuditAction::Change,
                    object: format!("consult/{}", consult.id),
                    outcome: AuditOutcome::Success,
                    detail: format!("opinion {n} {}", action.word()),
                });
                let (id, what) = (&consult.id, action.word());
                change
                    .events
                    .push((TOPIC, json!({"consult": id, "n": n, "what": what, "by": by, "people": people})));
            }
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => {
                    self.forget_drafts(&all, &happened).await;
                    return Ok(());
                }
                Err(StorageError::Conflict(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let (consult, version) = self.load(caller, &consult.id).await?;
        Err(conflict(&consult, version))
    }

    /// What was being written is of no use any more; if this fails nobody sees it either.
    async fn forget_drafts(&self, all: &Opinions, happened: &[Happened]) {
        let ended = happened.iter().filter(|one| one.action != Action::AskOpinion);
        let forgets: Vec<_> = ended.map(|one| (DRAFT, draft_id(&all.consult, one.n))).collect();
        if forgets.is_empty() {
            return;
        }
        if let Err(error) = self.storage.apply(&node(), Change { forgets, ..Change::default() }).await {
            tracing::warn!(%error, "a draft of an opinion stays");
        }
    }

    /// What is written together with a signature, so that nobody is asked for an opinion in that very moment.
    pub(crate) async fn opinion_guard(
        &self,
        consult: &Consult,
        action: Action,
    ) -> Result<Vec<Put>, ConsultError> {
        let (all, expected) = self.opinions_of(consult).await?;
        if all.open().next().is_some() {
            return Err(ConsultError::NotNow { why: When::Opinion(Pending::None), action });
        }
        Ok(vec![all.put(expected)?])
    }

    /// What is written together with the end of a case, or of an amendment, that comes to nothing: nobody waits for opinions
    /// any longer, nor is asked for one in that very moment. About a draft nobody is asked.
    pub(crate) async fn end_opinions(
        &self,
        consult: &Consult,
        now: OffsetDateTime,
    ) -> Result<Vec<Put>, ConsultError> {
        if consult.submitted_at.is_none() {
            return Ok(Vec::new());
        }
        let (mut all, expected) = self.opinions_of(consult).await?;
        for opinion in all.opinions.iter_mut().filter(|opinion| opinion.is_open()) {
            opinion.ending = Some(Ending::Withdrawn { reason: String::new(), by: None, at: now });
        }
        Ok(vec![all.put(expected)?])
    }

    /// Opinions that were given, as the report quotes them.
    pub(crate) async fn printed_opinions(&self, consult: &Consult) -> Result<Vec<OpinionNote>, ConsultError> {
        let (all, _) = self.opinions_of(consult).await?;
        let (offset, printer) = (self.config.utc_offset, &self.printer);
        let note = |opinion| OpinionNote::of(opinion, offset, |text| printer.printable(text));
        Ok(all.opinions.iter().filter_map(note).collect())
    }

    /// Who was asked about a case and has not answered.
    pub(crate) async fn open_opinions(&self, id: &ConsultId) -> Result<Vec<PersonId>, ConsultError> {
        match self.storage.record(&node(), KIND, id.as_str()).await {
            Ok(record) => Ok(of(record.body)?.open().cloned().collect()),
            Err(StorageError::NotFound) => Ok(Vec::new()),
            Err(other) => Err(other.into()),
        }
    }

    /// Who was asked, of all cases of the caller's organisation with an open request.
    pub(crate) async fn all_open_opinions(
        &self,
        caller: &Caller,
    ) -> Result<HashMap<ConsultId, Opinions>, ConsultError> {
        let query = RecordQuery { limit: OPEN_MAX, ..RecordQuery::new(KIND).with("state", "open") };
        let records = self.storage.records(caller.scope(), &query).await?;
        // One that cannot be read (the log says so) must not hide all others.
        let all = records.into_iter().filter_map(|record| of(record.body).ok());
        Ok(all.map(|all| (all.consult.clone(), all)).collect())
    }

    async fn opinions_of(&self, consult: &Consult) -> Result<(Opinions, Expected), ConsultError> {
        match self.storage.record(&node(), KIND, consult.id.as_str()).await {
            Ok(record) => Ok((of(record.body)?, Expected::Version(record.version))),
            Err(StorageError::NotFound) => Ok((Opinions::none(consult), Expected::Absent)),
            Err(other) => Err(other.into()),
        }
    }

    async fn draft(&self, id: &ConsultId, n: u32) -> Result<String, ConsultError> {
        match self.storage.record(&node(), DRAFT, &draft_id(id, n)).await {
            Ok(record) => {
                let text = record.body.get("text").and_then(serde_json::Value::as_str);
                Ok(text.unwrap_or_default().to_owned())
            }
            Err(StorageError::NotFound) => Ok(String::new()),
            Err(other) => Err(other.into()),
        }
    }
}

/// The person as one who could be asked: reads or reviews at the centre, does not have the case, and has not signed the report
/// that it is a second opinion on.
fn as_expert(person: &Person, consult: &Consult) -> Option<Person> {
    let there = person.acting_for(&consult.reading.id).filter(|person| !person.is_disabled)?;
    let rights = there.rights();
    let may = rights.contains(&Right::Read) || rights.contains(&Right::Review);
    (may && !consult.is_held_by(&there.id) && !consult.bars(&there.id)).then_some(there)
}
