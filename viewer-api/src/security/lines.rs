//! The parts of the overview, each from a few statements over all of an organisation's people.

use super::{
    AccountLine, AccountsOverview, DeviceLine, DevicesOverview, EndingLine, EndingOverview, FAILED_DAYS,
    FailedLine, FailedOverview, LINES_MAX, SOON_DAYS, SessionsLine, SessionsOverview, TokenLine,
    TokensOverview, UNUSED_DAYS, days,
};
use crate::problem::ApiError;
use crate::state::ApiState;
use crate::studies::Names;
use access::{Guess, Person, Transport};
use model::time_text::{from_unix_ms, rfc3339, unix_ms};
use model::{OrgId, PersonId, Scope};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use storage::audit::OBJECTS_MAX;
use storage::{AuditAction, AuditEvent, AuditOutcome, AuditQuery};
use time::{Duration, OffsetDateTime, Time};

/// Refused log-ins that are counted at most.
const EVENTS_MAX: u32 = 1000;
/// Addresses that are told of one account.
const ADDRESSES_MAX: usize = 5;
/// An agreement that has ended is told for so long.
const OVER_DAYS: i64 = 90;

/// An organisation at one moment.
pub(super) struct Looked {
    pub now: OffsetDateTime,
    organisation: OrgId,
    people: Vec<Person>,
}

fn node() -> Scope {
    Scope::node("security overview")
}

fn first<T>(mut lines: Vec<T>) -> Vec<T> {
    lines.truncate(LINES_MAX);
    lines
}

fn failed_line(people: &HashMap<&str, &Person>, object: &str, events: &[&AuditEvent]) -> FailedLine {
    let person = object.strip_prefix("person/").and_then(|id| people.get(id));
    let addresses: BTreeSet<String> =
        events.iter().filter_map(|event| event.actor.address).map(|address| address.to_string()).collect();
    let last = events.iter().map(|event| event.at_ms).max().unwrap_or_default();
    FailedLine {
        person: person.map(|person| person.id.to_string()),
        who: person.map_or_else(|| object.trim_start_matches("ae/").to_owned(), |p| p.login.clone()),
        count: events.len(),
        last_at: rfc3339(from_unix_ms(last)),
        addresses: addresses.into_iter().take(ADDRESSES_MAX).collect(),
    }
}

impl Looked {
    pub async fn at(state: &ApiState, organisation: &OrgId) -> Result<Self, ApiError> {
        let people = state.0.storage.people(&node(), organisation).await?;
        Ok(Self { now: OffsetDateTime::now_utc(), organisation: organisation.clone(), people })
    }

