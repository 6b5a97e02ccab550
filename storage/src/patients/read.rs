//! What a scope sees of identities, pairs and people. Names and numbers are those of studies within the scope, never of others.

use super::facts::{Facts, Number, Sign, identity_of};
use super::{PLACE, STUDIES_COMPARED_MAX, is_identity};
use crate::attributes::{digits, text};
use crate::db::{Bindings, at};
use crate::reach::Visible;
use crate::{Storage, StorageError};
use model::{OrgId, Query, Scope, Uid};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Identities of one person that are shown.
const PERSON_IDENTITIES_MAX: usize = 40;
/// Studies of one person that are shown.
const PERSON_STUDIES_MAX: i64 = 200;

/// An identity as a scope sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityView {
    /// 32 hex digits.
    pub id: String,
    /// Whose.
    pub owner: OrgId,
    /// (0010,0020)
    pub patient_id: String,
    /// (0010,0021)
    pub issuer: String,
    /// The name's component groups joined by `=`.
    pub name: String,
    /// (0010,0040)
    pub sex: String,
    /// `YYYYMMDD`, or empty.
    pub birth_date: String,
    /// Other identifiers, and the Patient ID when it has an issuer.
    pub numbers: Vec<Number>,
    /// Studies within the scope.
    pub studies: i64,
    /// Date of the newest one, `YYYYMMDD`.
    pub last_date: String,
    facts: Facts,
}

/// Two identities, both within the scope.
#[derive(Debug, Clone)]
pub struct PairView {
    /// One.
    pub one: IdentityView,
    /// The other.
    pub other: IdentityView,
    /// What speaks for and against, of what is within the scope.
    pub signs: Vec<Sign>,
    /// `open`, `linked` or `apart`; empty without any.
    pub state: String,
    /// Whether a person has decided.
    pub is_decided: bool,
    /// The last act; 0 without one.
    pub last_act: i64,
}

/// Something that a person did to a pair.
#[derive(Debug, Clone)]
pub struct PairAct {
    /// Counts up.
    pub seq: i64,
    /// `linked`, `apart` or `undone`.
    pub kind: String,
    /// Kind and identifier of who did it.
    pub actor: String,
    /// For which organisation.
    pub organisation: Option<OrgId>,
    /// Why.
    pub reason: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Whether it can be taken back now.
    pub can_undo: bool,
    /// The two.
    pub pair: PairView,
}

/// A link of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLink {
    /// One identity.
    pub one: String,
    /// The other.
    pub other: String,
    /// Whether a person has linked them.
    pub is_decided: bool,
    /// The last act.
    pub last_act: i64,
}

/// A person as a scope sees one.
#[derive(Debug, Clone)]
pub struct PersonView {
    /// The identities, the one that was asked for first.
    pub identities: Vec<IdentityView>,
    /// What connects them.
    pub links: Vec<PersonLink>,
}

/// A study of a person.
#[derive(Debug, Clone)]
pub struct PersonStudy {
    /// Whose.
    pub owner: OrgId,
    /// Study Instance UID.
    pub study: Uid,
    /// Of which identity.
    pub identity: String,
    /// `YYYYMMDD`, or empty.
    pub date: String,
    /// Study Description.
    pub description: String,
    /// Accession Number.
    pub accession_number: String,
    /// Modalities.
    pub modalities: Vec<String>,
}

/// `EXISTS` a study of that identity within the scope, and its values.
fn seen(scope: &Scope, values: &mut Bindings, identity: &str) -> String {
    let (viewer, owner) = Visible::placeholders(scope, values);
    let Visible { condition, .. } = Visible::with(scope, &viewer, &owner);
    format!("EXISTS (SELECT 1 FROM study s WHERE s.identity = {identity} AND {condition})")
}

impl Storage {
    pub(super) async fn has_unsettled_studies(&self) -> Result<bool, StorageError> {
        sqlx::query("SELECT 1 FROM study WHERE identity_stale = 1 LIMIT 1")
            .fetch_optional(&self.inner.db.readers)
            .await
            .map(|row| row.is_some())
            .map_err(at(PLACE))
    }

