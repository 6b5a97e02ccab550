//! Keeping rules and duty, trying rules out, and giving a case to somebody by them.

use super::{Facts, Outcome, Rule, Target, body_parts, checked};
use crate::record::{Consult, Named};
use crate::service::advance_by;
use crate::state::State;
use crate::template::keeping::{expected, stale};
use crate::{ConsultError, ConsultService};
use access::credential::may_sign;
use access::{Caller, Person, Right, Subspecialty};
use dataset::tags;
use model::{Key, Level, OrgId, PersonId, Query, Scope};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, RecordQuery, StorageError};
use time::OffsetDateTime;

/// Record kind of a centre's rules; the identifier is the organisation's.
const KIND: &str = "assignment_rules";
/// Record kind of who is off duty: `organisation/person`.
const DUTY: &str = "duty";
/// Series of a study of which it is looked up what they are of.
const SERIES_MAX: u32 = 100;

/// A centre's rules, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// To be sent back with a change; 0 before the first.
    pub version: i64,
    /// The first that fits and finds somebody takes a case.
    pub rules: Vec<Rule>,
}

/// Whether a person takes cases now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Rules give them cases.
    On,
    /// Rules pass them over. They can still claim, and be given a case by hand.
    Off,
}

/// A reader of a centre, and whether they take cases now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty {
    /// Who.
    pub person: Named<PersonId>,
    /// Professional title.
    pub title: String,
    /// Modalities of the licence.
    pub modalities: Vec<String>,
    /// What they know best within their field.
    pub subspecialties: Vec<Subspecialty>,
    /// Whether they take cases now: as long as nobody says otherwise.
    pub duty: Duty,
    /// Consults that this person has already.
    pub load: u64,
}

/// What rules would do with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// What each rule says, in order.
    pub outcomes: Vec<(String, Outcome)>,
    /// The rule that takes it; `None` leaves it in the pool.
    pub rule: Option<String>,
    /// Whom it goes to; `None` is the pool.
    pub person: Option<Named<PersonId>>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    rules: Vec<Rule>,
}

/// Somebody whom rules may give a case.
struct Reader {
    person: Person,
    load: u64,
}

pub(super) fn node() -> Scope {
    Scope::node("assignment")
}

pub(super) fn require_coordinator(caller: &Caller) -> Result<(), ConsultError> {
    if caller.may(Right::Coordinate) {
        return Ok(());
    }
    Err(ConsultError::Forbidden("分配规则由调度管理 / the coordinator keeps the rules of assignment"))
}

/// That a person takes cases at a centre now, or does not.
pub(super) fn duty_put(organisation: &OrgId, of: &PersonId, duty: Duty) -> Put {
    Put {
        kind: DUTY,
        id: format!("{organisation}/{of}"),
        expected: Expected::Anything,
        body: serde_json::json!({"person": of, "duty": duty}),
        keys: match duty {
            Duty::Off => vec![("off", organisation.to_string())],
            Duty::On => Vec::new(),
        },
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![organisation.clone()],
    }
}

impl ConsultService {
    /// The rules of the caller's organisation (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Failed`] when they cannot be read.
    pub async fn assignment_rules(&self, caller: &Caller) -> Result<Rules, ConsultError> {
        require_coordinator(caller)?;
        self.rules_of(caller.organisation()).await
    }

