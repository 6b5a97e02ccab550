//! Which instances of an organisation go where.

use model::{AeTitle, Scope};
use serde::{Deserialize, Serialize};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, RecordQuery, Storage, StorageError,
};

const KIND: &str = "forward-rule";
/// Rules of one organisation at most.
const RULES_MAX: u32 = 1000;

/// Whether a rule is followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// It is.
    #[default]
    Active,
    /// Not for what arrives now.
    Paused,
}

/// A rule: every condition that it names must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardRule {
    /// Identifier, 1 to 40 characters of `a-z 0-9 -`.
    pub id: String,
    /// Sent by one of these application entities; any when empty.
    #[serde(default)]
    pub sources: Vec<AeTitle>,
    /// Of one of these modalities; any when empty.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// Study or series description: `*` any run, `?` one character, without regard to case; any when empty.
    #[serde(default)]
    pub description: String,
    /// To this application entity of the same organisation, which has a contact.
    pub destination: AeTitle,
    /// Whether it is followed.
    #[serde(default)]
    pub state: RuleState,
}

/// Why a rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// The identifier does not have its form.
    #[error("an id has 1 to 40 characters of a-z, 0-9 and -")]
    Id,
    /// The destination is none that this organisation has, or it cannot be called.
    #[error("the destination is no device of this organisation with a contact")]
    Destination,
    /// A pattern or list is too long.
    #[error("a pattern or a list is too long")]
    TooLong,
    /// Storage refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What of an instance the rules look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// Calling AE title; `None` when it did not come by DIMSE.
    pub source: Option<AeTitle>,
    pub modality: String,
    pub descriptions: Vec<String>,
}

impl ForwardRule {
    /// Whether an instance is to be forwarded. What comes from the destination never goes back to it.
    pub(super) fn wants(&self, subject: &Subject) -> bool {
        let from_destination = subject.source.as_ref() == Some(&self.destination);
        let source =
            self.sources.is_empty() || subject.source.as_ref().is_some_and(|s| self.sources.contains(s));
        let modality = self.modalities.is_empty() || self.modalities.contains(&subject.modality);
        let pattern = storage::fold_name(&self.description);
        let description = pattern.is_empty()
            || subject
                .descriptions
                .iter()
                .any(|text| crate::orders::glob(&pattern, &storage::fold_name(text)));
        self.state == RuleState::Active && !from_destination && source && modality && description
    }
}

/// Writes a rule of the scope's organisation.
///
/// # Errors
/// [`BadRule`].
pub async fn put_rule(storage: &Storage, scope: &Scope, rule: &ForwardRule) -> Result<(), BadRule> {
    let owner = scope.viewer().ok_or(BadRule::Destination)?;
    let is_id = (1..=40).contains(&rule.id.len())
        && rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_id {
        return Err(BadRule::Id);
    }
    if rule.description.chars().count() > 64 || rule.sources.len() > 100 || rule.modalities.len() > 100 {
        return Err(BadRule::TooLong);
    }
    let device = storage.device(&rule.destination).await.map_err(|error| match error {
        StorageError::NotFound => BadRule::Destination,
        error => BadRule::Storage(error),
    })?;
    if device.organisation != *owner || device.contact.is_none() {
        return Err(BadRule::Destination);
    }
    let body = serde_json::to_value(rule)
        .map_err(|_| StorageError::Unavailable("writing a rule as JSON".to_owned()))?;
    let put = Put {
        kind: KIND,
        id: format!("{owner}/{}", rule.id),
        expected: Expected::Anything,
        body,
        keys: vec![("organisation", owner.to_string())],
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![owner.clone()],
    };
    let change = Change { puts: vec![put], audit: vec![audit(rule.id.as_str(), "put")], ..Change::default() };
    Ok(storage.apply(scope, change).await?)
}

fn audit(id: &str, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Administer,
        object: format!("forward-rule/{id}"),
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    }
}

/// Removes a rule of the scope's organisation. What it has put into the queue stays there.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn remove_rule(storage: &Storage, scope: &Scope, id: &str) -> Result<(), StorageError> {
    let owner = scope.viewer().ok_or(StorageError::NotFound)?;
    let removes = vec![(KIND, format!("{owner}/{id}"))];
    let change = Change { removes, audit: vec![audit(id, "removed")], ..Change::default() };
    storage.apply(scope, change).await
}

/// The rules of the scope's organisation.
///
/// # Errors
/// [`StorageError::Unavailable`].
pub async fn rules(storage: &Storage, scope: &Scope) -> Result<Vec<ForwardRule>, StorageError> {
    let mut query = RecordQuery { limit: RULES_MAX, ..RecordQuery::new(KIND) };
    if let Some(owner) = scope.viewer() {
        query = query.with("organisation", owner.as_str());
    }
    let records = storage.records(scope, &query).await?;
    let rule = |body| serde_json::from_value(body).map_err(|_| StorageError::Corrupt("a forwarding rule"));
    records.into_iter().map(|record| rule(record.body)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ae(text: &str) -> AeTitle {
        AeTitle::parse(text).unwrap()
    }

    fn rule() -> ForwardRule {
        ForwardRule {
            id: "ct".into(),
            sources: Vec::new(),
            modalities: Vec::new(),
            description: String::new(),
            destination: ae("ARCHIVE"),
            state: RuleState::Active,
        }
    }

    fn subject() -> Subject {
        Subject {
            source: Some(ae("CT1")),
            modality: "CT".into(),
            descriptions: vec!["Head Routine".into(), "平扫".into()],
        }
    }

    #[test]
    fn every_condition_that_is_named_must_hold() {
        let with = |change: fn(&mut ForwardRule)| {
            let mut rule = rule();
            change(&mut rule);
            rule.wants(&subject())
        };
        assert!(with(|_| {}));
        assert!(with(|r| r.sources = vec![ae("CT1"), ae("CT2")]));
        assert!(!with(|r| r.sources = vec![ae("CT2")]));
        assert!(with(|r| r.modalities = vec!["CT".into()]));
        assert!(!with(|r| r.modalities = vec!["MR".into()]));
        assert!(with(|r| r.description = "head*".into()));
        assert!(with(|r| r.description = "平?".into()));
        assert!(!with(|r| r.description = "head".into()));
        assert!(!with(|r| r.state = RuleState::Paused));
    }

    #[test]
    fn nothing_goes_back_to_where_it_came_from() {
        assert!(!rule().wants(&Subject { source: Some(ae("ARCHIVE")), ..subject() }));
        let by_hand = Subject { source: None, ..subject() };
        assert!(rule().wants(&by_hand));
        assert!(!ForwardRule { sources: vec![ae("CT1")], ..rule() }.wants(&by_hand));
    }
}