    /// One identity.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when no study of it is within the scope.
    pub async fn identity(&self, scope: &Scope, id: &str) -> Result<IdentityView, StorageError> {
        if !is_identity(id) {
            return Err(StorageError::NotFound);
        }
        let mut values = Bindings::default();
        let identity = values.text(id);
        let (viewer, owner) = Visible::placeholders(scope, &mut values);
        let Visible { condition, .. } = Visible::with(scope, &viewer, &owner);
        let text_of = format!(
            "SELECT s.owner, s.attributes, s.moment, (SELECT count(*) FROM study s WHERE s.identity = {identity} \
             AND {condition}) FROM study s WHERE s.identity = {identity} AND {condition} \
             ORDER BY s.moment DESC, s.id DESC LIMIT {STUDIES_COMPARED_MAX}"
        );
        let rows = values.query(text_of).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let first = rows.first().ok_or(StorageError::NotFound)?;
        let column = |i: usize| first.try_get::<String, _>(i).map_err(at(PLACE));
        let (owner, moment) = (column(0)?, column(2)?);
        let mut all = Vec::new();
        for row in &rows {
            let text: String = row.try_get(1).map_err(at(PLACE))?;
            let attributes: Map<String, Json> =
                serde_json::from_str(&text).map_err(|_| StorageError::Corrupt("a study's attributes"))?;
            all.push(attributes);
        }
        let facts = Facts::of(&owner, &all);
        let newest = all.first().ok_or(StorageError::NotFound)?;
        Ok(IdentityView {
            id: id.to_owned(),
            owner: OrgId::parse(&owner).map_err(|_| StorageError::Corrupt("an owner in the index"))?,
            patient_id: text(newest, "00100020"),
            issuer: text(newest, "00100021"),
            name: crate::attributes::texts(newest, "00100010").into_iter().next().unwrap_or_default(),
            sex: text(newest, "00100040"),
            birth_date: digits(&text(newest, "00100030")),
            numbers: facts.numbers.iter().cloned().collect(),
            studies: first.try_get(3).map_err(at(PLACE))?,
            last_date: moment.get(..8).unwrap_or_default().to_owned(),
            facts,
        })
    }

    /// Two identities side by side; `None` when one is out of sight, or, of those that nobody has decided about, when nothing
    /// within the scope speaks for it.
    async fn pair_view(
        &self,
        scope: &Scope,
        (one, other): (&str, &str),
        (state, is_decided, last_act): (String, bool, i64),
    ) -> Result<Option<PairView>, StorageError> {
        let (one, other) = match (self.identity(scope, one).await, self.identity(scope, other).await) {
            (Ok(one), Ok(other)) => (one, other),
            (Err(StorageError::NotFound), _) | (_, Err(StorageError::NotFound)) => return Ok(None),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let signs = one.facts.compare(&other.facts).signs();
        if signs.is_empty() && state == "open" {
            return Ok(None);
        }
        Ok(Some(PairView { one, other, signs, state, is_decided, last_act }))
    }

    /// Pairs that wait for a decision, the longest waiting first, behind the act `after`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn open_pairs(
        &self,
        scope: &Scope,
        after: i64,
        limit: u32,
    ) -> Result<Vec<PairView>, StorageError> {
        let (mut found, mut after) = (Vec::new(), after);
        loop {
            let mut values = Bindings::default();
            let (behind, rows_max) = (values.number(after), values.number(i64::from(limit)));
            let one = seen(scope, &mut values, "p.one");
            let other = seen(scope, &mut values, "p.other");
            let text = format!(
                "SELECT p.one, p.other, p.last_act FROM patient_pair p WHERE p.state = 'open' \
                 AND p.last_act > {behind} AND {one} AND {other} ORDER BY p.last_act LIMIT {rows_max}"
            );
            let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            for row in &rows {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                after = row.try_get(2).map_err(at(PLACE))?;
                let (one, other) = (text(0)?, text(1)?);
                let state = ("open".to_owned(), false, after);
                found.extend(self.pair_view(scope, (&one, &other), state).await?);
                if found.len() >= limit as usize {
                    return Ok(found);
                }
            }
            if rows.len() < limit as usize {
                return Ok(found);
            }
        }
    }

    /// A pair as it stands, whether or not anything is known of it.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when one of the two is out of sight.
    pub async fn pair(&self, scope: &Scope, one: &str, other: &str) -> Result<PairView, StorageError> {
        if one == other || !is_identity(one) || !is_identity(other) {
            return Err(StorageError::NotFound);
        }
        let (one, other) = super::ordered(one, other);
        let row = sqlx::query(
            "SELECT coalesce(max(a.seq), 0), coalesce((SELECT p.state FROM patient_pair p WHERE p.one = $1 \
             AND p.other = $2), ''), coalesce((SELECT p.is_decided FROM patient_pair p WHERE p.one = $1 \
             AND p.other = $2), 0) FROM patient_act a WHERE a.one = $1 AND a.other = $2",
        )
        .bind(one)
        .bind(other)
        .fetch_one(&self.inner.db.readers)
        .await
        .map_err(at(PLACE))?;
        let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
        let state = row.try_get(1).map_err(at(PLACE))?;
        let stands = (state, number(2)? != 0, number(0)?);
        self.pair_view(scope, (one, other), stands).await?.ok_or(StorageError::NotFound)
    }