    /// Writes the rules of the caller's organisation over the version that was read (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] `rules`; [`ConsultError::Stale`] when somebody else has changed
    /// them meanwhile.
    pub async fn put_assignment_rules(
        &self,
        caller: &Caller,
        version: i64,
        rules: Vec<Rule>,
    ) -> Result<Rules, ConsultError> {
        require_coordinator(caller)?;
        let rules = checked(rules)?;
        let organisation = caller.organisation();
        let readers: HashSet<PersonId> =
            self.readers(organisation).await?.into_iter().map(|person| person.id).collect();
        let named = rules.iter().filter_map(|rule| match &rule.to {
            Target::People { people } => Some(people),
            Target::Anyone | Target::Pool => None,
        });
        if !named.flatten().all(|person| readers.contains(person)) {
            let why =
                "规则中有人不是本中心的报告医师 / somebody named in a rule does not read at this centre";
            return Err(ConsultError::Invalid { field: "rules", why });
        }
        let put = Put {
            kind: KIND,
            id: organisation.to_string(),
            expected: expected(version),
            body: serde_json::to_value(Kept { rules: rules.clone() })
                .map_err(|_| ConsultError::Failed("the rules have no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![organisation.clone()],
        };
        let audit = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{KIND}/{organisation}"),
            outcome: AuditOutcome::Success,
            detail: format!("{} rules", rules.len()),
        };
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        self.storage.apply(caller.scope(), change).await.map_err(stale)?;
        Ok(Rules { version: version.saturating_add(1), rules })
    }

    /// The readers of the caller's organisation (coordinator), or the caller alone, and whether they take cases now.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for who neither coordinates nor reads.
    pub async fn duties(&self, caller: &Caller) -> Result<Vec<OnDuty>, ConsultError> {
        let me = caller.as_person().map(|person| &person.id);
        if !caller.may(Right::Coordinate) && !caller.may(Right::Read) {
            return Err(ConsultError::Forbidden(
                "值班状态由报告医师本人或调度管理 / the reader or the coordinator says who is on duty",
            ));
        }
        let organisation = caller.organisation();
        let off = self.off_duty(organisation).await?;
        let mut duties = Vec::new();
        for person in self.readers(organisation).await? {
            if !caller.may(Right::Coordinate) && Some(&person.id) != me {
                continue;
            }
            let load = self.load_of(&node(), &person.id).await?;
            let duty = if off.contains(person.id.as_str()) { Duty::Off } else { Duty::On };
            let Person { id, name, title, credential, subspecialties, .. } = person;
            let modalities = credential.map(|credential| credential.modalities).unwrap_or_default();
            let person = Named { id, name };
            duties.push(OnDuty { person, title, modalities, subspecialties, duty, load });
        }
        duties.sort_by(|a, b| a.person.name.cmp(&b.person.name));
        Ok(duties)
    }

    /// Says whether a reader takes cases now: oneself, or the coordinator for anybody of the centre.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::NotFound`] when nobody of the caller's organisation who reads is called so.
    pub async fn set_duty(&self, caller: &Caller, of: &PersonId, duty: Duty) -> Result<OnDuty, ConsultError> {
        let is_oneself = caller.may(Right::Read) && caller.as_person().is_some_and(|person| person.id == *of);
        if !is_oneself && !caller.may(Right::Coordinate) {
            return Err(ConsultError::Forbidden(
                "值班状态由报告医师本人或调度管理 / the reader or the coordinator says who is on duty",
            ));
        }
        let organisation = caller.organisation();
        let readers = self.readers(organisation).await?;
        readers.iter().find(|person| person.id == *of).ok_or(ConsultError::NotFound)?;
        let put = duty_put(organisation, of, duty);
        let audit = AuditEntry {
            action: AuditAction::Administer,
            object: format!("duty/{of}"),
            outcome: AuditOutcome::Success,
            detail: (if duty == Duty::On { "on" } else { "off" }).to_owned(),
        };
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        self.storage.apply(caller.scope(), change).await?;
        let mut all = self.duties(caller).await?;
        let found = all.iter().position(|one| one.person.id == *of).ok_or(ConsultError::NotFound)?;
        Ok(all.swap_remove(found))
    }

    /// What the kept rules, or others that are being written, would do with a case now (coordinator). Changes nothing.
    ///
    /// # Errors
    /// As [`Self::put_assignment_rules`].
    pub async fn try_assignment(
        &self,
        caller: &Caller,
        facts: &Facts,
        rules: Option<Vec<Rule>>,
        now: OffsetDateTime,
    ) -> Result<Trial, ConsultError> {
        require_coordinator(caller)?;
        let rules = match rules {
            Some(rules) => checked(rules)?,
            None => self.rules_of(caller.organisation()).await?.rules,
        };
        let readers = self.ready(caller.organisation(), facts, now, &|_| false).await?;
        Ok(judge(&rules, facts, &readers))
    }

    /// Gives a case that has just come into the pool to somebody, if a rule says so; what is to be noted in the audit chain.
    /// Rules that cannot be read leave it in the pool.
    pub(crate) async fn assign_by_rule(
        &self,
        consult: &mut Consult,
        now: OffsetDateTime,
    ) -> Result<Option<AuditEntry>, ConsultError> {
        if consult.state != State::Accepted {
            return Ok(None);
        }
        let rules = match self.rules_of(&consult.reading.id).await {
            Ok(rules) => rules.rules,
            Err(ConsultError::Failed(why)) => {
                tracing::error!(why, "a case stays in the pool");
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        if rules.is_empty() {
            return Ok(None);
        }
        let mut facts = Facts::from(&*consult);
        if rules.iter().any(|rule| !rule.body_parts.is_empty()) {
            facts = facts.with_body_parts(self.body_parts_of(consult).await?);
        }
        let bars = |person: &PersonId| consult.bars(person);
        let readers = self.ready(&consult.reading.id, &facts, now, &bars).await?;
        let Trial { rule: Some(rule), person, .. } = judge(&rules, &facts, &readers) else {
            return Ok(None);
        };
        let detail = match &person {
            Some(person) => {
                advance_by(
                    consult,
                    &[State::Assigned],
                    None,
                    now,
                    &format!("规则“{rule}” → {}", person.name),
                );
                format!("assigned by rule to {}", person.id)
            }
            None => {
                if let Some(last) = consult.timeline.last_mut() {
                    last.note = format!("规则“{rule}” → 待领取");
                }
                "left in the pool by rule".to_owned()
            }
        };
        if person.is_some() {
            consult.pass_to(person);
        }
        let object = format!("consult/{}", consult.id);
        Ok(Some(AuditEntry { action: AuditAction::Change, object, outcome: AuditOutcome::Success, detail }))
    }

    /// What the series in evidence are of, as the index says; of a series that does not say, as its first image does. Earlier
    /// studies that are compared do not count.
    async fn body_parts_of(&self, consult: &Consult) -> Result<BTreeSet<String>, ConsultError> {
        let (own, study) = (node().owned_by(consult.study.org.clone()), &consult.study.study_instance_uid);
        let of_study = consult.evidence.iter().filter(|one| one.study_instance_uid == *study);
        let asked: HashSet<&str> = of_study.map(|one| one.series_instance_uid.as_str()).collect();
        let below = |level, limit| Query::new(level, limit).with_value(Key::StudyInstanceUid, study.as_str());
        let mut parts = BTreeSet::new();
        for series in self.storage.search(&own, &below(Level::Series, SERIES_MAX)).await?.rows {
            let Some(uid) = series.attributes.first_text(tags::SERIES_INSTANCE_UID) else { continue };
            if !asked.contains(uid.as_str()) {
                continue;
            }
            let mut said = body_parts::said(&series.attributes.tree());
            if said.is_empty() {
                let query = below(Level::Instance, 1).with_value(Key::SeriesInstanceUid, uid);
                let images = self.storage.search(&own, &query).await?.rows;
                said.extend(images.iter().flat_map(|image| body_parts::said(&image.attributes.tree())));
            }
            parts.extend(said);
        }
        Ok(parts)
    }

    async fn rules_of(&self, organisation: &OrgId) -> Result<Rules, ConsultError> {
        match self.storage.record(&node(), KIND, organisation.as_str()).await {
            Ok(record) => {
                let kept: Kept = serde_json::from_value(record.body)
                    .map_err(|_| ConsultError::Failed("the rules of assignment are damaged"))?;
                Ok(Rules { version: record.version, rules: kept.rules })
            }
            Err(StorageError::NotFound) => Ok(Rules::default()),
            Err(other) => Err(other.into()),
        }
    }

    /// Everybody who may read at an organisation, as what they are there.
    pub(crate) async fn readers(&self, organisation: &OrgId) -> Result<Vec<Person>, ConsultError> {
        let people = self.storage.people_acting_for(organisation).await?;
        Ok(people.into_iter().filter(|p| !p.is_disabled && p.rights().contains(&Right::Read)).collect())
    }

    /// The readers of an organisation who are on duty; all of them where nobody is.
    pub(crate) async fn on_duty(&self, organisation: &OrgId) -> Result<Vec<Person>, ConsultError> {
        let (readers, off) = (self.readers(organisation).await?, self.off_duty(organisation).await?);
        let is_on = |person: &&Person| !off.contains(person.id.as_str());
        let on: Vec<Person> = readers.iter().filter(is_on).cloned().collect();
        Ok(if on.is_empty() { readers } else { on })
    }

    async fn off_duty(&self, organisation: &OrgId) -> Result<HashSet<String>, ConsultError> {
        let query = RecordQuery::new(DUTY).with("off", organisation.as_str());
        let records = self.storage.records(&node(), &query).await?;
        let person = |body: &serde_json::Value| Some(body.get("person")?.as_str()?.to_owned());
        Ok(records.iter().filter_map(|record| person(&record.body)).collect())
    }

    /// Who could be given a case now: on duty, and licensed for it.
    async fn ready(
        &self,
        organisation: &OrgId,
        facts: &Facts,
        now: OffsetDateTime,
        bars: &(dyn Fn(&PersonId) -> bool + Sync),
    ) -> Result<Vec<Reader>, ConsultError> {
        let (off, today) = (self.off_duty(organisation).await?, self.today(now));
        let mut ready = Vec::new();
        for person in self.readers(organisation).await? {
            let is_ready = !off.contains(person.id.as_str())
                && !bars(&person.id)
                && may_sign(&person, &facts.modalities, today).is_ok();
            if is_ready {
                let load = self.load_of(&node(), &person.id).await?;
                ready.push(Reader { person, load });
            }
        }
        Ok(ready)
    }
}

/// The first rule that fits and finds somebody; of several people the one who has least to do.
fn judge(rules: &[Rule], facts: &Facts, readers: &[Reader]) -> Trial {
    let mut trial = Trial { outcomes: Vec::new(), rule: None, person: None };
    for rule in rules {
        let outcome = match rule.mismatch(facts) {
            Some(mismatch) => mismatch,
            None if trial.rule.is_some() => Outcome::Later,
            None => match chosen(rule, readers) {
                Err(nobody) => nobody,
                Ok(person) => {
                    trial.rule = Some(rule.name.clone());
                    trial.person = person;
                    Outcome::Takes
                }
            },
        };
        trial.outcomes.push((rule.name.clone(), outcome));
    }
    trial
}

/// Whom a rule gives a case to, `None` for the pool; or why to nobody.
fn chosen(rule: &Rule, readers: &[Reader]) -> Result<Option<Named<PersonId>>, Outcome> {
    let meant: Vec<&Reader> = match &rule.to {
        Target::People { people } => readers.iter().filter(|one| people.contains(&one.person.id)).collect(),
        Target::Anyone => readers.iter().collect(),
        Target::Pool => return Ok(None),
    };
    if meant.is_empty() {
        return Err(Outcome::Nobody);
    }
    let wanted = &rule.subspecialties;
    let knows = |reader: &&&Reader| {
        wanted.is_empty() || reader.person.subspecialties.iter().any(|one| wanted.contains(one))
    };
    let order = |a: &&&Reader, b: &&&Reader| (a.load, &a.person.id).cmp(&(b.load, &b.person.id));
    let least = meant.iter().filter(knows).min_by(order).ok_or(Outcome::Subspecialty)?;
    Ok(Some(Named { id: least.person.id.clone(), name: least.person.name.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(id: &str, load: u64) -> Reader {
        let organisation = OrgId::parse("city").unwrap();
        let person = Person::new(id, id, organisation, vec![access::Role::Reader]);
        Reader { person: Person { id: PersonId::parse(id).unwrap(), ..person }, load }
    }

    fn rule(name: &str, words: &[&str], to: Target) -> Rule {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let body = serde_json::json!({"name": name, "to": to});
        Rule { words, ..serde_json::from_value(body).unwrap() }
    }

    #[test]
    fn the_first_rule_that_finds_somebody_gives_it_to_whoever_has_least_to_do() {
        let facts = Facts::from(&crate::testing::consult(access::Signatures::Single));
        let people = |ids: &[&str]| Target::People {
            people: ids.iter().map(|id| PersonId::parse(id).unwrap()).collect(),
        };
        let readers = [reader("chen", 2), reader("liu", 1), reader("wang", 0)];
        let rules = [
            rule("乳腺", &["乳腺"], Target::Anyone),
            rule("休假", &["胸部"], people(&["away"])),
            rule("胸部", &["胸部"], people(&["chen", "liu"])),
            rule("其余", &[], Target::Anyone),
        ];
        let trial = judge(&rules, &facts, &readers);
        assert_eq!(trial.rule.as_deref(), Some("胸部"));
        assert_eq!(trial.person.unwrap().id.as_str(), "liu");
        let outcomes: Vec<_> = trial.outcomes.iter().map(|(_, outcome)| *outcome).collect();
        assert_eq!(outcomes, [Outcome::Words, Outcome::Nobody, Outcome::Takes, Outcome::Later]);

        let pool =
            judge(&[rule("留", &[], Target::Pool), rule("其余", &[], Target::Anyone)], &facts, &readers);
        assert_eq!((pool.rule.as_deref(), pool.person), (Some("留"), None));
        let nobody = judge(&rules, &facts, &[]);
        assert_eq!((nobody.rule, nobody.person), (None, None));
    }

    #[test]
    fn a_body_part_chooses_the_rule_and_a_subspecialty_the_person() {
        use Subspecialty::{Abdomen, Chest, Neuro};
        let of = |id: &str, load, subspecialties: &[Subspecialty]| {
            let mut reader = reader(id, load);
            reader.person.subspecialties = subspecialties.to_vec();
            reader
        };
        let readers = [of("chen", 3, &[Chest, Neuro]), of("liu", 2, &[Chest]), of("wang", 0, &[])];
        let some = |ids: &[&str]| Target::People {
            people: ids.iter().map(|id| PersonId::parse(id).unwrap()).collect(),
        };
        let case = crate::testing::consult(access::Signatures::Single);
        for (parts, wanted, to, there, expected) in [
            // Neither is asked for: as ever.
            (&[][..], &[][..], Target::Anyone, None, (Outcome::Takes, Some("wang"))),
            (&[], &[], some(&["chen", "liu"]), None, (Outcome::Takes, Some("liu"))),
            // The subspecialty alone.
            (&[], &[Chest], Target::Anyone, None, (Outcome::Takes, Some("liu"))),
            (&[], &[Neuro], Target::Anyone, None, (Outcome::Takes, Some("chen"))),
            (&[], &[Abdomen, Neuro], Target::Anyone, None, (Outcome::Takes, Some("chen"))),
            (&[], &[Abdomen], Target::Anyone, None, (Outcome::Subspecialty, None)),
            (&[], &[Neuro], some(&["liu", "wang"]), None, (Outcome::Subspecialty, None)),
            (&[], &[Chest], some(&["wang", "liu"]), None, (Outcome::Takes, Some("liu"))),
            (&[], &[Chest], some(&["away"]), None, (Outcome::Nobody, None)),
            // The body part alone.
            (&["HEAD"], &[], Target::Anyone, Some("HEAD"), (Outcome::Takes, Some("wang"))),
            (&["HEAD"], &[], Target::Anyone, Some("CHEST"), (Outcome::BodyPart, None)),
            (&["HEAD"], &[], Target::Anyone, None, (Outcome::BodyPart, None)),
            (&["HEAD"], &[], Target::Pool, Some("HEAD"), (Outcome::Takes, None)),
            // Both.
            (&["HEAD"], &[Neuro], Target::Anyone, Some("head"), (Outcome::Takes, Some("chen"))),
            (&["HEAD"], &[Neuro], Target::Anyone, Some("CHEST"), (Outcome::BodyPart, None)),
            (&["HEAD"], &[Neuro], Target::Anyone, None, (Outcome::BodyPart, None)),
            (&["HEAD"], &[Abdomen], Target::Anyone, Some("HEAD"), (Outcome::Subspecialty, None)),
        ] {
            let asked = Rule {
                body_parts: parts.iter().map(|part| (*part).to_owned()).collect(),
                subspecialties: wanted.to_vec(),
                ..rule("问", &[], to)
            };
            let facts = Facts::from(&case).with_body_parts(there.map(str::to_owned));
            let trial = judge(std::slice::from_ref(&asked), &facts, &readers);
            let person = trial.person.map(|person| person.id.to_string());
            assert_eq!((trial.outcomes[0].1, person.as_deref()), expected, "{asked:?} of {there:?}");
            assert_eq!(trial.rule.is_some(), expected.0 == Outcome::Takes, "otherwise the pool");
            let (after, is_taken) = (rule("其余", &[], Target::Anyone), expected.0 == Outcome::Takes);
            let then = judge(&[asked, after], &facts, &readers).outcomes[1].1;
            assert_eq!(then, if is_taken { Outcome::Later } else { Outcome::Takes }, "otherwise the next");
        }
    }
}