    fn active(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| !person.is_disabled)
    }

    fn ids(&self) -> Vec<PersonId> {
        self.active().map(|person| person.id.clone()).collect()
    }

    fn account(&self, state: &ApiState, person: &Person) -> AccountLine {
        AccountLine {
            id: person.id.to_string(),
            login: person.login.clone(),
            name: person.name.clone(),
            roles: person.roles.clone(),
            takes_second_factor: state.0.login_rules.takes_second_factor(person),
        }
    }

    pub async fn accounts(&self, state: &ApiState) -> Result<AccountsOverview, ApiError> {
        let with = state.0.storage.with_second_factor(&self.ids()).await?;
        let mut without: Vec<&Person> = self.active().filter(|person| !with.contains(&person.id)).collect();
        without.sort_by_key(|person| (!person.holds_office(), person.login.clone()));
        let is_locked =
            |person: &&Person| state.0.brake().blocks(&Guess::anywhere(&format!("login/{}", person.login)));
        let active = self.active().count();
        Ok(AccountsOverview {
            active,
            with_second_factor: active - without.len(),
            without_second_factor: first(without.into_iter().map(|p| self.account(state, p)).collect()),
            locked: first(self.active().filter(is_locked).map(|p| self.account(state, p)).collect()),
            disabled: self.people.len() - active,
        })
    }

    /// Refused log-ins to these things since some days ago.
    async fn refused(&self, state: &ApiState, objects: Vec<String>) -> Result<Vec<AuditEvent>, ApiError> {
        let behind = state.0.storage.audit_seq_before(unix_ms(self.now - days(FAILED_DAYS))).await?;
        let query = AuditQuery {
            behind: Some(behind),
            action: Some(AuditAction::Login),
            outcome: Some(AuditOutcome::Refused),
            objects: Some(objects),
            ..AuditQuery::default()
        };
        Ok(state.0.storage.audit_search(&node(), &query, EVENTS_MAX).await?)
    }

    pub async fn unknown_names(&self, state: &ApiState) -> Result<usize, ApiError> {
        Ok(self.refused(state, vec!["person/".to_owned()]).await?.len())
    }

    pub async fn failed(&self, state: &ApiState) -> Result<FailedOverview, ApiError> {
        let scope = Scope::organisation(node().actor, self.organisation.clone());
        let devices = state.0.storage.devices(&scope).await?;
        let mut objects: Vec<String> =
            self.people.iter().map(|person| format!("person/{}", person.id)).collect();
        objects.extend(devices.iter().map(|device| format!("ae/{}", device.ae_title)));
        let (mut events, mut is_more) = (Vec::new(), false);
        for some in objects.chunks(OBJECTS_MAX) {
            let found = self.refused(state, some.to_vec()).await?;
            is_more |= found.len() == EVENTS_MAX as usize;
            events.extend(found);
        }
        let mut by_object: BTreeMap<&str, Vec<&AuditEvent>> = BTreeMap::new();
        for event in &events {
            by_object.entry(event.entry.object.as_str()).or_default().push(event);
        }
        let people: HashMap<&str, &Person> =
            self.people.iter().map(|person| (person.id.as_str(), person)).collect();
        let mut lines: Vec<FailedLine> =
            by_object.into_iter().map(|(object, events)| failed_line(&people, object, &events)).collect();
        lines.sort_by_key(|line| Reverse(line.count));
        Ok(FailedOverview { days: FAILED_DAYS, count: events.len(), is_more, lines: first(lines) })
    }

    pub async fn sessions(&self, state: &ApiState) -> Result<SessionsOverview, ApiError> {
        let sessions = state.0.storage.sessions_of_all(&self.ids()).await?;
        let mut theirs: HashMap<&PersonId, (usize, bool)> = HashMap::new();
        for session in &sessions {
            let (count, has_one_factor) = theirs.entry(&session.person).or_default();
            *count += 1;
            *has_one_factor |= !session.factors.are_two();
        }
        let line = |person: &Person| {
            let (count, has_one_factor) = theirs.get(&person.id).copied()?;
            let (login, name) = (person.login.clone(), person.name.clone());
            Some(SessionsLine { person: person.id.to_string(), login, name, count, has_one_factor })
        };
        let mut lines: Vec<SessionsLine> = self.active().filter_map(line).collect();
        lines.sort_by_key(|line| Reverse(line.count));
        Ok(SessionsOverview { open: sessions.len(), lines: first(lines) })
    }

    pub async fn tokens(&self, state: &ApiState) -> Result<TokensOverview, ApiError> {
        let mut tokens = state.0.storage.tokens(&self.organisation).await?;
        tokens.retain(|token| token.is_good_at(self.now));
        let ids: Vec<String> = tokens.iter().map(|token| token.id.to_string()).collect();
        let used = state.0.storage.last_uses(&ids).await?;
        let mut lines = Vec::new();
        for token in &tokens {
            let last = used.get(token.id.as_str()).map(|last| from_unix_ms(last.at_ms));
            let long_ago = self.now - days(UNUSED_DAYS);
            let is_unused = last.or(token.created_at).is_some_and(|at| at < long_ago);
            let why = match token.expires_at {
                Some(end) if end < self.now + days(SOON_DAYS) => "ending",
                _ if is_unused => "unused",
                None => "endless",
                Some(_) => continue,
            };
            lines.push(TokenLine {
                id: token.id.to_string(),
                purpose: token.purpose.clone(),
                why,
                expires_at: token.expires_at.map(rfc3339),
                last_used_at: last.map(rfc3339),
            });
        }
        lines.sort_by(|a, b| (a.why, &a.expires_at).cmp(&(b.why, &b.expires_at)));
        Ok(TokensOverview { good: tokens.len(), to_look_at: lines.len(), lines: first(lines) })
    }

    /// What ends soon or has ended, the first first; what cannot be read before all.
    fn ending(&self, all: Vec<(EndingLine, Option<OffsetDateTime>)>) -> EndingOverview {
        let until = self.now + days(SOON_DAYS);
        let mut soon: Vec<_> = all.into_iter().filter(|(_, at)| at.is_none_or(|at| at < until)).collect();
        soon.sort_by_key(|(_, at)| *at);
        let count = soon.len();
        EndingOverview { count, lines: first(soon.into_iter().map(|(line, _)| line).collect()) }
    }

    fn end(
        &self,
        what: &str,
        id: Option<String>,
        name: String,
        at: Option<OffsetDateTime>,
    ) -> (EndingLine, Option<OffsetDateTime>) {
        let is_over = at.is_some_and(|at| at <= self.now);
        (EndingLine { what: what.to_owned(), id, name, at: at.map(rfc3339), is_over }, at)
    }

    pub async fn people_ending(&self, state: &ApiState) -> Result<EndingOverview, ApiError> {
        let certificates = state.0.keystore.certificate_ends(&self.ids()).await?;
        let offset = state.0.consults.utc_offset();
        let mut all = Vec::new();
        for person in self.active() {
            let mut end = |what, at| {
                all.push(self.end(what, Some(person.id.to_string()), person.name.clone(), Some(at)));
            };
            // The last day counts to its end.
            if let Some(licence) = &person.credential
                && person.roles.iter().any(|role| role.signs())
            {
                let last = licence.valid_until.with_time(Time::MIDNIGHT).assume_offset(offset);
                end("licence", last + Duration::days(1));
            }
            if let Some(at) = certificates.get(person.id.as_str()) {
                end("certificate", *at);
            }
        }
        Ok(self.ending(all))
    }

    pub async fn agreements_ending(
        &self,
        state: &ApiState,
        names: &mut Names,
    ) -> Result<EndingOverview, ApiError> {
        let mut all = Vec::new();
        for agreement in state.0.storage.agreements(&self.organisation).await? {
            if agreement.awaits.is_some() || agreement.valid_until < self.now - days(OVER_DAYS) {
                continue;
            }
            let other = if agreement.requesting == self.organisation {
                &agreement.reading
            } else {
                &agreement.requesting
            };
            let name = names.of(state, other).await?.name;
            all.push(self.end("agreement", Some(agreement.id), name, Some(agreement.valid_until)));
        }
        Ok(self.ending(all))
    }

    pub async fn node_ending(&self, state: &ApiState) -> Result<EndingOverview, ApiError> {
        let ends = state.0.node_ends.clone();
        let ends = tokio::task::spawn_blocking(move || ends()).await.map_err(|_| ApiError::Unavailable)?;
        let all = ends.into_iter().map(|end| self.end(&end.what, None, end.subject, end.at)).collect();
        Ok(self.ending(all))
    }

    pub async fn devices(&self, state: &ApiState, scope: &Scope) -> Result<DevicesOverview, ApiError> {
        let devices = state.0.storage.devices(scope).await?;
        let all = devices.len();
        let mut lines = Vec::new();
        for device in devices {
            let calls_plain = device.certificate_sha256.is_none() && !device.rights.is_empty();
            let is_called_plain =
                device.contact.as_ref().is_some_and(|contact| contact.transport == Transport::Plain);
            if calls_plain || is_called_plain {
                lines.push(DeviceLine {
                    ae_title: device.ae_title.to_string(),
                    calls_plain,
                    is_called_plain,
                    from_anywhere: device.source_addresses.is_empty(),
                });
            }
        }
        lines.sort_by(|a, b| a.ae_title.cmp(&b.ae_title));
        Ok(DevicesOverview { all, without_tls: lines.len(), lines: first(lines) })
    }
}