    /// What people have done to pairs within the scope, newest first, before the act `before`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn pair_acts(
        &self,
        scope: &Scope,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PairAct>, StorageError> {
        let mut values = Bindings::default();
        let before = values.number(before.unwrap_or(i64::MAX));
        let rows_max = values.number(i64::from(limit));
        let (one, other) = (seen(scope, &mut values, "a.one"), seen(scope, &mut values, "a.other"));
        let text = format!(
            "SELECT a.one, a.other, a.seq, a.kind, a.actor, a.organisation, a.reason, a.at_ms, \
             coalesce(p.state, ''), coalesce(p.is_decided, 0), CASE WHEN a.undoes = 0 AND p.is_decided = 1 \
             AND p.state = a.after_state AND NOT EXISTS (SELECT 1 FROM patient_act n WHERE n.one = a.one \
             AND n.other = a.other AND n.seq > a.seq AND n.undoes = 0 AND NOT EXISTS (SELECT 1 FROM patient_act u \
             WHERE u.undoes = n.seq AND u.undoes <> 0)) AND NOT EXISTS (SELECT 1 FROM patient_act u \
             WHERE u.undoes = a.seq AND u.undoes <> 0) THEN 1 ELSE 0 END, coalesce(p.last_act, 0) \
             FROM patient_act a LEFT JOIN patient_pair p ON p.one = a.one AND p.other = a.other \
             WHERE a.organisation <> '' AND a.seq < {before} AND {one} AND {other} ORDER BY a.seq DESC LIMIT {rows_max}"
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let mut acts = Vec::new();
        for row in &rows {
            let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
            let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
            let (one, other) = (text(0)?, text(1)?);
            let stands = (text(8)?, number(9)? != 0, number(11)?);
            let Some(pair) = self.pair_view(scope, (&one, &other), stands).await? else { continue };
            acts.push(PairAct {
                seq: number(2)?,
                kind: text(3)?,
                actor: text(4)?,
                organisation: OrgId::parse(&text(5)?).ok(),
                reason: text(6)?,
                at_ms: number(7)?,
                can_undo: number(10)? != 0,
                pair,
            });
        }
        Ok(acts)
    }

    /// The identities that links connect with one, itself first, going only over such as `sight` lets through.
    async fn connected(
        &self,
        start: Vec<String>,
        sight: impl Fn(&mut Bindings, &str) -> String,
    ) -> Result<(Vec<String>, Vec<PersonLink>), StorageError> {
        let mut reached: BTreeSet<String> = start.iter().cloned().collect();
        let (mut order, mut links) = (start.clone(), BTreeMap::new());
        let mut waiting: VecDeque<String> = start.into();
        while let Some(identity) = waiting.pop_front() {
            let mut values = Bindings::default();
            let of = values.text(&identity);
            let (one, other) = (sight(&mut values, "p.other"), sight(&mut values, "p.one"));
            let text = format!(
                "SELECT p.one, p.other, p.is_decided, p.last_act FROM patient_pair p WHERE p.one = {of} \
                 AND p.state = 'linked' AND {one} UNION ALL SELECT p.one, p.other, p.is_decided, p.last_act \
                 FROM patient_pair p WHERE p.other = {of} AND p.state = 'linked' AND {other}"
            );
            let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            for row in &rows {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                let link = PersonLink {
                    one: text(0)?,
                    other: text(1)?,
                    is_decided: number(2)? != 0,
                    last_act: number(3)?,
                };
                let far = if link.one == identity { link.other.clone() } else { link.one.clone() };
                if !reached.contains(&far) && reached.len() < PERSON_IDENTITIES_MAX {
                    reached.insert(far.clone());
                    order.push(far.clone());
                    waiting.push_back(far.clone());
                }
                if reached.contains(&far) {
                    links.insert((link.one.clone(), link.other.clone()), link);
                }
            }
        }
        Ok((order, links.into_values().collect()))
    }

    /// The person that an identity is of, as far as the scope sees them.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when the identity is out of sight.
    pub async fn patient(&self, scope: &Scope, identity: &str) -> Result<PersonView, StorageError> {
        let first = self.identity(scope, identity).await?;
        let sight = |values: &mut Bindings, of: &str| seen(scope, values, of);
        let (order, links) = self.connected(vec![first.id.clone()], sight).await?;
        let mut identities = vec![first];
        for other in order.iter().skip(1) {
            match self.identity(scope, other).await {
                Ok(view) => identities.push(view),
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PersonView { identities, links })
    }

    /// The people whose studies a search finds, in its order, and whether there are more.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn people_found(
        &self,
        scope: &Scope,
        query: &Query,
        people_max: usize,
    ) -> Result<(Vec<PersonView>, bool), StorageError> {
        let page = self.search(scope, query).await?;
        let (mut people, mut seen) = (Vec::<PersonView>::new(), BTreeSet::new());
        for row in &page.rows {
            let Some(identity) = identity_of(row.owner.as_str(), &row.attributes.tree()) else { continue };
            if seen.contains(&identity) {
                continue;
            }
            if people.len() == people_max {
                return Ok((people, true));
            }
            match self.patient(scope, &identity).await {
                Ok(person) => {
                    seen.extend(person.identities.iter().map(|one| one.id.clone()));
                    people.push(person);
                }
                // Its study has arrived a moment ago.
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((people, page.more))
    }

    /// The studies of these identities within the scope, newest first.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn studies_of_identities(
        &self,
        scope: &Scope,
        identities: &[String],
    ) -> Result<Vec<PersonStudy>, StorageError> {
        let mut values = Bindings::default();
        let list = values.list(identities);
        let (viewer, owner) = Visible::placeholders(scope, &mut values);
        let Visible { condition, .. } = Visible::with(scope, &viewer, &owner);
        let text = format!(
            "SELECT s.owner, s.study_uid, s.identity, s.moment, s.description, s.accession_number, s.modalities \
             FROM study s WHERE s.identity IN ({list}) AND {condition} ORDER BY s.moment DESC, s.id DESC \
             LIMIT {PERSON_STUDIES_MAX}"
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let damaged = StorageError::Corrupt("a study's row");
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                Ok(PersonStudy {
                    owner: OrgId::parse(&text(0)?).map_err(|_| damaged.clone())?,
                    study: Uid::parse(&text(1)?).map_err(|_| damaged.clone())?,
                    identity: text(2)?,
                    date: text(3)?.get(..8).unwrap_or_default().to_owned(),
                    description: text(4)?,
                    accession_number: text(5)?,
                    modalities: crate::index::split(&text(6)?).into_iter().collect(),
                })
            })
            .collect()
    }

    /// Other Patient IDs of the person that an owner knows by one: of identities that the scope sees by a study, or by a record
    /// of this kind whose key of this name is `owner/patient id`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn linked_patients(
        &self,
        scope: &Scope,
        (owner, patient_id): (&OrgId, &str),
        (kind, name): (&'static str, &'static str),
    ) -> Result<Vec<(OrgId, String)>, StorageError> {
        let sight = |values: &mut Bindings, of: &str| {
            let by_study = seen(scope, values, of);
            let Some(viewer) = scope.viewer() else { return by_study };
            let (kind, name, viewer) = (values.text(kind), values.text(name), values.text(viewer.as_str()));
            format!(
                "({by_study} OR EXISTS (SELECT 1 FROM study s JOIN record_key k ON k.kind = {kind} \
                 AND k.name = {name} AND k.value = s.owner || '/' || s.patient_id JOIN record_visible v \
                 ON v.kind = k.kind AND v.id = k.id WHERE s.identity = {of} AND v.org = {viewer}))"
            )
        };
        let read = |sql_text: String, values: Bindings| async move {
            let rows = values.query(sql_text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            let text = |row: &sqlx::any::AnyRow, i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
            rows.iter()
                .map(|row| Ok((text(row, 0)?, text(row, 1)?)))
                .collect::<Result<Vec<_>, StorageError>>()
        };
        let mut values = Bindings::default();
        let (of, id) = (values.text(owner.as_str()), values.text(patient_id));
        let start = format!(
            "SELECT DISTINCT identity, '' FROM study WHERE owner = {of} AND patient_id = {id} AND identity <> '' \
             LIMIT 8"
        );
        let start: Vec<String> =
            read(start, values).await?.into_iter().map(|(identity, _)| identity).collect();
        let own = start.len();
        let (order, _) = self.connected(start, sight).await?;
        let others = order.get(own..).unwrap_or_default();
        let mut values = Bindings::default();
        let list = values.list(others);
        let text = format!(
            "SELECT DISTINCT owner, patient_id FROM study WHERE identity IN ({list}) AND owner >= '0'"
        );
        let found = read(text, values).await?;
        Ok(found.into_iter().filter_map(|(owner, id)| Some((OrgId::parse(&owner).ok()?, id))).collect())
    }
}
