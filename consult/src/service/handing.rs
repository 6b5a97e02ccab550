//! From hand to hand: claimed from the pool, assigned, handed over, declined, given back.

use super::{advance, limited, person, required_reason};
use crate::record::{Consult, ConsultView, Named};
use crate::state::Action;
use crate::{ConsultError, ConsultService, lease};
use access::credential::may_sign;
use access::{Caller, Person, Right};
use model::{ConsultId, PersonId, Scope};
use storage::{Change, RecordQuery};
use time::{Date, OffsetDateTime};

/// Outbox topic of reports whose reviewer has become their reader: for whoever was it before. Identifiers only.
pub(crate) const TAKEN_OVER: &str = "consult.taken_over";

/// Somebody who could read a consult.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub person: Named<PersonId>,
    /// Professional title.
    pub title: String,
    /// Consults that this person has already.
    pub load: u64,
}

/// Whether this person could read it to the end: has the right there, and a licence that covers it.
fn may_read(person: &Person, consult: &Consult, today: Date) -> bool {
    let there = person.acting_for(&consult.reading.id).filter(|person| !person.is_disabled);
    there.is_some_and(|person| {
        person.rights().contains(&Right::Read)
            && !consult.bars(&person.id)
            && may_sign(&person, &consult.study.modalities, today).is_ok()
    })
}

/// A note on the timeline: from whom to whom, and why.
fn handed(way: &str, reason: &str) -> String {
    if reason.is_empty() { way.to_owned() } else { format!("{way}：{reason}") }
}

impl Consult {
    /// Whether this person has it.
    #[must_use]
    pub fn is_held_by(&self, person: &PersonId) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.id == *person)
    }

    /// Nobody has it any more; the texts stay, but the next reader has displayed nothing yet.
    pub(crate) fn back_to_pool(&mut self) {
        self.pass_to(None);
    }

    /// What was signed and never delivered stays on record, and no longer counts.
    pub(crate) fn supersede_preliminary(&mut self) {
        for signed in self.versions.iter_mut().filter(|signed| signed.delivered_at.is_none()) {
            signed.superseded = true;
        }
    }

    pub(crate) fn pass_to(&mut self, reader: Option<Named<PersonId>>) {
        self.reader = reader;
        if let Some(report) = &mut self.report {
            report.displayed.clear();
        }
    }
}

impl ConsultService {
    /// Takes a consult from the pool, begins what was assigned, or takes it up again after it was returned. Of two at
    /// once, one wins; the other is told who has it.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Conflict`] with the holder.
    pub async fn claim(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Claim).await?;
        advance(&mut consult, states, caller, now, "");
        consult.reader = person(caller);
        let puts = lease::put(&consult, self.config.lease, now).into_iter().collect();
        self.finish(caller, consult, version, Action::Claim, Change { puts, ..Change::default() }).await
    }

    /// Gives a consult back to the pool; the texts stay, but the next reader has displayed nothing yet.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn release(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Release).await?;
        advance(&mut consult, states, caller, now, "");
        consult.back_to_pool();
        self.finish(caller, consult, version, Action::Release, Change::default()).await
    }

    /// Refuses to read what was assigned or claimed, with a reason: back to the pool.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn decline(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = required_reason(reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Decline).await?;
        advance(&mut consult, states, caller, now, &reason);
        consult.back_to_pool();
        self.finish(caller, consult, version, Action::Decline, Change::default()).await
    }

    /// Gives a consult to one reader (coordinator), or hands it over (the reader who has it). What was written goes along.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `person` when nobody at the reading organisation with the right to
    /// read is called so, or has it already.
    pub async fn assign(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        to: &PersonId,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = limited("reason", reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Assign).await?;
        let invalid = |why| Err(ConsultError::Invalid { field: "person", why });
        let to = match self.storage.person(to).await {
            Ok(to) if may_read(&to, &consult, self.today(now)) => to,
            Ok(_) | Err(storage::StorageError::NotFound) => {
                return invalid(
                    "本中心没有这位报告医师，或其执业范围不包括这一检查 / the centre has no such reader, or this examination is outside what they read",
                );
            }
            Err(other) => return Err(other.into()),
        };
        if consult.is_held_by(&to.id) {
            return invalid("已经由这位医师处理 / it is theirs already");
        }
        advance(&mut consult, states, caller, now, &handed(&format!("→ {}", to.name), &reason));
        consult.pass_to(Some(Named { id: to.id, name: to.name }));
        self.finish(caller, consult, version, Action::Assign, Change::default()).await
    }

    /// A reviewer who would change the text becomes its reader, with what the earlier reader wrote as the draft. The
    /// signature on it counts no longer, and stays on record; somebody else reviews what is signed then.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Forbidden`] also for a reviewer who may not read the study to the end.
    pub async fn take_over(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = limited("reason", reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::TakeOver).await?;
        let reviewer = caller
            .as_person()
            .ok_or(ConsultError::Forbidden("只有本人可以接手 / a person takes over, in their own name"))?;
        may_sign(reviewer, &consult.study.modalities, self.today(now))?;
        let before = consult.reader.take();
        let name = before.as_ref().map_or("", |before| before.name.as_str());
        let note = handed(&format!("{name} → {}", reviewer.name), &reason);
        advance(&mut consult, states, caller, now, &note);
        consult.supersede_preliminary();
        consult.pass_to(person(caller));
        let told = serde_json::json!({
            "consult": id, "version": version, "by": reviewer.id, "person": before.map(|before| before.id),
        });
        let change = Change {
            puts: lease::put(&consult, self.config.lease, now).into_iter().collect(),
            events: vec![(TAKEN_OVER, told)],
            ..Change::default()
        };
        self.finish(caller, consult, version, Action::TakeOver, change).await
    }

    /// How many consults a person has in hand.
    pub(crate) async fn load_of(&self, scope: &Scope, person: &PersonId) -> Result<u64, ConsultError> {
        let open = RecordQuery::new(crate::record::KIND).with("mine", person.as_str());
        Ok(self.storage.count(scope, &open).await?)
    }

    /// Who could read a consult, the least loaded first; for whoever may assign it now.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`]; [`ConsultError::Forbidden`] for anyone who may not assign it.
    pub async fn candidates(
        &self,
        caller: &Caller,
        id: &ConsultId,
        now: OffsetDateTime,
    ) -> Result<Vec<Candidate>, ConsultError> {
        let view = self.get(caller, id).await?;
        if !view.allowed.contains(&Action::Assign) {
            return Err(ConsultError::Forbidden("这一步不由您来做 / this step is another's to take"));
        }
        let consult = view.consult;
        let people = self.storage.people_acting_for(&consult.reading.id).await?;
        let (today, mut candidates) = (self.today(now), Vec::new());
        for person in
            people.into_iter().filter(|p| may_read(p, &consult, today) && !consult.is_held_by(&p.id))
        {
            let load = self.load_of(caller.scope(), &person.id).await?;
            let Person { id, name, title, .. } = person;
            candidates.push(Candidate { person: Named { id, name }, title, load });
        }
        candidates.sort_by(|a, b| (a.load, &a.person.name).cmp(&(b.load, &b.person.name)));
        Ok(candidates)
    }
}
